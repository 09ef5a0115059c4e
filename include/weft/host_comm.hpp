// SPDX-License-Identifier: MIT
/* host_comm.hpp - the HostComm interface, as inference engines know it, on Weft.
 *
 *     namespace comm = weft::host;
 *
 *     std::unique_ptr<comm::HostGroupId> id = comm::CreateHostGroupId({});
 *     id->Initialize();
 *     ... on each thread:
 *     comm::HostComm world = id->CreateCommunicator(n_ranks, rank);
 *     comm::HostComm group = world->Split(color, 0);
 *     Broadcast(group, request, 0);                       // std::shared_ptr<Request>
 *     int active = AllReduce(group, mine, comm::RedOp::kSum);
 *     group->Sync(true);                                  // idle: sleeps until the others come
 *
 * Every failure throws: weft::error on every rank of the call, or what a copy function threw, on the rank that it
 * copied for. A copy that throws fails the one call; a disagreement between ranks, a timeout or a lost rank fails the
 * communicator.
 *
 * Data whose element size is known (a DataType) move as bytes. With kNull it is not known: the ranks exchange their
 * addresses, as one object of Weft's, and the copy function does the rest. The library holds every rank in the call
 * until all have copied, and an exception on one rank is an error on all. */
#ifndef WEFT_HOST_COMM_HPP
#define WEFT_HOST_COMM_HPP

#include <weft/cpp/host_blocks.hpp>
#include <weft/cpp/host_types.hpp>
#include <weft/weft.hpp>

#include <algorithm>
#include <atomic>
#include <climits>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <istream>
#include <memory>
#include <ostream>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace weft::host {

/* One rank of a communicator. Calls are collective: every rank makes them, in the same order. */
class HostCommImpl {
public:
    virtual ~HostCommImpl() = default;

    virtual int rank() const = 0;
    virtual int n_ranks() const = 0;
    /* Every rank lives in this process: objects need no serialisers, and Sync can sleep. */
    virtual bool is_same_process() const = 0;

    /* The ranks of one color, ordered by key, then by rank. A negative color throws here; the others get on. */
    virtual std::shared_ptr<HostCommImpl> Split(int color, int key) = 0;
    /* A barrier; blocking: sleeps meanwhile. Each rank chooses for itself. */
    virtual void Sync(bool blocking = false) = 0;
    /* Everyone's data become the root's. */
    virtual void Broadcast(void *data, int count, DataType dtype, int root, copy_fn copy, ser_fn ser = nullptr,
                           des_fn des = nullptr) = 0;
    /* data: n_ranks() blocks of count, the caller's own filled in. copy gets a peer's data, count, the caller's data,
     * and the offset of the peer's block. */
    virtual void AllGather(void *data, int count, DataType dtype, copy_fn copy, ser_fn ser = nullptr,
                           des_fn des = nullptr) = 0;
    /* data[i] = the combination of all ranks' data[i]; the same bits on every rank. */
    virtual void AllReduce(void *data, int count, DataType dtype, RedOp red_op) = 0;
};

/* A counted handle on a HostCommImpl: the last copy leaves the communicator. */
class HostComm {
public:
    HostComm() = default;
    /* implicit */ HostComm(std::shared_ptr<HostCommImpl> impl) : impl_(std::move(impl)) {}
    HostCommImpl *operator->() const noexcept { return impl_.get(); }
    operator HostCommImpl *() const noexcept { return impl_.get(); }

private:
    std::shared_ptr<HostCommImpl> impl_;
};

namespace detail {

/* The copy function of bytes and of objects. Of one address in the whole program: ThreadCommImpl knows that of
 * bytes. */
template <class T>
#ifdef __GNUC__
__attribute__((visibility("default")))
#endif
void copy_elements(void *src, int n, void *dst, int offset)
{
    const T *from = static_cast<const T *>(src) + offset;
    T *to = static_cast<T *>(dst) + offset;
    for (int i = 0; i < n; i++)
        weft::detail::replace(to[i], from[i]);
}

template <class T>
void serialize_elements(void *data, int offset, int n, size_t &size, void *out)
{
    const T *elements = static_cast<const T *>(data) + offset;
    if (out == nullptr) {
        size_archive archive;
        weft::detail::walk_objects(archive, elements, static_cast<std::size_t>(n));
        size = archive.size();
    } else {
        output_archive archive(out, size);
        weft::detail::walk_objects(archive, elements, static_cast<std::size_t>(n));
    }
}

template <class T>
void deserialize_elements(void *data, int offset, int n, void *in, size_t size)
{
    input_archive archive(in, size);
    weft::detail::walk_objects(archive, static_cast<T *>(data) + offset, static_cast<std::size_t>(n));
}

template <class T>
constexpr ser_fn serializer() noexcept
{
    if constexpr (is_serializable_v<T>)
        return &serialize_elements<T>;
    else
        return nullptr;
}
template <class T>
constexpr des_fn deserializer() noexcept
{
    if constexpr (is_serializable_v<T>)
        return &deserialize_elements<T>;
    else
        return nullptr;
}

} // namespace detail

/* Ranks that are threads of this process. */
class ThreadCommImpl : public HostCommImpl {
public:
    /* What the ranks of one communicator share until they have all joined: made once, handed to all n. When the last
     * copy goes before that, the ranks that have joined get WEFT_ERR_RANK_LOST. */
    class State {
    public:
        explicit State(int n) : n_(n), id_(group_id::create()) {}
        ~State() { (void)weft_group_id_destroy(&id_.native()); }
        State(const State &) = delete;
        State &operator=(const State &) = delete;
        int n_ranks() const noexcept { return n_; }
        const group_id &id() const noexcept { return id_; }

    private:
        int n_;
        group_id id_;
    };

    ThreadCommImpl(int n_ranks, std::shared_ptr<State> state, int rank) : comm_(join(n_ranks, state, rank)) {}
    /* A communicator of Weft's, for code that takes a HostComm. */
    explicit ThreadCommImpl(weft::comm comm) : comm_(std::move(comm)) {}

    int rank() const override { return comm_.rank(); }
    int n_ranks() const override { return comm_.size(); }
    bool is_same_process() const override { return comm_.same_process(); }

    std::shared_ptr<HostCommImpl> Split(int color, int key) override
    {
        weft::comm part = comm_.split(color >= 0 ? color : no_color, key);
        if (color < 0)
            throw error(WEFT_ERR_ARGUMENT, "Split: rank " + std::to_string(rank()) + " passes color " +
                                               std::to_string(color) + "; it must be at least 0");
        return std::make_shared<ThreadCommImpl>(std::move(part));
    }

    void Sync(bool blocking = false) override { comm_.sync(blocking); }

    void Broadcast(void *data, int count, DataType dtype, int root, copy_fn copy, ser_fn ser = nullptr,
                   des_fn des = nullptr) override
    {
        if (moves_as_bytes(dtype, copy)) {
            weft::detail::check(
                weft_broadcast(comm_.native_handle(), data, size_of(count), detail::type_of(dtype), root));
            return;
        }
        check_count(count, 1);
        detail::block mine{data, count, 0, copy, ser, des, nullptr};
        settle(
            weft_broadcast(comm_.native_handle(), &mine, 1, detail::block_type(ser != nullptr && des != nullptr), root),
            &mine, 1);
    }

    void AllGather(void *data, int count, DataType dtype, copy_fn copy, ser_fn ser = nullptr,
                   des_fn des = nullptr) override
    {
        if (moves_as_bytes(dtype, copy)) {
            weft::detail::check(
                weft_allgather(comm_.native_handle(), in_place(), data, size_of(count), detail::type_of(dtype)));
            return;
        }
        check_count(count, n_ranks());
        blocks_.assign(static_cast<std::size_t>(n_ranks()), detail::block{data, count, 0, copy, ser, des, nullptr});
        for (std::size_t r = 0; r < blocks_.size(); r++)
            blocks_[r].offset = static_cast<int>(r) * count;
        settle(weft_allgather(comm_.native_handle(), in_place(), blocks_.data(), 1,
                              detail::block_type(ser != nullptr && des != nullptr)),
               blocks_.data(), blocks_.size());
    }

    void AllReduce(void *data, int count, DataType dtype, RedOp red_op) override
    {
        weft::detail::check(weft_allreduce(comm_.native_handle(), in_place(), data, size_of(count),
                                           detail::type_of(dtype), operation(dtype, red_op)));
    }

private:
    static weft::comm join(int n_ranks, const std::shared_ptr<State> &state, int rank)
    {
        if (!state || n_ranks > state->n_ranks() || rank < 0)
            throw error(WEFT_ERR_ARGUMENT, "ThreadCommImpl: needs a State for at least " + std::to_string(n_ranks) +
                                               " ranks, and a rank of at least 0");
        return weft::comm(state->id(), n_ranks, rank);
    }

    static void *in_place() noexcept { return reinterpret_cast<void *>(std::intptr_t{-1}); }

    /* A negative count becomes one that overflows, so that the library refuses it on every rank. */
    static std::size_t size_of(int count) noexcept { return count >= 0 ? static_cast<std::size_t>(count) : SIZE_MAX; }

    /* The element size is known, and the program brings no copy function of its own. */
    static bool moves_as_bytes(DataType dtype, copy_fn copy) noexcept
    {
        return dtype != kNull && (copy == nullptr || copy == &detail::copy_elements<std::uint8_t>);
    }

    /* bool: the sum is true or false, so it is "or". */
    static const weft_op *operation(DataType dtype, RedOp red_op) noexcept
    {
        switch (red_op) {
        case RedOp::kSum:
            return dtype == kBool ? WEFT_LOR : WEFT_SUM;
        case RedOp::kMin:
            return WEFT_MIN;
        case RedOp::kMax:
            return WEFT_MAX;
        }
        return nullptr;
    }

    /* Offsets are int. What does not fit fails the call for every rank, and here in words. */
    void check_count(int count, int n_blocks)
    {
        if (count >= 0 && count <= INT_MAX / std::max(n_blocks, 1))
            return;
        (void)weft_broadcast(comm_.native_handle(), this, SIZE_MAX, WEFT_INT64, 0);
        throw error(WEFT_ERR_ARGUMENT, "weft::host: rank " + std::to_string(rank()) + " passes a count of " +
                                           std::to_string(count) + ", which is negative or overflows");
    }

    static void settle(weft_status status, detail::block *blocks, std::size_t n_blocks)
    {
        if (status == WEFT_OK)
            return;
        for (std::size_t i = 0; i < n_blocks; i++)
            if (blocks[i].exception)
                std::rethrow_exception(std::exchange(blocks[i].exception, nullptr));
        throw error(status);
    }

    weft::comm comm_;
    std::vector<detail::block> blocks_; /* of AllGather, kept for the next one */
};

/* How the ranks find each other. Initialize on one, or Initialize, Export there and Import elsewhere; then each rank
 * calls CreateCommunicator, from any thread. */
class HostGroupId {
public:
    virtual ~HostGroupId() = default;

    virtual void Initialize() = 0;
    virtual void Export(std::ostream &os) = 0;
    /* Takes exactly what Export wrote, whatever stands behind it. */
    virtual void Import(std::istream &is) = 0;
    /* Does not wait for the others. node_rank matters to groups of several processes alone. */
    virtual HostComm CreateCommunicator(int n_ranks, int rank, int node_rank = 0) = 0;
};

/* Threads of this process. Exports text: a random key that is looked up, no address. */
class ThreadGroupId : public HostGroupId {
public:
    void Initialize() override { shared_ = std::make_shared<Shared>(group_id::create()); }

    void Export(std::ostream &os) override
    {
        Shared &shared = initialized("Export");
        shared.exported = true;
        shared.id.write(os);
    }

    void Import(std::istream &is) override
    {
        auto imported = std::make_shared<Shared>(group_id::read(is));
        imported->exported = true;
        shared_ = std::move(imported);
    }

    HostComm CreateCommunicator(int n_ranks, int rank, int = 0) override
    {
        if (rank < 0)
            throw error(WEFT_ERR_ARGUMENT, "CreateCommunicator: rank " + std::to_string(rank) + " is negative");
        const group_id &id = initialized("CreateCommunicator").id;
        return HostComm(std::make_shared<ThreadCommImpl>(weft::comm(id, n_ranks, rank)));
    }

private:
    /* A group that was never exported ends with the last copy of its id: nobody else can join any more, so ranks that
     * wait for more of them get WEFT_ERR_RANK_LOST. */
    struct Shared {
        explicit Shared(const group_id &made) : id(made) {}
        ~Shared()
        {
            if (!exported)
                (void)weft_group_id_destroy(&id.native());
        }
        Shared(const Shared &) = delete;
        Shared &operator=(const Shared &) = delete;
        group_id id;
        std::atomic<bool> exported{false};
    };

    Shared &initialized(const char *call) const
    {
        if (!shared_)
            throw error(WEFT_ERR_GROUP, std::string(call) + ": the group id needs Initialize or Import first");
        return *shared_;
    }

    std::shared_ptr<Shared> shared_;
};

inline std::unique_ptr<HostGroupId> CreateThreadGroupId()
{
    return std::make_unique<ThreadGroupId>();
}

/* "" and "thread": threads of this process. Others throw. */
inline std::unique_ptr<HostGroupId> CreateHostGroupId(const std::string &backend)
{
    if (!backend.empty() && backend != "thread")
        throw error(WEFT_ERR_UNSUPPORTED,
                    "CreateHostGroupId: there is no backend \"" + backend + "\"; \"thread\" there is");
    return CreateThreadGroupId();
}

namespace detail {

inline HostCommImpl &checked(HostCommImpl *comm)
{
    if (comm == nullptr)
        throw error(WEFT_ERR_ARGUMENT, "weft::host: the HostComm is empty");
    return *comm;
}

/* n elements of T as bytes, where an int can count them. */
template <class T>
bool moves_as_bytes(int n) noexcept
{
    return std::is_trivially_copyable_v<T> && n <= INT_MAX / static_cast<std::ptrdiff_t>(sizeof(T));
}
template <class T>
int bytes_of(int n) noexcept
{
    return n >= 0 ? n * static_cast<int>(sizeof(T)) : n;
}

/* Takes part in an AllGather of n objects so that it fails: this rank could not copy even its own. */
[[noreturn]] inline void refuse_copy(void *, int, void *, int)
{
    throw error(WEFT_ERR_CALLBACK, "AllGather: a rank could not copy its own value");
}

} // namespace detail

/* ---- Arrays. Trivially copyable T move as bytes; others by assignment, or between processes by their serdes function
 *      (see weft/cpp/archive.hpp); a T without one compiles all the same. ---- */

template <class T>
void Broadcast(HostCommImpl *comm, T *data, int n, int root)
{
    HostCommImpl &impl = detail::checked(comm);
    if (detail::moves_as_bytes<T>(n))
        impl.Broadcast(data, detail::bytes_of<T>(n), kUint8, root, &detail::copy_elements<std::uint8_t>);
    else if (impl.is_same_process())
        impl.Broadcast(data, n, kNull, root, &detail::copy_elements<T>);
    else
        impl.Broadcast(data, n, kNull, root, &detail::copy_elements<T>, detail::serializer<T>(),
                       detail::deserializer<T>());
}

/* data: n_ranks() blocks of n, the caller's own filled in. */
template <class T>
void AllGather(HostCommImpl *comm, T *data, int n)
{
    HostCommImpl &impl = detail::checked(comm);
    if (detail::moves_as_bytes<T>(n))
        impl.AllGather(data, detail::bytes_of<T>(n), kUint8, &detail::copy_elements<std::uint8_t>);
    else if (impl.is_same_process())
        impl.AllGather(data, n, kNull, &detail::copy_elements<T>);
    else
        impl.AllGather(data, n, kNull, &detail::copy_elements<T>, detail::serializer<T>(), detail::deserializer<T>());
}

template <class T>
void AllReduce(HostCommImpl *comm, T *data, int n, RedOp red_op)
{
    static_assert(data_type_v<T> != kNull, "weft::host: AllReduce combines numbers");
    detail::checked(comm).AllReduce(data, n, data_type_v<T>, red_op);
}

/* ---- Values. ---- */

template <class T>
void Broadcast(HostCommImpl *comm, T &value, int root)
{
    Broadcast(comm, std::addressof(value), 1, root);
}

/* One value from each rank, in the order of ranks. */
template <class T>
std::vector<T> AllGather(HostCommImpl *comm, const T &value)
{
    const HostCommImpl &impl = detail::checked(comm);
    const std::size_t n_ranks = static_cast<std::size_t>(impl.n_ranks());
    const std::size_t rank = static_cast<std::size_t>(impl.rank());
    if constexpr (std::is_same_v<T, bool>) { /* std::vector<bool> has no elements to write to */
        std::vector<std::uint8_t> all(n_ranks);
        all[rank] = value ? 1 : 0;
        AllGather(comm, all.data(), 1);
        return std::vector<bool>(all.begin(), all.end());
    } else {
        std::vector<T> all(n_ranks);
        try {
            weft::detail::replace(all[rank], value);
        } catch (...) {
            const std::exception_ptr original = std::current_exception();
            try {
                comm->AllGather(all.data(), 1, kNull, &detail::refuse_copy);
            } catch (...) { /* as it must: the others know now */
            }
            std::rethrow_exception(original);
        }
        AllGather(comm, all.data(), 1);
        return all;
    }
}

template <class T>
T AllReduce(HostCommImpl *comm, const T &value, RedOp red_op)
{
    T result = value;
    AllReduce(comm, std::addressof(result), 1, red_op);
    return result;
}

} // namespace weft::host
#endif

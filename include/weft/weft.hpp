// SPDX-License-Identifier: MIT
/* weft.hpp - Weft for C++17, header-only over the C interface.
 *
 *     weft::run(4, [](weft::comm &comm) {
 *         double mine = work(comm.rank());
 *         double all = comm.allreduce(mine, weft::sum{});
 *         if (comm.rank() == 0)
 *             std::cout << all << '\n';
 *     });
 *
 * A weft::comm is one rank's handle on a communicator. Its calls are collective: every rank makes them, in the same
 * order. They take one value, a pointer and a count, or a contiguous range (std::vector, std::array, a C array,
 * std::span, anything with data() and size()), of any copyable type: numbers and trivially copyable types as bytes,
 * other classes (strings, tuples, shared_ptr, containers of them) by their copy assignment.
 *
 * Every failure is thrown. weft::error carries the status and the library's sentence; it reaches every rank of a
 * failing call. What a copy or an operation of yours throws is thrown again on the rank that ran it, and the others get
 * weft::error with WEFT_ERR_CALLBACK. A copy that throws fails that one call; an operation that throws fails the
 * communicator. The rules of <weft/weft.h> hold: which failures a communicator survives, what a call makes visible,
 * when buffers are free. */
#ifndef WEFT_WEFT_HPP
#define WEFT_WEFT_HPP

#include <weft/cpp/blocks.hpp>
#include <weft/cpp/error.hpp>
#include <weft/cpp/float16.hpp>
#include <weft/cpp/group.hpp>
#include <weft/cpp/messages.hpp>
#include <weft/cpp/nonblocking.hpp>
#include <weft/cpp/operations.hpp>
#include <weft/cpp/ranges.hpp>
#include <weft/cpp/request.hpp>
#include <weft/cpp/types.hpp>
#include <weft/weft.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace weft {

/* What ranks that split_by puts together share. */
enum class domain {
    process = WEFT_DOMAIN_PROCESS,
    numa = WEFT_DOMAIN_NUMA,
    l3 = WEFT_DOMAIN_L3,
    core = WEFT_DOMAIN_CORE
};

/* One rank's handle. Moves, does not copy; leaves the communicator when it is destroyed. Any thread may use it, one at
 * a time. Empty when made without arguments or moved from: then it converts to false, its rank is -1, its calls
 * throw. gather, scatter, alltoall, reduce_scatter, scan and their kin: cpp/blocks.hpp; nonblocking calls: cpp/nonblocking.hpp;
 * messages: cpp/messages.hpp. */
class comm : public detail::flights<comm>, public detail::messages<comm> {
public:
    comm() noexcept = default;
    /* Joins `rank` of `n_ranks`, or the lowest one still free, to the group; does not wait for the others. */
    comm(const group_id &id, int n_ranks, int rank = any_rank, const config &settings = config())
    {
        const weft_config native = settings.native();
        detail::check(weft_comm_create(&id.native(), n_ranks, rank, &native, &handle_));
        owned_ = true;
    }
    comm(comm &&other) noexcept
        : handle_(std::exchange(other.handle_, nullptr)), owned_(std::exchange(other.owned_, false))
    {
    }
    comm &operator=(comm &&other) noexcept
    {
        comm(std::move(other)).swap(*this);
        return *this;
    }
    ~comm()
    {
        if (owned_)
            (void)weft_comm_destroy(handle_);
    }
    void swap(comm &other) noexcept
    {
        std::swap(handle_, other.handle_);
        std::swap(owned_, other.owned_);
    }

    /* All ranks of a new communicator, for a caller that hands each to a thread of its own. */
    static std::vector<comm> create_all(int n_ranks, const config &settings = config())
    {
        std::vector<weft_comm *> handles(n_ranks > 0 ? static_cast<std::size_t>(n_ranks) : 1);
        std::vector<comm> made(handles.size());
        const weft_config native = settings.native();
        detail::check(weft_comm_create_all(n_ranks, &native, handles.data()));
        for (std::size_t i = 0; i < handles.size(); i++)
            made[i] = adopt(handles[i]);
        return made;
    }
    /* A C handle: adopt destroys it in the end, borrow leaves that to whoever owns it. */
    static comm adopt(weft_comm *handle) noexcept { return comm(handle, handle != nullptr); }
    static comm borrow(weft_comm *handle) noexcept { return comm(handle, false); }
    weft_comm *native_handle() const noexcept { return handle_; }
    /* Hands the C handle over and is empty then. */
    weft_comm *release() noexcept
    {
        owned_ = false;
        return std::exchange(handle_, nullptr);
    }

    explicit operator bool() const noexcept { return handle_ != nullptr; }
    int rank() const noexcept { return weft_comm_rank(handle_); }
    int size() const noexcept { return weft_comm_size(handle_); }
    /* Every rank lives in this process. */
    bool same_process() const noexcept { return weft_comm_same_process(handle_); }
    /* WEFT_OK, or why the communicator failed. */
    weft_status status() const noexcept { return weft_comm_status(handle_); }
    /* This rank's, from its next call on; 0: for ever. */
    void set_timeout(std::chrono::nanoseconds timeout)
    {
        detail::check(weft_comm_set_timeout(handle_, timeout.count()));
    }
    /* From now on this rank is lost when the calling thread ends without having destroyed the handle. */
    void bind_thread() { detail::check(weft_comm_bind_thread(handle_)); }

    /* Every rank of this communicator, and of those made from it, gets WEFT_ERR_ABORTED; any thread. */
    void abort(const std::string &reason = std::string()) { detail::check(weft_comm_abort(handle_, reason.c_str())); }
    /* Who is where, and waits for whom; any thread, also while this rank is in a call. */
    void report(std::FILE *out) const { detail::check(weft_comm_report(handle_, out)); }

    comm dup()
    {
        weft_comm *made = nullptr;
        detail::check(weft_comm_dup(handle_, &made));
        return adopt(made);
    }
    /* Ranks of one color form a communicator, ordered by key, then by old rank. no_color: gives an empty comm. */
    comm split(int color, int key = 0)
    {
        weft_comm *made = nullptr;
        detail::check(weft_comm_split(handle_, color, key, &made));
        return adopt(made);
    }

    /* By where ranks run: process, memory node, last-level cache or core. */
    comm split_by(domain by, int key = 0)
    {
        weft_comm *made = nullptr;
        detail::check(weft_comm_split_by(handle_, static_cast<weft_domain>(by), key, &made));
        return adopt(made);
    }

    /* The living ranks, after a failure; also this rank is in the old communicator until that is destroyed. */
    comm shrink()
    {
        weft_comm *made = nullptr;
        detail::check(weft_comm_shrink(handle_, &made));
        return adopt(made);
    }

    void barrier() { detail::check(weft_barrier(handle_)); }
    /* A barrier; blocking: this rank sleeps meanwhile, for as long as it takes. That is how a rank idles. */
    void sync(bool blocking = false) { detail::check(weft_sync(handle_, blocking)); }

    /* Everyone's data become the root's. */
    template <class T>
    void broadcast(T *data, std::size_t count, int root = 0)
    {
        const weft_type *type = type_of<T>();
        detail::check_call<!detail::is_plain_v<T>>([&] { return weft_broadcast(handle_, data, count, type, root); });
    }
    /* The same for one object. A container that can be resized (vector, string) arrives whole, whatever it held before;
     * an array or a view is filled, so it has the root's size already. */
    template <class T, std::enable_if_t<!std::is_pointer_v<std::remove_reference_t<T>>, int> = 0>
    void broadcast(T &&object, int root = 0)
    {
        using object_type = std::remove_reference_t<T>;
        if constexpr (detail::is_buffer<object_type>()) {
            detail::assert_writable<T>();
            broadcast(std::data(object), std::size(object), root);
        } else {
            static_assert(std::is_lvalue_reference_v<T> && !std::is_const_v<object_type>,
                          "weft: this object receives, so it must be neither const nor a temporary");
            broadcast(std::addressof(object), 1, root);
        }
    }

    /* recv[r * count + i] = rank r's send[i], on every rank. */
    template <class T>
    void allgather(const T *send, T *recv, std::size_t count)
    {
        const weft_type *type = type_of<T>();
        detail::check_call<!detail::is_plain_v<T>>([&] { return weft_allgather(handle_, send, recv, count, type); });
    }
    /* In place: data holds size() blocks of count, the caller's own filled in. */
    template <class T>
    void allgather(T *data, std::size_t count)
    {
        const weft_type *type = type_of<T>();
        detail::check_call<!detail::is_plain_v<T>>(
            [&] { return weft_allgather(handle_, in_place(), data, count, type); });
    }
    /* Ranges: recv takes size() times as many elements as send; it is resized if it can be. */
    template <class In, class Out, detail::if_ranges<In, Out> = 0>
    void allgather(const In &send, Out &&recv)
    {
        detail::assert_writable<Out>();
        const std::size_t count = std::size(send);
        fit(recv, count * static_cast<std::size_t>(size() > 0 ? size() : 0));
        allgather(std::data(send), std::data(recv), count);
    }
    /* One object from each rank, in the order of ranks. Containers may differ in size. */
    template <class T>
    [[nodiscard]] std::vector<T> allgather(const T &value)
    {
        static_assert(!detail::is_view_v<T> && !std::is_pointer_v<T>,
                      "weft: this would gather addresses; use allgather(send, recv)");
        if constexpr (std::is_same_v<T, bool>) {
            const auto all = gather_copies(static_cast<const unsigned char *>(static_cast<const void *>(&value)), 1);
            return std::vector<bool>(all.begin(), all.end());
        } else {
            return gather_copies(std::addressof(value), 1);
        }
    }

    /* data[i] = the combination of all ranks' data[i], on every rank. Without an operation: the sum. Objects (strings,
     * classes that are not trivially copyable) need a function or an operator; it runs on every rank. */
    template <class T, class Op = sum>
    void allreduce(T *data, std::size_t count, Op operation = Op())
    {
        if constexpr (detail::is_plain_v<T>) {
            const detail::bound_op<T, Op> op(operation);
            detail::check_call<op.runs_here>(
                [&] { return weft_allreduce(handle_, in_place(), data, count, type_of<T>(), op.get()); });
        } else {
            fold(data, data, count, operation, true);
        }
    }
    /* The same from send to recv. */
    template <class T, class Op = sum>
    void allreduce(const T *send, T *recv, std::size_t count, Op operation = Op())
    {
        if constexpr (detail::is_plain_v<T>) {
            const detail::bound_op<T, Op> op(operation);
            detail::check_call<op.runs_here>(
                [&] { return weft_allreduce(handle_, send, recv, count, type_of<T>(), op.get()); });
        } else {
            fold(send, recv, count, operation, true);
        }
    }
    /* A range, element by element, in place. */
    template <class R, class Op = sum, detail::if_elements<R, Op> = 0>
    void allreduce(R &&range, Op operation = Op())
    {
        detail::assert_writable<R>();
        allreduce(std::data(range), std::size(range), operation);
    }
    /* From range to range; recv is resized if it can be. */
    template <class In, class Out, class Op = sum, detail::if_ranges<In, Out> = 0>
    void allreduce(const In &send, Out &&recv, Op operation = Op())
    {
        detail::assert_writable<Out>();
        fit(recv, std::size(send));
        allreduce(std::data(send), std::data(recv), std::size(send), operation);
    }
    /* One value: returns the combination. */
    template <class T, class Op = sum, detail::if_value<T, Op> = 0>
    [[nodiscard]] T allreduce(const T &value, Op operation = Op())
    {
        T result = value;
        allreduce(std::addressof(result), 1, operation);
        return result;
    }

    /* As allreduce, for the root alone: elsewhere data stay as they are. */
    template <class T, class Op = sum>
    void reduce(T *data, std::size_t count, Op operation = Op(), int root = 0)
    {
        const bool mine = rank() == root;
        reduce_any(mine ? static_cast<const T *>(in_place()) : data, mine ? data : nullptr, data, count, operation,
                   root);
    }
    /* The same from send to recv, which only the root needs. */
    template <class T, class Op = sum>
    void reduce(const T *send, T *recv, std::size_t count, Op operation = Op(), int root = 0)
    {
        reduce_any(send, recv, send, count, operation, root);
    }
    template <class R, class Op = sum, detail::if_elements<R, Op> = 0>
    void reduce(R &&range, Op operation = Op(), int root = 0)
    {
        detail::assert_writable<R>();
        reduce(std::data(range), std::size(range), operation, root);
    }
    template <class In, class Out, class Op = sum, detail::if_ranges<In, Out> = 0>
    void reduce(const In &send, Out &&recv, Op operation = Op(), int root = 0)
    {
        detail::assert_writable<Out>();
        if (rank() == root)
            fit(recv, std::size(send));
        reduce(std::data(send), std::data(recv), std::size(send), operation, root);
    }
    /* One value: the root gets the combination, the others nothing. if (auto total = comm.reduce(mine)) ... */
    template <class T, class Op = sum, detail::if_value<T, Op> = 0>
    [[nodiscard]] std::optional<T> reduce(const T &value, Op operation = Op(), int root = 0)
    {
        std::optional<T> result(value);
        reduce(std::addressof(*result), 1, operation, root);
        if (rank() != root)
            result.reset();
        return result;
    }

private:
    comm(weft_comm *handle, bool owned) noexcept : handle_(handle), owned_(owned) {}

    static void *in_place() noexcept { return reinterpret_cast<void *>(std::intptr_t{-1}); }

    /* Every rank's send, one after the other. Nothing of T is copied before the call, so that a copy that throws fails
     * it for all; T needs no default constructor. */
    template <class T>
    std::vector<T> gather_copies(const T *send, std::size_t count)
    {
        const std::size_t total = count * static_cast<std::size_t>(size() > 0 ? size() : 0);
        if constexpr (std::is_default_constructible_v<T> && (std::is_copy_assignable_v<T> || detail::is_plain_v<T>)) {
            std::vector<T> all(total);
            allgather(send, all.data(), count);
            return all;
        } else {
            std::vector<place<T>> from(count);
            std::vector<place<T>> to(total);
            for (std::size_t i = 0; i < count; i++)
                from[i].source = send + i;
            const weft_type type = place<T>::type();
            detail::check_call<true>([&] { return weft_allgather(handle_, from.data(), to.data(), count, &type); });
            std::vector<T> all;
            all.reserve(total);
            for (place<T> &filled : to)
                all.push_back(std::move(*filled.object));
            return all;
        }
    }

    /* Where an object that cannot be made empty will stand. */
    template <class T>
    struct place {
        const T *source = nullptr;
        std::optional<T> object;

        static weft_status copy(const weft_type *, const void *source, void *target, std::size_t count)
        {
            return detail::guarded([=] {
                for (std::size_t i = 0; i < count; i++) {
                    place &to = static_cast<place *>(target)[i];
                    to.source = std::addressof(to.object.emplace(*static_cast<const place *>(source)[i].source));
                }
            });
        }
        static weft_type type()
        {
            weft_type made{};
            made.name = detail::type_name<T>();
            made.size = sizeof(place);
            made.copy = &copy;
            return made;
        }
    };

    template <class T, class Op>
    void reduce_any(const T *send, T *recv, const T *data, std::size_t count, Op &operation, int root)
    {
        if constexpr (detail::is_plain_v<T>) {
            const detail::bound_op<T, Op> op(operation);
            detail::check_call<op.runs_here>(
                [&] { return weft_reduce(handle_, send, recv, count, type_of<T>(), op.get(), root); });
        } else {
            fold(data, recv, count, operation, rank() == root);
        }
    }

    /* Reduces objects: gathers them, and combines them here, along the contract's tree. */
    template <class T, class Op>
    void fold(const T *send, T *recv, std::size_t count, const Op &operation, bool mine)
    {
        static_assert(detail::combines_v<Op, T>,
                      "weft: the operation must take two objects, return one, and have a const call");
        const std::vector<T> all = gather_copies(send, count);
        const std::size_t n_ranks = count > 0 ? all.size() / count : 0;
        for (std::size_t i = 0; mine && i < count; i++)
            detail::replace(recv[i], tree(all.data() + i, count, n_ranks, operation));
    }
    template <class T, class Op>
    static T tree(const T *first, std::size_t stride, std::size_t n_ranks, const Op &operation)
    {
        if (n_ranks == 1)
            return *first;
        std::size_t lower = 1;
        while (lower * 2 < n_ranks)
            lower *= 2;
        return operation(tree(first, stride, lower, operation),
                         tree(first + lower * stride, stride, n_ranks - lower, operation));
    }

    weft_comm *handle_ = nullptr;
    bool owned_ = false;
};

namespace detail {

/* A function that the ranks of weft::run share, and the first exception that it ended with. */
template <class Body>
struct run_state {
    Body &body;
    std::mutex mutex;
    std::exception_ptr first;

    static weft_status call(weft_comm *handle, void *argument) noexcept
    {
        run_state &state = *static_cast<run_state *>(argument);
        comm rank = comm::borrow(handle);
        try {
            state.body(rank);
            return WEFT_OK;
        } catch (const error &failure) {
            state.keep(std::current_exception());
            return failure.status() < WEFT_OK ? failure.status() : WEFT_ERR_CALLBACK;
        } catch (...) {
            state.keep(std::current_exception());
            return WEFT_ERR_CALLBACK;
        }
    }
    void keep(std::exception_ptr exception)
    {
        const std::lock_guard<std::mutex> lock(mutex);
        if (!first)
            first = std::move(exception);
    }
};

} // namespace detail

/* Starts n_ranks threads, calls body(comm) on each, and joins them. The threads share one body. An exception that
 * leaves it aborts the other ranks, and the first one is thrown again here. The comm is borrowed: it ends with the
 * body. */
template <class Body>
void run(int n_ranks, const config &settings, Body &&body)
{
    detail::run_state<std::remove_reference_t<Body>> state{body, {}, {}};
    const weft_config native = settings.native();
    const weft_status status = weft_run(n_ranks, &native, &decltype(state)::call, &state);
    if (state.first)
        std::rethrow_exception(state.first);
    detail::check(status);
}
template <class Body>
void run(int n_ranks, Body &&body)
{
    run(n_ranks, config(), std::forward<Body>(body));
}

/* Of the library that runs: "0.1.0". */
inline std::string version()
{
    return weft_version();
}

} // namespace weft
#endif

// SPDX-License-Identifier: MIT
/* blocks.hpp - the calls of weft::comm that move a block for each rank, and scans.
 *
 *     std::vector<int> all = comm.gather(mine);                     one value each; filled on the root alone
 *     comm.alltoallv(keys, counts, received, their_counts);         blocks that differ, one behind the other
 *     std::size_t first = comm.exscan(count).value_or(0);           what ranks below have together
 *
 * Pointers with counts say all that the C call takes; so a send that points to where the input stands in recv is in place.
 * Ranges hold blocks of one size, or, with counts, blocks one behind the other; a range that receives is resized if it can
 * be. A range or counts of a wrong size fail the call for every rank. Blocks are of any copyable type; reductions here
 * take plain ones. */
#ifndef WEFT_CPP_BLOCKS_HPP
#define WEFT_CPP_BLOCKS_HPP

#include <weft/cpp/error.hpp>
#include <weft/cpp/operations.hpp>
#include <weft/cpp/ranges.hpp>
#include <weft/cpp/types.hpp>
#include <weft/weft.h>

#include <cstddef>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <vector>

namespace weft {
namespace detail {

/* A part of weft::comm. */
template <class Comm>
class blocks {
public:
    /* recv[r * count + i] = rank r's send[i], on the root, which alone needs recv. */
    template <class T>
    void gather(const T *send, T *recv, std::size_t count, int root = 0)
    {
        const weft_type *type = type_of<T>();
        check_call<!is_plain_v<T>>([&] { return weft_gather(handle(), send, recv, count, type, root); });
    }
    template <class In, class Out, if_ranges<In, Out> = 0>
    void gather(const In &send, Out &&recv, int root = 0)
    {
        assert_writable<Out>();
        if (rank() == root)
            fit(recv, std::size(send) * ranks());
        gather(std::data(send), std::data(recv), std::size(send), root);
    }
    /* One object from each rank, in the order of ranks; the others get an empty vector. Containers may differ in size. */
    template <class T>
    [[nodiscard]] std::vector<T> gather(const T &value, int root = 0)
    {
        static_assert(!is_view_v<T> && !std::is_pointer_v<T>,
                      "weft: this would gather addresses; use gather(send, recv)");
        const std::size_t total = rank() == root ? ranks() : 0;
        const std::unique_ptr<T[]> all(new T[total]());
        gather(std::addressof(value), all.get(), 1, root);
        return std::vector<T>(std::make_move_iterator(all.get()), std::make_move_iterator(all.get() + total));
    }
    /* Rank r's `count` elements stand at recv + offsets[r], and are counts[r]; the root alone needs these. */
    template <class T>
    void gatherv(const T *send, std::size_t count, T *recv, const std::size_t *counts, const std::size_t *offsets,
                 int root = 0)
    {
        const weft_type *type = type_of<T>();
        check_call<!is_plain_v<T>>(
            [&] { return weft_gatherv(handle(), send, count, recv, counts, offsets, type, root); });
    }
    template <class In, class Out, class Counts, if_ranges<In, Out> = 0>
    void gatherv(const In &send, Out &&recv, const Counts &counts, int root = 0)
    {
        assert_writable<Out>();
        std::vector<std::size_t> offsets;
        if (rank() == root) {
            offsets = pack(counts);
            fit(recv, offsets.back());
        }
        gatherv(std::data(send), std::size(send), std::data(recv), std::data(counts), offsets.data(), root);
    }

    /* recv[i] on rank r = the root's send[r * count + i]; the root alone needs send. */
    template <class T>
    void scatter(const T *send, T *recv, std::size_t count, int root = 0)
    {
        const weft_type *type = type_of<T>();
        check_call<!is_plain_v<T>>([&] { return weft_scatter(handle(), send, recv, count, type, root); });
    }
    /* recv has the size of a block. */
    template <class In, class Out, if_ranges<In, Out> = 0>
    void scatter(const In &send, Out &&recv, int root = 0)
    {
        assert_writable<Out>();
        if (rank() == root)
            need(std::size(send), std::size(recv) * ranks(), "send");
        scatter(std::data(send), std::data(recv), std::size(recv), root);
    }
    /* One object for each rank; the others may pass an empty range. */
    template <class In, std::enable_if_t<is_range_v<In>, int> = 0>
    [[nodiscard]] value_t<const In> scatter(const In &send, int root = 0)
    {
        value_t<const In> mine{};
        if (rank() == root)
            need(std::size(send), ranks(), "send");
        scatter(std::data(send), std::addressof(mine), 1, root);
        return mine;
    }
    /* Rank r gets the counts[r] elements at send + offsets[r], and says that they are `count`. */
    template <class T>
    void scatterv(const T *send, const std::size_t *counts, const std::size_t *offsets, T *recv, std::size_t count,
                  int root = 0)
    {
        const weft_type *type = type_of<T>();
        check_call<!is_plain_v<T>>(
            [&] { return weft_scatterv(handle(), send, counts, offsets, recv, count, type, root); });
    }
    /* recv has the size of this rank's block. */
    template <class In, class Counts, class Out, if_ranges<In, Out> = 0>
    void scatterv(const In &send, const Counts &counts, Out &&recv, int root = 0)
    {
        assert_writable<Out>();
        std::vector<std::size_t> offsets;
        if (rank() == root) {
            offsets = pack(counts);
            need(std::size(send), offsets.back(), "send");
        }
        scatterv(std::data(send), std::data(counts), offsets.data(), std::data(recv), std::size(recv), root);
    }

    /* Rank r's `count` elements stand at recv + offsets[r], and are counts[r], on every rank. */
    template <class T>
    void allgatherv(const T *send, std::size_t count, T *recv, const std::size_t *counts, const std::size_t *offsets)
    {
        const weft_type *type = type_of<T>();
        check_call<!is_plain_v<T>>([&] { return weft_allgatherv(handle(), send, count, recv, counts, offsets, type); });
    }
    template <class In, class Out, class Counts, if_ranges<In, Out> = 0>
    void allgatherv(const In &send, Out &&recv, const Counts &counts)
    {
        assert_writable<Out>();
        const std::vector<std::size_t> offsets = pack(counts);
        fit(recv, offsets.back());
        allgatherv(std::data(send), std::size(send), std::data(recv), std::data(counts), offsets.data());
    }

    /* recv[r * count + i] = rank r's send[rank() * count + i]. Plain types may be in place. */
    template <class T>
    void alltoall(const T *send, T *recv, std::size_t count)
    {
        const weft_type *type = type_of<T>();
        check_call<!is_plain_v<T>>([&] { return weft_alltoall(handle(), send, recv, count, type); });
    }
    template <class In, class Out, if_ranges<In, Out> = 0>
    void alltoall(const In &send, Out &&recv)
    {
        assert_writable<Out>();
        const std::size_t count = std::size(send) / ranks();
        need(std::size(send), count * ranks(), "send");
        fit(recv, std::size(send));
        alltoall(std::data(send), std::data(recv), count);
    }
    /* send_counts[r] elements at send + send_offsets[r] go to rank r; recv_counts[r] come from it. */
    template <class T>
    void alltoallv(const T *send, const std::size_t *send_counts, const std::size_t *send_offsets, T *recv,
                   const std::size_t *recv_counts, const std::size_t *recv_offsets)
    {
        const weft_type *type = type_of<T>();
        check_call<!is_plain_v<T>>([&] {
            return weft_alltoallv(handle(), send, send_counts, send_offsets, recv, recv_counts, recv_offsets, type);
        });
    }
    template <class In, class SendCounts, class Out, class RecvCounts, if_ranges<In, Out> = 0>
    void alltoallv(const In &send, const SendCounts &send_counts, Out &&recv, const RecvCounts &recv_counts)
    {
        assert_writable<Out>();
        const std::vector<std::size_t> go = pack(send_counts), come = pack(recv_counts);
        need(std::size(send), go.back(), "send");
        fit(recv, come.back());
        alltoallv(std::data(send), std::data(send_counts), go.data(), std::data(recv), std::data(recv_counts),
                  come.data());
    }

    /* recv[i] on rank r = the combination of all ranks' send[r * count + i]. */
    template <class T, class Op = sum>
    void reduce_scatter(const T *send, T *recv, std::size_t count, Op operation = Op())
    {
        combine(operation, send, [&](const weft_type *type, const weft_op *op) {
            return weft_reduce_scatter(handle(), send, recv, count, type, op);
        });
    }
    template <class In, class Out, class Op = sum, if_ranges<In, Out> = 0>
    void reduce_scatter(const In &send, Out &&recv, Op operation = Op())
    {
        assert_writable<Out>();
        const std::size_t count = std::size(send) / ranks();
        need(std::size(send), count * ranks(), "send");
        fit(recv, count);
        reduce_scatter(std::data(send), std::data(recv), count, operation);
    }
    /* Block r has counts[r] elements; blocks stand one behind the other. */
    template <class T, class Op = sum>
    void reduce_scatterv(const T *send, T *recv, const std::size_t *counts, Op operation = Op())
    {
        combine(operation, send, [&](const weft_type *type, const weft_op *op) {
            return weft_reduce_scatterv(handle(), send, recv, counts, type, op);
        });
    }
    template <class In, class Out, class Counts, class Op = sum, if_ranges<In, Out> = 0>
    void reduce_scatterv(const In &send, Out &&recv, const Counts &counts, Op operation = Op())
    {
        assert_writable<Out>();
        need(std::size(send), pack(counts).back(), "send");
        fit(recv, std::data(counts)[rank()]);
        reduce_scatterv(std::data(send), std::data(recv), std::data(counts), operation);
    }

    /* recv[i] = the combination of send[i] of ranks 0 to this one. */
    template <class T, class Op = sum>
    void scan(const T *send, T *recv, std::size_t count, Op operation = Op())
    {
        combine(operation, send, [&](const weft_type *type, const weft_op *op) {
            return weft_scan(handle(), send, recv, count, type, op);
        });
    }
    /* In place. */
    template <class T, class Op = sum>
    void scan(T *data, std::size_t count, Op operation = Op())
    {
        scan(static_cast<const T *>(data), data, count, operation);
    }
    template <class R, class Op = sum, if_elements<R, Op> = 0>
    void scan(R &&range, Op operation = Op())
    {
        assert_writable<R>();
        scan(std::data(range), std::size(range), operation);
    }
    template <class In, class Out, class Op = sum, if_ranges<In, Out> = 0>
    void scan(const In &send, Out &&recv, Op operation = Op())
    {
        assert_writable<Out>();
        fit(recv, std::size(send));
        scan(std::data(send), std::data(recv), std::size(send), operation);
    }
    template <class T, class Op = sum, if_value<T, Op> = 0>
    [[nodiscard]] T scan(const T &value, Op operation = Op())
    {
        T result = value;
        scan(std::addressof(result), 1, operation);
        return result;
    }

    /* The same of the ranks below this one; rank 0's recv stays as it is. */
    template <class T, class Op = sum>
    void exscan(const T *send, T *recv, std::size_t count, Op operation = Op())
    {
        combine(operation, send, [&](const weft_type *type, const weft_op *op) {
            return weft_exscan(handle(), send, recv, count, type, op);
        });
    }
    template <class T, class Op = sum>
    void exscan(T *data, std::size_t count, Op operation = Op())
    {
        exscan(static_cast<const T *>(data), data, count, operation);
    }
    template <class R, class Op = sum, if_elements<R, Op> = 0>
    void exscan(R &&range, Op operation = Op())
    {
        assert_writable<R>();
        exscan(std::data(range), std::size(range), operation);
    }
    template <class In, class Out, class Op = sum, if_ranges<In, Out> = 0>
    void exscan(const In &send, Out &&recv, Op operation = Op())
    {
        assert_writable<Out>();
        fit(recv, std::size(send));
        exscan(std::data(send), std::data(recv), std::size(send), operation);
    }
    /* Rank 0 gets nothing. */
    template <class T, class Op = sum, if_value<T, Op> = 0>
    [[nodiscard]] std::optional<T> exscan(const T &value, Op operation = Op())
    {
        std::optional<T> result(value);
        exscan(std::addressof(*result), 1, operation);
        if (rank() == 0)
            result.reset();
        return result;
    }

protected:
    blocks() noexcept = default;
    ~blocks() = default;

    /* Gives recv its size. */
    template <class R>
    void fit(R &recv, std::size_t count)
    {
        if constexpr (is_resizable_v<R>)
            recv.resize(count);
        else
            need(std::size(recv), count, "the receiving range");
    }

    int rank() noexcept { return weft_comm_rank(handle()); }
    /* 1 for an empty comm, whose calls then say what is wrong. */
    std::size_t ranks() noexcept
    {
        const int n = weft_comm_size(handle());
        return n > 0 ? static_cast<std::size_t>(n) : 1;
    }

    /* A wrong size fails the call for every rank, and then here in words. */
    void need(std::size_t found, std::size_t expected, const char *what)
    {
        if (found == expected)
            return;
        (void)weft_allgather(handle(), nullptr, nullptr, 1, WEFT_BYTE);
        throw error(WEFT_ERR_ARGUMENT, "weft: rank " + std::to_string(rank()) + ": " + what + " has " +
                                           std::to_string(found) + " elements, it needs " + std::to_string(expected));
    }

    /* Where blocks of so many elements begin, one behind the other, and at last where they end. */
    template <class Counts>
    std::vector<std::size_t> pack(const Counts &counts)
    {
        static_assert(std::is_same_v<value_t<const Counts>, std::size_t>, "weft: counts are std::size_t");
        need(std::size(counts), ranks(), "counts");
        std::vector<std::size_t> offsets(ranks() + 1);
        for (std::size_t r = 0; r < ranks(); r++)
            offsets[r + 1] = offsets[r] + std::data(counts)[r];
        return offsets;
    }

    /* Both, for a call that goes on. */
    struct layout {
        std::vector<std::size_t> counts, offsets;
        std::size_t end() const { return offsets.back(); }
    };
    template <class Counts>
    std::shared_ptr<layout> pack_copy(const Counts &counts, bool needed)
    {
        auto made = std::make_shared<layout>();
        if (needed) {
            made->offsets = pack(counts);
            made->counts.assign(std::data(counts), std::data(counts) + std::size(counts));
        }
        return made;
    }

private:
    weft_comm *handle() noexcept { return static_cast<Comm *>(this)->native_handle(); }

    template <class T, class Op, class Call>
    void combine(const Op &operation, const T *, Call call)
    {
        static_assert(is_plain_v<T>, "weft: this reduction takes plain types");
        const bound_op<T, Op> op(operation);
        check_call<op.runs_here>([&] { return call(type_of<T>(), op.get()); });
    }
};

} // namespace detail
} // namespace weft
#endif

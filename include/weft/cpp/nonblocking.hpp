// SPDX-License-Identifier: MIT
/* nonblocking.hpp - the nonblocking collectives of weft::comm.
 *
 *     weft::request sums = comm.iallreduce(mine, all);              ranges, as in the call without the i
 *     weft::request keys = comm.ialltoallv(send, counts, received, their_counts);
 *
 * Buffers are the library's until the request has been waited for, so ranges are lvalues or views, and what they mean is as in the
 * blocking call; a range that receives gets its size at once. Counts of ranges are copied; counts and offsets by pointer stay. */
#ifndef WEFT_CPP_NONBLOCKING_HPP
#define WEFT_CPP_NONBLOCKING_HPP

#include <weft/cpp/blocks.hpp>
#include <weft/cpp/error.hpp>
#include <weft/cpp/operations.hpp>
#include <weft/cpp/ranges.hpp>
#include <weft/cpp/request.hpp>
#include <weft/cpp/types.hpp>
#include <weft/weft.h>

#include <cstddef>
#include <iterator>
#include <memory>
#include <type_traits>
#include <utility>
#include <vector>

namespace weft {
namespace detail {

/* A range that is read, or written, while others go on. */
template <class R>
constexpr void assert_stays()
{
    static_assert(std::is_lvalue_reference_v<R> || is_view_v<std::remove_cv_t<std::remove_reference_t<R>>>,
                  "weft: this range is used until the request has been waited for, so it must not be a temporary");
}
template <class In, class Out>
using if_flying = if_ranges<std::remove_reference_t<In>, Out>;

/* A part of weft::comm. */
template <class Comm>
class flights : public blocks<Comm> {
public:
    [[nodiscard]] request ibarrier()
    {
        return request::start([&](weft_request **made) { return weft_ibarrier(handle(), made); });
    }
    template <class T>
    [[nodiscard]] request ibroadcast(T *data, std::size_t count, int root = 0)
    {
        return request::start(
            [&](weft_request **made) { return weft_ibroadcast(handle(), data, count, type_of<T>(), root, made); });
    }
    /* An object, or the elements of an array or a view. */
    template <class T, std::enable_if_t<!std::is_pointer_v<std::remove_reference_t<T>>, int> = 0>
    [[nodiscard]] request ibroadcast(T &&object, int root = 0)
    {
        using object_type = std::remove_reference_t<T>;
        if constexpr (is_buffer<object_type>()) {
            assert_writable<T>();
            return ibroadcast(std::data(object), std::size(object), root);
        } else {
            static_assert(std::is_lvalue_reference_v<T> && !std::is_const_v<object_type>,
                          "weft: this object receives, so it must be neither const nor a temporary");
            return ibroadcast(std::addressof(object), 1, root);
        }
    }
    template <class T>
    [[nodiscard]] request iallgather(const T *send, T *recv, std::size_t count)
    {
        return request::start(
            [&](weft_request **made) { return weft_iallgather(handle(), send, recv, count, type_of<T>(), made); });
    }
    template <class In, class Out, if_flying<In, Out> = 0>
    [[nodiscard]] request iallgather(In &&send, Out &&recv)
    {
        check_ranges<In, Out>();
        this->fit(recv, std::size(send) * this->ranks());
        return iallgather(std::data(send), std::data(recv), std::size(send));
    }
    template <class T>
    [[nodiscard]] request iallgatherv(const T *send, std::size_t count, T *recv, const std::size_t *counts,
                                      const std::size_t *offsets)
    {
        return request::start([&](weft_request **made) {
            return weft_iallgatherv(handle(), send, count, recv, counts, offsets, type_of<T>(), made);
        });
    }
    template <class In, class Out, class Counts, if_flying<In, Out> = 0>
    [[nodiscard]] request iallgatherv(In &&send, Out &&recv, const Counts &counts)
    {
        check_ranges<In, Out>();
        const auto parts = this->pack_copy(counts, true);
        this->fit(recv, parts->end());
        return with(parts, iallgatherv(std::data(send), std::size(send), std::data(recv), parts->counts.data(),
                                       parts->offsets.data()));
    }
    template <class T>
    [[nodiscard]] request igather(const T *send, T *recv, std::size_t count, int root = 0)
    {
        return request::start(
            [&](weft_request **made) { return weft_igather(handle(), send, recv, count, type_of<T>(), root, made); });
    }
    template <class In, class Out, if_flying<In, Out> = 0>
    [[nodiscard]] request igather(In &&send, Out &&recv, int root = 0)
    {
        check_ranges<In, Out>();
        if (this->rank() == root)
            this->fit(recv, std::size(send) * this->ranks());
        return igather(std::data(send), std::data(recv), std::size(send), root);
    }
    template <class T>
    [[nodiscard]] request igatherv(const T *send, std::size_t count, T *recv, const std::size_t *counts,
                                   const std::size_t *offsets, int root = 0)
    {
        return request::start([&](weft_request **made) {
            return weft_igatherv(handle(), send, count, recv, counts, offsets, type_of<T>(), root, made);
        });
    }
    template <class In, class Out, class Counts, if_flying<In, Out> = 0>
    [[nodiscard]] request igatherv(In &&send, Out &&recv, const Counts &counts, int root = 0)
    {
        check_ranges<In, Out>();
        const auto parts = this->pack_copy(counts, this->rank() == root);
        if (this->rank() == root)
            this->fit(recv, parts->end());
        return with(parts, igatherv(std::data(send), std::size(send), std::data(recv), parts->counts.data(),
                                    parts->offsets.data(), root));
    }
    template <class T>
    [[nodiscard]] request iscatter(const T *send, T *recv, std::size_t count, int root = 0)
    {
        return request::start(
            [&](weft_request **made) { return weft_iscatter(handle(), send, recv, count, type_of<T>(), root, made); });
    }
    template <class In, class Out, if_flying<In, Out> = 0>
    [[nodiscard]] request iscatter(In &&send, Out &&recv, int root = 0)
    {
        check_ranges<In, Out>();
        if (this->rank() == root)
            this->need(std::size(send), std::size(recv) * this->ranks(), "send");
        return iscatter(std::data(send), std::data(recv), std::size(recv), root);
    }
    template <class T>
    [[nodiscard]] request iscatterv(const T *send, const std::size_t *counts, const std::size_t *offsets, T *recv,
                                    std::size_t count, int root = 0)
    {
        return request::start([&](weft_request **made) {
            return weft_iscatterv(handle(), send, counts, offsets, recv, count, type_of<T>(), root, made);
        });
    }
    template <class In, class Counts, class Out, if_flying<In, Out> = 0>
    [[nodiscard]] request iscatterv(In &&send, const Counts &counts, Out &&recv, int root = 0)
    {
        check_ranges<In, Out>();
        const auto parts = this->pack_copy(counts, this->rank() == root);
        if (this->rank() == root)
            this->need(std::size(send), parts->end(), "send");
        return with(parts, iscatterv(std::data(send), parts->counts.data(), parts->offsets.data(), std::data(recv),
                                     std::size(recv), root));
    }
    template <class T>
    [[nodiscard]] request ialltoall(const T *send, T *recv, std::size_t count)
    {
        return request::start(
            [&](weft_request **made) { return weft_ialltoall(handle(), send, recv, count, type_of<T>(), made); });
    }
    template <class In, class Out, if_flying<In, Out> = 0>
    [[nodiscard]] request ialltoall(In &&send, Out &&recv)
    {
        check_ranges<In, Out>();
        const std::size_t count = std::size(send) / this->ranks();
        this->need(std::size(send), count * this->ranks(), "send");
        this->fit(recv, std::size(send));
        return ialltoall(std::data(send), std::data(recv), count);
    }
    template <class T>
    [[nodiscard]] request ialltoallv(const T *send, const std::size_t *send_counts, const std::size_t *send_offsets,
                                     T *recv, const std::size_t *recv_counts, const std::size_t *recv_offsets)
    {
        return request::start([&](weft_request **made) {
            return weft_ialltoallv(handle(), send, send_counts, send_offsets, recv, recv_counts, recv_offsets,
                                   type_of<T>(), made);
        });
    }
    template <class In, class SendCounts, class Out, class RecvCounts, if_flying<In, Out> = 0>
    [[nodiscard]] request ialltoallv(In &&send, const SendCounts &send_counts, Out &&recv,
                                     const RecvCounts &recv_counts)
    {
        check_ranges<In, Out>();
        const auto go = this->pack_copy(send_counts, true), come = this->pack_copy(recv_counts, true);
        this->need(std::size(send), go->end(), "send");
        this->fit(recv, come->end());
        return with(std::make_shared<decltype(std::make_pair(go, come))>(go, come),
                    ialltoallv(std::data(send), go->counts.data(), go->offsets.data(), std::data(recv),
                               come->counts.data(), come->offsets.data()));
    }
    /* Reductions take plain types. */
    template <class T, class Op = sum>
    [[nodiscard]] request iallreduce(const T *send, T *recv, std::size_t count, Op operation = Op())
    {
        return combine(operation, send, [&](const weft_type *type, const weft_op *op, weft_request **made) {
            return weft_iallreduce(handle(), send, recv, count, type, op, made);
        });
    }
    template <class R, class Op = sum, if_elements<R, Op> = 0>
    [[nodiscard]] request iallreduce(R &&range, Op operation = Op())
    {
        assert_writable<R>();
        return iallreduce(in_place<R>(), std::data(range), std::size(range), operation);
    }
    template <class In, class Out, class Op = sum, if_flying<In, Out> = 0>
    [[nodiscard]] request iallreduce(In &&send, Out &&recv, Op operation = Op())
    {
        check_ranges<In, Out>();
        this->fit(recv, std::size(send));
        return iallreduce(std::data(send), std::data(recv), std::size(send), operation);
    }
    template <class T, class Op = sum>
    [[nodiscard]] request ireduce(const T *send, T *recv, std::size_t count, Op operation = Op(), int root = 0)
    {
        return combine(operation, send, [&](const weft_type *type, const weft_op *op, weft_request **made) {
            return weft_ireduce(handle(), send, recv, count, type, op, root, made);
        });
    }
    template <class R, class Op = sum, if_elements<R, Op> = 0>
    [[nodiscard]] request ireduce(R &&range, Op operation = Op(), int root = 0)
    {
        assert_writable<R>();
        value_t<R> *data = std::data(range);
        const bool mine = this->rank() == root;
        return ireduce(mine ? in_place<R>() : data, mine ? data : nullptr, std::size(range), operation, root);
    }
    template <class In, class Out, class Op = sum, if_flying<In, Out> = 0>
    [[nodiscard]] request ireduce(In &&send, Out &&recv, Op operation = Op(), int root = 0)
    {
        check_ranges<In, Out>();
        if (this->rank() == root)
            this->fit(recv, std::size(send));
        return ireduce(std::data(send), std::data(recv), std::size(send), operation, root);
    }
    template <class T, class Op = sum>
    [[nodiscard]] request ireduce_scatter(const T *send, T *recv, std::size_t count, Op operation = Op())
    {
        return combine(operation, send, [&](const weft_type *type, const weft_op *op, weft_request **made) {
            return weft_ireduce_scatter(handle(), send, recv, count, type, op, made);
        });
    }
    template <class In, class Out, class Op = sum, if_flying<In, Out> = 0>
    [[nodiscard]] request ireduce_scatter(In &&send, Out &&recv, Op operation = Op())
    {
        check_ranges<In, Out>();
        const std::size_t count = std::size(send) / this->ranks();
        this->need(std::size(send), count * this->ranks(), "send");
        this->fit(recv, count);
        return ireduce_scatter(std::data(send), std::data(recv), count, operation);
    }
    template <class T, class Op = sum>
    [[nodiscard]] request ireduce_scatterv(const T *send, T *recv, const std::size_t *counts, Op operation = Op())
    {
        return combine(operation, send, [&](const weft_type *type, const weft_op *op, weft_request **made) {
            return weft_ireduce_scatterv(handle(), send, recv, counts, type, op, made);
        });
    }
    template <class In, class Out, class Counts, class Op = sum, if_flying<In, Out> = 0>
    [[nodiscard]] request ireduce_scatterv(In &&send, Out &&recv, const Counts &counts, Op operation = Op())
    {
        check_ranges<In, Out>();
        const auto parts = this->pack_copy(counts, true);
        this->need(std::size(send), parts->end(), "send");
        this->fit(recv, parts->counts[static_cast<std::size_t>(this->rank())]);
        return with(parts, ireduce_scatterv(std::data(send), std::data(recv), parts->counts.data(), operation));
    }
    template <class T, class Op = sum>
    [[nodiscard]] request iscan(const T *send, T *recv, std::size_t count, Op operation = Op())
    {
        return combine(operation, send, [&](const weft_type *type, const weft_op *op, weft_request **made) {
            return weft_iscan(handle(), send, recv, count, type, op, made);
        });
    }
    template <class R, class Op = sum, if_elements<R, Op> = 0>
    [[nodiscard]] request iscan(R &&range, Op operation = Op())
    {
        assert_writable<R>();
        value_t<R> *data = std::data(range);
        return iscan(static_cast<const value_t<R> *>(data), data, std::size(range), operation);
    }
    template <class In, class Out, class Op = sum, if_flying<In, Out> = 0>
    [[nodiscard]] request iscan(In &&send, Out &&recv, Op operation = Op())
    {
        check_ranges<In, Out>();
        this->fit(recv, std::size(send));
        return iscan(std::data(send), std::data(recv), std::size(send), operation);
    }
    template <class T, class Op = sum>
    [[nodiscard]] request iexscan(const T *send, T *recv, std::size_t count, Op operation = Op())
    {
        return combine(operation, send, [&](const weft_type *type, const weft_op *op, weft_request **made) {
            return weft_iexscan(handle(), send, recv, count, type, op, made);
        });
    }
    template <class R, class Op = sum, if_elements<R, Op> = 0>
    [[nodiscard]] request iexscan(R &&range, Op operation = Op())
    {
        assert_writable<R>();
        value_t<R> *data = std::data(range);
        return iexscan(static_cast<const value_t<R> *>(data), data, std::size(range), operation);
    }
    template <class In, class Out, class Op = sum, if_flying<In, Out> = 0>
    [[nodiscard]] request iexscan(In &&send, Out &&recv, Op operation = Op())
    {
        check_ranges<In, Out>();
        this->fit(recv, std::size(send));
        return iexscan(std::data(send), std::data(recv), std::size(send), operation);
    }

protected:
    flights() noexcept = default;
    ~flights() = default;

private:
    weft_comm *handle() noexcept { return static_cast<Comm *>(this)->native_handle(); }

    template <class In, class Out>
    static constexpr void check_ranges()
    {
        assert_stays<In>();
        assert_writable<Out>();
    }
    /* WEFT_IN_PLACE, as a pointer to a range's elements. */
    template <class R>
    static const value_t<R> *in_place() noexcept
    {
        return static_cast<const value_t<R> *>(WEFT_IN_PLACE);
    }
    /* The request, with counts that live as long. */
    static request with(std::shared_ptr<void> counts, request started)
    {
        started.keep(std::move(counts));
        return started;
    }

    /* The operation lives until the request ends. */
    template <class T, class Op, class Start>
    static request combine(const Op &operation, const T *, Start start)
    {
        static_assert(is_plain_v<T>, "weft: a nonblocking reduction takes plain types");
        auto bound = std::make_shared<bound_op<T, Op>>(operation);
        const weft_op *op = bound->get();
        return request::start([&](weft_request **made) { return start(type_of<T>(), op, made); }, std::move(bound));
    }
};

} // namespace detail
} // namespace weft
#endif

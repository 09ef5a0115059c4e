// SPDX-License-Identifier: MIT
/* request.hpp - nonblocking collectives of weft::comm, by pointer and count.
 *
 *     weft::request sum = comm.iallreduce(mine.data(), all.data(), mine.size());
 *     compute();
 *     sum.wait();
 *
 * A request waits when it is destroyed, since its operation still uses the buffers. What it throws then is lost: wait()
 * says it. */
#ifndef WEFT_CPP_REQUEST_HPP
#define WEFT_CPP_REQUEST_HPP

#include <weft/cpp/error.hpp>
#include <weft/cpp/operations.hpp>
#include <weft/cpp/types.hpp>
#include <weft/weft.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>

namespace weft {

/* An operation in flight. Moves, does not copy; empty when it has finished. */
class request {
public:
    request() noexcept = default;
    request(request &&other) noexcept
        : handle_(std::exchange(other.handle_, nullptr)), operation_(std::move(other.operation_))
    {
    }
    request &operator=(request &&other) noexcept
    {
        request(std::move(other)).swap(*this);
        return *this;
    }
    ~request()
    {
        if (handle_ != nullptr)
            (void)weft_wait_one(&handle_);
    }
    void swap(request &other) noexcept
    {
        std::swap(handle_, other.handle_);
        operation_.swap(other.operation_);
    }

    /* Still in flight, or not waited for. */
    explicit operator bool() const noexcept { return handle_ != nullptr; }
    void wait()
    {
        detail::check_call<true>([&] { return weft_wait_one(&handle_); });
        operation_.reset();
    }
    /* Finished? Throws as wait() does. */
    bool test()
    {
        const weft_status status = weft_test(&handle_);
        if (status == WEFT_PENDING)
            return false;
        detail::check(status);
        operation_.reset();
        return true;
    }
    /* Takes back a receive that has not matched; false: it goes on. */
    bool cancel()
    {
        const weft_status status = weft_cancel(&handle_);
        if (status != WEFT_PENDING)
            detail::check(status);
        return status != WEFT_PENDING;
    }
    weft_request *native_handle() const noexcept { return handle_; }

    /* What `start` makes: a function that takes a weft_request ** and returns a status. `operation` lives until it ends. */
    template <class Start>
    static request start(Start &&start, std::shared_ptr<void> operation = nullptr)
    {
        request made;
        detail::check_call<true>([&] { return start(&made.handle_); });
        made.operation_ = std::move(operation);
        return made;
    }

private:
    weft_request *handle_ = nullptr;
    std::shared_ptr<void> operation_;
};

namespace detail {

/* A part of weft::comm. */
template <class Comm>
class flights {
public:
    /* Buffers, counts and offsets are the library's until the request has been waited for. What they mean: as in the call of
     * the name without the i. */
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
    template <class T>
    [[nodiscard]] request iallgather(const T *send, T *recv, std::size_t count)
    {
        return request::start(
            [&](weft_request **made) { return weft_iallgather(handle(), send, recv, count, type_of<T>(), made); });
    }
    template <class T>
    [[nodiscard]] request iallgatherv(const T *send, std::size_t count, T *recv, const std::size_t *counts,
                                      const std::size_t *offsets)
    {
        return request::start([&](weft_request **made) {
            return weft_iallgatherv(handle(), send, count, recv, counts, offsets, type_of<T>(), made);
        });
    }
    template <class T>
    [[nodiscard]] request igather(const T *send, T *recv, std::size_t count, int root = 0)
    {
        return request::start(
            [&](weft_request **made) { return weft_igather(handle(), send, recv, count, type_of<T>(), root, made); });
    }
    template <class T>
    [[nodiscard]] request igatherv(const T *send, std::size_t count, T *recv, const std::size_t *counts,
                                   const std::size_t *offsets, int root = 0)
    {
        return request::start([&](weft_request **made) {
            return weft_igatherv(handle(), send, count, recv, counts, offsets, type_of<T>(), root, made);
        });
    }
    template <class T>
    [[nodiscard]] request iscatter(const T *send, T *recv, std::size_t count, int root = 0)
    {
        return request::start(
            [&](weft_request **made) { return weft_iscatter(handle(), send, recv, count, type_of<T>(), root, made); });
    }
    template <class T>
    [[nodiscard]] request iscatterv(const T *send, const std::size_t *counts, const std::size_t *offsets, T *recv,
                                    std::size_t count, int root = 0)
    {
        return request::start([&](weft_request **made) {
            return weft_iscatterv(handle(), send, counts, offsets, recv, count, type_of<T>(), root, made);
        });
    }
    template <class T>
    [[nodiscard]] request ialltoall(const T *send, T *recv, std::size_t count)
    {
        return request::start(
            [&](weft_request **made) { return weft_ialltoall(handle(), send, recv, count, type_of<T>(), made); });
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
    /* Reductions take plain types. */
    template <class T, class Op = sum>
    [[nodiscard]] request iallreduce(const T *send, T *recv, std::size_t count, Op operation = Op())
    {
        return combine(operation, send, [&](const weft_type *type, const weft_op *op, weft_request **made) {
            return weft_iallreduce(handle(), send, recv, count, type, op, made);
        });
    }
    template <class T, class Op = sum>
    [[nodiscard]] request ireduce(const T *send, T *recv, std::size_t count, Op operation = Op(), int root = 0)
    {
        return combine(operation, send, [&](const weft_type *type, const weft_op *op, weft_request **made) {
            return weft_ireduce(handle(), send, recv, count, type, op, root, made);
        });
    }
    template <class T, class Op = sum>
    [[nodiscard]] request ireduce_scatter(const T *send, T *recv, std::size_t count, Op operation = Op())
    {
        return combine(operation, send, [&](const weft_type *type, const weft_op *op, weft_request **made) {
            return weft_ireduce_scatter(handle(), send, recv, count, type, op, made);
        });
    }
    template <class T, class Op = sum>
    [[nodiscard]] request ireduce_scatterv(const T *send, T *recv, const std::size_t *counts, Op operation = Op())
    {
        return combine(operation, send, [&](const weft_type *type, const weft_op *op, weft_request **made) {
            return weft_ireduce_scatterv(handle(), send, recv, counts, type, op, made);
        });
    }
    template <class T, class Op = sum>
    [[nodiscard]] request iscan(const T *send, T *recv, std::size_t count, Op operation = Op())
    {
        return combine(operation, send, [&](const weft_type *type, const weft_op *op, weft_request **made) {
            return weft_iscan(handle(), send, recv, count, type, op, made);
        });
    }
    template <class T, class Op = sum>
    [[nodiscard]] request iexscan(const T *send, T *recv, std::size_t count, Op operation = Op())
    {
        return combine(operation, send, [&](const weft_type *type, const weft_op *op, weft_request **made) {
            return weft_iexscan(handle(), send, recv, count, type, op, made);
        });
    }

protected:
    flights() noexcept = default;
    ~flights() = default;

private:
    weft_comm *handle() noexcept { return static_cast<Comm *>(this)->native_handle(); }

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

// SPDX-License-Identifier: MIT
/* request.hpp - nonblocking calls and messages of weft::comm, by pointer and count, or one value.
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
#include <optional>
#include <utility>

namespace weft {

using message = weft_message;
inline constexpr int any_source = WEFT_ANY_SOURCE;
inline constexpr int any_tag = WEFT_ANY_TAG;
inline constexpr int no_rank = WEFT_NO_RANK;

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

/* The part of weft::comm that is about requests and messages. */
template <class Comm>
class flights {
public:
    /* Buffers are the library's until the request has been waited for. */
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
    template <class T, class Op = sum>
    [[nodiscard]] request iallreduce(const T *send, T *recv, std::size_t count, Op operation = Op())
    {
        static_assert(is_plain_v<T>, "weft: a nonblocking reduction takes plain types");
        auto bound = std::make_shared<bound_op<T, Op>>(operation);
        const weft_op *op = bound->get();
        return request::start(
            [&](weft_request **made) { return weft_iallreduce(handle(), send, recv, count, type_of<T>(), op, made); },
            std::move(bound));
    }
    template <class T, class Op = sum>
    [[nodiscard]] request ireduce(const T *send, T *recv, std::size_t count, Op operation = Op(), int root = 0)
    {
        static_assert(is_plain_v<T>, "weft: a nonblocking reduction takes plain types");
        auto bound = std::make_shared<bound_op<T, Op>>(operation);
        const weft_op *op = bound->get();
        return request::start(
            [&](weft_request **made) {
                return weft_ireduce(handle(), send, recv, count, type_of<T>(), op, root, made);
            },
            std::move(bound));
    }

    /* Messages: `count` elements, or one value. */
    template <class T>
    void send(const T *data, std::size_t count, int dest, int tag = 0)
    {
        check_call<true>([&] { return weft_send(handle(), data, count, type_of<T>(), dest, tag); });
    }
    template <class T>
    void send(const T &value, int dest, int tag = 0)
    {
        send(std::addressof(value), 1, dest, tag);
    }
    /* At most `count` elements; the message says how many, from whom. */
    template <class T>
    message recv(T *data, std::size_t count, int source = any_source, int tag = any_tag)
    {
        message got{};
        check_call<true>([&] { return weft_recv(handle(), data, count, type_of<T>(), source, tag, &got); });
        return got;
    }
    template <class T>
    [[nodiscard]] T recv(int source = any_source, int tag = any_tag)
    {
        T value{};
        (void)recv(std::addressof(value), 1, source, tag);
        return value;
    }
    template <class T>
    message sendrecv(const T *out, std::size_t out_count, int dest, int out_tag, T *in, std::size_t in_count,
                     int source, int in_tag)
    {
        message got{};
        check_call<true>([&] {
            return weft_sendrecv(handle(), out, out_count, dest, out_tag, in, in_count, source, in_tag, type_of<T>(),
                                 &got);
        });
        return got;
    }
    template <class T>
    [[nodiscard]] request isend(const T *data, std::size_t count, int dest, int tag = 0)
    {
        return request::start(
            [&](weft_request **made) { return weft_isend(handle(), data, count, type_of<T>(), dest, tag, made); });
    }
    /* `got` may be null, and is filled in when the request finishes. */
    template <class T>
    [[nodiscard]] request irecv(T *data, std::size_t count, int source = any_source, int tag = any_tag,
                                message *got = nullptr)
    {
        return request::start([&](weft_request **made) {
            return weft_irecv(handle(), data, count, type_of<T>(), source, tag, got, made);
        });
    }
    /* The message that a receive would get; iprobe: if there is one. */
    message probe(int source = any_source, int tag = any_tag)
    {
        message got{};
        check(weft_probe(handle(), source, tag, &got));
        return got;
    }
    [[nodiscard]] std::optional<message> iprobe(int source = any_source, int tag = any_tag)
    {
        message got{};
        const weft_status status = weft_iprobe(handle(), source, tag, &got);
        if (status == WEFT_PENDING)
            return std::nullopt;
        check(status);
        return got;
    }

protected:
    flights() noexcept = default;
    ~flights() = default;

private:
    weft_comm *handle() noexcept { return static_cast<Comm *>(this)->native_handle(); }
};

} // namespace detail
} // namespace weft
#endif

// SPDX-License-Identifier: MIT
/* request.hpp - what a nonblocking call of weft::comm gives, and the waits for it.
 *
 *     weft::request sum = comm.iallreduce(mine, all);
 *     compute();
 *     sum.wait();
 *
 * A request waits when it is destroyed, since its operation still uses the buffers. What it throws then is lost: wait()
 * says it. */
#ifndef WEFT_CPP_REQUEST_HPP
#define WEFT_CPP_REQUEST_HPP

#include <weft/cpp/error.hpp>
#include <weft/weft.h>

#include <cstddef>
#include <iterator>
#include <memory>
#include <utility>
#include <vector>

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

    /* One thing more that lives until it ends. */
    void keep(std::shared_ptr<void> thing)
    {
        if (operation_ != nullptr)
            thing =
                std::make_shared<std::pair<std::shared_ptr<void>, std::shared_ptr<void>>>(operation_, std::move(thing));
        operation_ = std::move(thing);
    }

    /* All of them, in whatever order they finish; throws what the first that failed has to say, by index. */
    static void wait_all(const std::vector<request *> &requests)
    {
        std::vector<weft_request *> handles = handles_of(requests);
        settle([&] { return weft_wait_all(handles.data(), handles.size()); }, requests, handles);
    }
    /* One of them that finishes: its index. Their number: none is in flight. */
    static std::size_t wait_any(const std::vector<request *> &requests)
    {
        std::vector<weft_request *> handles = handles_of(requests);
        std::size_t index = handles.size();
        settle([&] { return weft_wait_any(handles.data(), handles.size(), &index); }, requests, handles);
        return index;
    }

private:
    static std::vector<weft_request *> handles_of(const std::vector<request *> &requests)
    {
        std::vector<weft_request *> handles;
        handles.reserve(requests.size());
        for (const request *each : requests)
            handles.push_back(each->handle_);
        return handles;
    }
    /* Waits, and empties those that have finished, whether or not the wait throws. */
    template <class Wait>
    static void settle(Wait wait, const std::vector<request *> &requests, const std::vector<weft_request *> &handles)
    {
        detail::check_call<true>([&] {
            const weft_status status = wait();
            for (std::size_t i = 0; i < requests.size(); i++) {
                requests[i]->handle_ = handles[i];
                if (handles[i] == nullptr)
                    requests[i]->operation_.reset();
            }
            return status;
        });
    }

    weft_request *handle_ = nullptr;
    std::shared_ptr<void> operation_;
};

namespace detail {

template <class Requests>
std::vector<request *> each_of(Requests &requests)
{
    std::vector<request *> all;
    all.reserve(std::size(requests));
    for (request &each : requests)
        all.push_back(&each);
    return all;
}

} // namespace detail

/* Waits for all requests of a range, or for those that are named: wait_all(left, right). */
template <class Requests>
void wait_all(Requests &requests)
{
    request::wait_all(detail::each_of(requests));
}
template <class... Requests>
void wait_all(request &first, Requests &...others)
{
    request::wait_all({&first, &others...});
}
/* Waits for one request of a range to finish: its index, or the size of the range when all are empty. */
template <class Requests>
[[nodiscard]] std::size_t wait_any(Requests &requests)
{
    return request::wait_any(detail::each_of(requests));
}

} // namespace weft
#endif

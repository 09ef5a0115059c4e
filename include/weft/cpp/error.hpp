// SPDX-License-Identifier: MIT
/* error.hpp - failures of the C library as exceptions, and exceptions of callbacks as failures of the C library.
 *
 * No exception may pass through C. What a copy constructor, a serialiser or a user's operation throws inside a call is
 * kept for the thread that ran it and becomes WEFT_ERR_CALLBACK; the library fails the call on every rank. check() then
 * throws the original again where it was thrown, and weft::error, naming the rank, everywhere else. */
#ifndef WEFT_CPP_ERROR_HPP
#define WEFT_CPP_ERROR_HPP

#include <weft/weft.h>

#include <exception>
#include <stdexcept>
#include <string>
#include <utility>

namespace weft {

/* Thrown by every call that fails. what() is the library's sentence: which call, which rank, what was found. */
class error : public std::runtime_error {
public:
    explicit error(weft_status status) : std::runtime_error(sentence(status)), status_(status) {}
    error(weft_status status, const std::string &what) : std::runtime_error(what), status_(status) {}
    weft_status status() const noexcept { return status_; }

private:
    static std::string sentence(weft_status status)
    {
        const char *text = weft_last_error();
        return *text != '\0' ? text : weft_status_name(status);
    }
    weft_status status_;
};

namespace detail {

/* What a callback that ran on this thread threw. */
inline std::exception_ptr &callback_exception() noexcept
{
    thread_local std::exception_ptr exception;
    return exception;
}

/* Runs the body of a callback that C calls. */
template <class Body>
weft_status guarded(Body &&body) noexcept
{
    try {
        body();
        return WEFT_OK;
    } catch (...) {
        callback_exception() = std::current_exception();
        return WEFT_ERR_CALLBACK;
    }
}

[[noreturn]] inline void fail(weft_status status)
{
    std::exception_ptr original = std::exchange(callback_exception(), nullptr);
    if (status == WEFT_ERR_CALLBACK && original)
        std::rethrow_exception(original);
    throw error(status);
}

inline void check(weft_status status)
{
    if (status != WEFT_OK)
        fail(status);
}

/* Makes a call. If it may run callbacks of ours: what one threw that ran here for another's call is not this call's. */
template <bool CallsBack, class Call>
void check_call(Call &&call)
{
    if constexpr (CallsBack)
        callback_exception() = nullptr;
    check(call());
}

} // namespace detail
} // namespace weft
#endif

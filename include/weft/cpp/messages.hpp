// SPDX-License-Identifier: MIT
/* messages.hpp - messages of weft::comm: elements by pointer and count, or one object.
 *
 *     comm.send(text, dest);                                        any copyable class; a vector arrives whole
 *     auto text = comm.recv<std::string>(source);
 *     weft::request in = comm.irecv(halo, left);
 *
 * An array or a view is a range of elements, on both sides; other containers are objects, as in a broadcast. */
#ifndef WEFT_CPP_MESSAGES_HPP
#define WEFT_CPP_MESSAGES_HPP

#include <weft/cpp/error.hpp>
#include <weft/cpp/ranges.hpp>
#include <weft/cpp/request.hpp>
#include <weft/cpp/types.hpp>
#include <weft/weft.h>

#include <cstddef>
#include <iterator>
#include <memory>
#include <optional>
#include <type_traits>

namespace weft {

using message = weft_message;
inline constexpr int any_source = WEFT_ANY_SOURCE;
inline constexpr int any_tag = WEFT_ANY_TAG;
inline constexpr int no_rank = WEFT_NO_RANK;

namespace detail {

/* What a message is made of: the elements of a buffer, or one object. */
template <class T>
auto *first_of(T &object)
{
    if constexpr (is_buffer<std::remove_const_t<T>>())
        return std::data(object);
    else
        return std::addressof(object);
}
template <class T>
std::size_t count_of(const T &object)
{
    if constexpr (is_buffer<T>())
        return std::size(object);
    else
        return 1;
}
/* An object to send from or receive into, as against a pointer with a count. */
template <class T>
using if_object = std::enable_if_t<!std::is_pointer_v<std::remove_reference_t<T>>, int>;

template <class T>
constexpr void assert_receives()
{
    using object = std::remove_reference_t<T>;
    if constexpr (is_buffer<object>())
        assert_writable<T>();
    else
        static_assert(std::is_lvalue_reference_v<T> && !std::is_const_v<object>,
                      "weft: this object receives, so it must be neither const nor a temporary");
}

/* A part of weft::comm. */
template <class Comm>
class messages {
public:
    template <class T>
    void send(const T *data, std::size_t count, int dest, int tag = 0)
    {
        check_call<true>([&] { return weft_send(handle(), data, count, type_of<T>(), dest, tag); });
    }
    template <class T, if_object<T> = 0>
    void send(const T &object, int dest, int tag = 0)
    {
        send(first_of(object), count_of(object), dest, tag);
    }
    /* At most `count` elements; the message says how many, from whom. */
    template <class T>
    message recv(T *data, std::size_t count, int source = any_source, int tag = any_tag)
    {
        message got{};
        check_call<true>([&] { return weft_recv(handle(), data, count, type_of<T>(), source, tag, &got); });
        return got;
    }
    template <class T, if_object<T> = 0>
    message recv(T &&object, int source = any_source, int tag = any_tag)
    {
        assert_receives<T>();
        return recv(first_of(object), count_of(object), source, tag);
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
    /* Both under one tag. */
    template <class Out, class In, if_object<In> = 0>
    message sendrecv(const Out &out, int dest, In &&in, int source, int tag = 0)
    {
        assert_receives<In>();
        return sendrecv(first_of(out), count_of(out), dest, tag, first_of(in), count_of(in), source, tag);
    }

    /* What is sent or received stays until the request has been waited for. */
    template <class T>
    [[nodiscard]] request isend(const T *data, std::size_t count, int dest, int tag = 0)
    {
        return request::start(
            [&](weft_request **made) { return weft_isend(handle(), data, count, type_of<T>(), dest, tag, made); });
    }
    template <class T, if_object<T> = 0>
    [[nodiscard]] request isend(const T &object, int dest, int tag = 0)
    {
        return isend(first_of(object), count_of(object), dest, tag);
    }
    template <class T, std::enable_if_t<!is_view_v<T>, int> = 0>
    request isend(const T &&temporary, int dest, int tag = 0) = delete;
    /* `got` may be null, and is filled in when the request finishes. */
    template <class T>
    [[nodiscard]] request irecv(T *data, std::size_t count, int source = any_source, int tag = any_tag,
                                message *got = nullptr)
    {
        return request::start([&](weft_request **made) {
            return weft_irecv(handle(), data, count, type_of<T>(), source, tag, got, made);
        });
    }
    template <class T, if_object<T> = 0>
    [[nodiscard]] request irecv(T &&object, int source = any_source, int tag = any_tag, message *got = nullptr)
    {
        assert_receives<T>();
        return irecv(first_of(object), count_of(object), source, tag, got);
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
    messages() noexcept = default;
    ~messages() = default;

private:
    weft_comm *handle() noexcept { return static_cast<Comm *>(this)->native_handle(); }
};

} // namespace detail
} // namespace weft
#endif

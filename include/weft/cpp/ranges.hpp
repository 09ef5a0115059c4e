// SPDX-License-Identifier: MIT
/* ranges.hpp - what weft::comm takes for a buffer of elements, and what for one value.
 *
 * A range is anything with contiguous elements: std::data and std::size accept it. Strings are values in reductions. */
#ifndef WEFT_CPP_RANGES_HPP
#define WEFT_CPP_RANGES_HPP

#include <weft/cpp/operations.hpp>
#include <weft/cpp/types.hpp>

#include <cstddef>
#include <iterator>
#include <string>
#include <type_traits>
#include <utility>

namespace weft {
namespace detail {

template <class R, class = void>
inline constexpr bool is_range_v = false;
template <class R>
inline constexpr bool
    is_range_v<R, std::void_t<decltype(*std::data(std::declval<R &>())), decltype(std::size(std::declval<R &>()))>> =
        true;

template <class R>
using element_t = std::remove_reference_t<decltype(*std::data(std::declval<R &>()))>;
template <class R>
using value_t = std::remove_cv_t<element_t<R>>;

/* Takes the number of elements that it is told to take. */
template <class R, class = void>
inline constexpr bool is_resizable_v = false;
template <class R>
inline constexpr bool
    is_resizable_v<R, std::void_t<decltype(std::declval<R &>().resize(std::declval<std::size_t>()))>> = true;

/* Looks at elements that it does not hold: std::span, std::string_view. */
template <class R, bool = is_range_v<R> && !std::is_array_v<R>>
inline constexpr bool is_view_v = false;
template <class R>
inline constexpr bool is_view_v<R, true> =
    std::is_trivially_copyable_v<R> &&std::is_constructible_v<R, element_t<R> *, std::size_t>;

/* A buffer whose elements a broadcast fills, as against a value that it replaces. */
template <class R>
constexpr bool is_buffer()
{
    if constexpr (std::is_array_v<R>)
        return true;
    else if constexpr (is_range_v<R>)
        return is_view_v<R> || (!is_resizable_v<R> && !is_plain_v<R>);
    else
        return false;
}

template <class T>
inline constexpr bool is_string_v = false;
template <class Char, class Traits, class Allocator>
inline constexpr bool is_string_v<std::basic_string<Char, Traits, Allocator>> = true;

/* Could be an operation of a reduction; not a number, a pointer to data or a range. */
template <class Op>
inline constexpr bool is_operation_v =
    (std::is_class_v<Op> && !is_range_v<Op>) || std::is_same_v<Op, op> || std::is_convertible_v<Op, const weft_op *> ||
    (std::is_pointer_v<Op> && std::is_function_v<std::remove_pointer_t<Op>>);

/* Whether `Op` combines the elements of an R, or R as one value: where both are possible, named operations combine
 * elements, and a function combines what it was written for. */
template <class R, class Op>
constexpr bool reduces_elements()
{
    if constexpr (std::is_array_v<R>)
        return true;
    else if constexpr (!is_range_v<R> || is_string_v<R>)
        return false;
    else
        return is_named_v<Op> || !combines_v<Op, R>;
}

template <class R, class Op>
using if_elements = std::enable_if_t<is_operation_v<Op> && reduces_elements<std::remove_reference_t<R>, Op>(), int>;
template <class T, class Op>
using if_value = std::enable_if_t<is_operation_v<Op> && !std::is_pointer_v<T> && !reduces_elements<T, Op>(), int>;
template <class In, class Out>
using if_ranges = std::enable_if_t<is_range_v<In> && is_range_v<std::remove_reference_t<Out>>, int>;

/* A range to write to: an lvalue, or a view. */
template <class R>
constexpr void assert_writable()
{
    using range = std::remove_reference_t<R>;
    static_assert(!std::is_const_v<element_t<range>>, "weft: this range receives, so it must not be const");
    static_assert(std::is_lvalue_reference_v<R> || is_view_v<range>,
                  "weft: this range receives, so it must not be a temporary");
}

} // namespace detail
} // namespace weft
#endif

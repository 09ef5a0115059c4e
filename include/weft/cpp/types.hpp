// SPDX-License-Identifier: MIT
/* types.hpp - which weft_type stands for a C++ type.
 *
 *   numbers    the built-in type of their size: every integer type (bool and enums by what they are stored as), float,
 *              double, the 16-bit floats of float16.hpp and of the compiler, and pairs of a value and an index
 *   plain      any other trivially copyable type: bytes
 *   objects    any other class: copied by its copy assignment, or by its copy constructor where it has none. It gets
 *              the serialise functions, too, if archive.hpp knows its members
 *
 * Plain types and objects are named after the class, so ranks that disagree on it get WEFT_ERR_MISMATCH with both
 * names. */
#ifndef WEFT_CPP_TYPES_HPP
#define WEFT_CPP_TYPES_HPP

#include <weft/cpp/archive.hpp>
#include <weft/cpp/error.hpp>
#include <weft/cpp/float16.hpp>
#include <weft/weft.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <new>
#include <type_traits>
#ifdef __cpp_rtti
#include <cstdlib>
#include <cxxabi.h>
#include <typeinfo>
#endif

namespace weft {
namespace detail {

/* g++ 12 has the type in C++ on x86 alone, and its macros everywhere. */
#if defined(__FLT16_MANT_DIG__) && (defined(__clang__) || __GNUC__ >= 13 || defined(__x86_64__) || defined(__i386__))
#define WEFT_CPP_NATIVE_FLOAT16
__extension__ typedef _Float16 native_float16;
#else
using native_float16 = float16;
#endif
#ifdef __BFLT16_MANT_DIG__
__extension__ typedef __bf16 native_bfloat16;
#else
using native_bfloat16 = bfloat16;
#endif

constexpr const weft_type *integer_type(std::size_t size, bool is_signed)
{
    switch (size) {
    case 1:
        return is_signed ? WEFT_INT8 : WEFT_UINT8;
    case 2:
        return is_signed ? WEFT_INT16 : WEFT_UINT16;
    case 4:
        return is_signed ? WEFT_INT32 : WEFT_UINT32;
    default:
        return is_signed ? WEFT_INT64 : WEFT_UINT64;
    }
}

template <class T>
inline constexpr bool is_float_v =
    std::is_same_v<T, float> || std::is_same_v<T, double> || std::is_same_v<T, float16> ||
    std::is_same_v<T, bfloat16> || std::is_same_v<T, native_float16> || std::is_same_v<T, native_bfloat16>;

template <class T>
constexpr const weft_type *float_type()
{
    if constexpr (std::is_same_v<T, float>)
        return WEFT_FLOAT32;
    else if constexpr (std::is_same_v<T, double>)
        return WEFT_FLOAT64;
    else if constexpr (std::is_same_v<T, bfloat16> || std::is_same_v<T, native_bfloat16>)
        return WEFT_BFLOAT16;
    else
        return WEFT_FLOAT16;
}

template <class T>
inline constexpr bool is_indexed_v = std::is_same_v<T, weft_int32_indexed> || std::is_same_v<T, weft_int64_indexed> ||
                                     std::is_same_v<T, weft_float32_indexed> || std::is_same_v<T, weft_float64_indexed>;

template <class T>
constexpr const weft_type *indexed_type()
{
    if constexpr (std::is_same_v<T, weft_int32_indexed>)
        return WEFT_INT32_INDEX;
    else if constexpr (std::is_same_v<T, weft_int64_indexed>)
        return WEFT_INT64_INDEX;
    else if constexpr (std::is_same_v<T, weft_float32_indexed>)
        return WEFT_FLOAT32_INDEX;
    else
        return WEFT_FLOAT64_INDEX;
}

template <class T>
inline constexpr bool is_builtin_integer_v = sizeof(T) <= 8 && (std::is_integral_v<T> || std::is_enum_v<T>);
/* T has a built-in type. */
template <class T>
inline constexpr bool is_builtin_v = is_builtin_integer_v<T> || is_float_v<T> || is_indexed_v<T>;

template <class T>
constexpr const weft_type *builtin_type()
{
    if constexpr (std::is_enum_v<T>)
        return builtin_type<std::underlying_type_t<T>>();
    else if constexpr (std::is_integral_v<T>)
        return integer_type(sizeof(T), std::is_signed_v<T>);
    else if constexpr (is_float_v<T>)
        return float_type<T>();
    else
        return indexed_type<T>();
}

/* Moves as bytes. Everything else is an object. */
template <class T>
inline constexpr bool is_plain_v = std::is_trivially_copyable_v<T>;

/* The class's name, for messages and for finding ranks that disagree. Never freed: a thread may outlive main. */
template <class T>
const char *type_name()
{
#ifdef __cpp_rtti
    static const char *const name = [] {
        const char *mangled = typeid(T).name();
        const char *readable = abi::__cxa_demangle(mangled, nullptr, nullptr, nullptr);
        return readable != nullptr ? readable : mangled;
    }();
    return name;
#else
    return "C++ class";
#endif
}

/* Puts a copy of source in place of target. A copy that throws leaves target alive. */
template <class T>
void replace(T &target, const T &source)
{
    if constexpr (std::is_copy_assignable_v<T>) {
        target = source;
    } else {
        static_assert(std::is_nothrow_move_constructible_v<T>,
                      "weft: needs a copy assignment, or a move constructor that does not throw");
        T copy(source);
        target.~T();
        ::new (static_cast<void *>(std::addressof(target))) T(std::move(copy));
    }
}

template <class T>
weft_status copy_objects(const weft_type *, const void *source, void *target, std::size_t count)
{
    return guarded([=] {
        const T *from = static_cast<const T *>(source);
        T *to = static_cast<T *>(target);
        for (std::size_t i = 0; i < count; i++)
            replace(to[i], from[i]);
    });
}

template <class Archive, class T>
void walk_objects(Archive &archive, T *objects, std::size_t count)
{
    for (std::size_t i = 0; i < count; i++)
        walk_any(archive, objects[i]);
}

template <class T>
weft_status count_bytes(const weft_type *, const void *source, std::size_t count, std::size_t *size)
{
    return guarded([=] {
        size_archive archive;
        walk_objects(archive, static_cast<const T *>(source), count);
        *size = archive.size();
    });
}

template <class T>
weft_status write_bytes(const weft_type *, const void *source, std::size_t count, void *bytes, std::size_t size)
{
    return guarded([=] {
        output_archive archive(bytes, size);
        walk_objects(archive, static_cast<const T *>(source), count);
    });
}

template <class T>
weft_status read_bytes(const weft_type *, const void *bytes, std::size_t size, void *target, std::size_t count)
{
    return guarded([=] {
        input_archive archive(bytes, size);
        walk_objects(archive, static_cast<T *>(target), count);
    });
}

template <class T>
const weft_type *class_type()
{
    static const weft_type type = [] {
        weft_type made{};
        made.name = type_name<T>();
        made.size = sizeof(T);
        if constexpr (!is_plain_v<T>) {
            made.copy = &copy_objects<T>;
            if constexpr (is_serializable_v<T>) {
                made.serialized_size = &count_bytes<T>;
                made.serialize = &write_bytes<T>;
                made.deserialize = &read_bytes<T>;
            }
        }
        return made;
    }();
    return &type;
}

} // namespace detail

/* The weft_type of T, for calls of the C interface. It lives as long as the program. */
template <class T>
const weft_type *type_of()
{
    static_assert(std::is_object_v<T> && !std::is_array_v<T> && !std::is_const_v<T>,
                  "weft: this is no type that a buffer can hold");
    static_assert(std::is_copy_constructible_v<T> || std::is_copy_assignable_v<T>,
                  "weft: what is sent must be copyable; unique_ptr, mutex and atomic are not");
    if constexpr (detail::is_builtin_v<T>)
        return detail::builtin_type<T>();
    else
        return detail::class_type<T>();
}

/* A value and the rank or place it came from, for minloc and maxloc: {value, index}. */
template <class T>
struct indexed_of;
template <>
struct indexed_of<std::int32_t> {
    using type = weft_int32_indexed;
};
template <>
struct indexed_of<std::int64_t> {
    using type = weft_int64_indexed;
};
template <>
struct indexed_of<float> {
    using type = weft_float32_indexed;
};
template <>
struct indexed_of<double> {
    using type = weft_float64_indexed;
};
template <class T>
using indexed = typename indexed_of<T>::type;

} // namespace weft
#endif

// SPDX-License-Identifier: MIT
/* host_types.hpp - element types, operations and function types of the HostComm interface. */
#ifndef WEFT_CPP_HOST_TYPES_HPP
#define WEFT_CPP_HOST_TYPES_HPP

#include <weft/cpp/float16.hpp>
#include <weft/cpp/types.hpp>
#include <weft/weft.h>

#include <cstddef>
#include <type_traits>

namespace weft::host {

enum class RedOp { kSum, kMin, kMax };

enum class DataType : int {
    kNull, /* no element size: a class, known to its copy function alone */
    kBool,
    kInt8,
    kInt16,
    kInt32,
    kInt64,
    kUint8,
    kUint16,
    kUint32,
    kUint64,
    kFloat16,
    kBfloat16,
    kFloat32,
    kFloat64,
    kInt = kInt32,
    kUint = kUint32,
    kHalf = kFloat16,
    kFloat = kFloat32,
    kDouble = kFloat64
};

inline constexpr DataType kNull = DataType::kNull;
inline constexpr DataType kBool = DataType::kBool;
inline constexpr DataType kInt8 = DataType::kInt8;
inline constexpr DataType kInt16 = DataType::kInt16;
inline constexpr DataType kInt32 = DataType::kInt32;
inline constexpr DataType kInt64 = DataType::kInt64;
inline constexpr DataType kUint8 = DataType::kUint8;
inline constexpr DataType kUint16 = DataType::kUint16;
inline constexpr DataType kUint32 = DataType::kUint32;
inline constexpr DataType kUint64 = DataType::kUint64;
inline constexpr DataType kFloat16 = DataType::kFloat16;
inline constexpr DataType kBfloat16 = DataType::kBfloat16;
inline constexpr DataType kFloat32 = DataType::kFloat32;
inline constexpr DataType kFloat64 = DataType::kFloat64;
inline constexpr DataType kInt = DataType::kInt;
inline constexpr DataType kUint = DataType::kUint;
inline constexpr DataType kHalf = DataType::kHalf;
inline constexpr DataType kFloat = DataType::kFloat;
inline constexpr DataType kDouble = DataType::kDouble;

/* dst[offset + i] = src[offset + i] for i below n. May throw. */
typedef void (*copy_fn)(void *src, int n, void *dst, int offset);
/* The n elements of data from offset on, as bytes: sets size if out is null, else writes size bytes. */
typedef void (*ser_fn)(void *data, int offset, int n, size_t &size, void *out);
/* Reads them back into constructed elements. */
typedef void (*des_fn)(void *data, int offset, int n, void *in, size_t size);

namespace detail {

/* The weft_type of a DataType; NULL for kNull. */
inline const weft_type *type_of(DataType dtype) noexcept
{
    switch (dtype) {
    case DataType::kNull:
        return nullptr;
    case DataType::kInt8:
        return WEFT_INT8;
    case DataType::kInt16:
        return WEFT_INT16;
    case DataType::kInt32:
        return WEFT_INT32;
    case DataType::kInt64:
        return WEFT_INT64;
    case DataType::kBool:
    case DataType::kUint8:
        return WEFT_UINT8;
    case DataType::kUint16:
        return WEFT_UINT16;
    case DataType::kUint32:
        return WEFT_UINT32;
    case DataType::kUint64:
        return WEFT_UINT64;
    case DataType::kFloat16:
        return WEFT_FLOAT16;
    case DataType::kBfloat16:
        return WEFT_BFLOAT16;
    case DataType::kFloat32:
        return WEFT_FLOAT32;
    case DataType::kFloat64:
        return WEFT_FLOAT64;
    }
    return nullptr;
}

constexpr DataType integer_type(std::size_t size, bool is_signed) noexcept
{
    switch (size) {
    case 1:
        return is_signed ? kInt8 : kUint8;
    case 2:
        return is_signed ? kInt16 : kUint16;
    case 4:
        return is_signed ? kInt32 : kUint32;
    case 8:
        return is_signed ? kInt64 : kUint64;
    default:
        return kNull;
    }
}

template <class T>
constexpr DataType data_type() noexcept
{
    if constexpr (std::is_same_v<T, bool>)
        return kBool;
    else if constexpr (std::is_integral_v<T>)
        return integer_type(sizeof(T), std::is_signed_v<T>);
    else if constexpr (std::is_same_v<T, float>)
        return kFloat32;
    else if constexpr (std::is_same_v<T, double>)
        return kFloat64;
    else if constexpr (std::is_same_v<T, bfloat16> || std::is_same_v<T, weft::detail::native_bfloat16>)
        return kBfloat16;
    else if constexpr (std::is_same_v<T, float16> || std::is_same_v<T, weft::detail::native_float16>)
        return kFloat16;
    else
        return kNull;
}

} // namespace detail

/* The DataType of a number, by its size; kNull for everything else. */
template <class T>
inline constexpr DataType data_type_v = detail::data_type<std::remove_cv_t<T>>();

/* Bytes of `size` elements; 0 for kNull. */
constexpr std::ptrdiff_t byte_size(DataType dtype, std::ptrdiff_t size = 1) noexcept
{
    switch (dtype) {
    case DataType::kNull:
        return 0;
    case DataType::kBool:
    case DataType::kInt8:
    case DataType::kUint8:
        return size;
    case DataType::kInt16:
    case DataType::kUint16:
    case DataType::kFloat16:
    case DataType::kBfloat16:
        return size * 2;
    case DataType::kInt32:
    case DataType::kUint32:
    case DataType::kFloat32:
        return size * 4;
    case DataType::kInt64:
    case DataType::kUint64:
    case DataType::kFloat64:
        return size * 8;
    }
    return 0;
}
template <class T>
constexpr std::ptrdiff_t byte_size(std::ptrdiff_t size = 1) noexcept
{
    return byte_size(data_type_v<T>, size);
}

} // namespace weft::host
#endif

// SPDX-License-Identifier: MIT
/* float16.hpp - the two 16-bit floating-point types, for compilers that have none of their own.
 *
 * They store and convert: to float implicitly, which is exact, and from any number explicitly, by float, rounded to
 * nearest, ties to even; so arithmetic on them happens in float. The conversions use integers alone and do not depend
 * on the rounding mode. A NaN stays one, quiet, with its sign. */
#ifndef WEFT_CPP_FLOAT16_HPP
#define WEFT_CPP_FLOAT16_HPP

#include <cstdint>
#include <cstring>
#include <type_traits>

namespace weft {
namespace detail {

inline std::uint32_t bits_of(float value) noexcept
{
    std::uint32_t bits;
    std::memcpy(&bits, &value, sizeof bits);
    return bits;
}

inline float float_of(std::uint32_t bits) noexcept
{
    float value;
    std::memcpy(&value, &bits, sizeof value);
    return value;
}

/* bits >> shift, rounded to nearest, ties to even. */
inline std::uint32_t round_off(std::uint32_t bits, unsigned shift) noexcept
{
    std::uint32_t odd = (bits >> shift) & 1U;
    return (bits + (1U << (shift - 1)) - 1U + odd) >> shift;
}

inline std::uint16_t half_of(float value) noexcept
{
    const std::uint32_t bits = bits_of(value);
    const std::uint32_t sign = (bits >> 16) & 0x8000U;
    const std::uint32_t size = bits & 0x7fffffffU;
    std::uint32_t half;
    if (size > 0x7f800000U) /* NaN */
        half = 0x7e00U | ((size >> 13) & 0x3ffU);
    else if (size >= 0x477ff000U) /* 65520 and more round to infinity */
        half = 0x7c00U;
    else if (size >= 0x38800000U) /* 2^-14 and more: move the exponent's bias from 127 to 15 */
        half = round_off(size - 0x38000000U, 13);
    else if (size >= 0x33000000U) /* 2^-25 and more: subnormal, in units of 2^-24 */
        half = round_off((size & 0x7fffffU) | 0x800000U, 126U - (size >> 23));
    else
        half = 0;
    return static_cast<std::uint16_t>(sign | half);
}

inline float float_of_half(std::uint16_t half) noexcept
{
    const std::uint32_t sign = (half & 0x8000U) << 16;
    const std::uint32_t exponent = (half >> 10) & 0x1fU;
    const std::uint32_t fraction = half & 0x3ffU;
    if (exponent == 0) /* zero or subnormal */
        return float_of(sign | bits_of(static_cast<float>(fraction) * (1.0F / 16777216.0F)));
    if (exponent == 31) /* infinity or NaN */
        return float_of(sign | 0x7f800000U | (fraction << 13));
    return float_of(sign | ((exponent + 112U) << 23) | (fraction << 13));
}

inline std::uint16_t bfloat_of(float value) noexcept
{
    const std::uint32_t bits = bits_of(value);
    if ((bits & 0x7fffffffU) > 0x7f800000U)
        return static_cast<std::uint16_t>((bits >> 16) | 0x40U);
    return static_cast<std::uint16_t>(round_off(bits, 16));
}

} // namespace detail

/* IEEE binary16: 1 sign bit, 5 of exponent, 10 of fraction. WEFT_FLOAT16. */
struct float16 {
    std::uint16_t bits;

    float16() = default;
    template <class Number, std::enable_if_t<std::is_arithmetic_v<Number>, int> = 0>
    explicit float16(Number value) noexcept : bits(detail::half_of(static_cast<float>(value)))
    {
    }
    operator float() const noexcept { return detail::float_of_half(bits); }
    static float16 from_bits(std::uint16_t bits) noexcept
    {
        float16 value;
        value.bits = bits;
        return value;
    }
};

/* The upper half of a float: 1 sign bit, 8 of exponent, 7 of fraction. WEFT_BFLOAT16. */
struct bfloat16 {
    std::uint16_t bits;

    bfloat16() = default;
    template <class Number, std::enable_if_t<std::is_arithmetic_v<Number>, int> = 0>
    explicit bfloat16(Number value) noexcept : bits(detail::bfloat_of(static_cast<float>(value)))
    {
    }
    operator float() const noexcept { return detail::float_of(static_cast<std::uint32_t>(bits) << 16); }
    static bfloat16 from_bits(std::uint16_t bits) noexcept
    {
        bfloat16 value;
        value.bits = bits;
        return value;
    }
};

static_assert(sizeof(float16) == 2 && sizeof(bfloat16) == 2 && std::is_trivially_copyable_v<float16> &&
              std::is_trivially_copyable_v<bfloat16>);

} // namespace weft
#endif

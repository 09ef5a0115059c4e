// SPDX-License-Identifier: MIT
/* vectors.h - what kernels.c computes with: the vectors of one instruction set, and each operation on them.
 *
 * Vectors are those of GCC and Clang (`vector_size`), not intrinsics: one source for all instruction sets, and nothing
 * depends on what a compiler finds worth vectorising. Everything stands twice: TYPE_many fills a vector register,
 * TYPE_one is a vector of one element, for those that are left over; both are made from the same expression. A
 * comparison gives a mask, as wide as its lanes.
 *
 * NaN and signed zero: a NaN among the operands makes the result the quiet NaN; min and max hold -0 to be less than +0
 * (IEEE 754-2019, minimum and maximum). In minloc and maxloc a NaN wins over any number, and the lower index wins among
 * equals. Conversions from and to 16-bit floats round to nearest even, as the processor's instruction does where it has
 * one; elsewhere they use integer arithmetic and exact subtraction. No instruction set and no floating-point mode
 * changes their bits. */
#ifndef WEFT_REDUCE_VECTORS_H
#define WEFT_REDUCE_VECTORS_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

#define INLINE static inline __attribute__((always_inline))

/* ---- Vector registers, and stores past the caches where the processor has them */

#if defined(__AVX512F__)
#define VECTOR_BYTES 64
#define STREAM(to, value) _mm512_stream_si512((void *)(to), (__m512i)(value))
#elif defined(__AVX2__)
#define VECTOR_BYTES 32
#define STREAM(to, value) _mm256_stream_si256((void *)(to), (__m256i)(value))
#elif defined(__SSE2__)
#define VECTOR_BYTES 16
#define STREAM(to, value) _mm_stream_si128((void *)(to), (__m128i)(value))
#else
#define VECTOR_BYTES 16
#define STREAM(to, value) (*(uint8_t_many *)(to) = (uint8_t_many)(value))
#endif

/* Elements stand where a user put them, at any address. */
#define MEMORY(T, v)                                                                                                   \
    INLINE T##_##v load_##T##_##v(const unsigned char *from)                                                           \
    {                                                                                                                  \
        T##_##v value;                                                                                                 \
        memcpy(&value, from, sizeof value);                                                                            \
        return value;                                                                                                  \
    }                                                                                                                  \
    INLINE void put_##T##_##v(unsigned char *to, T##_##v value)                                                        \
    {                                                                                                                  \
        memcpy(to, &value, sizeof value);                                                                              \
    }

/* lanes_TYPE: how many elements a step takes. size_TYPE: bytes of an element. */
#define VECTORS(T, base, n_one)                                                                                        \
    typedef base T##_many __attribute__((vector_size(VECTOR_BYTES)));                                                  \
    typedef base T##_one __attribute__((vector_size((n_one) * sizeof(base))));                                         \
    enum { size_##T = sizeof(T##_one), lanes_##T = VECTOR_BYTES / sizeof(T##_one) };                                   \
    MEMORY(T, many)                                                                                                    \
    MEMORY(T, one)

VECTORS(int8_t, int8_t, 1)
VECTORS(int16_t, int16_t, 1)
VECTORS(int32_t, int32_t, 1)
VECTORS(int64_t, int64_t, 1)
VECTORS(uint8_t, uint8_t, 1)
VECTORS(uint16_t, uint16_t, 1)
VECTORS(uint32_t, uint32_t, 1)
VECTORS(uint64_t, uint64_t, 1)
VECTORS(float32, float, 1)
VECTORS(float64, double, 1)

/* Lanes of `a` where the mask holds, else those of `b`; as U, whose lanes are unsigned. */
#define SELECT(U, mask, a, b) (((U)(mask) & (U)(a)) | (~(U)(mask) & (U)(b)))

/* op_TYPE_many(a, b) and op_TYPE_one(a, b): a is from the lower rank. */
#define OPERATION(op, T, v, expression)                                                                                \
    INLINE T##_##v op##_##T##_##v(T##_##v a, T##_##v b)                                                                \
    {                                                                                                                  \
        return (T##_##v)(expression);                                                                                  \
    }
/* What is stored, of what was computed. */
#define PACK(T, v, expression)                                                                                         \
    INLINE T##_##v pack_##T##_##v(T##_##v a)                                                                           \
    {                                                                                                                  \
        return (T##_##v)(expression);                                                                                  \
    }

/* ---- Integers: computed unsigned, so that they wrap, whatever their sign; min and max compare as signed where the
 * type is. */

/* A mask is -1 or 0. Not -mask: of vectors of one lane gcc 12 makes a truth value on aarch64 first, and so -1 of land. */
#define TRUE_OR_FALSE(U, v, holds) ((U##_##v)(holds)&1)
#define INTEGER_OPERATIONS(U, v)                                                                                       \
    OPERATION(sum, U, v, a + b)                                                                                        \
    OPERATION(band, U, v, a &b)                                                                                        \
    OPERATION(bor, U, v, a | b)                                                                                        \
    OPERATION(bxor, U, v, a ^ b)                                                                                       \
    OPERATION(land, U, v, TRUE_OR_FALSE(U, v, (a != 0) & (b != 0)))                                                    \
    OPERATION(lor, U, v, TRUE_OR_FALSE(U, v, (a | b) != 0))                                                            \
    OPERATION(lxor, U, v, TRUE_OR_FALSE(U, v, (a != 0) ^ (b != 0)))
#define INTEGER_ORDER(T, U, v)                                                                                         \
    OPERATION(min, T, v, SELECT(U##_##v, a < b, a, b))                                                                 \
    OPERATION(max, T, v, SELECT(U##_##v, a > b, a, b))                                                                 \
    PACK(T, v, a)
#define INTEGERS(bits, v)                                                                                              \
    INTEGER_OPERATIONS(uint##bits##_t, v)                                                                              \
    INTEGER_ORDER(uint##bits##_t, uint##bits##_t, v)                                                                   \
    INTEGER_ORDER(int##bits##_t, uint##bits##_t, v)
INTEGERS(8, many)
INTEGERS(8, one)
INTEGERS(16, many)
INTEGERS(16, one)
INTEGERS(32, many)
INTEGERS(32, one)
INTEGERS(64, many)
INTEGERS(64, one)

OPERATION(prod, uint8_t, one, a *b)
OPERATION(prod, uint16_t, many, a *b)
OPERATION(prod, uint16_t, one, a *b)
OPERATION(prod, uint32_t, many, a *b)
OPERATION(prod, uint32_t, one, a *b)
OPERATION(prod, uint64_t, many, a *b)
OPERATION(prod, uint64_t, one, a *b)

/* No instruction set multiplies bytes: those at even places, then those at odd ones, in lanes of 16 bits. */
INLINE uint8_t_many prod_uint8_t_many(uint8_t_many a_, uint8_t_many b_)
{
    uint16_t_many a = (uint16_t_many)a_, b = (uint16_t_many)b_;
    return (uint8_t_many)(((a * b) & 0xff) | ((a >> 8) * (b >> 8) << 8));
}

/* ---- Floats */

#define NAN_float32 0x7fc00000u
#define NAN_float64 0x7ff8000000000000u

#if defined(__AVX512F__) /* compilers take an instruction more */
#define QUIET_float32_many(a)                                                                                          \
    _mm512_mask_mov_ps(a, _mm512_cmp_ps_mask(a, a, _CMP_UNORD_Q), (__m512)_mm512_set1_epi32(NAN_float32))
#define QUIET_float64_many(a)                                                                                          \
    _mm512_mask_mov_pd(a, _mm512_cmp_pd_mask(a, a, _CMP_UNORD_Q), (__m512d)_mm512_set1_epi64(NAN_float64))
#define QUIET_float32_one(a) SELECT(uint32_t_one, a != a, NAN_float32 - (uint32_t_one){0}, a)
#define QUIET_float64_one(a) SELECT(uint64_t_one, a != a, NAN_float64 - (uint64_t_one){0}, a)
#define QUIET(F, U, v, a) QUIET_##F##_##v(a)
#else
#define QUIET(F, U, v, a) SELECT(U##_##v, a != a, NAN_##F - (U##_##v){0}, a)
#endif

/* Where neither is less, both are zeros or have the same bits, or one is a NaN. Or-ing gives -0, and a NaN; and-ing
 * gives +0. What was made of NaNs becomes the quiet one in pack. */
#define FLOATS(F, U, v)                                                                                                \
    OPERATION(sum, F, v, a + b)                                                                                        \
    OPERATION(prod, F, v, a *b)                                                                                        \
    OPERATION(min, F, v, SELECT(U##_##v, a < b, a, SELECT(U##_##v, b < a, b, (U##_##v)a | (U##_##v)b)))                \
    OPERATION(                                                                                                         \
        max, F, v,                                                                                                     \
        SELECT(U##_##v, a > b, a,                                                                                      \
               SELECT(U##_##v, b > a, b, SELECT(U##_##v, a == b, (U##_##v)a & (U##_##v)b, (U##_##v)a | (U##_##v)b))))  \
    PACK(F, v, QUIET(F, U, v, a))                                                                                      \
    INLINE F##_##v average_##F##_##v(F##_##v a, F##_one n_ranks)                                                       \
    {                                                                                                                  \
        return a / n_ranks[0];                                                                                         \
    }
FLOATS(float32, uint32_t, many)
FLOATS(float32, uint32_t, one)
FLOATS(float64, uint64_t, many)
FLOATS(float64, uint64_t, one)

/* ---- 16-bit floats: a step takes a register of them, which widens to two registers of floats */

/* In wide, and wherever a step's floats are stored, the two are in an order of their own: partials are read only by the
 * next step of the same table. */
typedef struct wide_many {
    float32_many first, second;
} wide_many;
typedef float32_one wide_one;
enum { size_wide = size_float32, lanes_wide = 2 * lanes_float32 };

INLINE wide_many load_wide_many(const unsigned char *from)
{
    return (wide_many){load_float32_many(from), load_float32_many(from + VECTOR_BYTES)};
}

INLINE void put_wide_many(unsigned char *to, wide_many value)
{
    put_float32_many(to, value.first);
    put_float32_many(to + VECTOR_BYTES, value.second);
}

INLINE wide_many pack_wide_many(wide_many a)
{
    return (wide_many){pack_float32_many(a.first), pack_float32_many(a.second)};
}

INLINE wide_many average_wide_many(wide_many a, float32_one n_ranks)
{
    return (wide_many){average_float32_many(a.first, n_ranks), average_float32_many(a.second, n_ranks)};
}
#define load_wide_one load_float32_one
#define put_wide_one put_float32_one
#define pack_wide_one pack_float32_one
#define average_wide_one average_float32_one

#define WIDE(op)                                                                                                       \
    INLINE wide_many op##_wide_many(wide_many a, wide_many b)                                                          \
    {                                                                                                                  \
        return (wide_many){op##_float32_many(a.first, b.first), op##_float32_many(a.second, b.second)};                \
    }                                                                                                                  \
    INLINE wide_one op##_wide_one(wide_one a, wide_one b)                                                              \
    {                                                                                                                  \
        return op##_float32_one(a, b);                                                                                 \
    }
WIDE(sum)
WIDE(prod)
WIDE(min)
WIDE(max)

/* The low 16 bits of each lane to a float; and back, NaN made the quiet one. */
#define CONVERSIONS(v)                                                                                                 \
    INLINE float32_##v widen_bfloat16_##v(uint32_t_##v half)                                                           \
    {                                                                                                                  \
        return (float32_##v)(half << 16);                                                                              \
    }                                                                                                                  \
    INLINE uint32_t_##v narrow_bfloat16_##v(float32_##v value)                                                         \
    {                                                                                                                  \
        uint32_t_##v bits = (uint32_t_##v)pack_float32_##v(value);                                                     \
        return (bits + 0x7fff + ((bits >> 16) & 1)) >> 16;                                                             \
    }                                                                                                                  \
    INLINE float32_##v widen_float16_##v(uint32_t_##v half)                                                            \
    {                                                                                                                  \
        uint32_t_##v sign = (half & 0x8000) << 16, magnitude = (half & 0x7fff) << 13;                                  \
        /* Below the normal range: the mantissa behind 2^-14's bits, less 2^-14, is exact. */                          \
        uint32_t_##v large =                                                                                           \
            SELECT(uint32_t_##v, magnitude >= 0x7c00 << 13, magnitude | 0x7f800000u, magnitude + 0x38000000u);         \
        uint32_t_##v tiny = (uint32_t_##v)((float32_##v)(magnitude + 0x38800000u) - 0x1p-14f);                         \
        return (float32_##v)(SELECT(uint32_t_##v, magnitude < 0x0400 << 13, tiny, large) | sign);                      \
    }                                                                                                                  \
    INLINE uint32_t_##v narrow_float16_##v(float32_##v value)                                                          \
    {                                                                                                                  \
        uint32_t_##v bits = (uint32_t_##v)value, sign = (bits >> 16) & 0x8000, magnitude = bits & 0x7fffffff;          \
        /* A carry out of the mantissa goes into the exponent, as it should, up to infinity. */                        \
        uint32_t_##v half = (magnitude - 0x38000000u + 0xfff + ((magnitude >> 13) & 1)) >> 13;                         \
        /* Below 2^-14 the unit is 2^-24: adding 0.5 leaves the rounded count of units in the low bits. */             \
        uint32_t_##v tiny = (uint32_t_##v)((float32_##v)magnitude + 0.5f) - 0x3f000000u;                               \
        half = SELECT(uint32_t_##v, magnitude < 0x38800000u, tiny, half);                                              \
        half = SELECT(uint32_t_##v, magnitude >= 0x47800000u, 0x7c00 - (uint32_t_##v){0}, half) | sign;                \
        return SELECT(uint32_t_##v, value != value, 0x7e00 - (uint32_t_##v){0}, half);                                 \
    }
CONVERSIONS(many)
CONVERSIONS(one)

/* Even elements first, then odd ones: that takes shifts alone. */
#define HALVES(T)                                                                                                      \
    typedef uint32_t_many T##_many;                                                                                    \
    INLINE wide_many load_##T##_many(const unsigned char *from)                                                        \
    {                                                                                                                  \
        uint32_t_many halves = load_uint32_t_many(from);                                                               \
        return (wide_many){widen_##T##_many(halves), widen_##T##_many(halves >> 16)};                                  \
    }                                                                                                                  \
    INLINE T##_many pack_##T##_many(wide_many a)                                                                       \
    {                                                                                                                  \
        return narrow_##T##_many(a.first) | narrow_##T##_many(a.second) << 16;                                         \
    }
#define HALVES_ONE(T)                                                                                                  \
    enum { size_##T = 2, lanes_##T = VECTOR_BYTES / 2 };                                                               \
    typedef uint16_t_one T##_one;                                                                                      \
    INLINE wide_one load_##T##_one(const unsigned char *from)                                                          \
    {                                                                                                                  \
        return widen_##T##_one((uint32_t_one){load_uint16_t_one(from)[0]});                                            \
    }                                                                                                                  \
    INLINE T##_one pack_##T##_one(wide_one a)                                                                          \
    {                                                                                                                  \
        return (T##_one){(uint16_t)narrow_##T##_one(a)[0]};                                                            \
    }
HALVES(bfloat16)
HALVES_ONE(bfloat16)
#define put_bfloat16_many put_uint32_t_many
#define put_bfloat16_one put_uint16_t_one

#if defined(__AVX512F__)
typedef __m512i float16_many;
#define WIDEN_HALF(from) _mm512_cvtph_ps(_mm256_loadu_si256((const void *)(from)))
#define NARROW_HALF(floats) _mm512_cvtps_ph(floats, _MM_FROUND_TO_NEAREST_INT)
#define JOIN_HALVES(low, high) _mm512_inserti64x4(_mm512_castsi256_si512(low), high, 1)
#elif defined(__F16C__) && defined(__AVX2__)
typedef __m256i float16_many;
#define WIDEN_HALF(from) _mm256_cvtph_ps(_mm_loadu_si128((const void *)(from)))
#define NARROW_HALF(floats) _mm256_cvtps_ph(floats, _MM_FROUND_TO_NEAREST_INT)
#define JOIN_HALVES(low, high) _mm256_inserti128_si256(_mm256_castsi128_si256(low), high, 1)
#endif
#if defined(WIDEN_HALF)
INLINE wide_many load_float16_many(const unsigned char *from)
{
    wide_many wide = {WIDEN_HALF(from), WIDEN_HALF(from + VECTOR_BYTES / 2)};
    /* Else clang knows where the floats are from, and compares the halves themselves, one by one. */
    __asm__("" : "+v"(wide.first), "+v"(wide.second));
    return wide;
}

INLINE float16_many pack_float16_many(wide_many a)
{
    a = pack_wide_many(a);
    return JOIN_HALVES(NARROW_HALF(a.first), NARROW_HALF(a.second));
}
#else
HALVES(float16)
#endif
HALVES_ONE(float16)
#define put_float16_one put_uint16_t_one

INLINE void put_float16_many(unsigned char *to, float16_many value)
{
    memcpy(to, &value, sizeof value);
}

/* ---- Values with an index: lanes hold value, index, value, index, ... A vector of one element has two lanes. */

#define LIST2(what, at) what(at), what((at) + 1)
#define LIST4(what, at) LIST2(what, at), LIST2(what, (at) + 2)
#define LIST8(what, at) LIST4(what, at), LIST4(what, (at) + 4)
#define LIST16(what, at) LIST8(what, at), LIST8(what, (at) + 8)
#if VECTOR_BYTES == 64
#define LANES_32_many LIST16
#define LANES_64_many LIST8
#elif VECTOR_BYTES == 32
#define LANES_32_many LIST8
#define LANES_64_many LIST4
#else
#define LANES_32_many LIST4
#define LANES_64_many LIST2
#endif
#define LANES_32_one LIST2
#define LANES_64_one LIST2
#define VALUE_LANE(at) ((at)&1 ? 0 : -1)
#define THE_VALUE(at) ((at) & ~1)
#define THE_INDEX(at) ((at) | 1)
/* Each lane from its own element's value or index. */
#if defined(__clang__)
#define SHUFFLE(bits, v, mask, which) __builtin_shufflevector(mask, mask, LANES_##bits##_##v(which, 0))
#else
#define SHUFFLE(bits, v, mask, which)                                                                                  \
    __builtin_shuffle(mask, (int##bits##_t##_places_##v){LANES_##bits##_##v(which, 0)})
typedef int32_t_many int32_t_places_many;
typedef int64_t_many int64_t_places_many;
typedef int32_t int32_t_places_one __attribute__((vector_size(8)));
typedef int64_t int64_t_places_one __attribute__((vector_size(16)));
#endif

/* `a != a` holds for a NaN alone. What the comparisons give in index lanes is not used. */
#define INDEXED_ORDER(op, T, bits, v, better)                                                                          \
    INLINE T##_##v op##_##T##_##v(T##_##v a_, T##_##v b_)                                                              \
    {                                                                                                                  \
        T##_values_##v a = (T##_values_##v)a_, b = (T##_values_##v)b_;                                                 \
        T##_##v wins = (T##_##v)(a better b) | ((T##_##v)(a != a) & (T##_##v)(b == b));                                \
        T##_##v tie = (T##_##v)(a == b) | ((T##_##v)(a != a) & (T##_##v)(b != b));                                     \
        T##_##v lower = (T##_##v)(a_ <= b_);                                                                           \
        wins |= tie & SHUFFLE(bits, v, lower, THE_INDEX);                                                              \
        wins = SHUFFLE(bits, v, wins, THE_VALUE);                                                                      \
        return SELECT(T##_##v, wins, a_, b_);                                                                          \
    }
#define INDEXED_PACK(T, bits, v, nan)                                                                                  \
    INLINE T##_##v pack_##T##_##v(T##_##v a)                                                                           \
    {                                                                                                                  \
        T##_values_##v value = (T##_values_##v)a;                                                                      \
        T##_##v is_nan = (T##_##v)(value != value) & (T##_##v){LANES_##bits##_##v(VALUE_LANE, 0)};                     \
        return SELECT(T##_##v, is_nan, (nan) - (T##_##v){0}, a);                                                       \
    }
#define INDEXED(T, base, bits, nan)                                                                                    \
    VECTORS(T, int##bits##_t, 2)                                                                                       \
    typedef base T##_values_many __attribute__((vector_size(VECTOR_BYTES)));                                           \
    typedef base T##_values_one __attribute__((vector_size(2 * sizeof(base))));                                        \
    INDEXED_ORDER(minloc, T, bits, many, <)                                                                            \
    INDEXED_ORDER(minloc, T, bits, one, <)                                                                             \
    INDEXED_ORDER(maxloc, T, bits, many, >)                                                                            \
    INDEXED_ORDER(maxloc, T, bits, one, >)                                                                             \
    INDEXED_PACK(T, bits, many, nan)                                                                                   \
    INDEXED_PACK(T, bits, one, nan)
INDEXED(int32_index, int32_t, 32, 0)
INDEXED(int64_index, int64_t, 64, 0)
INDEXED(float32_index, float, 32, (int32_t)NAN_float32)
INDEXED(float64_index, double, 64, (int64_t)NAN_float64)

#endif

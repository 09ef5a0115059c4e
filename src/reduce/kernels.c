// SPDX-License-Identifier: MIT
/* kernels.c - one loop for each type, operation and number of sources, written as macros over the lists.
 *
 * Compiled once for each instruction set, with WEFT_ISA naming it. A loop takes 2, 4 or 8 sources at once: up to eight
 * streams is what prefetchers follow, and partial results stay in registers. `omp simd` tells the compiler that iterations are
 * independent even where result is one of the sources.
 *
 * NaN and signed zero: a NaN among the operands makes the result the quiet NaN; min and max hold -0 to be less than +0 (IEEE 754-2019,
 * minimum and maximum). In minloc and maxloc a NaN wins over any number, and the lower index wins among equals.
 * Conversions from and to 16-bit floats round to nearest even; they use integer arithmetic and exact subtraction, so that no
 * instruction set and no floating-point mode changes their bits. */
#include "reduce/kernels.h"

#include <string.h>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

#ifndef WEFT_ISA
#define WEFT_ISA baseline
#endif
#define PASTE_(a, b) a##b
#define PASTE(a, b) PASTE_(a, b)

#define INLINE static inline __attribute__((always_inline))
#define INDEPENDENT _Pragma("omp simd")

/* ---- Bits of floats */

INLINE float float_of(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

INLINE uint32_t bits_of(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

INLINE double float64_of(uint64_t bits)
{
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

INLINE uint64_t bits_of_float64(double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

INLINE float canonical_float32(float value)
{
    return float_of(value != value ? 0x7fc00000u : bits_of(value));
}

INLINE double canonical_float64(double value)
{
    return float64_of(value != value ? 0x7ff8000000000000u : bits_of_float64(value));
}

/* ---- 16-bit floats */

/* `a` where it holds, else `b`: by masks, since compilers make branches of conditional expressions here, and branches are not vectorised. */
INLINE uint32_t choose(bool holds, uint32_t a, uint32_t b)
{
    uint32_t mask = -(uint32_t)holds;
    return (a & mask) | (b & ~mask);
}

typedef uint16_t float16_bits;
typedef uint16_t bfloat16_bits;

INLINE float widen_float16(uint16_t half)
{
    uint32_t sign = (uint32_t)(half & 0x8000) << 16, magnitude = half & 0x7fff;
    uint32_t normal = (magnitude << 13) + 0x38000000u;
    uint32_t special = (magnitude << 13) | 0x7f800000u;
    /* Below the normal range: the mantissa behind 2^-14's bits, less 2^-14, is exact. */
    uint32_t tiny = bits_of(float_of(0x38800000u + (magnitude << 13)) - float_of(0x38800000u));
    uint32_t bits = magnitude >= 0x7c00 ? special : magnitude >= 0x0400 ? normal : tiny;
    return float_of(bits | sign);
}

INLINE uint16_t narrow_float16(float value)
{
    uint32_t bits = bits_of(value), sign = (bits >> 16) & 0x8000, magnitude = bits & 0x7fffffff;
    /* A carry out of the mantissa goes into the exponent, as it should, up to infinity. */
    uint32_t normal = (magnitude - 0x38000000u + 0xfff + ((magnitude >> 13) & 1)) >> 13;
    /* Below 2^-14 the unit is 2^-24: adding 0.5 leaves the rounded count of units in the low bits. */
    uint32_t tiny = bits_of(float_of(magnitude) + 0.5f) - 0x3f000000u;
    uint32_t half = choose(magnitude < 0x38800000u, tiny, normal);
    half = choose(magnitude >= 0x47800000u, 0x7c00, half) | sign;
    return (uint16_t)choose(magnitude > 0x7f800000u, 0x7e00, half);
}

INLINE float widen_bfloat16(uint16_t half)
{
    return float_of((uint32_t)half << 16);
}

INLINE uint16_t narrow_bfloat16(float value)
{
    uint32_t bits = bits_of(value);
    uint32_t rounded = (bits + 0x7fff + ((bits >> 16) & 1)) >> 16;
    return (uint16_t)(value != value ? 0x7fc0 : rounded);
}

/* ---- One combination: NAME_KIND(type tag, left, right). Left is from the lower rank. */

#define SUM_FLOAT(T, a, b) ((a) + (b))
#define PROD_FLOAT(T, a, b) ((a) * (b))
#define MIN_FLOAT(T, a, b) min_##T(a, b)
#define MAX_FLOAT(T, a, b) max_##T(a, b)

/* Equal numbers differ in bits only as zeros do: or-ing them gives -0 for min, and-ing +0 for max. */
#define DEFINE_MIN_MAX(T, ctype, utype, to_bits, from_bits, nan)                                                       \
    INLINE ctype min_##T(ctype a, ctype b)                                                                             \
    {                                                                                                                  \
        utype x = to_bits(a), y = to_bits(b);                                                                          \
        utype less = a < b ? x : b < a ? y : x | y;                                                                    \
        return from_bits(a != a || b != b ? nan : less);                                                               \
    }                                                                                                                  \
    INLINE ctype max_##T(ctype a, ctype b)                                                                             \
    {                                                                                                                  \
        utype x = to_bits(a), y = to_bits(b);                                                                          \
        utype more = a > b ? x : b > a ? y : x & y;                                                                    \
        return from_bits(a != a || b != b ? nan : more);                                                               \
    }
DEFINE_MIN_MAX(float32, float, uint32_t, bits_of, float_of, 0x7fc00000u)
DEFINE_MIN_MAX(float64, double, uint64_t, bits_of_float64, float64_of, 0x7ff8000000000000u)

/* ---- Past the caches, where the processor has stores for that */

#if defined(__AVX512F__)
#define STREAM_BYTES 64
#define STREAM(target, source) _mm512_stream_si512(target, _mm512_loadu_si512(source))
#elif defined(__AVX2__)
#define STREAM_BYTES 32
#define STREAM(target, source) _mm256_stream_si256(target, _mm256_loadu_si256(source))
#elif defined(__SSE2__)
#define STREAM_BYTES 16
#define STREAM(target, source) _mm_stream_si128(target, _mm_loadu_si128(source))
#else
#define STREAM_BYTES 64
#define STREAM(target, source) memcpy(target, source, 64)
#endif

INLINE void stream_line(void *target, const void *line)
{
    for (size_t at = 0; at < 64; at += STREAM_BYTES)
        STREAM((void *)((unsigned char *)target + at), (const void *)((const unsigned char *)line + at));
}

/* Bytes up to where a cache line begins. */
INLINE size_t head_of(const void *target)
{
    return (size_t) - (uintptr_t)target & 63;
}

/* ---- The loops */

/* Elements stand where a user put them, at any address. (Compiled without strict aliasing: a line of payload is of no type.) */
#define ANYWHERE __attribute__((aligned(1)))

#define LOOP(name, ctype, rtype, declare, expression)                                                                  \
    static void name(const void *const *sources, void *result_, size_t count)                                          \
    {                                                                                                                  \
        typedef ctype source_type ANYWHERE;                                                                            \
        typedef rtype result_type ANYWHERE;                                                                            \
        result_type *result = result_;                                                                                 \
        declare;                                                                                                       \
        INDEPENDENT for (size_t i = 0; i < count; i++) result[i] = expression;                                         \
    }
#define SOURCE(k) const source_type *s##k = sources[k]
#define SOURCES2                                                                                                       \
    SOURCE(0);                                                                                                         \
    SOURCE(1)
#define SOURCES4                                                                                                       \
    SOURCES2;                                                                                                          \
    SOURCE(2);                                                                                                         \
    SOURCE(3)
#define SOURCES8                                                                                                       \
    SOURCES4;                                                                                                          \
    SOURCE(4);                                                                                                         \
    SOURCE(5);                                                                                                         \
    SOURCE(6);                                                                                                         \
    SOURCE(7)

/* OP combines two values, LOAD reads element i of source k, STORE ends an expression. */
#define TREE2(OP, LOAD, k, l) OP(LOAD(k), LOAD(l))
#define TREE4(OP, LOAD, k, l, m, n) OP(TREE2(OP, LOAD, k, l), TREE2(OP, LOAD, m, n))
#define TREE8(OP, LOAD) OP(TREE4(OP, LOAD, 0, 1, 2, 3), TREE4(OP, LOAD, 4, 5, 6, 7))
#define LOOPS(tag, ctype, rtype, OP, LOAD, STORE)                                                                      \
    LOOP(tag##_2, ctype, rtype, SOURCES2, STORE(TREE2(OP, LOAD, 0, 1)))                                                \
    LOOP(tag##_4, ctype, rtype, SOURCES4, STORE(TREE4(OP, LOAD, 0, 1, 2, 3)))                                          \
    LOOP(tag##_8, ctype, rtype, SOURCES8, STORE(TREE8(OP, LOAD)))

/* Two sources to two results. Streaming goes line by line: the line is made in registers, then stored twice. */
#define PAIR(name, ctype, rtype, expression)                                                                           \
    static void name(const void *const *sources, void *const *results, size_t count, bool stream)                      \
    {                                                                                                                  \
        typedef ctype source_type ANYWHERE;                                                                            \
        typedef rtype result_type ANYWHERE;                                                                            \
        enum { LINE = 64 / sizeof(rtype) };                                                                            \
        result_type *first = results[0], *second = results[1];                                                         \
        SOURCES2;                                                                                                      \
        size_t done = 0, head = head_of(first) / sizeof(rtype);                                                        \
        if (stream && head_of(first) % sizeof(rtype) == 0 && head + LINE <= count) {                                   \
            for (size_t i = 0; i < head; i++)                                                                          \
                first[i] = second[i] = expression;                                                                     \
            for (done = head; done + LINE <= count; done += LINE) {                                                    \
                _Alignas(64) rtype line[LINE];                                                                         \
                INDEPENDENT for (size_t j = 0; j < LINE; j++)                                                          \
                {                                                                                                      \
                    const size_t i = done + j;                                                                         \
                    line[j] = expression;                                                                              \
                }                                                                                                      \
                stream_line(first + done, line);                                                                       \
                stream_line(second + done, line);                                                                      \
            }                                                                                                          \
        }                                                                                                              \
        INDEPENDENT for (size_t i = done; i < count; i++) first[i] = second[i] = expression;                           \
    }

#define LOAD_PLAIN(k) (s##k[i])
#define STORE_PLAIN(value) (value)

/* ---- Integers: computed unsigned, so that they wrap; min and max compare as signed where the type is. */

#define DEFINE_INTEGER_OP(name, ctype, op, expression)                                                                 \
    INLINE ctype op##_##name(ctype a, ctype b)                                                                         \
    {                                                                                                                  \
        return (ctype)(expression);                                                                                    \
    }                                                                                                                  \
    LOOPS(name##_##op, ctype, ctype, op##_##name, LOAD_PLAIN, STORE_PLAIN)                                             \
    PAIR(name##_##op##_pair, ctype, ctype, op##_##name(s0[i], s1[i]))

#define WEFT_INTEGER(name, ctype, utype)                                                                               \
    DEFINE_INTEGER_OP(name, utype, sum, a + b)                                                                         \
    DEFINE_INTEGER_OP(name, utype, prod, (uint64_t)a *b)                                                               \
    DEFINE_INTEGER_OP(name, ctype, min, a < b ? a : b)                                                                 \
    DEFINE_INTEGER_OP(name, ctype, max, a > b ? a : b)                                                                 \
    DEFINE_INTEGER_OP(name, utype, band, a &b)                                                                         \
    DEFINE_INTEGER_OP(name, utype, bor, a | b)                                                                         \
    DEFINE_INTEGER_OP(name, utype, bxor, a ^ b)                                                                        \
    DEFINE_INTEGER_OP(name, utype, land, (a != 0) & (b != 0))                                                          \
    DEFINE_INTEGER_OP(name, utype, lor, (a != 0) | (b != 0))                                                           \
    DEFINE_INTEGER_OP(name, utype, lxor, (a != 0) ^ (b != 0))                                                          \
    static void name##_average(const void *partials, void *result_, size_t count, int n_ranks)                         \
    {                                                                                                                  \
        const ctype *from = partials;                                                                                  \
        typedef ctype result_type ANYWHERE;                                                                            \
        result_type *result = result_;                                                                                 \
        if ((ctype)-1 > 0)                                                                                             \
            for (size_t i = 0; i < count; i++)                                                                         \
                result[i] = (ctype)((uint64_t)from[i] / (uint64_t)n_ranks);                                            \
        else                                                                                                           \
            for (size_t i = 0; i < count; i++)                                                                         \
                result[i] = (ctype)((int64_t)from[i] / (int64_t)n_ranks);                                              \
    }

/* ---- Floats, and 16-bit floats computed in float */

#define OP_SUM(a, b) ((a) + (b))
#define OP_PROD(a, b) ((a) * (b))

#define FLOAT_LOOPS(name, ctype, tag, OP)                                                                              \
    LOOPS(name##_##tag, ctype, ctype, OP, LOAD_PLAIN, canonical_##name)                                                \
    PAIR(name##_##tag##_pair, ctype, ctype, canonical_##name(OP(s0[i], s1[i])))

#define WEFT_FLOAT(name, ctype)                                                                                        \
    FLOAT_LOOPS(name, ctype, sum, OP_SUM)                                                                              \
    FLOAT_LOOPS(name, ctype, prod, OP_PROD)                                                                            \
    FLOAT_LOOPS(name, ctype, min, min_##name)                                                                          \
    FLOAT_LOOPS(name, ctype, max, max_##name)                                                                          \
    static void name##_average(const void *partials, void *result_, size_t count, int n_ranks)                         \
    {                                                                                                                  \
        const ctype *from = partials;                                                                                  \
        typedef ctype result_type ANYWHERE;                                                                            \
        result_type *result = result_;                                                                                 \
        INDEPENDENT for (size_t i = 0; i < count; i++) result[i] = from[i] / (ctype)n_ranks;                           \
    }

#define LOAD_float16(k) widen_float16(s##k[i])
#define LOAD_bfloat16(k) widen_bfloat16(s##k[i])

#define HALF_LOOPS(name, tag, OP)                                                                                      \
    LOOPS(name##_##tag, uint16_t, float, OP, LOAD_##name, canonical_float32)                                           \
    PAIR(name##_##tag##_pair, uint16_t, uint16_t, narrow_##name(canonical_float32(OP(LOAD_##name(0), LOAD_##name(1)))))

#define WEFT_HALF(name)                                                                                                \
    LOOP(name##_widen, uint16_t, float, SOURCE(0), LOAD_##name(0))                                                     \
    HALF_LOOPS(name, sum, OP_SUM)                                                                                      \
    HALF_LOOPS(name, prod, OP_PROD)                                                                                    \
    HALF_LOOPS(name, min, min_float32)                                                                                 \
    HALF_LOOPS(name, max, max_float32)                                                                                 \
    static void name##_round(const void *partials, void *result_, size_t count, int n_ranks)                           \
    {                                                                                                                  \
        const float *from = partials;                                                                                  \
        typedef uint16_t result_type ANYWHERE;                                                                         \
        result_type *result = result_;                                                                                 \
        (void)n_ranks;                                                                                                 \
        INDEPENDENT for (size_t i = 0; i < count; i++) result[i] = narrow_##name(from[i]);                             \
    }                                                                                                                  \
    static void name##_average(const void *partials, void *result_, size_t count, int n_ranks)                         \
    {                                                                                                                  \
        const float *from = partials;                                                                                  \
        typedef uint16_t result_type ANYWHERE;                                                                         \
        result_type *result = result_;                                                                                 \
        INDEPENDENT for (size_t i = 0; i < count; i++) result[i] = narrow_##name(from[i] / (float)n_ranks);            \
    }

/* ---- Values with an index: the better value, then the lower index. `a.value != a.value` holds for a NaN alone. */

#define WEFT_INDEXED(name, ctype, value_type)                                                                          \
    INLINE ctype keep_##name(ctype a, ctype b, bool a_better, bool b_better)                                           \
    {                                                                                                                  \
        bool a_nan = a.value != a.value, b_nan = b.value != b.value;                                                   \
        bool a_wins =                                                                                                  \
            a_nan || b_nan ? a_nan && (!b_nan || a.index <= b.index) : a_better || (!b_better && a.index <= b.index);  \
        return a_wins ? a : b;                                                                                         \
    }                                                                                                                  \
    INLINE ctype minloc_##name(ctype a, ctype b)                                                                       \
    {                                                                                                                  \
        return keep_##name(a, b, a.value < b.value, b.value < a.value);                                                \
    }                                                                                                                  \
    INLINE ctype maxloc_##name(ctype a, ctype b)                                                                       \
    {                                                                                                                  \
        return keep_##name(a, b, a.value > b.value, b.value > a.value);                                                \
    }                                                                                                                  \
    INLINE ctype canonical_##name(ctype a)                                                                             \
    {                                                                                                                  \
        a.value = _Generic(a.value, float : canonical_float32, double : canonical_float64, default : same)(a.value);   \
        return a;                                                                                                      \
    }                                                                                                                  \
    FLOAT_LOOPS(name, ctype, minloc, minloc_##name)                                                                    \
    FLOAT_LOOPS(name, ctype, maxloc, maxloc_##name)

INLINE int64_t same(int64_t value)
{
    return value;
}

#include "lists/types.def"
#undef WEFT_INTEGER
#undef WEFT_FLOAT
#undef WEFT_HALF
#undef WEFT_INDEXED

/* ---- The table */

#define ENTRY(name, op, widen_, partial, finish_, bytes, pair_)                                                        \
    {                                                                                                                  \
        .combine = {widen_, name##_##op##_2, name##_##op##_4, name##_##op##_8},                                        \
        .combine_partials = partial##_##op##_2, .finish = finish_, .partial_size = bytes, .pair = pair_                \
    }
#define PLAIN_ENTRY(name, op, finish, ctype)                                                                           \
    [WEFT_OP_##op] = ENTRY(name, op, NULL, name, finish, sizeof(ctype), name##_##op##_pair)
#define HALF_ENTRY(name, op)                                                                                           \
    [WEFT_OP_##op] = ENTRY(name, op, name##_widen, float32, name##_round, sizeof(float), name##_##op##_pair)
#define AVERAGE_ENTRY(name, widen, partial, ctype)                                                                     \
    [WEFT_OP_avg] = ENTRY(name, sum, widen, partial, name##_average, sizeof(ctype), NULL)
#define NUMBER_ENTRIES(name, ctype)                                                                                    \
    PLAIN_ENTRY(name, sum, NULL, ctype), PLAIN_ENTRY(name, prod, NULL, ctype), PLAIN_ENTRY(name, min, NULL, ctype),    \
        PLAIN_ENTRY(name, max, NULL, ctype), AVERAGE_ENTRY(name, NULL, name, ctype)

#define WEFT_INTEGER(name, ctype, utype)                                                                               \
    [WEFT_TYPE_##name] = {NUMBER_ENTRIES(name, ctype),          PLAIN_ENTRY(name, band, NULL, ctype),                  \
                          PLAIN_ENTRY(name, bor, NULL, ctype),  PLAIN_ENTRY(name, bxor, NULL, ctype),                  \
                          PLAIN_ENTRY(name, land, NULL, ctype), PLAIN_ENTRY(name, lor, NULL, ctype),                   \
                          PLAIN_ENTRY(name, lxor, NULL, ctype)},
#define WEFT_FLOAT(name, ctype) [WEFT_TYPE_##name] = {NUMBER_ENTRIES(name, ctype)},
#define WEFT_HALF(name)                                                                                                \
    [WEFT_TYPE_##name] = {HALF_ENTRY(name, sum), HALF_ENTRY(name, prod), HALF_ENTRY(name, min), HALF_ENTRY(name, max), \
                          AVERAGE_ENTRY(name, name##_widen, float32, float)},
#define WEFT_INDEXED(name, ctype, value_type)                                                                          \
    [WEFT_TYPE_##name] = {PLAIN_ENTRY(name, minloc, NULL, ctype), PLAIN_ENTRY(name, maxloc, NULL, ctype)},

static void stream(void *target, const void *block, size_t bytes)
{
    unsigned char *to = target;
    const unsigned char *from = block;
    size_t at = head_of(to) < bytes ? head_of(to) : bytes;
    memcpy(to, from, at);
    for (; at + 64 <= bytes; at += 64) /* parts of a line would go to memory one by one */
        stream_line(to + at, from + at);
    memcpy(to + at, from + at, bytes - at);
}

const struct weft_kernel_table PASTE(weft_kernels_, WEFT_ISA) = {
    .of =
        {
#include "lists/types.def"
        },
    .stream = stream,
};

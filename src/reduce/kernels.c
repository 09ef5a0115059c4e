// SPDX-License-Identifier: MIT
/* kernels.c - one loop for each type, operation and number of sources, written as macros over the lists.
 *
 * Compiled once for each instruction set, with WEFT_ISA naming it; vectors.h has its vectors, the operations on them,
 * and what they do with NaN. A loop takes 2, 4 or 8 sources at once: up to eight streams is what prefetchers follow,
 * and partial results stay in registers. It goes in steps of a vector register, then element by element. All of a step
 * is read before any of it is written, so result may be one of the sources. */
#include "reduce/kernels.h"

#include "reduce/vectors.h"

#ifndef WEFT_ISA
#define WEFT_ISA baseline
#endif
#define PASTE_(a, b) a##b
#define PASTE(a, b) PASTE_(a, b)

/* ---- The loops. T is the type that is loaded, O the one computed in, R the one stored. */

#define SOURCES1 const unsigned char *s0 = sources[0]
#define SOURCES2 const unsigned char *s0 = sources[0], *s1 = sources[1]
#define SOURCES4 const unsigned char *s0 = sources[0], *s1 = sources[1], *s2 = sources[2], *s3 = sources[3]
#define SOURCES8                                                                                                       \
    SOURCES4;                                                                                                          \
    const unsigned char *s4 = sources[4], *s5 = sources[5], *s6 = sources[6], *s7 = sources[7]

#define LOAD(T, v, k) load_##T##_##v(s##k + i * size_##T)
#define TREE1(T, O, op, v) LOAD(T, v, 0)
#define TREE2(T, O, op, v) PAIR_OF(T, O, op, v, 0, 1)
#define TREE4(T, O, op, v) FOUR_OF(T, O, op, v, 0, 1, 2, 3)
#define TREE8(T, O, op, v) op##_##O##_##v(FOUR_OF(T, O, op, v, 0, 1, 2, 3), FOUR_OF(T, O, op, v, 4, 5, 6, 7))
#define PAIR_OF(T, O, op, v, k, l) op##_##O##_##v(LOAD(T, v, k), LOAD(T, v, l))
#define FOUR_OF(T, O, op, v, k, l, m, n) op##_##O##_##v(PAIR_OF(T, O, op, v, k, l), PAIR_OF(T, O, op, v, m, n))

/* Keeps the compiler from vectorising what is left over once more: it no longer sees how `i` counts. */
#define FEW(i) __asm__("" : "+r"(i))

#define LOOP(name, T, O, op, R, n)                                                                                     \
    static void name(const void *const *sources, void *result_, size_t count)                                          \
    {                                                                                                                  \
        unsigned char *result = result_;                                                                               \
        SOURCES##n;                                                                                                    \
        size_t i = 0;                                                                                                  \
        for (; i + lanes_##T <= count; i += lanes_##T)                                                                 \
            put_##R##_many(result + i * size_##R, pack_##R##_many(TREE##n(T, O, op, many)));                           \
        for (; i < count; i++) {                                                                                       \
            FEW(i);                                                                                                    \
            put_##R##_one(result + i * size_##R, pack_##R##_one(TREE##n(T, O, op, one)));                              \
        }                                                                                                              \
    }

/* Bytes up to where a cache line begins. */
INLINE size_t head_of(const void *target)
{
    return (size_t) - (uintptr_t)target & 63;
}

/* Two sources to two results. Streaming goes by whole lines: parts of a line would go to memory one by one. */
#define PAIR(name, T, O, op, R)                                                                                        \
    static void name(const void *const *sources, void *const *results, size_t count, bool stream)                      \
    {                                                                                                                  \
        enum { LINE = 64 / size_##R };                                                                                 \
        unsigned char *first = results[0], *second = results[1];                                                       \
        SOURCES2;                                                                                                      \
        size_t i = 0, head = head_of(first) / size_##R, end = head;                                                    \
        bool few = !stream || head_of(first) % size_##R != 0 || head + LINE > count;                                   \
        if (few)                                                                                                       \
            for (end = count; i + lanes_##T <= count; i += lanes_##T) {                                                \
                R##_many made = pack_##R##_many(TREE2(T, O, op, many));                                                \
                put_##R##_many(first + i * size_##R, made);                                                            \
                put_##R##_many(second + i * size_##R, made);                                                           \
            }                                                                                                          \
        for (;;) {                                                                                                     \
            for (; i < end; i++) {                                                                                     \
                FEW(i);                                                                                                \
                R##_one made = pack_##R##_one(TREE2(T, O, op, one));                                                   \
                put_##R##_one(first + i * size_##R, made);                                                             \
                put_##R##_one(second + i * size_##R, made);                                                            \
            }                                                                                                          \
            if (end == count)                                                                                          \
                return;                                                                                                \
            for (end = i + (count - i) / LINE * LINE; i < end; i += lanes_##T) {                                       \
                R##_many made = pack_##R##_many(TREE2(T, O, op, many));                                                \
                STREAM(first + i * size_##R, made);                                                                    \
                STREAM(second + i * size_##R, made);                                                                   \
            }                                                                                                          \
            end = count;                                                                                               \
        }                                                                                                              \
    }

/* Partials to results. */
#define FINISH(name, O, R, expression)                                                                                 \
    static void name(const void *partials, void *result_, size_t count, int n_ranks)                                   \
    {                                                                                                                  \
        const unsigned char *s0 = partials;                                                                            \
        unsigned char *result = result_;                                                                               \
        size_t i = 0;                                                                                                  \
        (void)n_ranks;                                                                                                 \
        for (; i + lanes_##O <= count; i += lanes_##O)                                                                 \
            put_##R##_many(result + i * size_##R, pack_##R##_many(expression(O, many)));                               \
        for (; i < count; i++) {                                                                                       \
            FEW(i);                                                                                                    \
            put_##R##_one(result + i * size_##R, pack_##R##_one(expression(O, one)));                                  \
        }                                                                                                              \
    }
#define LOADED(O, v) LOAD(O, v, 0)
#define AVERAGED_float(O, v) average_##O##_##v(LOAD(O, v, 0), (float32_one){(float)n_ranks})
#define AVERAGED_double(O, v) average_##O##_##v(LOAD(O, v, 0), (float64_one){(double)n_ranks})

#define KERNELS(T, O, op, R)                                                                                           \
    LOOP(T##_##op##_2, T, O, op, R, 2)                                                                                 \
    LOOP(T##_##op##_4, T, O, op, R, 4)                                                                                 \
    LOOP(T##_##op##_8, T, O, op, R, 8)                                                                                 \
    PAIR(T##_##op##_pair, T, O, op, T)
#define PLAIN_KERNELS(T, op) KERNELS(T, T, op, T)

/* ---- Integers. Those that do not look at the sign are made once for both. */

#define UNSIGNED_KERNELS(U)                                                                                            \
    PLAIN_KERNELS(U, sum)                                                                                              \
    PLAIN_KERNELS(U, prod)                                                                                             \
    PLAIN_KERNELS(U, band)                                                                                             \
    PLAIN_KERNELS(U, bor)                                                                                              \
    PLAIN_KERNELS(U, bxor)                                                                                             \
    PLAIN_KERNELS(U, land)                                                                                             \
    PLAIN_KERNELS(U, lor)                                                                                              \
    PLAIN_KERNELS(U, lxor)
UNSIGNED_KERNELS(uint8_t)
UNSIGNED_KERNELS(uint16_t)
UNSIGNED_KERNELS(uint32_t)
UNSIGNED_KERNELS(uint64_t)

/* No instruction set divides integers in vectors, but a quotient of up to 32 bits is that of the double x times 1/n,
 * when 1/n is rounded up: a multiple of n never falls short of its quotient, and what is no multiple stays 1/n below
 * the next, 2^19 times the error. */
#define AVERAGE(T)                                                                                                     \
    static void T##_average(const void *partials, void *result_, size_t count, int n_ranks)                            \
    {                                                                                                                  \
        typedef T any_place __attribute__((aligned(1)));                                                               \
        const any_place *from = partials;                                                                              \
        any_place *result = result_;                                                                                   \
        const double factor = 1.0 / n_ranks * (1 + 0x1p-51);                                                           \
        _Pragma("omp simd") for (size_t i = 0; i < count; i++) result[i] = (T)(int32_t)((double)from[i] * factor);     \
    }
#define AVERAGE64(T, wide)                                                                                             \
    static void T##_average(const void *partials, void *result_, size_t count, int n_ranks)                            \
    {                                                                                                                  \
        typedef T any_place __attribute__((aligned(1)));                                                               \
        const any_place *from = partials;                                                                              \
        any_place *result = result_;                                                                                   \
        for (size_t i = 0; i < count; i++)                                                                             \
            result[i] = from[i] / (wide)n_ranks;                                                                       \
    }
AVERAGE(int8_t)
AVERAGE(int16_t)
AVERAGE(int32_t)
AVERAGE(uint8_t)
AVERAGE(uint16_t)
AVERAGE(uint32_t)
AVERAGE64(int64_t, int64_t)
AVERAGE64(uint64_t, uint64_t)

/* ---- All types */

#define WEFT_INTEGER(name, ctype, utype)                                                                               \
    PLAIN_KERNELS(ctype, min)                                                                                          \
    PLAIN_KERNELS(ctype, max)
#define WEFT_FLOAT(name, ctype)                                                                                        \
    PLAIN_KERNELS(name, sum)                                                                                           \
    PLAIN_KERNELS(name, prod)                                                                                          \
    PLAIN_KERNELS(name, min)                                                                                           \
    PLAIN_KERNELS(name, max)                                                                                           \
    FINISH(name##_average, name, name, AVERAGED_##ctype)
#define WEFT_HALF(name)                                                                                                \
    LOOP(name##_widen, name, wide, , wide, 1)                                                                          \
    KERNELS(name, wide, sum, wide)                                                                                     \
    KERNELS(name, wide, prod, wide)                                                                                    \
    KERNELS(name, wide, min, wide)                                                                                     \
    KERNELS(name, wide, max, wide)                                                                                     \
    FINISH(name##_round, wide, name, LOADED)                                                                           \
    FINISH(name##_average, wide, name, AVERAGED_float)
#define WEFT_INDEXED(name, ctype, value_type)                                                                          \
    PLAIN_KERNELS(name, minloc)                                                                                        \
    PLAIN_KERNELS(name, maxloc)

#include "lists/types.def"
#undef WEFT_INTEGER
#undef WEFT_FLOAT
#undef WEFT_HALF
#undef WEFT_INDEXED

/* ---- The table */

/* kernels: what the names of the kernels begin with. */
#define ENTRY(kernels, op, widen_, partial, finish_, bytes, pair_)                                                     \
    {                                                                                                                  \
        .combine = {widen_, kernels##_##op##_2, kernels##_##op##_4, kernels##_##op##_8},                               \
        .combine_partials = partial##_##op##_2, .finish = finish_, .partial_size = bytes, .pair = pair_                \
    }
#define PLAIN_ENTRY(kernels, op)                                                                                       \
    [WEFT_OP_##op] = ENTRY(kernels, op, NULL, kernels, NULL, size_##kernels, kernels##_##op##_pair)
#define HALF_ENTRY(name, op)                                                                                           \
    [WEFT_OP_##op] = ENTRY(name, op, name##_widen, float32, name##_round, size_wide, name##_##op##_pair)
#define AVERAGE_ENTRY(kernels, name, widen, partial, bytes)                                                            \
    [WEFT_OP_avg] = ENTRY(kernels, sum, widen, partial, name##_average, bytes, NULL)

#define WEFT_INTEGER(name, ctype, utype)                                                                               \
    [WEFT_TYPE_##name] = {PLAIN_ENTRY(utype, sum),                                                                     \
                          PLAIN_ENTRY(utype, prod),                                                                    \
                          PLAIN_ENTRY(ctype, min),                                                                     \
                          PLAIN_ENTRY(ctype, max),                                                                     \
                          PLAIN_ENTRY(utype, band),                                                                    \
                          PLAIN_ENTRY(utype, bor),                                                                     \
                          PLAIN_ENTRY(utype, bxor),                                                                    \
                          PLAIN_ENTRY(utype, land),                                                                    \
                          PLAIN_ENTRY(utype, lor),                                                                     \
                          PLAIN_ENTRY(utype, lxor),                                                                    \
                          AVERAGE_ENTRY(utype, ctype, NULL, utype, size_##ctype)},
#define WEFT_FLOAT(name, ctype)                                                                                        \
    [WEFT_TYPE_##name] = {PLAIN_ENTRY(name, sum), PLAIN_ENTRY(name, prod), PLAIN_ENTRY(name, min),                     \
                          PLAIN_ENTRY(name, max), AVERAGE_ENTRY(name, name, NULL, name, size_##name)},
#define WEFT_HALF(name)                                                                                                \
    [WEFT_TYPE_##name] = {HALF_ENTRY(name, sum), HALF_ENTRY(name, prod), HALF_ENTRY(name, min), HALF_ENTRY(name, max), \
                          AVERAGE_ENTRY(name, name, name##_widen, float32, size_wide)},
#define WEFT_INDEXED(name, ctype, value_type)                                                                          \
    [WEFT_TYPE_##name] = {PLAIN_ENTRY(name, minloc), PLAIN_ENTRY(name, maxloc)},

static void stream(void *target, const void *block, size_t bytes)
{
    unsigned char *to = target;
    const unsigned char *from = block;
    size_t at = head_of(to) < bytes ? head_of(to) : bytes, end = at + (bytes - at) / 64 * 64;
    memcpy(to, from, at);
    for (; at < end; at += VECTOR_BYTES)
        STREAM(to + at, load_uint8_t_many(from + at));
    memcpy(to + at, from + at, bytes - at);
}

const struct weft_kernel_table PASTE(weft_kernels_, WEFT_ISA) = {
    .of =
        {
#include "lists/types.def"
        },
    .stream = stream,
};

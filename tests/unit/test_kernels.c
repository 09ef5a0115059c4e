// SPDX-License-Identifier: MIT
/* Kernels give the same bits whatever instruction set they were compiled for: each entry of a table beside that of the
 * baseline, with counts around the steps that they take. 16-bit floats are converted as the format says: all 65,536 of
 * them to float, and to them all floats that are one, half way between two, or beside such a place, and many at random. */
#include "reduce/kernels.h"

#include "support.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reduce/reduce.h"

enum { MAX_COUNT = 300, MAX_BYTES = MAX_COUNT * 16, REPEATED = 40 };

static const struct weft_kernel_table *tables[3] = {&weft_kernels_baseline};
static const char *const table_names[3] = {"baseline", "avx2", "avx512"};
static int n_tables = 1;

static void find_tables(void)
{
    n_tables = 1;
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx2"))
        tables[n_tables++] = &weft_kernels_avx2;
    if (n_tables == 2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512cd"))
        tables[n_tables++] = &weft_kernels_avx512;
#endif
}

/* ---- Table beside table */

struct operands {
    unsigned char data[8][MAX_BYTES + 64];
    const void *sources[8];
};

/* Random values, at addresses that are aligned to nothing. */
static void make_operands(struct operands *operands, uint64_t *state, const weft_type *type, size_t count)
{
    for (int k = 0; k < 8; k++) {
        unsigned char *at = operands->data[k] + random_below(state, 64);
        unsigned char *values = test_alloc(count * type->size + 1);
        random_fill(state, type, values, count);
        memcpy(at, values, count * type->size);
        free(values);
        operands->sources[k] = at;
    }
}

/* What 2^k sources give as values, by way of partials where there are such; result has room for a byte more, which
 * stays. */
static void combine(const struct weft_kernels *kernels, const void *const *sources, int k, unsigned char *result,
                    size_t count, size_t bytes)
{
    static _Alignas(64) unsigned char partials[MAX_BYTES];
    memset(result, 0xa5, bytes + 1);
    if (kernels->finish == NULL) {
        kernels->combine[k](sources, result, count);
        return;
    }
    if (kernels->combine[k] != NULL)
        kernels->combine[k](sources, partials, count);
    else
        memcpy(partials, sources[0], bytes);
    if (k == 3) { /* and once more, with themselves */
        const void *both[2] = {partials, partials};
        kernels->combine_partials(both, partials, count);
    }
    kernels->finish(partials, result, count, k == 0 ? 3 : 1 << k);
}

static void compare_combine(int table, int type, int op, const struct operands *operands, size_t count)
{
    static unsigned char expected[MAX_BYTES + 1], found[MAX_BYTES + 65];
    size_t bytes = count * weft_type_at((size_t)type)->size;
    const struct weft_kernels *reference = &weft_kernels_baseline.of[type][op], *kernels = &tables[table]->of[type][op];
    assert_int_equal(reference->partial_size, kernels->partial_size);
    for (int k = reference->finish == NULL ? 1 : 0; k < 4; k++) {
        combine(reference, operands->sources, k, expected, count, bytes);
        combine(kernels, operands->sources, k, found + count % 64, count, bytes);
        CHECK(memcmp(expected, found + count % 64, bytes + 1) == 0, "%s: %d sources give other bits",
              table_names[table], 1 << k);
    }
}

static void compare_pair(int table, int type, int op, const struct operands *operands, size_t count)
{
    static unsigned char expected[MAX_BYTES + 1];
    static _Alignas(64) unsigned char found[2][MAX_BYTES + 128]; /* alike in their cache lines */
    size_t bytes = count * weft_type_at((size_t)type)->size, offset = count * 7 % 64;
    const struct weft_kernels *reference = &weft_kernels_baseline.of[type][op], *kernels = &tables[table]->of[type][op];
    for (int stream = 0; stream < 2 && kernels->pair != NULL; stream++) {
        void *results[2] = {found[0] + offset, found[1] + offset};
        combine(reference, operands->sources, 1, expected, count, bytes);
        memset(found, 0xa5, sizeof found);
        kernels->pair(operands->sources, results, count, stream);
        for (int k = 0; k < 2; k++)
            CHECK(memcmp(expected, results[k], bytes + 1) == 0, "%s: result %d of a pair%s has other bits",
                  table_names[table], k, stream ? ", streamed," : "");
    }
}

static void instruction_sets_give_the_same_bits(void **state_)
{
    static struct operands operands;
    uint64_t state = test_seed();
    (void)state_;
    find_tables();
    for (int type = 0; type < WEFT_TYPES; type++)
        for (int op = 0; op < WEFT_OPS; op++)
            for (int round = 0; round < 24 && weft_kernels_baseline.of[type][op].combine[1] != NULL; round++) {
                size_t count = round < 4 ? (size_t)round : random_below(&state, MAX_COUNT + 1);
                test_case("%s of %zu x %s", weft_op_at((size_t)op)->name, count, weft_type_at((size_t)type)->name);
                make_operands(&operands, &state, weft_type_at((size_t)type), count);
                for (int table = 0; table < n_tables; table++) {
                    compare_combine(table, type, op, &operands, count);
                    compare_pair(table, type, op, &operands, count);
                }
            }
}

/* ---- Averages of integers: their kernels do not divide */

static int64_t integer_at(const weft_type *type, const void *data, size_t i)
{
    const unsigned char *at = (const unsigned char *)data + i * type->size;
    int8_t i8;
    int16_t i16;
    int32_t i32;
    uint16_t u16;
    uint32_t u32;
    memcpy(&i8, at, 1);
    if (type->size == 1)
        return type == WEFT_INT8 ? i8 : *at;
    memcpy(&i16, at, 2), memcpy(&u16, at, 2);
    if (type->size == 2)
        return type == WEFT_INT16 ? i16 : u16;
    memcpy(&i32, at, 4), memcpy(&u32, at, 4);
    return type == WEFT_INT32 ? (int64_t)i32 : (int64_t)u32;
}

static void averages_of_integers_are_quotients(void **state_)
{
    static const weft_type *const types[] = {WEFT_INT8, WEFT_UINT8, WEFT_INT16, WEFT_UINT16, WEFT_INT32, WEFT_UINT32};
    uint64_t state = test_seed();
    (void)state_;
    find_tables();
    for (size_t t = 0; t < 6; t++)
        for (int n = 2; n < 3000; n += n < 70 ? 1 : 13) {
            _Alignas(64) unsigned char sums[4 * 100], found[4 * 100];
            test_case("avg of %s over %d ranks", types[t]->name, n);
            random_fill(&state, types[t], sums, 100);
            for (size_t i = 0; i < 60; i++) { /* about multiples of n */
                int64_t near = (int64_t)(random_below(&state, 1ull << 32) / (unsigned)n * (unsigned)n + i % 3) - 1;
                bits_store(sums + i * types[t]->size, types[t]->size, (uint64_t)near);
            }
            for (int table = 0; table < n_tables; table++) {
                tables[table]->of[weft_type_index(types[t])][WEFT_OP_avg].finish(sums, found, 100, n);
                for (size_t i = 0; i < 100; i++)
                    CHECK(integer_at(types[t], found, i) == integer_at(types[t], sums, i) / n,
                          "%s: %lld / %d gives %lld", table_names[table], (long long)integer_at(types[t], sums, i), n,
                          (long long)integer_at(types[t], found, i));
            }
        }
}

/* ---- Conversions of 16-bit floats, beside arithmetic in double */

struct format {
    const weft_type *type;
    int mantissa_bits, bias;
    uint16_t infinity, nan;
};
static const struct format formats[2] = {{WEFT_FLOAT16, 10, 15, 0x7c00, 0x7e00},
                                         {WEFT_BFLOAT16, 7, 127, 0x7f80, 0x7fc0}};

static double value_of(const struct format *format, uint16_t half)
{
    int magnitude = half & 0x7fff, exponent = magnitude >> format->mantissa_bits;
    int mantissa = magnitude & ((1 << format->mantissa_bits) - 1);
    double value;
    if (magnitude >= format->infinity)
        value = magnitude > format->infinity ? (double)NAN : (double)INFINITY;
    else if (exponent == 0)
        value = ldexp(mantissa, 1 - format->bias - format->mantissa_bits);
    else
        value = ldexp(mantissa + (1 << format->mantissa_bits), exponent - format->bias - format->mantissa_bits);
    return half & 0x8000 ? -value : value;
}

/* The nearest, and of two equally near the even one: magnitudes are in the order of their bits. */
static uint16_t half_of(const struct format *format, double value)
{
    uint16_t sign = signbit(value) ? 0x8000 : 0, low = 0, high = format->infinity;
    double size = fabs(value);
    if (isnan(value))
        return format->nan;
    while (high - low > 1) {
        uint16_t middle = (uint16_t)((low + high) / 2);
        if (value_of(format, middle) <= size)
            low = middle;
        else
            high = middle;
    }
    /* Where infinity stands, the next number would. */
    double above = high < format->infinity ? value_of(format, high)
                                           : 2 * value_of(format, low) - value_of(format, (uint16_t)(low - 1));
    double below_by = size - value_of(format, low), above_by = above - size;
    return sign | (below_by < above_by || (below_by == above_by && low % 2 == 0) ? low : high);
}

static void expect_narrowed(const struct format *format, float value)
{
    float values[REPEATED];
    uint16_t found[REPEATED], expected = half_of(format, (double)value);
    for (int i = 0; i < REPEATED; i++)
        values[i] = value;
    for (int table = 0; table < n_tables; table++) {
        tables[table]->of[weft_type_index(format->type)][WEFT_OP_sum].finish(values, found, REPEATED, 2);
        for (int i = 0; i < REPEATED; i += i == 0 ? REPEATED - 1 : 1) /* a step's, and one that is left over */
            CHECK(found[i] == expected, "%s: %a gives %04x, not %04x", table_names[table], (double)value, found[i],
                  expected);
    }
}

static void expect_widened(const struct format *format, uint16_t half)
{
    float found[REPEATED];
    uint16_t halves[REPEATED];
    const void *sources[1] = {halves};
    double expected = value_of(format, half);
    for (int i = 0; i < REPEATED; i++)
        halves[i] = half;
    for (int table = 0; table < n_tables; table++) {
        tables[table]->of[weft_type_index(format->type)][WEFT_OP_sum].combine[0](sources, found, REPEATED);
        for (int i = 0; i < REPEATED; i++)
            CHECK(isnan(expected) ? isnan(found[i])
                                  : (double)found[i] == expected && !signbit(found[i]) == !signbit(expected),
                  "%s: %04x gives %a", table_names[table], half, (double)found[i]);
    }
}

static float float_of(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static void halves_are_converted_as_the_format_says(void **state_)
{
    uint64_t state = test_seed();
    (void)state_;
    find_tables();
    for (int f = 0; f < 2; f++) {
        test_case("conversions of %s", formats[f].type->name);
        for (uint32_t half = 0; half < 0x10000; half++) {
            float value = (float)value_of(&formats[f], (uint16_t)half);
            float next = (float)value_of(&formats[f], (uint16_t)(half + 1));
            expect_widened(&formats[f], (uint16_t)half);
            expect_narrowed(&formats[f], value);
            if (isnan(value) || isnan(next) || isinf(next))
                continue;
            float middle = value + (next - value) / 2;
            expect_narrowed(&formats[f], middle);
            expect_narrowed(&formats[f], nextafterf(middle, value));
            expect_narrowed(&formats[f], nextafterf(middle, next));
        }
        for (uint32_t bits = 0x477fef00; bits < 0x47800100; bits++) /* where float16 turns to infinity */
            expect_narrowed(&formats[f], float_of(bits));
        for (uint32_t i = 0; i < 200000 / (TEST_SANITIZED ? 10 : 1); i++)
            expect_narrowed(&formats[f], float_of((uint32_t)random_next(&state)));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(instruction_sets_give_the_same_bits),
        TEST(averages_of_integers_are_quotients),
        TEST(halves_are_converted_as_the_format_says),
    };
    return RUN_TESTS("kernels", tests);
}

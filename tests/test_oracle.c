// SPDX-License-Identifier: MIT
/* The oracle itself, against answers written down by hand: if it were wrong in the way the library is, no other test would
 * say so. The tree is shown as text, conversions at every corner and over all 65,536 bit patterns, the rules for NaN,
 * signed zeros, wrapping, averages and ties as tables. */
#include "oracle.h"
#include "support.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct text {
    char text[200];
};

static weft_status join(const weft_op *op, const weft_type *type, const void *in, void *inout, size_t count)
{
    (void)op, (void)type;
    for (size_t i = 0; i < count; i++) {
        struct text joined;
        const struct text *left = (const struct text *)in + i;
        struct text *right = (struct text *)inout + i;
        snprintf(joined.text, sizeof joined.text, "(%.90s%.90s)", left->text, right->text);
        *right = joined;
    }
    return WEFT_OK;
}

static const weft_type text_type = {.name = "text", .size = sizeof(struct text)};
static const weft_op join_op = {.name = "join", .combine = join};

static void tree_splits_at_the_largest_power_of_two_below(void **unused)
{
    (void)unused;
    static const char *const trees[] = {
        NULL,
        "0",
        "(01)",
        "((01)2)",
        "((01)(23))",
        "(((01)(23))4)",
        "(((01)(23))(45))",
        "(((01)(23))((45)6))",
        "(((01)(23))((45)(67)))",
        "((((01)(23))((45)(67)))8)",
        "((((01)(23))((45)(67)))(89))",
        "((((01)(23))((45)(67)))((89)a))",
        "((((01)(23))((45)(67)))((89)(ab)))",
        "((((01)(23))((45)(67)))(((89)(ab))c))",
    };
    struct text inputs[16], output;
    const void *pointers[16];
    for (int i = 0; i < 16; i++) {
        snprintf(inputs[i].text, sizeof inputs[i].text, "%x", (unsigned)i);
        pointers[i] = &inputs[i];
    }
    for (int n = 1; n < (int)(sizeof trees / sizeof trees[0]); n++) {
        oracle_tree(&text_type, &join_op, pointers, 0, n, n, 1, &output);
        assert_string_equal(output.text, trees[n]);
    }
    oracle_tree(&text_type, &join_op, pointers, 3, 6, 3, 1, &output);
    assert_string_equal(output.text, "((34)5)");
}

static void sixteen_bits_widen_to_their_values(void **unused)
{
    (void)unused;
    assert_true(oracle_widen(0x3c00, 5, 10) == 1.0);
    assert_true(oracle_widen(0xc000, 5, 10) == -2.0);
    assert_true(oracle_widen(0x7bff, 5, 10) == 65504.0);
    assert_true(oracle_widen(0x0400, 5, 10) == 1.0 / 16384);
    assert_true(oracle_widen(0x0001, 5, 10) == 1.0 / 16777216);
    assert_true(oracle_widen(0x7c00, 5, 10) == (double)INFINITY);
    assert_true(isnan(oracle_widen(0x7c01, 5, 10)));
    assert_true(signbit(oracle_widen(0x8000, 5, 10)));
    assert_true(oracle_widen(0x3f80, 8, 7) == 1.0);
    assert_true(oracle_widen(0xbfc0, 8, 7) == -1.5);
    assert_true(oracle_widen(0x0001, 8, 7) == ldexp(1.0, -133));
}

/* Widening to float32 is exact for both formats, so narrowing must bring every pattern back; and it agrees with the bits of
 * float32 itself where that format is asked for. */
static void narrowing_undoes_widening(void **unused)
{
    (void)unused;
    for (uint64_t bits = 0; bits < 65536; bits++) {
        double half = oracle_widen(bits, 5, 10), brain = oracle_widen(bits, 8, 7);
        assert_int_equal(oracle_narrow(half, 5, 10), isnan(half) ? 0x7e00 : bits);
        assert_int_equal(oracle_narrow(brain, 8, 7), isnan(brain) ? 0x7fc0 : bits);
        uint32_t high = (uint32_t)bits << 16;
        float same;
        memcpy(&same, &high, sizeof same);
        assert_true((double)same == brain || (isnan(same) && isnan(brain)));
        assert_int_equal(oracle_narrow(brain, 8, 23), isnan(brain) ? 0x7fc00000 : high);
    }
    uint64_t state = test_seed();
    for (int i = 0; i < 200000; i++) {
        uint32_t bits = (uint32_t)random_next(&state), again;
        float value;
        memcpy(&value, &bits, sizeof value);
        again = (uint32_t)oracle_narrow(oracle_widen(bits, 8, 23), 8, 23);
        assert_true(isnan(value) ? again == 0x7fc00000 : again == bits);
    }
}

static void narrowing_rounds_to_nearest_even(void **unused)
{
    (void)unused;
    assert_int_equal(oracle_narrow(2049.0, 5, 10), 0x6800);    /* between 2048 and 2050: even */
    assert_int_equal(oracle_narrow(2051.0, 5, 10), 0x6802);    /* between 2050 and 2052: even */
    assert_int_equal(oracle_narrow(2049.001, 5, 10), 0x6801);  /* just above the middle */
    assert_int_equal(oracle_narrow(65519.996, 5, 10), 0x7bff); /* below the middle to infinity */
    assert_int_equal(oracle_narrow(65520.0, 5, 10), 0x7c00);   /* at the middle */
    assert_int_equal(oracle_narrow(-1e300, 5, 10), 0xfc00);    /* far above */
    assert_int_equal(oracle_narrow(ldexp(1, -25), 5, 10), 0);  /* half the smallest: even is 0 */
    assert_int_equal(oracle_narrow(-ldexp(1.5, -25), 5, 10), 0x8001);
    assert_int_equal(oracle_narrow(ldexp(1, -14) - ldexp(1, -26), 5, 10), 0x0400); /* up into the normal numbers */
    assert_int_equal(oracle_narrow(257.0, 8, 7), 0x4380);
    assert_int_equal(oracle_narrow(259.0, 8, 7), 0x4382);
    assert_int_equal(oracle_narrow((double)3.4e38f, 8, 7), 0x7f80); /* the carry goes to infinity */
    assert_int_equal(oracle_narrow(-0.0, 8, 7), 0x8000);
}

/* One reduction of up to four float32 given by their bits. */
static uint32_t float32_of(const weft_op *op, int n, const uint32_t *bits)
{
    const void *pointers[4] = {&bits[0], &bits[1], &bits[2], &bits[3]};
    uint32_t result;
    oracle_tree(WEFT_FLOAT32, op, pointers, 0, n, n, 1, &result);
    return result;
}

static void special_floats_follow_the_rules(void **unused)
{
    (void)unused;
    enum { ONE = 0x3f800000, ZERO = 0, INF = 0x7f800000, NAN_PAYLOAD = 0x7fc00123, QUIET = 0x7fc00000 };
    static const struct {
        const weft_op *op;
        uint32_t a, b, result;
    } table[] = {
        {&weft_min, ONE, NAN_PAYLOAD, QUIET},
        {&weft_max, 0xffc00000, ONE, QUIET},
        {&weft_min, ZERO, 0x80000000, 0x80000000},
        {&weft_max, ZERO, 0x80000000, ZERO},
        {&weft_min, 0x80000000, ZERO, 0x80000000},
        {&weft_max, 0x80000000, ZERO, ZERO},
        {&weft_sum, 0x80000000, 0x80000000, 0x80000000},
        {&weft_sum, ZERO, 0x80000000, ZERO},
        {&weft_sum, INF, 0xff800000, QUIET},
        {&weft_prod, INF, ZERO, QUIET},
        {&weft_sum, 0x7f800001, ONE, QUIET},
        {&weft_avg, INF, INF, INF},
        {&weft_avg, 0x40000000, 0x40800000, 0x40400000},
        {&weft_sum, 1, 1, 2}, /* denormals are numbers */
        {&weft_prod, 0x00800000, 0x3f000000, 0x00400000},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        uint32_t bits[4] = {table[i].a, table[i].b, 0, 0};
        assert_int_equal(float32_of(table[i].op, 2, bits), table[i].result);
    }
    uint32_t alone[4] = {NAN_PAYLOAD, 0, 0, 0}, order[4] = {0x4b800000, ONE, ONE, ONE}; /* 2^24, 1, 1, 1 */
    assert_int_equal(float32_of(WEFT_SUM, 1, alone), NAN_PAYLOAD); /* nothing combined, nothing changed */
    assert_int_equal(float32_of(WEFT_SUM, 4, order), 0x4b800001);  /* (2^24 + 1) + (1 + 1) = 2^24 + 2 */
    assert_int_equal(float32_of(WEFT_SUM, 3, order), 0x4b800000);  /* (2^24 + 1) + 1 = 2^24 */
}

/* In float16 each of these sums would round; in float32 none does, and the result rounds once. */
static void sixteen_bits_round_once(void **unused)
{
    (void)unused;
    uint16_t inputs[4] = {0x6800, 0x3c00, 0x3c00, 0x3c00}, result; /* 2048, 1, 1, 1 */
    const void *pointers[4] = {&inputs[0], &inputs[1], &inputs[2], &inputs[3]};
    oracle_tree(WEFT_FLOAT16, WEFT_SUM, pointers, 0, 4, 4, 1, &result);
    assert_int_equal(result, 0x6802); /* 2051 is half way between 2050 and 2052; float16 steps would give 2050 */
    uint16_t brains[3] = {0x4380, 0x3f80, 0x3f80}; /* 256, 1, 1: 258 is representable, 256 + 1 alone is not */
    const void *brain_pointers[3] = {&brains[0], &brains[1], &brains[2]};
    oracle_tree(WEFT_BFLOAT16, WEFT_SUM, brain_pointers, 0, 3, 3, 1, &result);
    assert_int_equal(result, 0x4381);
}

static void integers_wrap_and_average_toward_zero(void **unused)
{
    (void)unused;
    int8_t small[3] = {100, 100, -1}, result;
    const void *pointers[3] = {&small[0], &small[1], &small[2]};
    oracle_tree(WEFT_INT8, WEFT_SUM, pointers, 0, 2, 2, 1, &result);
    assert_int_equal(result, -56);
    oracle_tree(WEFT_INT8, WEFT_AVG, pointers, 0, 2, 2, 1, &result);
    assert_int_equal(result, -28);
    oracle_tree(WEFT_INT8, WEFT_AVG, pointers, 0, 3, 3, 1, &result);
    assert_int_equal(result, -19); /* -57 / 3 */
    oracle_tree(WEFT_INT8, WEFT_PROD, pointers, 0, 3, 3, 1, &result);
    assert_int_equal(result, -16); /* -10000 mod 256 = 240 */
    oracle_tree(WEFT_INT8, WEFT_MIN, pointers, 0, 3, 3, 1, &result);
    assert_int_equal(result, -1);
    oracle_tree(WEFT_UINT8, WEFT_MIN, pointers, 0, 3, 3, 1, &result);
    assert_int_equal(result, 100);
    oracle_tree(WEFT_INT8, WEFT_LAND, pointers, 0, 3, 3, 1, &result);
    assert_int_equal(result, 1);
    oracle_tree(WEFT_INT8, WEFT_LXOR, pointers, 0, 2, 2, 1, &result);
    assert_int_equal(result, 0);
    oracle_tree(WEFT_INT8, WEFT_LOR, pointers, 0, 1, 1, 1, &result);
    assert_int_equal(result, 100); /* one rank alone: its input */
    oracle_tree(WEFT_INT8, WEFT_BXOR, pointers, 0, 3, 3, 1, &result);
    assert_int_equal(result, -1);
    int32_t minus[2] = {-3, 0};
    const void *minus_pointers[2] = {&minus[0], &minus[1]};
    int32_t average;
    oracle_tree(WEFT_INT32, WEFT_AVG, minus_pointers, 0, 2, 2, 1, &average);
    assert_int_equal(average, -1); /* toward zero, not -2 */
}

static void places_break_ties_by_index(void **unused)
{
    (void)unused;
    weft_float32_indexed a = {1.0f, 9}, b = {1.0f, 4}, c = {2.0f, 1}, nan5 = {NAN, 5}, nan3 = {NAN, 3}, result;
    struct {
        const weft_op *op;
        weft_float32_indexed *x, *y;
        int32_t index;
    } table[] = {{WEFT_MINLOC, &a, &b, 4}, {WEFT_MAXLOC, &a, &b, 4},       {WEFT_MINLOC, &a, &c, 9},
                 {WEFT_MAXLOC, &a, &c, 1}, {WEFT_MINLOC, &a, &nan5, 5},    {WEFT_MAXLOC, &nan5, &c, 5},
                 {WEFT_MINLOC, &b, &a, 4}, {WEFT_MINLOC, &nan5, &nan3, 3}, {WEFT_MAXLOC, &nan3, &nan5, 3}};
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        const void *pointers[2] = {table[i].x, table[i].y};
        oracle_tree(WEFT_FLOAT32_INDEX, table[i].op, pointers, 0, 2, 2, 1, &result);
        assert_int_equal(result.index, table[i].index);
    }
    weft_int64_indexed low = {-5, INT64_MAX}, high = {3, -1}, least;
    const void *pointers[2] = {&high, &low};
    oracle_tree(WEFT_INT64_INDEX, WEFT_MINLOC, pointers, 0, 2, 2, 1, &least);
    assert_true(least.value == -5 && least.index == INT64_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(tree_splits_at_the_largest_power_of_two_below),
        TEST(sixteen_bits_widen_to_their_values),
        TEST(narrowing_undoes_widening),
        TEST(narrowing_rounds_to_nearest_even),
        TEST(special_floats_follow_the_rules),
        TEST(sixteen_bits_round_once),
        TEST(integers_wrap_and_average_toward_zero),
        TEST(places_break_ties_by_index),
    };
    return RUN_TESTS("oracle", tests);
}

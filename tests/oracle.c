// SPDX-License-Identifier: MIT
/* oracle.c - types, operations and the combination tree of the oracle: see oracle.h. An element is decoded to a value that
 * is wide enough for every type, values are combined along the tree, and the last one is encoded. Slow and plain. */
#include "oracle.h"
#include "support.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum domain { SIGNED, UNSIGNED, FLOAT };

struct format {
    const weft_type *type;
    enum domain domain;
    unsigned value_size;                   /* bytes of the value, without the index */
    unsigned exponent_bits, mantissa_bits; /* floats */
    bool indexed;
};

static const struct format formats[] = {
    {&weft_int8, SIGNED, 1, 0, 0, false},         {&weft_int16, SIGNED, 2, 0, 0, false},
    {&weft_int32, SIGNED, 4, 0, 0, false},        {&weft_int64, SIGNED, 8, 0, 0, false},
    {&weft_uint8, UNSIGNED, 1, 0, 0, false},      {&weft_uint16, UNSIGNED, 2, 0, 0, false},
    {&weft_uint32, UNSIGNED, 4, 0, 0, false},     {&weft_uint64, UNSIGNED, 8, 0, 0, false},
    {&weft_float16, FLOAT, 2, 5, 10, false},      {&weft_bfloat16, FLOAT, 2, 8, 7, false},
    {&weft_float32, FLOAT, 4, 8, 23, false},      {&weft_float64, FLOAT, 8, 11, 52, false},
    {&weft_int32_index, SIGNED, 4, 0, 0, true},   {&weft_int64_index, SIGNED, 8, 0, 0, true},
    {&weft_float32_index, FLOAT, 4, 8, 23, true}, {&weft_float64_index, FLOAT, 8, 11, 52, true},
};

static const weft_op *const ops[] = {&weft_sum,  &weft_prod,   &weft_min,   &weft_max,  &weft_avg,
                                     &weft_band, &weft_bor,    &weft_bxor,  &weft_land, &weft_lor,
                                     &weft_lxor, &weft_minloc, &weft_maxloc};

const weft_type *oracle_type(size_t index)
{
    return index < sizeof formats / sizeof formats[0] ? formats[index].type : NULL;
}

const weft_op *oracle_op(size_t index)
{
    return index < sizeof ops / sizeof ops[0] ? ops[index] : NULL;
}

static const struct format *find_format(const weft_type *type)
{
    for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++)
        if (formats[i].type == type)
            return &formats[i];
    return NULL;
}

static bool is_builtin(const weft_op *op)
{
    for (size_t i = 0; i < sizeof ops / sizeof ops[0]; i++)
        if (ops[i] == op)
            return true;
    return false;
}

bool oracle_supports(const weft_op *op, const weft_type *type)
{
    const struct format *format = find_format(type);
    if (!format || !is_builtin(op))
        return false;
    if (op == WEFT_MINLOC || op == WEFT_MAXLOC || format->indexed)
        return format->indexed && (op == WEFT_MINLOC || op == WEFT_MAXLOC);
    if (op == WEFT_BAND || op == WEFT_BOR || op == WEFT_BXOR || op == WEFT_LAND || op == WEFT_LOR || op == WEFT_LXOR)
        return format->domain != FLOAT;
    return true;
}

/* ---- Float formats by arithmetic ---- */

double oracle_widen(uint64_t bits, unsigned exponent_bits, unsigned mantissa_bits)
{
    uint64_t mantissa = bits & (((uint64_t)1 << mantissa_bits) - 1);
    int exponent_max = (1 << exponent_bits) - 1, bias = exponent_max / 2;
    int exponent = (int)(bits >> mantissa_bits) & exponent_max;
    double sign = bits >> (exponent_bits + mantissa_bits) & 1 ? -1.0 : 1.0;
    if (exponent == exponent_max)
        return mantissa ? (double)NAN : sign * (double)INFINITY;
    if (exponent == 0)
        return sign * ldexp((double)mantissa, 1 - bias - (int)mantissa_bits);
    return sign * ldexp((double)(mantissa | (uint64_t)1 << mantissa_bits), exponent - bias - (int)mantissa_bits);
}

uint64_t oracle_narrow(double value, unsigned exponent_bits, unsigned mantissa_bits)
{
    uint64_t one = 1, infinity = ((one << exponent_bits) - 1) << mantissa_bits;
    if (isnan(value))
        return infinity | one << (mantissa_bits - 1);
    uint64_t sign = signbit(value) ? one << (exponent_bits + mantissa_bits) : 0;
    value = fabs(value);
    if (value == 0 || isinf(value))
        return sign | (value == 0 ? 0 : infinity);
    int exponent, exponent_min = 2 - (1 << (exponent_bits - 1));
    frexp(value, &exponent);
    exponent = exponent - 1 < exponent_min ? exponent_min : exponent - 1;
    if (exponent > -exponent_min + 1)
        return sign | infinity;
    /* In units of the last place there are at most mantissa_bits + 1 bits before the point; the rest decides. */
    double units = ldexp(value, (int)mantissa_bits - exponent), whole = floor(units), rest = units - whole;
    uint64_t u = (uint64_t)whole;
    if (rest > 0.5 || (rest == 0.5 && (u & 1)))
        u++;
    /* A carry out of the mantissa counts up the exponent, from denormal to normal and from the largest to infinity. */
    uint64_t bits = ((uint64_t)(exponent - exponent_min) << mantissa_bits) + u;
    return sign | (bits > infinity ? infinity : bits);
}

/* ---- Values ---- */

struct value {
    uint64_t integer; /* sign- or zero-extended */
    double real;      /* of types up to 32 bits always a float32 value */
    int64_t index;
};

/* Cuts an integer to its type's width and extends it again: integers wrap. */
static uint64_t wrap(const struct format *format, uint64_t integer)
{
    unsigned unused = 64 - 8 * format->value_size;
    uint64_t high = integer << unused;
    if (format->domain == UNSIGNED || unused == 0)
        return high >> unused;
    bool negative = high >> 63;
    return high >> unused | (negative ? ~(uint64_t)0 << (64 - unused) : 0);
}

static struct value decode(const struct format *format, const void *from)
{
    struct value value = {0, 0, 0};
    uint64_t bits = bits_load(from, format->value_size);
    if (format->domain != FLOAT)
        value.integer = wrap(format, bits);
    else if (format->value_size == 8)
        memcpy(&value.real, &bits, 8);
    else
        value.real = oracle_widen(bits, format->exponent_bits, format->mantissa_bits);
    if (format->indexed) {
        uint64_t index = bits_load((const char *)from + format->value_size, format->value_size);
        value.index = format->value_size == 4 ? (int32_t)(uint32_t)index : (int64_t)index;
    }
    return value;
}

static void encode(const struct format *format, struct value value, void *to)
{
    uint64_t bits = value.integer;
    if (format->domain == FLOAT && format->value_size == 8 && !isnan(value.real))
        memcpy(&bits, &value.real, 8);
    else if (format->domain == FLOAT)
        bits = oracle_narrow(value.real, format->exponent_bits, format->mantissa_bits);
    bits_store(to, format->value_size, bits);
    if (format->indexed)
        bits_store((char *)to + format->value_size, format->value_size, (uint64_t)value.index);
}

/* ---- Operations: `a` comes from the lower ranks ---- */

/* Is a before b? min and max hold -0 to be before +0; beside an index they are a tie. Not for NaN. */
static bool before(const struct format *format, struct value a, struct value b)
{
    if (format->domain == UNSIGNED)
        return a.integer < b.integer;
    if (format->domain == SIGNED)
        return (int64_t)a.integer < (int64_t)b.integer;
    if (a.real == 0 && b.real == 0)
        return !format->indexed && signbit(a.real) && !signbit(b.real);
    return a.real < b.real;
}

static struct value least_or_greatest(const weft_op *op, const struct format *format, struct value a, struct value b)
{
    bool least = op == WEFT_MIN || op == WEFT_MINLOC;
    bool a_nan = format->domain == FLOAT && isnan(a.real), b_nan = format->domain == FLOAT && isnan(b.real);
    if (a_nan != b_nan)
        return a_nan ? a : b;
    if (!a_nan && before(format, a, b))
        return least ? a : b;
    if (!a_nan && before(format, b, a))
        return least ? b : a;
    return a.index <= b.index ? a : b;
}

static double real_of(const weft_op *op, const struct format *format, double a, double b)
{
    if (format->value_size == 8)
        return op == WEFT_PROD ? a * b : a + b;
    float x = (float)a, y = (float)b, result = op == WEFT_PROD ? x * y : x + y;
    return result;
}

static uint64_t integer_of(const weft_op *op, uint64_t a, uint64_t b)
{
    if (op == WEFT_PROD)
        return a * b;
    if (op == WEFT_BAND)
        return a & b;
    if (op == WEFT_BOR)
        return a | b;
    if (op == WEFT_BXOR)
        return a ^ b;
    if (op == WEFT_LAND)
        return a != 0 && b != 0;
    if (op == WEFT_LOR)
        return a != 0 || b != 0;
    if (op == WEFT_LXOR)
        return (a != 0) != (b != 0);
    return a + b;
}

static struct value combine(const weft_op *op, const struct format *format, struct value a, struct value b)
{
    if (op == WEFT_MIN || op == WEFT_MAX || op == WEFT_MINLOC || op == WEFT_MAXLOC)
        return least_or_greatest(op, format, a, b);
    struct value result = {0, 0, 0};
    if (format->domain == FLOAT)
        result.real = real_of(op, format, a.real, b.real);
    else
        result.integer = wrap(format, integer_of(op, a.integer, b.integer));
    return result;
}

/* What happens once, after the last combination. */
static struct value finish(const weft_op *op, const struct format *format, struct value value, int divisor)
{
    if (op == WEFT_LAND || op == WEFT_LOR || op == WEFT_LXOR)
        value.integer = value.integer != 0;
    if (op != WEFT_AVG)
        return value;
    if (format->domain == UNSIGNED)
        value.integer /= (uint64_t)divisor;
    else if (format->domain == SIGNED)
        value.integer = (uint64_t)((int64_t)value.integer / divisor);
    else if (format->value_size == 8)
        value.real /= divisor;
    else
        value.real = (float)value.real / (float)divisor;
    return value;
}

/* ---- The tree ---- */

static int split_at(int lo, int hi)
{
    int half = 1;
    while (2 * half < hi - lo)
        half *= 2;
    return lo + half;
}

static struct value value_tree(const struct format *format, const weft_op *op, const void *const *inputs, int lo,
                               int hi, size_t i)
{
    if (hi - lo == 1)
        return decode(format, (const char *)inputs[lo] + i * format->type->size);
    int middle = split_at(lo, hi);
    struct value left = value_tree(format, op, inputs, lo, middle, i);
    struct value right = value_tree(format, op, inputs, middle, hi, i);
    return combine(op, format, left, right);
}

static void user_tree(const weft_type *type, const weft_op *op, const void *const *inputs, int lo, int hi, size_t count,
                      void *output)
{
    if (hi - lo == 1) {
        memcpy(output, inputs[lo], count * type->size);
        return;
    }
    int middle = split_at(lo, hi);
    void *left = malloc(count * type->size);
    if (!left)
        abort();
    user_tree(type, op, inputs, lo, middle, count, left);
    user_tree(type, op, inputs, middle, hi, count, output);
    if (op->combine(op, type, left, output, count) != WEFT_OK)
        abort();
    free(left);
}

void oracle_tree(const weft_type *type, const weft_op *op, const void *const *inputs, int lo, int hi, int divisor,
                 size_t count, void *output)
{
    if (count == 0)
        return;
    if (hi - lo == 1) { /* nothing is combined: the input itself, bit for bit */
        memcpy(output, inputs[lo], count * type->size);
        return;
    }
    if (!is_builtin(op)) {
        user_tree(type, op, inputs, lo, hi, count, output);
        return;
    }
    const struct format *format = find_format(type);
    for (size_t i = 0; i < count; i++) {
        struct value value = value_tree(format, op, inputs, lo, hi, i);
        encode(format, finish(op, format, value, divisor), (char *)output + i * type->size);
    }
}

// SPDX-License-Identifier: MIT
/* random.c - the tests' random numbers, all from one seed, and random elements that visit the corners of each type. */
#include "support.h"

#include <string.h>

uint64_t random_next(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

uint64_t random_below(uint64_t *state, uint64_t limit)
{
    return random_next(state) % limit;
}

/* Bits of a floating-point format: corners as functions of its widths. */
static uint64_t float_corner(uint64_t choice, unsigned exponent_bits, unsigned mantissa_bits)
{
    uint64_t exponent_mask = ((uint64_t)1 << exponent_bits) - 1, bias = exponent_mask >> 1, one = 1;
    uint64_t corners[] = {
        0,                                                               /* +0 */
        one,                                                             /* the smallest denormal */
        (one << mantissa_bits) - 1,                                      /* the largest denormal */
        one << mantissa_bits,                                            /* the smallest normal */
        (exponent_mask << mantissa_bits) - 1,                            /* the largest finite */
        exponent_mask << mantissa_bits,                                  /* infinity */
        exponent_mask << mantissa_bits | one << (mantissa_bits - 1),     /* the canonical NaN */
        exponent_mask << mantissa_bits | one << (mantissa_bits - 1) | 5, /* a NaN with a payload */
        exponent_mask << mantissa_bits | 1,                              /* a signaling NaN */
        bias << mantissa_bits,                                           /* 1 */
        (bias + mantissa_bits + 1) << mantissa_bits,                     /* where 1 is half a unit */
    };
    uint64_t sign = choice & 1;
    choice >>= 1;
    return corners[choice % (sizeof corners / sizeof corners[0])] | sign << (exponent_bits + mantissa_bits);
}

/* Mostly numbers near one another, whose sums round; sometimes any bits; sometimes a corner. */
static uint64_t random_float(uint64_t *state, uint64_t corners_in_64, unsigned exponent_bits, unsigned mantissa_bits)
{
    uint64_t choice = random_below(state, 64), bits = random_next(state);
    if (choice < corners_in_64)
        return float_corner(bits, exponent_bits, mantissa_bits);
    if (choice < 2 * corners_in_64)
        return bits;
    uint64_t bias = (((uint64_t)1 << exponent_bits) - 1) >> 1, sign = bits & 1;
    uint64_t exponent = bias - 3 + (bits >> 1) % 8, mantissa = bits >> 8 & (((uint64_t)1 << mantissa_bits) - 1);
    return sign << (exponent_bits + mantissa_bits) | exponent << mantissa_bits | mantissa;
}

static uint64_t random_integer(uint64_t *state)
{
    uint64_t bits = random_next(state);
    switch (bits & 7) {
    case 0:
        return 0;
    case 1:
        return ~(uint64_t)0;
    case 2: /* the extremes of any width */
        return (uint64_t)1 << (7 | (bits >> 3 & 56));
    case 3:
        return ((uint64_t)1 << (7 | (bits >> 3 & 56))) - 1;
    case 4:
    case 5:
        return (bits >> 8) % 10;
    default:
        return bits >> 3 ^ bits << 57;
    }
}

/* Where the last bytes of eight are: at their end where the processor is big-endian. */
static size_t low_bytes(size_t size)
{
    const uint16_t one = 1;
    return *(const unsigned char *)&one == 1 ? 0 : sizeof(uint64_t) - size;
}

uint64_t bits_load(const void *from, size_t size)
{
    uint64_t bits = 0;
    memcpy((char *)&bits + low_bytes(size), from, size);
    return bits;
}

void bits_store(void *to, size_t size, uint64_t bits)
{
    memcpy(to, (const char *)&bits + low_bytes(size), size);
}

void random_fill(uint64_t *state, const weft_type *type, void *data, size_t count)
{
    const char *name = type->name;
    /* Of most buffers no element is special, or a NaN a rank would leave no other result to look at. */
    uint64_t corners = random_below(state, 4) == 0 ? 16 : random_below(state, 2);
    bool is_float = strstr(name, "float") != NULL, indexed = strstr(name, "_index") != NULL;
    size_t value_size = indexed ? type->size / 2 : type->size;
    unsigned mantissa_bits = value_size == 8 ? 52 : value_size == 4 ? 23 : name[0] == 'b' ? 7 : 10;
    unsigned exponent_bits = (unsigned)value_size * 8 - 1 - mantissa_bits;
    for (size_t i = 0; i < count; i++) {
        uint64_t bits = is_float ? random_float(state, corners, exponent_bits, mantissa_bits) : random_integer(state);
        if (indexed && is_float && random_below(state, 2) == 0)
            bits = bits >> (mantissa_bits - 1) << (mantissa_bits - 1); /* few values, so that there are ties */
        bits_store((char *)data + i * type->size, value_size, bits);
        if (indexed) {
            uint64_t index = random_next(state);
            bits_store((char *)data + i * type->size + value_size, value_size,
                       index & 1 ? index >> 1 & 7 : random_integer(state));
        }
    }
}

// SPDX-License-Identifier: MIT
/* harness_data.c - patterns are computed in double for one period, stored in the point's type, and copied or compared
 * in long runs, so that filling and checking 64 MiB takes little longer than touching them. */
#include "harness_data.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

enum { PERIODS_A_RUN = 64, MAX_ELEMENT = 16 };

/* A run of whole periods. */
struct run {
    size_t bytes;
    unsigned char data[PERIODS_A_RUN * BENCH_PERIOD * MAX_ELEMENT];
};

/* A value and, for pairs, the rank it came from. */
struct element {
    double value;
    int index;
};

static struct element source(const struct bench_point *point, int rank, int block, unsigned round, int i)
{
    const int mixed = (i + 3 * rank + 5 * block + 7 * (int)(round % 5)) % BENCH_PERIOD;
    const int n = point->n_ranks;
    const int choices = 100 / n < 2 ? 2 : 100 / n > 7 ? 7 : 100 / n; /* sums stay exact in 8 bits */
    struct element out = {mixed, rank};
    if (point->op == BENCH_SUM || point->op == BENCH_AVG)
        out.value = mixed % choices;
    else if (point->op == BENCH_PROD)
        out.value = mixed == 1 ? 2 : 1;
    else if (point->op == BENCH_LAND || point->op == BENCH_LOR || point->op == BENCH_LXOR)
        out.value = mixed % 3 != 0;
    return out;
}

static struct element combine(enum bench_op op, struct element a, struct element b)
{
    const int64_t x = (int64_t)a.value, y = (int64_t)b.value;
    switch (op) {
    case BENCH_PROD:
        return (struct element){a.value * b.value, 0};
    case BENCH_MIN:
        return (struct element){fmin(a.value, b.value), 0};
    case BENCH_MAX:
        return (struct element){fmax(a.value, b.value), 0};
    case BENCH_BAND:
        return (struct element){(double)(x & y), 0};
    case BENCH_BOR:
        return (struct element){(double)(x | y), 0};
    case BENCH_BXOR:
        return (struct element){(double)(x ^ y), 0};
    case BENCH_LAND:
        return (struct element){x && y, 0};
    case BENCH_LOR:
        return (struct element){x || y, 0};
    case BENCH_LXOR:
        return (struct element){!x != !y, 0};
    case BENCH_MINLOC:
        return a.value <= b.value ? a : b;
    case BENCH_MAXLOC:
        return a.value >= b.value ? a : b;
    default:
        return (struct element){a.value + b.value, 0};
    }
}

static struct element reduced(const struct bench_point *point, int ranks, int block, unsigned round, int i)
{
    struct element out = source(point, 0, block, round, i);
    for (int r = 1; r < ranks; r++)
        out = combine(point->op, out, source(point, r, block, round, i));
    if (point->op == BENCH_AVG) {
        out.value /= point->n_ranks;
        if (point->type->kind == BENCH_SIGNED || point->type->kind == BENCH_UNSIGNED)
            out.value = trunc(out.value);
    }
    return out;
}

/* float32 bits to 16 bits, to nearest even; values here are normal numbers or zero. */
static uint16_t narrow(float value, enum bench_kind kind)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    const unsigned drop = kind == BENCH_BRAIN ? 16 : 13;
    const uint32_t sign = (bits >> 16) & 0x8000;
    uint32_t magnitude = bits & 0x7fffffff;
    magnitude += (1u << (drop - 1)) - 1 + ((magnitude >> drop) & 1);
    if (kind == BENCH_BRAIN)
        return (uint16_t)(sign | magnitude >> 16);
    return (uint16_t)(value == 0 ? sign : sign | ((magnitude >> 13) - ((127 - 15) << 10)));
}

static void store_integer(unsigned char *out, size_t size, int64_t value)
{
    switch (size) {
    case 1:
        memcpy(out, &(int8_t){(int8_t)value}, 1);
        break;
    case 2:
        memcpy(out, &(int16_t){(int16_t)value}, 2);
        break;
    case 4:
        memcpy(out, &(int32_t){(int32_t)value}, 4);
        break;
    default:
        memcpy(out, &value, 8);
        break;
    }
}

static void store(unsigned char *out, const struct bench_type *type, struct element element)
{
    if (type->kind == BENCH_HALF || type->kind == BENCH_BRAIN)
        memcpy(out, &(uint16_t){narrow((float)element.value, type->kind)}, 2);
    else if (type->kind == BENCH_FLOAT && type->value_size == 4)
        memcpy(out, &(float){(float)element.value}, 4);
    else if (type->kind == BENCH_FLOAT)
        memcpy(out, &element.value, 8);
    else
        store_integer(out, type->value_size, (int64_t)element.value);
    if (type->index_size != 0)
        store_integer(out + type->value_size, type->index_size, element.index);
}

/* Makes the run that block `block` of rank's sources repeats (ranks 0), or that reducing `ranks` ranks gives; as many
 * periods as the point's size asks for. */
static void make_run(struct run *run, const struct bench_point *point, int rank, int ranks, int block, unsigned round)
{
    const size_t size = point->type->size;
    for (int i = 0; i < BENCH_PERIOD; i++)
        store(run->data + (size_t)i * size, point->type,
              ranks == 0 ? source(point, rank, block, round, i) : reduced(point, ranks, block, round, i));
    const size_t period = BENCH_PERIOD * size, needed = point->bytes / period + 1;
    const size_t periods = needed < PERIODS_A_RUN ? needed : PERIODS_A_RUN;
    for (size_t i = 1; i < periods; i++)
        memcpy(run->data + i * period, run->data, period);
    run->bytes = periods * period;
}

static void write_block(const struct run *run, char *out, size_t bytes)
{
    for (size_t done = 0; done < bytes; done += run->bytes)
        memcpy(out + done, run->data, bytes - done < run->bytes ? bytes - done : run->bytes);
}

static bool same_block(const struct run *run, const char *in, size_t bytes)
{
    for (size_t done = 0; done < bytes; done += run->bytes)
        if (memcmp(in + done, run->data, bytes - done < run->bytes ? bytes - done : run->bytes) != 0)
            return false;
    return true;
}

void bench_fill(const struct bench_point *point, int rank, unsigned round, void *send)
{
    const struct bench_shape *shape = &bench_shapes[point->collective];
    struct run run;
    if (shape->send == BENCH_NO_BLOCK || (shape->root_sends && rank != point->root))
        return;
    const int blocks = shape->send == BENCH_ONE_BLOCK ? 1 : point->n_ranks;
    for (int block = 0; block < blocks; block++) {
        make_run(&run, point, rank, 0, block, round);
        write_block(&run, (char *)send + (size_t)block * point->bytes, point->bytes);
    }
}

/* Makes the run that block `block` of rank's result must repeat. */
static void expect(struct run *run, const struct bench_point *point, int rank, int block, unsigned round)
{
    switch (bench_base(point)) {
    case BENCH_PINGPONG:
        make_run(run, point, 1 - rank, 0, 0, round);
        break;
    case BENCH_SENDRECV:
        make_run(run, point, (rank + point->n_ranks - 1) % point->n_ranks, 0, 0, round);
        break;
    case BENCH_BROADCAST:
        make_run(run, point, point->root, 0, 0, round);
        break;
    case BENCH_SCATTER:
        make_run(run, point, point->root, 0, rank, round);
        break;
    case BENCH_ALLTOALL:
        make_run(run, point, block, 0, rank, round);
        break;
    case BENCH_REDUCE_SCATTER:
        make_run(run, point, 0, point->n_ranks, rank, round);
        break;
    case BENCH_SCAN:
        make_run(run, point, 0, rank + 1, 0, round);
        break;
    case BENCH_EXSCAN:
        make_run(run, point, 0, rank, 0, round);
        break;
    case BENCH_ALLREDUCE:
    case BENCH_REDUCE:
        make_run(run, point, 0, point->n_ranks, 0, round);
        break;
    default:
        make_run(run, point, block, 0, 0, round);
        break;
    }
}

bool bench_is_right(const struct bench_point *point, int rank, unsigned round, const void *recv)
{
    const struct bench_shape *shape = &bench_shapes[point->collective];
    struct run run;
    if (shape->recv == BENCH_NO_BLOCK || (shape->root_receives && rank != point->root))
        return true;
    const enum bench_collective base = bench_base(point);
    if ((base == BENCH_BROADCAST && rank == point->root) || (base == BENCH_EXSCAN && rank == 0) ||
        (base == BENCH_PINGPONG && rank > 1))
        return true; /* the first has it already, the others get nothing */
    const int blocks = shape->recv == BENCH_ONE_BLOCK ? 1 : point->n_ranks;
    for (int block = 0; block < blocks; block++) {
        expect(&run, point, rank, block, round);
        if (!same_block(&run, (const char *)recv + (size_t)block * point->bytes, point->bytes))
            return false;
    }
    return true;
}

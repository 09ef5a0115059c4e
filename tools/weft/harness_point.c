// SPDX-License-Identifier: MIT
/* harness_point.c - the tables of collectives, types and operations that the benchmark knows by itself, without the
 * library: its peers use the same ones. */
#include "harness_point.h"

#include <string.h>

const struct bench_shape bench_shapes[BENCH_COLLECTIVES] = {
    /* name, sends, receives, reduces, root sends, root receives, base */
    [BENCH_BARRIER] = {"barrier", BENCH_NO_BLOCK, BENCH_NO_BLOCK, false, false, false, BENCH_BARRIER},
    [BENCH_BROADCAST] = {"broadcast", BENCH_ONE_BLOCK, BENCH_ONE_BLOCK, false, true, false, BENCH_BROADCAST},
    [BENCH_ALLGATHER] = {"allgather", BENCH_ONE_BLOCK, BENCH_BLOCK_EACH, false, false, false, BENCH_ALLGATHER},
    [BENCH_ALLREDUCE] = {"allreduce", BENCH_ONE_BLOCK, BENCH_ONE_BLOCK, true, false, false, BENCH_ALLREDUCE},
    [BENCH_REDUCE] = {"reduce", BENCH_ONE_BLOCK, BENCH_ONE_BLOCK, true, false, true, BENCH_REDUCE},
    [BENCH_GATHER] = {"gather", BENCH_ONE_BLOCK, BENCH_BLOCK_EACH, false, false, true, BENCH_GATHER},
    [BENCH_SCATTER] = {"scatter", BENCH_BLOCK_EACH, BENCH_ONE_BLOCK, false, true, false, BENCH_SCATTER},
    [BENCH_ALLTOALL] = {"alltoall", BENCH_BLOCK_EACH, BENCH_BLOCK_EACH, false, false, false, BENCH_ALLTOALL},
    [BENCH_REDUCE_SCATTER] = {"reduce_scatter", BENCH_BLOCK_EACH, BENCH_ONE_BLOCK, true, false, false,
                              BENCH_REDUCE_SCATTER},
    [BENCH_SCAN] = {"scan", BENCH_ONE_BLOCK, BENCH_ONE_BLOCK, true, false, false, BENCH_SCAN},
    [BENCH_EXSCAN] = {"exscan", BENCH_ONE_BLOCK, BENCH_ONE_BLOCK, true, false, false, BENCH_EXSCAN},
    [BENCH_GATHERV] = {"gatherv", BENCH_ONE_BLOCK, BENCH_BLOCK_EACH, false, false, true, BENCH_GATHER},
    [BENCH_SCATTERV] = {"scatterv", BENCH_BLOCK_EACH, BENCH_ONE_BLOCK, false, true, false, BENCH_SCATTER},
    [BENCH_ALLGATHERV] = {"allgatherv", BENCH_ONE_BLOCK, BENCH_BLOCK_EACH, false, false, false, BENCH_ALLGATHER},
    [BENCH_ALLTOALLV] = {"alltoallv", BENCH_BLOCK_EACH, BENCH_BLOCK_EACH, false, false, false, BENCH_ALLTOALL},
    [BENCH_REDUCE_SCATTERV] = {"reduce_scatterv", BENCH_BLOCK_EACH, BENCH_ONE_BLOCK, true, false, false,
                               BENCH_REDUCE_SCATTER},
    [BENCH_IBARRIER] = {"ibarrier", BENCH_NO_BLOCK, BENCH_NO_BLOCK, false, false, false, BENCH_BARRIER},
    [BENCH_IBROADCAST] = {"ibroadcast", BENCH_ONE_BLOCK, BENCH_ONE_BLOCK, false, true, false, BENCH_BROADCAST},
    [BENCH_IALLGATHER] = {"iallgather", BENCH_ONE_BLOCK, BENCH_BLOCK_EACH, false, false, false, BENCH_ALLGATHER},
    [BENCH_IALLREDUCE] = {"iallreduce", BENCH_ONE_BLOCK, BENCH_ONE_BLOCK, true, false, false, BENCH_ALLREDUCE},
    [BENCH_IREDUCE] = {"ireduce", BENCH_ONE_BLOCK, BENCH_ONE_BLOCK, true, false, true, BENCH_REDUCE},
    [BENCH_IGATHER] = {"igather", BENCH_ONE_BLOCK, BENCH_BLOCK_EACH, false, false, true, BENCH_GATHER},
    [BENCH_ISCATTER] = {"iscatter", BENCH_BLOCK_EACH, BENCH_ONE_BLOCK, false, true, false, BENCH_SCATTER},
    [BENCH_IALLTOALL] = {"ialltoall", BENCH_BLOCK_EACH, BENCH_BLOCK_EACH, false, false, false, BENCH_ALLTOALL},
    [BENCH_IREDUCE_SCATTER] = {"ireduce_scatter", BENCH_BLOCK_EACH, BENCH_ONE_BLOCK, true, false, false,
                               BENCH_REDUCE_SCATTER},
    [BENCH_ISCAN] = {"iscan", BENCH_ONE_BLOCK, BENCH_ONE_BLOCK, true, false, false, BENCH_SCAN},
    [BENCH_IEXSCAN] = {"iexscan", BENCH_ONE_BLOCK, BENCH_ONE_BLOCK, true, false, false, BENCH_EXSCAN},
    [BENCH_IGATHERV] = {"igatherv", BENCH_ONE_BLOCK, BENCH_BLOCK_EACH, false, false, true, BENCH_GATHER},
    [BENCH_ISCATTERV] = {"iscatterv", BENCH_BLOCK_EACH, BENCH_ONE_BLOCK, false, true, false, BENCH_SCATTER},
    [BENCH_IALLGATHERV] = {"iallgatherv", BENCH_ONE_BLOCK, BENCH_BLOCK_EACH, false, false, false, BENCH_ALLGATHER},
    [BENCH_IALLTOALLV] = {"ialltoallv", BENCH_BLOCK_EACH, BENCH_BLOCK_EACH, false, false, false, BENCH_ALLTOALL},
    [BENCH_IREDUCE_SCATTERV] = {"ireduce_scatterv", BENCH_BLOCK_EACH, BENCH_ONE_BLOCK, true, false, false,
                                BENCH_REDUCE_SCATTER},
    [BENCH_PINGPONG] = {"pingpong", BENCH_ONE_BLOCK, BENCH_ONE_BLOCK, false, false, false, BENCH_PINGPONG},
    [BENCH_SENDRECV] = {"sendrecv", BENCH_ONE_BLOCK, BENCH_ONE_BLOCK, false, false, false, BENCH_SENDRECV},
};

static const struct bench_type types[] = {
    {"int8", 1, BENCH_SIGNED, 1, 0},         {"int16", 2, BENCH_SIGNED, 2, 0},
    {"int32", 4, BENCH_SIGNED, 4, 0},        {"int64", 8, BENCH_SIGNED, 8, 0},
    {"uint8", 1, BENCH_UNSIGNED, 1, 0},      {"uint16", 2, BENCH_UNSIGNED, 2, 0},
    {"uint32", 4, BENCH_UNSIGNED, 4, 0},     {"uint64", 8, BENCH_UNSIGNED, 8, 0},
    {"float16", 2, BENCH_HALF, 2, 0},        {"bfloat16", 2, BENCH_BRAIN, 2, 0},
    {"float32", 4, BENCH_FLOAT, 4, 0},       {"float64", 8, BENCH_FLOAT, 8, 0},
    {"int32_index", 8, BENCH_SIGNED, 4, 4},  {"int64_index", 16, BENCH_SIGNED, 8, 8},
    {"float32_index", 8, BENCH_FLOAT, 4, 4}, {"float64_index", 16, BENCH_FLOAT, 8, 8},
    {"counted", 8, BENCH_OBJECT, 8, 0},      {"tuple", 8, BENCH_OBJECT, 8, 0},
};

const char *const bench_op_names[BENCH_OPS] = {
    [BENCH_SUM] = "sum",       [BENCH_PROD] = "prod", [BENCH_MIN] = "min",   [BENCH_MAX] = "max",
    [BENCH_AVG] = "avg",       [BENCH_BAND] = "band", [BENCH_BOR] = "bor",   [BENCH_BXOR] = "bxor",
    [BENCH_LAND] = "land",     [BENCH_LOR] = "lor",   [BENCH_LXOR] = "lxor", [BENCH_MINLOC] = "minloc",
    [BENCH_MAXLOC] = "maxloc",
};

int bench_collective_by_name(const char *name)
{
    for (int i = 0; i < BENCH_COLLECTIVES; i++)
        if (strcmp(bench_shapes[i].name, name) == 0)
            return i;
    return -1;
}

const struct bench_type *bench_type_at(size_t index)
{
    return index < sizeof types / sizeof types[0] ? &types[index] : NULL;
}

const struct bench_type *bench_type_by_name(const char *name)
{
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
        if (strcmp(types[i].name, name) == 0)
            return &types[i];
    return NULL;
}

int bench_op_by_name(const char *name)
{
    for (int i = 0; i < BENCH_OPS; i++)
        if (strcmp(bench_op_names[i], name) == 0)
            return i;
    return -1;
}

bool bench_point_equal(const struct bench_point *a, const struct bench_point *b)
{
    return a->collective == b->collective && a->n_ranks == b->n_ranks && a->bytes == b->bytes && a->type == b->type &&
           a->op == b->op && a->root == b->root && a->rewritten == b->rewritten;
}

enum bench_collective bench_base(const struct bench_point *point)
{
    return bench_shapes[point->collective].base;
}

static size_t blocks_of(enum bench_blocks blocks, const struct bench_point *point)
{
    return blocks == BENCH_NO_BLOCK ? 0 : blocks == BENCH_ONE_BLOCK ? 1 : (size_t)point->n_ranks;
}

size_t bench_send_bytes(const struct bench_point *point)
{
    return blocks_of(bench_shapes[point->collective].send, point) * point->bytes;
}

size_t bench_recv_bytes(const struct bench_point *point)
{
    return blocks_of(bench_shapes[point->collective].recv, point) * point->bytes;
}

double bench_least_bytes(const struct bench_point *point)
{
    const double n = point->n_ranks, size = (double)point->bytes;
    switch (bench_base(point)) {
    case BENCH_PINGPONG:
        return 2 * size;
    case BENCH_BROADCAST:
        return 2 * (n - 1) * size;
    case BENCH_ALLGATHER:
    case BENCH_ALLTOALL:
        return 2 * n * n * size;
    case BENCH_ALLREDUCE:
        return 2 * n * size;
    case BENCH_REDUCE:
        return (n + 1) * size;
    case BENCH_GATHER:
    case BENCH_SCATTER:
        return 2 * n * size;
    case BENCH_REDUCE_SCATTER:
        return n * (n + 1) * size;
    case BENCH_SCAN:
    case BENCH_EXSCAN:
    case BENCH_SENDRECV:
        return 2 * n * size;
    default:
        return 0;
    }
}

// SPDX-License-Identifier: MIT
/* harness_point.h - what is measured: a point is one collective on one number of ranks with one size.
 *
 * The size of a point is the number of bytes that one rank contributes (broadcast, allreduce, reduce: the whole vector;
 * allgather, gather, scatter, alltoall, reduce_scatter: one block; messages: one; barrier: nothing). */
#ifndef WEFT_HARNESS_POINT_H
#define WEFT_HARNESS_POINT_H

#include <stdbool.h>
#include <stddef.h>

enum bench_collective {
    BENCH_BARRIER,
    BENCH_BROADCAST,
    BENCH_ALLGATHER,
    BENCH_ALLREDUCE,
    BENCH_REDUCE,
    BENCH_GATHER,
    BENCH_SCATTER,
    BENCH_ALLTOALL,
    BENCH_REDUCE_SCATTER,
    BENCH_SCAN,
    BENCH_EXSCAN,
    /* With counts of their own, which are all the same here. */
    BENCH_GATHERV,
    BENCH_SCATTERV,
    BENCH_ALLGATHERV,
    BENCH_ALLTOALLV,
    BENCH_REDUCE_SCATTERV,
    /* Started, and waited for. */
    BENCH_IBARRIER,
    BENCH_IBROADCAST,
    BENCH_IALLGATHER,
    BENCH_IALLREDUCE,
    BENCH_IREDUCE,
    BENCH_IGATHER,
    BENCH_ISCATTER,
    BENCH_IALLTOALL,
    BENCH_IREDUCE_SCATTER,
    BENCH_ISCAN,
    BENCH_IEXSCAN,
    BENCH_IGATHERV,
    BENCH_ISCATTERV,
    BENCH_IALLGATHERV,
    BENCH_IALLTOALLV,
    BENCH_IREDUCE_SCATTERV,
    BENCH_PINGPONG, /* messages to and fro between ranks 0 and 1; an operation is one way */
    BENCH_SENDRECV, /* each rank sends to the next one, round a ring */
    BENCH_COLLECTIVES
};

/* How many blocks of `size` bytes a rank hands in and gets: none, one, or one for each rank. */
enum bench_blocks { BENCH_NO_BLOCK, BENCH_ONE_BLOCK, BENCH_BLOCK_EACH };

struct bench_shape {
    const char *name;
    enum bench_blocks send;
    enum bench_blocks recv;
    bool reduces;
    bool root_sends; /* only the root's send buffer counts */
    bool root_receives;
    enum bench_collective base; /* the one whose data and limits are the same; else itself */
};
extern const struct bench_shape bench_shapes[BENCH_COLLECTIVES];
/* The collective of that name, or -1. */
int bench_collective_by_name(const char *name);

enum bench_kind { BENCH_SIGNED, BENCH_UNSIGNED, BENCH_FLOAT, BENCH_HALF, BENCH_BRAIN, BENCH_OBJECT };
/* Of an object, what counts here is its payload of eight bytes, which the patterns fill like an integer. */
struct bench_type {
    const char *name;
    size_t size; /* bytes an element, the pair where it is one */
    enum bench_kind kind;
    size_t value_size; /* bytes of the value; the index of a pair follows it */
    size_t index_size; /* 0: no pair */
};
/* By index, and by name; NULL if there is none. */
const struct bench_type *bench_type_at(size_t index);
const struct bench_type *bench_type_by_name(const char *name);

enum bench_op {
    BENCH_SUM,
    BENCH_PROD,
    BENCH_MIN,
    BENCH_MAX,
    BENCH_AVG,
    BENCH_BAND,
    BENCH_BOR,
    BENCH_BXOR,
    BENCH_LAND,
    BENCH_LOR,
    BENCH_LXOR,
    BENCH_MINLOC,
    BENCH_MAXLOC,
    BENCH_OPS
};
extern const char *const bench_op_names[BENCH_OPS];
int bench_op_by_name(const char *name);

struct bench_point {
    enum bench_collective collective;
    int n_ranks;
    size_t bytes; /* a multiple of type->size */
    size_t count; /* bytes / type->size */
    const struct bench_type *type;
    enum bench_op op;
    int root;
    bool rewritten; /* owners rewrite their sources before each operation, outside the timed part */
};
/* Whether two points are the same. */
bool bench_point_equal(const struct bench_point *a, const struct bench_point *b);
/* Above this size a point is one of bandwidth, and is measured both with sources left alone and rewritten. */
enum { BENCH_LATENCY_BYTES = 4096 };

/* The shape's base. */
enum bench_collective bench_base(const struct bench_point *point);

/* Bytes of the buffers of one rank for this point, 0 where it needs none. */
size_t bench_send_bytes(const struct bench_point *point);
size_t bench_recv_bytes(const struct bench_point *point);
/* The least number of bytes that all ranks together must read and write in memory for this point, when each result is
 * made in one pass over the sources. */
double bench_least_bytes(const struct bench_point *point);

#endif

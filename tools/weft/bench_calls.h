// SPDX-License-Identifier: MIT
/* bench_calls.h - the library's calls as operations of the benchmark. */
#ifndef WEFT_BENCH_CALLS_H
#define WEFT_BENCH_CALLS_H

#include "bench_objects.h"
#include "harness_subject.h"

#include <weft/weft.h>

/* What one rank hands to its calls; written by that rank before each point. */
struct bench_call {
    _Alignas(64) weft_comm *comm;
    size_t count;
    const weft_type *type;
    const weft_op *op;
    int root;
    bool is_root;
    struct bench_objects *objects; /* in place of the buffers, where elements are objects */
    size_t *counts;                /* of each block, where it is told; behind them the offsets */
    size_t *offsets;
    int left, right; /* neighbours on the ring */
    int other;       /* of ranks 0 and 1; below 0: this is neither */
    unsigned turn;   /* of messages to and fro */
};

/* Each takes a struct bench_call. By collective. A broadcast's root sends from where the others do not receive. */
extern const bench_operation bench_calls[BENCH_COLLECTIVES];
int bench_call_broadcast_root(void *self, const struct bench_arguments *arguments);
int bench_call_ibroadcast_root(void *self, const struct bench_arguments *arguments);
int bench_call_broadcast_objects(void *self, const struct bench_arguments *arguments);
int bench_call_allgather_objects(void *self, const struct bench_arguments *arguments);

/* 0 if it is WEFT_OK; else says on stderr why not. */
int bench_call_report(weft_status status);

#endif

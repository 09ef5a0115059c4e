// SPDX-License-Identifier: MIT
/* bench_calls.c - one small function for each operation, which the harness calls in its timed loop. */
#include "bench_calls.h"

#include <stdint.h>
#include <stdio.h>

int bench_call_report(weft_status status)
{
    if (status == WEFT_OK)
        return 0;
    fprintf(stderr, "weft bench: %s: %s\n", weft_status_name(status), weft_last_error());
    return status;
}

/* Waits, where something was started. */
static inline int finish(weft_status status, weft_request **request)
{
    return bench_call_report(status == WEFT_OK && *request != NULL ? weft_wait_one(request) : status);
}

/* run_NAME makes a call; run_iNAME starts it and waits for it. Inside, c is the call, send and recv are the buffers. */
#define OPERATION(name, ...)                                                                                           \
    static int name(void *self, const struct bench_arguments *arguments)                                               \
    {                                                                                                                  \
        const struct bench_call *c = self;                                                                             \
        const void *send = arguments->send;                                                                            \
        void *recv = arguments->recv;                                                                                  \
        weft_request *request = NULL;                                                                                  \
        (void)send, (void)recv, (void)request;                                                                         \
        return finish(__VA_ARGS__, &request);                                                                          \
    }
#define BLOCKING(name, ...) OPERATION(run_##name, weft_##name(c->comm, __VA_ARGS__))
#define BOTH(name, ...)                                                                                                \
    BLOCKING(name, __VA_ARGS__)                                                                                        \
    OPERATION(run_i##name, weft_i##name(c->comm, __VA_ARGS__, &request))

BOTH(broadcast, recv, c->count, c->type, c->root)
BOTH(allgather, send, recv, c->count, c->type)
BOTH(allreduce, send, recv, c->count, c->type, c->op)
BOTH(reduce, send, recv, c->count, c->type, c->op, c->root)
BOTH(gather, send, recv, c->count, c->type, c->root)
BOTH(scatter, send, recv, c->count, c->type, c->root)
BOTH(alltoall, send, recv, c->count, c->type)
BOTH(reduce_scatter, send, recv, c->count, c->type, c->op)
BOTH(scan, send, recv, c->count, c->type, c->op)
BOTH(exscan, send, recv, c->count, c->type, c->op)
BOTH(gatherv, send, c->count, recv, c->counts, c->offsets, c->type, c->root)
BOTH(scatterv, send, c->counts, c->offsets, recv, c->count, c->type, c->root)
BOTH(allgatherv, send, c->count, recv, c->counts, c->offsets, c->type)
BOTH(alltoallv, send, c->counts, c->offsets, recv, c->counts, c->offsets, c->type)
BOTH(reduce_scatterv, send, recv, c->counts, c->type, c->op)
BLOCKING(sendrecv, send, c->count, c->right, 0, recv, c->count, c->left, 0, c->type, NULL)

OPERATION(run_ibarrier, weft_ibarrier(c->comm, &request))

static int run_barrier(void *self, const struct bench_arguments *arguments)
{
    const struct bench_call *call = self;
    (void)arguments;
    return bench_call_report(weft_barrier(call->comm));
}

/* One way: operation n goes from rank n mod 2 to the other. */
static int run_pingpong(void *self, const struct bench_arguments *arguments)
{
    struct bench_call *call = self;
    const int sender = (int)(++call->turn % 2), other = call->other;
    if (other < 0)
        return 0;
    return bench_call_report(other != sender
                                 ? weft_send(call->comm, arguments->send, call->count, call->type, other, 0)
                                 : weft_recv(call->comm, arguments->recv, call->count, call->type, other, 0, NULL));
}

static void *own(const struct bench_arguments *arguments)
{
    return (void *)(uintptr_t)arguments->send;
}

int bench_call_broadcast_root(void *self, const struct bench_arguments *arguments)
{
    const struct bench_call *call = self;
    return bench_call_report(weft_broadcast(call->comm, own(arguments), call->count, call->type, call->root));
}

int bench_call_ibroadcast_root(void *self, const struct bench_arguments *arguments)
{
    const struct bench_call *call = self;
    weft_request *request = NULL;
    return finish(weft_ibroadcast(call->comm, own(arguments), call->count, call->type, call->root, &request), &request);
}

int bench_call_broadcast_objects(void *self, const struct bench_arguments *arguments)
{
    const struct bench_call *call = self;
    void *data = call->is_root ? bench_objects_send(call->objects) : bench_objects_recv(call->objects);
    (void)arguments;
    return bench_call_report(weft_broadcast(call->comm, data, call->count, call->type, call->root));
}

int bench_call_allgather_objects(void *self, const struct bench_arguments *arguments)
{
    const struct bench_call *call = self;
    (void)arguments;
    return bench_call_report(weft_allgather(call->comm, bench_objects_send(call->objects),
                                            bench_objects_recv(call->objects), call->count, call->type));
}

const bench_operation bench_calls[BENCH_COLLECTIVES] = {
    [BENCH_BARRIER] = run_barrier,
    [BENCH_BROADCAST] = run_broadcast,
    [BENCH_ALLGATHER] = run_allgather,
    [BENCH_ALLREDUCE] = run_allreduce,
    [BENCH_REDUCE] = run_reduce,
    [BENCH_GATHER] = run_gather,
    [BENCH_SCATTER] = run_scatter,
    [BENCH_ALLTOALL] = run_alltoall,
    [BENCH_REDUCE_SCATTER] = run_reduce_scatter,
    [BENCH_SCAN] = run_scan,
    [BENCH_EXSCAN] = run_exscan,
    [BENCH_GATHERV] = run_gatherv,
    [BENCH_SCATTERV] = run_scatterv,
    [BENCH_ALLGATHERV] = run_allgatherv,
    [BENCH_ALLTOALLV] = run_alltoallv,
    [BENCH_REDUCE_SCATTERV] = run_reduce_scatterv,
    [BENCH_IBARRIER] = run_ibarrier,
    [BENCH_IBROADCAST] = run_ibroadcast,
    [BENCH_IALLGATHER] = run_iallgather,
    [BENCH_IALLREDUCE] = run_iallreduce,
    [BENCH_IREDUCE] = run_ireduce,
    [BENCH_IGATHER] = run_igather,
    [BENCH_ISCATTER] = run_iscatter,
    [BENCH_IALLTOALL] = run_ialltoall,
    [BENCH_IREDUCE_SCATTER] = run_ireduce_scatter,
    [BENCH_ISCAN] = run_iscan,
    [BENCH_IEXSCAN] = run_iexscan,
    [BENCH_IGATHERV] = run_igatherv,
    [BENCH_ISCATTERV] = run_iscatterv,
    [BENCH_IALLGATHERV] = run_iallgatherv,
    [BENCH_IALLTOALLV] = run_ialltoallv,
    [BENCH_IREDUCE_SCATTERV] = run_ireduce_scatterv,
    [BENCH_PINGPONG] = run_pingpong,
    [BENCH_SENDRECV] = run_sendrecv,
};

// SPDX-License-Identifier: MIT
/* oracle_collectives.c - one line for each collective: what a rank gives, what it receives, and the call that asks for it. */
#include "oracle.h"

#include <string.h>

/* ---- Shapes, in elements ---- */

static size_t nothing(const struct oracle_call *call, int rank)
{
    (void)call, (void)rank;
    return 0;
}

static size_t one_block(const struct oracle_call *call, int rank)
{
    (void)rank;
    return call->count;
}

static size_t one_block_at_root(const struct oracle_call *call, int rank)
{
    return rank == call->root ? call->count : 0;
}

static size_t all_blocks(const struct oracle_call *call, int rank)
{
    (void)rank;
    return call->count * (size_t)call->n_ranks;
}

static size_t blocks_before(const struct oracle_call *call, int rank)
{
    return call->count * (size_t)rank;
}

/* ---- What is received ---- */

static void expect_nothing(const struct oracle_call *call, const void *const *inputs, int rank, void *output)
{
    (void)call, (void)inputs, (void)rank, (void)output;
}

static void expect_broadcast(const struct oracle_call *call, const void *const *inputs, int rank, void *output)
{
    (void)rank;
    memcpy(output, inputs[call->root], call->count * call->type->size);
}

static void expect_allgather(const struct oracle_call *call, const void *const *inputs, int rank, void *output)
{
    (void)rank;
    size_t bytes = call->count * call->type->size;
    for (int r = 0; r < call->n_ranks; r++)
        memcpy((char *)output + bytes * (size_t)r, inputs[r], bytes);
}

static void expect_reduction(const struct oracle_call *call, const void *const *inputs, int rank, void *output)
{
    (void)rank;
    oracle_tree(call->type, call->op, inputs, 0, call->n_ranks, call->n_ranks, call->count, output);
}

static void expect_reduction_at_root(const struct oracle_call *call, const void *const *inputs, int rank, void *output)
{
    if (rank == call->root)
        expect_reduction(call, inputs, rank, output);
}

/* ---- The calls ---- */

static weft_status perform_barrier(const struct oracle_call *call, weft_comm *comm, const void *send, void *recv)
{
    (void)call, (void)send, (void)recv;
    return weft_barrier(comm);
}

static weft_status perform_broadcast(const struct oracle_call *call, weft_comm *comm, const void *send, void *recv)
{
    (void)send;
    return weft_broadcast(comm, recv, call->count, call->type, call->root);
}

static weft_status perform_allgather(const struct oracle_call *call, weft_comm *comm, const void *send, void *recv)
{
    return weft_allgather(comm, send, recv, call->count, call->type);
}

static weft_status perform_reduce(const struct oracle_call *call, weft_comm *comm, const void *send, void *recv)
{
    return weft_reduce(comm, send, recv, call->count, call->type, call->op, call->root);
}

static weft_status perform_allreduce(const struct oracle_call *call, weft_comm *comm, const void *send, void *recv)
{
    return weft_allreduce(comm, send, recv, call->count, call->type, call->op);
}

static const struct oracle_collective collectives[] = {
    /* name, data, op, root, one buffer, the same everywhere, gives, receives, own offset, expect, perform */
    {"barrier", false, false, false, false, true, nothing, nothing, nothing, expect_nothing, perform_barrier},
    {"broadcast", true, false, true, true, true, one_block_at_root, one_block, nothing, expect_broadcast,
     perform_broadcast},
    {"allgather", true, false, false, false, true, one_block, all_blocks, blocks_before, expect_allgather,
     perform_allgather},
    {"reduce", true, true, true, false, false, one_block, one_block_at_root, nothing, expect_reduction_at_root,
     perform_reduce},
    {"allreduce", true, true, false, false, true, one_block, one_block, nothing, expect_reduction, perform_allreduce},
};

const struct oracle_collective *oracle_collective(size_t index)
{
    return index < sizeof collectives / sizeof collectives[0] ? &collectives[index] : NULL;
}

const struct oracle_collective *oracle_collective_by_name(const char *name)
{
    for (size_t i = 0; name && i < sizeof collectives / sizeof collectives[0]; i++)
        if (strcmp(collectives[i].name, name) == 0)
            return &collectives[i];
    return NULL;
}

// SPDX-License-Identifier: MIT
/* oracle_collectives.c - one line for each collective: what a rank gives, what it receives, and the call that asks for it. */
#include "oracle.h"
#include "support.h"

#include <stdlib.h>
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

static bool everywhere(const struct oracle_call *call, int rank)
{
    (void)call, (void)rank;
    return true;
}

static bool at_root(const struct oracle_call *call, int rank)
{
    return rank == call->root;
}

/* Sizes repeat, so that sums of them are quick to work out for a thousand ranks. */
enum { UNEVEN_PERIOD = 5, PAIR_PERIOD = 4 };

/* Blocks that differ: none, half of count, ... twice as much. */
static size_t uneven(const struct oracle_call *call, int rank)
{
    return call->count * (size_t)((rank * 7 + 3) % UNEVEN_PERIOD) / 2;
}

static size_t uneven_before(const struct oracle_call *call, int rank)
{
    size_t all = 0, rest = 0;
    for (int r = 0; r < UNEVEN_PERIOD; r++) {
        all += uneven(call, r);
        rest += r < rank % UNEVEN_PERIOD ? uneven(call, r) : 0;
    }
    return all * (size_t)(rank / UNEVEN_PERIOD) + rest;
}

static size_t one_block_above_first(const struct oracle_call *call, int rank)
{
    return rank > 0 ? call->count : 0;
}

/* Such blocks in a buffer: some counts leave gaps between them, or put them in backward order. */
static size_t uneven_gap(const struct oracle_call *call)
{
    return call->count % 2;
}

static size_t uneven_offset(const struct oracle_call *call, int rank)
{
    if (call->count % 3 != 2)
        return uneven_before(call, rank) + uneven_gap(call) * (size_t)rank;
    return uneven_before(call, call->n_ranks) - uneven_before(call, rank + 1) +
           uneven_gap(call) * (size_t)(call->n_ranks - 1 - rank);
}

static size_t uneven_extent(const struct oracle_call *call, int rank)
{
    (void)rank;
    return uneven_before(call, call->n_ranks) + uneven_gap(call) * (size_t)call->n_ranks;
}

static size_t uneven_extent_at_root(const struct oracle_call *call, int rank)
{
    return rank == call->root ? uneven_extent(call, rank) : 0;
}

static size_t all_blocks_at_root(const struct oracle_call *call, int rank)
{
    return rank == call->root ? all_blocks(call, rank) : 0;
}

/* Blocks between each two ranks: an even count makes them the same both ways, as in place needs them; an odd one leaves gaps. */
static size_t pair(const struct oracle_call *call, int from, int to)
{
    int a = call->count % 2 || from < to ? from : to, b = a == from ? to : from;
    return call->count * (size_t)((a * 3 + b * 5 + 1) % PAIR_PERIOD) / 2;
}

/* Of `self` with those from begin to end, which all stand on one side of it. */
static size_t pairs_between(const struct oracle_call *call, int self, int begin, int end, bool received)
{
    size_t all = 0, rest = 0;
    for (int other = begin; other < begin + PAIR_PERIOD; other++) {
        size_t count = received ? pair(call, other, self) : pair(call, self, other);
        all += count;
        rest += other - begin < (end - begin) % PAIR_PERIOD ? count : 0;
    }
    return all * (size_t)((end - begin) / PAIR_PERIOD) + rest;
}

static size_t pair_offset(const struct oracle_call *call, int from, int to, bool received)
{
    int self = received ? to : from, end = received ? from : to, middle = self < end ? self : end;
    return pairs_between(call, self, 0, middle, received) + pairs_between(call, self, middle, end, received) +
           uneven_gap(call) * (size_t)end;
}

static size_t pairs_given(const struct oracle_call *call, int rank)
{
    return pair_offset(call, rank, call->n_ranks, false);
}

static size_t pairs_received(const struct oracle_call *call, int rank)
{
    return pair_offset(call, call->n_ranks, rank, true);
}

static bool pairs_in_place(const struct oracle_call *call, int rank)
{
    (void)rank;
    return call->count % 2 == 0;
}

static size_t uneven_sum(const struct oracle_call *call, int rank)
{
    (void)rank;
    return uneven_before(call, call->n_ranks);
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

static void expect_gather(const struct oracle_call *call, const void *const *inputs, int rank, void *output)
{
    if (rank == call->root)
        expect_allgather(call, inputs, rank, output);
}

static void expect_allgatherv(const struct oracle_call *call, const void *const *inputs, int rank, void *output)
{
    (void)rank;
    size_t size = call->type->size;
    for (int r = 0; r < call->n_ranks; r++)
        memcpy((char *)output + uneven_offset(call, r) * size, inputs[r], uneven(call, r) * size);
}

static void expect_gatherv(const struct oracle_call *call, const void *const *inputs, int rank, void *output)
{
    if (rank == call->root)
        expect_allgatherv(call, inputs, rank, output);
}

static void expect_scatter(const struct oracle_call *call, const void *const *inputs, int rank, void *output)
{
    size_t bytes = call->count * call->type->size;
    memcpy(output, (const char *)inputs[call->root] + bytes * (size_t)rank, bytes);
}

static void expect_scatterv(const struct oracle_call *call, const void *const *inputs, int rank, void *output)
{
    size_t size = call->type->size;
    memcpy(output, (const char *)inputs[call->root] + uneven_offset(call, rank) * size, uneven(call, rank) * size);
}

static void expect_alltoall(const struct oracle_call *call, const void *const *inputs, int rank, void *output)
{
    size_t bytes = call->count * call->type->size;
    for (int r = 0; r < call->n_ranks; r++)
        memcpy((char *)output + bytes * (size_t)r, (const char *)inputs[r] + bytes * (size_t)rank, bytes);
}

static void expect_alltoallv(const struct oracle_call *call, const void *const *inputs, int rank, void *output)
{
    size_t size = call->type->size;
    for (int r = 0; r < call->n_ranks; r++)
        memcpy((char *)output + pair_offset(call, r, rank, true) * size,
               (const char *)inputs[r] + pair_offset(call, r, rank, false) * size, pair(call, r, rank) * size);
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

/* Elements [begin, begin + count) of the reduction of all. */
static void reduce_part(const struct oracle_call *call, const void *const *inputs, size_t begin, size_t count,
                        void *output)
{
    const void **parts = test_alloc(sizeof *parts * (size_t)call->n_ranks);
    for (int r = 0; r < call->n_ranks; r++)
        parts[r] = (const char *)inputs[r] + begin * call->type->size;
    oracle_tree(call->type, call->op, parts, 0, call->n_ranks, call->n_ranks, count, output);
    free(parts);
}

static void expect_scan(const struct oracle_call *call, const void *const *inputs, int rank, void *output)
{
    oracle_tree(call->type, call->op, inputs, 0, rank + 1, call->n_ranks, call->count, output);
}

static void expect_exscan(const struct oracle_call *call, const void *const *inputs, int rank, void *output)
{
    if (rank > 0)
        oracle_tree(call->type, call->op, inputs, 0, rank, call->n_ranks, call->count, output);
}

static void expect_own_block(const struct oracle_call *call, const void *const *inputs, int rank, void *output)
{
    reduce_part(call, inputs, blocks_before(call, rank), call->count, output);
}

static void expect_own_uneven_block(const struct oracle_call *call, const void *const *inputs, int rank, void *output)
{
    reduce_part(call, inputs, uneven_before(call, rank), uneven(call, rank), output);
}

/* ---- The calls: blocking, or started ---- */

#define CALL(name, ...) (request != NULL ? weft_i##name(__VA_ARGS__, request) : weft_##name(__VA_ARGS__))
#define PERFORM(name)                                                                                                  \
    static weft_status perform_##name(const struct oracle_call *call, weft_comm *comm, const void *send, void *recv,   \
                                      size_t *numbers, weft_request **request)

PERFORM(barrier)
{
    (void)call, (void)send, (void)recv, (void)numbers;
    return request != NULL ? weft_ibarrier(comm, request) : weft_barrier(comm);
}

PERFORM(broadcast)
{
    (void)send, (void)numbers;
    return CALL(broadcast, comm, recv, call->count, call->type, call->root);
}

PERFORM(allgather)
{
    (void)numbers;
    return CALL(allgather, comm, send, recv, call->count, call->type);
}

PERFORM(reduce)
{
    (void)numbers;
    return CALL(reduce, comm, send, recv, call->count, call->type, call->op, call->root);
}

PERFORM(allreduce)
{
    (void)numbers;
    return CALL(allreduce, comm, send, recv, call->count, call->type, call->op);
}

PERFORM(gather)
{
    (void)numbers;
    return CALL(gather, comm, send, recv, call->count, call->type, call->root);
}

PERFORM(scatter)
{
    (void)numbers;
    return CALL(scatter, comm, send, recv, call->count, call->type, call->root);
}

PERFORM(alltoall)
{
    (void)numbers;
    return CALL(alltoall, comm, send, recv, call->count, call->type);
}

PERFORM(reduce_scatter)
{
    (void)numbers;
    return CALL(reduce_scatter, comm, send, recv, call->count, call->type, call->op);
}

PERFORM(scan)
{
    (void)numbers;
    return CALL(scan, comm, send, recv, call->count, call->type, call->op);
}

PERFORM(exscan)
{
    (void)numbers;
    return CALL(exscan, comm, send, recv, call->count, call->type, call->op);
}

/* counts[r] of each rank's block, and behind them its offset. */
static size_t *fill_uneven(const struct oracle_call *call, size_t *numbers)
{
    for (int r = 0; r < call->n_ranks; r++) {
        numbers[r] = uneven(call, r);
        numbers[call->n_ranks + r] = uneven_offset(call, r);
    }
    return numbers;
}

/* Counts and offsets are for the root alone; the others hand in nothing. */
PERFORM(gatherv)
{
    int rank = weft_comm_rank(comm);
    const size_t *counts = rank == call->root ? fill_uneven(call, numbers) : NULL;
    const size_t *offsets = rank == call->root ? numbers + call->n_ranks : NULL;
    return CALL(gatherv, comm, send, uneven(call, rank), recv, counts, offsets, call->type, call->root);
}

PERFORM(scatterv)
{
    int rank = weft_comm_rank(comm);
    const size_t *counts = rank == call->root ? fill_uneven(call, numbers) : NULL;
    const size_t *offsets = rank == call->root ? numbers + call->n_ranks : NULL;
    return CALL(scatterv, comm, send, counts, offsets, recv, uneven(call, rank), call->type, call->root);
}

PERFORM(allgatherv)
{
    const size_t *counts = fill_uneven(call, numbers), *offsets = numbers + call->n_ranks;
    return CALL(allgatherv, comm, send, uneven(call, weft_comm_rank(comm)), recv, counts, offsets, call->type);
}

PERFORM(reduce_scatterv)
{
    return CALL(reduce_scatterv, comm, send, recv, fill_uneven(call, numbers), call->type, call->op);
}

PERFORM(alltoallv)
{
    int rank = weft_comm_rank(comm), n = call->n_ranks;
    size_t *send_counts = numbers, *send_offsets = numbers + n;
    size_t *recv_counts = numbers + 2 * n, *recv_offsets = numbers + 3 * n;
    for (int r = 0; r < n; r++) {
        send_counts[r] = pair(call, rank, r);
        send_offsets[r] = pair_offset(call, rank, r, false);
        recv_counts[r] = pair(call, r, rank);
        recv_offsets[r] = pair_offset(call, r, rank, true);
    }
    if (send == WEFT_IN_PLACE) /* then nobody looks at them */
        send_counts = send_offsets = NULL;
    return CALL(alltoallv, comm, send, send_counts, send_offsets, recv, recv_counts, recv_offsets, call->type);
}

weft_status oracle_perform(const struct oracle_call *call, weft_comm *comm, const void *send, void *recv)
{
    size_t *numbers = test_alloc(oracle_numbers_bytes(call));
    weft_status status = call->collective->perform(call, comm, send, recv, numbers, NULL);
    free(numbers);
    return status;
}

size_t oracle_numbers_bytes(const struct oracle_call *call)
{
    return sizeof(size_t) * 4 * (size_t)call->n_ranks;
}

static const struct oracle_collective collectives[] = {
    /* name, data, op, root, one buffer, prefixes, root keeps, the same everywhere,
     * gives, receives, in place, own offset, expect, perform */
    {"barrier", false, false, false, false, false, false, true, nothing, nothing, everywhere, nothing, expect_nothing,
     perform_barrier},
    {"broadcast", true, false, true, true, false, false, true, one_block_at_root, one_block, everywhere, nothing,
     expect_broadcast, perform_broadcast},
    {"allgather", true, false, false, false, false, false, true, one_block, all_blocks, everywhere, blocks_before,
     expect_allgather, perform_allgather},
    {"reduce", true, true, true, false, false, false, false, one_block, one_block_at_root, at_root, nothing,
     expect_reduction_at_root, perform_reduce},
    {"allreduce", true, true, false, false, false, false, true, one_block, one_block, everywhere, nothing,
     expect_reduction, perform_allreduce},
    {"gather", true, false, true, false, false, false, false, one_block, all_blocks_at_root, at_root, blocks_before,
     expect_gather, perform_gather},
    {"gatherv", true, false, true, false, false, false, false, uneven, uneven_extent_at_root, at_root, uneven_offset,
     expect_gatherv, perform_gatherv},
    {"scatter", true, false, true, false, false, true, false, all_blocks_at_root, one_block, at_root, blocks_before,
     expect_scatter, perform_scatter},
    {"scatterv", true, false, true, false, false, true, false, uneven_extent_at_root, uneven, at_root, uneven_offset,
     expect_scatterv, perform_scatterv},
    {"allgatherv", true, false, false, false, false, false, true, uneven, uneven_extent, everywhere, uneven_offset,
     expect_allgatherv, perform_allgatherv},
    {"alltoall", true, false, false, false, false, false, false, all_blocks, all_blocks, everywhere, nothing,
     expect_alltoall, perform_alltoall},
    {"alltoallv", true, false, false, false, false, false, false, pairs_given, pairs_received, pairs_in_place, nothing,
     expect_alltoallv, perform_alltoallv},
    {"reduce_scatter", true, true, false, false, false, false, false, all_blocks, one_block, everywhere, nothing,
     expect_own_block, perform_reduce_scatter},
    {"reduce_scatterv", true, true, false, false, false, false, false, uneven_sum, uneven, everywhere, nothing,
     expect_own_uneven_block, perform_reduce_scatterv},
    {"scan", true, true, false, false, true, false, false, one_block, one_block, everywhere, nothing, expect_scan,
     perform_scan},
    {"exscan", true, true, false, false, true, false, false, one_block, one_block_above_first, everywhere, nothing,
     expect_exscan, perform_exscan},
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

bool oracle_performs(const struct oracle_collective *collective, const weft_op *op, const weft_type *type)
{
    return oracle_supports(op, type) && !(collective->prefixes && op == WEFT_AVG);
}

// SPDX-License-Identifier: MIT
/* reduce_scatter.c - the combination of all ranks' vectors, a block of it to each rank; blocks may differ.
 *
 * flat: short vectors travel whole in the lines of an exchange, and each rank combines the lines that hold its block.
 * gate: the same behind a gate. slices: each rank combines its block from all inputs in one pass, N S bytes read and S
 * written for each.
 *
 * In place the result belongs at the beginning of the vector, where other ranks may still have to read. So it is made
 * over the rank's own block of its own vector, which nobody reads but whoever makes it, element by element; when all
 * blocks are made, nobody reads any vector any more, and each rank moves its result to the front. */
#include "collectives/collectives.h"
#include "collectives/combine.h"
#include "collectives/shares.h"
#include "collectives/parts.h"
#include "reduce/reduce.h"

enum { FLAT, GATE, SLICES };
static const struct weft_algorithm list[] = {
    [FLAT] = {"flat", "the vectors travel in lines; each rank combines everybody's part of its block"},
    [GATE] = {"gate", "the vectors travel in lines; the last to arrive opens a gate, and each rank combines its block"},
    [SLICES] = {"slices", "each rank reduces its block from all inputs in one pass"},
    {NULL, NULL}};

/* A block of the vector, in elements. */
struct block {
    size_t begin, count;
};

static struct block block_of(const struct weft_call *call, int rank)
{
    struct block block = {0, 0};
    if (call->recv_counts == NULL)
        return (struct block){(size_t)rank * call->count, call->count};
    for (int before = 0; before < rank; before++)
        block.begin += call->recv_counts[before];
    block.count = call->recv_counts[rank];
    return block;
}

/* Of the whole vector; with blocks that differ, count is their sum. */
static size_t vector_count(const weft_comm *comm, const struct weft_call *call)
{
    return call->collective == WEFT_COLLECTIVE_reduce_scatter ? call->count * (size_t)comm->n_ranks : call->count;
}

static uint32_t vector_lines(const weft_comm *comm, const struct weft_call *call)
{
    size_t size = call->type->size;
    return weft_lines_of(vector_count(comm, call) * size);
}

static struct weft_choice choose(const weft_comm *comm, const struct weft_call *call)
{
    int forced = comm->world->forced[call->collective] - 1;
    uint32_t lines = vector_lines(comm, call);
    if (forced >= 0 && (lines != 0 || forced == SLICES))
        return (struct weft_choice){forced, "asked for by name"};
    if (comm->world->crowded)
        return (struct weft_choice){SLICES, "more ranks than processors: the last to arrive does what is little"};
    if (lines == 0 || lines > WEFT_SHARES_FEW_LINES)
        return (struct weft_choice){SLICES, "each input is read once and each result written once"};
    if (comm->world->gated)
        return (struct weft_choice){GATE, "too many ranks for each to wait for each"};
    return (struct weft_choice){FLAT, "the vector fits a few lines: one line transfer"};
}
const struct weft_collective_algorithms weft_reduce_scatter_algorithms = {list, choose};

/* ---- Vectors in lines */

static enum weft_move reduce_scatter_lines(struct weft_operation *operation, bool gated)
{
    const struct weft_call *call = operation->call;
    const weft_comm *comm = operation->comm;
    size_t size = call->type->size, bytes = vector_count(comm, call) * size;
    enum weft_move move;
    if (operation->state == 0) {
        if ((move = weft_ring_room(operation)) != WEFT_MOVE_DONE)
            return move;
        weft_copy_small(weft_message_of(operation, comm->rank, bytes), call->send, bytes);
        operation->state = 1;
        if (weft_publish_parts(operation, gated) != WEFT_MOVE_DONE)
            return WEFT_MOVE_FAIL;
    }
    if ((move = weft_look_parts(operation, gated)) != WEFT_MOVE_DONE)
        return move;
    struct block block = block_of(call, comm->rank);
    struct weft_range part = {.n_ranks = comm->n_ranks, .bytes = bytes, .begin = block.begin, .count = block.count};
    if (call->send != call->recv) /* else the result may stand on elements that are still to be read */
        part.own = (const unsigned char *)call->send + block.begin * size;
    return weft_combine_range(operation, &part, call->recv);
}

static enum weft_move reduce_scatter_flat(struct weft_operation *operation)
{
    return reduce_scatter_lines(operation, false);
}

static enum weft_move reduce_scatter_gate(struct weft_operation *operation)
{
    return reduce_scatter_lines(operation, true);
}

/* ---- Long vectors */

static unsigned char *own_block(const struct weft_operation *operation)
{
    const struct weft_call *call = operation->call;
    size_t begin = block_of(call, operation->comm->rank).begin;
    return (unsigned char *)(uintptr_t)call->send + begin * call->type->size;
}

static size_t put_share(struct weft_operation *operation)
{
    const struct weft_call *call = operation->call;
    weft_put_address(operation, 0, 1, call->send);
    weft_put_address(operation, 0, 2, call->send == call->recv ? own_block(operation) : call->recv);
    return block_of(call, operation->comm->rank).count * call->type->size;
}

static enum weft_move reduce_share(struct weft_operation *operation, int owner, size_t from, size_t to)
{
    const struct weft_call *call = operation->call;
    const weft_comm *comm = operation->comm;
    size_t size = call->type->size, step = weft_reduction_block(call->reduction) * size;
    size_t begin = block_of(call, owner).begin * size;
    unsigned char *result = weft_take_address(operation, owner, 0, 2);
    for (size_t at = from; at < to; at += step) {
        size_t now = to - at < step ? to - at : step;
        for (int rank = 0; rank < comm->n_ranks; rank++)
            comm->sources[rank] = (const unsigned char *)weft_take_address(operation, rank, 0, 1) + begin + at;
        weft_status status = weft_reduce_block(call->reduction, comm->sources, comm->n_ranks, result + at, now / size);
        if (status != WEFT_OK)
            return weft_reduction_failed(operation, status);
    }
    return WEFT_MOVE_DONE;
}

static enum weft_move reduce_scatter_slices(struct weft_operation *operation)
{
    const struct weft_call *call = operation->call;
    enum weft_move move = weft_shares(operation, put_share, reduce_share, (size_t)operation->comm->n_ranks + 1);
    if (move == WEFT_MOVE_DONE && call->send == call->recv) {
        size_t bytes = block_of(call, operation->comm->rank).count * call->type->size;
        if (bytes > 0)
            memmove(call->recv, own_block(operation), bytes);
    }
    return move;
}

weft_status weft_reduce_scatter_perform(weft_comm *comm, const struct weft_call *call)
{
    if (comm->n_ranks == 1) {
        if (call->send != call->recv && call->bytes > 0)
            memcpy(call->recv, call->send, call->bytes);
        return WEFT_OK;
    }
    switch (choose(comm, call).algorithm) {
    case FLAT:
        return weft_perform(comm, call, reduce_scatter_flat, vector_lines(comm, call), 0, true);
    case GATE:
        return weft_perform(comm, call, reduce_scatter_gate, vector_lines(comm, call), 1, true);
    default:
        return weft_perform(comm, call, reduce_scatter_slices, WEFT_SHARES_LINES, comm->world->gated ? 1 : 0, true);
    }
}

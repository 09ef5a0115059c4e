// SPDX-License-Identifier: MIT
/* scatter.c - from one rank a block to each; scatterv, where blocks differ, and only the root knows all.
 *
 * stream: short blocks travel together in the root's lines, and the root goes on at once. pull: the root publishes
 * where its buffer stands, each rank copies its block and counts itself out, and the root waits for the count.
 * scatterv: the root's line 0 says which of the two it is, and where each block ends. Objects are pulled, too, and then
 * all ranks exchange how that went. */
#include "collectives/blocks.h"
#include "collectives/collectives.h"
#include "collectives/shares.h"
#include "collectives/parts.h"

enum { STREAM, PULL };
static const struct weft_algorithm list[] = {
    [STREAM] = {"stream", "the blocks travel in the root's lines; the root runs ahead"},
    [PULL] = {"pull", "each rank copies its block from the root's buffer"},
    {NULL, NULL}};

/* For all blocks but the root's own; 0: they do not fit. */
static uint32_t message_lines(const weft_comm *comm, const struct weft_call *call)
{
    return call->bytes <= WEFT_MESSAGE_BYTES ? weft_lines_of(call->bytes * ((size_t)comm->n_ranks - 1)) : 0;
}

static struct weft_choice choose(const weft_comm *comm, const struct weft_call *call)
{
    int forced = comm->world->forced[WEFT_COLLECTIVE_scatter] - 1;
    bool object = call->type->copy != NULL;
    bool fits = !object && message_lines(comm, call) != 0;
    if (forced == PULL || (forced == STREAM && fits))
        return (struct weft_choice){forced, "asked for by name"};
    if (object)
        return (struct weft_choice){PULL, "objects are copied from where they stand"};
    if (fits)
        return (struct weft_choice){STREAM, "the blocks fit the root's lines"};
    return (struct weft_choice){PULL, "each byte moves once, straight from the root's buffer"};
}
const struct weft_collective_algorithms weft_scatter_algorithms = {list, choose};

enum { MIXED, PULL_V };
static const struct weft_algorithm list_v[] = {
    [MIXED] = {"mixed", "blocks that fit travel in the root's lines, others are copied from its buffer"},
    [PULL_V] = {"pull", "each rank copies its block from the root's buffer"},
    {NULL, NULL}};

static struct weft_choice choose_v(const weft_comm *comm, const struct weft_call *call)
{
    if (call->type->copy != NULL)
        return (struct weft_choice){PULL_V, "objects are copied from where they stand"};
    if (comm->world->forced[WEFT_COLLECTIVE_scatterv] != 0)
        return (struct weft_choice){comm->world->forced[WEFT_COLLECTIVE_scatterv] - 1, "asked for by name"};
    return (struct weft_choice){MIXED, "the root chooses by the length of its blocks"};
}
const struct weft_collective_algorithms weft_scatterv_algorithms = {list_v, choose_v};

static bool is_root(const struct weft_operation *operation)
{
    return operation->comm->rank == operation->call->root;
}

/* Elements that this rank gets. */
static size_t own_count(const struct weft_call *call)
{
    return call->collective == WEFT_COLLECTIVE_scatter ? call->count : call->own_count;
}

static const unsigned char *source_for(const struct weft_call *call, int rank)
{
    return weft_element(call, call->send, weft_sent_block(call, rank).offset);
}

/* Copies the root's own block; in place recv points at it. */
static void keep_own(const struct weft_operation *operation)
{
    const struct weft_call *call = operation->call;
    weft_keep_block(call->recv, source_for(call, call->root), own_count(call) * call->type->size);
}

static enum weft_move scatter_stream(struct weft_operation *operation)
{
    const struct weft_call *call = operation->call;
    size_t bytes = call->bytes, rank = (size_t)operation->comm->rank, before = (size_t)call->root * bytes;
    size_t n_ranks = (size_t)operation->comm->n_ranks;
    enum weft_move move;
    if (is_root(operation)) {
        if ((move = weft_ring_room(operation)) != WEFT_MOVE_DONE)
            return move;
        weft_send_ahead(operation);
        size_t behind = (n_ranks - 1) * bytes - before;
        unsigned char *message = weft_message_of(operation, call->root, before + behind);
        weft_copy_small(message, call->send, before);
        weft_copy_small(message + before, (const unsigned char *)call->send + before + bytes, behind);
        weft_publish(operation, 0);
        keep_own(operation);
        return WEFT_MOVE_DONE;
    }
    size_t at = (rank < (size_t)call->root ? rank : rank - 1) * bytes;
    if ((move = weft_look(operation, call->root, 0)) == WEFT_MOVE_DONE)
        weft_copy_small(call->recv, weft_message_of(operation, call->root, bytes * (n_ranks - 1)) + at, bytes);
    return move;
}

/* ---- Copied from the root's buffer. Line 0 of the root: whether it is so, where buffer, counts and offsets stand;
 *      line 1: how many have copied. */

enum mode { IN_MEMORY, IN_LINES };

static _Atomic uint64_t *copied(const struct weft_operation *operation)
{
    return &weft_peer_line(operation, operation->call->root, 1)->counters[0];
}

static void publish_source(struct weft_operation *operation)
{
    const struct weft_call *call = operation->call;
    uint64_t mode = IN_MEMORY;
    /* K1, relaxed: published with line 0. */
    atomic_store_explicit(copied(operation), 0, memory_order_relaxed);
    memcpy(weft_own_line(operation, 0)->payload, &mode, sizeof mode);
    weft_put_address(operation, 0, 1, call->send);
    weft_put_address(operation, 0, 2, call->send_counts);
    weft_put_address(operation, 0, 3, call->send_offsets);
    weft_publish(operation, 0);
}

/* This rank's block, from the root's buffer; WEFT_MOVE_FAIL where the root has another number of elements for it. */
static enum weft_move pull_block(struct weft_operation *operation)
{
    const struct weft_call *call = operation->call;
    const weft_comm *comm = operation->comm;
    const void *send = weft_take_address(operation, call->root, 0, 1);
    const size_t *counts = weft_take_address(operation, call->root, 0, 2);
    const size_t *offsets = weft_take_address(operation, call->root, 0, 3);
    struct weft_block block = {0, 0};
    bool healthy = weft_inside_enter(comm);
    if (healthy)
        block = weft_block_of(counts, offsets, call->count, comm->rank);
    weft_inside_leave(comm);
    if (!healthy)
        return WEFT_MOVE_FAIL;
    if (block.count != own_count(call))
        return weft_blocks_differ(operation, call->root, block.count, comm->rank, own_count(call));
    return weft_pull_elements(operation, call->recv, weft_element(call, send, block.offset), block.count);
}

static enum weft_move pull_and_count(struct weft_operation *operation)
{
    enum weft_move move = pull_block(operation);
    if (move == WEFT_MOVE_DONE)
        weft_count_up(operation, operation->call->root, copied(operation), (uint64_t)operation->comm->n_ranks - 1);
    return move;
}

static enum weft_move give_from_memory(struct weft_operation *operation)
{
    if (operation->state == 0) {
        enum weft_move move = weft_ring_room(operation);
        if (move != WEFT_MOVE_DONE)
            return move;
        publish_source(operation);
        keep_own(operation);
        operation->state = 1;
    }
    return weft_look_count(operation, operation->comm->rank, copied(operation), (uint64_t)operation->comm->n_ranks - 1);
}

static enum weft_move scatter_pull(struct weft_operation *operation)
{
    enum weft_move move;
    if (is_root(operation))
        return give_from_memory(operation);
    if ((move = weft_look(operation, operation->call->root, 0)) != WEFT_MOVE_DONE)
        return move;
    return pull_and_count(operation);
}

/* ---- scatterv. Where all blocks but the root's own fit: the mode, where each block ends, and the blocks. */

#define TABLE sizeof(uint64_t) /* where the ends begin, of two bytes each, counted from the first block on */

static size_t blocks_at(const struct weft_operation *operation)
{
    return TABLE + sizeof(uint16_t) * (size_t)operation->comm->n_ranks;
}

static bool fits_lines(const struct weft_operation *operation)
{
    const struct weft_call *call = operation->call;
    size_t used = blocks_at(operation);
    for (int rank = 0; rank < operation->comm->n_ranks && used <= WEFT_BLOCKS_BYTES; rank++)
        if (rank != call->root)
            used += call->send_counts[rank] <= WEFT_BLOCKS_BYTES ? call->send_counts[rank] * call->type->size
                                                                 : WEFT_BLOCKS_BYTES;
    return used <= WEFT_BLOCKS_BYTES;
}

static void put_blocks(struct weft_operation *operation)
{
    const struct weft_call *call = operation->call;
    size_t begin = blocks_at(operation), end = 0;
    uint64_t mode = IN_LINES;
    weft_put_part(operation, 0, &mode, sizeof mode);
    for (int rank = 0; rank < operation->comm->n_ranks; rank++) {
        size_t bytes = rank != call->root ? call->send_counts[rank] * call->type->size : 0;
        weft_put_part(operation, begin + end, source_for(call, rank), bytes);
        end += bytes;
        uint16_t written = (uint16_t)end;
        weft_put_part(operation, TABLE + sizeof written * (size_t)rank, &written, sizeof written);
    }
    weft_publish(operation, 0);
}

static enum weft_move take_block(struct weft_operation *operation)
{
    const struct weft_call *call = operation->call;
    size_t rank = (size_t)operation->comm->rank;
    uint16_t begin = 0, end;
    if (rank > 0)
        weft_take_part(operation, call->root, TABLE + sizeof begin * (rank - 1), &begin, sizeof begin);
    weft_take_part(operation, call->root, TABLE + sizeof end * rank, &end, sizeof end);
    size_t bytes = (size_t)end - begin, size = call->type->size;
    if (bytes != call->own_count * size)
        return weft_blocks_differ(operation, call->root, bytes / size, operation->comm->rank, call->own_count);
    weft_take_part(operation, call->root, blocks_at(operation) + begin, call->recv, bytes);
    return WEFT_MOVE_DONE;
}

static enum weft_move scatter_mixed(struct weft_operation *operation)
{
    const struct weft_call *call = operation->call;
    enum weft_move move;
    if (is_root(operation)) {
        if (!fits_lines(operation))
            return give_from_memory(operation);
        if ((move = weft_ring_room(operation)) != WEFT_MOVE_DONE)
            return move;
        put_blocks(operation);
        keep_own(operation);
        return WEFT_MOVE_DONE;
    }
    uint64_t mode;
    if ((move = weft_look(operation, call->root, 0)) != WEFT_MOVE_DONE)
        return move;
    weft_take_part(operation, call->root, 0, &mode, sizeof mode);
    return mode == IN_LINES ? take_block(operation) : pull_and_count(operation);
}

/* ---- Objects */

static enum weft_move scatter_objects(struct weft_operation *operation)
{
    const struct weft_call *call = operation->call;
    enum weft_move move;
    switch (operation->state) {
    case 0:
        if ((move = weft_ring_room(operation)) != WEFT_MOVE_DONE)
            return move;
        if (is_root(operation))
            publish_source(operation);
        operation->state = 1; /* fall through */
    case 1:
        if (!is_root(operation) && (move = weft_look(operation, call->root, 0)) != WEFT_MOVE_DONE)
            return move;
        move = is_root(operation)
                   ? weft_pull_elements(operation, call->recv, source_for(call, call->root), own_count(call))
                   : pull_block(operation);
        if (move != WEFT_MOVE_DONE)
            return move;
        weft_put_outcome(operation, 2);
        if (weft_exchange_begin(operation, 2, 0) != WEFT_MOVE_DONE)
            return WEFT_MOVE_FAIL;
        operation->state = 2; /* fall through */
    default:
        if ((move = weft_exchange_look(operation, 2, 0)) != WEFT_MOVE_DONE)
            return move;
        weft_take_outcomes(operation, 2);
        return WEFT_MOVE_DONE;
    }
}

weft_status weft_scatter_perform(weft_comm *comm, const struct weft_call *call)
{
    bool differ = call->collective == WEFT_COLLECTIVE_scatterv;
    if (comm->n_ranks == 1)
        return weft_alone(comm, call, call->recv, source_for(call, 0), own_count(call));
    if (call->type->copy != NULL)
        return weft_perform(comm, call, scatter_objects, 3, comm->world->gated ? 1 : 0, true);
    if (differ && choose_v(comm, call).algorithm == MIXED)
        return weft_perform(comm, call, scatter_mixed, WEFT_BLOCKS_LINES, 0, false);
    if (!differ && choose(comm, call).algorithm == STREAM)
        return weft_perform(comm, call, scatter_stream, message_lines(comm, call), 0, false);
    return weft_perform(comm, call, scatter_pull, 2, 0, false);
}

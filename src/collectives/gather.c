// SPDX-License-Identifier: MIT
/* gather.c - every rank's block to one rank; gatherv, where blocks differ, and only the root knows all.
 *
 * lines: short blocks travel in their senders' lines, and the senders run ahead. push: the root publishes where its
 * buffer stands, each rank copies its block there, counts itself in at the root, and is done: so all ranks copy side by
 * side, and the root waits for a count. gatherv: each sender says how long its block is, with the block behind it if
 * that is short; who has more pushes. pull: the root copies from all, who wait for it; objects go that way, since the
 * receiver copies them. */
#include "collectives/blocks.h"
#include "collectives/collectives.h"
#include "collectives/shares.h"
#include "collectives/parts.h"

enum { LINES, PUSH, PULL };
static const struct weft_algorithm list[] = {
    [LINES] = {"lines", "the blocks travel in lines; the root takes them, and the others run ahead"},
    [PUSH] = {"push", "each rank copies its block into the root's buffer"},
    [PULL] = {"pull", "the root copies from everybody's buffer"},
    {NULL, NULL}};

static struct weft_choice choose(const weft_comm *comm, const struct weft_call *call)
{
    int forced = comm->world->forced[WEFT_COLLECTIVE_gather] - 1;
    bool object = call->type->copy != NULL, fits = weft_lines_of(call->bytes) != 0;
    if (object)
        return (struct weft_choice){PULL, "objects are copied by the rank that gets them"};
    if (forced >= 0 && (fits || forced != LINES))
        return (struct weft_choice){forced, "asked for by name"};
    if (fits)
        return (struct weft_choice){LINES, "the blocks fit the lines"};
    return (struct weft_choice){PUSH, "each byte moves once, copied by all ranks together"};
}
const struct weft_collective_algorithms weft_gather_algorithms = {list, choose};

enum { MIXED, PULL_V };
static const struct weft_algorithm list_v[] = {
    [MIXED] = {"mixed", "short blocks travel in lines, long ones are copied by their ranks into the root's buffer"},
    [PULL_V] = {"pull", "the root copies from everybody's buffer"},
    {NULL, NULL}};

static struct weft_choice choose_v(const weft_comm *comm, const struct weft_call *call)
{
    int forced = comm->world->forced[WEFT_COLLECTIVE_gatherv] - 1;
    if (call->type->copy != NULL)
        return (struct weft_choice){PULL_V, "objects are copied by the rank that gets them"};
    if (forced >= 0)
        return (struct weft_choice){forced, "asked for by name"};
    return (struct weft_choice){MIXED, "each rank chooses by the length of its block"};
}
const struct weft_collective_algorithms weft_gatherv_algorithms = {list_v, choose_v};

static bool is_root(const struct weft_operation *operation)
{
    return operation->comm->rank == operation->call->root;
}

static unsigned char *target_of(const struct weft_call *call, int rank)
{
    return weft_element(call, call->recv, weft_received_block(call, rank).offset);
}

static size_t own_count(const struct weft_call *call)
{
    return call->collective == WEFT_COLLECTIVE_gather ? call->count : call->own_count;
}

/* Copies the root's own block. */
static void keep_own(const struct weft_operation *operation)
{
    const struct weft_call *call = operation->call;
    weft_keep_block(target_of(call, operation->comm->rank), call->send, own_count(call) * call->type->size);
}

/* ---- lines */

static enum weft_move gather_lines(struct weft_operation *operation)
{
    const struct weft_call *call = operation->call;
    enum weft_move move;
    if (!is_root(operation)) {
        if ((move = weft_ring_room(operation)) != WEFT_MOVE_DONE)
            return move;
        weft_send_ahead(operation);
        weft_publish_message(operation, call->send, call->bytes, false);
        return WEFT_MOVE_DONE;
    }
    for (; operation->peer < operation->comm->n_ranks; operation->peer++) {
        if (operation->peer == operation->comm->rank)
            continue;
        if ((move = weft_look(operation, operation->peer, 0)) != WEFT_MOVE_DONE)
            return move;
        weft_copy_message(operation, operation->peer, target_of(call, operation->peer), call->bytes);
    }
    keep_own(operation);
    return WEFT_MOVE_DONE;
}

/* ---- push. Line 0 of the root: where its buffer stands; line 1: how many have copied. */

static _Atomic uint64_t *copied(const struct weft_operation *operation)
{
    return &weft_peer_line(operation, operation->call->root, 1)->counters[0];
}

static void publish_target(struct weft_operation *operation)
{
    /* K1, relaxed: published with line 0. */
    atomic_store_explicit(copied(operation), 0, memory_order_relaxed);
    weft_put_address(operation, 0, 0, operation->call->recv);
    weft_publish(operation, 0);
}

static enum weft_move gather_push(struct weft_operation *operation)
{
    const struct weft_call *call = operation->call;
    const weft_comm *comm = operation->comm;
    uint64_t senders = (uint64_t)comm->n_ranks - 1;
    enum weft_move move;
    if (!is_root(operation)) {
        if ((move = weft_look(operation, call->root, 0)) != WEFT_MOVE_DONE)
            return move;
        unsigned char *recv = weft_take_address(operation, call->root, 0, 0);
        if (weft_pull(comm, recv + (size_t)comm->rank * call->bytes, call->send, call->bytes, false) != WEFT_MOVE_DONE)
            return WEFT_MOVE_FAIL;
        weft_count_up(operation, call->root, copied(operation), senders);
        return WEFT_MOVE_DONE;
    }
    if (operation->state == 0) {
        if ((move = weft_ring_room(operation)) != WEFT_MOVE_DONE)
            return move;
        publish_target(operation);
        keep_own(operation);
        operation->state = 1;
    }
    return weft_look_count(operation, comm->rank, copied(operation), senders);
}

/* ---- gatherv. Line 0 of a sender: its count, and then the stream. Line 0 of the root, where somebody pushes: where
 *      its buffer, counts and offsets stand, and how many push. */

#define HEAD sizeof(uint64_t)

static bool goes_in_lines(const struct weft_call *call, size_t count)
{
    return count <= (WEFT_BLOCKS_BYTES - HEAD) / call->type->size;
}

static uint64_t pushing(const struct weft_operation *operation)
{
    const struct weft_call *call = operation->call;
    uint64_t ranks = 0;
    for (int rank = 0; rank < operation->comm->n_ranks; rank++)
        ranks += rank != call->root && !goes_in_lines(call, call->recv_counts[rank]);
    return ranks;
}

/* Copies the block to where the root wants it, if it wants as much. */
static enum weft_move push_block(struct weft_operation *operation)
{
    const struct weft_call *call = operation->call;
    const weft_comm *comm = operation->comm;
    unsigned char *recv = weft_take_address(operation, call->root, 0, 0);
    const size_t *counts = weft_take_address(operation, call->root, 0, 1);
    const size_t *offsets = weft_take_address(operation, call->root, 0, 2);
    uint64_t senders = (uint64_t)(uintptr_t)weft_take_address(operation, call->root, 0, 3);
    size_t expected = 0, offset = 0;
    bool healthy = weft_inside_enter(comm);
    if (healthy) {
        expected = counts[comm->rank];
        offset = offsets[comm->rank];
    }
    weft_inside_leave(comm);
    if (!healthy)
        return WEFT_MOVE_FAIL;
    if (expected != call->own_count)
        return weft_blocks_differ(operation, comm->rank, call->own_count, call->root, expected);
    size_t size = call->type->size;
    if (weft_pull(comm, recv + offset * size, call->send, expected * size, false) != WEFT_MOVE_DONE)
        return WEFT_MOVE_FAIL;
    weft_count_up(operation, call->root, copied(operation), senders);
    return WEFT_MOVE_DONE;
}

static enum weft_move give_block(struct weft_operation *operation)
{
    const struct weft_call *call = operation->call;
    uint64_t count = call->own_count;
    bool short_block = goes_in_lines(call, count);
    enum weft_move move;
    if (operation->state == 0) {
        if ((move = weft_ring_room(operation)) != WEFT_MOVE_DONE)
            return move;
        weft_put_part(operation, 0, &count, HEAD);
        if (short_block)
            weft_put_part(operation, HEAD, call->send, count * call->type->size);
        weft_publish(operation, 0);
        operation->state = 1;
    }
    if (short_block)
        return WEFT_MOVE_DONE;
    if ((move = weft_look(operation, call->root, 0)) != WEFT_MOVE_DONE)
        return move;
    return push_block(operation);
}

/* What a sender says, and the block if it comes along. */
static enum weft_move take_block(struct weft_operation *operation, int peer)
{
    const struct weft_call *call = operation->call;
    uint64_t count;
    weft_take_part(operation, peer, 0, &count, HEAD);
    if (count != call->recv_counts[peer])
        return weft_blocks_differ(operation, peer, count, call->root, call->recv_counts[peer]);
    if (goes_in_lines(call, count))
        weft_take_part(operation, peer, HEAD, target_of(call, peer), count * call->type->size);
    return WEFT_MOVE_DONE;
}

static enum weft_move gather_mixed(struct weft_operation *operation)
{
    const struct weft_call *call = operation->call;
    const weft_comm *comm = operation->comm;
    enum weft_move move;
    if (!is_root(operation))
        return give_block(operation);
    uint64_t senders = pushing(operation);
    if (operation->state == 0) {
        if (senders > 0 && (move = weft_ring_room(operation)) != WEFT_MOVE_DONE)
            return move;
        if (senders > 0) {
            weft_put_address(operation, 0, 1, call->recv_counts);
            weft_put_address(operation, 0, 2, call->recv_offsets);
            weft_put_address(operation, 0, 3, (const void *)(uintptr_t)senders);
            publish_target(operation);
        }
        keep_own(operation);
        operation->state = 1;
    }
    for (; operation->peer < comm->n_ranks; operation->peer++) {
        if (operation->peer == comm->rank)
            continue;
        if ((move = weft_look(operation, operation->peer, 0)) != WEFT_MOVE_DONE ||
            (move = take_block(operation, operation->peer)) != WEFT_MOVE_DONE)
            return move;
    }
    return senders > 0 ? weft_look_count(operation, comm->rank, copied(operation), senders) : WEFT_MOVE_DONE;
}

/* ---- pull. Line 0 of a sender: its block's address and count; line 1 of the root: it has copied all, and how that
 * went. */

static enum weft_move pull_from(struct weft_operation *operation, int peer)
{
    const struct weft_call *call = operation->call;
    size_t expected = weft_received_block(call, peer).count, count = expected;
    const void *source = call->send;
    if (peer != operation->comm->rank) {
        source = weft_take_address(operation, peer, 0, 0);
        count = (size_t)(uintptr_t)weft_take_address(operation, peer, 0, 1);
    }
    if (count != expected)
        return weft_blocks_differ(operation, peer, count, call->root, expected);
    return weft_pull_elements(operation, target_of(call, peer), source, count);
}

static enum weft_move pull_as_root(struct weft_operation *operation)
{
    enum weft_move move;
    for (; operation->peer < operation->comm->n_ranks; operation->peer++) {
        if (operation->peer != operation->comm->rank &&
            (move = weft_look(operation, operation->peer, 0)) != WEFT_MOVE_DONE)
            return move;
        if (pull_from(operation, operation->peer) != WEFT_MOVE_DONE)
            return WEFT_MOVE_FAIL;
    }
    if ((move = weft_ring_room(operation)) != WEFT_MOVE_DONE)
        return move;
    weft_put_outcome(operation, 1);
    weft_publish(operation, 1);
    return WEFT_MOVE_DONE;
}

static enum weft_move gather_pull(struct weft_operation *operation)
{
    const struct weft_call *call = operation->call;
    enum weft_move move = WEFT_MOVE_DONE;
    if (is_root(operation))
        move = pull_as_root(operation);
    else {
        if (operation->state == 0) {
            if ((move = weft_ring_room(operation)) != WEFT_MOVE_DONE)
                return move;
            weft_put_address(operation, 0, 0, call->send);
            weft_put_address(operation, 0, 1, (const void *)(uintptr_t)own_count(call));
            weft_publish(operation, 0);
            operation->state = 1;
        }
        move = weft_look(operation, call->root, 1);
    }
    if (move == WEFT_MOVE_DONE)
        weft_take_outcome(operation, call->root, 1);
    return move;
}

weft_status weft_gather_perform(weft_comm *comm, const struct weft_call *call)
{
    if (comm->n_ranks == 1)
        return weft_alone(comm, call, target_of(call, 0), call->send, own_count(call));
    if (call->collective == WEFT_COLLECTIVE_gatherv)
        return choose_v(comm, call).algorithm == MIXED
                   ? weft_perform(comm, call, gather_mixed, WEFT_BLOCKS_LINES, 0, false)
                   : weft_perform(comm, call, gather_pull, 2, 0, false);
    switch (choose(comm, call).algorithm) {
    case LINES:
        return weft_perform(comm, call, gather_lines, weft_lines_of(call->bytes), 0, false);
    case PUSH:
        return weft_perform(comm, call, gather_push, 2, 0, false);
    default:
        return weft_perform(comm, call, gather_pull, 2, 0, false);
    }
}

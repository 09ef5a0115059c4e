// SPDX-License-Identifier: MIT
/* shares.h - large collectives as work that all ranks do together, on one another's buffers.
 *
 * Each rank owns a share of the work: so many bytes of results, cut into chunks of whole elements. Ranks exchange a
 * line that says how large their share is and where their buffers stand. An owner claims the chunks of its share one by
 * one; who has finished and has polled in vain for a moment takes over chunks that others have not begun, so a rank
 * that the scheduler has put aside holds up nobody. A count of chunks done tells when a share is complete; when all
 * are, nobody is inside any buffer. The count of claims stands in another line, which others touch only when they take
 * over. With more ranks than processors a small amount of work is done by the last to arrive, before it opens the gate:
 * the others wake up once, and find it done.
 *
 * A collective instantiates weft_shares with two constant functions: one that describes this rank's share, and one that
 * does a piece of anybody's. The latter runs on any rank, `inside`, and takes all it needs from the call and from the
 * ranks' lines. */
#ifndef WEFT_COLLECTIVES_SHARES_H
#define WEFT_COLLECTIVES_SHARES_H

#include "collectives/exchange.h"

#define WEFT_SHARES_LINES 3                    /* the description, the count of chunks done, the count of claims */
#define WEFT_SHARES_LAST_DOES_ALL (128 * 1024) /* bytes read and written: about as long as a rank takes to wake up */
#define WEFT_SHARES_FEW_LINES                                                                                          \
    8 /* messages of more than that cost more than the two exchanges here, measured on two ranks */

/* Fills in the payload of line 0 behind its first word, and returns the bytes of this rank's share. */
typedef size_t weft_share_put(struct weft_operation *operation);
/* Does bytes [from, to) of the owner's share. */
typedef enum weft_move weft_share_work(struct weft_operation *operation, int owner, size_t from, size_t to);

WEFT_INLINE _Atomic uint64_t *weft_share_done(const struct weft_operation *operation, int owner)
{
    return &weft_peer_line(operation, owner, 1)->counters[0];
}

WEFT_INLINE _Atomic uint64_t *weft_share_claimed(const struct weft_operation *operation, int owner)
{
    return &weft_peer_line(operation, owner, 2)->counters[0];
}

WEFT_INLINE size_t weft_share_bytes(const struct weft_operation *operation, int owner)
{
    size_t bytes;
    memcpy(&bytes, weft_peer_line(operation, owner, 0)->payload, sizeof bytes);
    return bytes;
}

/* Whole elements, at most a block unless one alone is longer. */
WEFT_INLINE size_t weft_share_chunk(const struct weft_operation *operation)
{
    size_t size = operation->call->type->size;
    return size < WEFT_COPY_BLOCK ? WEFT_COPY_BLOCK / size * size : size;
}

/* At least one: also who gets nothing may have something to check. */
WEFT_INLINE uint64_t weft_share_chunks(const struct weft_operation *operation, int owner)
{
    size_t bytes = weft_share_bytes(operation, owner), chunk = weft_share_chunk(operation);
    return bytes <= chunk ? 1 : (bytes + chunk - 1) / chunk;
}

/* Raises a count in one of `target`'s lines, on which `target` and others wait until it is `goal`. */
WEFT_INLINE void weft_count_up(const struct weft_operation *operation, int target, _Atomic uint64_t *count,
                               uint64_t goal)
{
    const weft_comm *comm = operation->comm;
    if (weft_unlikely(comm->world->observed))
        weft_observe_release(count);
    /* K2, seq_cst: releases what was done to S3, in a chain of counts; ordered before S2 like S1. */
    uint64_t counted = atomic_fetch_add_explicit(count, 1, memory_order_seq_cst) + 1;
    if (weft_unlikely(comm->world->observed))
        weft_observe_acquire(count);
    /* S2, seq_cst: as in weft_publish_word. */
    if (weft_assert(comm->world, counted <= goal) && counted == goal &&
        atomic_load_explicit(&weft_slot_of(comm, target)->sleepers, memory_order_seq_cst) != 0)
        weft_wake(comm->world, target);
}

/* A chunk of the owner's share, inside. */
WEFT_INLINE enum weft_move weft_share_piece(struct weft_operation *operation, weft_share_work *work, int owner,
                                            uint64_t index)
{
    size_t bytes = weft_share_bytes(operation, owner), chunk = weft_share_chunk(operation), from = index * chunk;
    enum weft_move move = WEFT_MOVE_FAIL;
    if (weft_inside_enter(operation->comm))
        move = work(operation, owner, from, bytes - from < chunk ? bytes : from + chunk);
    weft_inside_leave(operation->comm);
    return move;
}

/* What nobody has claimed of the owner's share. */
WEFT_INLINE enum weft_move weft_share_help(struct weft_operation *operation, weft_share_work *work, int owner)
{
    _Atomic uint64_t *claimed = weft_share_claimed(operation, owner);
    uint64_t chunks = weft_share_chunks(operation, owner);
    for (;;) {
        /* K1, relaxed: the exchange made the count's beginning visible; it only deals out numbers. Looked at first,
         * since a count that has run out need not be written. */
        if (atomic_load_explicit(claimed, memory_order_relaxed) >= chunks)
            return WEFT_MOVE_DONE;
        /* K1, relaxed: as above. */
        uint64_t mine = atomic_fetch_add_explicit(claimed, 1, memory_order_relaxed);
        if (mine >= chunks)
            return WEFT_MOVE_DONE;
        if (weft_share_piece(operation, work, owner, mine) != WEFT_MOVE_DONE)
            return WEFT_MOVE_FAIL;
        weft_count_up(operation, owner, weft_share_done(operation, owner), chunks);
    }
}

/* The others' shares, from the right neighbour's on. */
WEFT_INLINE enum weft_move weft_shares_take_over(struct weft_operation *operation, weft_share_work *work)
{
    const weft_comm *comm = operation->comm;
    enum weft_move move = WEFT_MOVE_DONE;
    for (int step = 1; step < comm->n_ranks && move == WEFT_MOVE_DONE; step++)
        move = weft_share_help(operation, work, (comm->rank + step) % comm->n_ranks);
    return move;
}

/* Is everything that all ranks have to do, each byte costing `weight`, little enough for one? */
WEFT_INLINE bool weft_shares_are_small(const struct weft_operation *operation, size_t weight)
{
    size_t left = WEFT_SHARES_LAST_DOES_ALL / weight;
    for (int owner = 0; owner < operation->comm->n_ranks; owner++) {
        size_t bytes = weft_share_bytes(operation, owner);
        if (bytes > left)
            return false;
        left -= bytes;
    }
    return true;
}

WEFT_INLINE enum weft_move weft_shares_do_all(struct weft_operation *operation, weft_share_work *work)
{
    for (int owner = 0; owner < operation->comm->n_ranks; owner++)
        for (uint64_t index = 0, chunks = weft_share_chunks(operation, owner); index < chunks; index++)
            if (weft_share_piece(operation, work, owner, index) != WEFT_MOVE_DONE)
                return WEFT_MOVE_FAIL;
    return WEFT_MOVE_DONE;
}

/* Publishes this rank's description. The last to arrive at the gate may do everything, and says so in the gate's
 * release line. */
WEFT_INLINE enum weft_move weft_shares_begin(struct weft_operation *operation, weft_share_put *put,
                                             weft_share_work *work, size_t weight)
{
    const struct weft_world *world = operation->comm->world;
    int rank = operation->comm->rank;
    size_t bytes = put(operation);
    memcpy(weft_own_line(operation, 0)->payload, &bytes, sizeof bytes);
    /* K1, relaxed: published with line 0. */
    atomic_store_explicit(weft_share_done(operation, rank), 0, memory_order_relaxed);
    atomic_store_explicit(weft_share_claimed(operation, rank), 0, memory_order_relaxed);
    if (!world->gated) {
        weft_publish(operation, 0);
        return WEFT_MOVE_DONE;
    }
    weft_publish_quietly(operation, 0);
    if (!weft_gate_arrive(operation, 0))
        return WEFT_MOVE_DONE;
    if (weft_gate_check(operation, 0) != WEFT_MOVE_DONE)
        return WEFT_MOVE_FAIL;
    bool all = world->crowded && weft_shares_are_small(operation, weight);
    if (all && weft_shares_do_all(operation, work) != WEFT_MOVE_DONE)
        return WEFT_MOVE_FAIL;
    weft_gate_at(operation, 0)->release.payload[0] = all;
    weft_gate_open(operation, 0);
    return WEFT_MOVE_DONE;
}

WEFT_INLINE enum weft_move weft_shares_look_done(struct weft_operation *operation)
{
    for (; operation->peer < operation->comm->n_ranks; operation->peer++) {
        int owner = operation->peer;
        enum weft_move move =
            weft_look_count(operation, owner, weft_share_done(operation, owner), weft_share_chunks(operation, owner));
        if (move != WEFT_MOVE_DONE)
            return move;
    }
    return WEFT_MOVE_DONE;
}

/* The first half: states 0 and 1. Done: all descriptions are there. */
WEFT_INLINE enum weft_move weft_shares_meet(struct weft_operation *operation, weft_share_put *put,
                                            weft_share_work *work, size_t weight)
{
    if (operation->state == 0) {
        enum weft_move move = weft_ring_room(operation);
        if (move != WEFT_MOVE_DONE)
            return move;
        operation->state = 1;
        operation->peer = 0;
        if (weft_shares_begin(operation, put, work, weight) != WEFT_MOVE_DONE)
            return WEFT_MOVE_FAIL;
    }
    return weft_exchange_look(operation, 0, 0);
}

/* The second half, from state 1 on. */
WEFT_INLINE enum weft_move weft_shares_work(struct weft_operation *operation, weft_share_work *work)
{
    const struct weft_world *world = operation->comm->world;
    switch (operation->state) {
    case 1:
        if (world->gated && weft_gate_at(operation, 0)->release.payload[0])
            return WEFT_MOVE_DONE;
        if (weft_share_help(operation, work, operation->comm->rank) != WEFT_MOVE_DONE)
            return WEFT_MOVE_FAIL;
        operation->state = 2;
        operation->peer = 0;
        operation->hurry = world->crowded; /* the owners of other shares may need this processor */
        /* fall through */
    case 2:
        if (!operation->hurry)
            return weft_shares_look_done(operation);
        if (weft_shares_take_over(operation, work) != WEFT_MOVE_DONE)
            return WEFT_MOVE_FAIL;
        operation->state = 3; /* fall through */
    default:
        return weft_shares_look_done(operation);
    }
}

/* The resumable whole; takes WEFT_SHARES_LINES lines, and a gate where the world is gated. `weight`: bytes read and
 * written for each byte of a share. */
WEFT_INLINE enum weft_move weft_shares(struct weft_operation *operation, weft_share_put *put, weft_share_work *work,
                                       size_t weight)
{
    if (operation->state < 2) {
        enum weft_move move = weft_shares_meet(operation, put, work, weight);
        if (move != WEFT_MOVE_DONE)
            return move;
    }
    return weft_shares_work(operation, work);
}

#endif

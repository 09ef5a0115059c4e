// SPDX-License-Identifier: MIT
/* blocks.h - which part of whose buffer belongs to whom, where collectives move blocks between ranks. */
#ifndef WEFT_COLLECTIVES_BLOCKS_H
#define WEFT_COLLECTIVES_BLOCKS_H

#include "collectives/exchange.h"

/* Where only one rank knows how long blocks are, each call takes as many lines as the longest that travels so: few, so that a root that runs
 * ahead, or is run ahead of, has many calls on their way. */
#define WEFT_BLOCKS_LINES 8
#define WEFT_BLOCKS_BYTES (WEFT_BLOCKS_LINES * (size_t)WEFT_CACHE_LINE)

/* The block of `rank` in a row of blocks, in elements. counts and offsets as in struct weft_call: NULL where blocks are
 * alike. */
struct weft_block {
    size_t offset, count;
};

WEFT_INLINE struct weft_block weft_block_of(const size_t *counts, const size_t *offsets, size_t count, int rank)
{
    if (counts == NULL)
        return (struct weft_block){(size_t)rank * count, count};
    return (struct weft_block){offsets[rank], counts[rank]};
}

WEFT_INLINE struct weft_block weft_sent_block(const struct weft_call *call, int to)
{
    return weft_block_of(call->send_counts, call->send_offsets, call->count, to);
}

WEFT_INLINE struct weft_block weft_received_block(const struct weft_call *call, int from)
{
    return weft_block_of(call->recv_counts, call->recv_offsets, call->count, from);
}

WEFT_INLINE unsigned char *weft_element(const struct weft_call *call, const void *base, size_t element)
{
    return (unsigned char *)((uintptr_t)base + element * call->type->size); /* where there are none: NULL is fine */
}

/* This rank's own block, from its one buffer to the other; nothing to do in place. Not for objects. */
WEFT_INLINE void weft_keep_block(void *target, const void *source, size_t bytes)
{
    if (target != source && bytes > 0)
        memcpy(target, source, bytes);
}

/* A copy of `count` elements that all are this rank's own, objects by their copy function: what a rank that is alone
 * does. */
weft_status weft_alone(const weft_comm *comm, const struct weft_call *call, void *target, const void *source,
                       size_t count);

/* `count` elements from a peer's buffer or to it: blocks of bytes, or objects by their copy function. */
WEFT_INLINE enum weft_move weft_pull_elements(struct weft_operation *operation, void *target, const void *source,
                                              size_t count)
{
    if (target == source || count == 0)
        return WEFT_MOVE_DONE;
    if (operation->call->type->copy != NULL)
        return weft_pull_objects(operation, target, source, count);
    return weft_pull(operation->comm, target, source, count * operation->call->type->size, false);
}

/* The blocks that `owner` gets, one behind the other, from its own on, so that not all ranks read one rank's memory at
 * once: does bytes [from, to) of them, block by block. */
typedef size_t weft_block_bytes(const struct weft_operation *operation, int owner, int peer);
typedef enum weft_move weft_block_piece(struct weft_operation *operation, int owner, int peer, size_t begin,
                                        size_t end);
WEFT_INLINE enum weft_move weft_walk_blocks(struct weft_operation *operation, int owner, size_t from, size_t to,
                                            weft_block_bytes *bytes, weft_block_piece *piece)
{
    int n_ranks = operation->comm->n_ranks;
    size_t before = 0;
    for (int step = 0; step < n_ranks && before < to; step++) {
        int peer = (owner + step) % n_ranks;
        size_t block = bytes(operation, owner, peer), begin = from > before ? from - before : 0;
        size_t end = to - before < block ? to - before : block;
        if (begin < end) {
            enum weft_move move = piece(operation, owner, peer, begin, end);
            if (move != WEFT_MOVE_DONE)
                return move;
        }
        before += block;
    }
    return WEFT_MOVE_DONE;
}

/* Every rank copies what it gets, objects by their copy function, and all exchange how that went. `put` fills line 0,
 * which says where this rank's buffers stand, `pull` takes from one peer. Takes 2 lines, and 2 gates where the world is
 * gated. */
typedef void weft_pull_put(struct weft_operation *operation);
typedef enum weft_move weft_pull_peer(struct weft_operation *operation, int peer);
WEFT_INLINE enum weft_move weft_exchange_and_pull(struct weft_operation *operation, weft_pull_put *put,
                                                  weft_pull_peer *pull)
{
    const weft_comm *comm = operation->comm;
    enum weft_move move;
    switch (operation->state) {
    case 0:
        if ((move = weft_ring_room(operation)) != WEFT_MOVE_DONE)
            return move;
        put(operation);
        if (weft_exchange_begin(operation, 0, 0) != WEFT_MOVE_DONE)
            return WEFT_MOVE_FAIL;
        operation->state = 1; /* fall through */
    case 1:
        if ((move = weft_exchange_look(operation, 0, 0)) != WEFT_MOVE_DONE)
            return move;
        for (int step = 0; step < comm->n_ranks; step++)
            if (pull(operation, (comm->rank + step) % comm->n_ranks) != WEFT_MOVE_DONE)
                return WEFT_MOVE_FAIL;
        weft_put_outcome(operation, 1);
        if (weft_exchange_begin(operation, 1, 1) != WEFT_MOVE_DONE)
            return WEFT_MOVE_FAIL;
        operation->state = 2; /* fall through */
    default:
        if ((move = weft_exchange_look(operation, 1, 1)) != WEFT_MOVE_DONE)
            return move;
        weft_take_outcomes(operation, 1);
        return WEFT_MOVE_DONE;
    }
}

/* Fails the communicator: two ranks do not agree on what one has for the other. */
WEFT_COLD enum weft_move weft_blocks_differ(struct weft_operation *operation, int sender, size_t sent, int receiver,
                                            size_t expected);

#endif

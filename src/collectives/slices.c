// SPDX-License-Identifier: MIT
/* slices.c - each rank reduces its slice of the vector from all inputs and writes it to all results, in one sweep.
 *
 * Ranks exchange the addresses of their buffers; a slice is cut into chunks, which its owner claims one by one; who has finished
 * and has polled in vain for a moment takes over chunks that others have not begun, so a rank that the scheduler has put aside holds
 * up nobody. A count of chunks done, in a line of the owner's, tells when a slice is complete; when all are, nobody is inside any
 * buffer. The count of claims stands in another line, which others touch only when they take over.
 * Every input is read once and every result written once: N S + N S bytes, the least there is.
 * After: S. Jain et al., "Framework for Scalable Intra-Node Collective Operations using Shared Memory", SC 2018; J. Hashmi et al.,
 * "Designing Efficient Shared Address Space Reduction Collectives", IPDPS 2018. */
#include "collectives/slices.h"

#include "collectives/combine.h"
#include "collectives/exchange.h"
#include "collectives/stores.h"
#include "reduce/reduce.h"

static _Atomic uint64_t *done_count(const struct weft_operation *operation, int owner)
{
    return &weft_peer_line(operation, owner, 1)->counters[0];
}

static _Atomic uint64_t *claim_count(const struct weft_operation *operation, int owner)
{
    return &weft_peer_line(operation, owner, 2)->counters[0];
}

struct geometry {
    size_t slice, chunk; /* elements */
    bool whole;          /* a slice is one chunk, and each rank has a processor: nothing to claim and to count */
};

static size_t round_up(size_t value, size_t unit)
{
    return (value + unit - 1) / unit * unit;
}

/* The same on all ranks. Boundaries fall on whole cache lines of a vector that begins on one. */
static struct geometry geometry_of(const struct weft_operation *operation)
{
    const struct weft_call *call = operation->call;
    size_t n_ranks = (size_t)operation->comm->n_ranks, size = call->type->size;
    size_t unit = size < WEFT_CACHE_LINE && WEFT_CACHE_LINE % size == 0 ? WEFT_CACHE_LINE / size : 1;
    struct geometry geometry;
    geometry.slice = round_up((call->count + n_ranks - 1) / n_ranks, unit);
    geometry.chunk = size < WEFT_COPY_BLOCK ? round_up(WEFT_COPY_BLOCK / size, unit) : 1;
    geometry.whole = geometry.slice <= geometry.chunk && !operation->comm->world->gated;
    return geometry;
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

static uint64_t chunks_of(const struct weft_operation *operation, const struct geometry *geometry, int owner)
{
    size_t begin = least((size_t)owner * geometry->slice, operation->call->count);
    size_t end = least(begin + geometry->slice, operation->call->count);
    return (end - begin + geometry->chunk - 1) / geometry->chunk;
}

/* Elements [at, at + ...) of all inputs and of the results there are; returns how many. */
static int point_at(const weft_comm *comm, size_t offset)
{
    int n = 0;
    for (int rank = 0; rank < comm->n_ranks; rank++) {
        comm->sources_at[rank] = (const unsigned char *)comm->sources[rank] + offset;
        if (comm->destinations[rank] != NULL)
            comm->destinations_at[n++] = (unsigned char *)comm->destinations[rank] + offset;
    }
    return n;
}

/* Elements [begin, end) of all inputs, to all results: block by block, each made once, in the first-level cache, and copied on from there. */
static weft_status reduce_range(const struct weft_operation *operation, size_t begin, size_t end, bool stream)
{
    _Alignas(WEFT_CACHE_LINE) unsigned char made[WEFT_BLOCK_BYTES];
    const struct weft_call *call = operation->call;
    const weft_comm *comm = operation->comm;
    size_t size = call->type->size, block = weft_reduction_block(call->reduction);
    int n = point_at(comm, begin * size);
    if (n == 2 &&
        weft_reduce_pair(call->reduction, comm->sources_at, comm->n_ranks, comm->destinations_at, end - begin, stream))
        return WEFT_OK;
    for (size_t at = begin; at < end; at += block) {
        size_t now = least(block, end - at);
        point_at(comm, at * size);
        void *result = stream && size <= sizeof made ? made : comm->destinations_at[0];
        weft_status status = weft_reduce_block(call->reduction, comm->sources_at, comm->n_ranks, result, now);
        if (status != WEFT_OK)
            return status;
        weft_spread(comm->destinations_at, n, result, now * size, stream);
    }
    return WEFT_OK;
}

static size_t all_bytes(const struct weft_operation *operation)
{
    return operation->call->bytes * (size_t)operation->comm->n_ranks;
}

enum weft_move weft_sweep(struct weft_operation *operation, size_t begin, size_t end)
{
    const weft_comm *comm = operation->comm;
    size_t block = weft_reduction_block(operation->call->reduction);
    size_t step = round_up(WEFT_COPY_BLOCK / operation->call->type->size + 1, block);
    bool stream = weft_stores_stream(comm, WEFT_STORES_COMBINE, all_bytes(operation));
    for (size_t at = begin; at < end; at += step) {
        bool healthy = weft_inside_enter(comm);
        weft_status status = healthy ? reduce_range(operation, at, least(at + step, end), stream) : WEFT_OK;
        if (stream)
            weft_stream_end();
        weft_inside_leave(comm);
        if (!healthy)
            return WEFT_MOVE_FAIL;
        if (status != WEFT_OK)
            return weft_reduction_failed(operation, status);
    }
    return WEFT_MOVE_DONE;
}

static enum weft_move work_on(struct weft_operation *operation, const struct geometry *geometry, int owner)
{
    const weft_comm *comm = operation->comm;
    _Atomic uint64_t *done = done_count(operation, owner), *claimed = claim_count(operation, owner);
    size_t begin = (size_t)owner * geometry->slice, end = least(begin + geometry->slice, operation->call->count);
    uint64_t chunks = chunks_of(operation, geometry, owner);
    for (;;) {
        /* K1, relaxed: the exchange made the count's beginning visible; it only deals out numbers. Looked at first, since a count
         * that has run out need not be written. */
        if (atomic_load_explicit(claimed, memory_order_relaxed) >= chunks)
            return WEFT_MOVE_DONE;
        /* K1, relaxed: as above. */
        uint64_t mine = atomic_fetch_add_explicit(claimed, 1, memory_order_relaxed);
        if (mine >= chunks)
            return WEFT_MOVE_DONE;
        size_t from = begin + mine * geometry->chunk;
        if (weft_sweep(operation, from, least(from + geometry->chunk, end)) != WEFT_MOVE_DONE)
            return WEFT_MOVE_FAIL;
        if (weft_unlikely(comm->world->observed))
            weft_observe_release(done);
        /* K2, seq_cst: releases the results to S3, in a chain of counts; ordered before S2 like S1. */
        uint64_t finished = atomic_fetch_add_explicit(done, 1, memory_order_seq_cst) + 1;
        if (weft_unlikely(comm->world->observed))
            weft_observe_acquire(done);
        if (!weft_assert(comm->world, finished <= chunks))
            return WEFT_MOVE_FAIL;
        /* S2, seq_cst: as in weft_publish_word. */
        if (finished == chunks && atomic_load_explicit(&weft_slot_of(comm, owner)->sleepers, memory_order_seq_cst) != 0)
            weft_wake(comm->world, owner);
    }
}

static enum weft_move own_slice(struct weft_operation *operation, const struct geometry *geometry)
{
    int64_t begun_ns = weft_stores_begin(WEFT_STORES_COMBINE, all_bytes(operation));
    enum weft_move move = work_on(operation, geometry, operation->comm->rank);
    weft_stores_note(operation->comm, WEFT_STORES_COMBINE, all_bytes(operation), begun_ns);
    return move;
}

void weft_take_buffers(const struct weft_operation *operation)
{
    const weft_comm *comm = operation->comm;
    for (int rank = 0; rank < comm->n_ranks; rank++) {
        comm->sources[rank] = weft_take_address(operation, rank, 0, 0);
        comm->destinations[rank] = weft_take_address(operation, rank, 0, 1);
    }
}

void weft_put_buffers(struct weft_operation *operation)
{
    const struct weft_call *call = operation->call;
    bool receives = call->collective != WEFT_COLLECTIVE_reduce || call->root == operation->comm->rank;
    weft_put_address(operation, 0, 0, call->send);
    weft_put_address(operation, 0, 1, receives ? call->recv : NULL);
}

static void begin_counts(const struct weft_operation *operation)
{
    int rank = operation->comm->rank;
    /* K1, relaxed: published with line 0. */
    atomic_store_explicit(done_count(operation, rank), 0, memory_order_relaxed);
    atomic_store_explicit(claim_count(operation, rank), 0, memory_order_relaxed);
}

/* Chunks that other ranks have not begun, from the right neighbour's on. */
static enum weft_move take_over(struct weft_operation *operation, const struct geometry *geometry)
{
    const weft_comm *comm = operation->comm;
    enum weft_move move = WEFT_MOVE_DONE;
    for (int step = 1; step < comm->n_ranks && move == WEFT_MOVE_DONE; step++)
        move = work_on(operation, geometry, (comm->rank + step) % comm->n_ranks);
    return move;
}

static enum weft_move look_done(struct weft_operation *operation, const struct geometry *geometry)
{
    for (; operation->peer < operation->comm->n_ranks; operation->peer++) {
        uint64_t chunks = chunks_of(operation, geometry, operation->peer);
        enum weft_move move =
            weft_look_count(operation, operation->peer, done_count(operation, operation->peer), chunks);
        if (move != WEFT_MOVE_DONE)
            return move;
    }
    return WEFT_MOVE_DONE;
}

/* This rank's slice alone, then an exchange. */
static enum weft_move whole_slice(struct weft_operation *operation, const struct geometry *geometry)
{
    size_t count = operation->call->count;
    size_t begin = least((size_t)operation->comm->rank * geometry->slice, count);
    if (weft_sweep(operation, begin, least(begin + geometry->slice, count)) != WEFT_MOVE_DONE)
        return WEFT_MOVE_FAIL;
    return weft_exchange_begin(operation, 1, 0);
}

enum weft_move weft_slices(struct weft_operation *operation)
{
    struct geometry geometry = geometry_of(operation);
    enum weft_move move;
    switch (operation->state) {
    case 0:
        if ((move = weft_ring_room(operation)) != WEFT_MOVE_DONE)
            return move;
        if (!geometry.whole)
            begin_counts(operation);
        weft_put_buffers(operation);
        if (weft_exchange_begin(operation, 0, 0) != WEFT_MOVE_DONE)
            return WEFT_MOVE_FAIL;
        operation->state = 1; /* fall through */
    case 1:
        if ((move = weft_exchange_look(operation, 0, 0)) != WEFT_MOVE_DONE)
            return move;
        weft_take_buffers(operation);
        move = geometry.whole ? whole_slice(operation, &geometry) : own_slice(operation, &geometry);
        if (move != WEFT_MOVE_DONE)
            return WEFT_MOVE_FAIL;
        operation->state = 2;
        operation->peer = 0; /* fall through */
    case 2:
        if (geometry.whole)
            return weft_exchange_look(operation, 1, 0);
        if (!operation->hurry)
            return look_done(operation, &geometry);
        weft_take_buffers(operation);
        if (take_over(operation, &geometry) != WEFT_MOVE_DONE)
            return WEFT_MOVE_FAIL;
        operation->state = 3; /* fall through */
    default:
        return look_done(operation, &geometry);
    }
}

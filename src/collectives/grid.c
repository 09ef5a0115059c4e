// SPDX-License-Identifier: MIT
/* grid.c - pointers through an N x N grid of channels.
 *
 * A sender puts its buffer's address into the channel (from, to), a receiver copies and empties it, and the sender waits until its channels are
 * empty. Here a channel is a line of its own, filled by the sender and emptied by the receiver, with the order that weakly
 * ordered processors need; its word carries the signature of the call, as everywhere. A second buffer for the sum is kept between calls.
 * Ranks wait for one another on the way out: unlike with the other algorithms, a rank that is late to leave is stopped when a faster
 * one finds the communicator failed in its next call.
 * After: the thread communicator of InternLM's LMDeploy, which is where engines know the scheme from. */
#include "collectives/grid.h"

#include "collectives/combine.h"
#include "collectives/exchange.h"
#include "reduce/reduce.h"

#include <stdlib.h>

static struct weft_line *channel(const struct weft_operation *operation, int from, int to)
{
    return &operation->comm->world->channels[(size_t)from * (size_t)operation->comm->n_ranks + (size_t)to];
}

static void set(const struct weft_operation *operation, struct weft_line *line, int target, uint64_t word)
{
    weft_publish_word(operation->comm->world, target, &line->word, word,
                      &weft_slot_of(operation->comm, target)->sleepers);
}

static void fill(const struct weft_operation *operation, int to, const void *address)
{
    struct weft_line *line = channel(operation, operation->comm->rank, to);
    memcpy(line->payload, &address, sizeof address);
    set(operation, line, operation->comm->rank, weft_expected(operation, 0));
}

static void empty(const struct weft_operation *operation, int from)
{
    set(operation, channel(operation, from, operation->comm->rank), operation->comm->rank, 0);
}

static enum weft_move look(struct weft_operation *operation, int peer, struct weft_line *line,
                           enum weft_until_kind kind)
{
    struct weft_until until = {.kind = kind, .target = peer, .word = &line->word};
    /* S3, acquire: pairs with S1 in `set`: filled, the payload may be read; emptied, the buffer is this rank's again. */
    uint64_t word = atomic_load_explicit(&line->word, memory_order_acquire);
    if (!weft_until_met(&until, word)) {
        operation->until = until;
        return WEFT_MOVE_WAIT;
    }
    if (kind == WEFT_UNTIL_SET && word != weft_expected(operation, 0))
        return weft_line_differs(operation, peer);
    if (weft_unlikely(operation->comm->world->observed))
        weft_observe_acquire(&line->word);
    return WEFT_MOVE_DONE;
}

static enum weft_move look_filled(struct weft_operation *operation, int from, const void **address)
{
    struct weft_line *line = channel(operation, from, operation->comm->rank);
    enum weft_move move = look(operation, from, line, WEFT_UNTIL_SET);
    if (move == WEFT_MOVE_DONE && address != NULL)
        memcpy(address, line->payload, sizeof *address);
    return move;
}

/* Until all channels from this rank are empty; operation->peer counts. */
static enum weft_move look_emptied(struct weft_operation *operation)
{
    const weft_comm *comm = operation->comm;
    for (; operation->peer < comm->n_ranks; operation->peer++) {
        enum weft_move move =
            operation->peer == comm->rank
                ? WEFT_MOVE_DONE
                : look(operation, operation->peer, channel(operation, comm->rank, operation->peer), WEFT_UNTIL_CLEAR);
        if (move != WEFT_MOVE_DONE)
            return move;
    }
    return WEFT_MOVE_DONE;
}

static void fill_all(struct weft_operation *operation, const void *address)
{
    for (int to = 0; to < operation->comm->n_ranks; to++)
        if (to != operation->comm->rank)
            fill(operation, to, address);
    operation->peer = 0;
}

enum weft_move weft_grid_barrier(struct weft_operation *operation)
{
    const weft_comm *comm = operation->comm;
    enum weft_move move;
    switch (operation->state) {
    case 0:
        fill_all(operation, NULL);
        operation->state = 1; /* fall through */
    case 1:
        for (; operation->peer < comm->n_ranks; operation->peer++) {
            if (operation->peer == comm->rank)
                continue;
            if ((move = look_filled(operation, operation->peer, NULL)) != WEFT_MOVE_DONE)
                return move;
            empty(operation, operation->peer);
        }
        operation->state = 2;
        operation->peer = 0; /* fall through */
    default:
        return look_emptied(operation);
    }
}

enum weft_move weft_grid_broadcast(struct weft_operation *operation)
{
    const struct weft_call *call = operation->call;
    const void *source;
    enum weft_move move;
    if (operation->comm->rank == call->root) {
        if (operation->state == 0)
            fill_all(operation, call->send);
        operation->state = 1;
        return look_emptied(operation);
    }
    if ((move = look_filled(operation, call->root, &source)) != WEFT_MOVE_DONE)
        return move;
    if (weft_pull(operation->comm, call->recv, source, call->bytes, false) != WEFT_MOVE_DONE)
        return WEFT_MOVE_FAIL;
    empty(operation, call->root);
    return WEFT_MOVE_DONE;
}

enum weft_move weft_grid_allgather(struct weft_operation *operation)
{
    const struct weft_call *call = operation->call;
    const weft_comm *comm = operation->comm;
    unsigned char *recv = call->recv;
    const void *source;
    enum weft_move move;
    switch (operation->state) {
    case 0:
        fill_all(operation, call->send);
        operation->state = 1; /* fall through */
    case 1:
        for (; operation->peer < comm->n_ranks; operation->peer++) {
            if (operation->peer == comm->rank)
                continue;
            if ((move = look_filled(operation, operation->peer, &source)) != WEFT_MOVE_DONE)
                return move;
            if (weft_pull(comm, recv + (size_t)operation->peer * call->bytes, source, call->bytes, false) !=
                WEFT_MOVE_DONE)
                return WEFT_MOVE_FAIL;
            empty(operation, operation->peer);
        }
        if (call->bytes > 0 && call->send != recv + (size_t)comm->rank * call->bytes)
            memcpy(recv + (size_t)comm->rank * call->bytes, call->send, call->bytes);
        operation->state = 2;
        operation->peer = 0; /* fall through */
    default:
        return look_emptied(operation);
    }
}

static bool scratch(weft_comm *comm, size_t bytes)
{
    if (bytes > comm->grid_scratch_bytes) {
        free(comm->grid_scratch);
        comm->grid_scratch = malloc(bytes);
        comm->grid_scratch_bytes = comm->grid_scratch != NULL ? bytes : 0;
    }
    return bytes == 0 || comm->grid_scratch != NULL;
}

/* All inputs into the scratch buffer, between two looks whether the communicator has failed a block at a time. */
static enum weft_move reduce_to_scratch(struct weft_operation *operation)
{
    const struct weft_call *call = operation->call;
    weft_comm *comm = operation->comm;
    size_t size = call->type->size, block = weft_reduction_block(call->reduction);
    if (!scratch(comm, call->bytes))
        return weft_reduction_failed(operation, WEFT_ERR_MEMORY);
    for (size_t at = 0; at < call->count; at += block) {
        size_t now = call->count - at < block ? call->count - at : block;
        for (int rank = 0; rank < comm->n_ranks; rank++)
            comm->sources_at[rank] = (const unsigned char *)comm->sources[rank] + at * size;
        bool healthy = weft_inside_enter(comm);
        weft_status status = healthy ? weft_reduce_block(call->reduction, comm->sources_at, comm->n_ranks,
                                                         (unsigned char *)comm->grid_scratch + at * size, now)
                                     : WEFT_OK;
        weft_inside_leave(comm);
        if (!healthy)
            return WEFT_MOVE_FAIL;
        if (status != WEFT_OK)
            return weft_reduction_failed(operation, status);
    }
    return WEFT_MOVE_DONE;
}

enum weft_move weft_grid_allreduce(struct weft_operation *operation)
{
    const struct weft_call *call = operation->call;
    const weft_comm *comm = operation->comm;
    enum weft_move move;
    switch (operation->state) {
    case 0:
        fill_all(operation, call->send);
        operation->state = 1; /* fall through */
    case 1:
        for (; operation->peer < comm->n_ranks; operation->peer++)
            if (operation->peer != comm->rank &&
                (move = look_filled(operation, operation->peer, NULL)) != WEFT_MOVE_DONE)
                return move;
        for (int from = 0; from < comm->n_ranks; from++) /* now, since operations in flight use the scratch, too */
            memcpy(&comm->sources[from], channel(operation, from, comm->rank)->payload, sizeof comm->sources[from]);
        comm->sources[comm->rank] = call->send;
        if (reduce_to_scratch(operation) != WEFT_MOVE_DONE)
            return WEFT_MOVE_FAIL;
        for (int from = 0; from < comm->n_ranks; from++)
            if (from != comm->rank)
                empty(operation, from);
        operation->state = 2;
        operation->peer = 0; /* fall through */
    default:
        if ((move = look_emptied(operation)) != WEFT_MOVE_DONE)
            return move;
        if (call->bytes > 0)
            memcpy(call->recv, comm->grid_scratch, call->bytes);
        return WEFT_MOVE_DONE;
    }
}

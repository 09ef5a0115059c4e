// SPDX-License-Identifier: MIT
/* slot.c - what the hot path leaves out of line: a full ring, and ranks that disagree. */
#include "core/slot.h"

#include "core/record.h"
#include "core/request.h"

/* This rank has read all lines before this position. */
static uint64_t consumed(const weft_comm *comm)
{
    return comm->collectives.first != NULL ? comm->collectives.first->operation.position : comm->position;
}

void weft_announce(weft_comm *comm)
{
    comm->announced = consumed(comm);
    weft_publish_word(comm->world, comm->rank, &comm->slot->consumed, comm->announced, &comm->slot->sleepers);
}

void weft_ring_finished(weft_comm *comm)
{
    if (consumed(comm) - comm->announced >= WEFT_RING_LINES / 4)
        weft_announce(comm);
}

enum weft_move weft_ring_look(struct weft_operation *operation)
{
    weft_comm *comm = operation->comm;
    uint64_t needed = operation->position + operation->lines - WEFT_RING_LINES;
    if (!weft_assert(comm->world, operation->lines <= WEFT_RING_LINES))
        return WEFT_MOVE_FAIL;
    /* This rank's own lines may still be needed by its own operations in flight; blocking ones leave none. */
    if (comm->asynchronous && consumed(comm) < needed && consumed(comm) < operation->position) {
        operation->until = (struct weft_until){
            .kind = WEFT_UNTIL_AT_LEAST, .target = comm->rank, .word = &comm->slot->consumed, .value = needed};
        return WEFT_MOVE_WAIT;
    }
    uint64_t free = consumed(comm);
    for (int rank = 0; rank < comm->n_ranks; rank++) {
        const _Atomic uint64_t *theirs = &weft_slot_of(comm, rank)->consumed;
        if (rank == comm->rank)
            continue;
        enum weft_move move = weft_look_count(operation, rank, theirs, needed);
        if (move != WEFT_MOVE_DONE)
            return move;
        /* S3, acquire: as in weft_look_count. */
        uint64_t count = atomic_load_explicit(theirs, memory_order_acquire);
        free = count < free ? count : free;
    }
    comm->free = free;
    return WEFT_MOVE_DONE;
}

enum weft_move weft_line_differs(struct weft_operation *operation, int peer)
{
    const weft_comm *comm = operation->comm;
    if (weft_world_status(comm->world) != WEFT_OK)
        return WEFT_MOVE_FAIL;
    /* R7, relaxed: the record stands before the word that differs, which was acquired. A peer that has not begun this call left the word
     * 2^32 lines ago, or went another way before. */
    const _Atomic uint64_t *calls = &weft_slot_of(comm, peer)->calls;
    if (weft_calls_begun(atomic_load_explicit(calls, memory_order_relaxed)) < operation->number &&
        !weft_record_disagree(operation)) {
        uint64_t begun = 2 * operation->number - 1;
        operation->until =
            (struct weft_until){.kind = WEFT_UNTIL_AT_LEAST, .target = peer, .word = calls, .value = begun};
        return WEFT_MOVE_WAIT;
    }
    weft_record_mismatch(operation);
    return WEFT_MOVE_FAIL;
}

// SPDX-License-Identifier: MIT
/* slot.c - what the hot path leaves out of line: a full ring, and ranks that disagree. */
#include "core/slot.h"

#include "core/record.h"

void weft_announce(weft_comm *comm)
{
    comm->announced = comm->position;
    weft_publish_word(comm->world, comm->rank, &comm->slot->consumed, comm->position, &comm->slot->sleepers);
}

enum weft_move weft_ring_look(struct weft_operation *operation)
{
    weft_comm *comm = operation->comm;
    uint64_t needed = operation->position + operation->lines - WEFT_RING_LINES;
    if (!weft_assert(comm->world, operation->lines <= WEFT_RING_LINES))
        return WEFT_MOVE_FAIL;
    for (int rank = 0; rank < comm->n_ranks; rank++) {
        enum weft_move move = rank == comm->rank
                                  ? WEFT_MOVE_DONE
                                  : weft_look_count(operation, rank, &weft_slot_of(comm, rank)->consumed, needed);
        if (move != WEFT_MOVE_DONE)
            return move;
    }
    comm->free = needed;
    return WEFT_MOVE_DONE;
}

enum weft_move weft_line_differs(struct weft_operation *operation, int peer)
{
    const weft_comm *comm = operation->comm;
    if (weft_world_status(comm->world) != WEFT_OK)
        return WEFT_MOVE_FAIL;
    /* R7, acquire: pairs with R6. A peer that has not begun this call left the word 2^32 lines ago, or went another way before. */
    const _Atomic uint64_t *calls = &weft_slot_of(comm, peer)->calls;
    if (weft_calls_begun(atomic_load_explicit(calls, memory_order_acquire)) < operation->number &&
        !weft_record_disagree(operation)) {
        uint64_t begun = 2 * operation->number - 1;
        operation->until =
            (struct weft_until){.kind = WEFT_UNTIL_AT_LEAST, .target = peer, .word = calls, .value = begun};
        return WEFT_MOVE_WAIT;
    }
    weft_record_mismatch(operation);
    return WEFT_MOVE_FAIL;
}

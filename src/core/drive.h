// SPDX-License-Identifier: MIT
/* drive.h - begins an operation and drives its algorithm to the end: the frame of every blocking call. */
#ifndef WEFT_CORE_DRIVE_H
#define WEFT_CORE_DRIVE_H

#include "core/record.h"
#include "core/request.h"
#include "core/slot.h"

/* Chains the signature of this call to that of the calls before. Count and root mix in fully, so that a difference in either, now or
 * earlier, shows in the 32 bits that lines carry. (The multiplier is that of splitmix64, whose finaliser this shortens.) */
WEFT_INLINE uint32_t weft_chain(uint32_t chain, const struct weft_call *call)
{
    uint64_t hash = (uint64_t)chain << 32 | call->shape;
    hash = (hash ^ call->count) * 0xbf58476d1ce4e5b9u;
    hash = (hash ^ hash >> 29 ^ (uint32_t)call->root) * 0x94d049bb133111ebu;
    return (uint32_t)(hash >> 32);
}

/* Takes `lines` lines and `gates` gates for the call, and notes it. Every rank takes the same. */
WEFT_INLINE void weft_operation_begin(struct weft_operation *operation, weft_comm *comm, const struct weft_call *call,
                                      uint32_t lines, uint32_t gates)
{
    operation->comm = comm;
    operation->call = call;
    operation->position = comm->position;
    operation->number = ++comm->calls;
    operation->gate = comm->gate;
    operation->signature = comm->chain = weft_chain(comm->chain, call);
    operation->lines = lines;
    operation->state = 0;
    operation->peer = 0;
    operation->line = 0;
    operation->progress = 0;
    operation->hurry = comm->world->crowded; /* the others may need this processor */
    operation->status = WEFT_OK;
    operation->outcome = WEFT_OK;
    operation->started_ns = 0;
    comm->position += lines;
    comm->gate += gates;
    weft_record_begin(operation);
}

/* How long an operation has waited, in weft_cycles. */
struct weft_timing {
    uint64_t waited, since; /* 0: it does not wait */
    uint64_t end;           /* of the last wait, where that was the end of the operation; 0: it was not */
};

/* What comes after the last wait of a short operation is over before the clock is read, and counts as waiting. */
WEFT_INLINE void weft_timing_stop(struct weft_timing *timing, const struct weft_operation *operation, bool last)
{
    if (timing == NULL || timing->since == 0 || (!last && operation->call->bytes <= WEFT_MESSAGE_BYTES))
        return;
    uint64_t now = weft_cycles();
    timing->waited += now - timing->since;
    timing->since = 0;
    timing->end = last ? now : 0;
}

/* timing: NULL, where nobody asks. */
WEFT_INLINE weft_status weft_drive_timed(struct weft_operation *operation, weft_algorithm_move *move,
                                         struct weft_timing *timing)
{
    for (;;) {
        enum weft_move moved = move(operation);
        if (weft_likely(moved == WEFT_MOVE_DONE)) {
            weft_record_end(operation);
            weft_timing_stop(timing, operation, true);
            return operation->status;
        }
        if (weft_unlikely(moved == WEFT_MOVE_FAIL))
            return weft_operation_failed(operation);
        if (timing != NULL && timing->since == 0)
            timing->since = weft_cycles();
        if (weft_likely(weft_poll(operation))) {
            weft_timing_stop(timing, operation, false);
            continue;
        }
        if (!operation->hurry) {
            operation->hurry = true;
            continue;
        }
        if (weft_unlikely(weft_await(operation) != WEFT_OK))
            return weft_operation_failed(operation);
        weft_timing_stop(timing, operation, false);
    }
}

WEFT_INLINE weft_status weft_drive(struct weft_operation *operation, weft_algorithm_move *move)
{
    return weft_drive_timed(operation, move, NULL);
}

/* A call: blocking, from begin to end; nonblocking, started. `symmetric`: whoever finishes has heard from every rank. */
WEFT_INLINE weft_status weft_perform(weft_comm *comm, const struct weft_call *call, weft_algorithm_move *move,
                                     uint32_t lines, uint32_t gates, bool symmetric)
{
    struct weft_operation operation;
    if (weft_unlikely(((uintptr_t)comm->starting | (uintptr_t)comm->trace) != 0 || weft_in_flight(comm)))
        return weft_perform_among(comm, call, move, lines, gates, symmetric);
    weft_operation_begin(&operation, comm, call, lines, gates);
    weft_status status = weft_drive(&operation, move);
    weft_ring_done(&operation, symmetric);
    return status;
}

#endif

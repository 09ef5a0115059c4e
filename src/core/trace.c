// SPDX-License-Identifier: MIT
/* trace.c - drives operations by the clock, and keeps what it saw in the ranks' rings. */
#include "core/trace.h"

#include "core/drive.h"

static void put_name(uint64_t *word, const char *name)
{
    strncpy((char *)word, name, sizeof *word - 1);
}

static void keep(const struct weft_operation *operation, uint64_t arrival, uint64_t departure, uint64_t waited)
{
    const struct weft_call *call = operation->call;
    struct weft_trace_event *event = &operation->comm->trace->events[operation->number & (WEFT_TRACE_EVENTS - 1)];
    struct weft_trace_told told = {arrival, departure, waited, weft_record_what(call), call->count, {0, 0}};
    if (call->type_index < 0)
        put_name(&told.names[0], call->type->name);
    if (call->op_index < 0 && call->op != NULL)
        put_name(&told.names[1], call->op->name);
    /* Not by memcpy, which would load in pairs what was just stored one by one. */
    const uint64_t *words = (const uint64_t *)&told;
    /* T1, relaxed: ordered before the words by their release. */
    atomic_store_explicit(&event->number, 0, memory_order_relaxed);
    for (size_t i = 0; i < WEFT_TRACE_WORDS; i++)
        /* T2, release: a reader who sees a new word (T5) sees the 0 of T1 or what came later, and drops what it read. */
        atomic_store_explicit(&event->words[i], words[i], memory_order_release);
    /* T3, release: who sees the number (T4) sees the words of this call. */
    atomic_store_explicit(&event->number, operation->number, memory_order_release);
}

void weft_trace_note(const struct weft_operation *operation, uint64_t arrival, uint64_t waited_since)
{
    uint64_t departure = weft_cycles();
    keep(operation, arrival, departure, waited_since != 0 ? departure - waited_since : 0);
}

weft_status weft_perform_traced(weft_comm *comm, const struct weft_call *call, weft_algorithm_move *move,
                                uint32_t lines, uint32_t gates, bool symmetric)
{
    struct weft_operation operation;
    struct weft_timing timing = {.waited = 0};
    uint64_t arrival = weft_cycles();
    weft_operation_begin(&operation, comm, call, lines, gates);
    weft_prefetch_write(&comm->trace->events[operation.number & (WEFT_TRACE_EVENTS - 1)]); /* comes during the wait */
    weft_status status = weft_drive_timed(&operation, move, &timing);
    weft_ring_done(&operation, symmetric);
    keep(&operation, arrival, timing.end != 0 ? timing.end : weft_cycles(), timing.waited);
    return status;
}

// SPDX-License-Identifier: MIT
/* record.h - what each rank called: written by itself, read by those who find that something is wrong. */
#ifndef WEFT_CORE_RECORD_H
#define WEFT_CORE_RECORD_H

#include "core/operation.h"

#define WEFT_CALL_TEXT 96

/* `calls` of a slot: twice the highest call that has begun, less one until that one has ended. */
WEFT_INLINE uint64_t weft_calls_begun(uint64_t calls)
{
    return (calls + 1) / 2;
}

/* Notes the call that `operation` begins in this rank's ring of records. */
WEFT_INLINE void weft_record_begin(struct weft_operation *operation);
WEFT_INLINE void weft_record_end(struct weft_operation *operation);

/* What a rank said of call `number`; `text`, where not NULL, as weft_text_call, `detailed`: with all that ranks must agree on. False: it
 * has not begun it, or has long overwritten it. */
bool weft_record_read(const struct weft_slot *slot, uint64_t number, bool detailed, char text[WEFT_CALL_TEXT],
                      uint32_t *signature);

/* Do ranks disagree on the call this one is in, or on one before? */
bool weft_record_disagree(const struct weft_operation *operation);
/* Fails the communicator because ranks disagree: says who called what where they first did, as far back as records go. */
WEFT_COLD void weft_record_mismatch(const struct weft_operation *operation);

/* The call that a record's words tell of. names: of a user's type and op, 16 bytes each. */
void weft_text_record(uint64_t what, uint64_t count, const uint64_t names[4], char text[WEFT_CALL_TEXT]);

/* "allreduce" */
const char *weft_text_collective(enum weft_collective collective);
/* "ranks 0-2, 5" for the set ones; "no rank" for none. */
void weft_text_ranks(const bool *set, int n_ranks, char *text, size_t size);
/* "allreduce(4 x int32, sum)" */
void weft_text_call(const struct weft_call *call, char text[WEFT_CALL_TEXT]);
/* "weft_allreduce(4 x int32, sum)", or the name alone. */
void weft_text_function(const struct weft_call *call, bool arguments, char text[WEFT_CALL_TEXT]);

/* ---- The inline part */

void weft_record_names(struct weft_record *record, const struct weft_call *call);

/* What a call is, in one word. */
WEFT_INLINE uint64_t weft_record_what(const struct weft_call *call)
{
    return (uint64_t)(uint32_t)call->root << 32 | (uint64_t)(uint8_t)call->op_index << 16 |
           (uint64_t)(uint8_t)call->type_index << 8 | (uint64_t)call->nonblocking << 7 | (uint64_t)call->collective;
}

WEFT_INLINE void weft_record_begin(struct weft_operation *operation)
{
    const struct weft_call *call = operation->call;
    struct weft_slot *slot = operation->comm->slot;
    struct weft_record *record = &slot->records[operation->number & (WEFT_RING_LINES - 1)];
    uint64_t what = weft_record_what(call);
    /* R1, relaxed: ordered before the words by their release. */
    atomic_store_explicit(&record->number, 0, memory_order_relaxed);
    /* R2, release: a reader who sees a new word (R5) sees the 0 of R1 or what came later, and drops what it read. */
    atomic_store_explicit(&record->what, what, memory_order_release);
    atomic_store_explicit(&record->count, call->count, memory_order_release);
    atomic_store_explicit(&record->signature, operation->signature, memory_order_release);
    if (weft_unlikely(call->type_index < 0 || call->op_index < 0))
        weft_record_names(record, call);
    /* R3, release: who sees the number (R4) sees the words of this call. */
    atomic_store_explicit(&record->number, operation->number, memory_order_release);
    /* R6, relaxed: only a number. Before this rank looks for a record of another's, it says so once more (R9). */
    atomic_store_explicit(&slot->calls, 2 * operation->number - 1, memory_order_relaxed);
}

WEFT_INLINE void weft_record_end(struct weft_operation *operation)
{
    /* R8, relaxed: for reports only. */
    atomic_store_explicit(&operation->comm->slot->calls, 2 * operation->number, memory_order_relaxed);
}

#endif

// SPDX-License-Identifier: MIT
/* missing.c - finds who has not come to a call, and says so.
 *
 * Each rank's count of calls and its ring of records tell where it is; a mark in its slot, whether it has left. */
#include "core/missing.h"

#include "core/departure.h"
#include "core/failure.h"
#include "core/record.h"

#include <stdio.h>
#include <stdlib.h>

/* Flags for `n_ranks` ranks; NULL: no memory for more than 64. */
struct flags {
    bool few[64], *of;
};

static bool *flags_take(struct flags *flags, int n_ranks)
{
    flags->of = n_ranks <= 64 ? flags->few : calloc((size_t)n_ranks, sizeof *flags->of);
    return flags->of;
}

static void flags_give(struct flags *flags)
{
    if (flags->of != flags->few)
        free(flags->of);
}

static bool begun(const struct weft_operation *operation, int rank)
{
    /* R7, relaxed: nothing is read behind it. Where D2 was seen, all that the rank ever called is visible. */
    uint64_t calls = atomic_load_explicit(&weft_slot_of(operation->comm, rank)->calls, memory_order_relaxed);
    return weft_calls_begun(calls) >= operation->number;
}

/* ---- Ranks that have left */

/* Does what the operation waits for need this rank? Who waits for one rank needs nobody else; at a gate, and at a count of its own that the
 * others raise, it needs all. */
static bool needs(const struct weft_operation *operation, int rank)
{
    const struct weft_until *until = &operation->until;
    const weft_comm *comm = operation->comm;
    if (until->target == comm->rank)
        return until->word != &comm->slot->consumed; /* for its own earlier operations it needs nobody here */
    return until->target == rank || until->target == comm->n_ranks;
}

/* How the rank has left without this call; WEFT_STAYED: it has not, or began it before. */
static enum weft_departure lost(const struct weft_operation *operation, int rank)
{
    if (!needs(operation, rank))
        return WEFT_STAYED;
    /* D2, acquire: pairs with D1. */
    uint32_t left = atomic_load_explicit(&weft_slot_of(operation->comm, rank)->left, memory_order_acquire);
    return left != WEFT_STAYED && !begun(operation, rank) ? (enum weft_departure)left : WEFT_STAYED;
}

bool weft_somebody_lost(const struct weft_operation *operation)
{
    for (int rank = 0; rank < operation->comm->n_ranks; rank++)
        if (lost(operation, rank) != WEFT_STAYED)
            return true;
    return false;
}

/* "ranks 1-2 destroyed their handles" */
static void departure_text(enum weft_departure how, const char *ranks, char *text, size_t size)
{
    bool one = strncmp(ranks, "rank ", 5) == 0;
    switch (how) {
    case WEFT_RETURNED:
        snprintf(text, size, "the %s of %s returned", one ? "body" : "bodies", ranks);
        break;
    case WEFT_THREAD_ENDED:
        snprintf(text, size, "the %s of %s ended", one ? "thread" : "threads", ranks);
        break;
    default:
        snprintf(text, size, "%s destroyed %s", ranks, one ? "its handle" : "their handles");
    }
}

weft_status weft_fail_lost(const struct weft_operation *operation)
{
    const weft_comm *comm = operation->comm;
    char call[WEFT_CALL_TEXT], ranks[256], text[800];
    struct flags left;
    size_t at = 0;
    text[0] = 0;
    bool known = flags_take(&left, comm->n_ranks) != NULL;
    for (enum weft_departure how = WEFT_DESTROYED; known && how <= WEFT_THREAD_ENDED && at < sizeof text; how++) {
        int count = 0;
        for (int rank = 0; rank < comm->n_ranks; rank++)
            if ((left.of[rank] = lost(operation, rank) == how))
                count++;
        if (count == 0)
            continue;
        weft_text_ranks(left.of, comm->n_ranks, ranks, sizeof ranks);
        if (at > 0)
            at += (size_t)snprintf(text + at, sizeof text - at, " and ");
        departure_text(how, ranks, text + at, sizeof text - at);
        at += strlen(text + at);
    }
    flags_give(&left);
    weft_text_call(operation->call, call);
    weft_world_fail(comm->world, comm->rank, WEFT_ERR_RANK_LOST, "%s before call %llu, %s",
                    known ? text : "a rank left", (unsigned long long)operation->number, call);
    return WEFT_ERR_RANK_LOST;
}

/* ---- Ranks that are late */

/* "has called nothing yet", "last completed call 16, barrier()" */
static void whereabouts(const struct weft_operation *operation, int rank, char *text, size_t size)
{
    const struct weft_slot *slot = weft_slot_of(operation->comm, rank);
    char call[WEFT_CALL_TEXT];
    /* R7, relaxed: the record says itself whether it is of this call (R4). */
    uint64_t calls = atomic_load_explicit(&slot->calls, memory_order_relaxed), number = weft_calls_begun(calls);
    const char *verb = calls & 1 ? "is still in" : "last completed";
    if (number == 0)
        snprintf(text, size, "has called nothing yet");
    else if (weft_record_read(slot, number, false, call, NULL))
        snprintf(text, size, "%s call %llu, %s", verb, (unsigned long long)number, call);
    else /* it has just begun the next, or its record is on its way */
        snprintf(text, size, "%s call %llu", verb, (unsigned long long)number);
}

/* "rank 3, which has called nothing yet"; "ranks 1, 3 (rank 1 last completed call 16, barrier(); rank 3 ...)", where the first few are
 * looked up. */
static void late_text(const struct weft_operation *operation, const bool *late, int count, char *text, size_t size)
{
    char where[WEFT_CALL_TEXT + 64];
    weft_text_ranks(late, operation->comm->n_ranks, text, size);
    size_t at = strlen(text);
    int listed = 0;
    for (int rank = 0; rank < operation->comm->n_ranks && listed < 4 && at < size; rank++) {
        if (!late[rank])
            continue;
        whereabouts(operation, rank, where, sizeof where);
        int length = count == 1 ? snprintf(text + at, size - at, ", which %s", where)
                                : snprintf(text + at, size - at, "%srank %d %s", listed ? "; " : " (", rank, where);
        at += length > 0 ? (size_t)length : 0;
        listed++;
    }
    if (count > 1 && at < size)
        snprintf(text + at, size - at, "%s", count > listed ? "; ...)" : ")");
}

static void duration_text(int64_t ns, char *text, size_t size)
{
    if (ns >= 1000000)
        snprintf(text, size, "%lld ms", (long long)(ns / 1000000));
    else
        snprintf(text, size, "%lld ns", (long long)ns);
}

weft_status weft_fail_timeout(const struct weft_operation *operation)
{
    const weft_comm *comm = operation->comm;
    char call[WEFT_CALL_TEXT], after[32], why[800] = "a rank";
    struct flags late;
    weft_text_call(operation->call, call);
    duration_text(comm->timeout_ns, after, sizeof after);
    if (flags_take(&late, comm->n_ranks) != NULL) {
        int count = 0;
        for (int rank = 0; rank < comm->n_ranks; rank++)
            if ((late.of[rank] = !begun(operation, rank)))
                count++;
        if (count > 0)
            late_text(operation, late.of, count, why, sizeof why);
        else if (operation->until.target < comm->n_ranks)
            snprintf(why, sizeof why, "rank %d, which has come and has not done its part", operation->until.target);
        else
            snprintf(why, sizeof why, "ranks that have come and have not done their part");
    }
    weft_world_fail(comm->world, comm->rank, WEFT_ERR_TIMEOUT,
                    "rank %d timed out after %s in call %llu, %s, waiting for %s", comm->rank, after,
                    (unsigned long long)operation->number, call, why);
    flags_give(&late);
    return WEFT_ERR_TIMEOUT;
}

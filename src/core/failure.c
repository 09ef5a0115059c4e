// SPDX-License-Identifier: MIT
/* failure.c - writes down why a communicator failed, wakes those who sleep, and holds a failing call until its buffers are its own. */
#include "core/failure.h"

#include "core/event.h"
#include "core/observe.h"
#include "core/record.h"
#include "core/wait.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static _Thread_local char last_error[1536];
static _Thread_local weft_status last_status;

static const struct {
    weft_status status;
    const char *name;
} statuses[] = {
#define WEFT_STATUS(status) {status, #status},
#include "lists/status.def"
#undef WEFT_STATUS
};

const char *weft_status_name(weft_status status)
{
    for (size_t i = 0; i < sizeof statuses / sizeof statuses[0]; i++)
        if (statuses[i].status == status)
            return statuses[i].name;
    return "unknown status";
}

const char *weft_last_error(void)
{
    return last_error;
}

weft_status weft_last_status(void)
{
    return last_status;
}

/* "weft_allreduce on "train" by rank 2 of 8: " */
static size_t preamble(const char *call, const weft_comm *comm)
{
    int length;
    if (comm == NULL)
        length = snprintf(last_error, sizeof last_error, "%s: ", call);
    else
        length = snprintf(last_error, sizeof last_error, "%s on \"%s\" by rank %d of %d: ", call, comm->world->name,
                          comm->rank, comm->n_ranks);
    return length < 0 ? 0 : (size_t)length;
}

weft_status weft_error(weft_status status, const char *call, const weft_comm *comm, const char *format, ...)
{
    va_list arguments;
    size_t at = preamble(call, comm);
    va_start(arguments, format);
    vsnprintf(last_error + at, sizeof last_error - at, format, arguments);
    va_end(arguments);
    last_status = status;
    return status;
}

void weft_error_again(weft_status status, const char *sentence)
{
    snprintf(last_error, sizeof last_error, "%s", sentence);
    last_status = status;
}

static bool claim_cause(struct weft_cause *cause)
{
    /* F3, relaxed: decides who writes the cause; F2 publishes what is written. */
    return atomic_exchange_explicit(&cause->taken, 1, memory_order_relaxed) == 0;
}

static void publish_cause(struct weft_cause *cause, int rank, weft_status status)
{
    cause->rank = rank;
    weft_observe_release(&cause->status);
    /* F2, seq_cst: releases the text to F1; ordered before the rings below, so that a sleeper that was not rung sees it (F4),
     * and before the look at `inside` (I3), so that a rank that went inside later sees it (I2). */
    atomic_store_explicit(&cause->status, (int32_t)status, memory_order_seq_cst);
    weft_event_ring_all();
}

void weft_world_fail(struct weft_world *world, int rank, weft_status status, const char *format, ...)
{
    struct weft_cause *cause = &world->cause;
    va_list arguments;
    if (!claim_cause(cause))
        return;
    va_start(arguments, format);
    vsnprintf(cause->text, sizeof cause->text, format, arguments);
    va_end(arguments);
    publish_cause(cause, rank, status);
}

/* As much of `piece` as there is room for; returns the new end. */
static char *append(char *at, const char *end, const char *piece)
{
    while (*piece != 0 && at < end)
        *at++ = *piece++;
    *at = 0;
    return at;
}

void weft_world_abort(struct weft_world *world, int rank, const char *reason)
{
    struct weft_cause *cause = &world->cause;
    char digits[16], *first = digits + sizeof digits - 1;
    char *at = cause->text, *end = cause->text + sizeof cause->text - 1;
    if (!claim_cause(cause))
        return;
    *first = 0;
    for (int rest = rank; first == digits + sizeof digits - 1 || rest > 0; rest /= 10)
        *--first = (char)('0' + rest % 10);
    at = append(at, end, "rank ");
    at = append(at, end, first);
    at = append(at, end, " aborted: ");
    append(at, end, reason != NULL ? reason : "no reason given");
    publish_cause(cause, rank, WEFT_ERR_ABORTED);
}

bool weft_invariant_broken(struct weft_world *world, const char *condition, const char *file, int line)
{
    const char *source = strstr(file, "src/");
    if (source == NULL)
        source = file;
#ifndef NDEBUG
    fprintf(stderr, "weft: broken invariant at %s:%d: %s\n", source, line, condition);
    abort();
#endif
    weft_world_fail(world, -1, WEFT_ERR_SYSTEM,
                    "an invariant of the library is broken, which is a bug in it: %s:%d: %s", source, line, condition);
    return false;
}

weft_status weft_world_inherit(struct weft_world *world)
{
    const struct weft_world *aborted = NULL; /* the outermost: those between may have inherited it themselves */
    weft_status status = weft_world_status(world);
    if (status != WEFT_OK)
        return status;
    for (const struct weft_world *each = world->parent; each != NULL; each = each->parent)
        if (weft_world_status(each) == WEFT_ERR_ABORTED)
            aborted = each;
    if (aborted == NULL)
        return WEFT_OK;
    weft_observe_acquire(&aborted->cause.status);
    weft_world_fail(world, aborted->cause.rank, WEFT_ERR_ABORTED,
                    "%s (in the communicator of %d ranks that this one was made from)", aborted->cause.text,
                    aborted->n_ranks);
    status = weft_world_status(world); /* another cause may have been first, or is being written down */
    return status != WEFT_OK ? status : WEFT_ERR_ABORTED;
}

weft_status weft_call_refused(const weft_comm *comm, const char *call)
{
    weft_wait_cause(comm->world);
    return weft_error(weft_world_status(comm->world), call, comm, "the communicator has failed: %s",
                      comm->world->cause.text);
}

weft_status weft_operation_failed(struct weft_operation *operation)
{
    const weft_comm *comm = operation->comm;
    const char *cause = comm->world->cause.text;
    char call[WEFT_CALL_TEXT], function[WEFT_CALL_TEXT];
    weft_wait_cause(comm->world);
    weft_wait_outside(comm);
    if (operation->number == comm->calls)
        weft_record_end(operation);
    weft_text_call(operation->call, call);
    weft_text_function(operation->call, strstr(cause, call) == NULL, function); /* nothing is said twice */
    return weft_error(weft_world_status(comm->world), function, comm, "%s", cause);
}

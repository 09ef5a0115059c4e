// SPDX-License-Identifier: MIT
/* failure.c - writes down why a communicator failed, wakes those who sleep, and holds a failing call until its buffers are its own. */
#include "core/failure.h"

#include "core/event.h"
#include "core/record.h"
#include "core/wait.h"

#include <stdarg.h>
#include <stdio.h>

static _Thread_local char last_error[1536];

static const struct {
    weft_status status;
    const char *name, *meaning;
} statuses[] = {
#define WEFT_STATUS(status, meaning) {status, #status, meaning},
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

const char *weft_text_status(weft_status status)
{
    for (size_t i = 0; i < sizeof statuses / sizeof statuses[0]; i++)
        if (statuses[i].status == status)
            return statuses[i].meaning;
    return "unknown status";
}

const char *weft_last_error(void)
{
    return last_error;
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
    return status;
}

void weft_world_fail(struct weft_world *world, int rank, weft_status status, const char *format, ...)
{
    struct weft_cause *cause = &world->cause;
    va_list arguments;
    /* F3, relaxed: decides who writes the cause; F2 publishes what is written. */
    if (atomic_exchange_explicit(&cause->taken, 1, memory_order_relaxed) != 0)
        return;
    cause->rank = rank;
    va_start(arguments, format);
    vsnprintf(cause->text, sizeof cause->text, format, arguments);
    va_end(arguments);
    /* F2, seq_cst: releases the text to F1; ordered before the rings below, so that a sleeper that was not rung sees it (F4),
     * and before the look at `inside` (I3), so that a rank that went inside later sees it (I2). */
    atomic_store_explicit(&cause->status, (int32_t)status, memory_order_seq_cst);
    weft_event_ring_all();
}

weft_status weft_world_inherit(struct weft_world *world)
{
    for (const struct weft_world *each = world; each != NULL; each = each->parent) {
        weft_status status = weft_world_status(each);
        if (status == WEFT_ERR_ABORTED && each != world)
            weft_world_fail(world, each->cause.rank, status, "%s", each->cause.text);
        if (status == WEFT_ERR_ABORTED || (status != WEFT_OK && each == world))
            return status;
    }
    return WEFT_OK;
}

weft_status weft_call_refused(const weft_comm *comm, const char *call)
{
    weft_status status = weft_world_status(comm->world);
    return weft_error(status, call, comm, "the communicator has failed (%s): %s", weft_text_status(status),
                      comm->world->cause.text);
}

weft_status weft_operation_failed(struct weft_operation *operation)
{
    const weft_comm *comm = operation->comm;
    char call[WEFT_CALL_TEXT];
    weft_text_call(operation->call, call);
    weft_wait_cause(comm->world);
    weft_wait_outside(comm);
    weft_record_end(operation);
    weft_status status = weft_world_status(comm->world);
    return weft_error(status, call, comm, "%s: %s", weft_text_status(status), comm->world->cause.text);
}

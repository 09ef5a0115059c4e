// SPDX-License-Identifier: MIT
/* trace.h - what each rank did when: the last operations of each, kept until they are written to a file.
 *
 * Where a trace is kept, weft_perform leaves its short path for weft_perform_traced, which drives the same algorithm with three looks at the
 * clock. The event of call n stands at n modulo the ring, on every rank, so those of one call are found together. */
#ifndef WEFT_CORE_TRACE_H
#define WEFT_CORE_TRACE_H

#include "core/operation.h"

#ifndef WEFT_TRACE_EVENTS       /* tests/model has fewer */
#define WEFT_TRACE_EVENTS 16384 /* a power of two */
#endif

/* What is kept of a call; times in weft_cycles. */
struct weft_trace_told {
    uint64_t arrival, departure, waited;
    uint64_t what, count; /* as in a record */
    uint64_t names[2];    /* of a user's type and op, cut to 7 characters */
};
#define WEFT_TRACE_WORDS (sizeof(struct weft_trace_told) / sizeof(uint64_t))

/* That, word by word. One writer, as a record: `number` is 0 while the words change. */
struct weft_trace_event {
    _Alignas(WEFT_CACHE_LINE) _Atomic uint64_t number; /* of the call */
    _Atomic uint64_t words[WEFT_TRACE_WORDS];
};
static_assert(sizeof(struct weft_trace_event) == WEFT_CACHE_LINE, "an event fills a cache line");

/* One rank's. */
struct weft_trace {
    struct weft_trace_event events[WEFT_TRACE_EVENTS];
};

/* A blocking call, from begin to end; as weft_perform. */
WEFT_COLD weft_status weft_perform_traced(weft_comm *comm, const struct weft_call *call, weft_algorithm_move *move,
                                          uint32_t lines, uint32_t gates, bool symmetric);
/* One that ends otherwise. */
WEFT_COLD void weft_trace_note(const struct weft_operation *operation, uint64_t arrival, uint64_t waited_since);

/* Where the environment asks for a trace: from now on. */
void weft_trace_setup(void);
/* Room for a new world's traces, NULL: none is kept, or no memory. */
struct weft_trace *weft_traces_make(int n_ranks);
/* The world goes: writes what it has kept, and frees the room. */
void weft_traces_end(struct weft_world *world);

void weft_traces_hold(bool hold); /* while the process forks */

#endif

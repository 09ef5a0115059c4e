// SPDX-License-Identifier: MIT
/* event.h - the word that a thread sleeps on when polling has stopped paying.
 *
 * It belongs to the thread, not to what the thread waits for, so one sleep can cover many things. Events stand in a
 * process-wide table that only grows: whoever rings one may be late, but never touches freed memory. */
#ifndef WEFT_CORE_EVENT_H
#define WEFT_CORE_EVENT_H

#include "platform/platform.h"

struct weft_event;

/* The calling thread's own; NULL when memory is short. */
struct weft_event *weft_event_mine(void);

/* What to hand to weft_event_sleep: taken before looking whether there is anything to wait for. */
uint32_t weft_event_look(struct weft_event *event);
/* Sleeps until the event has been rung after `seen` was taken, or until the deadline, or for no reason. */
void weft_event_sleep(struct weft_event *event, uint32_t seen, int64_t deadline_ns);
void weft_event_ring(struct weft_event *event);
void weft_event_ring_all(void);

/* While the process forks. */
void weft_events_hold(bool hold);

#endif

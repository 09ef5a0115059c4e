// SPDX-License-Identifier: MIT
/* event.h - the word that threads sleep on when polling has stopped paying.
 *
 * A communicator has one on which its ranks sleep, told apart by kinds, so that those who wait for the same are woken by one call of the
 * system. A thread has one for when it waits for many things at once. Events stand in a process-wide table that only grows:
 * whoever rings one may be late, but never touches freed memory. */
#ifndef WEFT_CORE_EVENT_H
#define WEFT_CORE_EVENT_H

#include "platform/platform.h"

struct weft_event;

#define WEFT_EVENT_ALL UINT32_MAX /* kinds */

/* The calling thread's own; NULL when memory is short. */
struct weft_event *weft_event_mine(void);
/* One for several threads, until it is given back; NULL when memory is short. */
struct weft_event *weft_event_take(void);
void weft_event_give(struct weft_event *event);

/* What to hand to weft_event_sleep: taken before looking whether there is anything to wait for. */
uint32_t weft_event_look(struct weft_event *event);
/* Sleeps until the event has been rung after `seen` was taken, for one of the kinds (a bit each), or until the deadline, or for no
 * reason. */
void weft_event_sleep(struct weft_event *event, uint32_t seen, uint32_t kinds, int64_t deadline_ns);
/* Wakes all who sleep for one of the kinds. */
void weft_event_ring(struct weft_event *event, uint32_t kinds);
void weft_event_ring_all(void);

/* While the process forks. */
void weft_events_hold(bool hold);

#endif

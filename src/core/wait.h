// SPDX-License-Identifier: MIT
/* wait.h - the one ladder of waiting: a short poll that is inlined, and behind it, out of line, everything else.
 *
 * weft_poll looks a few hundred times; then weft_await climbs: pauses for as long as recent waits make that worth while, yields where
 * another thread may need this processor, and sleeps on an event. Timeouts, failures and lost ranks are looked at there,
 * so they cost nothing while things go well, and no collective can forget them. */
#ifndef WEFT_CORE_WAIT_H
#define WEFT_CORE_WAIT_H

#include "core/operation.h"

#define WEFT_LOOK_NS 1000000 /* a wait this long is worth looking round */
/* So is a sleep this long. Not one of WEFT_LOOK_NS: an alarm nearer than the scheduler's tick is set in the machine each time, which made a
 * barrier of four sleeping ranks a quarter longer. */
#define WEFT_LOOK_ASLEEP_NS 10000000
#define WEFT_TARGET_ANY (-1) /* of a slot: this rank sleeps for several words */

struct weft_request;

/* True: what the operation waits for has come. It pauses between looks: a line that is asked for again and again while its owner is about to
 * write it takes longer to write. */
WEFT_INLINE bool weft_poll(const struct weft_operation *operation)
{
    const struct weft_until *until = &operation->until;
    for (int i = operation->comm->polls; i > 0; i--) {
        /* S3, relaxed: who waits here looks once more, with acquire, before it reads what stands behind the word. */
        if (weft_until_met(until, atomic_load_explicit(until->word, memory_order_relaxed)))
            return true;
        weft_pause();
    }
    return false;
}

/* The same for one word. */
WEFT_INLINE bool weft_poll_word(const weft_comm *comm, const _Atomic uint64_t *word, uint64_t value)
{
    for (int i = comm->polls; i >= 0; i--) {
        /* S3, relaxed: as above. */
        if (atomic_load_explicit(word, memory_order_relaxed) == value)
            return true;
        weft_pause();
    }
    return false;
}

/* Waits until the condition holds (WEFT_OK), or fails the communicator or finds it failed. */
WEFT_COLD weft_status weft_await(struct weft_operation *operation);

/* Wakes the ranks that sleep for `target`. */
WEFT_COLD void weft_wake(struct weft_world *world, int target);

/* A rank has left: wakes those who sleep for it, at a gate, or for a count of their own, which it may have had to raise. */
WEFT_COLD void weft_wake_for_departure(struct weft_world *world, int rank);

/* Waits until all of them have finished, or any; NULL ones have. At least one is there. */
WEFT_COLD void weft_wait_requests(struct weft_request *const *requests, size_t count, bool all);
/* Looks once. */
WEFT_COLD void weft_test_requests(struct weft_request *const *requests, size_t count);

/* ---- For those who move requests */

/* Nothing more to wait for: the word is there, or the communicator has failed, or one that it was made from was aborted. */
bool weft_over(const struct weft_operation *operation);
/* The latter two. */
bool weft_failed(const struct weft_world *world);
uint32_t weft_departures(const struct weft_world *world);
/* Fails the communicator if ranks disagree, or one is gone that the operation needs. */
weft_status weft_look_round(struct weft_operation *operation);
/* Fails the communicator if ranks disagree: for a call that waits for no word. */
void weft_look_for_others(const struct weft_operation *operation);
/* One more or less asleep for the target: a rank, n_ranks for the gates, n_ranks + 1 for all ranks. */
void weft_sleepers_add(struct weft_world *world, int target, int change);
/* From now on this rank's slot names the event for whoever wakes any of its targets; and no longer. */
void weft_sleep_for_any(weft_comm *comm, struct weft_event *event);
void weft_sleep_for_none(weft_comm *comm);
/* Until the word is that large, or the communicator has failed and nobody is inside buffers. */
void weft_wait_delivered(const weft_comm *comm, const _Atomic uint64_t *word, uint64_t value);
/* What ends or changes an agreement between ranks that does not go through lines (group/shrink.c). */
struct weft_news {
    uint32_t agreements, departures;
    uint32_t aborts; /* of those that the world was made from */
};
struct weft_news weft_news_of(const struct weft_world *world);
/* Until there is something new, or the deadline; moves this rank's and this thread's requests meanwhile. */
void weft_wait_news(weft_comm *comm, const struct weft_news *seen, int64_t deadline_ns);
/* An agreement was reached: wakes who waits for it. */
void weft_tell_agreed(struct weft_world *world);

/* Until no other thread is about to take the handle's lock. */
void weft_wait_unpinned(const weft_comm *comm);

/* Until the cause of a failure is written down: the time that takes another thread. */
void weft_wait_cause(const struct weft_world *world);
/* Until nobody looks at what is about to be freed: the count of those who do. */
void weft_wait_unread(const _Atomic uint32_t *readers);
/* Until no other rank is inside buffers; only after a failure, when none can go in any more. */
void weft_wait_outside(const weft_comm *comm);

/* What the ladder starts with, by policy and by ranks against processors. */
void weft_wait_setup(weft_comm *comm, weft_wait wait);

#endif

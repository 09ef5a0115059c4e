// SPDX-License-Identifier: MIT
/* wait.h - the one ladder of waiting: a short poll that is inlined, and behind it, out of line, everything else.
 *
 * weft_poll looks a few hundred times; then weft_await climbs: pauses for as long as recent waits make that worth while, yields where
 * another thread may need this processor, and sleeps on the thread's event. Timeouts, failures and lost ranks are looked at there,
 * so they cost nothing while things go well, and no collective can forget them. */
#ifndef WEFT_CORE_WAIT_H
#define WEFT_CORE_WAIT_H

#include "core/operation.h"

/* True: what the operation waits for has come. It pauses between looks: a line that is asked for again and again while its owner is about to
 * write it takes longer to write. */
WEFT_INLINE bool weft_poll(const struct weft_operation *operation)
{
    const struct weft_until *until = &operation->until;
    for (int i = operation->comm->polls; i > 0; i--) {
        /* S3, acquire: pairs with S1 and whatever else publishes a word; the payload behind it may be read. */
        if (weft_until_met(until, atomic_load_explicit(until->word, memory_order_acquire)))
            return true;
        weft_pause();
    }
    return false;
}

/* Waits until the condition holds (WEFT_OK), or fails the communicator or finds it failed. */
WEFT_COLD weft_status weft_await(struct weft_operation *operation);

/* Wakes the ranks that sleep for `target`. */
WEFT_COLD void weft_wake(struct weft_world *world, int target);

/* Until the cause of a failure is written down: the time that takes another thread. */
void weft_wait_cause(const struct weft_world *world);
/* Until no other rank is inside buffers; only after a failure, when none can go in any more. */
void weft_wait_outside(const weft_comm *comm);

/* What the ladder starts with, by policy and by ranks against processors. */
void weft_wait_setup(weft_comm *comm, weft_wait wait);

#endif

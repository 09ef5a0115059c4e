// SPDX-License-Identifier: MIT
/* guard.h - mistakes in the use of a handle that can be told apart: calls of two threads at once, calls after destroy, calls from inside
 * a callback.
 *
 * Every call looks at one word of the handle, beside the status of its communicator. It is 0 but while a callback runs on behalf of the
 * handle, and where checking is on: with WEFT_CHECK=1, and always in builds with weft_assert. Then each call takes the handle for its
 * thread and gives it back, and handles that were destroyed are kept for a while, so that their use is an error and no crash. */
#ifndef WEFT_CORE_GUARD_H
#define WEFT_CORE_GUARD_H

#include "core/failure.h"

enum { WEFT_CHECKING = 1, WEFT_CALLING = 2 };

enum weft_entry {
    WEFT_REFUSED, /* the last error says why */
    WEFT_ENTERED, /* to be given back */
    WEFT_WITHIN   /* a call of this thread's that has entered, or nothing is checked */
};

WEFT_INLINE uint32_t weft_guarded(const weft_comm *comm)
{
    /* H1, relaxed: what is found is a mistake of the program's; nothing is ordered by it. */
    return atomic_load_explicit(&comm->guarded, memory_order_relaxed);
}

/* The calling thread's name, which no other living thread has; not 0. */
uintptr_t weft_thread(void);

/* What a new handle's word is. */
uint32_t weft_guard_of_new(void);
WEFT_COLD enum weft_entry weft_guard_take(weft_comm *comm, const char *call);
WEFT_COLD void weft_guard_give(weft_comm *comm);

/* Around a callback that this thread makes for the handle. False: the callback has called back, and was refused. */
void weft_callback_begin(weft_comm *comm);
bool weft_callback_end(weft_comm *comm);

/* Frees the handle, or keeps it for a while. */
void weft_handle_retire(weft_comm *comm);
bool weft_handle_retired(const weft_comm *comm);

void weft_guard_hold(bool hold); /* while the process forks */

#endif

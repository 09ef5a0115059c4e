// SPDX-License-Identifier: MIT
/* failure.h - how a communicator fails, and how a call says why.
 *
 * The first cause wins: it is written down once in the world, every rank finds it there, and it stays. A thread's last error is a
 * sentence of its own: which call, on which communicator, by which rank, and the cause. A cause is a clause that stands for itself, says which
 * rank did what, and is the same for all ranks. */
#ifndef WEFT_CORE_FAILURE_H
#define WEFT_CORE_FAILURE_H

#include "core/operation.h"

/* Sets the calling thread's last error and returns the status. `call` names the function: "weft_allreduce". comm may be NULL. */
__attribute__((format(printf, 4, 5))) WEFT_COLD weft_status weft_error(weft_status status, const char *call,
                                                                       const weft_comm *comm, const char *format, ...);

/* Sets it to a sentence that was made before, by whichever thread. */
WEFT_COLD void weft_error_again(weft_status status, const char *sentence);

/* What the calling thread's last error was about; WEFT_OK: there was none. */
weft_status weft_last_status(void);

/* Fails the communicator unless it has failed before, and wakes all who sleep. */
__attribute__((format(printf, 4, 5))) WEFT_COLD void weft_world_fail(struct weft_world *world, int rank,
                                                                     weft_status status, const char *format, ...);

/* Fails it with ABORTED. In a signal handler, too: takes no lock, allocates nothing, formats by hand. reason may be NULL. */
WEFT_COLD void weft_world_abort(struct weft_world *world, int rank, const char *reason);

/* An invariant of the library itself. Where it is broken, a debug build stops at the place; a release build fails the communicator with
 * SYSTEM, and the expression is false. */
#define weft_assert(world, condition)                                                                                  \
    (weft_likely(condition) || weft_invariant_broken(world, #condition, __FILE__, __LINE__))
WEFT_COLD bool weft_invariant_broken(struct weft_world *world, const char *condition, const char *file, int line);

/* WEFT_OK, or why the communicator has failed. */
WEFT_INLINE weft_status weft_world_status(const struct weft_world *world)
{
    /* F1, acquire: pairs with F2, so the text is complete. */
    return (weft_status)atomic_load_explicit(&world->cause.status, memory_order_acquire);
}

/* The same, looking also whether a communicator that this one was made from was aborted: then this one is, too. */
WEFT_COLD weft_status weft_world_inherit(struct weft_world *world);

/* The end of a call that failed: waits until no peer is inside this rank's buffers, and sets the last error. */
WEFT_COLD weft_status weft_operation_failed(struct weft_operation *operation);
/* The same for a call on a communicator that had failed before. */
WEFT_COLD weft_status weft_call_refused(const weft_comm *comm, const char *call);

#endif

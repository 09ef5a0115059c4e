// SPDX-License-Identifier: MIT
/* departure.h - how a rank leaves: its handle is destroyed, or the thread ends that it is bound to, or that was inside its call. */
#ifndef WEFT_CORE_DEPARTURE_H
#define WEFT_CORE_DEPARTURE_H

#include "core/world.h"

/* What a slot says of its rank. */
enum weft_departure {
    WEFT_STAYED,
    WEFT_DESTROYED,    /* its handle */
    WEFT_RETURNED,     /* from the body of weft_run */
    WEFT_THREAD_ENDED, /* that it was bound to; the handle is still there */
    WEFT_NEVER_JOINED  /* and never will: the group is no more */
};

/* For a place in a communicator that has failed, and that nobody has taken. */
void weft_place_vacant(struct weft_world *world, int rank);

/* Tells the peers that this rank has left, gives back its place, and frees the handle. */
void weft_handle_detach(struct weft_comm *comm, enum weft_departure how);

/* From now on the rank is gone when the calling thread ends, unless the handle is bound to another before, or destroyed. Sets the error. */
weft_status weft_handle_bind(struct weft_comm *comm, const char *call);

/* While the process forks; in the child then, where this thread is alone, no handle is bound. */
void weft_departures_hold(bool hold);
void weft_bound_forget(void);

/* For the cleanup of a user's callback that does not return, because its thread ends in it: fails the communicator, and holds what is left
 * of the thread until no peer is inside its buffers, which may lie on its stack. `comm` is a struct weft_comm. */
void weft_handle_abandon(void *comm);

#endif

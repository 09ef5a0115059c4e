// SPDX-License-Identifier: MIT
/* patience.c - learns from how long yields take. */
#include "core/patience.h"

#include "platform/platform.h"

enum {
    SLICE_NS = 300000,   /* less than a time slice, */
    TURN_NS = 1000,      /* and more than a rank runs between two yields */
    FORGOTTEN = 256,     /* fast ones in a row after which the past does not count */
    PATIENCE_LEAST = 64, /* sleeps */
    PATIENCE_MOST = 4096
};

void weft_patience_setup(weft_comm *comm)
{
    comm->patience_next = PATIENCE_LEAST;
}

/* Have `yields` yields since then taken longer than the other ranks of the communicator need for their turns? Then somebody who computes
 * had a time slice. (Which ends with a tick: without one there is no need for the dearer clock.) */
static bool took_a_slice(const weft_comm *comm, int64_t begin_ns, int yields)
{
    if (weft_likely(weft_tick() <= begin_ns))
        return false;
    return weft_now_ns() - begin_ns > SLICE_NS + (int64_t)yields * comm->n_ranks * TURN_NS;
}

/* A yield that gives a time slice away costs milliseconds. Who sleeps instead is put before those who compute when it
 * wakes. So for some waits to come there are no yields; for twice as many if it is the same after that. */
void weft_patience_note(weft_comm *comm, int64_t begin_ns, int yields)
{
    if (weft_likely(!took_a_slice(comm, begin_ns, yields))) {
        if (comm->fast_yields < FORGOTTEN && ++comm->fast_yields == FORGOTTEN)
            comm->patience_next = PATIENCE_LEAST;
        return;
    }
    comm->fast_yields = 0;
    comm->patience = comm->patience_next;
    if (comm->patience_next < PATIENCE_MOST)
        comm->patience_next *= 2;
}

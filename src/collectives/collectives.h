// SPDX-License-Identifier: MIT
/* collectives.h - the collectives, each with its algorithms in a file of its own.
 *
 * A collective offers one function that performs a described call, and a list of its algorithms. Which algorithm serves a call follows
 * from the world and from what the ranks agree on, never from what one rank alone knows: all must follow one protocol. */
#ifndef WEFT_COLLECTIVES_COLLECTIVES_H
#define WEFT_COLLECTIVES_COLLECTIVES_H

#include "core/world.h"

struct weft_algorithm {
    const char *name; /* NULL ends a list */
    const char *help;
};

struct weft_choice {
    int algorithm;      /* index in the collective's list */
    const char *reason; /* a clause: "the message fits the slots" */
};

struct weft_collective_algorithms {
    const struct weft_algorithm *list;
    struct weft_choice (*choose)(const weft_comm *comm, const struct weft_call *call);
};

/* The algorithm that is asked for by name; -1: none. The grid has one channel from rank to rank and does not serve operations in flight. */
WEFT_INLINE int weft_forced(const weft_comm *comm, enum weft_collective collective, int grid)
{
    int forced = comm->world->forced[collective] - 1;
    return weft_unlikely(comm->starting != NULL) && forced == grid ? -1 : forced;
}

/* {NULL} for what has no algorithms of its own. */
const struct weft_collective_algorithms *weft_algorithms_of(enum weft_collective collective);

/* Reads "allreduce:grid,broadcast:pull" into 1 + index for each collective; NULL or "" forces nothing. False: `error` says what is
 * wrong, listing what there is. */
bool weft_algorithms_parse(const char *text, uint8_t forced[WEFT_COLLECTIVES], char *error, size_t error_size);
/* Is any of them of this name? */
bool weft_algorithms_use(const uint8_t forced[WEFT_COLLECTIVES], const char *name);

weft_status weft_barrier_perform(weft_comm *comm, const struct weft_call *call);
weft_status weft_broadcast_perform(weft_comm *comm, const struct weft_call *call);
weft_status weft_allgather_perform(weft_comm *comm, const struct weft_call *call);
weft_status weft_allreduce_perform(weft_comm *comm, const struct weft_call *call);
weft_status weft_reduce_perform(weft_comm *comm, const struct weft_call *call);
/* The next four serve also their forms with blocks that differ. */
weft_status weft_gather_perform(weft_comm *comm, const struct weft_call *call);
weft_status weft_scatter_perform(weft_comm *comm, const struct weft_call *call);
weft_status weft_alltoall_perform(weft_comm *comm, const struct weft_call *call);
weft_status weft_reduce_scatter_perform(weft_comm *comm, const struct weft_call *call);
weft_status weft_scan_perform(weft_comm *comm, const struct weft_call *call); /* and exscan */
weft_status weft_allgatherv_perform(weft_comm *comm, const struct weft_call *call);

extern const struct weft_collective_algorithms weft_barrier_algorithms, weft_broadcast_algorithms,
    weft_allgather_algorithms, weft_allreduce_algorithms, weft_reduce_algorithms, weft_gather_algorithms,
    weft_gatherv_algorithms, weft_scatter_algorithms, weft_scatterv_algorithms, weft_allgatherv_algorithms,
    weft_alltoall_algorithms, weft_alltoallv_algorithms, weft_reduce_scatter_algorithms, weft_scan_algorithms;

#endif

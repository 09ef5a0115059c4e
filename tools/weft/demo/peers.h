// SPDX-License-Identifier: MIT
/* peers.h - the other ranks, as the model sees them: a communicator, the first failure, and the time spent in its calls.
 *
 * The first failure stays, and later calls do nothing: the arithmetic need not look at every return value, only whoever
 * drives it, once a step. Without a communicator a rank is alone, and every call leaves the data as it is. */
#ifndef WEFT_DEMO_PEERS_H
#define WEFT_DEMO_PEERS_H

#include <weft/weft.h>

struct peers {
    weft_comm *comm; /* NULL: alone. Owned by whoever opened it. */
    int rank;
    int count;
    weft_status status;
    double seconds; /* in calls so far, waiting for slower ranks included */
};

struct peers peers_open(weft_comm *comm);
void peers_sum(struct peers *peers, float *data, size_t count);
void peers_add_up_at_root(struct peers *peers, double *data, size_t count);
void peers_broadcast(struct peers *peers, void *data, size_t count, const weft_type *type);
/* Each rank has filled in block `rank` of `all`, which holds `count` elements; afterwards all blocks are there. */
void peers_gather(struct peers *peers, void *all, size_t count, const weft_type *type);
void peers_idle(struct peers *peers); /* sleeps until all have come; not counted as time spent communicating */

#endif

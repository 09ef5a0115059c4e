// SPDX-License-Identifier: MIT
/* harness_subject.h - what can be measured: the library, a limit of the machine, or a peer.
 *
 * A subject prepares each point on each rank's own thread and hands back a function that does one operation. The harness
 * calls that function in its timed loop; so all subjects have the same loop, buffers, cadence and checks. */
#ifndef WEFT_HARNESS_SUBJECT_H
#define WEFT_HARNESS_SUBJECT_H

#include "harness_buffers.h"
#include "harness_point.h"
#include "harness_team.h"

struct bench_arguments {
    const char *send;
    char *recv;
    size_t slot; /* which of the rotating buffers these are; the same on every rank */
};
/* One operation of one rank. 0, or not 0 when it failed. */
typedef int (*bench_operation)(void *self, const struct bench_arguments *arguments);

/* One rank at one point. */
struct bench_rank {
    int rank;
    struct bench_team *team;
    const struct bench_point *point;
    struct bench_buffers buffers;
};

struct bench_subject {
    const char *name;
    /* Sets *self, or leaves it, and returns the operation; NULL if the subject does not do this point, which all ranks
     * must agree on. Called by every rank before each point. */
    bench_operation (*prepare)(void *state, const struct bench_rank *rank, void **self);
    /* After the point. NULL if there is nothing to undo. */
    void (*finish)(void *state, const struct bench_rank *rank, void *self);
    /* A word or two on how the point was served, such as the algorithm. May be NULL. */
    void (*describe)(void *state, const struct bench_rank *rank, char *note, size_t size);
    /* Where the result of an operation stands, if not in arguments->recv. May be NULL. */
    const char *(*result)(void *self, const struct bench_arguments *arguments);
    void *state;
    bool unchecked; /* its results are not the collective's */
};

#endif

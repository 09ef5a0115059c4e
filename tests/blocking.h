// SPDX-License-Identifier: MIT
/* blocking.h - the calls that wait for another rank, so that a test may disturb each while it sleeps.
 *
 * Every rank makes the same call; in all of them the ranks below the last need what the last one does. */
#ifndef WEFT_TESTS_BLOCKING_H
#define WEFT_TESTS_BLOCKING_H

#include "support.h"

struct blocking_call {
    const char *name;
    weft_status (*perform)(weft_comm *comm); /* one rank's part; checks what it received */
    bool expires;                            /* with the timeout, if the last rank does not come */
};

/* NULL past the last. */
const struct blocking_call *blocking_call(size_t index);

/* n ranks make the call with the last one late. */
void run_blocking(const struct blocking_call *call, int n_ranks, weft_wait wait);
/* The last one does not come, and the others are told when the time is over, not before. */
void run_expiring(const struct blocking_call *call, int n_ranks, weft_wait wait);

/* What a rank's thread runs before and after its part. Set by a test that wants to know the threads. */
extern void (*blocking_begins)(int rank), (*blocking_ends)(int rank);

#endif

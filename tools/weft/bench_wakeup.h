// SPDX-License-Identifier: MIT
/* bench_wakeup.h - how fast ranks are there again after a long idle. */
#ifndef WEFT_BENCH_WAKEUP_H
#define WEFT_BENCH_WAKEUP_H

#include "harness_options.h"

#include <weft/weft.h>

/* Ranks 1 and on idle 100 ms in weft_sync(comm, true); then rank 0 calls weft_sync, and all do an allreduce of 8 bytes.
 * Times are from rank 0's call to the return of the last of the others; medians over rounds. */
struct wakeup_figures {
    double sync_ns;  /* until they have returned from weft_sync */
    double first_ns; /* until they have returned from the operation after it */
    double futex_ns; /* the same threads woken by bare futexes, in turn with the above */
    int rounds;
};
/* False, with a sentence on standard error, when the library refuses. */
bool bench_wakeup(const struct bench_options *options, int n_ranks, weft_wait wait, int rounds,
                  struct wakeup_figures *out);

#endif

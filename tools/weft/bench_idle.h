// SPDX-License-Identifier: MIT
/* bench_idle.h - what ranks that idle cost, and what communicators cost that are made and not used. */
#ifndef WEFT_BENCH_IDLE_H
#define WEFT_BENCH_IDLE_H

#include <weft/weft.h>

#include <stdbool.h>

/* n_ranks ranks idle in weft_sync(comm, true) for `seconds`, until one more, which sleeps meanwhile, calls it, too. */
struct idle_figures {
    double cpu_ns; /* processor time of all n_ranks, going to sleep and waking up included */
    double elapsed_ns;
};
/* False, with a sentence on standard error, when the library refuses. */
bool bench_idle(int n_ranks, double seconds, struct idle_figures *out);

/* `count` communicators of n_ranks that exist at once. */
struct create_figures {
    double create_ns; /* all of them */
    double destroy_ns;
    double mapped_bytes;   /* address space, a rank and communicator */
    double resident_bytes; /* memory, after a barrier and an allreduce of 8 bytes on each */
};
bool bench_create(int count, int n_ranks, struct create_figures *out);

#endif

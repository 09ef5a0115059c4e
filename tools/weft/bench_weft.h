// SPDX-License-Identifier: MIT
/* bench_weft.h - the library itself as a subject of the benchmark. */
#ifndef WEFT_BENCH_WEFT_H
#define WEFT_BENCH_WEFT_H

#include "harness_subject.h"

#include <weft/weft.h>

struct weft_subject;

/* Makes a communicator of n_ranks, with `algorithms` as in weft_config (NULL: the library chooses), and fills *subject.
 * NULL, with a sentence on stderr, when the library refuses. */
struct weft_subject *weft_subject_create(const char *name, int n_ranks, weft_wait wait, const char *algorithms,
                                         struct bench_subject *subject);
void weft_subject_destroy(struct weft_subject *subject);

/* Whether it can measure this collective. */
bool weft_subject_knows(int collective);
/* The library's name of it, which its algorithms go by. */
const char *weft_subject_collective(int collective);

/* A communicator of n_ranks named "bench". False, with a sentence on stderr, when the library refuses. */
bool weft_ranks_create(int n_ranks, weft_wait wait, const char *algorithms, weft_comm **comms);
void weft_ranks_destroy(int n_ranks, weft_comm **comms);
/* Ends the process, with a sentence on stderr, unless it is WEFT_OK: for a rank that others wait for. */
void weft_require(weft_status status);

/* "spin" and so on; false if there is none of that name. */
bool weft_wait_by_name(const char *name, weft_wait *out);
const char *weft_wait_name(weft_wait wait);

#endif

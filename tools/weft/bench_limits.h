// SPDX-License-Identifier: MIT
/* bench_limits.h - what the machine allows: bare exchanges between the ranks' threads, and a bare loop over the ranks'
 * buffers, as subjects that take turns with the library. */
#ifndef WEFT_BENCH_LIMITS_H
#define WEFT_BENCH_LIMITS_H

#include "harness_subject.h"

struct limits;
enum { LIMIT_FLAGS, LIMIT_COUNTER, LIMIT_PINGPONG, LIMIT_LOOP, LIMIT_STREAM, LIMITS };
/* "flags": each rank writes a word of its own and polls those of all others. "counter": a shared counter, and one word
 * that the last to arrive writes and all others poll. "pingpong": one word's way between ranks 0 and 1, half a round trip.
 * "loop": the least of bytes moved in one pass, by all ranks in equal slices, between two exchanges of flags.
 * "stream": the same with non-temporal stores. */
extern const char *const limit_names[LIMITS];

/* NULL when memory is short. Fills subjects[LIMITS]. */
struct limits *limits_create(int n_ranks, struct bench_subject *subjects);
void limits_destroy(struct limits *limits);

#endif

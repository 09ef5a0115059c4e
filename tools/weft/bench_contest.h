// SPDX-License-Identifier: MIT
/* bench_contest.h - the same points through several programs, over several launches.
 *
 * A launch starts each program anew. Programs are then asked point by point, one after the other, in an order drawn anew
 * for each point, while those that are not asked sleep. So the library and its peers alternate, close enough in time to
 * find the machine in the same state, and what one start happened to get (addresses, processors) is not taken for the
 * program's own. */
#ifndef WEFT_BENCH_CONTEST_H
#define WEFT_BENCH_CONTEST_H

#include "bench_programs.h"
#include "harness_result.h"

enum { CONTEST_MOST_LAUNCHES = 64 };

struct bench_contest {
    /* What is wanted. */
    const struct bench_options *options; /* the method */
    const struct bench_point *points;    /* those of one number of ranks follow one another */
    size_t n_points;
    weft_wait wait;
    const char *algorithm;
    bool limits;
    bool peers; /* all programs, not the library alone */
    int launches;
    /* What came of it: called for each result, with the index of its point and of its launch. */
    void (*take)(void *sink, size_t point, int launch, const struct bench_result *result);
    void *sink;
    bool quiet; /* no sentence on standard error where a program is missing or fails */
};

/* False when the library itself could not be measured. */
bool bench_contest_run(const struct bench_contest *contest);

/* Says on `out`, one line each, which peers are not installed and what installs them. */
void bench_contest_missing(const struct bench_contest *contest, FILE *out);

#endif

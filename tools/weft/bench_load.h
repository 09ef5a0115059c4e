// SPDX-License-Identifier: MIT
/* bench_load.h - throughput of the library on a busy machine: beside one foreign thread on each processor that computes
 * without end, at the same priority. */
#ifndef WEFT_BENCH_LOAD_H
#define WEFT_BENCH_LOAD_H

#include "harness_options.h"

#include <weft/weft.h>

enum { LOAD_MOST_REPEATS = 16 };
#define LOAD_QUIET_SHARE 0.3

struct load_figures {
    struct bench_point point;
    double quiet_rate; /* operations a second; medians of the repeats */
    double loaded_rate;
};
/* Points of one number of ranks. Each repeat is a window of window_s seconds beside the foreign threads, and LOAD_QUIET_SHARE of
 * that without them; in either the points take turns, each for its share. False when the library refuses. */
bool bench_load(const struct bench_options *options, const struct bench_point *points, size_t n_points, weft_wait wait,
                double window_s, int repeats, struct load_figures *out);

#endif

// SPDX-License-Identifier: MIT
/* harness_timing.h - measures one point: calibrates windows, times them in turn for every subject, checks results.
 *
 * docs/benchmarking.md states the method. */
#ifndef WEFT_HARNESS_TIMING_H
#define WEFT_HARNESS_TIMING_H

#include "harness_result.h"
#include "harness_subject.h"

struct bench_settings {
    bool deadline;  /* each operation starts from a common deadline; otherwise windows back to back. So do operations
                          * whose sources are rewritten in between. */
    bool processes; /* ranks are processes: their whole processor time counts */
    size_t rotate_bytes; /* 0: cached buffers */
    int64_t window_ns;   /* the least that a window lasts; 0: 200 us, 10 ms for more ranks than processors */
    int windows;         /* how many are recorded at most, for each subject */
    double seconds;      /* no more windows after this long for each subject, once there are five */
};

/* Called for each subject's result, and with NULL when the point is complete. */
typedef void (*bench_emit)(void *sink, const struct bench_result *result);

/* Every rank of the team calls this with the same point, subjects and settings; rank 0 emits a result for each subject
 * that does the point, in order. False, on every rank, when a subject failed or memory is short. */
bool bench_measure(struct bench_team *team, int rank, const struct bench_point *point,
                   const struct bench_subject *subjects, size_t n_subjects, const struct bench_settings *settings,
                   bench_emit emit, void *sink);

#endif

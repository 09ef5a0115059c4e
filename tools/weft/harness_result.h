// SPDX-License-Identifier: MIT
/* harness_result.h - what one subject measured at one point, as a struct and as a line of text that another process
 * reads back. */
#ifndef WEFT_HARNESS_RESULT_H
#define WEFT_HARNESS_RESULT_H

#include "harness_point.h"

#include <stdint.h>
#include <stdio.h>

enum bench_verdict { BENCH_UNCHECKED, BENCH_RIGHT, BENCH_WRONG, BENCH_FAILED };
extern const char *const bench_verdict_names[];

struct bench_result {
    char subject[32];
    char note[48]; /* how it was served, such as the algorithm; no spaces */
    struct bench_point point;
    uint64_t windows;
    uint64_t operations; /* in each window */
    double min_ns;       /* over windows, an operation */
    double median_ns;
    double p99_ns;
    double max_ns;
    double cpu_ns; /* processor time of all ranks together, an operation */
    enum bench_verdict verdict;
};

/* Sorts the samples and sets the four statistics. count is at least 1. */
void bench_summarise(struct bench_result *result, double *samples, size_t count);
double bench_median(double *values, size_t count);

void bench_result_write(const struct bench_result *result, FILE *out);
/* False if the line is not a result. */
bool bench_result_read(struct bench_result *result, const char *line);

#endif

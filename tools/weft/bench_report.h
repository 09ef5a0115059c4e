// SPDX-License-Identifier: MIT
/* bench_report.h - collects what was measured and shows it: rows of a table as they come, a file of JSON at the end. */
#ifndef WEFT_BENCH_REPORT_H
#define WEFT_BENCH_REPORT_H

#include "harness_options.h"
#include "harness_result.h"

#include <weft/weft.h>

struct bench_report {
    const struct bench_options *options;
    weft_wait wait;
    const char *algorithms; /* forced ones, or NULL */
    bool limits;
    bool quiet; /* no table */
    struct bench_result *results;
    size_t n_results;
    size_t capacity;
    size_t shown; /* results whose row has been printed */
    size_t rows_done;
    size_t rows_planned;
    int64_t began_ns;
    char heading[256]; /* that stands above the rows now */
    bool wrong;        /* some result was wrong or failed */
    bool progress_shown;
};

/* A bench_emit whose sink is the report. */
void report_emit(void *report, const struct bench_result *result);
void report_release(struct bench_report *report);

/* table.c: prints the results from `shown` on, which are of one point, as a row. */
void report_show_row(struct bench_report *report);
void report_show_progress(struct bench_report *report);
void report_clear_progress(struct bench_report *report);

/* The result of a subject among the n that stand at `results`, or NULL. */
const struct bench_result *report_find(const struct bench_result *results, size_t n, const char *subject);
/* The limit of a point, from the results that stand beside it: see bench_limits.h. NULL if none was measured. */
const struct bench_result *report_limit(const struct bench_result *results, size_t n);

/* Writes all as JSON. False, with a sentence on stderr, when the file cannot be written. */
bool report_write_json(const struct bench_report *report, const char *path);

#endif

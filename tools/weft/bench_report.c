// SPDX-License-Identifier: MIT
/* bench_report.c - keeps results in the order in which they came; those of one point follow one another. */
#include "bench_report.h"
#include "bench_limits.h"

#include <stdlib.h>
#include <string.h>

static bool keep(struct bench_report *report, const struct bench_result *result)
{
    if (report->n_results == report->capacity) {
        const size_t capacity = report->capacity ? 2 * report->capacity : 64;
        struct bench_result *grown = realloc(report->results, capacity * sizeof *grown);
        if (grown == NULL)
            return false;
        report->results = grown;
        report->capacity = capacity;
    }
    report->results[report->n_results++] = *result;
    return true;
}

void report_emit(void *sink, const struct bench_result *result)
{
    struct bench_report *report = sink;
    if (result != NULL) {
        report->wrong |= result->verdict == BENCH_WRONG || result->verdict == BENCH_FAILED;
        keep(report, result);
        return;
    }
    report->rows_done++;
    if (report->quiet || report->shown == report->n_results)
        return;
    report_clear_progress(report);
    report_show_row(report);
    report->shown = report->n_results;
    report_show_progress(report);
}

void report_release(struct bench_report *report)
{
    free(report->results);
    report->results = NULL;
    report->n_results = report->capacity = report->shown = 0;
}

const struct bench_result *report_find(const struct bench_result *results, size_t n, const char *subject)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(results[i].subject, subject) == 0)
            return &results[i];
    return NULL;
}

const struct bench_result *report_limit(const struct bench_result *results, size_t n)
{
    const struct bench_result *least = NULL;
    for (int i = 0; i < LIMITS; i++) {
        const struct bench_result *limit = report_find(results, n, limit_names[i]);
        if (limit == NULL || (i >= LIMIT_LOOP) != (limit->point.bytes > LIMIT_EXCHANGE_BYTES))
            continue;
        if (least == NULL || limit->median_ns < least->median_ns)
            least = limit;
    }
    return least;
}

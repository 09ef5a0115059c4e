// SPDX-License-Identifier: MIT
/* bench_table_contest.c - several launches as a table: for each point a block, in it a line for each subject: the library,
 * what the machine allows, and each peer with its time against the library's and the launches in which it was behind. */
#include "bench_report.h"

#include <math.h>
#include <string.h>

static void show_heading(struct bench_report *report, const struct bench_row *row)
{
    const struct bench_point *point = &row->result.point;
    char heading[sizeof report->heading], size[32];
    report_describe(report, point, heading, sizeof heading);
    if (strcmp(heading, report->heading) != 0)
        printf("%s%s\n", report->heading[0] ? "\n" : "", heading);
    memcpy(report->heading, heading, sizeof heading);
    if (bench_base(point) == BENCH_BARRIER)
        snprintf(size, sizeof size, "barrier");
    else
        report_size(point->bytes, size);
    printf("\n  %-9s %-11s %8s %8s %8s %8s %8s  %-9s %8s  %s\n", size,
           bench_base(point) == BENCH_BARRIER ? ""
           : point->rewritten                 ? "rewritten"
                                              : "left alone",
           "median", "least", "most", "cpu", "GB/s", "result", "/ weft", "weft ahead");
}

static void show_row(const struct bench_row *row, const struct bench_row *weft)
{
    const struct bench_result *result = &row->result;
    double least, most;
    report_range(row, &least, &most);
    printf("  %-21s", result->subject);
    if (isnan(result->median_ns)) {
        printf(" %s\n", bench_verdict_names[result->verdict]);
        return;
    }
    report_put_us(result->median_ns);
    report_put_us(least);
    report_put_us(most);
    report_put_us(result->cpu_ns);
    if (result->point.bytes > BENCH_LATENCY_BYTES)
        printf(" %8.3f", (double)result->point.bytes / result->median_ns);
    else
        printf(" %8s", "");
    printf("  %-9s", report_is_limit(row) ? "limit" : bench_verdict_names[result->verdict]);
    if (row == weft) {
        printf(" %8s  %s\n", "", result->note);
        return;
    }
    int of;
    const int ahead = report_ahead(weft, row, 1, &of);
    printf(" %8.2f", report_ratio(row, weft));
    if (!report_is_limit(row))
        printf("  %d of %d", ahead, of);
    printf("\n");
}

static void show_summary(const struct bench_row *rows, size_t n)
{
    const struct bench_row *limit = report_limit(rows, n), *best = NULL;
    for (size_t i = 1; i < n; i++)
        if (!report_is_limit(&rows[i]) && (best == NULL || rows[i].result.median_ns < best->result.median_ns))
            best = &rows[i];
    if (limit != NULL)
        printf("  weft takes %.2f times the limit (%s)", report_ratio(&rows[0], limit), limit->result.subject);
    if (best != NULL) {
        int of;
        const int ahead = report_ahead(&rows[0], best, 1, &of);
        printf("%s the best peer, %s, takes %.2f times weft's time; weft was ahead in %d of %d launches",
               limit != NULL ? ";" : " ", best->result.subject, report_ratio(best, &rows[0]), ahead, of);
    }
    printf("%s", limit != NULL || best != NULL ? "\n" : "");
}

void report_show_contest(struct bench_report *report)
{
    for (size_t from = 0, n; from < report->n_rows; from += n) {
        const struct bench_row *rows = &report->rows[from];
        n = report_point_rows(report, from);
        if (strcmp(rows[0].result.subject, "weft") != 0)
            continue; /* the library does not do it */
        show_heading(report, rows);
        for (size_t i = 0; i < n; i++)
            show_row(&rows[i], &rows[0]);
        show_summary(rows, n);
    }
    printf(
        "\nTimes are medians of %d launches, each the median of its windows, and least and most are those of launches; "
        "us.\n",
        report->launches);
}

// SPDX-License-Identifier: MIT
/* bench_table.c - the table on standard output, and one line of progress on standard error: on a terminal it is kept up to
 * date below the table; otherwise it is printed once, and only if the run takes longer than two seconds. */
#include "bench_limits.h"
#include "bench_report.h"
#include "bench_weft.h"
#include "harness_clock.h"

#include <string.h>
#include <unistd.h>

void report_put_us(double ns)
{
    const double us = ns / 1000;
    printf(" %8.*f", us < 10 ? 3 : us < 1000 ? 2 : us < 100000 ? 1 : 0, us);
}

const char *report_size(size_t bytes, char text[32])
{
    if (bytes >= (1 << 20) && bytes % (1 << 20) == 0)
        snprintf(text, 32, "%zu MiB", bytes >> 20);
    else if (bytes >= (1 << 10) && bytes % (1 << 10) == 0)
        snprintf(text, 32, "%zu KiB", bytes >> 10);
    else
        snprintf(text, 32, "%zu", bytes);
    return text;
}

void report_describe(const struct bench_report *report, const struct bench_point *point, char *out, size_t size)
{
    const struct bench_options *options = report->options;
    const bool pinned = bench_pins(options, point->n_ranks);
    char what[96] = "";
    if (bench_shapes[point->collective].reduces)
        snprintf(what, sizeof what, " of %s, %s", point->type->name, bench_op_names[point->op]);
    else if (bench_base(point) != BENCH_BARRIER)
        snprintf(what, sizeof what, " of %s", point->type->name);
    snprintf(out, size, "%s%s; %d ranks on %d processors, %s; wait %s; %s; %s buffers; us",
             bench_shapes[point->collective].name, what, point->n_ranks, options->n_processors,
             pinned ? "pinned" : "not pinned", weft_wait_name(report->wait),
             options->settings.deadline ? "from a common deadline" : "back to back",
             options->rotating ? "rotating" : "cached");
}

static void show_heading(struct bench_report *report, const struct bench_point *point)
{
    char heading[sizeof report->heading];
    report_describe(report, point, heading, sizeof heading);
    if (strcmp(heading, report->heading) == 0)
        return;
    printf("%s%s\n", report->heading[0] ? "\n" : "", heading);
    memcpy(report->heading, heading, sizeof heading);
    printf("%9s %-9s %8s %8s %8s %8s %8s %8s  %-9s %-10s", "bytes", "sources", "min", "median", "p99", "max", "cpu",
           "GB/s", "result", "algorithm");
    if (report->limits) {
        printf(" |");
        for (int i = 0; i < LIMITS; i++)
            printf(" %8s", limit_names[i]);
        printf(" | %6s", "ratio");
    }
    printf("\n");
}

static void show_limits(const struct bench_row *row, size_t n)
{
    printf(" |");
    for (int i = 0; i < LIMITS; i++) {
        const struct bench_row *limit = report_find(row, n, limit_names[i]);
        if (limit == NULL)
            printf(" %8s", "-");
        else
            report_put_us(limit->result.median_ns);
    }
    const struct bench_row *limit = report_limit(row, n);
    if (limit == NULL)
        printf(" | %6s", "-");
    else
        printf(" | %6.2f", row->result.median_ns / limit->result.median_ns);
}

void report_show_row(struct bench_report *report)
{
    const struct bench_row *row = &report->rows[report->shown];
    const struct bench_result *result = &row->result;
    const size_t n = report->n_rows - report->shown;
    char size[32];
    show_heading(report, &result->point);
    printf("%9s %-9s", report_size(result->point.bytes, size),
           bench_base(&result->point) == BENCH_BARRIER ? "-"
           : result->point.rewritten                   ? "rewritten"
                                                       : "left");
    if (result->windows == 0) {
        printf(" %s\n", bench_verdict_names[result->verdict]);
        return;
    }
    report_put_us(result->min_ns);
    report_put_us(result->median_ns);
    report_put_us(result->p99_ns);
    report_put_us(result->max_ns);
    report_put_us(result->cpu_ns);
    printf(" %8.3f  %-9s %-10s", (double)result->point.bytes / result->median_ns, bench_verdict_names[result->verdict],
           result->note);
    if (report->limits)
        show_limits(row, n);
    printf("\n");
    fflush(stdout);
}

void report_show_progress(struct bench_report *report)
{
    const int64_t spent_ms = (bench_now_ns() - report->began_ns) / 1000000;
    const bool terminal = isatty(STDERR_FILENO);
    if (report->points_done >= report->points_planned || (!terminal && (report->progress_shown || spent_ms < 2000)))
        return;
    const int64_t left_s = spent_ms * (int64_t)(report->points_planned - report->points_done) /
                           (int64_t)(report->points_done ? report->points_done : 1) / 1000;
    fprintf(stderr, "weft bench: row %zu of %zu, about %ld s to go%s", report->points_done + 1, report->points_planned,
            (long)left_s, terminal ? "" : "\n");
    fflush(stderr);
    report->progress_shown = true;
}

void report_clear_progress(struct bench_report *report)
{
    if (report->progress_shown && isatty(STDERR_FILENO))
        fprintf(stderr, "\r\033[K");
}

// SPDX-License-Identifier: MIT
/* bench_table.c - the table on standard output, and one line of progress on standard error: on a terminal it is kept up to
 * date below the table; otherwise it is printed once, and only if the run takes longer than two seconds. */
#include "bench_limits.h"
#include "bench_report.h"
#include "bench_weft.h"
#include "harness_clock.h"

#include <string.h>
#include <unistd.h>

/* Nanoseconds as microseconds, with as many digits as say something. */
static void put_us(double ns)
{
    const double us = ns / 1000;
    printf(" %8.*f", us < 10 ? 3 : us < 1000 ? 2 : us < 100000 ? 1 : 0, us);
}

static void put_size(size_t bytes)
{
    char text[32];
    if (bytes >= (1 << 20) && bytes % (1 << 20) == 0)
        snprintf(text, sizeof text, "%zu MiB", bytes >> 20);
    else if (bytes >= (1 << 10) && bytes % (1 << 10) == 0)
        snprintf(text, sizeof text, "%zu KiB", bytes >> 10);
    else
        snprintf(text, sizeof text, "%zu", bytes);
    printf("%9s", text);
}

static void describe_run(const struct bench_report *report, const struct bench_point *point, char *out, size_t size)
{
    const struct bench_options *options = report->options;
    const struct bench_settings *settings = &options->settings;
    const bool pinned = bench_pins(options, point->n_ranks);
    char what[96] = "";
    if (bench_shapes[point->collective].reduces)
        snprintf(what, sizeof what, " of %s, %s", point->type->name, bench_op_names[point->op]);
    else if (point->collective != BENCH_BARRIER)
        snprintf(what, sizeof what, " of %s", point->type->name);
    snprintf(out, size, "%s%s; %d ranks on %d processors, %s; wait %s; %s; %s buffers%s; us",
             bench_shapes[point->collective].name, what, point->n_ranks, options->n_processors,
             pinned ? "pinned" : "not pinned", weft_wait_name(report->wait),
             settings->deadline || settings->rewrite ? "from a common deadline" : "back to back",
             options->rotating ? "rotating" : "cached", settings->rewrite ? ", rewritten by their owners" : "");
}

static void show_heading(struct bench_report *report, const struct bench_point *point)
{
    char heading[sizeof report->heading];
    describe_run(report, point, heading, sizeof heading);
    if (strcmp(heading, report->heading) == 0)
        return;
    printf("%s%s\n", report->heading[0] ? "\n" : "", heading);
    memcpy(report->heading, heading, sizeof heading);
    printf("%9s %8s %8s %8s %8s %8s %8s  %-9s %-10s", "bytes", "min", "median", "p99", "max", "cpu", "GB/s", "result",
           "algorithm");
    if (report->limits) {
        printf(" |");
        for (int i = 0; i < LIMITS; i++)
            printf(" %8s", limit_names[i]);
        printf(" | %6s", "ratio");
    }
    printf("\n");
}

static void show_limits(const struct bench_result *row, size_t n)
{
    printf(" |");
    for (int i = 0; i < LIMITS; i++) {
        const struct bench_result *limit = report_find(row, n, limit_names[i]);
        if (limit == NULL)
            printf(" %8s", "-");
        else
            put_us(limit->median_ns);
    }
    const struct bench_result *limit = report_limit(row, n);
    if (limit == NULL)
        printf(" | %6s", "-");
    else
        printf(" | %6.2f", row[0].median_ns / limit->median_ns);
}

void report_show_row(struct bench_report *report)
{
    const struct bench_result *row = &report->results[report->shown];
    const size_t n = report->n_results - report->shown;
    show_heading(report, &row->point);
    put_size(row->point.bytes);
    if (row->windows == 0) {
        printf(" %s\n", bench_verdict_names[row->verdict]);
        return;
    }
    put_us(row->min_ns);
    put_us(row->median_ns);
    put_us(row->p99_ns);
    put_us(row->max_ns);
    put_us(row->cpu_ns);
    printf(" %8.3f  %-9s %-10s", (double)row->point.bytes / row->median_ns, bench_verdict_names[row->verdict],
           row->note);
    if (report->limits)
        show_limits(row, n);
    printf("\n");
    fflush(stdout);
}

void report_show_progress(struct bench_report *report)
{
    const int64_t spent_ms = (bench_now_ns() - report->began_ns) / 1000000;
    const bool terminal = isatty(STDERR_FILENO);
    if (report->rows_done >= report->rows_planned || (!terminal && (report->progress_shown || spent_ms < 2000)))
        return;
    const int64_t left_s = spent_ms * (int64_t)(report->rows_planned - report->rows_done) /
                           (int64_t)(report->rows_done ? report->rows_done : 1) / 1000;
    fprintf(stderr, "weft bench: row %zu of %zu, about %ld s to go%s", report->rows_done + 1, report->rows_planned,
            (long)left_s, terminal ? "" : "\n");
    fflush(stderr);
    report->progress_shown = true;
}

void report_clear_progress(struct bench_report *report)
{
    if (report->progress_shown && isatty(STDERR_FILENO))
        fprintf(stderr, "\r\033[K");
}

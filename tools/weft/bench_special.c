// SPDX-License-Identifier: MIT
/* bench_special.c - runs the special rows with their usual sizes, and names their figures. */
#include "bench_special.h"
#include "bench_idle.h"
#include "bench_load.h"
#include "bench_wakeup.h"

#include <stdlib.h>

enum { WAKEUP_ROUNDS = 20, IDLE_RANKS = 64, CREATE_COUNT = 1000, CREATE_RANKS = 8, LOAD_REPEATS = 5, MOST_POINTS = 64 };
#define IDLE_SECONDS 5
#define LOAD_SECONDS 10

const char *const special_names[SPECIALS] = {"wakeup", "idle", "load", "create"};
const char *const special_help[SPECIALS] = {
    "ranks idle 100 ms in a blocking sync, then are called; beside a bare futex",
    "processor time of 64 ranks that idle 5 s in a blocking sync",
    "throughput over 10 s beside a busy foreign thread on each processor, and without",
    "time and memory of 1,000 communicators of 8 ranks",
};

void special_name_point(const struct bench_point *point, char *text, size_t size)
{
    char bytes[32];
    if (bench_base(point) == BENCH_BARRIER)
        snprintf(text, size, "barrier, %d ranks", point->n_ranks);
    else
        snprintf(text, size, "%s of %s%s, %d ranks", bench_shapes[point->collective].name,
                 report_size(point->bytes, bytes), point->bytes < 1024 ? " B" : "", point->n_ranks);
}

static bool run_wakeup(const struct bench_options *options, int n_ranks, weft_wait wait, struct bench_report *report)
{
    struct wakeup_figures figures;
    char row[48];
    if (n_ranks < 2 || !bench_wakeup(options, n_ranks, wait, WAKEUP_ROUNDS, &figures))
        return n_ranks < 2;
    snprintf(row, sizeof row, "wakeup, %d ranks", n_ranks);
    report_figure(report, row, "return from sync", figures.sync_ns / 1000, "us");
    report_figure(report, row, "return from the allreduce after it", figures.first_ns / 1000, "us");
    report_figure(report, row, "bare futex", figures.futex_ns / 1000, "us");
    report_figure(report, row, "sync / futex", figures.sync_ns / figures.futex_ns, "");
    return true;
}

static bool run_idle(struct bench_report *report)
{
    struct idle_figures figures;
    char row[48];
    if (!bench_idle(IDLE_RANKS, IDLE_SECONDS, &figures))
        return false;
    snprintf(row, sizeof row, "idle, %d ranks", IDLE_RANKS);
    report_figure(report, row, "idle for", figures.elapsed_ns / 1e9, "s");
    report_figure(report, row, "processor time of all", figures.cpu_ns / 1e6, "ms");
    return true;
}

static bool run_create(struct bench_report *report)
{
    struct create_figures figures;
    char row[48];
    if (!bench_create(CREATE_COUNT, CREATE_RANKS, &figures))
        return false;
    snprintf(row, sizeof row, "create, %d of %d ranks", CREATE_COUNT, CREATE_RANKS);
    report_figure(report, row, "make them", figures.create_ns / 1e6, "ms");
    report_figure(report, row, "destroy them", figures.destroy_ns / 1e6, "ms");
    report_figure(report, row, "address space, a rank and communicator", figures.mapped_bytes, "bytes");
    report_figure(report, row, "memory once used, a rank and communicator", figures.resident_bytes, "bytes");
    return true;
}

static bool run_load(const struct bench_options *options, int n_ranks, weft_wait wait, struct bench_report *report)
{
    struct bench_point points[MOST_POINTS];
    struct load_figures figures[MOST_POINTS];
    size_t n_points = 0;
    while (n_points < MOST_POINTS && bench_point_at(options, n_ranks, n_points, &points[n_points]))
        n_points++;
    if (!bench_load(options, points, n_points, wait, LOAD_SECONDS, LOAD_REPEATS, figures))
        return false;
    for (size_t i = 0; i < n_points; i++) {
        char row[48];
        special_name_point(&points[i], row, sizeof row);
        report_figure(report, row, "alone", figures[i].quiet_rate, "/s");
        report_figure(report, row, "beside foreign threads", figures[i].loaded_rate, "/s");
        report_figure(report, row, "share that is left", figures[i].loaded_rate / figures[i].quiet_rate, "");
    }
    return true;
}

bool special_run(enum special special, const struct bench_options *options, weft_wait wait, struct bench_report *report)
{
    bool fine = true;
    if (special == SPECIAL_IDLE)
        return run_idle(report);
    if (special == SPECIAL_CREATE)
        return run_create(report);
    for (size_t i = 0; fine && i < options->n_ranks; i++)
        fine = special == SPECIAL_WAKEUP ? run_wakeup(options, options->ranks[i], wait, report)
                                         : run_load(options, options->ranks[i], wait, report);
    return fine;
}

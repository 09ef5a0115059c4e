// SPDX-License-Identifier: MIT
/* bench_bars_run.c - measures what the bars need, and holds each bar against it.
 *
 * Everything runs on the first two processors that the process may use. Points with peers go through all programs, launch
 * by launch; the others through the library's program alone. A bar on peers holds if it holds against each of them, in at
 * least eight of ten launches; a barrier that is a bare counter has less to do than one that finds mistakes, and need only
 * be reached to nine tenths. */
#include "bench_bars.h"
#include "bench_idle.h"
#include "bench_load.h"
#include "bench_special.h"
#include "bench_wakeup.h"

#include <math.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

enum { USED_PROCESSORS = 2, MOST_LOADS = 64, IDLE_RANKS = 64, CREATE_COUNT = 1000, CREATE_RANKS = 8 };
#define EXCHANGE_SHORT_NS 150
#define EXCHANGE_SHORT_BAR 1.25
#define BARE_COUNTER_FACTOR 0.9
#define LAUNCHES_SHARE 0.8

struct plan {
    int launches;
    double seconds; /* a request */
    int crowded_window_us;
    double load_window_s;
    int load_repeats;
    int wakeup_rounds;
    double idle_s;
};
static const struct plan full_plan = {10, 0.02, 4000, 10, 5, 20, 5}, quick_plan = {3, 0.02, 4000, 1, 3, 10, 5};

struct bars {
    struct bench_report *report;
    struct bench_options options; /* with two processors */
    weft_wait wait;
    struct load_figures loads[MOST_LOADS];
    size_t n_loads;
    struct wakeup_figures wakeup;
    struct idle_figures idle;
    struct create_figures create;
    struct bench_point *points; /* measured so far */
    size_t n_points;
    struct bar_line *lines;
    size_t n_lines;
};

/* ---- Measuring */

static void take(void *sink, size_t point, int launch, const struct bench_result *result)
{
    (void)point;
    report_add(sink, launch, result);
}

/* The points with or without peers, of two ranks or of more. */
static bool run_points(struct bars *bars, const struct plan *plan, bool peers, bool crowded)
{
    struct bench_point *points;
    const size_t n_points = bars_points(peers, crowded, &points);
    struct bench_options options = bars->options;
    options.settings.seconds = plan->seconds;
    options.settings.window_ns = crowded ? (int64_t)plan->crowded_window_us * 1000 : 0;
    const struct bench_contest contest = {.options = &options,
                                          .points = points,
                                          .n_points = n_points,
                                          .wait = bars->wait,
                                          .limits = !crowded,
                                          .peers = peers,
                                          .launches = plan->launches,
                                          .take = take,
                                          .sink = bars->report};
    if (peers && !crowded)
        bench_contest_missing(&contest, stdout);
    const bool fine = n_points == 0 || bench_contest_run(&contest);
    struct bench_point *grown = realloc(bars->points, (bars->n_points + n_points + 1) * sizeof *grown);
    if (grown == NULL)
        abort();
    memcpy(grown + bars->n_points, points, n_points * sizeof *points);
    bars->points = grown;
    bars->n_points += n_points;
    free(points);
    return fine;
}

static void add_load(void *sink, const struct bar *bar, const struct bench_point *point)
{
    struct bars *bars = sink;
    (void)bar;
    if (bars->n_loads < MOST_LOADS)
        bars->loads[bars->n_loads++].point = *point;
}

/* Points of one number of ranks share windows. */
static bool run_loads(struct bars *bars, const struct plan *plan)
{
    struct bench_point points[MOST_LOADS];
    bool fine = true;
    for (const struct bar *bar = bench_bars; bar->bar != 0; bar++)
        if (bar->what == BAR_LOAD)
            bars_visit(bar, add_load, bars);
    for (size_t from = 0, to; fine && from < bars->n_loads; from = to) {
        for (to = from; to < bars->n_loads && bars->loads[to].point.n_ranks == bars->loads[from].point.n_ranks; to++)
            points[to - from] = bars->loads[to].point;
        fprintf(stderr, "weft bench: throughput of %d ranks beside foreign threads, about %.0f s\n", points[0].n_ranks,
                (1 + LOAD_QUIET_SHARE) * plan->load_window_s * plan->load_repeats);
        fine = bench_load(&bars->options, points, to - from, bars->wait, plan->load_window_s, plan->load_repeats,
                          &bars->loads[from]);
    }
    return fine;
}

static bool run_all(struct bars *bars, const struct plan *plan)
{
    fprintf(stderr, "weft bench: waking up, idling, creating communicators\n");
    if (!bench_wakeup(&bars->options, 2, bars->wait, plan->wakeup_rounds, &bars->wakeup) ||
        !bench_idle(IDLE_RANKS, plan->idle_s, &bars->idle) || !bench_create(CREATE_COUNT, CREATE_RANKS, &bars->create))
        return false;
    if (bars->options.n_processors >= USED_PROCESSORS &&
        !(run_points(bars, plan, true, false) && run_points(bars, plan, false, false)))
        return false;
    return run_points(bars, plan, true, true) && run_loads(bars, plan);
}

/* ---- Holding against */

static struct bar_line *new_line(struct bars *bars)
{
    struct bar_line *grown = realloc(bars->lines, (bars->n_lines + 1) * sizeof *grown);
    if (grown == NULL)
        abort(); /* some kilobytes */
    bars->lines = grown;
    grown[bars->n_lines] = (struct bar_line){0};
    return &grown[bars->n_lines++];
}

static void not_measured(struct bar_line *line, const char *why)
{
    line->verdict = BAR_NOT_MEASURED;
    snprintf(line->why, sizeof line->why, "%s", why);
}

static void put_time(char *text, size_t size, double ns)
{
    const double us = ns / 1000;
    snprintf(text, size, "%.*f us", us < 10 ? 3 : us < 100 ? 2 : us < 10000 ? 1 : 0, us);
}

/* The rows of a point, or NULL. */
static const struct bench_row *rows_of(const struct bars *bars, const struct bench_point *point, size_t *n)
{
    const struct bench_report *report = bars->report;
    for (size_t from = 0; from < report->n_rows; from += *n) {
        *n = report_point_rows(report, from);
        if (bench_point_equal(&report->rows[from].result.point, point))
            return &report->rows[from];
    }
    return NULL;
}

static void at_most(struct bar_line *line, double value, double bar)
{
    snprintf(line->bar, sizeof line->bar, "%.2f, at most %g", value, bar);
    line->verdict = value <= bar ? BAR_MET : BAR_MISSED;
}

static void hold_limit(struct bar_line *line, const struct bench_row *weft, const struct bench_row *limit, double bar)
{
    char time[32];
    if (limit == NULL) {
        not_measured(line, "there is nothing to hold it against");
        return;
    }
    put_time(time, sizeof time, limit->result.median_ns);
    snprintf(line->against, sizeof line->against, "%s %s", limit->result.subject, time);
    at_most(line, report_ratio(weft, limit), bar);
}

static double factor_against(const struct bench_row *peer, double bar)
{
    const char *name = peer->result.subject;
    const bool bare = strncmp(name, "ck_", 3) == 0 || strcmp(name, "counter_yield") == 0;
    return bare && bench_base(&peer->result.point) == BENCH_BARRIER ? BARE_COUNTER_FACTOR * bar : bar;
}

/* Against all peers: the line tells of the one that comes nearest to its bar, or misses it the most. */
static void hold_peers(struct bar_line *line, const struct bench_row *rows, size_t n, const struct bench_row *weft,
                       double bar)
{
    const struct bench_row *worst = NULL;
    double least = INFINITY;
    bool met = true;
    for (size_t i = 0; i < n; i++) {
        int of;
        const double factor = factor_against(&rows[i], bar), margin = report_ratio(&rows[i], weft) / factor;
        if (&rows[i] == weft || report_is_limit(&rows[i]) || isnan(margin))
            continue;
        const int ahead = report_ahead(weft, &rows[i], factor, &of);
        met &= ahead >= LAUNCHES_SHARE * of;
        if (margin < least) {
            least = margin;
            worst = &rows[i];
        }
    }
    if (worst == NULL) {
        not_measured(line, "no peer does it, or none is installed");
        return;
    }
    int of;
    char time[32];
    const double factor = factor_against(worst, bar);
    const int ahead = report_ahead(weft, worst, factor, &of);
    put_time(time, sizeof time, worst->result.median_ns);
    snprintf(line->against, sizeof line->against, "%s %s", worst->result.subject, time);
    snprintf(line->bar, sizeof line->bar, "%.2f, at least %g: %d of %d", report_ratio(worst, weft), factor, ahead, of);
    line->verdict = met ? BAR_MET : BAR_MISSED;
}

static const struct bench_row *own_barrier(const struct bars *bars, int n_ranks)
{
    const struct bench_point barrier = {
        .collective = BENCH_BARRIER, .n_ranks = n_ranks, .op = BENCH_SUM, .type = bench_type_by_name("int32")};
    size_t n = 0;
    const struct bench_row *rows = rows_of(bars, &barrier, &n);
    return rows != NULL ? report_find(rows, n, "weft") : NULL;
}

static void hold_point(const struct bars *bars, struct bar_line *line, const struct bar *bar,
                       const struct bench_point *point)
{
    size_t n = 0;
    const struct bench_row *rows = rows_of(bars, point, &n);
    const struct bench_row *weft = rows != NULL ? report_find(rows, n, "weft") : NULL;
    if (weft == NULL || isnan(weft->result.median_ns)) {
        not_measured(line, bars->options.n_processors < USED_PROCESSORS ? "there is one processor only" : "no result");
        return;
    }
    put_time(line->measured, sizeof line->measured, weft->result.median_ns);
    const struct bench_row *least = report_limit(rows, n);
    switch (bar->against) {
    case AGAINST_EXCHANGE:
        hold_limit(line, weft, least,
                   least != NULL && least->result.median_ns < EXCHANGE_SHORT_NS ? EXCHANGE_SHORT_BAR : bar->bar);
        break;
    case AGAINST_LOOPS:
        hold_limit(line, weft, least, bar->bar);
        break;
    case AGAINST_FLAGS:
        hold_limit(line, weft, report_find(rows, n, "flags"), bar->bar);
        break;
    case AGAINST_LOOP:
        hold_limit(line, weft, report_find(rows, n, "loop"), bar->bar);
        break;
    case AGAINST_STREAM:
        hold_limit(line, weft, report_find(rows, n, "stream"), bar->bar);
        break;
    case AGAINST_BARRIER:
        hold_limit(line, weft, own_barrier(bars, point->n_ranks), bar->bar);
        break;
    default:
        hold_peers(line, rows, n, weft, bar->bar);
    }
}

static void name_point(const struct bench_point *point, char *text, size_t size)
{
    char name[64];
    special_name_point(point, name, sizeof name);
    snprintf(text, size, "%s%s%s%s", name, bench_base(point) == BENCH_BARRIER ? "" : ", ",
             bench_base(point) == BENCH_BARRIER ? "" : point->type->name, point->rewritten ? ", rewritten" : "");
}

static void hold_load(const struct bars *bars, struct bar_line *line, const struct bar *bar,
                      const struct bench_point *point)
{
    snprintf(line->what + strlen(line->what), sizeof line->what - strlen(line->what), ", beside load");
    for (size_t i = 0; i < bars->n_loads; i++) {
        const struct load_figures *load = &bars->loads[i];
        if (!bench_point_equal(&load->point, point))
            continue;
        const double share = load->loaded_rate / load->quiet_rate;
        snprintf(line->measured, sizeof line->measured, "%.0f/s", load->loaded_rate);
        snprintf(line->against, sizeof line->against, "quiet %.0f/s", load->quiet_rate);
        snprintf(line->bar, sizeof line->bar, "%.3f, at least %g", share, bar->bar);
        line->verdict = share >= bar->bar ? BAR_MET : BAR_MISSED;
        return;
    }
    not_measured(line, "no result");
}

static void hold_value(struct bar_line *line, const char *what, double value, const char *unit, double bar)
{
    snprintf(line->what, sizeof line->what, "%s", what);
    snprintf(line->measured, sizeof line->measured, "%.*f %s", value < 1000 ? 1 : 0, value, unit);
    snprintf(line->bar, sizeof line->bar, "at most %g %s", bar, unit);
    line->verdict = value <= bar ? BAR_MET : BAR_MISSED;
}

static void hold_wakeup(const struct bars *bars, struct bar_line *line, double bar)
{
    char time[32];
    snprintf(line->what, sizeof line->what, "wake-up after 100 ms in a blocking sync");
    put_time(line->measured, sizeof line->measured, bars->wakeup.sync_ns);
    put_time(time, sizeof time, bars->wakeup.futex_ns);
    snprintf(line->against, sizeof line->against, "bare futex %s", time);
    at_most(line, bars->wakeup.sync_ns / bars->wakeup.futex_ns, bar);
}

static void hold(void *sink, const struct bar *bar, const struct bench_point *point)
{
    struct bars *bars = sink;
    struct bar_line *line = new_line(bars);
    const struct create_figures *create = &bars->create;
    if (point != NULL)
        name_point(point, line->what, sizeof line->what);
    switch (bar->what) {
    case BAR_POINTS:
        hold_point(bars, line, bar, point);
        break;
    case BAR_LOAD:
        hold_load(bars, line, bar, point);
        break;
    case BAR_WAKEUP:
        hold_wakeup(bars, line, bar->bar);
        break;
    case BAR_IDLE:
        hold_value(line, "processor time, 64 ranks idle 5 s", bars->idle.cpu_ns / 1e6, "ms", bar->bar);
        break;
    case BAR_CREATE_TIME:
        hold_value(line, "1,000 communicators of 8 ranks made and destroyed",
                   (create->create_ns + create->destroy_ns) / 1e6, "ms", bar->bar);
        break;
    case BAR_CREATE_BYTES:
        hold_value(line, "memory of a rank and communicator", fmax(create->mapped_bytes, create->resident_bytes),
                   "bytes", bar->bar);
        break;
    }
}

static void show_lines(const struct bars *bars)
{
    int counts[BAR_NOT_MEASURED + 1] = {0};
    printf("%-52s %-12s %-26s %-28s %s\n", "what", "measured", "against", "ratio or value, bar", "verdict");
    for (size_t i = 0; i < bars->n_lines; i++) {
        const struct bar_line *line = &bars->lines[i];
        counts[line->verdict]++;
        printf("%-52s %-12s %-26s %-28s %s%s%s\n", line->what, line->measured, line->against, line->bar,
               bar_verdict_names[line->verdict], line->why[0] ? ": " : "", line->why);
    }
    printf("\n%d met, %d missed, %d not measured\n", counts[BAR_MET], counts[BAR_MISSED], counts[BAR_NOT_MEASURED]);
}

/* The first two of the processors that the process may use, for it and all that it starts. */
static void use_two_processors(struct bench_options *options)
{
    cpu_set_t set;
    if (options->n_processors <= USED_PROCESSORS)
        return;
    CPU_ZERO(&set);
    for (int i = 0; i < USED_PROCESSORS; i++)
        CPU_SET(options->processors[i], &set);
    if (sched_setaffinity(0, sizeof set, &set) == 0)
        options->n_processors = USED_PROCESSORS;
}

bool bench_bars_run(struct bench_report *report, const struct bench_options *options, weft_wait wait, bool quick)
{
    struct bars bars = {.report = report, .options = *options, .wait = wait};
    const struct plan *plan = quick ? &quick_plan : &full_plan;
    use_two_processors(&bars.options);
    report->launches = plan->launches;
    const bool fine = run_all(&bars, plan);
    report_fold(report, bars.points, bars.n_points);
    free(bars.points);
    for (const struct bar *bar = bench_bars; fine && bar->bar != 0; bar++)
        bars_visit(bar, hold, &bars);
    if (fine && !report->quiet)
        show_lines(&bars);
    report->bars = bars.lines;
    report->n_bars = bars.n_lines;
    return fine;
}

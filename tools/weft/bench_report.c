// SPDX-License-Identifier: MIT
/* bench_report.c - keeps a row for each subject at each point, and folds the figures of several launches into it. */
#include "bench_report.h"
#include "bench_limits.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static struct bench_row *new_row(struct bench_report *report)
{
    if (report->n_rows == report->capacity) {
        const size_t capacity = report->capacity ? 2 * report->capacity : 64;
        struct bench_row *grown = realloc(report->rows, capacity * sizeof *grown);
        if (grown == NULL)
            abort(); /* some kilobytes */
        report->rows = grown;
        report->capacity = capacity;
    }
    struct bench_row *row = &report->rows[report->n_rows++];
    for (int i = 0; i < CONTEST_MOST_LAUNCHES; i++)
        row->launch_ns[i] = NAN;
    row->launches = 0;
    return row;
}

static struct bench_row *row_of(struct bench_report *report, const struct bench_result *result)
{
    for (size_t i = report->n_rows; i-- > 0;) {
        struct bench_row *row = &report->rows[i];
        if (strcmp(row->result.subject, result->subject) == 0 && bench_point_equal(&row->result.point, &result->point))
            return row;
    }
    return NULL;
}

static bool bad(enum bench_verdict verdict)
{
    return verdict == BENCH_WRONG || verdict == BENCH_FAILED;
}

/* Sums what is to be averaged, until report_fold. */
static void merge(struct bench_result *all, const struct bench_result *one)
{
    all->min_ns = fmin(all->min_ns, one->min_ns);
    all->max_ns = fmax(all->max_ns, one->max_ns);
    all->p99_ns += one->p99_ns;
    all->cpu_ns += one->cpu_ns;
    all->windows += one->windows;
    if (bad(one->verdict))
        all->verdict = one->verdict;
}

void report_add(struct bench_report *report, int launch, const struct bench_result *result)
{
    struct bench_row *row = row_of(report, result);
    report->wrong |= bad(result->verdict);
    if (row != NULL) {
        merge(&row->result, result);
    } else {
        row = new_row(report);
        row->result = *result;
    }
    row->launch_ns[launch] = result->windows ? result->median_ns : NAN;
    row->launches++;
}

static double median_of(const struct bench_row *row)
{
    double values[CONTEST_MOST_LAUNCHES];
    size_t count = 0;
    for (int i = 0; i < CONTEST_MOST_LAUNCHES; i++)
        if (!isnan(row->launch_ns[i]))
            values[count++] = row->launch_ns[i];
    return bench_median(values, count);
}

/* Where a row is to stand: by point, then weft, its limits, and the rest; these by their time. */
static size_t rank_of(const struct bench_row *row, const struct bench_point *points, size_t n_points)
{
    size_t point = 0;
    while (point < n_points && !bench_point_equal(&points[point], &row->result.point))
        point++;
    size_t place = strcmp(row->result.subject, "weft") == 0 ? 0 : LIMITS + 1;
    for (size_t i = 0; i < LIMITS; i++)
        if (strcmp(row->result.subject, limit_names[i]) == 0)
            place = i + 1;
    return point * (LIMITS + 2) + place;
}

static bool comes_after(const struct bench_row *a, const struct bench_row *b, const struct bench_point *points,
                        size_t n_points)
{
    const size_t x = rank_of(a, points, n_points), y = rank_of(b, points, n_points);
    return x > y || (x == y && a->result.median_ns > b->result.median_ns);
}

void report_fold(struct bench_report *report, const struct bench_point *points, size_t n_points)
{
    for (size_t i = 0; i < report->n_rows; i++) {
        struct bench_row *row = &report->rows[i];
        row->result.p99_ns /= row->launches;
        row->result.cpu_ns /= row->launches;
        row->result.median_ns = median_of(row);
    }
    /* Stable, by insertion: a few hundred rows. */
    for (size_t i = 1; i < report->n_rows; i++) {
        const struct bench_row row = report->rows[i];
        size_t j = i;
        for (; j > 0 && comes_after(&report->rows[j - 1], &row, points, n_points); j--)
            report->rows[j] = report->rows[j - 1];
        report->rows[j] = row;
    }
}

void report_emit(void *sink, const struct bench_result *result)
{
    struct bench_report *report = sink;
    if (result != NULL) {
        report_add(report, 0, result);
        return;
    }
    report->points_done++;
    if (report->quiet || report->shown == report->n_rows)
        return;
    report_clear_progress(report);
    report_show_row(report);
    report->shown = report->n_rows;
    report_show_progress(report);
}

void report_figure(struct bench_report *report, const char *row, const char *name, double value, const char *unit)
{
    struct bench_figure *grown = realloc(report->figures, (report->n_figures + 1) * sizeof *grown);
    if (grown == NULL)
        abort();
    report->figures = grown;
    struct bench_figure *figure = &grown[report->n_figures++];
    *figure = (struct bench_figure){.value = value};
    snprintf(figure->row, sizeof figure->row, "%s", row);
    snprintf(figure->name, sizeof figure->name, "%s", name);
    snprintf(figure->unit, sizeof figure->unit, "%s", unit);
    if (report->quiet)
        return;
    const bool same_row = report->n_figures > 1 && strcmp(grown[report->n_figures - 2].row, row) == 0;
    printf("%-34s %-40s %10.*f %s\n", same_row ? "" : row, name, value < 10 ? 3 : value < 1000 ? 2 : 0, value, unit);
    fflush(stdout);
}

void report_release(struct bench_report *report)
{
    free(report->bars);
    report->bars = NULL;
    report->n_bars = 0;
    free(report->figures);
    report->figures = NULL;
    report->n_figures = 0;
    free(report->rows);
    report->rows = NULL;
    report->n_rows = report->capacity = report->shown = 0;
}

size_t report_point_rows(const struct bench_report *report, size_t from)
{
    size_t to = from;
    while (to < report->n_rows && bench_point_equal(&report->rows[from].result.point, &report->rows[to].result.point))
        to++;
    return to - from;
}

const struct bench_row *report_find(const struct bench_row *rows, size_t n, const char *subject)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(rows[i].result.subject, subject) == 0)
            return &rows[i];
    return NULL;
}

bool report_is_limit(const struct bench_row *row)
{
    for (int i = 0; i < LIMITS; i++)
        if (strcmp(row->result.subject, limit_names[i]) == 0)
            return true;
    return false;
}

const struct bench_row *report_limit(const struct bench_row *rows, size_t n)
{
    const struct bench_row *least = NULL;
    for (int i = 0; i < LIMITS; i++) {
        const struct bench_row *limit = report_find(rows, n, limit_names[i]);
        if (limit == NULL || (i >= LIMIT_LOOP) != (limit->result.point.bytes > BENCH_LATENCY_BYTES))
            continue;
        if (least == NULL || limit->result.median_ns < least->result.median_ns)
            least = limit;
    }
    return least;
}

void report_range(const struct bench_row *row, double *least, double *most)
{
    *least = *most = row->result.median_ns;
    for (int i = 0; i < CONTEST_MOST_LAUNCHES; i++) {
        *least = fmin(*least, row->launch_ns[i]); /* of a number and NAN: the number */
        *most = fmax(*most, row->launch_ns[i]);
    }
}

double report_ratio(const struct bench_row *a, const struct bench_row *b)
{
    double ratios[CONTEST_MOST_LAUNCHES];
    size_t count = 0;
    for (int i = 0; i < CONTEST_MOST_LAUNCHES; i++)
        if (!isnan(a->launch_ns[i]) && !isnan(b->launch_ns[i]))
            ratios[count++] = a->launch_ns[i] / b->launch_ns[i];
    return bench_median(ratios, count);
}

int report_ahead(const struct bench_row *a, const struct bench_row *b, double factor, int *of)
{
    int ahead = 0;
    *of = 0;
    for (int i = 0; i < CONTEST_MOST_LAUNCHES; i++) {
        if (isnan(a->launch_ns[i]) || isnan(b->launch_ns[i]))
            continue;
        ahead += b->launch_ns[i] >= factor * a->launch_ns[i];
        ++*of;
    }
    return ahead;
}

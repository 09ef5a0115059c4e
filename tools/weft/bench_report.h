// SPDX-License-Identifier: MIT
/* bench_report.h - collects what was measured, over one launch or several, and shows it: as a table, a picture, JSON or
 * CSV. */
#ifndef WEFT_BENCH_REPORT_H
#define WEFT_BENCH_REPORT_H

#include "bench_contest.h"

/* One subject at one point. */
struct bench_row {
    struct bench_result result;              /* of several launches: the median of each figure, min and max over all */
    int launches;                            /* in which it was measured */
    double launch_ns[CONTEST_MOST_LAUNCHES]; /* the median of each launch; NAN where it was not measured */
};

/* One figure of a row that is no collective's: "wakeup, 2 ranks", "from sync", 5.1, "us". */
struct bench_figure {
    char row[48];
    char name[48];
    double value;
    char unit[8];
};

/* One bar, see bench_bars.h. */
enum bar_verdict { BAR_MET, BAR_MISSED, BAR_NOT_MEASURED };
extern const char *const bar_verdict_names[];
struct bar_line {
    char what[80];
    char measured[40];
    char against[64];
    char bar[40];
    enum bar_verdict verdict;
    char why[80]; /* not measured because ... */
};

struct bench_report {
    const struct bench_options *options;
    weft_wait wait;
    const char *algorithms; /* forced ones, or NULL */
    bool limits;
    bool peers;
    int launches;
    bool quiet;             /* no table */
    struct bench_row *rows; /* those of one point follow one another */
    size_t n_rows;
    size_t capacity;
    size_t shown; /* rows that have been printed */
    struct bench_figure *figures;
    size_t n_figures;
    struct bar_line *bars;
    size_t n_bars;
    size_t points_done;
    size_t points_planned;
    int64_t began_ns;
    double foreign; /* shares of the processors that went to other programs, and to other machines of the host */
    double stolen;
    char heading[256]; /* that stands above the rows now */
    bool wrong;        /* some result was wrong or failed */
    bool progress_shown;
};

/* A bench_emit whose sink is the report: one launch, shown point by point as it comes. */
void report_emit(void *report, const struct bench_result *result);
/* Adds a result of one of several launches. They may come in any order. */
void report_add(struct bench_report *report, int launch, const struct bench_result *result);
/* Adds a figure, and shows it. */
void report_figure(struct bench_report *report, const char *row, const char *name, double value, const char *unit);
/* When all have been added: sorts by the order of `points`, and works out what stands in rows' results. */
void report_fold(struct bench_report *report, const struct bench_point *points, size_t n_points);
void report_release(struct bench_report *report);

/* How many rows from `from` on are of the same point. */
size_t report_point_rows(const struct bench_report *report, size_t from);
/* The row of a subject among the n that stand at `rows`, or NULL. */
const struct bench_row *report_find(const struct bench_row *rows, size_t n, const char *subject);
bool report_is_limit(const struct bench_row *row);
/* The limit of a point, from the rows that stand beside it: up to BENCH_LATENCY_BYTES, which may travel with the flag that
 * announces them, the least of the exchanges; above, the least of the loops. NULL if none was measured. */
const struct bench_row *report_limit(const struct bench_row *rows, size_t n);
/* The least and the most of its launches. */
void report_range(const struct bench_row *row, double *least, double *most);
/* The median over launches of a's time divided by b's, of those in which both were measured; NAN if there are none. */
double report_ratio(const struct bench_row *a, const struct bench_row *b);
/* In how many launches b's time was at least `factor` times a's, and out of how many that had both. */
int report_ahead(const struct bench_row *a, const struct bench_row *b, double factor, int *of);

/* bench_table.c: prints the rows from `shown` on, which are of one point. */
void report_show_row(struct bench_report *report);
void report_show_progress(struct bench_report *report);
void report_clear_progress(struct bench_report *report);
/* bench_table_contest.c: prints all points of several launches. */
void report_show_contest(struct bench_report *report);
/* What both have in common. */
void report_describe(const struct bench_report *report, const struct bench_point *point, char *out, size_t size);
void report_put_us(double ns);
/* "4 MiB" */
const char *report_size(size_t bytes, char text[32]);

/* Writes all as JSON, as CSV, or as an SVG picture by gnuplot. False, with a sentence on stderr, when it cannot be written. */
bool report_write_json(const struct bench_report *report, const char *path);
bool report_write_csv(const struct bench_report *report, const char *path);
bool report_write_plot(const struct bench_report *report, const char *path);

#endif

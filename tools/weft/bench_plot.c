// SPDX-License-Identifier: MIT
/* bench_plot.c - a picture of the report, drawn by gnuplot: a column for each collective and number of ranks, latency above,
 * bandwidth below, both over size; a line for each subject, and the limit dashed. Colours are those of M. Okabe and K. Ito
 * (2008), which people who see few colours can tell apart, and marks differ, too. */
#include "bench_limits.h"
#include "bench_report.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

enum { MOST_COLUMNS = 4, MOST_LINES = 16, COLUMN = 400, ROW = 270, TOP = 64, KEY = 66, LEFT = 66, GAP = 46 };

static const struct style {
    const char *colour;
    int mark;
    double width;
} styles[MOST_LINES] = {
    {"#D55E00", 7, 2.4},  {"#0072B2", 5, 1.3},  {"#009E73", 9, 1.3},  {"#CC79A7", 11, 1.3},
    {"#E69F00", 13, 1.3}, {"#56B4E9", 4, 1.3},  {"#8C6D31", 8, 1.3},  {"#999999", 10, 1.3},
    {"#3B3B98", 12, 1.3}, {"#66A61E", 6, 1.3},  {"#A6761D", 1, 1.3},  {"#7570B3", 2, 1.3},
    {"#1B9E77", 3, 1.3},  {"#E7298A", 14, 1.3}, {"#666666", 15, 1.3}, {"#000000", 1, 1.3},
};

/* What is drawn in one column: the points of one collective and number of ranks. */
struct column {
    const struct bench_point *point; /* the first of them */
    size_t least, most;              /* sizes */
    double least_us, most_us;
};

struct plot {
    const struct bench_report *report;
    FILE *out;
    struct column columns[MOST_COLUMNS];
    int n_columns;
    const char *subjects[MOST_LINES]; /* one a line */
    int n_subjects;
    bool limits;
    bool rewritten; /* of points that come in both ways, which is drawn */
};

static bool in_column(const struct plot *plot, const struct column *column, const struct bench_point *point)
{
    return point->collective == column->point->collective && point->n_ranks == column->point->n_ranks &&
           point->type == column->point->type && point->op == column->point->op &&
           (point->rewritten == plot->rewritten || point->bytes <= BENCH_LATENCY_BYTES);
}

static void add_column(struct plot *plot, const struct bench_point *point)
{
    for (int i = 0; i < plot->n_columns; i++) {
        struct column *column = &plot->columns[i];
        if (!in_column(plot, column, point))
            continue;
        column->least = point->bytes < column->least ? point->bytes : column->least;
        column->most = point->bytes > column->most ? point->bytes : column->most;
        return;
    }
    if (plot->n_columns < MOST_COLUMNS)
        plot->columns[plot->n_columns++] = (struct column){point, point->bytes, point->bytes, INFINITY, 0};
}

static void add_subject(struct plot *plot, const char *subject)
{
    for (int i = 0; i < plot->n_subjects; i++)
        if (strcmp(plot->subjects[i], subject) == 0)
            return;
    if (plot->n_subjects < MOST_LINES)
        plot->subjects[plot->n_subjects++] = subject;
}

/* Sources left alone are drawn, unless all are rewritten. */
static void survey(struct plot *plot)
{
    const struct bench_report *report = plot->report;
    plot->rewritten = report->options->rewrite > 0;
    for (size_t i = 0; i < report->n_rows; i++) {
        const struct bench_row *row = &report->rows[i];
        const struct bench_point *point = &row->result.point;
        if (point->bytes == 0 || (point->bytes > BENCH_LATENCY_BYTES && point->rewritten != plot->rewritten))
            continue;
        add_column(plot, point);
        if (report_is_limit(row))
            plot->limits = true;
        else
            add_subject(plot, row->result.subject);
    }
}

/* Lines "bytes us least most" of a subject, or of the limit (NULL), as the data $name. Returns how many. */
static int put_data(const struct plot *plot, struct column *column, const char *subject, const char *name)
{
    const struct bench_report *report = plot->report;
    int count = 0;
    fprintf(plot->out, "$%s << END\n", name);
    for (size_t from = 0, n; from < report->n_rows; from += n) {
        const struct bench_row *rows = &report->rows[from];
        n = report_point_rows(report, from);
        const struct bench_row *row = subject ? report_find(rows, n, subject) : report_limit(rows, n);
        double least, most;
        if (row == NULL || isnan(row->result.median_ns) || !in_column(plot, column, &rows->result.point))
            continue;
        report_range(row, &least, &most);
        fprintf(plot->out, "%zu %.6g %.6g %.6g\n", row->result.point.bytes, row->result.median_ns / 1e3, least / 1e3,
                most / 1e3);
        column->least_us = fmin(column->least_us, least / 1e3);
        column->most_us = fmax(column->most_us, most / 1e3);
        count++;
    }
    fprintf(plot->out, "END\n");
    return count;
}

static void put_ticks(const struct plot *plot, const struct column *column)
{
    const char *separator = "";
    int doublings = 0;
    for (size_t size = column->least; size < column->most; size *= 2)
        doublings++;
    const int step = doublings <= 6 ? 1 : (doublings + 5) / 6; /* about seven labels */
    fprintf(plot->out, "set xtics (");
    for (int i = 0; i <= doublings; i += step) {
        char text[32];
        const size_t size = column->least << i;
        fprintf(plot->out, "%s\"%s%s\" %zu", separator, report_size(size, text), size < 1024 ? " B" : "", size);
        separator = ", ";
    }
    fprintf(plot->out, ")\nset xrange [%g:%g]\n", (double)column->least / 1.3, (double)column->most * 1.3);
}

/* One panel's curves; `bandwidth`: bytes a nanosecond, in place of microseconds. */
static void put_curves(const struct plot *plot, int column, const bool *present, bool limit, bool bandwidth)
{
    const char *separator = "plot ";
    const char *value = bandwidth ? "($1/$2/1e3)" : "2";
    const char *ranges = bandwidth ? "($1/$2/1e3):($1/$4/1e3):($1/$3/1e3)" : "2:3:4";
    if (limit)
        fprintf(plot->out, "%s$limit%d using 1:%s with lines dashtype 2 linewidth 1.6 linecolor 'black' notitle",
                separator, column, value);
    separator = limit ? ", \\\n" : separator;
    /* The library last, on top; ranges below the curves. */
    for (int i = plot->n_subjects - 1; plot->report->launches > 1 && i >= 0; i--) {
        if (!present[i])
            continue;
        fprintf(plot->out, "%s$data%d_%d using 1:%s with yerrorbars linewidth 0.8 pointtype 0 linecolor '%s' notitle",
                separator, column, i, ranges, styles[i].colour);
        separator = ", \\\n";
    }
    for (int i = plot->n_subjects - 1; i >= 0; i--) {
        if (!present[i])
            continue;
        fprintf(
            plot->out,
            "%s$data%d_%d using 1:%s with linespoints linewidth %g pointtype %d pointsize 0.6 linecolor '%s' notitle",
            separator, column, i, value, styles[i].width, styles[i].mark, styles[i].colour);
        separator = ", \\\n";
    }
    fprintf(plot->out, "\n");
}

static void put_place(const struct plot *plot, int column, int row)
{
    const double width = LEFT + plot->n_columns * COLUMN, height = TOP + 2 * ROW + KEY;
    const double left = LEFT + column * COLUMN, top = TOP + row * ROW;
    fprintf(plot->out,
            "set lmargin at screen %g\nset rmargin at screen %g\nset tmargin at screen %g\nset bmargin at screen %g\n",
            left / width, (left + COLUMN - GAP) / width, 1 - top / height, 1 - (top + ROW - GAP) / height);
}

static void put_column(struct plot *plot, int column)
{
    const struct bench_point *point = plot->columns[column].point;
    const struct bench_shape *shape = &bench_shapes[point->collective];
    bool present[MOST_LINES], limit = false;
    char name[32];
    for (int i = 0; i < plot->n_subjects; i++) {
        snprintf(name, sizeof name, "data%d_%d", column, i);
        present[i] = put_data(plot, &plot->columns[column], plot->subjects[i], name) > 0;
    }
    snprintf(name, sizeof name, "limit%d", column);
    limit = put_data(plot, &plot->columns[column], NULL, name) > 0;
    put_ticks(plot, &plot->columns[column]);
    put_place(plot, column, 0);
    fprintf(plot->out, "set title \"%s of %s%s%s, %d ranks\" offset 0,-0.6\nset logscale xy\nunset xlabel\n",
            shape->name, point->type->name, shape->reduces ? ", " : "", shape->reduces ? bench_op_names[point->op] : "",
            point->n_ranks);
    fprintf(plot->out, "set yrange [%g:%g]\n", plot->columns[column].least_us / 1.4,
            plot->columns[column].most_us * 1.4);
    fprintf(plot->out, "set format y \"%%g\"\n%s\n",
            column == 0 ? "set ylabel \"time of an operation (\302\265s)\" offset 1" : "unset ylabel");
    put_curves(plot, column, present, limit, false);
    put_place(plot, column, 1);
    fprintf(plot->out,
            "unset title\nunset logscale y\nset yrange [0:*]\nset xlabel \"bytes a rank\" offset 0,0.4\n%s\n",
            column == 0 ? "set ylabel \"bytes a rank / time (GB/s)\" offset 1" : "unset ylabel");
    put_curves(plot, column, present, limit, true);
    fprintf(plot->out, "set autoscale y\n");
}

/* The key stands below all panels, as a plot of its own without data. */
static void put_key(const struct plot *plot)
{
    const double height = TOP + 2 * ROW + KEY;
    fprintf(
        plot->out,
        "set lmargin at screen 0.02\nset rmargin at screen 0.98\nset tmargin at screen %g\nset bmargin at screen 0.01\n"
        "unset border\nunset tics\nunset xlabel\nunset ylabel\nunset title\nunset logscale\nunset grid\n"
        "set xrange [0:1]\nset yrange [0:1]\n"
        "set key center center horizontal Left reverse samplen 2.4 spacing 1.15 maxrows 2 font \",11\"\nplot ",
        (KEY - 18) / height);
    for (int i = 0; i < plot->n_subjects; i++) {
        fprintf(plot->out, "NaN with linespoints linewidth %g pointtype %d pointsize 0.6 linecolor '%s' title \"",
                styles[i].width, styles[i].mark, styles[i].colour);
        for (const char *c = plot->subjects[i]; *c != '\0'; c++)
            fprintf(plot->out, *c == '_' ? "\\\\_" : "%c", *c);
        fprintf(plot->out, "\"%s", i + 1 < plot->n_subjects || plot->limits ? ", \\\n" : "\n");
    }
    if (plot->limits)
        fprintf(plot->out,
                "NaN with lines dashtype 2 linewidth 1.6 linecolor 'black' title \"limit of the machine\"\n");
}

static void put_script(struct plot *plot, const char *path)
{
    const struct bench_report *report = plot->report;
    const struct bench_options *options = report->options;
    const bool pinned = bench_pins(options, plot->columns[0].point->n_ranks);
    fprintf(plot->out, "set output '");
    for (const char *c = path; *c != '\0'; c++)
        fprintf(plot->out, *c == '\'' ? "''" : "%c", *c);
    fprintf(
        plot->out,
        "'\nset terminal svg size %d,%d font \"Helvetica,12\" background \"white\"\n"
        "set multiplot\nset style line 100 linecolor 'grey85' linewidth 0.6\nset grid xtics ytics linestyle 100\n"
        "set errorbars small\nset border 3 linecolor 'grey30'\nset tics nomirror scale 0.5\nset mxtics 1\nunset key\n",
        LEFT + plot->n_columns * COLUMN, TOP + 2 * ROW + KEY);
    fprintf(plot->out,
            "set label 1 \"weft %s, %d processors, %s, %s, %s buffers, sources %s; median%s of %d launch%s\" "
            "at screen 0.5, screen %g center font \",11\" textcolor rgb 'grey30'\n",
            weft_version(), options->n_processors, pinned ? "pinned" : "not pinned",
            options->settings.deadline ? "from a common deadline" : "back to back",
            options->rotating ? "rotating" : "cached", plot->rewritten ? "rewritten" : "left alone",
            report->launches > 1 ? "s (bars: range)" : "", report->launches, report->launches > 1 ? "es" : "",
            1 - 16.0 / (TOP + 2 * ROW + KEY));
    for (int i = 0; i < plot->n_columns; i++) {
        put_column(plot, i);
        fprintf(plot->out, "unset label 1\n");
    }
    put_key(plot);
    fprintf(plot->out, "unset multiplot\n");
}

bool report_write_plot(const struct bench_report *report, const char *path)
{
    struct plot plot = {.report = report};
    survey(&plot);
    if (plot.n_columns == 0) {
        fprintf(stderr, "weft bench: nothing was measured that has a size, so there is nothing to draw\n");
        return false;
    }
    if (!bench_in_path("gnuplot")) {
        fprintf(stderr, "weft bench: --plot needs gnuplot, which is not installed; apt-get install gnuplot-nox\n");
        return false;
    }
    plot.out = popen("gnuplot", "w");
    if (plot.out == NULL) {
        perror("gnuplot");
        return false;
    }
    put_script(&plot, path);
    const int status = pclose(plot.out);
    if (status != 0)
        fprintf(stderr, "weft bench: gnuplot could not draw %s\n", path);
    return status == 0;
}

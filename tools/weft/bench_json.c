// SPDX-License-Identifier: MIT
/* bench_json.c - the report as one JSON object: how it was measured, on what, and every result. Times are nanoseconds. */
#include "bench_report.h"
#include "bench_weft.h"

#include <cjson/cJSON.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

static void add_run(cJSON *root, const struct bench_report *report)
{
    const struct bench_options *options = report->options;
    const struct bench_settings *settings = &options->settings;
    struct utsname system;
    cJSON_AddStringToObject(root, "weft", weft_version());
    if (uname(&system) == 0) {
        cJSON_AddStringToObject(root, "system", system.release);
        cJSON_AddStringToObject(root, "machine", system.machine);
    }
    cJSON_AddNumberToObject(root, "processors", options->n_processors);
    cJSON_AddNumberToObject(root, "last_level_cache_bytes", (double)options->cache_bytes);
    cJSON_AddStringToObject(root, "wait", weft_wait_name(report->wait));
    if (report->algorithms != NULL)
        cJSON_AddStringToObject(root, "forced_algorithms", report->algorithms);
    cJSON_AddStringToObject(root, "cadence", settings->deadline ? "deadline" : "back-to-back");
    cJSON_AddNumberToObject(root, "launches", report->launches);
    cJSON_AddNumberToObject(root, "share_of_other_programs", report->foreign);
    cJSON_AddNumberToObject(root, "share_stolen", report->stolen);
    cJSON_AddStringToObject(root, "buffers", options->rotating ? "rotating" : "cached");
}

static void add_point(cJSON *row, const struct bench_report *report, const struct bench_point *point)
{
    cJSON_AddStringToObject(row, "collective", bench_shapes[point->collective].name);
    cJSON_AddNumberToObject(row, "ranks", point->n_ranks);
    cJSON_AddBoolToObject(row, "pinned", bench_pins(report->options, point->n_ranks));
    cJSON_AddNumberToObject(row, "bytes", (double)point->bytes);
    if (bench_base(point) != BENCH_BARRIER)
        cJSON_AddStringToObject(row, "sources", point->rewritten ? "rewritten" : "left");
    if (bench_base(point) != BENCH_BARRIER)
        cJSON_AddStringToObject(row, "type", point->type->name);
    if (bench_shapes[point->collective].reduces)
        cJSON_AddStringToObject(row, "op", bench_op_names[point->op]);
}

static void add_launches(cJSON *row, const struct bench_row *from)
{
    cJSON *launches = cJSON_AddArrayToObject(row, "launch_median_ns");
    for (int i = 0; i < CONTEST_MOST_LAUNCHES; i++)
        if (!isnan(from->launch_ns[i]))
            cJSON_AddItemToArray(launches, cJSON_CreateNumber(from->launch_ns[i]));
}

static void add_result(cJSON *rows, const struct bench_report *report, const struct bench_row *from)
{
    const struct bench_result *result = &from->result;
    cJSON *row = cJSON_CreateObject();
    cJSON_AddItemToArray(rows, row);
    cJSON_AddStringToObject(row, "subject", result->subject);
    add_point(row, report, &result->point);
    if (result->note[0] != '\0')
        cJSON_AddStringToObject(row, "algorithm", result->note);
    cJSON_AddStringToObject(row, "result", bench_verdict_names[result->verdict]);
    cJSON_AddNumberToObject(row, "windows", (double)result->windows);
    cJSON_AddNumberToObject(row, "operations_a_window", (double)result->operations);
    if (result->windows == 0)
        return;
    cJSON_AddNumberToObject(row, "min_ns", result->min_ns);
    cJSON_AddNumberToObject(row, "median_ns", result->median_ns);
    cJSON_AddNumberToObject(row, "p99_ns", result->p99_ns);
    cJSON_AddNumberToObject(row, "max_ns", result->max_ns);
    cJSON_AddNumberToObject(row, "processor_ns", result->cpu_ns);
    if (report->launches > 1)
        add_launches(row, from);
}

static void add_figure(cJSON *figures, const struct bench_figure *from)
{
    cJSON *figure = cJSON_CreateObject();
    cJSON_AddItemToArray(figures, figure);
    cJSON_AddStringToObject(figure, "row", from->row);
    cJSON_AddStringToObject(figure, "name", from->name);
    cJSON_AddNumberToObject(figure, "value", from->value);
    cJSON_AddStringToObject(figure, "unit", from->unit);
}

static void add_bar(cJSON *bars, const struct bar_line *from)
{
    cJSON *bar = cJSON_CreateObject();
    cJSON_AddItemToArray(bars, bar);
    cJSON_AddStringToObject(bar, "what", from->what);
    cJSON_AddStringToObject(bar, "measured", from->measured);
    cJSON_AddStringToObject(bar, "against", from->against);
    cJSON_AddStringToObject(bar, "bar", from->bar);
    cJSON_AddStringToObject(bar, "verdict", bar_verdict_names[from->verdict]);
    if (from->why[0] != '\0')
        cJSON_AddStringToObject(bar, "why", from->why);
}

bool report_write_json(const struct bench_report *report, const char *path)
{
    cJSON *root = cJSON_CreateObject();
    add_run(root, report);
    cJSON *rows = cJSON_AddArrayToObject(root, "results");
    for (size_t i = 0; i < report->n_rows; i++)
        add_result(rows, report, &report->rows[i]);
    cJSON *figures = cJSON_AddArrayToObject(root, "figures");
    for (size_t i = 0; i < report->n_figures; i++)
        add_figure(figures, &report->figures[i]);
    cJSON *bars = report->n_bars != 0 ? cJSON_AddArrayToObject(root, "bars") : NULL;
    for (size_t i = 0; i < report->n_bars; i++)
        add_bar(bars, &report->bars[i]);
    char *text = cJSON_Print(root);
    FILE *file = strcmp(path, "-") == 0 ? stdout : fopen(path, "w");
    bool fine = text != NULL && file != NULL && fputs(text, file) >= 0 && fputc('\n', file) != EOF;
    if (file != NULL && file != stdout)
        fine &= fclose(file) == 0;
    if (!fine)
        perror(path);
    free(text);
    cJSON_Delete(root);
    return fine;
}

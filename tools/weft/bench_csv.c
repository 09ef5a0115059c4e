// SPDX-License-Identifier: MIT
/* bench_csv.c - the report as comma-separated values, with a line of names on top: a line for each subject at each point.
 * Times are nanoseconds. No field holds a comma. */
#include "bench_report.h"

#include <math.h>
#include <string.h>

static void write_row(FILE *file, const struct bench_report *report, const struct bench_row *row)
{
    const struct bench_result *result = &row->result;
    const struct bench_point *point = &result->point;
    const bool moves = bench_base(point) != BENCH_BARRIER;
    fprintf(file, "%s,%s,%d,%d,%zu,%s,%s,%s,%s,%s,%d", result->subject, bench_shapes[point->collective].name,
            point->n_ranks, bench_pins(report->options, point->n_ranks), point->bytes, moves ? point->type->name : "",
            bench_shapes[point->collective].reduces ? bench_op_names[point->op] : "",
            !moves             ? ""
            : point->rewritten ? "rewritten"
                               : "left",
            result->note, bench_verdict_names[result->verdict], row->launches);
    if (result->windows == 0 || isnan(result->median_ns))
        fprintf(file, ",,,,,\n");
    else
        fprintf(file, ",%.1f,%.1f,%.1f,%.1f,%.1f\n", result->min_ns, result->median_ns, result->p99_ns, result->max_ns,
                result->cpu_ns);
}

bool report_write_csv(const struct bench_report *report, const char *path)
{
    FILE *file = strcmp(path, "-") == 0 ? stdout : fopen(path, "w");
    bool fine = file != NULL;
    if (fine) {
        fprintf(file, "subject,collective,ranks,pinned,bytes,type,op,sources,algorithm,result,launches,"
                      "min_ns,median_ns,p99_ns,max_ns,processor_ns\n");
        for (size_t i = 0; i < report->n_rows; i++)
            write_row(file, report, &report->rows[i]);
        fine = ferror(file) == 0 && (file == stdout ? fflush(file) : fclose(file)) == 0;
    }
    if (!fine)
        perror(path);
    return fine;
}

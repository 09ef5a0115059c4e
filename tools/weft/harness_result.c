// SPDX-License-Identifier: MIT
/* harness_result.c - statistics over windows, and the line format: "result" and fields in a fixed order. */
#include "harness_result.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

const char *const bench_verdict_names[] = {"unchecked", "right", "WRONG", "FAILED"};

static int by_value(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double bench_median(double *values, size_t count)
{
    if (count == 0)
        return NAN;
    qsort(values, count, sizeof *values, by_value);
    return count % 2 == 1 ? values[count / 2] : (values[count / 2 - 1] + values[count / 2]) / 2;
}

void bench_summarise(struct bench_result *result, double *samples, size_t count)
{
    result->median_ns = bench_median(samples, count);
    result->min_ns = samples[0];
    result->max_ns = samples[count - 1];
    result->p99_ns = samples[(count * 99 + 99) / 100 - 1]; /* the least that 99 in 100 do not exceed */
}

void bench_result_write(const struct bench_result *result, FILE *out)
{
    const struct bench_point *point = &result->point;
    fprintf(out, "result %s %s %s %s %s %d %zu %d %d %" PRIu64 " %" PRIu64 " %.3f %.3f %.3f %.3f %.3f %s\n",
            result->subject, result->note[0] ? result->note : "-", bench_shapes[point->collective].name,
            point->type->name, bench_op_names[point->op], point->n_ranks, point->bytes, point->root, point->rewritten,
            result->windows, result->operations, result->min_ns, result->median_ns, result->p99_ns, result->max_ns,
            result->cpu_ns, bench_verdict_names[result->verdict]);
}

static bool name_verdict(struct bench_result *result, const char *name)
{
    for (int i = 0; i <= BENCH_FAILED; i++) {
        if (strcmp(bench_verdict_names[i], name) == 0) {
            result->verdict = (enum bench_verdict)i;
            return true;
        }
    }
    return false;
}

bool bench_result_read(struct bench_result *result, const char *line)
{
    char collective[32], type[32], op[32], verdict[16];
    *result = (struct bench_result){0};
    struct bench_point *point = &result->point;
    int rewritten = 0;
    const bool whole =
        sscanf(line, "result %31s %47s %31s %31s %31s %d %zu %d %d %" SCNu64 " %" SCNu64 " %lf %lf %lf %lf %lf %15s",
               result->subject, result->note, collective, type, op, &point->n_ranks, &point->bytes, &point->root,
               &rewritten, &result->windows, &result->operations, &result->min_ns, &result->median_ns, &result->p99_ns,
               &result->max_ns, &result->cpu_ns, verdict) == 17;
    const int shape = whole ? bench_collective_by_name(collective) : -1;
    const int op_index = whole ? bench_op_by_name(op) : -1;
    point->rewritten = rewritten;
    point->type = whole ? bench_type_by_name(type) : NULL;
    if (shape < 0 || op_index < 0 || point->type == NULL || !name_verdict(result, verdict))
        return false;
    point->collective = (enum bench_collective)shape;
    point->op = (enum bench_op)op_index;
    point->count = point->bytes / point->type->size;
    if (strcmp(result->note, "-") == 0)
        result->note[0] = '\0';
    return true;
}

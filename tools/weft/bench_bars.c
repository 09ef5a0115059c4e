// SPDX-License-Identifier: MIT
/* bench_bars.c - the bars, as a table, and the points that they hold at. */
#include "bench_bars.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define BARRIER (UINT64_C(1) << BENCH_BARRIER)
#define BROADCAST (UINT64_C(1) << BENCH_BROADCAST)
#define ALLGATHER (UINT64_C(1) << BENCH_ALLGATHER)
#define ALLREDUCE (UINT64_C(1) << BENCH_ALLREDUCE)

const struct bar bench_bars[] = {
    /* Two pinned ranks: one exchange, whatever travels with it. */
    {BAR_POINTS, BARRIER | ALLREDUCE | ALLGATHER, "int32", "8", "2", AGAINST_EXCHANGE, 1.2},
    {BAR_POINTS, BARRIER | ALLREDUCE | ALLGATHER, "int32", "8", "2", AGAINST_PEERS, 1},
    {BAR_POINTS, BROADCAST, "int32", "8", "2", AGAINST_PEERS, 1},
    {BAR_POINTS, BROADCAST | ALLGATHER, "counted tuple", "8", "2", AGAINST_FLAGS, 2.5},
    {BAR_POINTS, ALLREDUCE, "int32", "1K", "2", AGAINST_FLAGS, 1.6},
    {BAR_POINTS, ALLREDUCE, "int32", "1K", "2", AGAINST_PEERS, 2},
    /* Bandwidth: the least of bytes, moved once. */
    {BAR_POINTS, ALLREDUCE, "int32 float32", "256K 4M", "2", AGAINST_LOOPS, 1.15},
    {BAR_POINTS, ALLREDUCE, "int32 float32", "256K 4M", "2", AGAINST_PEERS, 4},
    {BAR_POINTS, ALLREDUCE, "float16 bfloat16", "4M", "2", AGAINST_LOOPS, 1.3},
    {BAR_POINTS, ALLREDUCE, "int32", "64M", "2", AGAINST_STREAM, 1.1},
    {BAR_POINTS, BROADCAST | ALLGATHER, "int32", "256K 4M", "2", AGAINST_LOOP, 1.1},
    {BAR_POINTS, BROADCAST | ALLGATHER, "int32", "256K 4M", "2", AGAINST_PEERS, 0.97},
    /* More ranks than processors. */
    {BAR_POINTS, BARRIER | ALLREDUCE | BROADCAST | ALLGATHER, "int32", "8 1K", "4 8 32", AGAINST_PEERS, 1},
    {BAR_POINTS, ALLREDUCE, "int32", "8 1K", "4 8 32", AGAINST_BARRIER, 1.3},
    {BAR_LOAD, BARRIER | ALLREDUCE | BROADCAST | ALLGATHER, "int32", "8 1K", "4 8 32", AGAINST_QUIET, 0.25},
    /* Waking up, idling, existing. */
    {BAR_WAKEUP, 0, "", "", "", AGAINST_FUTEX, 1.5},
    {BAR_IDLE, 0, "", "", "", AGAINST_NOTHING, 10},          /* ms */
    {BAR_CREATE_TIME, 0, "", "", "", AGAINST_NOTHING, 1000}, /* ms */
    {BAR_CREATE_BYTES, 0, "", "", "", AGAINST_NOTHING, 16384},
    {0},
};

const char *const bar_verdict_names[] = {"met", "MISSED", "not measured"};

/* The next word of a list, or false. */
static bool next_word(const char **list, char word[16])
{
    size_t length;
    *list += strspn(*list, " ");
    length = strcspn(*list, " ");
    if (length == 0)
        return false;
    snprintf(word, 16, "%.*s", (int)length, *list);
    *list += length;
    return true;
}

struct visitor {
    const struct bar *bar;
    void (*visit)(void *sink, const struct bar *bar, const struct bench_point *point);
    void *sink;
};

static void visit_point(const struct visitor *visitor, struct bench_point point)
{
    visitor->visit(visitor->sink, visitor->bar, &point);
    if (point.bytes > BENCH_LATENCY_BYTES) {
        point.rewritten = true;
        visitor->visit(visitor->sink, visitor->bar, &point);
    }
}

/* All types and sizes of one collective and one number of ranks. */
static void visit_collective(const struct visitor *visitor, enum bench_collective collective, int n_ranks)
{
    struct bench_point point = {.collective = collective, .n_ranks = n_ranks, .op = BENCH_SUM};
    const char *types = visitor->bar->types;
    for (char type[16], size[16]; next_word(&types, type);) {
        const char *sizes = visitor->bar->sizes;
        point.type = bench_type_by_name(type);
        while (next_word(&sizes, size)) {
            bench_parse_size(size, &point.bytes);
            if (collective == BENCH_BARRIER)
                point.bytes = 0;
            point.count = point.bytes / point.type->size;
            visit_point(visitor, point);
            if (collective == BENCH_BARRIER)
                return;
        }
    }
}

void bars_visit(const struct bar *bar,
                void (*visit)(void *sink, const struct bar *bar, const struct bench_point *point), void *sink)
{
    const struct visitor visitor = {bar, visit, sink};
    const char *list = bar->ranks;
    static_assert(BENCH_COLLECTIVES <= 64, "a bar's collectives are bits");
    if (bar->collectives == 0)
        visit(sink, bar, NULL);
    for (char ranks[16]; next_word(&list, ranks);)
        for (int c = 0; c < BENCH_COLLECTIVES; c++)
            if (bar->collectives >> c & 1)
                visit_collective(&visitor, (enum bench_collective)c, (int)strtol(ranks, NULL, 10));
}

struct points {
    struct bench_point *points;
    size_t n, capacity;
    bool crowded;
};

static void collect(void *sink, const struct bar *bar, const struct bench_point *point)
{
    struct points *points = sink;
    (void)bar;
    if ((point->n_ranks > 2) != points->crowded)
        return;
    for (size_t i = 0; i < points->n; i++)
        if (bench_point_equal(&points->points[i], point))
            return;
    if (points->n == points->capacity) {
        points->capacity = points->capacity ? 2 * points->capacity : 16;
        points->points = realloc(points->points, points->capacity * sizeof *points->points);
        if (points->points == NULL)
            abort(); /* some kilobytes */
    }
    points->points[points->n++] = *point;
}

static int by_ranks(const void *a, const void *b)
{
    const struct bench_point *x = a, *y = b;
    if (x->n_ranks != y->n_ranks)
        return x->n_ranks < y->n_ranks ? -1 : 1;
    return x->bytes < y->bytes ? -1 : x->bytes > y->bytes;
}

static bool has_peers(const struct bench_point *points, size_t n, const struct bench_point *point)
{
    for (size_t i = 0; i < n; i++)
        if (bench_point_equal(&points[i], point))
            return true;
    return false;
}

size_t bars_points(bool peers, bool crowded, struct bench_point **out)
{
    struct points with = {.crowded = crowded}, without = {.crowded = crowded};
    for (const struct bar *bar = bench_bars; bar->bar != 0; bar++)
        if (bar->what == BAR_POINTS)
            bars_visit(bar, collect, bar->against == AGAINST_PEERS ? &with : &without);
    size_t kept = 0; /* what is measured with peers is not measured again without */
    for (size_t i = 0; i < without.n; i++)
        if (!has_peers(with.points, with.n, &without.points[i]))
            without.points[kept++] = without.points[i];
    without.n = kept;
    struct points *wanted = peers ? &with : &without;
    free(peers ? without.points : with.points);
    if (wanted->n != 0)
        qsort(wanted->points, wanted->n, sizeof *wanted->points, by_ranks);
    *out = wanted->points;
    return wanted->n;
}

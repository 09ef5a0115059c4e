// SPDX-License-Identifier: MIT
/* bench_bars.h - `weft bench --bars`: what the library is to reach, beside what it reaches on this machine. */
#ifndef WEFT_BENCH_BARS_H
#define WEFT_BENCH_BARS_H

#include "bench_report.h"

/* What a row of figures is held against. */
enum bar_against {
    AGAINST_EXCHANGE, /* the least of flags, counter and pingpong */
    AGAINST_FLAGS,
    AGAINST_LOOPS, /* the least of loop and stream */
    AGAINST_LOOP,
    AGAINST_STREAM,
    AGAINST_PEERS,
    AGAINST_BARRIER, /* the library's own, of as many ranks */
    AGAINST_QUIET,   /* its own throughput on a quiet machine */
    AGAINST_FUTEX,
    AGAINST_NOTHING
};

enum bar_what { BAR_POINTS, BAR_LOAD, BAR_WAKEUP, BAR_IDLE, BAR_CREATE_TIME, BAR_CREATE_BYTES };

/* A bar holds at each of the points that its lists make: collectives x types x sizes x ranks, and, above
 * BENCH_LATENCY_BYTES, sources left alone and rewritten. */
struct bar {
    enum bar_what what;
    uint64_t collectives; /* 1 << BENCH_BARRIER and so on */
    const char *types;    /* "int32 float32" */
    const char *sizes;    /* "8 1K" */
    const char *ranks;    /* "4 8 32" */
    enum bar_against against;
    double bar; /* at most so many times what it is against; of peers: they take at least so many times the library's
                 * time; of throughput: at least this share */
};
/* Ended by one with bar 0. */
extern const struct bar bench_bars[];

/* The points of all bars that are compared with peers (or, `peers` false, of those that are not), for `crowded` ones with
 * more ranks than two or for two. Each once, ordered by ranks. Returns how many; *out is to be freed. */
size_t bars_points(bool peers, bool crowded, struct bench_point **out);
/* Calls `visit` for each point of a bar; for a bar without points once, with NULL. */
void bars_visit(const struct bar *bar,
                void (*visit)(void *sink, const struct bar *bar, const struct bench_point *point), void *sink);

/* Measures all bars on two processors and prints a line for each. `quick`: fewer launches and shorter windows. The report
 * keeps what was measured, and the lines. False when the library could not be measured, or gave a wrong result. */
bool bench_bars_run(struct bench_report *report, const struct bench_options *options, weft_wait wait, bool quick);

#endif

// SPDX-License-Identifier: MIT
/* peer_openmp.c - barrier and array reduction of an OpenMP runtime, inside one parallel region; compiled once with gcc
 * (libgomp) and once with clang (libomp), which PEER_NAME says.
 *
 * An allreduce is `omp for reduction` over an array that all share, as a program would write it; the result is left in that
 * array, where everybody may read it, and is not copied to each rank. The sum must start at zero: three arrays take turns,
 * and each operation clears the next one's (each rank its part), which its barrier makes visible to the next operation. */
#include "peer.h"

#include <omp.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifndef PEER_NAME
#define PEER_NAME "openmp"
#endif

enum { ROWS = 3, STACK_SHARE = 8 };

struct hold {
    _Alignas(64) const struct bench_point *point;
    int rank;
    int n_ranks;
    unsigned row;
};

static struct hold *holds;
static void *rows[ROWS]; /* shared, each of the point's size */

static int run_barrier(void *self, const struct bench_arguments *arguments)
{
    (void)self;
    (void)arguments;
#pragma omp barrier
    return 0;
}

static void clear_part(void *row, const struct hold *me)
{
    const size_t bytes = me->point->bytes, n = (size_t)me->n_ranks, r = (size_t)me->rank;
    const size_t from = bytes * r / n / 64 * 64, to = r + 1 == n ? bytes : bytes * (r + 1) / n / 64 * 64;
    memset((char *)row + from, 0, to - from);
}

/* The reduction's list item must be shared, so it is a global; one for each type, as the clause needs the type. */
#define ALLREDUCE(name, type)                                                                                          \
    static type *name##_total;                                                                                         \
    static int run_##name(void *self, const struct bench_arguments *arguments)                                         \
    {                                                                                                                  \
        struct hold *me = self;                                                                                        \
        const type *mine = (const type *)(const void *)arguments->send;                                                \
        const size_t count = me->point->count, from = me->row * count;                                                 \
        me->row = (me->row + 1) % ROWS;                                                                                \
        clear_part(name##_total + me->row * count, me);                                                                \
        _Pragma(                                                                                                       \
            "omp for schedule(static, 1) reduction(+ : name##_total[from : count])") for (int r = 0; r < me->n_ranks;  \
                                                                                          r++) for (size_t i = 0;      \
                                                                                                    i < count; i++)    \
            name##_total[from + i] += mine[i];                                                                         \
        return 0;                                                                                                      \
    }

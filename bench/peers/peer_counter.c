// SPDX-License-Identifier: MIT
/* peer_counter.c - the few lines that somebody writes who needs no library: a central counter, and sched_yield while it
 * has not come round. Small collectives are made of it: each rank leaves its payload in a slot of one of two rows, taken
 * in turn, and after the barrier everybody reads what it needs. Two rows are enough: who writes a row for the second time
 * has passed a barrier that all reached after reading it. */
#include "peer.h"

#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum { SLOT_BYTES = 4096 };

struct hold {
    _Alignas(64) const struct bench_point *point;
    int rank;
    unsigned row; /* 0 or 1 */
};

static struct {
    int n_ranks;
    _Alignas(64) atomic_uint arrived;
    _Alignas(64) atomic_uint generation;
    _Alignas(64) struct hold *holds;
    char *slots; /* two rows of n_ranks */
} counter;

static void wait(void)
{
    const unsigned generation = atomic_load_explicit(&counter.generation, memory_order_acquire);
    if (atomic_fetch_add_explicit(&counter.arrived, 1, memory_order_acq_rel) + 1 == (unsigned)counter.n_ranks) {
        atomic_store_explicit(&counter.arrived, 0, memory_order_relaxed); /* ordered by the release that follows */
        atomic_store_explicit(&counter.generation, generation + 1, memory_order_release);
        return;
    }
    while (atomic_load_explicit(&counter.generation, memory_order_acquire) == generation)
        sched_yield();
}

static char *slot_of(unsigned row, int rank)
{
    return counter.slots + ((size_t)row * (size_t)counter.n_ranks + (size_t)rank) * SLOT_BYTES;
}

static int run_barrier(void *self, const struct bench_arguments *arguments)
{
    (void)self;
    (void)arguments;
    wait();
    return 0;
}

static int run_broadcast(void *self, const struct bench_arguments *arguments)
{
    struct hold *me = self;
    const struct bench_point *point = me->point;
    const unsigned row = me->row ^= 1;
    if (me->rank == point->root)
        memcpy(slot_of(row, 0), arguments->send, point->bytes);
    wait();
    if (me->rank != point->root)
        memcpy(arguments->recv, slot_of(row, 0), point->bytes);
    return 0;
}

static int run_allgather(void *self, const struct bench_arguments *arguments)
{
    struct hold *me = self;
    const size_t bytes = me->point->bytes;
    const unsigned row = me->row ^= 1;
    memcpy(slot_of(row, me->rank), arguments->send, bytes);
    wait();
    for (int r = 0; r < counter.n_ranks; r++)
        memcpy(arguments->recv + (size_t)r * bytes, slot_of(row, r), bytes);
    return 0;
}

static void add(const struct bench_type *type, void *restrict out, const void *restrict in, size_t count)
{
    if (type->kind == BENCH_FLOAT && type->size == 4)
        for (size_t i = 0; i < count; i++)
            ((float *)out)[i] += ((const float *)in)[i];
    else if (type->kind == BENCH_FLOAT)
        for (size_t i = 0; i < count; i++)
            ((double *)out)[i] += ((const double *)in)[i];
    else if (type->size == 4)
        for (size_t i = 0; i < count; i++)
            ((uint32_t *)out)[i] += ((const uint32_t *)in)[i];
    else
        for (size_t i = 0; i < count; i++)
            ((uint64_t *)out)[i] += ((const uint64_t *)in)[i];
}

static int run_allreduce(void *self, const struct bench_arguments *arguments)
{
    struct hold *me = self;
    const struct bench_point *point = me->point;
    const unsigned row = me->row ^= 1;
    memcpy(slot_of(row, me->rank), arguments->send, point->bytes);
    wait();
    if (point->collective == BENCH_REDUCE && me->rank != point->root)
        return 0;
    memcpy(arguments->recv, slot_of(row, 0), point->bytes);
    for (int r = 1; r < counter.n_ranks; r++)
        add(point->type, arguments->recv, slot_of(row, r), point->count);
    return 0;
}

static bool adds(const struct bench_point *point)
{
    return point->op == BENCH_SUM && point->type->index_size == 0 && point->type->size >= 4;
}

static bench_operation prepare(void *state, const struct bench_rank *rank, void **self)
{
    const struct bench_point *point = rank->point;
    struct hold *me = &counter.holds[rank->rank];
    (void)state;
    me->point = point;
    me->rank = rank->rank;
    *self = me;
    if (point->collective == BENCH_BARRIER)
        return run_barrier;
    if (point->bytes > SLOT_BYTES || point->type->kind == BENCH_OBJECT)
        return NULL;
    switch (point->collective) {
    case BENCH_BROADCAST:
        return run_broadcast;
    case BENCH_ALLGATHER:
        return run_allgather;
    case BENCH_ALLREDUCE:
    case BENCH_REDUCE:
        return adds(point) ? run_allreduce : NULL;
    default:
        return NULL;
    }
}

static size_t create(int n_ranks, bool crowded, struct bench_subject *subjects)
{
    (void)crowded;
    counter.n_ranks = n_ranks;
    counter.holds = aligned_alloc(64, (size_t)n_ranks * sizeof *counter.holds);
    counter.slots = aligned_alloc(64, 2 * (size_t)n_ranks * SLOT_BYTES);
    if (counter.holds == NULL || counter.slots == NULL)
        abort();
    memset(counter.holds, 0, (size_t)n_ranks * sizeof *counter.holds);
    memset(counter.slots, 0, 2 * (size_t)n_ranks * SLOT_BYTES);
    atomic_init(&counter.arrived, 0);
    atomic_init(&counter.generation, 0);
    subjects[0] = (struct bench_subject){.name = "counter_yield", .prepare = prepare};
    return 1;
}

static void destroy(void)
{
    free(counter.holds);
    free(counter.slots);
}

int main(int argc, char **argv)
{
    const struct peer peer = {create, destroy};
    return peer_main(argc, argv, &peer);
}

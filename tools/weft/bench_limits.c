// SPDX-License-Identifier: MIT
/* bench_limits.c - bare exchanges and loops, with nothing around them: no arguments to check, no algorithm to choose,
 * nothing to find wrong, no pause in the polling loops. Where ranks share processors, they yield between two looks.
 *
 * Sequence numbers only grow, so none of them needs a second exchange before the next. */
#include "bench_limits.h"
#include "bench_kernels.h"

#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

const char *const limit_names[LIMITS] = {"flags", "counter", "pingpong", "loop", "stream"};

/* What one rank owns. The first two lines are written by it and read by others; the last it alone uses. */
struct owned {
    _Alignas(64) atomic_uint flag;
    _Alignas(64) atomic_uint ball;
    _Alignas(64) char *send;
    char *recv;
    size_t send_stride;
    size_t recv_stride;
    _Alignas(64) struct limits *limits;
    const struct bench_point *point;
    unsigned flag_count;
    unsigned ball_count;
    unsigned counter_count;
    int rank;
    char **targets; /* scratch for the loop: one pointer a rank */
    const char **sources;
};

struct limits {
    int n_ranks;
    bool crowded;
    _Alignas(64) atomic_uint arrived;
    _Alignas(64) atomic_uint generation;
    struct owned *owned;
};

/* Until *word has reached `value`; the distance is signed, so that numbers may wrap. */
static inline void await(const struct limits *limits, atomic_uint *word, unsigned value)
{
    while ((int)(atomic_load_explicit(word, memory_order_acquire) - value) < 0)
        if (limits->crowded)
            sched_yield();
}

static inline void exchange_flags(struct owned *me)
{
    struct limits *limits = me->limits;
    const unsigned number = ++me->flag_count;
    atomic_store_explicit(&me->flag, number, memory_order_release);
    for (int r = 0; r < limits->n_ranks; r++)
        await(limits, &limits->owned[r].flag, number);
}

static int run_flags(void *self, const struct bench_arguments *arguments)
{
    (void)arguments;
    exchange_flags(self);
    return 0;
}

static int run_counter(void *self, const struct bench_arguments *arguments)
{
    struct owned *me = self;
    struct limits *limits = me->limits;
    const unsigned number = ++me->counter_count;
    (void)arguments;
    if (atomic_fetch_add_explicit(&limits->arrived, 1, memory_order_acq_rel) + 1 == number * (unsigned)limits->n_ranks)
        atomic_store_explicit(&limits->generation, number, memory_order_release);
    else
        await(limits, &limits->generation, number);
    return 0;
}

/* Operation n carries a word from rank n mod 2 to the other one, so two of them are a round trip. True: it came here. */
static bool carry_word(struct owned *me)
{
    struct limits *limits = me->limits;
    const unsigned number = ++me->ball_count;
    const bool throws = (int)(number % 2) == me->rank;
    if (me->rank < 2 && throws)
        atomic_store_explicit(&me->ball, number, memory_order_release);
    else if (me->rank < 2)
        await(limits, &limits->owned[1 - me->rank].ball, number);
    return me->rank < 2 && !throws;
}

static int run_pingpong(void *self, const struct bench_arguments *arguments)
{
    (void)arguments;
    carry_word(self);
    return 0;
}

/* Bytes [*from, *from + result) of `bytes` are rank's share, in whole lines. */
static size_t slice_of(const struct limits *limits, int rank, size_t bytes, size_t *from)
{
    const size_t lines = (bytes + 63) / 64, n = (size_t)limits->n_ranks;
    const size_t begin = lines * (size_t)rank / n * 64, end = lines * ((size_t)rank + 1) / n * 64;
    *from = begin < bytes ? begin : bytes;
    return (end < bytes ? end : bytes) - *from;
}

/* This rank's slice of all vectors, summed from every rank's `sources` to the targets of all, or of the root. */
static void reduce_slice(struct owned *me, size_t slot, bool to_root, bool stream)
{
    const struct limits *limits = me->limits;
    const struct bench_point *point = me->point;
    size_t from;
    const size_t length = slice_of(limits, me->rank, point->bytes, &from);
    for (int r = 0; r < limits->n_ranks; r++) {
        me->sources[r] = limits->owned[r].send + slot * limits->owned[r].send_stride + from;
        me->targets[r] = limits->owned[r].recv + slot * limits->owned[r].recv_stride + from;
    }
    if (to_root)
        kernel_add(&me->targets[point->root], 1, me->sources, limits->n_ranks, length, stream);
    else
        kernel_add(me->targets, limits->n_ranks, me->sources, limits->n_ranks, length, stream);
}

/* This rank's own block, summed from every rank's block of that number. */
static void reduce_block(struct owned *me, char *recv, size_t slot, bool stream)
{
    const struct limits *limits = me->limits;
    for (int r = 0; r < limits->n_ranks; r++)
        me->sources[r] =
            limits->owned[r].send + slot * limits->owned[r].send_stride + (size_t)me->rank * me->point->bytes;
    kernel_add(&recv, 1, me->sources, limits->n_ranks, me->point->bytes, stream);
}

/* The block that `source` holds for this rank: its only one, or that with this rank's number. */
static void pull(struct owned *me, int source, char *target, size_t slot, bool own_block, bool stream)
{
    const struct owned *from = &me->limits->owned[source];
    const char *block = from->send + slot * from->send_stride + (own_block ? (size_t)me->rank * me->point->bytes : 0);
    kernel_copy(target, block, me->point->bytes, stream);
}

static void pull_all(struct owned *me, char *recv, size_t slot, bool own_block, bool stream)
{
    const int n = me->limits->n_ranks;
    for (int i = 0; i < n; i++) {
        const int source = (me->rank + i) % n;
        pull(me, source, recv + (size_t)source * me->point->bytes, slot, own_block, stream);
    }
}

/* Each rank writes its block into the root's result. */
static void push(struct owned *me, const char *send, size_t slot, bool stream)
{
    const struct owned *root = &me->limits->owned[me->point->root];
    kernel_copy(root->recv + slot * root->recv_stride + (size_t)me->rank * me->point->bytes, send, me->point->bytes,
                stream);
}

static void move_bytes(struct owned *me, const struct bench_arguments *arguments, bool stream)
{
    const int root = me->point->root;
    switch (bench_base(me->point)) {
    case BENCH_BROADCAST:
        if (me->rank != root)
            pull(me, root, arguments->recv, arguments->slot, false, stream);
        break;
    case BENCH_SCATTER:
        pull(me, root, arguments->recv, arguments->slot, true, stream);
        break;
    case BENCH_GATHER:
        push(me, arguments->send, arguments->slot, stream);
        break;
    case BENCH_ALLGATHER:
        pull_all(me, arguments->recv, arguments->slot, false, stream);
        break;
    case BENCH_ALLTOALL:
        pull_all(me, arguments->recv, arguments->slot, true, stream);
        break;
    case BENCH_ALLREDUCE:
        reduce_slice(me, arguments->slot, false, stream);
        break;
    case BENCH_REDUCE:
        reduce_slice(me, arguments->slot, true, stream);
        break;
    case BENCH_REDUCE_SCATTER:
        reduce_block(me, arguments->recv, arguments->slot, stream);
        break;
    case BENCH_SENDRECV:
        pull(me, (me->rank + me->limits->n_ranks - 1) % me->limits->n_ranks, arguments->recv, arguments->slot, false,
             stream);
        break;
    default:
        break;
    }
}

static int exchange_and_move(struct owned *me, const struct bench_arguments *arguments, bool stream)
{
    if (me->point->collective == BENCH_PINGPONG) { /* the next word, on its way back, says that it has been copied */
        if (carry_word(me))
            pull(me, 1 - me->rank, arguments->recv, arguments->slot, false, stream);
        return 0;
    }
    exchange_flags(me);
    move_bytes(me, arguments, stream);
    exchange_flags(me);
    return 0;
}

static int run_loop(void *self, const struct bench_arguments *arguments)
{
    return exchange_and_move(self, arguments, false);
}

static int run_stream(void *self, const struct bench_arguments *arguments)
{
    return exchange_and_move(self, arguments, true);
}

static void adopt(struct limits *limits, const struct bench_rank *rank, void **self)
{
    struct owned *me = &limits->owned[rank->rank];
    if (rank->rank == 0)
        limits->crowded = rank->team->crowded;
    me->point = rank->point;
    me->send = rank->buffers.send;
    me->recv = rank->buffers.recv;
    me->send_stride = rank->buffers.send_stride;
    me->recv_stride = rank->buffers.recv_stride;
    *self = me;
}

/* Bare exchanges are no limit of anything that takes longer to move; larger points do without. */
static bool has_exchange(const struct bench_point *point)
{
    return point->bytes <= BENCH_LATENCY_BYTES;
}

static bench_operation prepare_flags(void *state, const struct bench_rank *rank, void **self)
{
    adopt(state, rank, self);
    return has_exchange(rank->point) ? run_flags : NULL;
}

static bench_operation prepare_counter(void *state, const struct bench_rank *rank, void **self)
{
    adopt(state, rank, self);
    return has_exchange(rank->point) ? run_counter : NULL;
}

static bench_operation prepare_pingpong(void *state, const struct bench_rank *rank, void **self)
{
    adopt(state, rank, self);
    return has_exchange(rank->point) && rank->point->n_ranks >= 2 ? run_pingpong : NULL;
}

static bool has_loop(const struct bench_point *point)
{
    const enum bench_collective base = bench_base(point);
    return point->bytes > 56 && base != BENCH_SCAN && base != BENCH_EXSCAN &&
           (base != BENCH_PINGPONG || point->n_ranks >= 2);
}

static bench_operation prepare_loop(void *state, const struct bench_rank *rank, void **self)
{
    adopt(state, rank, self);
    return has_loop(rank->point) ? run_loop : NULL;
}

static bench_operation prepare_stream(void *state, const struct bench_rank *rank, void **self)
{
    adopt(state, rank, self);
    return has_loop(rank->point) && bench_least_bytes(rank->point) >= (1 << 20) ? run_stream : NULL;
}

static bool give_ranks(struct limits *limits)
{
    const size_t n = (size_t)limits->n_ranks;
    limits->owned = aligned_alloc(64, n * sizeof *limits->owned);
    if (limits->owned == NULL)
        return false;
    memset(limits->owned, 0, n * sizeof *limits->owned);
    for (size_t r = 0; r < n; r++) {
        struct owned *owned = &limits->owned[r];
        owned->limits = limits;
        owned->rank = (int)r;
        owned->targets = calloc(n, sizeof *owned->targets);
        owned->sources = calloc(n, sizeof *owned->sources);
        if (owned->targets == NULL || owned->sources == NULL)
            return false;
    }
    return true;
}

struct limits *limits_create(int n_ranks, struct bench_subject *subjects)
{
    bench_operation (*const prepare[LIMITS])(void *, const struct bench_rank *, void **) = {
        prepare_flags, prepare_counter, prepare_pingpong, prepare_loop, prepare_stream};
    struct limits *limits = aligned_alloc(64, sizeof *limits);
    if (limits == NULL)
        return NULL;
    memset(limits, 0, sizeof *limits);
    limits->n_ranks = n_ranks;
    if (!give_ranks(limits)) {
        limits_destroy(limits);
        return NULL;
    }
    for (int i = 0; i < LIMITS; i++)
        subjects[i] =
            (struct bench_subject){.name = limit_names[i], .prepare = prepare[i], .state = limits, .unchecked = true};
    return limits;
}

void limits_destroy(struct limits *limits)
{
    if (limits == NULL)
        return;
    for (int r = 0; limits->owned != NULL && r < limits->n_ranks; r++) {
        free(limits->owned[r].targets);
        free(limits->owned[r].sources);
    }
    free(limits->owned);
    free(limits);
}

// SPDX-License-Identifier: MIT
/* program.c - see program.h. */
#include "program.h"

#include "support.h"

#include <stdlib.h>
#include <string.h>

enum { COMMS = 4, FLIGHTS = 24, MOST = 3000, MOST_RANKS = 16 };

enum kind {
    BARRIER,
    BROADCAST,
    ALLGATHER,
    ALLREDUCE,
    REDUCE,
    GATHER,
    SCATTER,
    ALLTOALL,
    REDUCE_SCATTER,
    SCAN,
    EXSCAN,
    GATHERV,
    SCATTERV,
    ALLGATHERV,
    ALLTOALLV,
    REDUCE_SCATTERV,
    MESSAGE, /* a quarter of all are messages, or barriers */
    KINDS = MESSAGE + 4
};

struct flight {
    enum kind kind;
    int n, rank, root, shift; /* of the communicator; shift: messages go from rank r to r + shift */
    size_t count;
    int64_t base, *send, *recv;                     /* all send base + rank, base + rank + 1, ... */
    size_t counts[MOST_RANKS], offsets[MOST_RANKS]; /* of blocks that differ, up to `count` each */
    weft_request *requests[2];
    weft_message message;
};

struct rank {
    weft_comm *comms[COMMS];
    struct flight *flights[FLIGHTS];
    uint64_t own; /* random numbers of this rank's own */
    int in_flight;
};

/* Of the block of a rank, or of that between two ranks, which is the same both ways. */
static size_t uneven(const struct flight *flight, int r, int other)
{
    return flight->count * (size_t)((r + other + flight->root) % 3) / 2;
}

static struct flight *plan(weft_comm *comm, uint64_t *shared)
{
    struct flight *flight = test_alloc(sizeof *flight);
    *flight = (struct flight){.kind = (enum kind)random_below(shared, KINDS), .n = weft_comm_size(comm)};
    flight->kind = flight->kind > MESSAGE ? MESSAGE : flight->kind;
    flight->rank = weft_comm_rank(comm);
    uint64_t root = random_next(shared), shift = random_next(shared), long_one = random_below(shared, 5);
    flight->root = (int)(root % (uint64_t)flight->n);
    flight->shift = (int)(shift % (uint64_t)flight->n);
    flight->count = random_below(shared, long_one ? 30 : MOST);
    flight->base = (int64_t)(random_next(shared) >> 40);
    size_t all = (size_t)flight->n * flight->count;
    flight->send = test_alloc((all + 1) * sizeof *flight->send);
    flight->recv = test_alloc((all + 1) * sizeof *flight->recv);
    for (size_t i = 0; i < all; i++)
        flight->send[i] = flight->base + flight->rank + (int64_t)i;
    if (flight->kind == BROADCAST)
        memcpy(flight->recv, flight->send, flight->count * sizeof *flight->send);
    for (int r = 0; r < flight->n; r++) {
        flight->counts[r] = uneven(flight, r, flight->kind == ALLTOALLV ? flight->rank : 0);
        flight->offsets[r] = (size_t)r * flight->count;
    }
    return flight;
}

/* recv + offset is base + first, base + first + 1, ...; with times, each is so many times that, and more. */
static bool holds(const struct flight *flight, size_t offset, size_t count, int64_t first, int64_t times, int64_t more)
{
    for (size_t i = 0; i < count; i++)
        if (flight->recv[offset + i] != times * (flight->base + first + (int64_t)i) + more)
            return false;
    return true;
}

/* Block r, from rank r, which begins at `first` of what that rank sent; for all ranks. */
static bool blocks_hold(const struct flight *flight, bool differ, size_t first)
{
    for (int r = 0; r < flight->n; r++)
        if (!holds(flight, flight->offsets[r], differ ? flight->counts[r] : flight->count, r + (int64_t)first, 1, 0))
            return false;
    return true;
}

static bool right(const struct flight *flight)
{
    int64_t n = flight->n, rank = flight->rank, root = flight->root, all = n * (n - 1) / 2, before = 0;
    size_t count = flight->count, own = (size_t)rank * count;
    bool is_root = rank == root;
    switch (flight->kind) {
    case BARRIER:
        return true;
    case BROADCAST:
        return holds(flight, 0, count, root, 1, 0);
    case ALLGATHER:
    case ALLGATHERV:
        return blocks_hold(flight, flight->kind == ALLGATHERV, 0);
    case GATHER:
    case GATHERV:
        return !is_root || blocks_hold(flight, flight->kind == GATHERV, 0);
    case ALLTOALL:
    case ALLTOALLV:
        return blocks_hold(flight, flight->kind == ALLTOALLV, own);
    case SCATTER:
    case SCATTERV:
        return holds(flight, 0, flight->kind == SCATTER ? count : flight->counts[rank], root + (int64_t)own, 1, 0);
    case ALLREDUCE:
        return holds(flight, 0, count, 0, n, all);
    case REDUCE:
        return !is_root || holds(flight, 0, count, 0, n, all);
    case REDUCE_SCATTER:
        return holds(flight, 0, count, (int64_t)own, n, all);
    case REDUCE_SCATTERV:
        for (int r = 0; r < rank; r++)
            before += (int64_t)flight->counts[r];
        return holds(flight, 0, flight->counts[rank], before, n, all);
    case SCAN:
        return holds(flight, 0, count, 0, rank + 1, rank * (rank + 1) / 2);
    case EXSCAN:
        return rank == 0 || holds(flight, 0, count, 0, rank, rank * (rank - 1) / 2);
    default:
        return holds(flight, 0, count, (rank + n - flight->shift) % n, 1, 0);
    }
}

static void land(struct flight *flight)
{
    CHECK(right(flight), "kind %d, %zu elements, %d ranks, root %d, shift %d", (int)flight->kind, flight->count,
          flight->n, flight->root, flight->shift);
    free(flight->send);
    free(flight->recv);
    free(flight);
}

static weft_status message(weft_comm *comm, struct flight *f, bool blocks)
{
    int to = (f->rank + f->shift) % f->n, from = (f->rank + f->n - f->shift) % f->n, tag = (int)(f->base % 1000);
    if (blocks)
        return weft_sendrecv(comm, f->send, f->count, to, tag, f->recv, f->count, from, tag, WEFT_INT64, &f->message);
    CHECK_OK(weft_irecv(comm, f->recv, f->count, WEFT_INT64, from, tag, &f->message, &f->requests[0]));
    return weft_isend(comm, f->send, f->count, WEFT_INT64, to, tag, &f->requests[1]);
}

/* The call, or the start of it. */
#define CALL(name, ...) (blocks ? weft_##name(comm, __VA_ARGS__) : weft_i##name(comm, __VA_ARGS__, &f->requests[0]))

static weft_status fly_blocks(weft_comm *comm, struct flight *f, bool blocks)
{
    size_t own = f->counts[f->rank];
    const weft_type *type = WEFT_INT64;
    switch (f->kind) {
    case GATHER:
        return CALL(gather, f->send, f->recv, f->count, type, f->root);
    case SCATTER:
        return CALL(scatter, f->send, f->recv, f->count, type, f->root);
    case ALLTOALL:
        return CALL(alltoall, f->send, f->recv, f->count, type);
    case GATHERV:
        return CALL(gatherv, f->send, own, f->recv, f->counts, f->offsets, type, f->root);
    case SCATTERV:
        return CALL(scatterv, f->send, f->counts, f->offsets, f->recv, own, type, f->root);
    case ALLGATHERV:
        return CALL(allgatherv, f->send, own, f->recv, f->counts, f->offsets, type);
    default:
        return CALL(alltoallv, f->send, f->counts, f->offsets, f->recv, f->counts, f->offsets, type);
    }
}

static weft_status fly(weft_comm *comm, struct flight *f, bool blocks)
{
    const weft_type *type = WEFT_INT64;
    switch (f->kind) {
    case BARRIER:
        return blocks ? weft_barrier(comm) : weft_ibarrier(comm, &f->requests[0]);
    case BROADCAST:
        return CALL(broadcast, f->recv, f->count, type, f->root);
    case ALLGATHER:
        return CALL(allgather, f->send, f->recv, f->count, type);
    case ALLREDUCE:
        return CALL(allreduce, f->send, f->recv, f->count, type, WEFT_SUM);
    case REDUCE:
        return CALL(reduce, f->send, f->recv, f->count, type, WEFT_SUM, f->root);
    case REDUCE_SCATTER:
        return CALL(reduce_scatter, f->send, f->recv, f->count, type, WEFT_SUM);
    case REDUCE_SCATTERV:
        return CALL(reduce_scatterv, f->send, f->recv, f->counts, type, WEFT_SUM);
    case SCAN:
        return CALL(scan, f->send, f->recv, f->count, type, WEFT_SUM);
    case EXSCAN:
        return CALL(exscan, f->send, f->recv, f->count, type, WEFT_SUM);
    case MESSAGE:
        return message(comm, f, blocks);
    default:
        return fly_blocks(comm, f, blocks);
    }
}

/* One that is in flight, or all: by wait_one, wait_all, wait_any or test, as this rank likes. */
static void finish_one(struct rank *rank, int index)
{
    struct flight *f = rank->flights[index];
    size_t any;
    switch (random_below(&rank->own, 4)) {
    case 0:
        CHECK_OK(weft_wait_all(f->requests, 2));
        break;
    case 1:
        CHECK_OK(weft_wait_any(f->requests, 2, &any));
        CHECK_OK(weft_wait_all(f->requests, 2));
        break;
    case 2:
        for (int i = 0; i < 1000 && f->requests[0] != NULL; i++)
            if (weft_test(&f->requests[0]) != WEFT_PENDING)
                break;
        /* fall through */
    default:
        CHECK_OK(weft_wait_one(&f->requests[1]));
        CHECK_OK(weft_wait_one(&f->requests[0]));
    }
    land(f);
    rank->flights[index] = rank->flights[--rank->in_flight];
}

/* The parts of the world that the communicator at `index` is split into, from the first one. */
static void split_anew(struct rank *rank, int index, uint64_t *shared)
{
    int parts = 1 + (int)random_below(shared, 3);
    while (rank->in_flight > 0)
        finish_one(rank, (int)random_below(&rank->own, (uint64_t)rank->in_flight));
    if (rank->comms[index] != NULL)
        CHECK_OK(weft_comm_destroy(rank->comms[index]));
    int own = weft_comm_rank(rank->comms[0]);
    CHECK_OK(weft_comm_split(rank->comms[0], own % parts, -own, &rank->comms[index]));
}

void run_program(weft_comm *comm, void *arg)
{
    const struct program *program = arg;
    uint64_t shared = program->seed;
    struct rank *rank = test_alloc(sizeof *rank);
    memset(rank, 0, sizeof *rank);
    rank->own = program->seed * 31 + (uint64_t)weft_comm_rank(comm);
    rank->comms[0] = comm;
    for (int i = 1; i < COMMS; i++)
        split_anew(rank, i, &shared);
    for (int step = 0; step < program->steps; step++) {
        uint64_t what = random_below(&shared, 100);
        int index = (int)random_below(&shared, COMMS);
        uint64_t call = random_next(&shared); /* parts of a split differ in size, and so in how they go on */
        weft_comm *at = rank->comms[index];
        if (what < 2 && index > 0) {
            split_anew(rank, index, &shared);
            continue;
        }
        struct flight *flight = plan(at, &call);
        CHECK_OK(fly(at, flight, what < 40));
        if (what < 40)
            land(flight);
        else
            rank->flights[rank->in_flight++] = flight;
        while (rank->in_flight == FLIGHTS || (rank->in_flight > 0 && random_below(&rank->own, 3) == 0))
            finish_one(rank, (int)random_below(&rank->own, (uint64_t)rank->in_flight));
    }
    while (rank->in_flight > 0)
        finish_one(rank, 0);
    for (int i = 1; i < COMMS; i++)
        CHECK_OK(weft_comm_destroy(rank->comms[i]));
    free(rank);
}

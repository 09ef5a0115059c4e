// SPDX-License-Identifier: MIT
/* A random program: all ranks execute the same sequence of blocking collectives, nonblocking ones, messages and splits on random
 * communicators, and finish what is in flight in orders of their own; every element that comes is checked. The program follows from a
 * seed, which stands in the messages; WEFT_TEST_SCALE=100 is the long form (make fuzz). */
#include "cases.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { COMMS = 4, FLIGHTS = 24, MOST = 3000 };

enum kind { BARRIER, BROADCAST, ALLGATHER, ALLREDUCE, REDUCE, MESSAGE, KINDS };

struct flight {
    enum kind kind;
    int n, rank, root, shift; /* of the communicator; shift: messages go from rank r to r + shift */
    size_t count;
    int64_t base, *send, *recv;
    weft_request *requests[2];
    weft_message message;
};

struct rank {
    weft_comm *comms[COMMS];
    struct flight flights[FLIGHTS];
    uint64_t own; /* random numbers of this rank's own */
    int in_flight;
};

static void plan(struct flight *flight, weft_comm *comm, uint64_t *shared)
{
    *flight = (struct flight){.kind = (enum kind)random_below(shared, KINDS), .n = weft_comm_size(comm)};
    flight->rank = weft_comm_rank(comm);
    uint64_t root = random_next(shared), shift = random_next(shared), long_one = random_below(shared, 5);
    flight->root = (int)(root % (uint64_t)flight->n);
    flight->shift = (int)(shift % (uint64_t)flight->n);
    flight->count = random_below(shared, long_one ? 30 : MOST);
    flight->base = (int64_t)(random_next(shared) >> 40);
    flight->send = test_alloc((flight->count + 1) * sizeof *flight->send);
    flight->recv = test_alloc(((size_t)flight->n * flight->count + 1) * sizeof *flight->recv);
    for (size_t i = 0; i < flight->count; i++)
        flight->send[i] = flight->base + flight->rank + (int64_t)i;
    if (flight->kind == BROADCAST)
        memcpy(flight->recv, flight->send, flight->count * sizeof *flight->send);
}

static void land(struct flight *flight)
{
    int64_t n = flight->n;
    bool right = true;
    for (size_t i = 0; right && i < flight->count; i++) {
        int64_t at = flight->base + (int64_t)i, sum = n * at + n * (n - 1) / 2;
        switch (flight->kind) {
        case BROADCAST:
            right = flight->recv[i] == at + flight->root;
            break;
        case ALLGATHER:
            for (int r = 0; right && r < n; r++)
                right = flight->recv[(size_t)r * flight->count + i] == at + r;
            break;
        case ALLREDUCE:
            right = flight->recv[i] == sum;
            break;
        case REDUCE:
            right = flight->rank != flight->root || flight->recv[i] == sum;
            break;
        case MESSAGE:
            right = flight->recv[i] == at + (flight->rank + flight->n - flight->shift) % flight->n;
            break;
        default:
            break;
        }
    }
    CHECK(right, "kind %d, %zu elements, %d ranks, root %d, shift %d", (int)flight->kind, flight->count, flight->n,
          flight->root, flight->shift);
    free(flight->send);
    free(flight->recv);
}

static void message(weft_comm *comm, struct flight *f, bool blocks)
{
    int to = (f->rank + f->shift) % f->n, from = (f->rank + f->n - f->shift) % f->n, tag = (int)(f->base % 1000);
    if (blocks) {
        CHECK_OK(
            weft_sendrecv(comm, f->send, f->count, to, tag, f->recv, f->count, from, tag, WEFT_INT64, &f->message));
        return;
    }
    CHECK_OK(weft_irecv(comm, f->recv, f->count, WEFT_INT64, from, tag, &f->message, &f->requests[0]));
    CHECK_OK(weft_isend(comm, f->send, f->count, WEFT_INT64, to, tag, &f->requests[1]));
}

static void fly(weft_comm *comm, struct flight *f)
{
    weft_request **request = &f->requests[0];
    switch (f->kind) {
    case BARRIER:
        CHECK_OK(weft_ibarrier(comm, request));
        break;
    case BROADCAST:
        CHECK_OK(weft_ibroadcast(comm, f->recv, f->count, WEFT_INT64, f->root, request));
        break;
    case ALLGATHER:
        CHECK_OK(weft_iallgather(comm, f->send, f->recv, f->count, WEFT_INT64, request));
        break;
    case ALLREDUCE:
        CHECK_OK(weft_iallreduce(comm, f->send, f->recv, f->count, WEFT_INT64, WEFT_SUM, request));
        break;
    case REDUCE:
        CHECK_OK(weft_ireduce(comm, f->send, f->recv, f->count, WEFT_INT64, WEFT_SUM, f->root, request));
        break;
    default:
        message(comm, f, false);
    }
}

static void perform(weft_comm *comm, struct flight *f)
{
    switch (f->kind) {
    case BARRIER:
        CHECK_OK(weft_barrier(comm));
        break;
    case BROADCAST:
        CHECK_OK(weft_broadcast(comm, f->recv, f->count, WEFT_INT64, f->root));
        break;
    case ALLGATHER:
        CHECK_OK(weft_allgather(comm, f->send, f->recv, f->count, WEFT_INT64));
        break;
    case ALLREDUCE:
        CHECK_OK(weft_allreduce(comm, f->send, f->recv, f->count, WEFT_INT64, WEFT_SUM));
        break;
    case REDUCE:
        CHECK_OK(weft_reduce(comm, f->send, f->recv, f->count, WEFT_INT64, WEFT_SUM, f->root));
        break;
    default:
        message(comm, f, true);
    }
}

/* One that is in flight, or all: by wait_one, wait_all, wait_any or test, as this rank likes. */
static void finish_one(struct rank *rank, int index)
{
    struct flight *f = &rank->flights[index];
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
    *f = rank->flights[--rank->in_flight];
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

struct program {
    uint64_t seed;
    int steps;
};

static void run_program(weft_comm *comm, void *arg)
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
        struct flight *flight = &rank->flights[rank->in_flight];
        plan(flight, at, &call);
        if (what < 40) {
            perform(at, flight);
            land(flight);
        } else {
            fly(at, flight);
            rank->in_flight++;
        }
        while (rank->in_flight == FLIGHTS || (rank->in_flight > 0 && random_below(&rank->own, 3) == 0))
            finish_one(rank, (int)random_below(&rank->own, (uint64_t)rank->in_flight));
    }
    while (rank->in_flight > 0)
        finish_one(rank, 0);
    for (int i = 1; i < COMMS; i++)
        CHECK_OK(weft_comm_destroy(rank->comms[i]));
    free(rank);
}

static void random_programs_compute_what_they_should(void **unused)
{
    (void)unused;
    static const int ranks[] = {2, 3, 8, 1, 5, 16};
    uint64_t state = test_seed();
    for (int i = 0; i < scaled(24); i++) {
        struct program program = {random_next(&state), 300};
        weft_config config = WEFT_CONFIG_INIT;
        char algorithms[400];
        random_algorithms(&state, algorithms, sizeof algorithms);
        config.algorithms = i % 2 ? algorithms : NULL;
        config.wait = i % 3 ? WEFT_WAIT_AUTO : WEFT_WAIT_BLOCK;
        config.timeout_ns = 40000000000;
        int n = ranks[i % 6];
        test_watchdog(120);
        test_case("program %d, %d ranks, wait %s, algorithms %s", i, n, wait_name(config.wait),
                  config.algorithms ? algorithms : "(chosen)");
        run_ranks(n, &config, run_program, &program);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(random_programs_compute_what_they_should)};
    return RUN_TESTS("random_program", tests);
}

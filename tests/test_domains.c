// SPDX-License-Identifier: MIT
/* The algorithms that follow the topology, on machines that WEFT_TOPOLOGY describes: ranks in order, in reverse, scattered over the caches,
 * and in numbers that do not fit; every result is the oracle's, bit by bit. */
#include "cases.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <weft/info.h>

#define ALGORITHMS "barrier:domains,broadcast:domains,allgather:domains,allreduce:domains"

enum { MAX_ITEMS = 60 };

struct plan {
    const char *topology;
    int n_ranks;
    int stride; /* new rank of rank r: r * stride modulo n_ranks, or as near as that comes */
    struct item items[MAX_ITEMS];
    size_t count;
};

/* The ranks come to the communicator that is tested in an order of their own: its rank r is not on processor r. */
static void run_reordered(weft_comm *comm, void *arg)
{
    const struct plan *plan = arg;
    weft_comm *reordered = NULL;
    if (!CHECK_OK(weft_comm_split(comm, 0, weft_comm_rank(comm) * plan->stride % plan->n_ranks, &reordered)))
        return;
    items_run(plan->items, plan->count, reordered);
    weft_comm_destroy(reordered);
}

static void make_items(struct plan *plan, uint64_t *state, size_t max_bytes)
{
    static const char *const collectives[] = {"barrier", "broadcast", "allgather", "allreduce"};
    while (plan->count < MAX_ITEMS) {
        struct oracle_call call = random_call(state, plan->n_ranks, max_bytes);
        bool ours = false;
        for (size_t c = 0; c < 4; c++)
            ours = ours || strcmp(call.collective->name, collectives[c]) == 0;
        if (ours)
            item_make(&plan->items[plan->count++], state, &call, NULL);
    }
}

static void run_plan(const char *topology, int n_ranks, int stride, uint64_t *state)
{
    struct plan *plan = test_alloc(sizeof *plan);
    *plan = (struct plan){.topology = topology, .n_ranks = n_ranks, .stride = stride};
    weft_config config = WEFT_CONFIG_INIT;
    config.algorithms = ALGORITHMS;
    test_watchdog(120);
    test_case("%d ranks, in steps of %d, on \"%s\"", n_ranks, stride, topology);
    make_items(plan, state, n_ranks <= 33 ? (size_t)4 << 20 : (size_t)1 << 20);
    setenv("WEFT_TOPOLOGY", topology, 1);
    run_ranks(n_ranks, &config, run_reordered, plan);
    unsetenv("WEFT_TOPOLOGY");
    for (size_t i = 0; i < plan->count; i++)
        item_free(&plan->items[i]);
    free(plan);
}

static void every_machine(void **unused)
{
    (void)unused;
    static const char *const machines[] = {
        "package:2 l3:8 core:8 pu:1",  /* a team is a cache */
        "package:2 l3:3 core:3 pu:1",  /* 18 processors: not all ranks fit, and a cache is no power of two */
        "package:2 l3:1 core:12 pu:1", /* a cache has more than a team */
        "package:4 l3:4 core:1 pu:1",  /* every rank alone */
        "package:1 l2:2 core:2 pu:2"};
    static const int rank_counts[] = {2, 5, 8, 13, 18, 33};
    uint64_t state = test_seed();
    for (size_t m = 0; m < sizeof machines / sizeof machines[0]; m++)
        for (size_t n = 0; n < sizeof rank_counts / sizeof rank_counts[0]; n++) {
            if (test_scale() >= 1 || random_below(&state, 100) < 100 * test_scale())
                run_plan(machines[m], rank_counts[n], 1 + 2 * (int)random_below(&state, 4), &state);
        }
}

static void two_packages_of_eight_caches_of_eight_cores(void **unused)
{
    (void)unused;
    uint64_t state = test_seed();
    static const int strides[] = {1, 127, 8, 5};
    for (size_t i = 0; i < sizeof strides / sizeof strides[0]; i++)
        if (test_scale() >= 1 || i % 2 == 1)
            run_plan("package:2 l3:8 core:8 pu:1", 128, strides[i], &state);
}

/* An allgather of 144 bytes takes 21 lines, the most that there are. Where they stand at the end of a ring, they stay in it: what lies
 * behind is the next rank's, which tells there how far it has read. */
static void gather_the_longest(weft_comm *comm, void *arg)
{
    (void)arg;
    enum { BYTES = 144, CALLS = 300, FLIGHTS = 2, RANKS = 8 };
    unsigned char send[FLIGHTS][BYTES], recv[FLIGHTS][RANKS][BYTES], expected[BYTES];
    weft_request *requests[FLIGHTS] = {NULL, NULL};
    for (int call = 0; call < CALLS + FLIGHTS; call++) {
        int flight = call % FLIGHTS;
        if (!CHECK_OK(weft_wait_one(&requests[flight])))
            return;
        for (int rank = 0; rank < RANKS && call >= FLIGHTS; rank++) {
            memset(expected, call - FLIGHTS + rank, BYTES);
            CHECK(memcmp(recv[flight][rank], expected, BYTES) == 0, "call %d, rank %d", call - FLIGHTS, rank);
        }
        memset(send[flight], call + weft_comm_rank(comm), BYTES);
        if (call < CALLS)
            CHECK_OK(weft_iallgather(comm, send[flight], recv[flight], BYTES, WEFT_BYTE, &requests[flight]));
        if (call % 7 == 0) /* so that each place in the ring has its turn */
            CHECK_OK(weft_barrier(comm));
    }
}

static void the_longest_stay_in_the_ring(void **unused)
{
    (void)unused;
    weft_config config = WEFT_CONFIG_INIT;
    config.algorithms = "allgather:domains,barrier:flat";
    config.timeout_ns = 10000000000;
    test_case("8 ranks, allgather of 144 bytes");
    setenv("WEFT_TOPOLOGY", "package:2 l3:8 core:8 pu:1", 1);
    run_ranks(8, &config, gather_the_longest, NULL);
    unsetenv("WEFT_TOPOLOGY");
}

/* Threads of no fixed place, and all handles made by one thread. */
static void nothing_is_known_of_the_ranks(void **unused)
{
    (void)unused;
    uint64_t state = test_seed();
    run_plan("", 24, 1, &state);
    run_plan("", 24, 7, &state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(every_machine),
        TEST(two_packages_of_eight_caches_of_eight_cores),
        TEST(the_longest_stay_in_the_ring),
        TEST(nothing_is_known_of_the_ranks),
    };
    return RUN_TESTS("domains", tests);
}

// SPDX-License-Identifier: MIT
/* Failures of communicators: ranks that disagree, ranks that do not come, ranks that leave, bodies of weft_run that fail.
 * Everybody gets the status and a sentence that says who did what; nobody hangs; the cause stays. Each is tried on every
 * algorithm, wait policy and several numbers of ranks. */
#include "cases.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <weft/info.h>

static const weft_wait waits[] = {WEFT_WAIT_AUTO, WEFT_WAIT_BLOCK, WEFT_WAIT_SPIN};

/* One side of a disagreement. */
struct side {
    const char *collective;
    size_t count;
    const weft_type *type;
    const weft_op *op;
    int root;
};

static const weft_type twin_of_int32 = {.name = "int32", .size = 8};
static const weft_type seconds = {.name = "seconds", .size = 4}, metres = {.name = "metres", .size = 4};

static weft_status keep_right(const weft_op *op, const weft_type *type, const void *in, void *inout, size_t count)
{
    (void)op, (void)type, (void)in, (void)inout, (void)count;
    return WEFT_OK;
}
static const weft_op ordered = {.name = "last", .combine = keep_right},
                     unordered = {.name = "last", .combine = keep_right, .commutative = true};

struct disagreement {
    struct side others, culprits;
    int culprit;
};

static weft_status make_call(weft_comm *comm, const struct side *side, void *send, void *recv)
{
    struct oracle_call call = {.collective = oracle_collective_by_name(side->collective),
                               .n_ranks = weft_comm_size(comm),
                               .count = side->count,
                               .type = side->type,
                               .op = side->op,
                               .root = side->root};
    return oracle_perform(&call, comm, send, recv);
}

/* What did not need the others may succeed; before the third call after it everybody knows. */
static void disagree(weft_comm *comm, void *arg)
{
    const struct disagreement *it = arg;
    const struct side *side = weft_comm_rank(comm) == it->culprit ? &it->culprits : &it->others;
    size_t most = it->others.count > it->culprits.count ? it->others.count : it->culprits.count;
    size_t bytes = 2 * most * 8 + 8,
           n = (size_t)weft_comm_size(comm); /* blocks that differ are of up to twice the count */
    unsigned char *send = calloc(n, bytes), *recv = calloc(n, bytes);
    weft_status status = make_call(comm, side, send, recv);
    for (int i = 0; i < 3 && status == WEFT_OK; i++)
        status = weft_barrier(comm);
    CHECK_STATUS(WEFT_ERR_MISMATCH, status);
    CHECK_ERROR_SAYS(it->others.collective, -1);
    CHECK_ERROR_SAYS(it->culprits.collective, -1);
    CHECK_ERROR_SAYS("rank", it->culprit);
    CHECK_STATUS(WEFT_ERR_MISMATCH, weft_comm_status(comm));
    CHECK_STATUS(WEFT_ERR_MISMATCH, weft_barrier(comm));
    CHECK_ERROR_SAYS(it->culprits.collective, it->culprit);
    free(send);
    free(recv);
}

static const struct {
    struct side others, culprits;
} disagreements[] = {
    {{"barrier", 0, NULL, NULL, 0}, {"allreduce", 1, &weft_int32, &weft_sum, 0}},
    {{"allreduce", 1, &weft_int32, &weft_sum, 0}, {"reduce", 1, &weft_int32, &weft_sum, 0}},
    {{"allgather", 3, &weft_int32, NULL, 0}, {"broadcast", 3, &weft_int32, NULL, 0}},
    {{"broadcast", 3, &weft_int32, NULL, 0}, {"barrier", 0, NULL, NULL, 0}},
    {{"allreduce", 4, &weft_int32, &weft_sum, 0}, {"allreduce", 5, &weft_int32, &weft_sum, 0}},
    {{"allreduce", 0, &weft_int32, &weft_sum, 0}, {"allreduce", 1, &weft_int32, &weft_sum, 0}},
    {{"allreduce", 100, &weft_int32, &weft_sum, 0}, {"allreduce", 101, &weft_int32, &weft_sum, 0}},
    {{"allreduce", 9, &weft_int32, &weft_sum, 0}, {"allreduce", 40000, &weft_int32, &weft_sum, 0}},
    {{"allreduce", 40001, &weft_int32, &weft_sum, 0}, {"allreduce", 40000, &weft_int32, &weft_sum, 0}},
    {{"allreduce", 40000, &weft_int32, &weft_sum, 0}, {"allgather", 40000, &weft_int32, NULL, 0}},
    {{"allreduce", 7, &weft_int32, &weft_sum, 0}, {"allreduce", 7, &weft_int32, &weft_max, 0}},
    {{"allreduce", 7, &weft_int32, &weft_sum, 0}, {"allreduce", 7, &weft_float32, &weft_sum, 0}},
    {{"allreduce", 40000, &weft_int32, &weft_sum, 0}, {"allreduce", 40000, &weft_uint32, &weft_sum, 0}},
    {{"allreduce", 2, &seconds, &ordered, 0}, {"allreduce", 2, &metres, &ordered, 0}},
    {{"allreduce", 2, &seconds, &ordered, 0}, {"allreduce", 2, &seconds, &unordered, 0}},
    {{"broadcast", 4, &weft_int32, NULL, 0}, {"broadcast", 5, &weft_int32, NULL, 0}},
    {{"broadcast", 40000, &weft_int32, NULL, 0}, {"broadcast", 3, &weft_int32, NULL, 0}},
    {{"broadcast", 4, &weft_int32, NULL, 0}, {"broadcast", 4, &weft_int32, NULL, 1}},
    {{"broadcast", 40000, &weft_int32, NULL, 0}, {"broadcast", 40000, &weft_int32, NULL, 1}},
    {{"broadcast", 4, &weft_int32, NULL, 0}, {"broadcast", 4, &weft_float32, NULL, 0}},
    {{"broadcast", 2, &twin_of_int32, NULL, 0}, {"broadcast", 2, &weft_int32, NULL, 0}},
    {{"allgather", 4, &weft_int32, NULL, 0}, {"allgather", 3, &weft_int32, NULL, 0}},
    {{"allgather", 9000, &weft_int32, NULL, 0}, {"allgather", 9000, &weft_uint32, NULL, 0}},
    {{"reduce", 4, &weft_int32, &weft_sum, 1}, {"reduce", 4, &weft_int32, &weft_sum, 0}},
    {{"reduce", 40000, &weft_int32, &weft_sum, 1}, {"reduce", 40000, &weft_int32, &weft_prod, 1}},
    {{"gather", 4, &weft_int32, NULL, 1}, {"gather", 5, &weft_int32, NULL, 1}},
    {{"gather", 40000, &weft_int32, NULL, 1}, {"gather", 5, &weft_int32, NULL, 1}},
    {{"gather", 9000, &weft_int32, NULL, 1}, {"gather", 9000, &weft_int32, NULL, 0}},
    {{"gather", 4, &weft_int32, NULL, 1}, {"gatherv", 4, &weft_int32, NULL, 1}},
    {{"gatherv", 4, &weft_int32, NULL, 1}, {"gatherv", 4, &weft_uint32, NULL, 1}},
    {{"scatter", 4, &weft_int32, NULL, 1}, {"scatter", 4, &weft_int32, NULL, 0}},
    {{"scatter", 9000, &weft_int32, NULL, 0}, {"scatter", 9001, &weft_int32, NULL, 0}},
    {{"scatterv", 9000, &weft_int32, NULL, 0}, {"scatter", 9000, &weft_int32, NULL, 0}},
    {{"alltoall", 2, &weft_int32, NULL, 0}, {"alltoall", 3, &weft_int32, NULL, 0}},
    {{"alltoall", 9000, &weft_int32, NULL, 0}, {"allgather", 9000, &weft_int32, NULL, 0}},
    {{"alltoallv", 2, &weft_int32, NULL, 0}, {"alltoall", 2, &weft_int32, NULL, 0}},
    {{"allgatherv", 2, &weft_int32, NULL, 0}, {"allgatherv", 4, &weft_int32, NULL, 0}},
    {{"allgatherv", 9000, &weft_int32, NULL, 0}, {"barrier", 0, NULL, NULL, 0}},
    {{"reduce_scatter", 2, &weft_int32, &weft_sum, 0}, {"reduce_scatter", 2, &weft_int32, &weft_min, 0}},
    {{"reduce_scatter", 9000, &weft_int32, &weft_sum, 0}, {"reduce_scatter", 9001, &weft_int32, &weft_sum, 0}},
    {{"reduce_scatterv", 900, &weft_int32, &weft_sum, 0}, {"reduce_scatter", 900, &weft_int32, &weft_sum, 0}},
    {{"scan", 2, &weft_int32, &weft_sum, 0}, {"exscan", 2, &weft_int32, &weft_sum, 0}},
    {{"scan", 9000, &weft_int32, &weft_sum, 0}, {"scan", 2, &weft_int32, &weft_sum, 0}},
    {{"exscan", 9000, &weft_int32, &weft_sum, 0}, {"exscan", 9000, &weft_float32, &weft_sum, 0}},
};
enum { N_DISAGREEMENTS = sizeof disagreements / sizeof disagreements[0] };

static void try_disagreement(size_t i, int n_ranks, int culprit, weft_wait wait, const char *algorithms)
{
    struct disagreement it = {disagreements[i].others, disagreements[i].culprits, culprit};
    weft_config config = WEFT_CONFIG_INIT;
    config.wait = wait;
    config.algorithms = algorithms;
    test_case("%s(%zu) of %d ranks against %s(%zu) of rank %d, disagreement %zu, wait %s, algorithms %s",
              it.others.collective, it.others.count, n_ranks, it.culprits.collective, it.culprits.count, culprit, i,
              wait_name(wait), algorithms ? algorithms : "of the library's choice");
    run_ranks(n_ranks, &config, disagree, &it);
}

static void ranks_that_disagree_are_told(void **unused)
{
    (void)unused;
    static const int ranks[] = {2, 3, 5, 8, 17};
    uint64_t state = test_seed();
    for (size_t i = 0; i < N_DISAGREEMENTS; i++)
        for (size_t n = test_scale() < 1 ? i % 2 : 0; n < 5; n += test_scale() < 1 ? 2 : 1)
            try_disagreement(i, ranks[n], (int)random_below(&state, (uint64_t)ranks[n]),
                             waits[random_below(&state, ranks[n] <= 3 ? 3 : 2)], NULL);
}

static void ranks_that_disagree_are_told_by_every_algorithm(void **unused)
{
    (void)unused;
    uint64_t state = test_seed();
    for (int repeat = 0; repeat < scaled(300); repeat++) {
        char algorithms[400];
        random_algorithms(&state, algorithms, sizeof algorithms);
        int n = 2 + (int)random_below(&state, 5);
        try_disagreement(random_below(&state, N_DISAGREEMENTS), n, (int)random_below(&state, (uint64_t)n),
                         waits[random_below(&state, n <= 3 ? 3 : 2)], algorithms);
    }
}

/* Half of the ranks are one call ahead: found, though both sides make the same calls. */
static void skip_a_call(weft_comm *comm, void *arg)
{
    (void)arg;
    int data[4] = {1, 2, 3, 4}, out[4];
    weft_status status = WEFT_OK;
    if (weft_comm_rank(comm) != 1)
        status = weft_broadcast(comm, data, 4, WEFT_INT32, 2);
    for (int i = 0; i < 3 && status == WEFT_OK; i++)
        status = weft_allreduce(comm, data, out, 4, WEFT_INT32, WEFT_SUM);
    CHECK_STATUS(WEFT_ERR_MISMATCH, status);
    CHECK_ERROR_SAYS("broadcast", 1);
}

static void forgotten_calls_are_found(void **unused)
{
    (void)unused;
    for (int n = 3; n <= 6; n++) {
        test_case("rank 1 of %d forgets a broadcast", n);
        run_ranks(n, NULL, skip_a_call, NULL);
    }
}

/* Two roots send past one another: what no receiver reads is found at the next call that looks. */
static void both_are_roots(weft_comm *comm, void *arg)
{
    (void)arg;
    int data = 7;
    weft_status status = weft_broadcast(comm, &data, 1, WEFT_INT32, weft_comm_rank(comm));
    for (int i = 0; i < 2 && status == WEFT_OK; i++)
        status = weft_barrier(comm);
    CHECK_STATUS(WEFT_ERR_MISMATCH, status);
}

static void two_roots_do_not_pass_unseen(void **unused)
{
    (void)unused;
    test_case("everyone is the root");
    for (int n = 2; n <= 5; n++)
        run_ranks(n, NULL, both_are_roots, NULL);
}

/* The same with messages of different lengths, and rank 1 does not call again: it only waits for rank 0 to give up, or
 * leaves. Rank 0 must not wait for ever, though what it finds in rank 1's slot looks neither right nor old. */
struct passing {
    weft_comm *comms[2];
    size_t counts[2];
    bool leaves;
    pthread_barrier_t done;
};

static void pass_one_another(int rank, void *arg)
{
    struct passing *passing = arg;
    weft_comm *comm = passing->comms[rank];
    int data[300] = {0};
    weft_status status = weft_broadcast(comm, data, passing->counts[rank], WEFT_INT32, rank);
    if (rank == 1 && passing->leaves)
        CHECK_OK(weft_comm_destroy(comm));
    if (rank == 0) {
        CHECK_OK(weft_comm_set_timeout(comm, passing->leaves ? 0 : 50000000));
        for (int i = 0; i < 3 && status == WEFT_OK; i++)
            status = weft_barrier(comm);
        CHECK(status == WEFT_ERR_MISMATCH || status == (passing->leaves ? WEFT_ERR_RANK_LOST : WEFT_ERR_TIMEOUT), "%s",
              weft_status_name(status));
    }
    pthread_barrier_wait(&passing->done);
    if (rank == 0 || !passing->leaves)
        CHECK_OK(weft_comm_destroy(comm));
}

static void roots_that_pass_one_another_do_not_hang(void **unused)
{
    (void)unused;
    static const size_t counts[][2] = {{1, 1}, {1, 288}, {288, 1}, {14, 15}, {15, 100}};
    for (int i = 0; i < 10; i++) {
        struct passing passing = {.counts = {counts[i / 2][0], counts[i / 2][1]}, .leaves = i % 2};
        test_watchdog(20);
        test_case("%zu and %zu int32, rank 1 %s", passing.counts[0], passing.counts[1],
                  i % 2 ? "leaves" : "stays away");
        pthread_barrier_init(&passing.done, NULL, 2);
        CHECK_OK(weft_comm_create_all(2, NULL, passing.comms));
        run_threads(2, pass_one_another, &passing);
        pthread_barrier_destroy(&passing.done);
    }
}

/* ---- Configurations that must agree ---- */

static void different_algorithms_do_not_join(void **unused)
{
    (void)unused;
    weft_group_id id;
    weft_comm *first = NULL, *second = NULL;
    weft_config config = WEFT_CONFIG_INIT;
    test_case("grid and nothing");
    config.algorithms = "allreduce:grid";
    CHECK_OK(weft_group_id_create(&id));
    CHECK_OK(weft_comm_create(&id, 2, 0, NULL, &first));
    CHECK_STATUS(WEFT_ERR_MISMATCH, weft_comm_create(&id, 2, 1, &config, &second));
    CHECK_ERROR_SAYS("grid", -1);
    CHECK(second == NULL, "a failed create has changed the handle");
    CHECK_STATUS(WEFT_ERR_MISMATCH, weft_barrier(first));
    CHECK_OK(weft_comm_destroy(first));
}

/* ---- weft_run ---- */

struct failing_body {
    const char *collective; /* in which the others wait; "sync": idle */
    size_t count;
    weft_status status;
    unsigned delay_us;
    atomic_int told;
};

static weft_status wait_for_rank_1(weft_comm *comm, void *arg)
{
    struct failing_body *it = arg;
    int rank = weft_comm_rank(comm), n = weft_comm_size(comm);
    if (rank == 1) {
        sleep_us(it->delay_us);
        return it->status;
    }
    void *send = calloc((size_t)n * it->count + 1, 4), *recv = calloc((size_t)n * it->count + 1, 4);
    struct side side = {it->collective, it->count, WEFT_INT32, WEFT_SUM, 1};
    weft_status status =
        strcmp(it->collective, "sync") == 0 ? weft_sync(comm, true) : make_call(comm, &side, send, recv);
    if (status == WEFT_OK) /* a reduce to the one that has left */
        status = weft_barrier(comm);
    if (CHECK_STATUS(WEFT_ERR_ABORTED, status))
        atomic_fetch_add(&it->told, 1);
    CHECK_ERROR_SAYS("rank 1", -1);
    CHECK_ERROR_SAYS(weft_status_name(it->status), -1);
    free(send);
    free(recv);
    return status;
}

static void failing_bodies_wake_their_peers(void **unused)
{
    (void)unused;
    static const char *const collectives[] = {"sync",           "barrier", "broadcast", "allgather",
                                              "allreduce",      "reduce",  "scatter",   "alltoall",
                                              "reduce_scatter", "scan",    "gather"};
    uint64_t state = test_seed();
    for (int i = 0; i < scaled(120); i++) {
        struct failing_body it = {.collective = collectives[i % 11],
                                  .count = i % 4 == 0 ? 40000 : 3,
                                  .status = i % 5 ? WEFT_ERR_TRUNCATED : WEFT_ERR_MEMORY,
                                  .delay_us = (unsigned)random_below(&state, 4) * 3000};
        char algorithms[400];
        weft_config config = WEFT_CONFIG_INIT;
        int n = 2 + (int)random_below(&state, 6);
        random_algorithms(&state, algorithms, sizeof algorithms);
        config.algorithms = i % 3 ? algorithms : NULL;
        config.wait = waits[random_below(&state, n <= 3 ? 3 : 2)];
        test_case("%d ranks wait in %s(%zu) for rank 1, which fails; wait %s, algorithms %s", n, it.collective,
                  it.count, wait_name(config.wait), config.algorithms ? algorithms : "(chosen)");
        CHECK_STATUS(it.status, weft_run(n, &config, wait_for_rank_1, &it));
        CHECK_ERROR_SAYS("weft_run", -1);
        CHECK_ERROR_SAYS("rank 1", -1);
        CHECK(it.told == n - 1, "%d of %d were told", it.told, n - 1);
    }
}

static weft_status succeed(weft_comm *comm, void *arg)
{
    atomic_fetch_add((atomic_int *)arg, 1 + weft_comm_rank(comm));
    return weft_barrier(comm);
}

static void bodies_that_succeed_are_all_run(void **unused)
{
    (void)unused;
    for (int n = 1; n <= 33; n += 8) {
        atomic_int sum = 0;
        test_case("%d ranks", n);
        CHECK_OK(weft_run(n, NULL, succeed, &sum));
        CHECK(sum == n * (n + 1) / 2, "sum %d", sum);
    }
}

/* ---- What a thread remembers ---- */

static void look_at_last_error(int index, void *arg)
{
    (void)arg;
    CHECK(strcmp(weft_last_error(), "") == 0, "a new thread remembers \"%s\"", weft_last_error());
    if (index == 0) {
        CHECK_STATUS(WEFT_ERR_ARGUMENT, weft_barrier(NULL));
        CHECK_ERROR_SAYS("weft_barrier", -1);
        weft_comm *comm = NULL;
        CHECK_OK(weft_comm_create_all(1, NULL, &comm));
        CHECK_OK(weft_comm_destroy(comm));
        CHECK_ERROR_SAYS("weft_barrier", -1); /* success takes nothing back */
    }
    sleep_us(1000);
    CHECK((index == 0) == (weft_last_error()[0] != 0), "thread %d remembers \"%s\"", index, weft_last_error());
}

static void last_error_belongs_to_the_thread(void **unused)
{
    (void)unused;
    test_case("one of three threads fails");
    run_threads(3, look_at_last_error, NULL);
}

static void statuses_have_names(void **unused)
{
    (void)unused;
    test_case("names");
    for (int status = WEFT_PENDING; status >= WEFT_ERR_SYSTEM; status--)
        CHECK(strncmp(weft_status_name((weft_status)status), "WEFT_", 5) == 0, "%d is %s", status,
              weft_status_name((weft_status)status));
    CHECK(strcmp(weft_status_name(WEFT_ERR_RANK_LOST), "WEFT_ERR_RANK_LOST") == 0, "RANK_LOST");
    CHECK(weft_status_name((weft_status)77) != NULL && weft_status_name((weft_status)-77)[0] != 0, "unknown ones");
    char version[32];
    snprintf(version, sizeof version, "%d.%d.%d", WEFT_VERSION_MAJOR, WEFT_VERSION_MINOR, WEFT_VERSION_PATCH);
    CHECK(strcmp(weft_version(), version) == 0, "version %s", weft_version());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(ranks_that_disagree_are_told),
        TEST(ranks_that_disagree_are_told_by_every_algorithm),
        TEST(forgotten_calls_are_found),
        TEST(two_roots_do_not_pass_unseen),
        TEST(different_algorithms_do_not_join),
        TEST(failing_bodies_wake_their_peers),
        TEST(bodies_that_succeed_are_all_run),
        TEST(last_error_belongs_to_the_thread),
        TEST(statuses_have_names),
        TEST(roots_that_pass_one_another_do_not_hang),
    };
    return RUN_TESTS("errors", tests);
}

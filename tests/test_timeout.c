// SPDX-License-Identifier: MIT
/* Ranks that do not come: config.timeout_ns ends the wait within limits, names the call and the missing ranks, and spares
 * the idle wait; and ranks that have destroyed their handles are lost to those who still need them, at once. */
#include "cases.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <weft/info.h>

static const weft_wait waits[] = {WEFT_WAIT_AUTO, WEFT_WAIT_BLOCK, WEFT_WAIT_SPIN};

struct late {
    const char *collective;
    size_t count;
    int first_missing, second_missing;
    int64_t timeout_ns;
    pthread_barrier_t done; /* the missing ranks stay until the others have given up */
};

static weft_status make_call(weft_comm *comm, const struct late *late, void *send, void *recv)
{
    if (strcmp(late->collective, "sync") == 0)
        return weft_sync(comm, false);
    struct oracle_call call = {oracle_collective_by_name(late->collective),
                               weft_comm_size(comm),
                               late->count,
                               WEFT_INT32,
                               WEFT_SUM,
                               late->first_missing};
    return oracle_perform(&call, comm, send, recv);
}

static void wait_for_the_missing(weft_comm *comm, void *arg)
{
    struct late *late = arg;
    int rank = weft_comm_rank(comm), n = weft_comm_size(comm);
    if (rank != late->first_missing && rank != late->second_missing) {
        void *send = calloc(late->count + 1, 4), *recv = calloc((size_t)n * late->count + 1, 4);
        int64_t begin = clock_now_ns();
        weft_status status = make_call(comm, late, send, recv);
        if (status == WEFT_OK) /* a reduce whose root is missing may have needed nobody */
            status = weft_barrier(comm);
        int64_t took = clock_now_ns() - begin;
        CHECK_STATUS(WEFT_ERR_TIMEOUT, status);
        /* The first to give up tells the others; on a loaded machine they began at other times. */
        CHECK(took < late->timeout_ns + (int64_t)5000000000, "%lld ms", (long long)(took / 1000000));
        CHECK_ERROR_SAYS("rank", late->first_missing);
        CHECK_ERROR_SAYS("rank", late->second_missing);
        CHECK_ERROR_SAYS("slow", late->timeout_ns / 1000000 > 0 ? (int)(late->timeout_ns / 1000000) : -1);
        CHECK_STATUS(WEFT_ERR_TIMEOUT, weft_barrier(comm));
        free(send);
        free(recv);
    }
    pthread_barrier_wait(&late->done);
    CHECK_STATUS(WEFT_ERR_TIMEOUT, weft_barrier(comm)); /* who comes after all learns of it */
    CHECK_STATUS(WEFT_ERR_TIMEOUT, weft_comm_status(comm));
}

static void missing_ranks_are_named(void **unused)
{
    (void)unused;
    static const char *const collectives[] = {"barrier", "allreduce", "allgather", "broadcast", "reduce", "sync"};
    uint64_t state = test_seed();
    for (int i = 0; i < scaled(48); i++) {
        int n = i % 4 == 0 ? 23 : 5;
        struct late late = {collectives[i % 6], i % 5 ? 2 : 30000, 2, n - 1, (10 + i % 3 * 17) * 1000000, {{0}}};
        char algorithms[300];
        weft_config config = WEFT_CONFIG_INIT;
        random_algorithms(&state, algorithms, sizeof algorithms);
        config.algorithms = i % 2 ? algorithms : NULL;
        config.wait = waits[random_below(&state, n == 5 ? 3 : 2)];
        config.name = "slow";
        config.timeout_ns = late.timeout_ns;
        pthread_barrier_init(&late.done, NULL, (unsigned)n);
        test_case("ranks 2 and %d are late for %s(%zu), wait %s, algorithms %s", n - 1, late.collective, late.count,
                  wait_name(config.wait), config.algorithms ? algorithms : "(chosen)");
        run_ranks(n, &config, wait_for_the_missing, &late);
        pthread_barrier_destroy(&late.done);
    }
}

/* Not before its time: rank 1 comes within it, again and again. */
static void come_in_time(weft_comm *comm, void *arg)
{
    (void)arg;
    int one = 1, sum = 0;
    for (int i = 0; i < 5; i++) {
        sleep_us(weft_comm_rank(comm) ? 60000 : 0);
        CHECK_OK(weft_allreduce(comm, &one, &sum, 1, WEFT_INT32, WEFT_SUM));
    }
}

static void timeout_counts_from_each_call(void **unused)
{
    (void)unused;
    weft_config config = WEFT_CONFIG_INIT;
    test_case("5 calls of 60 ms within 200 ms each");
    config.timeout_ns = TEST_SANITIZED ? 2000000000 : 200000000;
    run_ranks(3, &config, come_in_time, NULL);
}

/* Rank 0 idles ten times as long as the timeout allows; the others call what they like. */
static void idle(weft_comm *comm, void *arg)
{
    weft_wait wait = *(weft_wait *)arg;
    (void)wait;
    int rank = weft_comm_rank(comm);
    for (int i = 0; i < 3; i++) {
        if (rank == 0) {
            CHECK_OK(weft_sync(comm, true));
        } else {
            sleep_us(100000);
            if (rank == 1)
                CHECK_OK(weft_comm_set_timeout(comm, 10000000000)); /* ranks 1 and 2 do not arrive together */
            if (rank == 2)
                CHECK_OK(weft_comm_set_timeout(comm, 0));
            CHECK_OK(rank == 1 ? weft_barrier(comm) : weft_sync(comm, false));
        }
    }
}

static void idle_wait_is_exempt(void **unused)
{
    (void)unused;
    for (int w = 0; w < 3; w++) {
        weft_config config = WEFT_CONFIG_INIT;
        weft_wait wait = waits[w];
        config.wait = wait;
        config.timeout_ns = 10000000;
        test_case("300 ms in weft_sync(comm, true), wait %s", wait_name(wait));
        run_ranks(3, &config, idle, &wait);
    }
}

/* set_timeout is this rank's own, and counts from its next call on. */
static void set_and_wait(weft_comm *comm, void *arg)
{
    pthread_barrier_t *done = arg;
    CHECK_STATUS(WEFT_ERR_ARGUMENT, weft_comm_set_timeout(comm, -5));
    CHECK_ERROR_SAYS("weft_comm_set_timeout", -1);
    CHECK_OK(weft_barrier(comm));
    if (weft_comm_rank(comm) == 0) {
        CHECK_OK(weft_comm_set_timeout(comm, 20000000));
        CHECK_STATUS(WEFT_ERR_TIMEOUT, weft_barrier(comm));
        CHECK_ERROR_SAYS("rank 1", 20);
    }
    pthread_barrier_wait(done);
}

static void timeout_can_be_set_later(void **unused)
{
    (void)unused;
    pthread_barrier_t done;
    pthread_barrier_init(&done, NULL, 2);
    test_case("20 ms from now on");
    run_ranks(2, NULL, set_and_wait, &done);
    pthread_barrier_destroy(&done);
}

static void set_nothing_and_wait(weft_comm *comm, void *arg)
{
    if (weft_comm_rank(comm) == 0)
        CHECK_STATUS(WEFT_ERR_TIMEOUT, weft_barrier(comm));
    pthread_barrier_wait((pthread_barrier_t *)arg);
}

static void environment_gives_the_default(void **unused)
{
    (void)unused;
    pthread_barrier_t done;
    weft_config config = WEFT_CONFIG_INIT;
    weft_comm *comm = NULL;
    pthread_barrier_init(&done, NULL, 2);
    test_case("WEFT_TIMEOUT_MS=20");
    setenv("WEFT_TIMEOUT_MS", "20", 1);
    run_ranks(2, NULL, set_nothing_and_wait, &done);
    unsetenv("WEFT_TIMEOUT_MS");
    pthread_barrier_destroy(&done);

    test_case("WEFT_ALGORITHMS=barrier:grid");
    setenv("WEFT_ALGORITHMS", "barrier:grid", 1);
    config.algorithms = "allreduce:grid";
    CHECK_OK(weft_comm_create_all(1, &config, &comm));
    CHECK(strcmp(weft_info_choice(comm, "barrier", 0, NULL, NULL, NULL, 0), "grid") == 0, "it was not heard");
    CHECK(strcmp(weft_info_choice(comm, "allreduce", 1, WEFT_INT32, WEFT_SUM, NULL, 0), "grid") != 0,
          "it replaces config.algorithms");
    CHECK_OK(weft_comm_destroy(comm));
    setenv("WEFT_ALGORITHMS", "barrier:nosuch", 1);
    CHECK_STATUS(WEFT_ERR_ARGUMENT, weft_comm_create_all(1, NULL, &comm));
    CHECK_ERROR_SAYS("nosuch", -1);
    unsetenv("WEFT_ALGORITHMS");
}

/* ---- Ranks that have left ---- */

struct leaving {
    weft_comm *comms[8];
    const char *collective;
    size_t count;
    unsigned delay_us;
    int n_ranks;
    pthread_barrier_t through; /* the barrier, which grid alone does not leave together */
};

/* Rank 1 destroys its handle instead of calling. The barrier before succeeds on all ranks: where one rank has come through, the
 * others need nothing more that is not published. Not so in grid, whose ranks wait for one another to leave: a communicator that
 * fails meanwhile stops them there. So for grid all come through before anybody goes on. */
static void leave_instead(int rank, void *arg)
{
    struct leaving *leaving = arg;
    weft_comm *comm = leaving->comms[rank];
    CHECK_OK(weft_barrier(comm));
    if (strcmp(weft_info_choice(comm, "barrier", 0, NULL, NULL, NULL, 0), "grid") == 0)
        pthread_barrier_wait(&leaving->through);
    if (rank == 1) {
        sleep_us(leaving->delay_us);
        CHECK_OK(weft_comm_destroy(comm));
        return;
    }
    void *send = calloc(leaving->count + 1, 4), *recv = calloc((size_t)leaving->n_ranks * leaving->count + 1, 4);
    struct late call = {.collective = leaving->collective, .count = leaving->count, .first_missing = 1};
    weft_status status = make_call(comm, &call, send, recv);
    if (status == WEFT_OK)
        status = weft_barrier(comm);
    CHECK_STATUS(WEFT_ERR_RANK_LOST, status);
    CHECK_ERROR_SAYS("rank 1", -1);
    CHECK_STATUS(WEFT_ERR_RANK_LOST, weft_comm_status(comm));
    CHECK_OK(weft_comm_destroy(comm));
    free(send);
    free(recv);
}

static void ranks_that_leave_are_lost(void **unused)
{
    (void)unused;
    static const char *const collectives[] = {"barrier", "allreduce", "allgather", "broadcast", "reduce"};
    uint64_t state = test_seed();
    for (int i = 0; i < scaled(120); i++) {
        struct leaving leaving = {.collective = collectives[i % 5],
                                  .count = i % 3 ? 2 : 30000,
                                  .n_ranks = 2 + (int)random_below(&state, 7),
                                  .delay_us = (unsigned)random_below(&state, 3) * 2000};
        char algorithms[300];
        weft_config config = WEFT_CONFIG_INIT;
        random_algorithms(&state, algorithms, sizeof algorithms);
        config.algorithms = i % 2 ? algorithms : NULL;
        config.wait = waits[random_below(&state, leaving.n_ranks <= 3 ? 3 : 2)];
        test_case("rank 1 of %d leaves instead of %s(%zu), wait %s, algorithms %s", leaving.n_ranks, leaving.collective,
                  leaving.count, wait_name(config.wait), config.algorithms ? algorithms : "(chosen)");
        CHECK_OK(weft_comm_create_all(leaving.n_ranks, &config, leaving.comms));
        pthread_barrier_init(&leaving.through, NULL, (unsigned)leaving.n_ranks);
        run_threads(leaving.n_ranks, leave_instead, &leaving);
        pthread_barrier_destroy(&leaving.through);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(missing_ranks_are_named),  TEST(timeout_counts_from_each_call), TEST(idle_wait_is_exempt),
        TEST(timeout_can_be_set_later), TEST(environment_gives_the_default), TEST(ranks_that_leave_are_lost),
    };
    return RUN_TESTS("timeout", tests);
}

// SPDX-License-Identifier: MIT
/* Waiting: an idle rank uses no processor time, more ranks than processors get on under every policy, and the idle wait,
 * the barrier and all other calls may alternate as each rank likes. Bounds are wide: they tell sleeping from spinning and
 * seconds from minutes, not fast from slow. */
#include "cases.h"

#include <stdio.h>
#include <stdlib.h>

#include <weft/info.h>

static const weft_wait waits[] = {WEFT_WAIT_AUTO, WEFT_WAIT_BLOCK, WEFT_WAIT_SPIN};

/* ---- Idleness ---- */

enum { IDLE_US = 500000 };

struct idleness {
    const char *how;
    int64_t processor_ns;
};

/* All but rank 0 wait; rank 0 sleeps half a second, reads the clock of the process, and comes. */
static void be_idle(weft_comm *comm, void *arg)
{
    struct idleness *idleness = arg;
    int data = 0, n = weft_comm_size(comm), *all = calloc((size_t)n, sizeof *all);
    CHECK_OK(weft_barrier(comm));
    if (weft_comm_rank(comm) == 0) {
        sleep_us(100000); /* whoever spins a little before it sleeps has done so */
        int64_t begin = clock_processor_ns();
        sleep_us(IDLE_US);
        idleness->processor_ns = clock_processor_ns() - begin;
        data = 5;
    }
    switch (idleness->how[0]) {
    case 's':
        CHECK_OK(weft_sync(comm, weft_comm_rank(comm) != 0));
        break;
    case 'b':
        CHECK_OK(weft_broadcast(comm, &data, 1, WEFT_INT32, 0));
        break;
    default:
        CHECK_OK(weft_allgather(comm, &data, all, 1, WEFT_INT32));
        break;
    }
    free(all);
}

static void check_idle(weft_wait wait, const char *how, int n_ranks)
{
    struct idleness idleness = {.how = how};
    weft_config config = WEFT_CONFIG_INIT;
    config.wait = wait;
    test_case("%d ranks wait in %s, wait %s", n_ranks, how, wait_name(wait));
    run_ranks(n_ranks, &config, be_idle, &idleness);
    CHECK(idleness.processor_ns < (int64_t)IDLE_US * 1000 / 20, "%.1f ms of processor time in %d ms",
          (double)idleness.processor_ns / 1e6, IDLE_US / 1000);
}

static void idle_ranks_use_no_processor_time(void **unused)
{
    (void)unused;
    for (int w = 0; w < 3; w++) /* whatever config.wait says */
        check_idle(waits[w], "sync(true)", 3);
    check_idle(WEFT_WAIT_AUTO, "sync(true)", 24);
    check_idle(WEFT_WAIT_BLOCK, "broadcast", 3);
    check_idle(WEFT_WAIT_BLOCK, "allgather", 3);
    check_idle(WEFT_WAIT_AUTO, "broadcast", 3);
    check_idle(WEFT_WAIT_AUTO, "allgather", 12);
}

/* ---- More ranks than processors ---- */

struct rounds {
    int rounds;
    const char *collective;
};

static void go_round(weft_comm *comm, void *arg)
{
    const struct rounds *rounds = arg;
    int rank = weft_comm_rank(comm), n = weft_comm_size(comm);
    for (int i = 0; i < rounds->rounds; i++) {
        int value = rank * i, result = -1;
        switch (rounds->collective[0]) {
        case 'b':
            CHECK_OK(weft_barrier(comm));
            break;
        case 'a':
            CHECK_OK(weft_allreduce(comm, &value, &result, 1, WEFT_INT32, WEFT_SUM));
            CHECK(result == i * n * (n - 1) / 2, "round %d: %d", i, result);
            break;
        default:
            value = rank == i % n ? 3 * i : -1;
            CHECK_OK(weft_broadcast(comm, &value, 1, WEFT_INT32, i % n));
            CHECK(value == 3 * i, "round %d: %d", i, value);
        }
    }
}

static void run_rounds(int n_ranks, int rounds, weft_wait wait, const char *collective, const char *algorithms)
{
    struct rounds work = {scaled(rounds), collective};
    weft_config config = WEFT_CONFIG_INIT;
    config.wait = wait;
    config.algorithms = algorithms;
    test_case("%d x %s of %d ranks, wait %s, algorithms %s", work.rounds, collective, n_ranks, wait_name(wait),
              algorithms ? algorithms : "(chosen)");
    test_watchdog(30);
    run_ranks(n_ranks, &config, go_round, &work);
}

static void many_ranks_on_few_processors_take_seconds(void **unused)
{
    (void)unused;
    run_rounds(64, 1000, WEFT_WAIT_AUTO, "allreduce", NULL);
    run_rounds(64, 1000, WEFT_WAIT_BLOCK, "allreduce", NULL);
    run_rounds(64, 1000, WEFT_WAIT_AUTO, "barrier", NULL);
    run_rounds(64, 1000, WEFT_WAIT_AUTO, "rotating broadcast", NULL);
    run_rounds(200, 100, WEFT_WAIT_AUTO, "allreduce", NULL);
}

/* Who spins must let others run when it does not own a processor. */
static void spinning_ranks_let_others_run(void **unused)
{
    (void)unused;
    const char *algorithm;
    char forced[100];
    run_rounds(8, 200, WEFT_WAIT_SPIN, "allreduce", NULL);
    run_rounds(8, 200, WEFT_WAIT_SPIN, "barrier", NULL);
    run_rounds(24, 20, WEFT_WAIT_SPIN, "rotating broadcast", NULL);
    for (size_t a = 0; (algorithm = weft_info_algorithm("allreduce", a)) != NULL; a++) {
        snprintf(forced, sizeof forced, "allreduce:%s", algorithm);
        run_rounds(6, 100, WEFT_WAIT_SPIN, "allreduce", forced);
    }
}

static void every_algorithm_gets_on_when_crowded(void **unused)
{
    (void)unused;
    static const char *const collectives[] = {"allreduce", "barrier", "broadcast"};
    const char *algorithm;
    char forced[100];
    for (int c = 0; c < 3; c++)
        for (size_t a = 0; (algorithm = weft_info_algorithm(collectives[c], a)) != NULL; a++)
            for (int w = 0; w < 2; w++) {
                snprintf(forced, sizeof forced, "%s:%s", collectives[c], algorithm);
                run_rounds(20, 200, waits[w], collectives[c], forced);
            }
}

/* ---- Alternation ---- */

/* Each rank chooses anew how to sync: idle, or not, or by the barrier; other calls between; random delays. */
static void alternate(weft_comm *comm, void *arg)
{
    uint64_t seed = *(uint64_t *)arg;
    int rank = weft_comm_rank(comm), n = weft_comm_size(comm);
    uint64_t own = seed + (uint64_t)rank, shared = seed;
    for (int i = 0; i < scaled(400); i++) {
        uint64_t choice = random_below(&own, 3);
        if (random_below(&own, 16) == 0)
            sleep_us((unsigned)random_below(&own, 300));
        CHECK_OK(choice == 0 ? weft_sync(comm, true) : choice == 1 ? weft_sync(comm, false) : weft_barrier(comm));
        int value = rank + i, sum = 0, root = (int)random_below(&shared, (uint64_t)n);
        if (random_below(&shared, 2)) {
            CHECK_OK(weft_allreduce(comm, &value, &sum, 1, WEFT_INT32, WEFT_SUM));
            CHECK(sum == n * i + n * (n - 1) / 2, "round %d: %d", i, sum);
        } else {
            CHECK_OK(weft_broadcast(comm, &value, 1, WEFT_INT32, root));
            CHECK(value == root + i, "round %d: %d", i, value);
        }
    }
}

static void blocking_sync_alternates_with_anything(void **unused)
{
    (void)unused;
    uint64_t state = test_seed();
    for (int n = 2; n <= 8; n += 2)
        for (int w = 0; w < 3; w++) {
            weft_config config = WEFT_CONFIG_INIT;
            config.wait = waits[w];
            test_case("%d ranks, wait %s", n, wait_name(waits[w]));
            random_next(&state);
            if (n <= 4 || w < 2)
                run_ranks(n, &config, alternate, &state);
        }
}

/* A rank's policy is its own: one spins, one sleeps, one does as the library sees fit. */
static void join_with_own_policy(int index, void *arg)
{
    weft_comm *comm = NULL;
    weft_config config = WEFT_CONFIG_INIT;
    uint64_t seed = test_seed();
    config.wait = waits[index % 3];
    CHECK_OK(weft_comm_create(arg, 4, index, &config, &comm));
    alternate(comm, &seed);
    CHECK_OK(weft_comm_destroy(comm));
}

static void policies_may_differ_between_ranks(void **unused)
{
    (void)unused;
    weft_group_id id;
    test_case("auto, block, spin, auto");
    CHECK_OK(weft_group_id_create(&id));
    run_threads(4, join_with_own_policy, &id);
}

/* A barrier holds everybody until the last has come: writes before it are seen after it. */
struct arrivals {
    int arrived[32];
};

static void arrive(weft_comm *comm, void *arg)
{
    struct arrivals *arrivals = arg;
    int rank = weft_comm_rank(comm), n = weft_comm_size(comm);
    for (int i = 1; i <= scaled(300); i++) {
        if (i % 50 == rank)
            sleep_us(1000);
        arrivals->arrived[rank] = i; /* plain: the barrier orders it */
        CHECK_OK(i % 2 ? weft_barrier(comm) : weft_sync(comm, rank % 2));
        for (int r = 0; r < n; r++)
            CHECK(arrivals->arrived[r] == i, "rank %d went on to %d before rank %d (%d)", rank, i, r,
                  arrivals->arrived[r]);
        CHECK_OK(weft_barrier(comm));
    }
}

static void barriers_hold_everybody_and_order_memory(void **unused)
{
    (void)unused;
    const char *algorithm;
    for (size_t a = 0; (algorithm = weft_info_algorithm("barrier", a)) != NULL; a++)
        for (int n = 2; n <= 10; n += 4) {
            struct arrivals arrivals = {{0}};
            char forced[100];
            weft_config config = WEFT_CONFIG_INIT;
            snprintf(forced, sizeof forced, "barrier:%s", algorithm);
            config.algorithms = forced;
            test_case("%s, %d ranks", forced, n);
            run_ranks(n, &config, arrive, &arrivals);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(idle_ranks_use_no_processor_time),
        TEST(many_ranks_on_few_processors_take_seconds),
        TEST(spinning_ranks_let_others_run),
        TEST(every_algorithm_gets_on_when_crowded),
        TEST(blocking_sync_alternates_with_anything),
        TEST(policies_may_differ_between_ranks),
        TEST(barriers_hold_everybody_and_order_memory),
    };
    return RUN_TESTS("wait", tests);
}

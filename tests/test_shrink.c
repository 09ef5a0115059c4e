// SPDX-License-Identifier: MIT
/* weft_comm_shrink: the living ranks of a communicator get a new one, in order, all the same one, whatever the old one failed of, and
 * also when more ranks die while they agree. Ranks die by destroying their handles, or by the end of the thread that they are bound to. */
#include "cases.h"
#include "shrunk.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include <weft/info.h>

enum { MOST = SHRUNK_MOST };

static const weft_wait waits[] = {WEFT_WAIT_AUTO, WEFT_WAIT_BLOCK, WEFT_WAIT_SPIN};
static const int sizes[] = {2, 3, 5, 8, MOST};

/* SPIN with many ranks on few processors takes its time, and proves little. */
static weft_wait random_wait(uint64_t *state, int n_ranks)
{
    return waits[random_below(state, n_ranks <= 8 ? 3 : 2)];
}

/* A rank's end, one way or the other; the handles of those whose threads end are destroyed by the main thread. */
static void die(weft_comm **comm, bool by_thread)
{
    if (by_thread) {
        CHECK_OK(weft_comm_bind_thread(*comm));
        pthread_exit(NULL);
    }
    CHECK_OK(weft_comm_destroy(*comm));
    *comm = NULL;
}

/* ---- One failure ---- */

struct failure {
    int n_ranks;
    weft_comm *comms[MOST];
    bool lives[MOST], by_thread;
    unsigned delay_us[MOST];
};

static void lose_and_shrink(int rank, void *arg)
{
    struct failure *failure = arg;
    weft_comm *comm = failure->comms[rank], *shrunk = NULL;
    CHECK_OK(weft_barrier(comm));
    sleep_us(failure->delay_us[rank]);
    if (!failure->lives[rank]) {
        die(&failure->comms[rank], failure->by_thread);
        return;
    }
    weft_status status = weft_barrier(comm);
    CHECK_STATUS(WEFT_ERR_RANK_LOST, status);
    if (!CHECK_OK(weft_comm_shrink(comm, &shrunk)))
        return;
    check_shrunk(shrunk, rank, failure->lives, failure->n_ranks);
    CHECK_STATUS(WEFT_ERR_RANK_LOST, weft_comm_status(comm));
    CHECK_STATUS(WEFT_ERR_RANK_LOST, weft_barrier(comm));
    CHECK(strcmp(weft_info_choice(shrunk, "allreduce", 1, WEFT_INT32, WEFT_SUM, NULL, 0), "grid") == 0,
          "the algorithms are not those of the old communicator");
    CHECK_OK(weft_comm_destroy(shrunk));
}

static void destroy_all(weft_comm **comms, int n_ranks)
{
    for (int rank = 0; rank < n_ranks; rank++)
        CHECK_OK(weft_comm_destroy(comms[rank]));
}

static void survivors_get_a_new_communicator(void **unused)
{
    (void)unused;
    uint64_t state = test_seed();
    for (int i = 0; i < scaled(60); i++) {
        struct failure failure = {.n_ranks = sizes[i % 5], .by_thread = random_below(&state, 2)};
        weft_config config = WEFT_CONFIG_INIT;
        int n = failure.n_ranks, dead = 1 + (int)random_below(&state, (uint64_t)n - 1);
        for (int rank = 0; rank < n; rank++) {
            failure.lives[rank] = true;
            failure.delay_us[rank] = (unsigned)random_below(&state, 300);
        }
        for (int k = 0; k < dead; k++)
            failure.lives[random_below(&state, (uint64_t)n)] = false;
        failure.lives[random_below(&state, (uint64_t)n)] = true;
        config.wait = random_wait(&state, n);
        config.algorithms = "allreduce:grid";
        dead = 0;
        for (int rank = 0; rank < n; rank++)
            dead += !failure.lives[rank];
        if (dead == 0)
            continue;
        test_case("%d of %d ranks die, wait %s, %s", dead, n, wait_name(config.wait),
                  failure.by_thread ? "threads end" : "handles are destroyed");
        CHECK_OK(weft_comm_create_all(n, &config, failure.comms));
        run_threads(n, lose_and_shrink, &failure);
        destroy_all(failure.comms, n);
    }
}

/* ---- More die while the others agree, and after that ---- */

struct massacre {
    int n_ranks;
    weft_comm *comms[MOST];
    int dies_in[MOST]; /* round; -1: never */
    uint64_t seed;
};

static void leave(weft_comm *comm, weft_comm **first, bool by_thread)
{
    if (comm == *first)
        die(first, by_thread);
    else
        CHECK_OK(weft_comm_destroy(comm));
}

/* A rank works, and shrinks when it must, until all those are dead that are to die. One whose round has come, or that finds itself in peace for
 * long, dies at a random moment: before the others shrink, while they do, or after. */
static void live_or_die(int rank, void *arg)
{
    struct massacre *massacre = arg;
    uint64_t state = massacre->seed + (uint64_t)rank;
    weft_comm **first = &massacre->comms[rank], *comm = *first;
    int left = 0, dies_in = massacre->dies_in[rank];
    bool lives[MOST];
    for (int each = 0; each < massacre->n_ranks; each++)
        left += lives[each] = massacre->dies_in[each] < 0;
    for (int round = 0; dies_in >= 0 || weft_comm_size(comm) > left; round++) {
        weft_comm *shrunk = NULL;
        weft_status status = WEFT_OK;
        for (int step = 0; status == WEFT_OK; step++) {
            if (dies_in == round || (dies_in >= 0 && step == 3)) {
                sleep_us((unsigned)random_below(&state, 400));
                leave(comm, first, random_below(&state, 2));
                return;
            }
            status = weft_barrier(comm);
        }
        CHECK_STATUS(WEFT_ERR_RANK_LOST, status);
        sleep_us((unsigned)random_below(&state, 200));
        if (!CHECK_OK(weft_comm_shrink(comm, &shrunk)))
            return;
        if (comm != *first)
            CHECK_OK(weft_comm_destroy(comm));
        comm = shrunk;
    }
    check_shrunk(comm, rank, lives, massacre->n_ranks);
    if (comm != *first)
        CHECK_OK(weft_comm_destroy(comm));
}

static void ranks_may_die_while_others_shrink(void **unused)
{
    (void)unused;
    uint64_t state = test_seed();
    for (int i = 0; i < scaled(60); i++) {
        struct massacre massacre = {.n_ranks = sizes[1 + i % 4], .seed = random_next(&state)};
        weft_config config = WEFT_CONFIG_INIT;
        int n = massacre.n_ranks, living = 0;
        for (int rank = 0; rank < n; rank++) {
            massacre.dies_in[rank] = (int)random_below(&state, 5) - 1;
            living += massacre.dies_in[rank] < 0;
        }
        if (living == 0)
            massacre.dies_in[random_below(&state, (uint64_t)n)] = -1;
        config.wait = random_wait(&state, n);
        test_case("of %d ranks %d live, wait %s", n, living, wait_name(config.wait));
        CHECK_OK(weft_comm_create_all(n, &config, massacre.comms));
        run_threads(n, live_or_die, &massacre);
        destroy_all(massacre.comms, n);
    }
}

/* One dies at a time, until one is left. */
static void die_one_by_one(int rank, void *arg)
{
    weft_comm **comms = arg, *comm = comms[rank];
    while (weft_comm_size(comm) > 1) {
        weft_comm *shrunk = NULL;
        if (weft_comm_rank(comm) == weft_comm_size(comm) / 2)
            break;
        CHECK_STATUS(WEFT_ERR_RANK_LOST, weft_barrier(comm));
        if (!CHECK_OK(weft_comm_shrink(comm, &shrunk)))
            break;
        CHECK(weft_comm_size(shrunk) == weft_comm_size(comm) - 1, "%d of %d", weft_comm_size(shrunk),
              weft_comm_size(comm));
        CHECK_OK(weft_comm_destroy(comm));
        comm = shrunk;
    }
    CHECK_OK(weft_comm_destroy(comm));
}

static void the_shrunk_may_shrink(void **unused)
{
    (void)unused;
    weft_comm *comms[MOST];
    for (int i = 0; i < scaled(5); i++) {
        int n = i == 0 ? 64 : 8;
        test_case("%d ranks die one by one", n);
        CHECK_OK(weft_comm_create_all(n, NULL, comms));
        run_threads(n, die_one_by_one, comms);
    }
}

/* ---- After an abort ---- */

static void come_back(weft_comm *comm, void *arg)
{
    bool all[MOST];
    weft_comm *shrunk = NULL, *again = NULL;
    int rank = weft_comm_rank(comm), n = weft_comm_size(comm);
    (void)arg;
    memset(all, 1, sizeof all);
    if (rank == n / 2)
        CHECK_OK(weft_comm_abort(comm, "start over"));
    CHECK_STATUS(WEFT_ERR_ABORTED, weft_barrier(comm));
    if (!CHECK_OK(weft_comm_shrink(comm, &shrunk)))
        return;
    check_shrunk(shrunk, rank, all, n);
    CHECK_STATUS(WEFT_ERR_ABORTED, weft_barrier(comm));
    CHECK_OK(weft_barrier(shrunk));
    if (rank == 0)
        CHECK_OK(weft_comm_abort(shrunk, "and over"));
    CHECK_STATUS(WEFT_ERR_ABORTED, weft_barrier(shrunk));
    if (CHECK_OK(weft_comm_shrink(shrunk, &again)))
        check_shrunk(again, rank, all, n);
    CHECK_OK(weft_comm_destroy(shrunk));
    CHECK_OK(weft_comm_destroy(again));
}

static void all_may_come_back_after_an_abort(void **unused)
{
    (void)unused;
    for (int i = 0; i < scaled(30); i++) {
        test_case("%d ranks", sizes[i % 5]);
        run_ranks(sizes[i % 5], NULL, come_back, NULL);
    }
}

struct interruption {
    bool failed_before;
    atomic_int failed, told;
};

/* What was made from an aborted communicator comes back, too; and an abort of what it was made from ends the wait for those that do not come. */
static void interrupted(weft_comm *comm, void *arg)
{
    weft_comm *child = NULL, *shrunk = NULL;
    int rank = weft_comm_rank(comm), n = weft_comm_size(comm);
    struct interruption *interruption = arg;
    weft_status status;
    bool all[MOST];
    memset(all, 1, sizeof all);
    CHECK_OK(weft_comm_dup(comm, &child));
    if (interruption->failed_before && rank == 0)
        CHECK_OK(weft_comm_set_timeout(child, 1000000));
    if (interruption->failed_before && rank < n - 1)
        CHECK_STATUS(WEFT_ERR_TIMEOUT, weft_barrier(child));
    atomic_fetch_add(&interruption->failed, 1);
    if (rank == n - 1) {
        while (atomic_load(&interruption->failed) < n)
            sleep_us(1000);
        sleep_us(20000);
        CHECK_OK(weft_comm_abort(comm, "enough"));
        for (int i = 0; i < 1000 && atomic_load(&interruption->told) < n - 1;
             i++) /* a rank may come too late to be told */
            sleep_us(1000);
        status = weft_comm_shrink(child, &shrunk);
    } else {
        CHECK_OK(weft_comm_set_timeout(child, 0));
        status = weft_comm_shrink(child, &shrunk);
        if (status != WEFT_OK) {
            CHECK_STATUS(WEFT_ERR_ABORTED, status);
            CHECK_ERROR_SAYS("abort", -1);
            atomic_fetch_add(&interruption->told, 1);
            status = weft_comm_shrink(child, &shrunk);
        }
    }
    if (CHECK_OK(status)) {
        check_shrunk(shrunk, rank, all, n);
        CHECK_OK(weft_comm_destroy(shrunk));
    }
    CHECK_OK(weft_comm_destroy(child));
}

static void an_abort_from_above_ends_the_wait(void **unused)
{
    (void)unused;
    int told = 0;
    for (int i = 0; i < scaled(10) || (told == 0 && i < 100); i++) {
        struct interruption interruption = {.failed_before = i % 2};
        test_case("%d ranks, the child %s", sizes[i % 4], i % 2 ? "has failed" : "is healthy");
        run_ranks(sizes[i % 4], NULL, interrupted, &interruption);
        told += atomic_load(&interruption.told);
    }
    CHECK(told > 0, "no rank was told: the test has tested nothing");
}

/* ---- Ranks that come late, or never ---- */

struct late {
    int n_ranks, late;
    bool healthy;
    atomic_int done;
};

static void leave_out(weft_comm *comm, void *arg)
{
    struct late *late = arg;
    weft_comm *shrunk = NULL;
    int rank = weft_comm_rank(comm);
    bool expected[MOST];
    for (int each = 0; each < late->n_ranks; each++)
        expected[each] = each != late->late;
    CHECK_OK(weft_barrier(comm));
    if (!late->healthy && rank == (late->late + 1) % late->n_ranks)
        CHECK_OK(weft_comm_abort(comm, "go"));
    if (rank == late->late) {
        while (atomic_load(&late->done) < late->n_ranks - 1)
            sleep_us(1000);
        CHECK_STATUS(WEFT_ERR_RANK_LOST, weft_comm_shrink(comm, &shrunk));
        CHECK_ERROR_SAYS("left out", -1);
        CHECK(shrunk == NULL, "a failing call touched its result");
        CHECK_STATUS(late->healthy ? WEFT_ERR_RANK_LOST : WEFT_ERR_ABORTED, weft_barrier(comm));
        if (late->healthy)
            CHECK_ERROR_SAYS("rank", rank);
        return;
    }
    CHECK_OK(weft_comm_set_timeout(comm, 50000000));
    if (CHECK_OK(weft_comm_shrink(comm, &shrunk))) {
        check_shrunk(shrunk, rank, expected, late->n_ranks);
        CHECK_OK(weft_comm_destroy(shrunk));
    }
    atomic_fetch_add(&late->done, 1);
}

static void who_is_late_is_left_out(void **unused)
{
    (void)unused;
    uint64_t state = test_seed();
    for (int i = 0; i < scaled(10); i++) {
        struct late late = {.n_ranks = sizes[i % 5], .healthy = i % 2};
        late.late = (int)random_below(&state, (uint64_t)late.n_ranks);
        test_case("rank %d of %d is late, the communicator %s", late.late, late.n_ranks,
                  late.healthy ? "is healthy" : "has failed");
        run_ranks(late.n_ranks, NULL, leave_out, &late);
    }
}

struct joiners {
    weft_group_id id;
    pthread_barrier_t joined;
};

/* Ranks 0 and 2 of four join; the group is given up. */
static void join_and_shrink(int index, void *arg)
{
    struct joiners *joiners = arg;
    weft_comm *comm = NULL, *shrunk = NULL;
    bool expected[4] = {true, false, true, false};
    CHECK_OK(weft_comm_create(&joiners->id, 4, 2 * index, NULL, &comm));
    pthread_barrier_wait(&joiners->joined);
    if (index == 0)
        CHECK_OK(weft_group_id_destroy(&joiners->id));
    CHECK_STATUS(WEFT_ERR_RANK_LOST, weft_barrier(comm));
    if (CHECK_OK(weft_comm_shrink(comm, &shrunk)))
        check_shrunk(shrunk, 2 * index, expected, 4);
    CHECK_OK(weft_comm_destroy(comm));
    CHECK_OK(weft_comm_destroy(shrunk));
}

static void who_never_joined_is_not_waited_for(void **unused)
{
    (void)unused;
    struct joiners joiners;
    test_case("a group that is given up");
    CHECK_OK(weft_group_id_create(&joiners.id));
    pthread_barrier_init(&joiners.joined, NULL, 2);
    run_threads(2, join_and_shrink, &joiners);
    pthread_barrier_destroy(&joiners.joined);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(survivors_get_a_new_communicator),
        TEST(ranks_may_die_while_others_shrink),
        TEST(the_shrunk_may_shrink),
        TEST(all_may_come_back_after_an_abort),
        TEST(an_abort_from_above_ends_the_wait),
        TEST(who_is_late_is_left_out),
        TEST(who_never_joined_is_not_waited_for),
    };
    return RUN_TESTS("shrink", tests);
}

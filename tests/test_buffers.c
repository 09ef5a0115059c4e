// SPDX-License-Identifier: MIT
/* When a call returns, its caller's buffers are its own again, whether it went well or not: nobody reads or writes them any
 * more. Every rank's buffers are pages of their own, which are taken away the moment the call returns; whoever is still
 * inside crashes. Failures are made to strike in the middle: by timeouts of random length, by a combine function that
 * fails, by an abort from outside, by ranks that disagree. */
#include "cases.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PAGE = 4096 };

struct pages {
    char *memory;
    size_t bytes;
};

static struct pages take_pages(size_t bytes)
{
    struct pages pages = {NULL, (bytes + PAGE - 1) / PAGE * PAGE + PAGE};
    pages.memory = pages_map(pages.bytes);
    return pages;
}

struct shot {
    const char *collective;
    size_t count;
    const weft_op *op;
    int repeats;
    uint64_t seed;
    int64_t timeout_ns; /* the longest of rank 0's; 0: none */
    bool disagree;
    weft_status expected; /* when it does not go well */
    atomic_int failures;
};

/* The call on fresh pages, all of which are gone right afterwards. At the end of a page there is no room for a byte more. */
static weft_status shoot(weft_comm *comm, const struct shot *shot, int round, bool in_place)
{
    int rank = weft_comm_rank(comm), n = weft_comm_size(comm);
    const struct oracle_collective *collective = oracle_collective_by_name(shot->collective);
    struct oracle_call call = {collective, n, shot->count, WEFT_INT32, shot->op, collective->has_root ? round % n : 0};
    while (call.count > 1 && call_bytes(&call) > (size_t)n << 22)
        call.count = call.count / 2 + 1;
    if (shot->disagree && rank == n - 1)
        call.count -= 1;
    size_t give = collective->gives(&call, rank) * 4, receive = collective->receives(&call, rank) * 4,
           own = collective->own_offset(&call, rank) * 4;
    in_place = collective->one_buffer || (in_place && give > 0 && collective->in_place(&call, rank));
    bool keeps = in_place && collective->root_keeps;
    size_t room = in_place && !keeps && own + give > receive ? own + give : receive;
    struct pages send = take_pages(give), recv = take_pages(room);
    char *from = send.memory + (round % 2 ? send.bytes - give : 0),
         *to = recv.memory + (round % 2 ? recv.bytes - room : 0);
    memset(in_place && !keeps ? to + own : from, rank + 1, give < PAGE ? give : PAGE);
    weft_status status = oracle_perform(&call, comm, in_place && !keeps ? WEFT_IN_PLACE : from,
                                        keeps  ? WEFT_IN_PLACE
                                        : room ? to
                                               : NULL);
    pages_forbid(send.memory, send.bytes);
    pages_forbid(recv.memory, recv.bytes);
    if (round % 4 == 3)
        sleep_us(100);
    pages_unmap(send.memory, send.bytes);
    pages_unmap(recv.memory, recv.bytes);
    return status;
}

static void shoot_often(weft_comm *comm, void *arg)
{
    struct shot *shot = arg;
    uint64_t state = shot->seed + (uint64_t)weft_comm_rank(comm);
    if (shot->timeout_ns > 0 && weft_comm_rank(comm) == 0)
        CHECK_OK(weft_comm_set_timeout(comm, 1 + (int64_t)random_below(&state, (uint64_t)shot->timeout_ns)));
    for (int round = 0; round < shot->repeats; round++) {
        weft_status status = shoot(comm, shot, round, random_below(&state, 2));
        if (status == WEFT_OK && shot->disagree &&
            round + 1 == shot->repeats) /* who heard nobody may know of nothing */
            status = weft_barrier(comm);
        if (status == WEFT_OK)
            continue;
        CHECK_STATUS(shot->expected, status);
        atomic_fetch_add(&shot->failures, 1);
        return;
    }
}

static const char *const collectives[] = {"broadcast", "allgather", "allreduce",       "reduce",   "gather",
                                          "scan",      "alltoall",  "reduce_scatter",  "exscan",   "scatter",
                                          "alltoallv", "gatherv",   "reduce_scatterv", "scatterv", "allgatherv"};
enum { COLLECTIVES = sizeof collectives / sizeof collectives[0] };

/* The op that it takes. */
static const weft_op *op_of(const char *collective)
{
    return oracle_collective_by_name(collective)->has_op ? WEFT_SUM : NULL;
}
static const size_t counts[] = {1, 14, 288, 289, 1024, 20000, 300000};

static void set_algorithms(weft_config *config, char *text, size_t size, int round, uint64_t *state)
{
    random_algorithms(state, text, size);
    config->algorithms = round % 2 ? text : NULL;
}

static void buffers_are_free_after_success(void **unused)
{
    (void)unused;
    uint64_t state = test_seed();
    for (int i = 0; i < scaled(210); i++) {
        struct shot shot = {.collective = collectives[i % COLLECTIVES],
                            .count = counts[random_below(&state, 7)],
                            .op = op_of(collectives[i % COLLECTIVES]),
                            .seed = random_next(&state)};
        shot.repeats = shot.count < 100000 ? 20 : 5; /* most of the time goes into new pages */
        char algorithms[400];
        weft_config config = WEFT_CONFIG_INIT;
        int n = 2 + (int)random_below(&state, 4);
        set_algorithms(&config, algorithms, sizeof algorithms, i, &state);
        test_case("%s(%zu) of %d ranks, algorithms %s", shot.collective, shot.count, n,
                  config.algorithms ? algorithms : "(chosen)");
        run_ranks(n, &config, shoot_often, &shot);
        CHECK(shot.failures == 0, "%d failures", shot.failures);
    }
}

/* Rank 0 gives up after anything from 1 ns to a few ms, wherever its peers are. */
static void buffers_are_free_after_a_timeout(void **unused)
{
    (void)unused;
    uint64_t state = test_seed();
    int struck = 0;
    for (int i = 0; i < scaled(300); i++) {
        struct shot shot = {.collective = collectives[i % COLLECTIVES],
                            .count = random_below(&state, 2) ? 200000 : 30000,
                            .op = op_of(collectives[i % COLLECTIVES]),
                            .repeats = 6,
                            .seed = random_next(&state),
                            .timeout_ns = i % 3 ? 2000000 : 100000,
                            .expected = WEFT_ERR_TIMEOUT};
        char algorithms[400];
        weft_config config = WEFT_CONFIG_INIT;
        int n = 2 + (int)random_below(&state, 6);
        set_algorithms(&config, algorithms, sizeof algorithms, i / 4, &state);
        test_case("%s(%zu) of %d ranks, algorithms %s", shot.collective, shot.count, n,
                  config.algorithms ? algorithms : "(chosen)");
        run_ranks(n, &config, shoot_often, &shot);
        struck += shot.failures > 0;
    }
    CHECK(struck > 0, "no timeout struck: the test has tested nothing");
}

/* With blocks that differ, the ranks of this test may agree where it has them disagree. */
enum { DISAGREEING = 10 };

static void buffers_are_free_after_a_disagreement(void **unused)
{
    (void)unused;
    uint64_t state = test_seed();
    for (int i = 0; i < scaled(150); i++) {
        const char *collective = collectives[i % DISAGREEING];
        struct shot shot = {.collective = collective,
                            .count = counts[random_below(&state, 7)],
                            .op = op_of(collective),
                            .repeats = 6,
                            .seed = random_next(&state),
                            .disagree = true,
                            .expected = WEFT_ERR_MISMATCH};
        char algorithms[400];
        weft_config config = WEFT_CONFIG_INIT;
        int n = 2 + (int)random_below(&state, 5);
        set_algorithms(&config, algorithms, sizeof algorithms, i / 4, &state);
        test_case("%s(%zu) of %d ranks, algorithms %s", shot.collective, shot.count, n,
                  config.algorithms ? algorithms : "(chosen)");
        run_ranks(n, &config, shoot_often, &shot);
        CHECK(shot.failures == n, "%d of %d were told", shot.failures, n);
    }
}

/* ---- A combine function that fails in the middle ---- */

static atomic_int combined;

static weft_status fail_late(const weft_op *op, const weft_type *type, const void *in, void *inout, size_t count)
{
    (void)type;
    if (atomic_fetch_add(&combined, 1) == *(const int *)op->context)
        return WEFT_ERR_SYSTEM;
    for (size_t i = 0; i < count; i++)
        ((int *)inout)[i] += ((const int *)in)[i];
    return WEFT_OK;
}

static void buffers_are_free_after_a_failing_combine(void **unused)
{
    (void)unused;
    uint64_t state = test_seed();
    int struck = 0;
    for (int i = 0; i < scaled(100); i++) {
        int limit = (int)random_below(&state, 60);
        weft_op op = {.name = "fails late", .combine = fail_late, .context = &limit};
        static const char *const reducing[] = {"allreduce", "reduce", "reduce_scatter", "scan", "exscan"};
        struct shot shot = {.collective = reducing[i % 5],
                            .count = 200000,
                            .op = &op,
                            .repeats = 3,
                            .seed = random_next(&state),
                            .expected = WEFT_ERR_CALLBACK};
        char algorithms[400];
        weft_config config = WEFT_CONFIG_INIT;
        int n = 2 + (int)random_below(&state, 5);
        atomic_store(&combined, 0);
        set_algorithms(&config, algorithms, sizeof algorithms, i / 2, &state);
        test_case("%s of %d ranks fails after %d, algorithms %s", shot.collective, n, limit,
                  config.algorithms ? algorithms : "(chosen)");
        run_ranks(n, &config, shoot_often, &shot);
        struck += shot.failures > 0;
    }
    CHECK(struck > 0, "no combine failed: the test has tested nothing");
}

/* ---- An abort from outside: the team works on a communicator made from that of weft_run, whose last rank fails ---- */

static weft_status work_until_aborted(weft_comm *comm, void *arg)
{
    struct shot *shot = arg;
    int rank = weft_comm_rank(comm), n = weft_comm_size(comm);
    uint64_t state = shot->seed + (uint64_t)rank, shared = shot->seed;
    weft_comm *team = NULL;
    CHECK_OK(weft_comm_split(comm, rank == n - 1 ? WEFT_NO_COLOR : 0, 0, &team));
    if (rank == n - 1) {
        sleep_us((unsigned)random_below(&state, 3000));
        return WEFT_ERR_SYSTEM;
    }
    weft_status status = WEFT_OK;
    for (int round = 0; status == WEFT_OK; round++) {
        const char *collective = collectives[random_below(&shared, COLLECTIVES)];
        struct shot now = {.collective = collective, .count = 60000, .op = op_of(collective)};
        status = shoot(team, &now, round, random_below(&state, 2));
    }
    CHECK_STATUS(WEFT_ERR_ABORTED, status);
    CHECK_ERROR_SAYS("rank", n - 1);
    CHECK_OK(weft_comm_destroy(team));
    atomic_fetch_add(&shot->failures, 1);
    return status;
}

static void buffers_are_free_after_an_abort(void **unused)
{
    (void)unused;
    uint64_t state = test_seed();
    for (int i = 0; i < scaled(100); i++) {
        struct shot shot = {.seed = random_next(&state)};
        char algorithms[400];
        weft_config config = WEFT_CONFIG_INIT;
        int n = 3 + (int)random_below(&state, 5);
        set_algorithms(&config, algorithms, sizeof algorithms, i, &state);
        config.wait = i % 3 == 0 ? WEFT_WAIT_BLOCK : WEFT_WAIT_AUTO;
        test_case("a team of %d, wait %s, algorithms %s", n - 1, wait_name(config.wait),
                  config.algorithms ? algorithms : "(chosen)");
        CHECK_STATUS(WEFT_ERR_SYSTEM, weft_run(n, &config, work_until_aborted, &shot));
        CHECK(shot.failures == n - 1, "%d of %d were told", shot.failures, n - 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(buffers_are_free_after_success),        TEST(buffers_are_free_after_a_timeout),
        TEST(buffers_are_free_after_a_disagreement), TEST(buffers_are_free_after_a_failing_combine),
        TEST(buffers_are_free_after_an_abort),
    };
    return RUN_TESTS("buffers", tests);
}

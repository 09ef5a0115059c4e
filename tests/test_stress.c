// SPDX-License-Identifier: MIT
/* Stress: far more ranks than processors in a long random sequence of collectives, with random delays between and within;
 * many communicators at once, used by all ranks in the same order, while others are made and freed. */
#include "cases.h"

#include <stdio.h>
#include <stdlib.h>

struct sequence {
    struct item *items;
    size_t count;
    unsigned delay_us; /* the longest */
    uint64_t seed;
};

static void run_with_delays(weft_comm *comm, void *arg)
{
    const struct sequence *sequence = arg;
    uint64_t state = sequence->seed ^ (uint64_t)weft_comm_rank(comm) << 32;
    for (size_t i = 0; i < sequence->count; i++) {
        if (random_below(&state, 16) == 0)
            sleep_us((unsigned)random_below(&state, sequence->delay_us + 1));
        item_run(&sequence->items[i], comm);
    }
}

static void run_sequence(int n_ranks, size_t count, unsigned delay_us, const weft_config *config, uint64_t *state)
{
    struct sequence sequence = {test_alloc(sizeof(struct item) * count), count, delay_us, random_next(state)};
    for (size_t i = 0; i < count; i++) {
        struct oracle_call call = random_call(state, n_ranks, n_ranks > 50 ? (size_t)1 << 20 : (size_t)256 << 10);
        item_make(&sequence.items[i], state, &call, NULL);
    }
    run_ranks(n_ranks, config, run_with_delays, &sequence);
    for (size_t i = 0; i < count; i++)
        item_free(&sequence.items[i]);
    free(sequence.items);
}

static void two_hundred_ranks_with_random_delays(void **unused)
{
    (void)unused;
    uint64_t state = test_seed();
    weft_config config = WEFT_CONFIG_INIT;
    for (int w = 0; w < 2; w++) {
        config.wait = w ? WEFT_WAIT_BLOCK : WEFT_WAIT_AUTO;
        test_case("200 ranks, wait %s", wait_name(config.wait));
        run_sequence(scaled_ranks(200), (size_t)scaled(150), 2000, &config, &state);
    }
}

/* A few ranks, thousands of calls: rings wrap, slots are used again and again, roots run ahead of slow readers. */
static void few_ranks_in_long_sequences(void **unused)
{
    (void)unused;
    uint64_t state = test_seed();
    for (int n = 2; n <= 6; n++) {
        char algorithms[400];
        weft_config config = WEFT_CONFIG_INIT;
        for (int forced = 0; forced < 3; forced++) {
            random_algorithms(&state, algorithms, sizeof algorithms);
            config.algorithms = forced ? algorithms : NULL;
            test_case("%d ranks, algorithms %s", n, forced ? algorithms : "(chosen)");
            run_sequence(n, (size_t)scaled(1200), 200, &config, &state);
        }
    }
}

/* The root is thousands of messages ahead of whoever sleeps. */
static void run_ahead(weft_comm *comm, void *arg)
{
    size_t count = *(size_t *)arg;
    int rank = weft_comm_rank(comm), *data = test_alloc(count * sizeof *data);
    for (int i = 0; i < scaled(3000); i++) {
        if (rank == 2 && i % 700 == 0)
            sleep_us(5000);
        for (size_t k = 0; k < count; k++)
            data[k] = rank == 1 ? i - (int)k : 0;
        CHECK_OK(weft_broadcast(comm, data, count, WEFT_INT32, 1));
        CHECK(data[0] == i && data[count - 1] == i - (int)count + 1, "message %d of rank %d: %d, %d", i, rank, data[0],
              data[count - 1]);
        if (i % 1000 == 999) { /* now and then the other way */
            int sum = 0, one = 1;
            CHECK_OK(weft_reduce(comm, &one, &sum, 1, WEFT_INT32, WEFT_SUM, 2));
            CHECK(rank != 2 || sum == weft_comm_size(comm), "sum %d", sum);
        }
    }
    free(data);
}

static void roots_run_ahead_of_slow_readers(void **unused)
{
    (void)unused;
    static size_t counts[] = {1, 14, 15, 200, 288, 289, 3000};
    for (int i = 0; i < 7; i++) {
        test_case("3,000 broadcasts of %zu int32", counts[i]);
        run_ranks(4, NULL, run_ahead, &counts[i]);
    }
}

/* Reduces to changing roots: who only sends is ahead, who receives falls behind. */
static void reduce_to_each(weft_comm *comm, void *arg)
{
    (void)arg;
    int rank = weft_comm_rank(comm), n = weft_comm_size(comm);
    for (int i = 0; i < scaled(2000); i++) {
        int root = i / 100 % n, value = i + rank, sum = -1;
        if (rank == root && i % 100 == 50)
            sleep_us(2000);
        CHECK_OK(weft_reduce(comm, &value, rank == root ? &sum : NULL, 1, WEFT_INT32, WEFT_SUM, root));
        CHECK(rank != root || sum == n * i + n * (n - 1) / 2, "reduce %d to rank %d: %d", i, root, sum);
    }
}

static void senders_run_ahead_of_slow_roots(void **unused)
{
    (void)unused;
    for (int n = 2; n <= 9; n += 7) {
        test_case("2,000 reduces of %d ranks", n);
        run_ranks(n, NULL, reduce_to_each, NULL);
    }
}

/* ---- Many communicators ---- */

static void use_many(weft_comm *comm, void *arg)
{
    enum { MANY = 64 };
    uint64_t shared = *(uint64_t *)arg;
    int rank = weft_comm_rank(comm), n = weft_comm_size(comm);
    weft_comm *comms[MANY] = {NULL};
    for (int i = 0; i < scaled(3000); i++) {
        size_t at = random_below(&shared, MANY);
        if (comms[at] == NULL || random_below(&shared, 20) == 0) {
            CHECK_OK(weft_comm_destroy(comms[at]));
            int color = random_below(&shared, 2) ? 0 : rank % 2;
            CHECK_OK(weft_comm_split(comm, color, -rank, &comms[at]));
        }
        int size = weft_comm_size(comms[at]), value = i, sum = 0;
        CHECK_OK(weft_allreduce(comms[at], &value, &sum, 1, WEFT_INT32, WEFT_SUM));
        CHECK(sum == i * size && size <= n, "step %d: %d", i, sum);
    }
    for (int i = 0; i < MANY; i++)
        CHECK_OK(weft_comm_destroy(comms[i]));
}

static void many_communicators_come_and_go(void **unused)
{
    (void)unused;
    uint64_t state = test_seed();
    for (int n = 3; n <= 9; n += 3) {
        test_case("64 communicators, %d ranks", n);
        random_next(&state);
        run_ranks(n, NULL, use_many, &state);
    }
}

/* Independent teams in one process, each in a communicator of its own, none disturbing the others. */
static void run_team(int index, void *arg)
{
    weft_comm *comm = ((weft_comm **)arg)[index];
    uint64_t state = test_seed() + (uint64_t)weft_comm_size(comm);
    for (int i = 0; i < scaled(200); i++) {
        int value = i, sum = 0;
        size_t count = random_below(&state, 2000);
        char *data = calloc(count + 1, 1);
        CHECK_OK(weft_allreduce(comm, &value, &sum, 1, WEFT_INT32, WEFT_SUM));
        CHECK(sum == i * weft_comm_size(comm), "team of %d, step %d: %d", weft_comm_size(comm), i, sum);
        CHECK_OK(weft_broadcast(comm, data, count, WEFT_BYTE, i % weft_comm_size(comm)));
        free(data);
    }
}

static void teams_work_side_by_side(void **unused)
{
    (void)unused;
    weft_comm *comms[1 + 2 + 3 + 4 + 5 + 6 + 7 + 8];
    int total = 0;
    test_case("teams of 1 to 8 ranks");
    for (int n = 1; n <= 8; n++) {
        CHECK_OK(weft_comm_create_all(n, NULL, &comms[total]));
        total += n;
    }
    run_threads(total, run_team, comms);
    for (int i = 0; i < total; i++)
        CHECK_OK(weft_comm_destroy(comms[i]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(two_hundred_ranks_with_random_delays), TEST(few_ranks_in_long_sequences),
        TEST(roots_run_ahead_of_slow_readers),      TEST(senders_run_ahead_of_slow_roots),
        TEST(many_communicators_come_and_go),       TEST(teams_work_side_by_side),
    };
    return RUN_TESTS("stress", tests);
}

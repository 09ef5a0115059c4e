// SPDX-License-Identifier: MIT
/* Operations in flight: each way that two ranks can interleave two requests, a barrier and two waits; many at once, finished in other
 * orders on each rank; more than the rings hold; across communicators; finished by other threads; and what fails. */
#include "cases.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const weft_wait waits[] = {WEFT_WAIT_AUTO, WEFT_WAIT_BLOCK, WEFT_WAIT_SPIN};

/* ---- Two requests, a barrier and two waits */

/* S T: the requests are started, in this order on all ranks. B: barrier. s t: their waits. A rank's program holds S before T, B anywhere
 * but at the same place among S and T on all ranks, and each wait behind its start. */
struct programs {
    const char *of[2];
    size_t count; /* elements; long ones cannot finish without the other rank */
    weft_wait wait;
};

static void run_program(weft_comm *comm, void *arg)
{
    const struct programs *programs = arg;
    int rank = weft_comm_rank(comm), n = weft_comm_size(comm);
    size_t count = programs->count;
    int *mine = test_alloc(count * sizeof *mine), *sum = test_alloc(count * sizeof *sum);
    int *all = test_alloc(count * sizeof *all * (size_t)n);
    weft_request *s = NULL, *t = NULL;
    for (size_t i = 0; i < count; i++)
        mine[i] = rank + (int)i;
    for (const char *at = programs->of[rank % 2]; *at; at++)
        switch (*at) {
        case 'S':
            CHECK_OK(weft_iallreduce(comm, mine, sum, count, WEFT_INT32, WEFT_SUM, &s));
            break;
        case 'T':
            CHECK_OK(weft_iallgather(comm, mine, all, count, WEFT_INT32, &t));
            break;
        case 'B':
            CHECK_OK(weft_barrier(comm));
            break;
        case 's':
            CHECK_OK(weft_wait_one(&s));
            CHECK(s == NULL, "the request is still there");
            break;
        default:
            CHECK_OK(weft_wait_one(&t));
        }
    for (size_t i = 0; i < count; i++) {
        if (!CHECK(sum[i] == n * (n - 1) / 2 + n * (int)i, "element %zu is %d", i, sum[i]))
            break;
        if (!CHECK(all[(size_t)(n - 1) * count + i] == n - 1 + (int)i, "element %zu of the last block", i))
            break;
    }
    free(mine);
    free(sum);
    free(all);
}

/* Where B stands among S and T: 0 before both, 1 between, 2 behind. -1: no program. */
static int barrier_place(const char *program)
{
    const char *S = strchr(program, 'S'), *T = strchr(program, 'T'), *B = strchr(program, 'B');
    if (S > T || strchr(program, 's') < S || strchr(program, 't') < T)
        return -1;
    return (B > S) + (B > T);
}

static int permutations(char programs[64][6])
{
    static const char letters[] = "STBst";
    int found = 0;
    for (int code = 0; code < 3125; code++) {
        char program[6] = "";
        int rest = code;
        for (int i = 0; i < 5; i++, rest /= 5)
            program[i] = letters[rest % 5];
        bool each = true;
        for (int i = 0; i < 5; i++)
            each = each && strchr(program, letters[i]) != NULL;
        if (each && barrier_place(program) >= 0)
            memcpy(programs[found++], program, 6);
    }
    return found;
}

static void every_interleaving_of_two_requests_and_a_barrier_gets_on(void **unused)
{
    (void)unused;
    char programs[64][6];
    int n = permutations(programs), tried = 0;
    test_watchdog(200);
    for (int a = 0; a < n; a++)
        for (int b = 0; b < n; b++) {
            if (barrier_place(programs[a]) != barrier_place(programs[b]))
                continue;
            struct programs two = {{programs[a], programs[b]}, tried % 2 ? 3 : 5000, waits[tried % 3]};
            weft_config config = WEFT_CONFIG_INIT;
            config.wait = two.wait;
            config.timeout_ns = 60000000000;
            int ranks = tried % 5 == 0 ? 3 : 2;
            test_case("%s against %s, %zu elements, wait %s, %d ranks", programs[a], programs[b], two.count,
                      wait_name(two.wait), ranks);
            tried++;
            if (TEST_SANITIZED && tried % 4 != 0)
                continue;
            run_ranks(ranks, &config, run_program, &two);
        }
    assert_true(tried > 50);
}

/* ---- Many at once */

enum { KINDS = 5 };

struct many {
    int in_flight, rounds;
    uint64_t seed;
    size_t most; /* elements */
    bool test;   /* by weft_test rather than a wait */
};

struct one {
    int kind, root;
    size_t count;
    int64_t *send, *recv;
};

static void start_one(weft_comm *comm, struct one *one, uint64_t *shared, size_t most, weft_request **request)
{
    size_t n = (size_t)weft_comm_size(comm);
    int64_t base = (int64_t)(random_next(shared) >> 40);
    one->kind = (int)random_below(shared, KINDS);
    one->root = (int)random_below(shared, n);
    one->count = random_below(shared, 4) ? random_below(shared, 20) : random_below(shared, most + 1);
    one->send = test_alloc((one->count + 1) * sizeof *one->send);
    one->recv = test_alloc((n * one->count + 1) * sizeof *one->recv);
    for (size_t i = 0; i < one->count; i++)
        one->send[i] = base + weft_comm_rank(comm) + (int64_t)i;
    one->send[one->count] = base;
    switch (one->kind) {
    case 0:
        CHECK_OK(weft_ibarrier(comm, request));
        break;
    case 1:
        if (weft_comm_rank(comm) == one->root)
            memcpy(one->recv, one->send, one->count * sizeof *one->send);
        CHECK_OK(weft_ibroadcast(comm, one->recv, one->count, WEFT_INT64, one->root, request));
        break;
    case 2:
        CHECK_OK(weft_iallgather(comm, one->send, one->recv, one->count, WEFT_INT64, request));
        break;
    case 3:
        CHECK_OK(weft_iallreduce(comm, one->send, one->recv, one->count, WEFT_INT64, WEFT_SUM, request));
        break;
    default:
        CHECK_OK(weft_ireduce(comm, one->send, one->recv, one->count, WEFT_INT64, WEFT_SUM, one->root, request));
    }
}

static void check_one(weft_comm *comm, struct one *one)
{
    int64_t n = weft_comm_size(comm), base = one->send[one->count];
    bool right = true;
    for (size_t i = 0; right && i < one->count; i++) {
        int64_t at = base + (int64_t)i;
        if (one->kind == 1)
            right = one->recv[i] == at + one->root;
        else if (one->kind == 2)
            for (int64_t r = 0; right && r < n; r++)
                right = one->recv[(size_t)r * one->count + i] == at + r;
        else if (one->kind == 3 || (one->kind == 4 && weft_comm_rank(comm) == one->root))
            right = one->recv[i] == n * at + n * (n - 1) / 2;
    }
    CHECK(right, "kind %d, %zu elements, root %d", one->kind, one->count, one->root);
    free(one->send);
    free(one->recv);
}

/* Finishes them in an order of this rank's own, by all means there are. */
static void finish_all(weft_comm *comm, struct one *ones, weft_request **requests, size_t n, uint64_t *own, bool test)
{
    size_t left = n, index = 0;
    bool *checked = test_alloc(n * sizeof *checked);
    memset(checked, 0, n * sizeof *checked);
    while (left > 0) {
        index = random_below(own, n);
        if (checked[index])
            continue;
        if (test) {
            weft_status status;
            while ((status = weft_test(&requests[index])) == WEFT_PENDING) {}
            CHECK_OK(status);
        } else if (random_below(own, 3) == 0) {
            CHECK_OK(weft_wait_any(requests, n, &index));
            if (!CHECK(index < n && !checked[index], "index %zu of %zu", index, n))
                break;
        } else
            CHECK_OK(weft_wait_one(&requests[index]));
        CHECK(requests[index] == NULL, "request %zu is still there", index);
        check_one(comm, &ones[index]);
        checked[index] = true;
        left--;
    }
    CHECK_OK(weft_wait_any(requests, n, &index));
    CHECK(index == n, "nothing is left, and the index is %zu", index);
    CHECK_OK(weft_wait_all(requests, n));
    free(checked);
}

static void many_in_flight(weft_comm *comm, void *arg)
{
    const struct many *many = arg;
    uint64_t shared = many->seed, own = many->seed ^ (uint64_t)(weft_comm_rank(comm) + 1) * 77;
    size_t n = (size_t)many->in_flight;
    struct one *ones = test_alloc(n * sizeof *ones);
    weft_request **requests = test_alloc(n * sizeof(weft_request *));
    for (int round = 0; round < many->rounds; round++) {
        for (size_t i = 0; i < n; i++) {
            int one = 1, sum = 0;
            requests[i] = NULL;
            start_one(comm, &ones[i], &shared, many->most, &requests[i]);
            if (random_below(&shared, 8) == 0) { /* a blocking one in between */
                CHECK_OK(weft_allreduce(comm, &one, &sum, 1, WEFT_INT32, WEFT_SUM));
                CHECK(sum == weft_comm_size(comm), "the sum of ones is %d", sum);
            }
        }
        finish_all(comm, ones, requests, n, &own, many->test);
        CHECK_OK(weft_barrier(comm));
    }
    free(ones);
    free(requests);
}

static void many_finish_in_any_order(void **unused)
{
    (void)unused;
    static const int ranks[] = {2, 3, 8, 1, 17};
    uint64_t state = test_seed();
    test_watchdog(200);
    for (int i = 0; i < scaled(60); i++) {
        struct many many = {1 + (int)random_below(&state, i % 4 ? 12 : 150), 3, random_next(&state),
                            i % 3 ? 300 : 20000, i % 5 == 2};
        char algorithms[400];
        weft_config config = WEFT_CONFIG_INIT;
        random_algorithms(&state, algorithms, sizeof algorithms);
        config.algorithms = i % 2 ? algorithms : NULL;
        config.wait = waits[random_below(&state, 2)];
        config.timeout_ns = 60000000000;
        int n = ranks[random_below(&state, 5)];
        test_case("%d in flight on %d ranks, up to %zu elements, wait %s, algorithms %s, seed %llu", many.in_flight, n,
                  many.most, wait_name(config.wait), config.algorithms ? algorithms : "(chosen)",
                  (unsigned long long)many.seed);
        run_ranks(n, &config, many_in_flight, &many);
    }
}

static void sixty_four_ranks_on_few_processors(void **unused)
{
    (void)unused;
    struct many many = {20, 2, test_seed(), 200, false};
    weft_config config = WEFT_CONFIG_INIT;
    test_watchdog(120);
    test_case("20 in flight on 64 ranks");
    run_ranks(64, &config, many_in_flight, &many);
}

/* ---- Across communicators and threads */

/* Rank 0 waits on one communicator for what rank 1 only does after a request on the other has gone on. */
static void wait_across(weft_comm *comm, void *arg)
{
    (void)arg;
    weft_comm *other;
    weft_request *first = NULL, *second = NULL;
    size_t count = 50000;
    int *data = test_alloc(count * sizeof *data), *sum = test_alloc(count * sizeof *sum);
    for (size_t i = 0; i < count; i++)
        data[i] = (int)i;
    CHECK_OK(weft_comm_dup(comm, &other));
    CHECK_OK(weft_iallreduce(comm, data, sum, count, WEFT_INT32, WEFT_SUM, &first));
    if (weft_comm_rank(comm) == 0) {
        CHECK_OK(weft_barrier(other)); /* moves `first`, without which rank 1 does not come */
        CHECK_OK(weft_wait_one(&first));
    } else {
        CHECK_OK(weft_wait_one(&first));
        CHECK_OK(weft_barrier(other));
    }
    CHECK(sum[count - 1] == (int)(count - 1) * weft_comm_size(comm), "%d", sum[count - 1]);
    CHECK_OK(weft_ibarrier(comm, &first));
    CHECK_OK(weft_ibarrier(other, &second));
    weft_request *both[] = {weft_comm_rank(comm) ? first : second, weft_comm_rank(comm) ? second : first};
    CHECK_OK(weft_wait_all(both, 2));
    CHECK_OK(weft_comm_destroy(other));
    free(data);
    free(sum);
}

static void waiting_on_one_communicator_moves_the_others(void **unused)
{
    (void)unused;
    for (int i = 0; i < scaled(30); i++) {
        weft_config config = WEFT_CONFIG_INIT;
        config.wait = waits[i % 2];
        config.timeout_ns = 60000000000;
        test_case("wait %s", wait_name(config.wait));
        run_ranks(i % 3 ? 2 : 6, &config, wait_across, NULL);
    }
}

struct handed {
    weft_request *request;
    weft_status status;
};

static void *finish_elsewhere(void *handed_)
{
    struct handed *handed = handed_;
    handed->status = weft_wait_one(&handed->request);
    return NULL;
}

/* Another thread waits for the request that this one has started, while this one waits on another communicator. */
static void hand_over(weft_comm *comm, void *arg)
{
    (void)arg;
    weft_comm *other;
    CHECK_OK(weft_comm_dup(comm, &other));
    for (int i = 0; i < 20; i++) {
        struct handed handed = {NULL, WEFT_OK};
        int64_t data[3000], sum[3000];
        pthread_t thread;
        for (int k = 0; k < 3000; k++)
            data[k] = k;
        CHECK_OK(weft_iallreduce(comm, data, sum, 3000, WEFT_INT64, WEFT_SUM, &handed.request));
        pthread_create(&thread, NULL, finish_elsewhere, &handed);
        CHECK_OK(weft_barrier(other));
        pthread_join(thread, NULL);
        CHECK_OK(handed.status);
        CHECK(sum[2999] == 2999 * (int64_t)weft_comm_size(comm), "%lld", (long long)sum[2999]);
    }
    CHECK_OK(weft_comm_destroy(other));
}

static void requests_may_be_finished_by_another_thread(void **unused)
{
    (void)unused;
    for (int i = 0; i < scaled(12); i++) {
        weft_config config = WEFT_CONFIG_INIT;
        config.wait = waits[i % 2];
        config.timeout_ns = 60000000000;
        test_case("wait %s", wait_name(config.wait));
        run_ranks(i % 3 ? 2 : 5, &config, hand_over, NULL);
    }
}

/* ---- What fails */

static void mix(weft_comm *comm, void *blocking_rank)
{
    weft_request *request = NULL;
    int one = 1, sum;
    if (weft_comm_rank(comm) == *(int *)blocking_rank)
        CHECK_STATUS(WEFT_ERR_MISMATCH, weft_allreduce(comm, &one, &sum, 1, WEFT_INT32, WEFT_SUM));
    else {
        weft_status status = weft_iallreduce(comm, &one, &sum, 1, WEFT_INT32, WEFT_SUM, &request);
        if (status == WEFT_OK) /* the others have not found it yet */
            status = weft_wait_one(&request);
        CHECK_STATUS(WEFT_ERR_MISMATCH, status);
        CHECK(request == NULL, "the request is still there");
    }
    CHECK_ERROR_SAYS("called iallreduce(1 x int32, sum)", -1);
    CHECK_ERROR_SAYS("called allreduce(1 x int32, sum)", -1);
}

static void a_nonblocking_call_does_not_meet_a_blocking_one(void **unused)
{
    (void)unused;
    for (int n = 2; n < 7; n++) {
        int blocking_rank = n % 2 == 0 ? 0 : n - 1; /* the sentence names it first, or last */
        test_case("%d ranks, rank %d blocks", n, blocking_rank);
        run_ranks(n, NULL, mix, &blocking_rank);
    }
}

static void destroy_early(weft_comm *comm, void *arg)
{
    pthread_barrier_t *started = arg;
    size_t count = 100000;
    int *data = calloc(count, sizeof *data), *sum = calloc(count, sizeof *sum);
    weft_comm *other;
    weft_request *requests[3];
    CHECK_OK(weft_comm_dup(comm, &other));
    if (weft_comm_rank(comm) == 0) {
        CHECK_OK(weft_iallreduce(other, data, sum, count, WEFT_INT32, WEFT_SUM, &requests[0]));
        CHECK_OK(weft_ibarrier(other, &requests[1]));
        CHECK_OK(weft_iallgather(other, data, sum, 1, WEFT_INT32, &requests[2]));
        CHECK_OK(weft_comm_destroy(other));
        for (int i = 0; i < 3; i++)
            CHECK_STATUS(WEFT_ERR_RANK_LOST, weft_wait_one(&requests[i]));
        CHECK_ERROR_SAYS("rank 0", -1);
    }
    pthread_barrier_wait(started);
    if (weft_comm_rank(comm) != 0) {
        weft_status status = weft_iallreduce(other, data, sum, count, WEFT_INT32, WEFT_SUM, &requests[0]);
        CHECK_STATUS(WEFT_ERR_RANK_LOST, status);
        CHECK_OK(weft_comm_destroy(other));
    }
    free(data);
    free(sum);
}

static void destroying_a_handle_ends_its_requests(void **unused)
{
    (void)unused;
    for (int n = 2; n < 5; n++) {
        pthread_barrier_t started;
        pthread_barrier_init(&started, NULL, (unsigned)n);
        test_case("%d ranks", n);
        run_ranks(n, NULL, destroy_early, &started);
        pthread_barrier_destroy(&started);
    }
}

static void never_met(weft_comm *comm, void *arg)
{
    pthread_barrier_t *done = arg;
    weft_request *requests[2] = {NULL, NULL};
    int one = 1, sum;
    if (weft_comm_rank(comm) == 0) {
        int64_t begin = clock_now_ns();
        CHECK_OK(weft_iallreduce(comm, &one, &sum, 1, WEFT_INT32, WEFT_SUM, &requests[0]));
        CHECK_OK(weft_ibarrier(comm, &requests[1]));
        sleep_us(30000); /* part of its time */
        CHECK_STATUS(WEFT_ERR_TIMEOUT, weft_wait_all(requests, 2));
        CHECK_ERROR_SAYS("rank 1", 50);
        CHECK(clock_now_ns() - begin < 5000000000, "much later");
        CHECK(requests[0] == NULL && requests[1] == NULL, "a request is still there");
    }
    pthread_barrier_wait(done);
}

static void timeouts_count_from_the_start(void **unused)
{
    (void)unused;
    for (int i = 0; i < 3; i++) {
        pthread_barrier_t done;
        weft_config config = WEFT_CONFIG_INIT;
        config.timeout_ns = 50000000;
        config.wait = waits[i];
        pthread_barrier_init(&done, NULL, 2);
        test_case("wait %s", wait_name(config.wait));
        run_ranks(2, &config, never_met, &done);
        pthread_barrier_destroy(&done);
    }
}

static void wrong_calls(weft_comm *comm, void *arg)
{
    (void)arg;
    weft_request *request = NULL;
    CHECK_OK(weft_wait_one(&request));
    CHECK_OK(weft_test(&request));
    CHECK_OK(weft_wait_all(NULL, 0));
    CHECK_STATUS(WEFT_ERR_ARGUMENT, weft_wait_one(NULL));
    CHECK_STATUS(WEFT_ERR_ARGUMENT, weft_wait_any(&request, 1, NULL));
    CHECK_STATUS(WEFT_ERR_ARGUMENT, weft_ibarrier(NULL, &request));
    if (weft_comm_rank(comm) == 0) {
        CHECK_STATUS(WEFT_ERR_ARGUMENT, weft_ibroadcast(comm, NULL, 4, WEFT_INT32, 0, &request));
        CHECK_ERROR_SAYS("weft_ibroadcast", -1);
        CHECK(request == NULL, "a refused call has set the request");
    }
}

static void wrong_calls_are_refused(void **unused)
{
    (void)unused;
    test_case("wrong arguments");
    run_ranks(2, NULL, wrong_calls, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(every_interleaving_of_two_requests_and_a_barrier_gets_on),
        TEST(many_finish_in_any_order),
        TEST(sixty_four_ranks_on_few_processors),
        TEST(waiting_on_one_communicator_moves_the_others),
        TEST(requests_may_be_finished_by_another_thread),
        TEST(a_nonblocking_call_does_not_meet_a_blocking_one),
        TEST(destroying_a_handle_ends_its_requests),
        TEST(timeouts_count_from_the_start),
        TEST(wrong_calls_are_refused),
    };
    return RUN_TESTS("requests", tests);
}

// SPDX-License-Identifier: MIT
/* harness_requests.c - nonblocking calls: started, moved by whoever waits, slept for together. */
#include "model.h"

static void run(void (*body)(weft_comm *comm))
{
    weft_config config = model_config(WEFT_WAIT_BLOCK, NULL);
    model_ranks(2, &config, body);
}

/* Starts the sum of what the ranks hold. */
static weft_request *start(weft_comm *comm, const int64_t *mine, int64_t *sum)
{
    weft_request *request = NULL;
    CHECK_OK(weft_iallreduce(comm, mine, sum, 1, WEFT_INT64, WEFT_SUM, &request));
    return request;
}

static void one_in_flight(weft_comm *comm)
{
    int64_t mine = 1 + weft_comm_rank(comm), sum = 0;
    weft_request *request = start(comm, &mine, &sum);
    CHECK_OK(weft_wait_one(&request));
    CHECK(sum == 3, "the sum is %lld", (long long)sum);
}

static void one(void)
{
    run(one_in_flight);
}

/* ---- Two in flight, a barrier in between, waited for in opposite orders. */

static void crossed_waits(weft_comm *comm)
{
    int64_t mine[2] = {1 + weft_comm_rank(comm), 10 + weft_comm_rank(comm)}, sum[2] = {0, 0};
    weft_request *requests[2];
    int first = weft_comm_rank(comm);
    requests[0] = start(comm, &mine[0], &sum[0]);
    CHECK_OK(weft_barrier(comm));
    requests[1] = start(comm, &mine[1], &sum[1]);
    CHECK_OK(weft_wait_one(&requests[first]));
    CHECK_OK(weft_wait_one(&requests[1 - first]));
    CHECK(sum[0] == 3 && sum[1] == 21, "the sums are %lld and %lld", (long long)sum[0], (long long)sum[1]);
}

static void crossed(void)
{
    run(crossed_waits);
}

/* ---- One rank waits for any, the other for all. */

static void any_and_all(weft_comm *comm)
{
    int64_t mine[2] = {1 + weft_comm_rank(comm), 10 + weft_comm_rank(comm)}, sum[2] = {0, 0};
    weft_request *requests[2] = {start(comm, &mine[0], &sum[0]), start(comm, &mine[1], &sum[1])};
    size_t index = 2;
    if (weft_comm_rank(comm) == 0) {
        CHECK_OK(weft_wait_any(requests, 2, &index));
        CHECK(sum[index] == (index == 0 ? 3 : 21), "sum %zu is %lld", index, (long long)sum[index]);
    }
    CHECK_OK(weft_wait_all(requests, 2));
    CHECK(sum[0] == 3 && sum[1] == 21, "the sums are %lld and %lld", (long long)sum[0], (long long)sum[1]);
}

static void any(void)
{
    run(any_and_all);
}

/* ---- A blocking call on one communicator moves what is in flight on another: else ranks that wait crosswise would not get on. */

static weft_comm *others[2];

static void blocks_elsewhere(weft_comm *comm)
{
    int rank = weft_comm_rank(comm);
    int64_t mine = 1 + rank, sum = 0;
    weft_request *request = start(others[rank], &mine, &sum);
    if (rank == 0) {
        CHECK_OK(weft_wait_one(&request));
        CHECK_OK(weft_barrier(comm));
    } else {
        CHECK_OK(weft_barrier(comm));
        CHECK_OK(weft_wait_one(&request));
    }
    CHECK(sum == 3, "the sum is %lld", (long long)sum);
}

static void two_communicators(void)
{
    weft_config config = model_config(WEFT_WAIT_BLOCK, NULL);
    model_quiet(true);
    CHECK_OK(weft_comm_create_all(2, &config, others));
    model_quiet(false);
    run(blocks_elsewhere);
    weft_comm_destroy(others[0]);
    weft_comm_destroy(others[1]);
}

/* ---- Looked at until it has finished. */

static void test_until_done(weft_comm *comm)
{
    int64_t mine = 1 + weft_comm_rank(comm), sum = 0;
    weft_request *request = start(comm, &mine, &sum);
    weft_status status = WEFT_PENDING;
    for (int i = 0; i < 3 && weft_comm_rank(comm) == 0 && status == WEFT_PENDING; i++)
        status = weft_test(&request);
    CHECK_OK(weft_wait_one(&request));
    CHECK(sum == 3, "the sum is %lld", (long long)sum);
}

static void looked_at(void)
{
    run(test_until_done);
}

/* ---- The handle is destroyed with a request in flight: that ends with an error, or had come to its end before. */

static void destroy_in_flight(weft_comm *comm)
{
    int64_t mine = 1, sum = 0;
    bool leaves = weft_comm_rank(comm) == 1;
    weft_request *request = NULL;
    weft_status status = weft_iallreduce(comm, &mine, &sum, 1, WEFT_INT64, WEFT_SUM, &request);
    if (leaves)
        weft_comm_destroy(comm);
    if (status == WEFT_OK)
        status = weft_wait_one(&request);
    CHECK(status == WEFT_ERR_RANK_LOST || (status == WEFT_OK && sum == 2), "the status is %d, the sum %lld", status,
          (long long)sum);
    if (!leaves)
        weft_comm_destroy(comm);
}

static void destroyed(void)
{
    weft_config config = model_config(WEFT_WAIT_BLOCK, NULL);
    model_ranks_leaving(2, &config, destroy_in_flight);
}

/* ---- Another thread destroys a handle while the one that started its request waits elsewhere, and moves that request, too. */

static weft_comm *destroyed_meanwhile[2];

static void *destroy_first(void *unused)
{
    weft_comm_destroy(destroyed_meanwhile[0]);
    return unused;
}

static void wait_elsewhere(weft_comm *comm)
{
    int64_t mine[2] = {1, 1}, sum[2] = {0, 0};
    weft_request *unmet = NULL;
    pthread_t thread;
    if (weft_comm_rank(comm) == 0) {
        unmet = start(destroyed_meanwhile[0], &mine[0], &sum[0]);
        pthread_create(&thread, NULL, destroy_first, NULL);
    }
    weft_request *met = start(comm, &mine[1], &sum[1]);
    CHECK_OK(weft_wait_one(&met));
    CHECK(sum[1] == 2, "the sum is %lld", (long long)sum[1]);
    if (weft_comm_rank(comm) == 0) {
        pthread_join(thread, NULL);
        CHECK_STATUS(WEFT_ERR_RANK_LOST, weft_wait_one(&unmet));
    }
}

static void destroyed_elsewhere(void)
{
    weft_config config = model_config(WEFT_WAIT_BLOCK, NULL);
    model_quiet(true);
    CHECK_OK(weft_comm_create_all(2, &config, destroyed_meanwhile));
    model_quiet(false);
    run(wait_elsewhere);
    weft_comm_destroy(destroyed_meanwhile[1]);
}

/* ---- Two threads wait for requests of one handle: either finishes those of both. */

static void *wait_for_one(void *request)
{
    CHECK_OK(weft_wait_one(request));
    return NULL;
}

static void wait_on_two_threads(weft_comm *comm)
{
    int64_t mine[2] = {1, 10}, sum[2] = {0, 0};
    weft_request *requests[2] = {start(comm, &mine[0], &sum[0]), start(comm, &mine[1], &sum[1])};
    pthread_t thread;
    if (weft_comm_rank(comm) == 1) {
        CHECK_OK(weft_wait_all(requests, 2));
        return;
    }
    pthread_create(&thread, NULL, wait_for_one, &requests[1]);
    CHECK_OK(weft_wait_one(&requests[0]));
    CHECK(sum[0] == 2, "the sum is %lld", (long long)sum[0]);
    pthread_join(thread, NULL);
    CHECK(sum[1] == 20, "the sum is %lld", (long long)sum[1]);
}

static void two_threads(void)
{
    run(wait_on_two_threads);
}

/* ---- One thread waits for a request while the other goes on to a blocking call, which begins when that is in flight or no longer. */

static void wait_beside_call(weft_comm *comm)
{
    int64_t mine[2] = {1, 10}, sum[2] = {0, 0};
    weft_request *request = start(comm, &mine[0], &sum[0]);
    pthread_t thread;
    if (weft_comm_rank(comm) == 0)
        pthread_create(&thread, NULL, wait_for_one, &request);
    else
        CHECK_OK(weft_wait_one(&request));
    CHECK_OK(weft_allreduce(comm, &mine[1], &sum[1], 1, WEFT_INT64, WEFT_SUM));
    if (weft_comm_rank(comm) == 0)
        pthread_join(thread, NULL);
    CHECK(sum[0] == 2 && sum[1] == 20, "the sums are %lld and %lld", (long long)sum[0], (long long)sum[1]);
}

static void beside_call(void)
{
    run(wait_beside_call);
}

/* ---- An abort finds a thread that sleeps for a request, or is about to for the first time. */

static void sleep_or_abort(weft_comm *comm)
{
    int64_t mine = 1, sum = 0;
    weft_request *request = NULL;
    if (weft_comm_rank(comm) == 1) {
        CHECK_OK(weft_comm_abort(comm, "enough"));
        return;
    }
    weft_status status = weft_iallreduce(comm, &mine, &sum, 1, WEFT_INT64, WEFT_SUM, &request);
    if (status == WEFT_OK)
        status = weft_wait_one(&request);
    CHECK_STATUS(WEFT_ERR_ABORTED, status);
}

static void aborted(void)
{
    run(sleep_or_abort);
}

const struct model_harness model_requests[] = {
    {"request", "one nonblocking call, slept for", one, .processors = 4, .exhaustive = 1},
    {"requests_crossed", "two in flight and a barrier, waited for in opposite orders", crossed, .processors = 4},
    {"requests_any", "one rank waits for any, the other for all", any, .processors = 4},
    {"requests_two_comms", "a blocking call moves what is in flight elsewhere", two_communicators, .processors = 4},
    {"requests_test", "looked at, then slept for", looked_at, .processors = 4},
    {"requests_destroyed", "a handle is destroyed with a request in flight", destroyed, .processors = 4},
    {"requests_destroyed_elsewhere", "the same, while another thread moves the request", destroyed_elsewhere,
     .processors = 4},
    {"requests_two_threads", "two threads wait, either finishes what the other waits for", two_threads, .processors = 4,
     .timers = true},
    {"request_beside_call", "one thread waits, the other goes on", beside_call, .processors = 4, .timers = true},
    {"request_aborted", "one thread sleeps for a request, another aborts", aborted, .processors = 4, .exhaustive = 1},
    {"request_aborted_fenced", "the same, and who publishes makes a fence", aborted, .processors = 4, .fenced = true,
     .exhaustive = 2},
    {.name = NULL}};

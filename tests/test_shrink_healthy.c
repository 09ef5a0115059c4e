// SPDX-License-Identifier: MIT
/* weft_comm_shrink where nothing has failed: it is a call like others, which duplicates, and which all ranks make. */
#include "cases.h"
#include "shrunk.h"

#include <string.h>

static const int sizes[] = {2, 3, 5, 8, SHRUNK_MOST};

static void duplicate(weft_comm *comm, void *arg)
{
    weft_comm *shrunk[3] = {NULL};
    bool all[SHRUNK_MOST];
    int rank = weft_comm_rank(comm), n = weft_comm_size(comm);
    (void)arg;
    memset(all, 1, sizeof all);
    for (int i = 0; i < 3; i++) {
        CHECK_OK(weft_comm_shrink(comm, &shrunk[i]));
        check_shrunk(shrunk[i], rank, all, n);
        CHECK_OK(weft_barrier(comm));
    }
    CHECK_OK(weft_comm_destroy(shrunk[1]));
    if (rank == n - 1)
        CHECK_OK(weft_comm_abort(comm, "an abort reaches what was made from it"));
    CHECK_STATUS(WEFT_ERR_ABORTED, weft_barrier(shrunk[0]));
    CHECK_STATUS(WEFT_ERR_ABORTED, weft_barrier(shrunk[2]));
    CHECK_OK(weft_comm_destroy(shrunk[0]));
    CHECK_OK(weft_comm_destroy(shrunk[2]));
}

static void on_a_healthy_communicator_it_is_dup(void **unused)
{
    (void)unused;
    for (int i = 0; i < 5; i++) {
        test_case("%d ranks", sizes[i]);
        run_ranks(sizes[i], NULL, duplicate, NULL);
    }
}

static void disagree(weft_comm *comm, void *arg)
{
    weft_comm *shrunk = NULL;
    bool all[SHRUNK_MOST];
    int rank = weft_comm_rank(comm), n = weft_comm_size(comm);
    unsigned late_us = *(unsigned *)arg;
    memset(all, 1, sizeof all);
    if (rank != 1)
        sleep_us(late_us);
    if (rank == 1) {
        CHECK_STATUS(WEFT_ERR_MISMATCH, weft_barrier(comm));
        CHECK_ERROR_SAYS("shrink()", -1);
        CHECK_ERROR_SAYS("barrier()", 1);
    }
    if (CHECK_OK(weft_comm_shrink(comm, &shrunk)))
        check_shrunk(shrunk, rank, all, n);
    CHECK_STATUS(WEFT_ERR_MISMATCH, weft_comm_status(comm));
    CHECK_OK(weft_comm_destroy(shrunk));
}

static void another_call_is_a_mismatch(void **unused)
{
    (void)unused;
    for (int i = 0; i < 10; i++) {
        unsigned late_us = i < 5 ? 0 : 30000; /* rank 1 has looked round, and sleeps */
        test_case("%d ranks, late by %u us", sizes[i % 5], late_us);
        run_ranks(sizes[i % 5], NULL, disagree, &late_us);
    }
}

/* ---- With operations in flight ---- */

static void shrink_with_requests(weft_comm *comm, void *arg)
{
    weft_comm *other = NULL, *shrunk = NULL;
    weft_request *request = NULL, *elsewhere = NULL;
    int rank = weft_comm_rank(comm), n = weft_comm_size(comm), one = 1, sum = 0, data[3000] = {rank}, result[3000];
    bool all[SHRUNK_MOST];
    (void)arg;
    memset(all, 1, sizeof all);
    CHECK_OK(weft_comm_dup(comm, &other));
    CHECK_OK(weft_iallreduce(comm, &one, &sum, 1, WEFT_INT32, WEFT_SUM, &request));
    CHECK_OK(weft_iallreduce(other, data, result, 3000, WEFT_INT32, WEFT_SUM, &elsewhere));
    if (CHECK_OK(weft_comm_shrink(comm, &shrunk)))
        check_shrunk(shrunk, rank, all, n);
    CHECK_OK(weft_wait_one(&request));
    CHECK_OK(weft_wait_one(&elsewhere));
    CHECK(sum == n, "%d, expected %d", sum, n);
    CHECK(result[0] == n * (n - 1) / 2, "%d", result[0]);
    CHECK_OK(weft_comm_destroy(other));
    CHECK_OK(weft_comm_destroy(shrunk));
}

static void operations_in_flight_go_on(void **unused)
{
    (void)unused;
    for (int i = 0; i < scaled(20); i++) {
        test_case("%d ranks", sizes[i % 5]);
        run_ranks(sizes[i % 5], NULL, shrink_with_requests, NULL);
    }
}

static void wrong_calls_are_refused(void **unused)
{
    (void)unused;
    weft_comm *comm, *out = NULL;
    test_case("NULL");
    CHECK_STATUS(WEFT_ERR_ARGUMENT, weft_comm_shrink(NULL, &out));
    CHECK_OK(weft_comm_create_all(1, NULL, &comm));
    CHECK_STATUS(WEFT_ERR_ARGUMENT, weft_comm_shrink(comm, NULL));
    CHECK_STATUS(WEFT_ERR_ARGUMENT, weft_comm_status(comm));
    CHECK_OK(weft_comm_shrink(comm, &out));
    CHECK_OK(weft_barrier(out));
    CHECK_OK(weft_comm_destroy(comm));
    CHECK_OK(weft_comm_destroy(out));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(on_a_healthy_communicator_it_is_dup),
        TEST(another_call_is_a_mismatch),
        TEST(operations_in_flight_go_on),
        TEST(wrong_calls_are_refused),
    };
    return RUN_TESTS("shrink_healthy", tests);
}

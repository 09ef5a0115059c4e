// SPDX-License-Identifier: MIT
/* Handles that are used as they may not be. With WEFT_CHECK=1: two threads in calls on one handle at once, calls after destroy, destroy twice.
 * Always: a callback that calls the communicator which it serves. */
#include "cases.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

static void called_after_destroy_says_so(void **unused)
{
    (void)unused;
    weft_comm *comms[3], *out = NULL;
    int data = 1, sum = 0;
    weft_request *request = NULL;
    test_case("calls on destroyed handles");
    CHECK_OK(weft_comm_create_all(3, NULL, comms));
    for (int rank = 0; rank < 3; rank++)
        CHECK_OK(weft_comm_destroy(comms[rank]));
    for (int rank = 0; rank < 3; rank++) {
        weft_comm *comm = comms[rank];
        CHECK_STATUS(WEFT_ERR_ARGUMENT, weft_comm_destroy(comm));
        CHECK_ERROR_SAYS("destroyed", -1);
        CHECK_STATUS(WEFT_ERR_ARGUMENT, weft_comm_status(comm));
        CHECK_STATUS(WEFT_ERR_ARGUMENT, weft_barrier(comm));
        CHECK_ERROR_SAYS("destroyed", -1);
        CHECK_STATUS(WEFT_ERR_ARGUMENT, weft_allreduce(comm, &data, &sum, 1, WEFT_INT32, WEFT_SUM));
        CHECK_STATUS(WEFT_ERR_ARGUMENT, weft_iallreduce(comm, &data, &sum, 1, WEFT_INT32, WEFT_SUM, &request));
        CHECK_STATUS(WEFT_ERR_ARGUMENT, weft_gather(comm, &data, &sum, 1, WEFT_INT32, 0));
        CHECK_STATUS(WEFT_ERR_ARGUMENT, weft_scan(comm, &data, &sum, 1, WEFT_INT32, WEFT_SUM));
        CHECK_STATUS(WEFT_ERR_ARGUMENT, weft_send(comm, &data, 1, WEFT_INT32, 0, 0));
        CHECK_STATUS(WEFT_ERR_ARGUMENT, weft_irecv(comm, &data, 1, WEFT_INT32, 0, 0, NULL, &request));
        CHECK_STATUS(WEFT_ERR_ARGUMENT, weft_comm_dup(comm, &out));
        CHECK_STATUS(WEFT_ERR_ARGUMENT, weft_comm_split(comm, 0, 0, &out));
        CHECK_STATUS(WEFT_ERR_ARGUMENT, weft_comm_shrink(comm, &out));
        CHECK_STATUS(WEFT_ERR_ARGUMENT, weft_comm_bind_thread(comm));
        CHECK_STATUS(WEFT_ERR_ARGUMENT, weft_comm_set_timeout(comm, 1));
        CHECK_STATUS(WEFT_ERR_ARGUMENT, weft_comm_abort(comm, "no"));
    }
    CHECK(out == NULL && request == NULL, "a failing call touched its result");
    for (int i = 0; i < 3000; i++) { /* more than are kept */
        CHECK_OK(weft_comm_create_all(1, NULL, &out));
        CHECK_OK(weft_comm_destroy(out));
    }
}

/* ---- Two threads, one handle ---- */

struct shared {
    weft_comm *comms[2];
    atomic_int step;
};

static void use_one_handle_twice(int index, void *arg)
{
    struct shared *shared = arg;
    weft_comm *comm = shared->comms[0];
    if (index == 0) {
        CHECK_STATUS(WEFT_ERR_ARGUMENT, weft_barrier(comm)); /* rank 1 never comes */
        CHECK_ERROR_SAYS("another thread", 0);
        return;
    }
    sleep_us(20000);
    int sum = 0;
    weft_status status = weft_allreduce(comm, &index, &sum, 1, WEFT_INT32, WEFT_SUM);
    CHECK_STATUS(WEFT_ERR_ARGUMENT, status);
    CHECK_ERROR_SAYS("another thread", -1);
    CHECK_STATUS(WEFT_ERR_ARGUMENT, weft_barrier(shared->comms[1])); /* the peers are told */
}

static void two_threads_at_once_are_told(void **unused)
{
    (void)unused;
    for (int i = 0; i < 5; i++) {
        struct shared shared = {.step = 0};
        test_case("round %d", i);
        CHECK_OK(weft_comm_create_all(2, NULL, shared.comms));
        run_threads(2, use_one_handle_twice, &shared);
        CHECK_OK(weft_comm_destroy(shared.comms[0]));
        CHECK_OK(weft_comm_destroy(shared.comms[1]));
    }
}

static void destroy_while_waiting(int index, void *arg)
{
    struct shared *shared = arg;
    if (index == 0) {
        CHECK_STATUS(WEFT_ERR_ARGUMENT, weft_barrier(shared->comms[0]));
    } else {
        sleep_us(20000);
        CHECK_STATUS(WEFT_ERR_ARGUMENT, weft_comm_destroy(shared->comms[0]));
    }
}

static void a_handle_in_use_is_not_destroyed(void **unused)
{
    (void)unused;
    struct shared shared = {.step = 0};
    test_case("one thread waits, another destroys");
    CHECK_OK(weft_comm_create_all(2, NULL, shared.comms));
    run_threads(2, destroy_while_waiting, &shared);
    CHECK_OK(weft_comm_destroy(shared.comms[0]));
    CHECK_OK(weft_comm_destroy(shared.comms[1]));
}

/* One after the other they may; and everything else works as without checking. */
static void work_checked(weft_comm *comm, void *arg)
{
    weft_comm *copy = NULL;
    weft_request *request = NULL;
    int rank = weft_comm_rank(comm), n = weft_comm_size(comm), sum = 0;
    (void)arg;
    for (int i = 0; i < 50; i++) {
        CHECK_OK(weft_allreduce(comm, &rank, &sum, 1, WEFT_INT32, WEFT_SUM));
        CHECK(sum == n * (n - 1) / 2, "%d", sum);
    }
    CHECK_OK(weft_iallreduce(comm, &rank, &sum, 1, WEFT_INT32, WEFT_SUM, &request));
    CHECK_OK(weft_barrier(comm));
    CHECK_OK(weft_wait_one(&request));
    CHECK_OK(weft_send(comm, &rank, 1, WEFT_INT32, (rank + 1) % n, 0));
    CHECK_OK(weft_recv(comm, &sum, 1, WEFT_INT32, WEFT_ANY_SOURCE, 0, NULL));
    CHECK_OK(weft_comm_dup(comm, &copy));
    CHECK_OK(weft_barrier(copy));
    CHECK_OK(weft_comm_destroy(copy));
    CHECK_STATUS(WEFT_ERR_ARGUMENT, weft_broadcast(comm, NULL, 1, WEFT_INT32, 0));
    CHECK_STATUS(WEFT_ERR_ARGUMENT, weft_barrier(comm));
}

static void checked_handles_work(void **unused)
{
    (void)unused;
    test_case("five ranks");
    run_ranks(5, NULL, work_checked, NULL);
}

/* ---- Callbacks that call back ---- */

static _Thread_local weft_comm *served;
static atomic_int called_back;

static weft_status add_and_call(const weft_op *op, const weft_type *type, const void *in, void *inout, size_t count)
{
    (void)op;
    (void)type;
    for (size_t i = 0; i < count; i++)
        ((int *)inout)[i] += ((const int *)in)[i];
    CHECK_STATUS(WEFT_ERR_CALLBACK, weft_barrier(served));
    CHECK_ERROR_SAYS("callback", -1);
    atomic_fetch_add(&called_back, 1);
    return WEFT_OK;
}

static void combine_calls(weft_comm *comm, void *arg)
{
    static const weft_op op = {.name = "adds and calls", .combine = add_and_call};
    size_t count = *(size_t *)arg;
    int *data = calloc(count, sizeof *data);
    served = comm;
    weft_status status = weft_allreduce(comm, WEFT_IN_PLACE, data, count, WEFT_INT32, &op);
    CHECK_STATUS(WEFT_ERR_CALLBACK, status == WEFT_OK ? weft_barrier(comm) : status);
    CHECK_ERROR_SAYS("adds and calls", -1);
    CHECK_STATUS(WEFT_ERR_CALLBACK, weft_comm_status(comm));
    free(data);
}

static weft_status copy_and_call(const weft_type *type, const void *source, void *target, size_t count)
{
    weft_comm *out = NULL;
    memcpy(target, source, count * type->size);
    CHECK_STATUS(WEFT_ERR_CALLBACK, weft_comm_dup(served, &out));
    CHECK_STATUS(WEFT_ERR_CALLBACK, weft_comm_destroy(served));
    return WEFT_OK;
}

static void copy_calls(weft_comm *comm, void *arg)
{
    static const weft_type type = {.name = "object", .size = sizeof(int), .copy = copy_and_call};
    int object = 1, one = 1, sum = 0;
    (void)arg;
    served = comm;
    CHECK_STATUS(WEFT_ERR_CALLBACK, weft_broadcast(comm, &object, 1, &type, 0));
    CHECK_OK(weft_allreduce(comm, &one, &sum, 1, WEFT_INT32, WEFT_SUM)); /* it goes on */
    CHECK(sum == weft_comm_size(comm), "%d", sum);
}

static void callbacks_that_call_back_are_refused(void **unused)
{
    (void)unused;
    static size_t counts[] = {1, 1000, 100000};
    for (int checked = 0; checked < 2; checked++) {
        setenv("WEFT_CHECK", checked ? "1" : "0", 1);
        for (int i = 0; i < 9; i++) {
            test_case("combine, %d ranks, count %zu, WEFT_CHECK=%d", 2 + i / 3 * 2, counts[i % 3], checked);
            run_ranks(2 + i / 3 * 2, NULL, combine_calls, &counts[i % 3]);
            test_case("copy, %d ranks, WEFT_CHECK=%d", 2 + i / 3 * 2, checked);
            run_ranks(2 + i / 3 * 2, NULL, copy_calls, NULL);
        }
    }
    CHECK(called_back > 0, "no combine was called");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(called_after_destroy_says_so),         TEST(two_threads_at_once_are_told),
        TEST(a_handle_in_use_is_not_destroyed),     TEST(checked_handles_work),
        TEST(callbacks_that_call_back_are_refused),
    };
    setenv("WEFT_CHECK", "1", 1);
    return RUN_TESTS("misuse", tests);
}

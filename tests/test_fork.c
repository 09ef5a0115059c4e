// SPDX-License-Identifier: MIT
/* fork: in the child every handle that the parent had gives WEFT_ERR_GROUP, at once, whatever the other threads of the parent were doing
 * when it forked, and may be destroyed; the child makes communicators of its own. The parent goes on as if nothing had been. */
#include "cases.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define LACK "a child by fork of a program of several threads asserts in the emulator itself"

/* The child's verdict is its exit code: the line of the first check that failed, less 256 where that is needed; 0: none. */
#define EXPECT(condition)                                                                                              \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            fprintf(stderr, "in the child, line %d: %s (%s)\n", __LINE__, #condition, weft_last_error());              \
            _exit(1);                                                                                                  \
        }                                                                                                              \
    } while (0)

static int finish(pid_t child)
{
    int status = -1;
    while (waitpid(child, &status, 0) < 0) {}
    return status;
}

static weft_status sum_up(weft_comm *comm, void *arg)
{
    int one = 1, sum = 0;
    weft_status status = weft_allreduce(comm, &one, &sum, 1, WEFT_INT32, WEFT_SUM);
    (void)arg;
    return status != WEFT_OK || sum == weft_comm_size(comm) ? status : WEFT_ERR_SYSTEM;
}

/* Everything that a handle is good for. */
static void try_all(weft_comm *comm)
{
    int data[8] = {0}, result[8];
    weft_comm *out = NULL;
    weft_request *request = NULL;
    weft_message message;
    EXPECT(weft_comm_status(comm) == WEFT_ERR_GROUP);
    EXPECT(weft_barrier(comm) == WEFT_ERR_GROUP);
    EXPECT(strstr(weft_last_error(), "forked") != NULL);
    EXPECT(weft_sync(comm, true) == WEFT_ERR_GROUP);
    EXPECT(weft_broadcast(comm, data, 1, WEFT_INT32, 0) == WEFT_ERR_GROUP);
    EXPECT(weft_allreduce(comm, data, result, 1, WEFT_INT32, WEFT_SUM) == WEFT_ERR_GROUP);
    EXPECT(weft_iallreduce(comm, data, result, 1, WEFT_INT32, WEFT_SUM, &request) == WEFT_ERR_GROUP);
    EXPECT(weft_send(comm, data, 1, WEFT_INT32, 0, 0) == WEFT_ERR_GROUP);
    EXPECT(weft_recv(comm, data, 1, WEFT_INT32, 0, 0, NULL) == WEFT_ERR_GROUP);
    EXPECT(weft_irecv(comm, data, 1, WEFT_INT32, 0, 0, NULL, &request) == WEFT_ERR_GROUP);
    EXPECT(weft_iprobe(comm, 0, 0, &message) == WEFT_ERR_GROUP);
    EXPECT(weft_comm_dup(comm, &out) == WEFT_ERR_GROUP);
    EXPECT(weft_comm_split(comm, 0, 0, &out) == WEFT_ERR_GROUP);
    EXPECT(weft_comm_shrink(comm, &out) == WEFT_ERR_GROUP);
    EXPECT(weft_comm_bind_thread(comm) == WEFT_ERR_GROUP);
    EXPECT(out == NULL && request == NULL);
}

static void try_own(void)
{
    weft_comm *alone = NULL;
    EXPECT(weft_comm_create_all(1, NULL, &alone) == WEFT_OK);
    EXPECT(weft_barrier(alone) == WEFT_OK);
    EXPECT(weft_comm_destroy(alone) == WEFT_OK);
#ifndef TEST_TSAN /* which does not start threads in such a child */
    EXPECT(weft_run(2, NULL, sum_up, NULL) == WEFT_OK);
    EXPECT(weft_run(5, NULL, sum_up, NULL) == WEFT_OK);
#endif
}

struct forking {
    weft_comm *comms[64];
    weft_comm *duplicates[64];
    int n_ranks;
    atomic_bool over;
};

/* All ranks work on a communicator of their own; rank 0 forks meanwhile, again and again. */
static void work_and_fork(int rank, void *arg)
{
    struct forking *forking = arg;
    weft_comm *comm = forking->comms[rank];
    weft_request *mine = NULL;
    int data[4000] = {rank}, sums[4000], one = 1, sum = 0, n = forking->n_ranks;
    CHECK_OK(weft_comm_dup(comm, &forking->duplicates[rank]));
    CHECK_OK(weft_iallreduce(forking->duplicates[rank], &one, &sum, 1, WEFT_INT32, WEFT_SUM, &mine));
    for (int round = 0; round < scaled(20); round++) {
        if (rank == 0) {
            weft_request *request = NULL;
            sleep_us((unsigned)round * 20);
            CHECK_OK(weft_irecv(comm, data, 1, WEFT_INT32, n - 1, 77, NULL, &request));
            pid_t child = fork();
            if (child == 0) {
                alarm(20);
                EXPECT(weft_test(&request) == WEFT_ERR_GROUP && request == NULL);
                if (mine != NULL)
                    EXPECT(weft_wait_one(&mine) == WEFT_ERR_GROUP || sum == n);
                for (int each = 0; each < n; each++) {
                    try_all(forking->comms[each]);
                    EXPECT(weft_comm_destroy(forking->comms[each]) == WEFT_OK);
                }
                try_own();
                _exit(0);
            }
            CHECK(finish(child) == 0, "the child failed in round %d", round);
            CHECK_OK(weft_cancel(&request));
        }
        CHECK_OK(weft_allreduce(comm, data, sums, 4000, WEFT_INT32, WEFT_SUM));
        CHECK(sums[0] == n * (n - 1) / 2, "%d", sums[0]);
    }
    CHECK_OK(weft_wait_one(&mine));
    CHECK(sum == n, "%d", sum);
    CHECK_OK(weft_comm_destroy(forking->duplicates[rank]));
    CHECK_OK(weft_comm_destroy(comm));
}

static void the_child_has_no_part_in_it(void **unused)
{
    (void)unused;
    skip_if_emulated(LACK);
    static const int sizes[] = {2, 3, 8};
    for (int i = 0; i < 3; i++) {
        struct forking forking = {.n_ranks = sizes[i]};
        test_case("%d ranks", sizes[i]);
        CHECK_OK(weft_comm_create_all(sizes[i], NULL, forking.comms));
        run_threads(sizes[i], work_and_fork, &forking);
    }
}

/* ---- While other threads make communicators, bind them and let them go ---- */

static void come_and_go(int index, void *arg)
{
    struct forking *forking = arg;
    if (index == 0) {
        for (int round = 0; round < scaled(100); round++) {
            pid_t child = fork();
            if (child == 0) {
                alarm(20);
                try_own();
                _exit(0);
            }
            CHECK(finish(child) == 0, "the child failed in round %d", round);
        }
        atomic_store(&forking->over, true);
        return;
    }
    while (!atomic_load(&forking->over)) {
        weft_comm *comm = NULL, *copy = NULL;
        weft_group_id id;
        CHECK_OK(weft_group_id_create(&id));
        CHECK_OK(weft_comm_create(&id, 1, 0, NULL, &comm));
        CHECK_OK(weft_comm_bind_thread(comm));
        CHECK_OK(weft_comm_dup(comm, &copy));
        CHECK_OK(weft_comm_destroy(comm));
        CHECK_OK(weft_comm_destroy(copy));
    }
}

static void no_lock_is_left_behind(void **unused)
{
    (void)unused;
    skip_if_emulated(LACK);
    struct forking forking = {.n_ranks = 0};
#ifdef TEST_ASAN
    skip(); /* its own allocator does not survive a fork beside threads that allocate */
#endif
    test_case("three threads make communicators, one forks");
    run_threads(4, come_and_go, &forking);
}

/* ---- A rank of weft_run forks in its body, or in the middle of a collective; the child returns from it and ends its thread ---- */

static int forked_in_callback;

static weft_status fork_and_add(const weft_op *op, const weft_type *type, const void *in, void *inout, size_t count)
{
    (void)op;
    (void)type;
    if (!__atomic_exchange_n(&forked_in_callback, 1, __ATOMIC_SEQ_CST)) {
        pid_t child = fork();
        if (child == 0)
            alarm(20);
        else
            CHECK(finish(child) == 0, "the child ended with another status");
    }
    for (size_t i = 0; i < count; i++)
        ((int *)inout)[i] += ((const int *)in)[i];
    return WEFT_OK;
}

static weft_status fork_in_callback(weft_comm *comm, void *arg)
{
    static const weft_op op = {.name = "forks", .combine = fork_and_add};
    pid_t parent = *(pid_t *)arg;
    int *data = calloc(100000, sizeof *data);
    weft_status status = weft_allreduce(comm, WEFT_IN_PLACE, data, 100000, WEFT_INT32, &op);
    free(data);
    if (getpid() == parent)
        return status;
    try_all(comm);
#ifdef TEST_ASAN
    _exit(0); /* it would look for leaks, and does not find what only the parent's other threads point to */
#endif
    return WEFT_OK; /* the process ends with this thread */
}

static void a_body_may_fork(void **unused)
{
    (void)unused;
    skip_if_emulated(LACK);
    pid_t parent = getpid();
    for (int i = 0; i < scaled(10); i++) {
        test_case("in a callback, %d", i);
        forked_in_callback = 0;
        CHECK_OK(weft_run(2 + i % 3, NULL, fork_in_callback, &parent));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_child_has_no_part_in_it),
        TEST(no_lock_is_left_behind),
        TEST(a_body_may_fork),
    };
    return RUN_TESTS("fork", tests);
}

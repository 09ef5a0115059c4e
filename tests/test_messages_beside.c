// SPDX-License-Identifier: MIT
/* Messages beside other things: a probe beside receives, sends behind one another, collectives beside messages in flight, a copy function that
 * calls another communicator. None of them holds up the other. */
#include "cases.h"

#include <pthread.h>
#include <string.h>

static const weft_wait waits[] = {WEFT_WAIT_AUTO, WEFT_WAIT_BLOCK, WEFT_WAIT_SPIN};

/* Two ranks. What would wait for ever fails in ten seconds. */
static void by_each_policy(rank_body body, void *arg)
{
    for (int i = 0; i < 3; i++) {
        weft_config config = WEFT_CONFIG_INIT;
        config.wait = waits[i];
        config.timeout_ns = 10000000000;
        test_case("wait %s", wait_name(config.wait));
        run_ranks(2, &config, body, arg);
    }
}

/* A receive in flight puts aside what a probe on the same ring waits for. */
static void probes_beside_a_receive(weft_comm *comm, void *arg)
{
    (void)arg;
    int first = 5, second = 6;
    weft_request *request = NULL;
    weft_message message;
    if (weft_comm_rank(comm) == 0) {
        sleep_us(5000);
        CHECK_OK(weft_send(comm, &second, 1, WEFT_INT32, 1, 2));
        CHECK_OK(weft_recv(comm, &second, 1, WEFT_INT32, 1, 3, NULL)); /* is still there while the other probes */
        CHECK_OK(weft_send(comm, &first, 1, WEFT_INT32, 1, 1));
        return;
    }
    first = second = 0;
    CHECK_OK(weft_irecv(comm, &first, 1, WEFT_INT32, 0, 1, NULL, &request));
    CHECK_OK(weft_probe(comm, 0, 2, &message));
    CHECK(message.tag == 2 && message.count == 1, "tag %d, %zu", message.tag, message.count);
    CHECK_OK(weft_recv(comm, &second, 1, WEFT_INT32, 0, 2, NULL));
    CHECK_OK(weft_send(comm, &second, 1, WEFT_INT32, 0, 3));
    CHECK_OK(weft_wait_one(&request));
    CHECK(first == 5 && second == 6, "%d and %d came", first, second);
}

static void a_probe_finds_what_a_receive_put_aside(void **unused)
{
    (void)unused;
    by_each_policy(probes_beside_a_receive, NULL);
}

enum { NINE_LINES = 120 }; /* elements that take so many of a ring's 32 */

/* The ring has no room for the fourth; the fifth is short, and waits behind it. */
static void queues(weft_comm *comm, void *arg)
{
    (void)arg;
    enum { SENDS = 5 };
    int data[SENDS][NINE_LINES], in[NINE_LINES];
    weft_request *requests[SENDS] = {NULL};
    for (int i = 0; i < SENDS; i++) {
        size_t count = i == SENDS - 1 ? 1 : NINE_LINES;
        for (int j = 0; j < NINE_LINES; j++)
            data[i][j] = 1000 * i + j;
        if (weft_comm_rank(comm) == 0) {
            CHECK_OK(weft_isend(comm, data[i], count, WEFT_INT32, 1, 0, &requests[i]));
            continue;
        }
        if (i == 0)
            sleep_us(5000);
        CHECK_OK(weft_recv(comm, in, count, WEFT_INT32, 0, 0, NULL));
        CHECK(memcmp(in, data[i], count * sizeof in[0]) == 0, "message %d is another", i);
    }
    CHECK_OK(weft_wait_all(requests, SENDS));
}

static void sends_wait_behind_one_another(void **unused)
{
    (void)unused;
    by_each_policy(queues, NULL);
}

/* With 30 lines in the ring a long send waits, and short ones behind it. They go when it is given up, the first before anything is received. */
static void gives_up_the_first(weft_comm *comm, void *met)
{
    enum { SENDS = 9, LONG = 6 };
    int data[SENDS][NINE_LINES] = {{0}}, in[NINE_LINES];
    weft_request *requests[SENDS] = {NULL};
    for (int i = 0; i < SENDS; i++) {
        size_t count = i < 3 || i == LONG ? NINE_LINES : 1;
        data[i][0] = i;
        if (weft_comm_rank(comm) == 0) {
            if (i == LONG)
                CHECK_OK(weft_comm_set_timeout(comm, 20000000));
            CHECK_OK(weft_isend(comm, data[i], count, WEFT_INT32, 1, 0, &requests[i]));
            if (i == LONG)
                CHECK_OK(weft_comm_set_timeout(comm, 10000000000));
            if (i == LONG + 1) {
                CHECK_STATUS(WEFT_ERR_TIMEOUT, weft_wait_one(&requests[LONG]));
                CHECK_OK(weft_wait_one(&requests[i]));
            }
        }
    }
    pthread_barrier_wait(met);
    for (int i = 0; i < SENDS && weft_comm_rank(comm) == 1; i++)
        if (i != LONG) {
            CHECK_OK(weft_recv(comm, in, NINE_LINES, WEFT_INT32, 0, 0, NULL));
            CHECK(in[0] == i, "message %d came in place of %d", in[0], i);
        }
    CHECK_OK(weft_wait_all(requests, SENDS));
}

static void a_send_that_is_given_up_holds_up_nobody(void **unused)
{
    (void)unused;
    pthread_barrier_t met;
    pthread_barrier_init(&met, NULL, 2);
    by_each_policy(gives_up_the_first, &met);
    pthread_barrier_destroy(&met);
}

/* Far more than a ring holds: who has started their receives, or sends, moves them in whatever it waits, also elsewhere. */
enum { FLOOD = 300 };

static void flood(weft_comm *comm, void *arg)
{
    bool sender_starts = *(const bool *)arg;
    int rank = weft_comm_rank(comm), data[FLOOD];
    weft_request *requests[FLOOD];
    weft_comm *other;
    CHECK_OK(weft_comm_dup(comm, &other));
    for (int i = 0; i < FLOOD; i++)
        data[i] = rank == 0 ? i : -1;
    for (int i = 0; i < FLOOD && rank < 2; i++)
        if ((rank == 0) == sender_starts)
            CHECK_OK(rank == 0 ? weft_isend(comm, &data[i], 1, WEFT_INT32, 1, i, &requests[i])
                               : weft_irecv(comm, &data[i], 1, WEFT_INT32, 0, i, NULL, &requests[i]));
        else
            CHECK_OK(rank == 0 ? weft_send(comm, &data[i], 1, WEFT_INT32, 1, i)
                               : weft_recv(comm, &data[i], 1, WEFT_INT32, 0, i, NULL));
    CHECK_OK(weft_barrier(sender_starts ? other : comm));
    if (rank < 2 && (rank == 0) == sender_starts)
        CHECK_OK(weft_wait_all(requests, FLOOD));
    CHECK(rank != 1 || (data[0] == 0 && data[FLOOD - 1] == FLOOD - 1), "%d, %d", data[0], data[FLOOD - 1]);
    CHECK_OK(weft_comm_destroy(other));
}

static void a_barrier_moves_what_was_started(void **unused)
{
    (void)unused;
    for (int i = 0; i < 12; i++) {
        bool sender_starts = i % 2;
        weft_config config = WEFT_CONFIG_INIT;
        config.wait = waits[i % 3];
        config.timeout_ns = 60000000000;
        test_case("the %s starts, wait %s, %d ranks", sender_starts ? "sender" : "receiver", wait_name(config.wait),
                  2 + i / 6 * 3);
        run_ranks(2 + i / 6 * 3, &config, flood, &sender_starts);
    }
}

/* One rank has a receive in flight, and so counts on what the others announce; they know without. */
static void meets_with_a_receive_in_flight(weft_comm *comm, void *arg)
{
    (void)arg;
    int rank = weft_comm_rank(comm), sent = 7, received = 0, sum = 0;
    weft_request *request = NULL;
    if (rank == 0)
        CHECK_OK(weft_irecv(comm, &received, 1, WEFT_INT32, 1, 0, NULL, &request));
    for (int i = 0; i < 300; i++) {
        CHECK_OK(weft_barrier(comm));
        CHECK_OK(weft_allreduce(comm, &sent, &sum, 1, WEFT_INT32, WEFT_SUM));
        if (i == 100 && rank == 1)
            CHECK_OK(weft_send(comm, &sent, 1, WEFT_INT32, 0, 0));
        if (i == 100)
            CHECK_OK(weft_wait_one(&request));
    }
    CHECK(sum == 7 * weft_comm_size(comm) && received == (rank == 0 ? 7 : 0), "%d, %d", sum, received);
}

static void collectives_go_on_beside_one_receive(void **unused)
{
    (void)unused;
    static const int ranks[] = {2, 3, 9, 33};
    for (size_t i = 0; i < sizeof ranks / sizeof ranks[0]; i++) {
        weft_config config = WEFT_CONFIG_INIT;
        config.timeout_ns = 10000000000;
        config.algorithms = i % 2 ? "barrier:flat,allreduce:flat" : NULL;
        test_case("%d ranks", ranks[i]);
        run_ranks(ranks[i], &config, meets_with_a_receive_in_flight, NULL);
    }
}

/* A copy function calls another communicator while its own is being moved. */

static _Thread_local weft_comm *elsewhere;

static weft_status copy_and_look(const weft_type *type, const void *source, void *target, size_t count)
{
    CHECK_STATUS(WEFT_PENDING, weft_iprobe(elsewhere, WEFT_ANY_SOURCE, WEFT_ANY_TAG, NULL));
    memcpy(target, source, count * type->size);
    return WEFT_OK;
}
static const weft_type looking = {.name = "looking", .size = sizeof(int), .copy = copy_and_look};

static void calls_another_meanwhile(weft_comm *comm, void *arg)
{
    (void)arg;
    int rank = weft_comm_rank(comm), data = 10 + rank, received = 0, all[2] = {0, 0};
    weft_request *requests[2] = {NULL, NULL};
    CHECK_OK(weft_comm_dup(comm, &elsewhere));
    CHECK_OK(weft_irecv(comm, &received, 1, &looking, 1 - rank, 0, NULL, &requests[0]));
    CHECK_OK(weft_allgather(comm, &data, all, 1, &looking)); /* beside that */
    CHECK_OK(weft_isend(comm, &data, 1, &looking, 1 - rank, 0, &requests[1]));
    CHECK_OK(weft_wait_all(requests, 2));
    CHECK(received == 11 - rank && all[0] == 10 && all[1] == 11, "%d, %d, %d", received, all[0], all[1]);
    CHECK_OK(weft_comm_destroy(elsewhere));
}

static void a_copy_may_call_another_communicator(void **unused)
{
    (void)unused;
    by_each_policy(calls_another_meanwhile, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_probe_finds_what_a_receive_put_aside),  TEST(sends_wait_behind_one_another),
        TEST(a_send_that_is_given_up_holds_up_nobody), TEST(a_barrier_moves_what_was_started),
        TEST(collectives_go_on_beside_one_receive),    TEST(a_copy_may_call_another_communicator),
    };
    return RUN_TESTS("messages_beside", tests);
}

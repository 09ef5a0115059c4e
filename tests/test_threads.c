// SPDX-License-Identifier: MIT
/* Threads that end: a rank that is bound to its thread is lost with it, to those who need something that it never
 * published, whichever way the thread ends; one that is not bound is not. Also a thread that ends inside a callback. */
#include "cases.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

static const weft_wait waits[] = {WEFT_WAIT_AUTO, WEFT_WAIT_BLOCK, WEFT_WAIT_SPIN};

enum ending { RETURN, EXIT, CANCEL, ENDINGS };
static const char *const endings[] = {"returns", "exits", "is cancelled"};

/* A cancelled thread's frames stay marked, unlike those below a pthread_exit, unless AddressSanitizer is told. */
#ifdef TEST_ASAN
void __asan_handle_no_return(void);
#else
#define __asan_handle_no_return() ((void)0)
#endif

/* The rest of the thread's life; its function returns after RETURN. */
static void end_thread(enum ending ending)
{
    if (ending == EXIT)
        pthread_exit(NULL);
    if (ending == CANCEL) {
        __asan_handle_no_return();
        pthread_cancel(pthread_self());
        pthread_testcancel();
    }
}

static weft_status call(weft_comm *comm, const char *collective, size_t count, int root)
{
    void *send = calloc(count + 1, 4), *recv = calloc((size_t)weft_comm_size(comm) * count + 1, 4);
    struct oracle_call call = {
        oracle_collective_by_name(collective), weft_comm_size(comm), count, WEFT_INT32, WEFT_SUM, root};
    weft_status status = oracle_perform(&call, comm, send, recv);
    free(send);
    free(recv);
    return status;
}

/* ---- Lost */

struct end {
    const char *collective;
    size_t count;
    enum ending ending;
    unsigned delay_us;
    bool idle;
};

static void end_instead(weft_comm *comm, void *arg)
{
    const struct end *end = arg;
    int rank = weft_comm_rank(comm);
    if (rank == 1) {
        CHECK_OK(weft_comm_bind_thread(comm));
        sleep_us(end->delay_us);
        end_thread(end->ending);
        return;
    }
    weft_status status = end->idle ? weft_sync(comm, true) : call(comm, end->collective, end->count, 1);
    if (status == WEFT_OK) /* a reduce to rank 1 needs nobody */
        status = weft_barrier(comm);
    CHECK_STATUS(WEFT_ERR_RANK_LOST, status);
    CHECK_ERROR_SAYS("the thread of rank 1 ended before call ", -1);
    CHECK_STATUS(WEFT_ERR_RANK_LOST, weft_comm_status(comm));
}

static void bound_ranks_are_lost_with_their_threads(void **unused)
{
    (void)unused;
    static const char *const collectives[] = {"barrier", "allreduce", "allgather", "broadcast", "reduce"};
    uint64_t state = test_seed();
    for (int i = 0; i < scaled(150); i++) {
        struct end end = {.collective = collectives[i % 5],
                          .count = i % 3 ? 2 : 30000,
                          .ending = (enum ending)(i % ENDINGS),
                          .delay_us = (unsigned)random_below(&state, 3) * 2000,
                          .idle = i % 7 == 0};
        char algorithms[300];
        weft_config config = WEFT_CONFIG_INIT;
        int n = 2 + (int)random_below(&state, 7);
        random_algorithms(&state, algorithms, sizeof algorithms);
        config.algorithms = i % 2 ? algorithms : NULL;
        config.wait = waits[random_below(&state, n <= 3 ? 3 : 2)];
        test_case("the thread of rank 1 of %d %s instead of %s(%zu), wait %s, algorithms %s", n, endings[end.ending],
                  end.idle ? "sync" : end.collective, end.count, wait_name(config.wait),
                  config.algorithms ? algorithms : "(chosen)");
        run_ranks(n, &config, end_instead, &end); /* which destroys the handle of the lost rank like the others */
    }
}

/* ---- What it published stays; who needs nothing of it goes on */

struct speech {
    enum ending ending;
    pthread_barrier_t read;
};

static void speak_and_end(weft_comm *comm, void *arg)
{
    struct speech *speech = arg;
    int rank = weft_comm_rank(comm), said = rank == 1 ? 17 : 0, sum = 0, one = 1;
    if (rank == 1)
        CHECK_OK(weft_comm_bind_thread(comm));
    else
        sleep_us(20000);
    CHECK_OK(weft_broadcast(comm, &said, 1, WEFT_INT32, 1));
    CHECK_OK(weft_reduce(comm, &one, &sum, 1, WEFT_INT32, WEFT_SUM, 0));
    CHECK(said == 17 && (rank != 0 || sum == 3), "%d, %d", said, sum);
    if (rank == 1) {
        end_thread(speech->ending);
        return;
    }
    pthread_barrier_wait(&speech->read); /* the next call fails the communicator */
    CHECK_STATUS(WEFT_ERR_RANK_LOST, weft_barrier(comm));
}

static void what_a_lost_rank_said_can_be_read(void **unused)
{
    (void)unused;
    for (enum ending ending = RETURN; ending < ENDINGS; ending++) {
        struct speech speech = {.ending = ending};
        test_case("the thread %s", endings[ending]);
        pthread_barrier_init(&speech.read, NULL, 2);
        run_ranks(3, NULL, speak_and_end, &speech);
        pthread_barrier_destroy(&speech.read);
    }
}

/* Rank 2 is gone, by its thread or by its handle, and rank 1 waits long for rank 0 alone. */
static void wait_for_the_root(int rank, void *arg)
{
    weft_comm **comms = arg, *comm = comms[rank];
    int said = 0;
    if (rank == 2) {
        if (comms[3] != NULL) { /* any mark */
            CHECK_OK(weft_comm_destroy(comm));
        } else {
            CHECK_OK(weft_comm_bind_thread(comm));
        }
        return;
    }
    if (rank == 0) {
        sleep_us(50000);
        said = 5;
    }
    CHECK_OK(weft_broadcast(comm, &said, 1, WEFT_INT32, 0));
    CHECK(said == 5, "%d", said);
}

static void ranks_that_nobody_needs_may_go(void **unused)
{
    (void)unused;
    for (int destroy = 0; destroy < 2; destroy++)
        for (int w = 0; w < 3; w++) {
            weft_comm *comms[4] = {NULL};
            weft_config config = WEFT_CONFIG_INIT;
            config.wait = waits[w];
            test_case("%s, wait %s", destroy ? "the handle is destroyed" : "the thread ends", wait_name(config.wait));
            CHECK_OK(weft_comm_create_all(3, &config, comms));
            comms[3] = destroy ? comms[0] : NULL;
            run_threads(3, wait_for_the_root, comms);
            for (int rank = 0; rank < (destroy ? 2 : 3); rank++)
                CHECK_OK(weft_comm_destroy(comms[rank]));
        }
}

/* ---- Not lost */

struct handles {
    weft_comm *comms[3];
    pthread_barrier_t meet;
};

static void step(int rank, void *arg)
{
    struct handles *handles = arg;
    int one = 1, sum = 0;
    CHECK_OK(weft_allreduce(handles->comms[rank], &one, &sum, 1, WEFT_INT32, WEFT_SUM));
    CHECK(sum == 3, "%d", sum);
    if (rank == 1)
        end_thread(EXIT);
}

static void unbound_threads_may_end(void **unused)
{
    (void)unused;
    struct handles handles;
    test_case("a thread for each call");
    CHECK_OK(weft_comm_create_all(3, NULL, handles.comms));
    for (int i = 0; i < 10; i++)
        run_threads(3, step, &handles);
    for (int rank = 0; rank < 3; rank++)
        CHECK_OK(weft_comm_destroy(handles.comms[rank]));
}

/* Thread 0 binds the handle, thread 1 takes it over and lives until thread 0 is gone. */
static void hand_over(int index, void *arg)
{
    struct handles *handles = arg;
    if (index == 0)
        CHECK_OK(weft_comm_bind_thread(handles->comms[1]));
    pthread_barrier_wait(&handles->meet);
    if (index == 1)
        CHECK_OK(weft_comm_bind_thread(handles->comms[1]));
    pthread_barrier_wait(&handles->meet);
    if (index == 1) {
        sleep_us(30000);
        CHECK_OK(weft_barrier(handles->comms[1]));
    }
    if (index == 2) { /* the peer, which waits meanwhile */
        CHECK_OK(weft_barrier(handles->comms[0]));
        CHECK_STATUS(WEFT_ERR_RANK_LOST, weft_barrier(handles->comms[0]));
    }
}

static void handles_are_bound_to_the_last_who_asked(void **unused)
{
    (void)unused;
    struct handles handles;
    test_case("bound to two threads in turn");
    CHECK_OK(weft_comm_create_all(2, NULL, handles.comms));
    pthread_barrier_init(&handles.meet, NULL, 3);
    run_threads(3, hand_over, &handles);
    CHECK_STATUS(WEFT_ERR_RANK_LOST, weft_comm_bind_thread(handles.comms[1])); /* too late */
    CHECK_ERROR_SAYS("has ended", -1);
    CHECK_STATUS(WEFT_ERR_ARGUMENT, weft_comm_bind_thread(NULL));
    CHECK_ERROR_SAYS("weft_comm_bind_thread", -1);
    pthread_barrier_destroy(&handles.meet);
    CHECK_OK(weft_comm_destroy(handles.comms[0]));
    CHECK_OK(weft_comm_destroy(handles.comms[1]));
}

/* Bound, and destroyed before the thread ends: by itself, or by another while it lives. */
static void destroy_first(int index, void *arg)
{
    struct handles *handles = arg;
    if (index == 0) {
        for (int rank = 0; rank < 3; rank++)
            CHECK_OK(weft_comm_bind_thread(handles->comms[rank]));
        CHECK_OK(weft_comm_bind_thread(handles->comms[1])); /* twice is once */
        CHECK_OK(weft_comm_destroy(handles->comms[1]));
    }
    pthread_barrier_wait(&handles->meet);
    if (index == 1)
        CHECK_OK(weft_comm_destroy(handles->comms[0]));
    pthread_barrier_wait(&handles->meet);
}

static void handles_may_be_destroyed_before(void **unused)
{
    (void)unused;
    struct handles handles;
    for (int i = 0; i < 20; i++) {
        test_case("three handles on one thread");
        CHECK_OK(weft_comm_create_all(3, NULL, handles.comms));
        pthread_barrier_init(&handles.meet, NULL, 2);
        run_threads(2, destroy_first, &handles);
        pthread_barrier_destroy(&handles.meet);
        CHECK_OK(weft_comm_status(handles.comms[2]));
        CHECK_OK(weft_comm_destroy(handles.comms[2]));
    }
}

/* The thread ends while another destroys the same handles. */
static void end_or_destroy(int index, void *arg)
{
    struct handles *handles = arg;
    if (index == 0)
        for (int rank = 0; rank < 3; rank++)
            CHECK_OK(weft_comm_bind_thread(handles->comms[rank]));
    pthread_barrier_wait(&handles->meet);
    if (index == 1)
        for (int rank = 0; rank < 3; rank++)
            CHECK_OK(weft_comm_destroy(handles->comms[rank]));
}

static void threads_may_end_while_handles_are_destroyed(void **unused)
{
    (void)unused;
    struct handles handles;
    pthread_barrier_init(&handles.meet, NULL, 2);
    test_case("an end and a destroy at once");
    for (int i = 0; i < scaled(500); i++) {
        CHECK_OK(weft_comm_create_all(3, NULL, handles.comms));
        run_threads(2, end_or_destroy, &handles);
    }
    pthread_barrier_destroy(&handles.meet);
}

/* ---- Inside a callback */

struct inside {
    const char *collective;
    size_t count;
    enum ending ending;
    bool binds;
    atomic_int told;
};

static _Thread_local enum ending how; /* this thread's, in its next callback; RETURN: it lives */

static weft_status copy_and_end(const weft_type *type, const void *source, void *target, size_t count)
{
    end_thread(how);
    memcpy(target, source, count * type->size);
    return WEFT_OK;
}
static const weft_type object = {.name = "object", .size = 8, .copy = copy_and_end};

static weft_status add_and_end(const weft_op *op, const weft_type *type, const void *in, void *inout, size_t count)
{
    (void)op;
    end_thread(how);
    return WEFT_SUM->combine(WEFT_SUM, type, in, inout, count);
}
static const weft_op adding = {.name = "adding", .combine = add_and_end, .commutative = true};

/* All ranks' buffers stand on their stacks; rank 0 has a part of the work with every algorithm that combines in slices. */
static void end_inside(weft_comm *comm, void *arg)
{
    struct inside *inside = arg;
    int rank = weft_comm_rank(comm), n = weft_comm_size(comm);
    int32_t send[1000] = {rank}, recv[4 * 1000];
    if (rank == 1 && inside->binds)
        CHECK_OK(weft_comm_bind_thread(comm));
    how = rank == 1 || strcmp(inside->collective, "allreduce") == 0 ? inside->ending : RETURN;
    weft_status status = WEFT_OK;
    if (strcmp(inside->collective, "allreduce") == 0)
        status = weft_allreduce(comm, send, recv, inside->count, WEFT_INT32, &adding);
    else if (strcmp(inside->collective, "allgather") == 0)
        status = weft_allgather(comm, send, recv, inside->count / 2, &object);
    else
        status = weft_broadcast(comm, send, inside->count / 2, &object, n - 1);
    CHECK_STATUS(WEFT_ERR_RANK_LOST, status);
    CHECK_ERROR_SAYS("ended, or threw, inside call 1", -1);
    CHECK_ERROR_SAYS(inside->collective, -1);
    atomic_fetch_add(&inside->told, 1);
}

static void threads_that_end_in_a_callback_are_lost(void **unused)
{
    (void)unused;
    static const char *const collectives[] = {"allgather", "broadcast", "allreduce"};
    uint64_t state = test_seed();
    for (int i = 0; i < scaled(90); i++) {
        struct inside inside = {.collective = collectives[i % 3],
                                .count = i % 2 ? 2 : 1000,
                                .ending = i / 3 % 2 ? EXIT : CANCEL,
                                .binds = i / 6 % 2};
        weft_config config = WEFT_CONFIG_INIT;
        int n = 3 + i / 12 % 2;
        config.wait = waits[random_below(&state, 3)];
        config.algorithms = i % 5 == 0 ? "allreduce:flat" : i % 5 == 1 ? "allreduce:grid" : NULL;
        test_case("a thread of %d %s inside %s(%zu), %s, wait %s, algorithms %s", n, endings[inside.ending],
                  inside.collective, inside.count, inside.binds ? "bound" : "not bound", wait_name(config.wait),
                  config.algorithms ? config.algorithms : "(chosen)");
        run_ranks(n, &config, end_inside, &inside);
        /* Where several combine at once, several may have ended. */
        CHECK(inside.told <= n - 1 && (inside.told == n - 1 || i % 3 == 2), "%d of %d were told", inside.told, n - 1);
    }
}

enum looks { PROBE, WAIT, CANCELS, LOOKS };

struct message {
    enum ending ending;
    enum looks looks;
    pthread_barrier_t met;
    weft_request *request; /* of the thread that ends */
};

/* Rank 1 comes across an object, whatever it looks for. */
static void end_in_a_copy(weft_comm *comm, void *arg)
{
    struct message *message = arg;
    int64_t data = 5;
    static int64_t received;
    weft_request *other = NULL;
    if (weft_comm_rank(comm) == 0) {
        pthread_barrier_wait(&message->met); /* the other has asked for it */
        CHECK_OK(weft_isend(comm, &data, 1, &object, 1, 1, &other));
        pthread_barrier_wait(&message->met);
        CHECK_STATUS(WEFT_ERR_RANK_LOST, weft_wait_one(&other));
        return;
    }
    CHECK_OK(weft_irecv(comm, &received, 1, &object, 0, 1, NULL, &message->request));
    pthread_barrier_wait(&message->met);
    pthread_barrier_wait(&message->met); /* the other has sent it */
    how = message->ending;
    if (message->looks == PROBE)
        weft_iprobe(comm, 0, 2, NULL);
    else if (message->looks == WAIT)
        weft_wait_one(&message->request);
    else
        weft_cancel(&message->request);
    CHECK(false, "the thread lives on");
}

static void threads_that_end_in_a_message_are_lost(void **unused)
{
    (void)unused;
    for (int i = 0; i < 2 * LOOKS; i++) {
        struct message message = {.ending = i % 2 ? EXIT : CANCEL, .looks = (enum looks)(i / 2)};
        pthread_barrier_init(&message.met, NULL, 2);
        test_case("a thread %s, look %d", endings[message.ending], i / 2);
        test_watchdog(30);
        run_ranks(2, NULL, end_in_a_copy, &message);
        CHECK_STATUS(WEFT_ERR_RANK_LOST, weft_wait_one(&message.request));
        pthread_barrier_destroy(&message.met);
    }
}

enum { STACK = 1 << 20 };

struct receiver {
    weft_comm *comm;
    enum ending ending;
    bool aside; /* the object was put aside when it is asked for */
};

static void *receive_and_end(void *receiver_)
{
    const struct receiver *receiver = receiver_;
    int64_t received;
    if (receiver->aside)
        CHECK_STATUS(WEFT_PENDING, weft_iprobe(receiver->comm, 0, 2, NULL));
    how = receiver->ending;
    weft_recv(receiver->comm, &received, 1, &object, 0, 1, NULL);
    CHECK(false, "the thread lives on");
    return NULL;
}

/* Nothing of a thread that ends in a blocking receive is touched later: its stack is out of reach when its handle is destroyed. */
static void threads_take_their_stacks_with_them(void **unused)
{
    (void)unused;
    for (int i = 0; i < 4; i++) {
        struct receiver receiver = {.ending = i % 2 ? EXIT : CANCEL, .aside = i / 2};
        weft_comm *comms[2];
        weft_request *request = NULL;
        pthread_attr_t attributes;
        pthread_t thread;
        int64_t data = 5;
        void *stack = mmap(NULL, STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        test_case("a thread %s in a receive of what %s", endings[receiver.ending],
                  receiver.aside ? "was put aside" : "comes later");
        test_watchdog(30);
        CHECK_OK(weft_comm_create_all(2, NULL, comms));
        receiver.comm = comms[1];
        if (receiver.aside)
            CHECK_OK(weft_isend(comms[0], &data, 1, &object, 1, 1, &request));
        pthread_attr_init(&attributes);
        pthread_attr_setstack(&attributes, stack, STACK);
        CHECK(pthread_create(&thread, &attributes, receive_and_end, &receiver) == 0, "no thread");
        pthread_attr_destroy(&attributes);
        if (!receiver.aside) {
            sleep_us(5000);
            CHECK_OK(weft_isend(comms[0], &data, 1, &object, 1, 1, &request));
        }
        CHECK_STATUS(WEFT_ERR_RANK_LOST, weft_wait_one(&request));
        pthread_join(thread, NULL);
        mprotect(stack, STACK, PROT_NONE);
        CHECK_OK(weft_comm_destroy(comms[1]));
        CHECK_OK(weft_comm_destroy(comms[0]));
        munmap(stack, STACK);
    }
}

/* ---- weft_run */

static weft_status end_in_the_body(weft_comm *comm, void *arg)
{
    enum ending *ending = arg;
    if (weft_comm_rank(comm) == 1) {
        end_thread(*ending);
        return WEFT_OK;
    }
    weft_status status = weft_barrier(comm);
    CHECK_STATUS(WEFT_ERR_RANK_LOST, status);
    CHECK_ERROR_SAYS(*ending == RETURN ? "the body of rank 1 returned before call 1, barrier()"
                                       : "the thread of rank 1 ended before call 1, barrier()",
                     -1);
    return status;
}

static weft_status end_alone(weft_comm *comm, void *arg)
{
    (void)comm, (void)arg;
    pthread_exit(NULL);
}

static void runs_bind_their_threads(void **unused)
{
    (void)unused;
    for (enum ending ending = RETURN; ending < ENDINGS; ending++) {
        test_case("a body %s", endings[ending]);
        CHECK_STATUS(WEFT_ERR_RANK_LOST, weft_run(3, NULL, end_in_the_body, &ending));
        CHECK_ERROR_SAYS("weft_run: the body of rank ", -1);
    }
    test_case("nobody notices but weft_run");
    CHECK_STATUS(WEFT_ERR_RANK_LOST, weft_run(1, NULL, end_alone, NULL));
    CHECK(strcmp(weft_last_error(), "weft_run: the thread of rank 0 of 1 ended inside its body") == 0, "\"%s\"",
          weft_last_error());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(bound_ranks_are_lost_with_their_threads),
        TEST(what_a_lost_rank_said_can_be_read),
        TEST(ranks_that_nobody_needs_may_go),
        TEST(unbound_threads_may_end),
        TEST(handles_are_bound_to_the_last_who_asked),
        TEST(handles_may_be_destroyed_before),
        TEST(threads_may_end_while_handles_are_destroyed),
        TEST(threads_that_end_in_a_callback_are_lost),
        TEST(threads_that_end_in_a_message_are_lost),
        TEST(threads_take_their_stacks_with_them),
        TEST(runs_bind_their_threads),
    };
    return RUN_TESTS("threads", tests);
}

// SPDX-License-Identifier: MIT
/* weft_comm_abort: every rank is told, waiting or not, with the first reason; also from a signal handler, whatever the
 * thread was doing that it interrupts. */
#include "cases.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const weft_wait waits[] = {WEFT_WAIT_BLOCK, WEFT_WAIT_SPIN, WEFT_WAIT_AUTO};

/* ---- From a signal handler */

static weft_comm *_Atomic in_handler; /* what the handler aborts */
static atomic_int kept_errno, handled;

static void on_signal(int number)
{
    (void)number;
    int before = errno;
    errno = 4711;
    weft_status status = weft_comm_abort(in_handler, "caught a signal");
    atomic_fetch_add(&kept_errno, errno == 4711 && status == WEFT_OK);
    atomic_fetch_add(&handled, 1);
    errno = before;
}

/* Who gets the signal. */
enum victim { BYSTANDER, WAITING, ALLOCATING, CREATING, FAILING, VICTIMS };
static const char *const victims[] = {"a thread that sleeps", "a rank that waits", "a thread that allocates",
                                      "a thread that makes communicators", "a thread whose calls fail"};

struct scene {
    enum victim victim;
    bool idle;
    pthread_t waiting; /* rank 1 */
    atomic_int arrived, over;
};

static void wait_and_be_aborted(weft_comm *comm, void *arg)
{
    struct scene *scene = arg;
    int rank = weft_comm_rank(comm), n = weft_comm_size(comm);
    if (rank == n - 1) { /* the one who is missing learns of it, too */
        while (weft_comm_status(comm) == WEFT_OK)
            sleep_us(1000);
        CHECK_STATUS(WEFT_ERR_ABORTED, weft_barrier(comm));
        CHECK_ERROR_SAYS("rank 0 aborted: caught a signal", -1);
        return;
    }
    if (rank == 0)
        in_handler = comm;
    if (rank == 1)
        scene->waiting = pthread_self();
    atomic_fetch_add(&scene->arrived, 1);
    CHECK_STATUS(WEFT_ERR_ABORTED, scene->idle ? weft_sync(comm, true) : weft_barrier(comm));
    CHECK(strcmp(weft_last_error() + strlen(weft_last_error()) - 31, "rank 0 aborted: caught a signal") == 0, "\"%s\"",
          weft_last_error());
    atomic_fetch_add(&scene->over, 1);
}

static void *be_interrupted(void *arg)
{
    struct scene *scene = arg;
    atomic_fetch_add(&scene->arrived, 1);
    while (handled == 0) {
        weft_comm *comms[2];
        if (scene->victim == ALLOCATING) {
            char text[64];
            snprintf(text, sizeof text, "%g", (double)scene->arrived);
            free(strdup(text));
        } else if (scene->victim == CREATING && weft_comm_create_all(2, NULL, comms) == WEFT_OK) {
            weft_comm_destroy(comms[0]);
            weft_comm_destroy(comms[1]);
        } else if (scene->victim == FAILING && weft_comm_create_all(2, NULL, comms) == WEFT_OK) {
            weft_comm_abort(comms[0], "on purpose");
            weft_barrier(comms[1]);
            weft_comm_destroy(comms[0]);
            weft_comm_destroy(comms[1]);
        } else if (scene->victim == BYSTANDER) {
            sleep_us(100);
        }
    }
    return NULL;
}

struct play {
    weft_comm **comms;
    struct scene *scene;
    int n;
};

static void play(int index, void *arg)
{
    struct play *play = arg;
    struct scene *scene = play->scene;
    if (index < play->n) {
        wait_and_be_aborted(play->comms[index], scene);
        return;
    }
    pthread_t thread;
    bool started = scene->victim != WAITING && pthread_create(&thread, NULL, be_interrupted, scene) == 0;
    while (scene->arrived < play->n - 1 + started)
        sleep_us(100);
    sleep_us(play->n % 2 ? 3000 : 0); /* asleep, or about to */
    pthread_kill(started ? thread : scene->waiting, SIGUSR1);
    for (int i = 1; handled == 0; i++) { /* ThreadSanitizer loses a signal now and then */
        sleep_us(1000);
        if (i % 500 == 0)
            pthread_kill(started ? thread : scene->waiting, SIGUSR1);
    }
    if (started)
        pthread_join(thread, NULL);
}

static void signal_handlers_may_abort(void **unused)
{
    (void)unused;
    uint64_t state = test_seed();
    struct sigaction action = {.sa_handler = on_signal}, old;
    sigaction(SIGUSR1, &action, &old);
    for (int i = 0; i < scaled(200); i++) {
        struct scene scene = {.victim = (enum victim)(i % VICTIMS), .idle = i / VICTIMS % 2};
        weft_config config = WEFT_CONFIG_INIT;
        int n = 2 + (int)random_below(&state, 4);
        weft_comm *comms[5];
        if (scene.victim == WAITING && n == 2)
            n = 3; /* rank 1 is to wait */
        config.wait = waits[i % 3];
        kept_errno = handled = 0;
        test_case("%d ranks %s, wait %s, the handler interrupts %s", n, scene.idle ? "idle" : "wait",
                  wait_name(config.wait), victims[scene.victim]);
        CHECK_OK(weft_comm_create_all(n, &config, comms));
        run_threads(n + 1, play, &(struct play){comms, &scene, n});
        CHECK(handled == kept_errno, "%d handlers, %d with their errno", handled, kept_errno);
        for (int rank = 0; rank < n; rank++)
            CHECK_OK(weft_comm_destroy(comms[rank]));
    }
    sigaction(SIGUSR1, &old, NULL);
}

/* ---- Reasons */

struct race {
    weft_comm *comms[4];
    pthread_barrier_t start;
};

static const char *const reasons[] = {"one reason that is short",
                                      "another reason, which is longer than the first and has a comma", "a third", ""};

static void abort_at_once(int rank, void *arg)
{
    struct race *race = arg;
    pthread_barrier_wait(&race->start);
    CHECK_OK(weft_comm_abort(race->comms[rank], reasons[rank]));
}

static void first_reason_wins(void **unused)
{
    (void)unused;
    for (int i = 0; i < scaled(300); i++) {
        struct race race;
        char first[300], wanted[300];
        test_case("four at once");
        pthread_barrier_init(&race.start, NULL, 4);
        CHECK_OK(weft_comm_create_all(4, NULL, race.comms));
        run_threads(4, abort_at_once, &race);
        for (int rank = 0; rank < 4; rank++) {
            CHECK_STATUS(WEFT_ERR_ABORTED, weft_barrier(race.comms[rank]));
            const char *said = strstr(weft_last_error(), "failed: rank ");
            int who = said != NULL ? said[13] - '0' : 4;
            if (!CHECK(who >= 0 && who < 4, "\"%s\"", weft_last_error()))
                break;
            snprintf(wanted, sizeof wanted, "failed: rank %d aborted: %s", who, reasons[who]);
            CHECK(strcmp(said, wanted) == 0, "\"%s\"", weft_last_error());
            CHECK(rank == 0 || strcmp(first, said) == 0, "\"%s\" and \"%s\"", first, said);
            snprintf(first, sizeof first, "%s", said);
        }
        for (int rank = 0; rank < 4; rank++)
            CHECK_OK(weft_comm_destroy(race.comms[rank]));
        pthread_barrier_destroy(&race.start);
    }
}

static void reasons_are_cut_and_copied(void **unused)
{
    (void)unused;
    weft_comm **comms = test_alloc(1024 * sizeof(weft_comm *));
    char *reason = test_alloc(5000);
    test_case("5,000 bytes by rank 1023");
    CHECK_OK(weft_comm_create_all(1024, NULL, comms));
    memset(reason, 'x', 4999);
    reason[4999] = 0;
    CHECK_OK(weft_comm_abort(comms[1023], reason));
    memset(reason, 'y', 4999);
    CHECK_OK(weft_comm_abort(comms[3], reason)); /* changes nothing */
    CHECK_STATUS(WEFT_ERR_ABORTED, weft_barrier(comms[0]));
    const char *said = strstr(weft_last_error(), "rank 1023 aborted: xxx");
    CHECK(said != NULL && strspn(said + 19, "x") == strlen(said + 19) && strlen(said) > 1000, "\"%s\"",
          weft_last_error());
    for (int rank = 0; rank < 1024; rank++)
        CHECK_OK(weft_comm_destroy(comms[rank]));
    free(comms);
    free(reason);
}

static void an_earlier_failure_stays(void **unused)
{
    (void)unused;
    weft_comm *comms[2];
    test_case("refused, then aborted");
    CHECK_OK(weft_comm_create_all(2, NULL, comms));
    CHECK_STATUS(WEFT_ERR_ARGUMENT, weft_broadcast(comms[0], NULL, 1, WEFT_INT32, 0));
    CHECK_OK(weft_comm_abort(comms[1], "too late"));
    CHECK_STATUS(WEFT_ERR_ARGUMENT, weft_barrier(comms[1]));
    CHECK_OK(weft_comm_destroy(comms[0]));
    CHECK_OK(weft_comm_destroy(comms[1]));
}

/* An abort goes down to what was made from the communicator, not up. */
static void abort_the_child(weft_comm *comm, void *arg)
{
    (void)arg;
    weft_comm *child = NULL;
    CHECK_OK(weft_comm_dup(comm, &child));
    if (weft_comm_rank(comm) == 1)
        CHECK_OK(weft_comm_abort(child, "only here"));
    CHECK_STATUS(WEFT_ERR_ABORTED, weft_barrier(child));
    CHECK_OK(weft_barrier(comm));
    CHECK_OK(weft_comm_destroy(child));
}

static void parents_go_on(void **unused)
{
    (void)unused;
    test_case("three ranks");
    run_ranks(3, NULL, abort_the_child, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(signal_handlers_may_abort), TEST(first_reason_wins), TEST(reasons_are_cut_and_copied),
        TEST(an_earlier_failure_stays),  TEST(parents_go_on),
    };
    return RUN_TESTS("abort", tests);
}

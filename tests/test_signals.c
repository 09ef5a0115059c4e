// SPDX-License-Identifier: MIT
/* Signals: ranks that are hit by one after the other, caught without SA_RESTART, while they wait in each call that waits: the call
 * completes with the right result, and a timeout is over when it would have been without them. */
#include "blocking.h"
#include "cases.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { RANKS = 3, PAUSE_US = 100 };

static const weft_wait waits[] = {WEFT_WAIT_AUTO, WEFT_WAIT_BLOCK};

static atomic_int caught, targets[RANKS]; /* thread numbers of those that are in a call */
static atomic_bool over;

static void on_signal(int signo)
{
    (void)signo;
    atomic_fetch_add(&caught, 1);
}

static void aim(int rank)
{
    atomic_store(&targets[rank], (int)syscall(SYS_gettid));
}

static void spare(int rank)
{
    atomic_store(&targets[rank], 0);
}

static void *bombard(void *unused)
{
    (void)unused;
    while (!atomic_load(&over)) {
        for (int rank = 0; rank < RANKS; rank++) {
            int thread = atomic_load(&targets[rank]);
            if (thread != 0) /* one that has ended since is no longer found */
                syscall(SYS_tgkill, getpid(), thread, SIGUSR2);
        }
        sleep_us(PAUSE_US);
    }
    return NULL;
}

static void under_fire(void (*body)(void))
{
    pthread_t thread;
    struct sigaction action = {.sa_handler = on_signal}, before; /* no SA_RESTART: system calls end with EINTR */
    sigaction(SIGUSR2, &action, &before);
    blocking_begins = aim;
    blocking_ends = spare;
    atomic_store(&caught, 0);
    atomic_store(&over, false);
    pthread_create(&thread, NULL, bombard, NULL);
    body();
    atomic_store(&over, true);
    pthread_join(thread, NULL);
    sigaction(SIGUSR2, &before, NULL);
    CHECK(atomic_load(&caught) > 100, "only %d signals were caught", atomic_load(&caught));
}

static void complete_each(void)
{
    const struct blocking_call *call;
    for (size_t i = 0; (call = blocking_call(i)) != NULL; i++)
        for (int w = 0; w < 2; w++) {
            test_case("%s, wait %s", call->name, wait_name(waits[w]));
            for (int k = 0; k < scaled(5); k++)
                run_blocking(call, 2 + k % (RANKS - 1), waits[w]);
        }
}

static void expire_each(void)
{
    const struct blocking_call *call;
    for (size_t i = 0; (call = blocking_call(i)) != NULL; i++)
        if (call->expires) {
            test_case("%s, the last rank does not come, wait %s", call->name, wait_name(waits[i % 2]));
            run_expiring(call, 2, waits[i % 2]);
        }
}

static void calls_complete_under_signals(void **unused)
{
    (void)unused;
    under_fire(complete_each);
}

static void timeouts_are_not_moved_by_signals(void **unused)
{
    (void)unused;
    under_fire(expire_each);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(calls_complete_under_signals),
        TEST(timeouts_are_not_moved_by_signals),
    };
    return RUN_TESTS("signals", tests);
}

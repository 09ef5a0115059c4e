// SPDX-License-Identifier: MIT
/* A system that makes use of its rights: sleeps end early for no reason or are interrupted, random bytes come in pieces, the clock of the
 * day jumps by years. Every call completes with the right result, timeouts are over when they should be, and nothing in the library
 * asks for a clock that can be set.
 *
 * The static library is linked with the system's functions wrapped (see CMakeLists.txt). */
#include "blocking.h"
#include "cases.h"

#include <errno.h>
#include <linux/futex.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>

static const weft_wait waits[] = {WEFT_WAIT_AUTO, WEFT_WAIT_BLOCK};

/* ---- What the linker puts in place of the system's */

static atomic_bool armed;
static atomic_uint sleeps, pieces, jumps;

long __real_syscall(long number, ...);
int __real_clock_gettime(clockid_t clock, struct timespec *now);
ssize_t __real_getrandom(void *bytes, size_t count, unsigned flags);
time_t __real_time(time_t *now);
int __real_gettimeofday(struct timeval *now, void *zone);
int __real_pthread_cond_timedwait(pthread_cond_t *condition, pthread_mutex_t *lock, const struct timespec *until);
int __real_pthread_mutex_timedlock(pthread_mutex_t *lock, const struct timespec *until);
int __real_sem_timedwait(sem_t *semaphore, const struct timespec *until);

long __wrap_syscall(long number, long a, long b, long c, long d, long e, long f);
int __wrap_clock_gettime(clockid_t clock, struct timespec *now);
ssize_t __wrap_getrandom(void *bytes, size_t count, unsigned flags);
time_t __wrap_time(time_t *now);
int __wrap_gettimeofday(struct timeval *now, void *zone);
int __wrap_pthread_cond_timedwait(pthread_cond_t *condition, pthread_mutex_t *lock, const struct timespec *until);
int __wrap_pthread_mutex_timedlock(pthread_mutex_t *lock, const struct timespec *until);
int __wrap_sem_timedwait(sem_t *semaphore, const struct timespec *until);

/* Awake at once, interrupted at once, or asleep for a twentieth of a millisecond whoever rings or not. */
static long disturbed_sleep(long word, long operation, long expected, long until)
{
    struct timespec soon;
    const struct timespec *given = (const struct timespec *)until;
    unsigned kind = atomic_fetch_add(&sleeps, 1) % 3;
    if (kind == 0)
        return 0;
    if (kind == 1) {
        errno = EINTR;
        return -1;
    }
    __real_clock_gettime(CLOCK_MONOTONIC, &soon);
    soon.tv_nsec += 50000;
    soon.tv_sec += soon.tv_nsec / 1000000000;
    soon.tv_nsec %= 1000000000;
    if (given != NULL &&
        (given->tv_sec < soon.tv_sec || (given->tv_sec == soon.tv_sec && given->tv_nsec < soon.tv_nsec)))
        soon = *given;
    return __real_syscall(SYS_futex, word, operation, expected, &soon, NULL, FUTEX_BITSET_MATCH_ANY);
}

/* The real one takes up to six words, too. */
long __wrap_syscall(long number, long a, long b, long c, long d, long e, long f)
{
    long command = b & FUTEX_CMD_MASK;
    if (!atomic_load(&armed) || number != SYS_futex || (command != FUTEX_WAIT && command != FUTEX_WAIT_BITSET))
        return __real_syscall(number, a, b, c, d, e, f);
    CHECK((b & FUTEX_CLOCK_REALTIME) == 0, "a sleep by a clock that can be set");
    CHECK(command == FUTEX_WAIT_BITSET || d == 0, "a sleep for a duration, which grows with each interruption");
    return disturbed_sleep(a, b, c, d);
}

static void forbidden(const char *what)
{
    atomic_fetch_add(&jumps, 1);
    CHECK(!"a steady clock", "the library called %s", what);
}

/* The day's clock is years away at each look, back or forth. */
int __wrap_clock_gettime(clockid_t clock, struct timespec *now)
{
    int result = __real_clock_gettime(clock, now);
    if (!atomic_load(&armed) || (clock != CLOCK_REALTIME && clock != CLOCK_REALTIME_COARSE && clock != CLOCK_TAI))
        return result;
    forbidden("clock_gettime of a clock that can be set");
    now->tv_sec += (atomic_load(&jumps) % 2 ? -10 : 10) * 365 * 24 * 3600;
    return result;
}

time_t __wrap_time(time_t *now)
{
    if (atomic_load(&armed))
        forbidden("time");
    return __real_time(now);
}

int __wrap_gettimeofday(struct timeval *now, void *zone)
{
    if (atomic_load(&armed))
        forbidden("gettimeofday");
    return __real_gettimeofday(now, zone);
}

int __wrap_pthread_cond_timedwait(pthread_cond_t *condition, pthread_mutex_t *lock, const struct timespec *until)
{
    if (atomic_load(&armed))
        forbidden("pthread_cond_timedwait");
    return __real_pthread_cond_timedwait(condition, lock, until);
}

int __wrap_pthread_mutex_timedlock(pthread_mutex_t *lock, const struct timespec *until)
{
    if (atomic_load(&armed))
        forbidden("pthread_mutex_timedlock");
    return __real_pthread_mutex_timedlock(lock, until);
}

int __wrap_sem_timedwait(sem_t *semaphore, const struct timespec *until)
{
    if (atomic_load(&armed))
        forbidden("sem_timedwait");
    return __real_sem_timedwait(semaphore, until);
}

/* Interrupted each second time, and never more than 5 bytes. */
ssize_t __wrap_getrandom(void *bytes, size_t count, unsigned flags)
{
    if (!atomic_load(&armed))
        return __real_getrandom(bytes, count, flags);
    if (atomic_fetch_add(&pieces, 1) % 2 == 0) {
        errno = EINTR;
        return -1;
    }
    return __real_getrandom(bytes, count > 5 ? 5 : count, flags);
}

/* ---- Tests */

static void calls_complete_though_sleeps_end_early(void **unused)
{
    (void)unused;
    const struct blocking_call *call;
    atomic_store(&sleeps, 0);
    atomic_store(&armed, true);
    for (size_t i = 0; (call = blocking_call(i)) != NULL; i++)
        for (int w = 0; w < 2; w++) {
            test_case("%s, wait %s", call->name, wait_name(waits[w]));
            for (int k = 0; k < scaled(10); k++)
                run_blocking(call, 2 + k % 3, waits[w]);
        }
    atomic_store(&armed, false);
    CHECK(atomic_load(&sleeps) > 100, "only %u sleeps", atomic_load(&sleeps));
}

static void timeouts_are_not_moved_by_sleeps_that_end_early(void **unused)
{
    (void)unused;
    const struct blocking_call *call;
    atomic_store(&armed, true);
    for (size_t i = 0; (call = blocking_call(i)) != NULL; i++)
        if (call->expires) {
            test_case("%s, the last rank does not come, wait %s", call->name, wait_name(waits[i % 2]));
            run_expiring(call, 2, waits[i % 2]);
        }
    atomic_store(&armed, false);
}

static void group_ids_are_made_though_random_bytes_come_in_pieces(void **unused)
{
    (void)unused;
    weft_group_id ids[2];
    weft_comm *comm = NULL;
    test_case("two group ids");
    atomic_store(&armed, true);
    for (int i = 0; i < 2; i++)
        CHECK_OK(weft_group_id_create(&ids[i]));
    CHECK(memcmp(&ids[0], &ids[1], sizeof ids[0]) != 0, "the same twice");
    CHECK_OK(weft_comm_create(&ids[0], 1, 0, NULL, &comm));
    CHECK_OK(weft_comm_destroy(comm));
    CHECK_OK(weft_group_id_destroy(&ids[1]));
    atomic_store(&armed, false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(calls_complete_though_sleeps_end_early),
        TEST(timeouts_are_not_moved_by_sleeps_that_end_early),
        TEST(group_ids_are_made_though_random_bytes_come_in_pieces),
    };
    return RUN_TESTS("system", tests);
}

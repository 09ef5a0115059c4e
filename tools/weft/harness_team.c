// SPDX-License-Identifier: MIT
/* harness_team.c - a central barrier with a futex behind it, and starts from a common deadline.
 *
 * The last to arrive picks the deadline and the order, then bumps the generation that the others watch. The order of
 * starts is a random permutation: the rank in place p starts (n - 1 - p) x ORDER_STEP_NS before the deadline, so no
 * rank is always first or last, and the deadline is when the last one starts. */
#include "harness_team.h"

#include "harness_clock.h"

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
    LEAD_NS = 2000,         /* from the last arrival to the deadline */
    LEAD_RANK_NS = 300,     /* more for each rank, which the news must reach */
    SLEEP_LEAD_NS = 200000, /* the same where ranks sleep until the deadline */
    SLEEP_LEAD_RANK_NS = 20000,
    ORDER_STEP_NS = 20
};

size_t bench_team_bytes(int n_ranks)
{
    return sizeof(struct bench_team) + (size_t)n_ranks * sizeof(struct bench_mark);
}

void bench_team_init(struct bench_team *team, int n_ranks, int n_processors, bool pinned)
{
    team->n_ranks = n_ranks;
    team->crowded = n_ranks > n_processors;
    team->pinned = pinned;
    team->seed = (uint64_t)bench_now_ns();
    atomic_init(&team->arrived, 0);
    atomic_init(&team->generation, 0);
}

static void release(struct bench_team *team, bool sleeping)
{
    atomic_store_explicit(&team->arrived, 0, memory_order_relaxed); /* ordered by the release below */
    atomic_fetch_add_explicit(&team->generation, 1, memory_order_release);
    if (sleeping)
        syscall(SYS_futex, &team->generation, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}

static void await(struct bench_team *team, unsigned generation, bool sleeping)
{
    while (atomic_load_explicit(&team->generation, memory_order_acquire) == generation) {
        if (sleeping)
            syscall(SYS_futex, &team->generation, FUTEX_WAIT, generation, NULL, NULL, 0);
        else
            bench_pause();
    }
}

/* Meets; the last to arrive sets the deadline `lead_ns` ahead (0: sets none). */
static void meet(struct bench_team *team, int64_t lead_ns, bool sleeping)
{
    const unsigned generation = atomic_load_explicit(&team->generation, memory_order_acquire);
    const unsigned before = atomic_fetch_add_explicit(&team->arrived, 1, memory_order_acq_rel);
    if (before + 1 < (unsigned)team->n_ranks) {
        await(team, generation, sleeping);
        return;
    }
    if (lead_ns != 0) {
        team->seed = team->seed * 6364136223846793005u + 1442695040888963407u;
        team->deadline_ns = bench_now_ns() + lead_ns;
    }
    release(team, sleeping);
}

void bench_team_meet(struct bench_team *team)
{
    meet(team, 0, team->crowded);
}

void bench_team_rest(struct bench_team *team)
{
    meet(team, 0, true);
}

/* The place of `rank` in this start's order: an affine permutation i -> (a i + b) mod n, or its mirror. */
static int place_of(const struct bench_team *team, int rank)
{
    const int n = team->n_ranks;
    const int shift = (int)((team->seed >> 33) % (uint64_t)n);
    const int place = (rank + shift) % n;
    return (team->seed >> 32) & 1 ? n - 1 - place : place;
}

static int64_t poll_until(struct bench_team *team, int rank)
{
    const int64_t ahead = (int64_t)(team->n_ranks - 1 - place_of(team, rank)) * ORDER_STEP_NS;
    int64_t now;
    while ((now = bench_now_ns()) < team->deadline_ns - ahead)
        ;
    return now;
}

void bench_team_gather(struct bench_team *team, bool exact)
{
    const int64_t n = team->n_ranks;
    if (team->crowded)
        meet(team, exact ? SLEEP_LEAD_NS + SLEEP_LEAD_RANK_NS * n : 1, true);
    else
        meet(team, LEAD_NS + LEAD_RANK_NS * n, false);
}

int64_t bench_team_go(struct bench_team *team, int rank, bool exact)
{
    if (!team->crowded)
        return poll_until(team, rank);
    const struct timespec until = {team->deadline_ns / 1000000000, team->deadline_ns % 1000000000};
    while (exact && clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) == EINTR)
        ;
    return bench_now_ns();
}

uint64_t bench_team_tell(struct bench_team *team, int rank, uint64_t value)
{
    if (rank == 0)
        team->plan = value;
    bench_team_meet(team);
    const uint64_t told = team->plan;
    bench_team_meet(team);
    return told;
}

struct thread {
    pthread_t thread;
    void (*body)(void *argument, int rank);
    void *argument;
    int rank;
};

static void *run_thread(void *of)
{
    const struct thread *thread = of;
    thread->body(thread->argument, thread->rank);
    return NULL;
}

void bench_run_threads(int n_ranks, void (*body)(void *argument, int rank), void *argument)
{
    struct thread *threads = calloc((size_t)n_ranks, sizeof *threads);
    for (int r = 0; r < n_ranks; r++) {
        if (threads != NULL)
            threads[r] = (struct thread){.body = body, .argument = argument, .rank = r};
        if (threads == NULL || pthread_create(&threads[r].thread, NULL, run_thread, &threads[r]) != 0) {
            fprintf(stderr, "the system refused thread %d of %d\n", r + 1, n_ranks);
            exit(1);
        }
    }
    for (int r = 0; r < n_ranks; r++)
        pthread_join(threads[r].thread, NULL);
    free(threads);
}

int bench_processors(int *out, int capacity)
{
    cpu_set_t set;
    int count = 0;
    if (sched_getaffinity(0, sizeof set, &set) != 0)
        return 0;
    for (int i = 0; i < CPU_SETSIZE && count < capacity; i++)
        if (CPU_ISSET(i, &set))
            out[count++] = i;
    return count;
}

bool bench_pin(int processor)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(processor, &set);
    return sched_setaffinity(0, sizeof set, &set) == 0;
}

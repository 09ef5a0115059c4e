// SPDX-License-Identifier: MIT
/* harness_team.h - how the benchmark's ranks meet, apart from the library under test.
 *
 * A team is one block of memory that all ranks share: threads of one process, or processes that map it. Ranks meet in
 * it before and after each timed window, and leave there what they measured. It polls while each rank has a processor
 * and sleeps (futex) otherwise, so that it burns no time that the library's ranks need. */
#ifndef WEFT_HARNESS_TEAM_H
#define WEFT_HARNESS_TEAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
#error "the harness is C; C++ peers see harness_subject.h alone"
#endif
#include <stdalign.h>
#include <stdatomic.h>

#define BENCH_MAX_RANKS 1024
#define BENCH_REQUEST 512

/* What one rank leaves for the others; it alone writes here. */
struct bench_mark {
    alignas(64) int64_t start_ns;
    int64_t finish_ns;
    int64_t cpu_ns;
    int failure;    /* not 0: an operation failed */
    uint64_t wrong; /* bit i: subject i gave a result that was not what it should be */
    char *send;     /* its buffers, for those who read them directly */
    char *recv;
    atomic_uint beat; /* counts operations while a barrier is being checked */
};

struct bench_team {
    int n_ranks;
    bool crowded; /* more ranks than processors: sleep, do not poll */
    bool pinned;
    /* Rank 0's decisions, written between two meetings. */
    uint64_t plan;
    int64_t deadline_ns; /* written by the last to arrive, before it releases the others */
    uint64_t seed;
    char request[BENCH_REQUEST]; /* what rank 0 was asked to measure next; empty: nothing more */
    alignas(64) atomic_uint arrived;
    alignas(64) atomic_uint generation;
    struct bench_mark marks[]; /* one a rank */
};

size_t bench_team_bytes(int n_ranks);
/* Sets up the zeroed memory at `team`. */
void bench_team_init(struct bench_team *team, int n_ranks, int n_processors, bool pinned);

/* Returns when all ranks are here. What each wrote before is visible to all after. */
void bench_team_meet(struct bench_team *team);
/* The same, and those who wait sleep, so that they are no load on those who measure meanwhile. */
void bench_team_rest(struct bench_team *team);
/* Meets, and sets a deadline a little ahead. Crowded teams sleep until it only if `exact`, and otherwise start when they
 * wake. */
void bench_team_gather(struct bench_team *team, bool exact);
/* After that: lets this rank go from the common deadline, in an order that changes from call to call; the last to go
 * starts at the deadline. Returns when it is to start, and the time. */
int64_t bench_team_go(struct bench_team *team, int rank, bool exact);
/* Rank 0 hands `value` to all. */
uint64_t bench_team_tell(struct bench_team *team, int rank, uint64_t value);

/* Runs body(argument, rank) on a thread for each rank, and returns when all have ended. Exits when the system refuses a
 * thread: the others may wait for it. */
void bench_run_threads(int n_ranks, void (*body)(void *argument, int rank), void *argument);

/* The processors that the calling thread may use, at most `capacity`. Returns how many. */
int bench_processors(int *out, int capacity);
/* Binds the calling thread to one of them. False if the system refused. */
bool bench_pin(int processor);

#endif

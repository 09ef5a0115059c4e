// SPDX-License-Identifier: MIT
/* bench_wakeup.c - rounds of a long idle and a wake-up, by weft_sync and by a bare futex in an order drawn for each round. The waker sleeps as long as the others do, so that it comes from the same
 * state of the processor in both. */
#include "bench_wakeup.h"
#include "bench_weft.h"
#include "harness_clock.h"
#include "harness_result.h"
#include "harness_team.h"

#include <errno.h>
#include <linux/futex.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { IDLE_MS = 100 };

/* A word that one thread sleeps on, and what it saw. */
struct sleeper {
    _Alignas(64) atomic_uint word;
    int64_t sync_ns, first_ns, futex_ns; /* when it returned */
};

struct wakeup {
    const struct bench_options *options;
    struct bench_team *team;
    weft_comm **comms;
    struct sleeper *sleepers;
    int rounds;
    double *sync_ns, *first_ns, *futex_ns; /* one a round */
};

static void sleep_ns(int64_t ns)
{
    struct timespec left = {ns / 1000000000, ns % 1000000000};
    while (nanosleep(&left, &left) != 0 && errno == EINTR)
        ;
}

static void wake_by_sync(struct wakeup *wakeup, int rank, int64_t *call_ns)
{
    weft_comm *comm = wakeup->comms[rank];
    int64_t mine = rank, sum;
    if (rank == 0) {
        sleep_ns(IDLE_MS * INT64_C(1000000));
        *call_ns = bench_now_ns();
    }
    weft_require(weft_sync(comm, rank != 0));
    wakeup->sleepers[rank].sync_ns = bench_now_ns();
    weft_require(weft_allreduce(comm, &mine, &sum, 1, WEFT_INT64, WEFT_SUM));
    wakeup->sleepers[rank].first_ns = bench_now_ns();
}

static void wake_by_futex(struct wakeup *wakeup, int rank, unsigned number, int64_t *call_ns)
{
    struct sleeper *me = &wakeup->sleepers[rank];
    if (rank == 0) {
        sleep_ns(IDLE_MS * INT64_C(1000000));
        *call_ns = bench_now_ns();
        for (int r = 1; r < wakeup->team->n_ranks; r++) {
            atomic_uint *word = &wakeup->sleepers[r].word;
            atomic_store_explicit(word, number, memory_order_release);
            syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
        }
    } else {
        while (atomic_load_explicit(&me->word, memory_order_acquire) != number)
            syscall(SYS_futex, &me->word, FUTEX_WAIT_PRIVATE, number - 1, NULL, NULL, 0);
    }
    me->futex_ns = bench_now_ns();
}

/* The latest of the sleepers' times; rank 0's call has just been noted. */
static double latest(const struct wakeup *wakeup, size_t offset, int64_t call_ns)
{
    int64_t last = 0;
    for (int r = 1; r < wakeup->team->n_ranks; r++) {
        int64_t at;
        memcpy(&at, (const char *)&wakeup->sleepers[r] + offset, sizeof at);
        last = at > last ? at : last;
    }
    return (double)(last - call_ns);
}

static void wakeup_rank(void *argument, int rank)
{
    struct wakeup *wakeup = argument;
    struct bench_team *team = wakeup->team;
    if (team->pinned)
        bench_pin(wakeup->options->processors[rank % wakeup->options->n_processors]);
    for (int i = 0; i < wakeup->rounds; i++) {
        int64_t sync_call_ns = 0, futex_call_ns = 0;
        const bool futex_first = bench_team_tell(team, rank, (uint64_t)bench_now_ns() >> 6) & 1;
        for (int turn = 0; turn < 2; turn++) {
            bench_team_rest(team);
            if ((turn == 0) == futex_first)
                wake_by_futex(wakeup, rank, (unsigned)i + 1, &futex_call_ns);
            else
                wake_by_sync(wakeup, rank, &sync_call_ns);
        }
        bench_team_rest(team);
        if (rank == 0) {
            wakeup->sync_ns[i] = latest(wakeup, offsetof(struct sleeper, sync_ns), sync_call_ns);
            wakeup->first_ns[i] = latest(wakeup, offsetof(struct sleeper, first_ns), sync_call_ns);
            wakeup->futex_ns[i] = latest(wakeup, offsetof(struct sleeper, futex_ns), futex_call_ns);
        }
    }
}

bool bench_wakeup(const struct bench_options *options, int n_ranks, weft_wait wait, int rounds,
                  struct wakeup_figures *out)
{
    const size_t bytes = (bench_team_bytes(n_ranks) + 63) / 64 * 64;
    struct wakeup wakeup = {.options = options,
                            .team = aligned_alloc(64, bytes),
                            .comms = calloc((size_t)n_ranks, sizeof(weft_comm *)),
                            .sleepers = aligned_alloc(64, (size_t)n_ranks * sizeof(struct sleeper)),
                            .rounds = rounds,
                            .sync_ns = calloc((size_t)rounds, sizeof(double)),
                            .first_ns = calloc((size_t)rounds, sizeof(double)),
                            .futex_ns = calloc((size_t)rounds, sizeof(double))};
    if (wakeup.team == NULL || wakeup.comms == NULL || wakeup.sleepers == NULL || wakeup.sync_ns == NULL ||
        wakeup.first_ns == NULL || wakeup.futex_ns == NULL)
        abort(); /* some kilobytes */
    memset(wakeup.team, 0, bytes);
    memset(wakeup.sleepers, 0, (size_t)n_ranks * sizeof(struct sleeper));
    bench_team_init(wakeup.team, n_ranks, options->n_processors, bench_pins(options, n_ranks));
    const bool fine = weft_ranks_create(n_ranks, wait, NULL, wakeup.comms);
    if (fine) {
        bench_run_threads(n_ranks, wakeup_rank, &wakeup);
        weft_ranks_destroy(n_ranks, wakeup.comms);
        *out = (struct wakeup_figures){bench_median(wakeup.sync_ns, (size_t)rounds),
                                       bench_median(wakeup.first_ns, (size_t)rounds),
                                       bench_median(wakeup.futex_ns, (size_t)rounds), rounds};
    }
    free(wakeup.team);
    free(wakeup.comms);
    free(wakeup.sleepers);
    free(wakeup.sync_ns);
    free(wakeup.first_ns);
    free(wakeup.futex_ns);
    return fine;
}

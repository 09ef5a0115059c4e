// SPDX-License-Identifier: MIT
/* bench_load.c - foreign threads are processes of their own, bound to a processor each, that the system shares out between
 * them and the ranks as it pleases.
 *
 * A share runs one operation over and over until rank 0, which looks at the clock now and then, names the last one: a
 * little ahead, since other ranks may be past its own. Throughput is operations divided by the time from the first rank's
 * start to the last one's end, so every stop for a tick of the scheduler counts. */
#include "bench_load.h"
#include "bench_weft.h"
#include "harness_buffers.h"
#include "harness_clock.h"
#include "harness_result.h"
#include "harness_session.h"

#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MOST_FOREIGN = 256, LOOK_EVERY = 16 };

struct load {
    const struct bench_options *options;
    const struct bench_point *points;
    size_t n_points;
    int repeats;
    double window_s;
    struct bench_team *team;
    struct bench_subject subject;
    atomic_ullong last; /* the number of the last operation of this share */
    struct load_figures *out;
    double (*rates)[2][LOAD_MOST_REPEATS]; /* for each point, quiet and loaded */
    pid_t foreign[MOST_FOREIGN];
    int n_foreign;
};

static void start_foreign(struct load *load)
{
    const pid_t parent = getpid();
    const int wanted = load->options->n_processors < MOST_FOREIGN ? load->options->n_processors : MOST_FOREIGN;
    for (load->n_foreign = 0; load->n_foreign < wanted; load->n_foreign++) {
        const pid_t pid = fork();
        if (pid == 0) {
            bench_pin(load->options->processors[load->n_foreign]);
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            while (getppid() == parent)
                for (int i = 0; i < 1000000; i++)
                    bench_pause();
            _exit(0);
        }
        load->foreign[load->n_foreign] = pid;
    }
}

static void end_foreign(struct load *load)
{
    for (int i = 0; i < load->n_foreign; i++) {
        if (load->foreign[i] > 0) {
            kill(load->foreign[i], SIGKILL);
            waitpid(load->foreign[i], NULL, 0);
        }
    }
    load->n_foreign = 0;
}

/* How far other ranks may be past rank 0: those who send to it, or root in its place, run ahead. */
static unsigned long long ahead_of(const struct bench_point *point)
{
    return point->collective == BENCH_REDUCE || point->root != 0 ? 1024 : 2;
}

static void run_share(struct load *load, const struct bench_rank *me, bench_operation operation, void *self,
                      double seconds)
{
    struct bench_mark *mark = &load->team->marks[me->rank];
    const struct bench_arguments arguments = {me->buffers.send, me->buffers.recv, 0};
    mark->start_ns = bench_now_ns();
    const int64_t end_ns = mark->start_ns + (int64_t)(seconds * 1e9);
    mark->failure = 0;
    for (unsigned long long i = 0; mark->failure == 0; i++) {
        /* Relaxed: a number; the operations themselves keep it far enough ahead. */
        const unsigned long long last = atomic_load_explicit(&load->last, memory_order_relaxed);
        if (i >= last)
            break;
        if (me->rank == 0 && last == ULLONG_MAX && i % LOOK_EVERY == 0 && bench_now_ns() >= end_ns)
            atomic_store_explicit(&load->last, i + ahead_of(me->point), memory_order_relaxed);
        mark->failure = operation(self, &arguments);
    }
    mark->finish_ns = bench_now_ns();
}

/* On rank 0, when all have ended: operations a second. */
static double rate_of(struct load *load)
{
    int64_t first_ns = INT64_MAX, last_ns = 0;
    for (int r = 0; r < load->team->n_ranks; r++) {
        const struct bench_mark *mark = &load->team->marks[r];
        first_ns = mark->start_ns < first_ns ? mark->start_ns : first_ns;
        last_ns = mark->finish_ns > last_ns ? mark->finish_ns : last_ns;
        if (mark->failure != 0)
            return 0;
    }
    return (double)atomic_load_explicit(&load->last, memory_order_relaxed) * 1e9 / (double)(last_ns - first_ns);
}

static void run_point(struct load *load, int rank, size_t point, bool loaded, int repeat)
{
    struct bench_rank me = {.rank = rank, .team = load->team, .point = &load->points[point]};
    void *self = NULL;
    if (!bench_buffers_create(&me.buffers, me.point, rank, 0))
        abort();
    bench_buffers_fill(&me.buffers, me.point, rank, 0);
    bench_operation operation = load->subject.prepare(load->subject.state, &me, &self);
    if (rank == 0)
        atomic_store_explicit(&load->last, ULLONG_MAX, memory_order_relaxed); /* the meeting orders it */
    bench_team_rest(load->team);
    if (operation != NULL)
        run_share(load, &me, operation, self,
                  load->window_s * (loaded ? 1 : LOAD_QUIET_SHARE) / (double)load->n_points);
    bench_team_rest(load->team);
    if (rank == 0 && operation != NULL)
        load->rates[point][loaded][repeat] = rate_of(load);
    bench_team_rest(load->team);
    if (load->subject.finish != NULL)
        load->subject.finish(load->subject.state, &me, self);
    bench_buffers_destroy(&me.buffers);
}

static void load_rank(void *argument, int rank)
{
    struct load *load = argument;
    if (load->team->pinned)
        bench_pin(load->options->processors[rank % load->options->n_processors]);
    for (int repeat = 0; repeat < load->repeats; repeat++) {
        for (int loaded = 0; loaded < 2; loaded++) {
            if (rank == 0 && loaded)
                start_foreign(load);
            bench_team_rest(load->team);
            for (size_t point = 0; point < load->n_points; point++)
                run_point(load, rank, point, loaded, repeat);
            if (rank == 0 && loaded)
                end_foreign(load);
            bench_team_rest(load->team);
        }
    }
}

bool bench_load(const struct bench_options *options, const struct bench_point *points, size_t n_points, weft_wait wait,
                double window_s, int repeats, struct load_figures *out)
{
    const int n_ranks = points[0].n_ranks;
    struct load *load = calloc(1, sizeof *load);
    if (load == NULL || (load->rates = calloc(n_points, sizeof *load->rates)) == NULL)
        abort(); /* some kilobytes */
    load->options = options;
    load->points = points;
    load->n_points = n_points;
    load->repeats = repeats < LOAD_MOST_REPEATS ? repeats : LOAD_MOST_REPEATS;
    load->window_s = window_s;
    load->team = bench_team_create(options, n_ranks);
    struct weft_subject *library = weft_subject_create("weft", n_ranks, wait, NULL, &load->subject);
    if (load->team != NULL && library != NULL)
        bench_run_threads(n_ranks, load_rank, load);
    for (size_t i = 0; i < n_points; i++)
        out[i] = (struct load_figures){points[i], bench_median(load->rates[i][0], (size_t)load->repeats),
                                       bench_median(load->rates[i][1], (size_t)load->repeats)};
    weft_subject_destroy(library);
    const bool fine = library != NULL;
    free(load->team);
    free(load->rates);
    free(load);
    return fine;
}

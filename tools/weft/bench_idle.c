// SPDX-License-Identifier: MIT
/* bench_idle.c - processor time by the threads' own clocks; memory by what the system says of the process. Communicators
 * are made by one thread, so that no other thread's heap is counted with them, and used by a thread a rank. */
#include "bench_idle.h"
#include "bench_weft.h"
#include "harness_clock.h"
#include "harness_team.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MOST_RANKS = BENCH_MAX_RANKS };

struct idle {
    weft_comm *comms[MOST_RANKS];
    double cpu_ns[MOST_RANKS];
    int n_ranks; /* that idle; one more ends it */
    double seconds;
};

static void idle_rank(void *argument, int rank)
{
    struct idle *idle = argument;
    const int64_t cpu_ns = bench_read_clock(CLOCK_THREAD_CPUTIME_ID);
    if (rank == idle->n_ranks)
        usleep((useconds_t)(idle->seconds * 1e6));
    weft_require(weft_sync(idle->comms[rank], true));
    idle->cpu_ns[rank] = (double)(bench_read_clock(CLOCK_THREAD_CPUTIME_ID) - cpu_ns);
}

bool bench_idle(int n_ranks, double seconds, struct idle_figures *out)
{
    struct idle *idle = calloc(1, sizeof *idle);
    if (idle == NULL)
        abort(); /* some kilobytes */
    idle->n_ranks = n_ranks;
    idle->seconds = seconds;
    const bool fine = n_ranks < MOST_RANKS && weft_ranks_create(n_ranks + 1, WEFT_WAIT_AUTO, NULL, idle->comms);
    *out = (struct idle_figures){0};
    if (fine) {
        const int64_t began_ns = bench_now_ns();
        bench_run_threads(n_ranks + 1, idle_rank, idle);
        out->elapsed_ns = (double)(bench_now_ns() - began_ns);
        weft_ranks_destroy(n_ranks + 1, idle->comms);
    }
    for (int r = 0; r < n_ranks; r++)
        out->cpu_ns += idle->cpu_ns[r];
    free(idle);
    return fine;
}

struct memory {
    double mapped, resident; /* bytes */
};

static struct memory read_memory(void)
{
    struct memory memory = {0, 0};
    const double page = (double)sysconf(_SC_PAGESIZE);
    FILE *file = fopen("/proc/self/statm", "r");
    if (file != NULL && fscanf(file, "%lf %lf", &memory.mapped, &memory.resident) != 2)
        memory = (struct memory){0, 0};
    if (file != NULL)
        fclose(file);
    return (struct memory){memory.mapped * page, memory.resident * page};
}

struct create {
    weft_comm **comms; /* n_ranks of each communicator follow one another */
    int count, n_ranks;
    int from, to; /* which are to be used now */
};

static void use(void *argument, int rank)
{
    const struct create *create = argument;
    for (int i = create->from; i < create->to; i++) {
        weft_comm *comm = create->comms[i * create->n_ranks + rank];
        int64_t mine = rank, sum;
        weft_require(weft_barrier(comm));
        weft_require(weft_allreduce(comm, &mine, &sum, 1, WEFT_INT64, WEFT_SUM));
    }
}

static bool make(struct create *create, int from, int to)
{
    bool fine = true;
    for (int i = from; fine && i < to; i++)
        fine = weft_ranks_create(create->n_ranks, WEFT_WAIT_AUTO, NULL, &create->comms[i * create->n_ranks]);
    return fine;
}

static void unmake(struct create *create, int from, int to)
{
    for (int i = from; i < to; i++)
        weft_ranks_destroy(create->n_ranks, &create->comms[i * create->n_ranks]);
}

static bool measure_create(struct create *create, struct create_figures *out)
{
    const double ranks = (double)create->count * create->n_ranks;
    const struct memory before = read_memory();
    const int64_t began_ns = bench_now_ns();
    if (!make(create, 1, create->count + 1))
        return false;
    out->create_ns = (double)(bench_now_ns() - began_ns);
    out->mapped_bytes = (read_memory().mapped - before.mapped) / ranks;
    create->from = 1;
    create->to = create->count + 1;
    bench_run_threads(create->n_ranks, use, create);
    out->resident_bytes = (read_memory().resident - before.resident) / ranks;
    const int64_t ended_ns = bench_now_ns();
    unmake(create, 1, create->count + 1);
    out->destroy_ns = (double)(bench_now_ns() - ended_ns);
    return true;
}

bool bench_create(int count, int n_ranks, struct create_figures *out)
{
    struct create create = {.count = count, .n_ranks = n_ranks, .to = 1};
    create.comms = malloc((size_t)(count + 1) * (size_t)n_ranks * sizeof(weft_comm *));
    if (create.comms == NULL)
        abort();
    memset(create.comms, 0, (size_t)(count + 1) * (size_t)n_ranks * sizeof(weft_comm *));
    /* One more, made and used before, so that what the first use of anything costs is not counted. */
    bool fine = make(&create, 0, 1);
    if (fine) {
        bench_run_threads(n_ranks, use, &create);
        fine = measure_create(&create, out);
        unmake(&create, 0, 1);
    }
    free(create.comms);
    return fine;
}

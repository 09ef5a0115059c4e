// SPDX-License-Identifier: MIT
/* peer_openmp.c - barrier and array reduction of an OpenMP runtime, inside one parallel region; compiled once with gcc
 * (libgomp) and once with clang (libomp), which PEER_NAME says.
 *
 * An allreduce is `omp for reduction` over an array that all share, as a program would write it; the result is left in that
 * array, where everybody may read it, and is not copied to each rank. The sum must start at zero: three arrays take turns,
 * and each operation clears the next one's (each rank its part), which its barrier makes visible to the next operation.
 *
 * Both compilers keep a thread's partial sums on its stack, so stacks are made large: OMP_STACKSIZE for the runtime's
 * threads, and a thread of our own for the region's first. */
#include "peer.h"

#include <omp.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifndef PEER_NAME
#define PEER_NAME "openmp"
#endif
#define STACK_BYTES ((size_t)256 << 20)
#define STACK_TEXT "256M"

enum { ROWS = 3 };

struct hold {
    _Alignas(64) const struct bench_point *point;
    int rank;
    int n_ranks;
    unsigned row;
};

static struct hold *holds;
static char *rows; /* shared, three times the point's size */

static int run_barrier(void *self, const struct bench_arguments *arguments)
{
    (void)self;
    (void)arguments;
#pragma omp barrier
    return 0;
}

static char *row_of(const struct hold *me, unsigned row)
{
    return rows + row * me->point->bytes;
}

static void clear_part(const struct hold *me, unsigned row)
{
    const size_t bytes = me->point->bytes, n = (size_t)me->n_ranks, r = (size_t)me->rank;
    const size_t from = bytes * r / n / 64 * 64, to = r + 1 == n ? bytes : bytes * (r + 1) / n / 64 * 64;
    memset(row_of(me, row) + from, 0, to - from);
}

/* One function a type, since the clause needs the type. Each iteration is one rank's vector. The array is named by a local
 * pointer: clang 14 does not make the loop's body use the private copy of a section of a global. */
#define PRAGMA(text) _Pragma(#text)
#define ALLREDUCE(name, type)                                                                                          \
    static int run_##name(void *self, const struct bench_arguments *arguments)                                         \
    {                                                                                                                  \
        struct hold *me = self;                                                                                        \
        const type *mine = (const type *)(const void *)arguments->send;                                                \
        type *total = (type *)(void *)row_of(me, me->row);                                                             \
        const size_t count = me->point->count;                                                                         \
        const int n_ranks = me->n_ranks;                                                                               \
        me->row = (me->row + 1) % ROWS;                                                                                \
        clear_part(me, me->row);                                                                                       \
        PRAGMA(omp for schedule(static, 1) reduction(+ : total[:count]))                                               \
        for (int r = 0; r < n_ranks; r++)                                                                              \
            for (size_t i = 0; i < count; i++)                                                                         \
                total[i] += mine[i];                                                                                   \
        return 0;                                                                                                      \
    }
/* clang-format off */
ALLREDUCE(int32, int32_t)
ALLREDUCE(int64, int64_t)
ALLREDUCE(float32, float)
ALLREDUCE(float64, double)
/* clang-format on */

static bench_operation reducer_of(const struct bench_type *type)
{
    const struct {
        const char *name;
        bench_operation run;
    } reducers[] = {{"int32", run_int32}, {"int64", run_int64}, {"float32", run_float32}, {"float64", run_float64}};
    for (size_t i = 0; i < sizeof reducers / sizeof reducers[0]; i++)
        if (strcmp(reducers[i].name, type->name) == 0)
            return reducers[i].run;
    return NULL;
}

/* Every rank comes here at once; the first makes what they share. */
static bench_operation prepare(void *state, const struct bench_rank *rank, void **self)
{
    const struct bench_point *point = rank->point;
    struct hold *me = &holds[rank->rank];
    (void)state;
    *me = (struct hold){.point = point, .rank = rank->rank, .n_ranks = point->n_ranks};
    *self = me;
    if (point->collective == BENCH_BARRIER)
        return run_barrier;
    if (point->collective != BENCH_ALLREDUCE || point->op != BENCH_SUM || point->bytes > STACK_BYTES / 2)
        return NULL;
#pragma omp single
    {
        rows = aligned_alloc(4096, (ROWS * point->bytes + 4095) / 4096 * 4096);
        if (rows == NULL)
            abort();
        memset(rows, 0, ROWS * point->bytes);
    }
    return reducer_of(point->type);
}

static void finish(void *state, const struct bench_rank *rank, void *self)
{
    (void)state;
    (void)self;
    if (rank->rank == 0) {
        free(rows);
        rows = NULL;
    }
}

/* What the last operation left: the row before the next one's. */
static const char *result(void *self, const struct bench_arguments *arguments)
{
    const struct hold *me = self;
    (void)arguments;
    return row_of(me, (me->row + ROWS - 1) % ROWS);
}

static bool measure(const struct bench_session *session, int n_ranks)
{
    struct bench_team *team = bench_team_create(session->options, n_ranks);
    bool fine = true;
    holds = aligned_alloc(64, (size_t)n_ranks * sizeof *holds);
    if (team == NULL || holds == NULL)
        abort();
    omp_set_dynamic(0);
#pragma omp parallel num_threads(n_ranks) reduction(&& : fine)
    fine = bench_rank_session(session, team, omp_get_thread_num());
    free(holds);
    free(team);
    return fine;
}

static void *run(void *argument)
{
    const struct peer_command *command = argument;
    const struct bench_subject subject = {.name = PEER_NAME, .prepare = prepare, .finish = finish, .result = result};
    const struct bench_session session = peer_session(command, &subject, 1);
    bool fine = true;
    for (size_t i = 0; fine && i < command->options.n_ranks; i++)
        fine = measure(&session, command->options.ranks[i]);
    exit(fine ? EXIT_SUCCESS : EXIT_FAILURE);
}

int main(int argc, char **argv)
{
    struct peer_command command;
    pthread_attr_t attributes;
    pthread_t thread;
    int status;
    if (getenv("OMP_STACKSIZE") == NULL) { /* the runtime has read its settings already: start anew */
        setenv("OMP_STACKSIZE", STACK_TEXT, 1);
        setenv("KMP_FORCE_REDUCTION", "critical", 0); /* libomp's own choice is an atomic an element, 16 times slower */
        execv("/proc/self/exe", argv);
    }
    if (!peer_command_read(argc, argv, &command, &status))
        return status;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, STACK_BYTES);
    if (pthread_create(&thread, &attributes, run, &command) != 0)
        return perror(argv[0]), EXIT_FAILURE;
    return pthread_join(thread, NULL) ? EXIT_FAILURE : EXIT_SUCCESS;
}

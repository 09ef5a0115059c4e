// SPDX-License-Identifier: MIT
/* transfers.c - plays calls of one kind in a row, each begun by all ranks at the same time, and counts what they transfer.
 *
 * Ranks spin, each on a core of its own; the core that is earliest goes on (lines.c). First as many calls as the ring of lines is long, so
 * that each line has been where it will be; then those that count. Arguments and results stand on the stack and in memory of the model, so
 * what goes through users' buffers counts, too. */
#include "transfers.h"

#include "session.h" /* before lines.h: CHECK is that of support.h */

#include "lines.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "core/world.h"
#include <weft/info.h>

enum { WARM = 68, COUNTED = 32, COUNTED_MANY = 8, MANY = 200, LINES_MANY = 50000 };

static const int rank_counts[] = {2, 4, 8, 16, 64, 256, 1024};
enum { RANK_COUNTS = sizeof rank_counts / sizeof rank_counts[0] };
static const struct lines_machine one_cache = {1 << 20, 1 << 20, LINES_TENTHS, LINES_TENTHS};
/* package:2 l3:8 core:8 */
static const struct lines_machine two_packages = {8, 64, 30, 50};

/* On pages of its own, since variables are set back before every schedule. */
static struct counted {
    struct model_harness harness;
    struct oracle_call call;
    const char *algorithm; /* NULL: as the library chooses; "exchange": two flags */
    const struct lines_machine *machine;
    const char *only; /* collective; NULL: all */
    bool rests;       /* between calls; else they follow one another */
    char chosen[40];  /* the algorithm that served */
    double hops, lines;
    /* While it runs */
    weft_comm *comms[1024];
    int arrived;
    int64_t begun, moved;
} * counted;

static int calls(void)
{
    return WARM + (counted->call.n_ranks > MANY ? COUNTED_MANY : COUNTED);
}

/* ---- What a rank does */

/* All ranks meet without a transfer, and go on at the same time. */
static void rest(int call)
{
    if (!counted->rests && call != WARM && call != calls())
        return;
    if (++counted->arrived < counted->call.n_ranks) {
        model_block("a rest", counted, INT64_MAX);
        return;
    }
    counted->arrived = 0;
    if (call > WARM) {
        counted->hops += (double)(lines_time() - counted->begun) / LINES_TENTHS;
        counted->lines += (double)(lines_moved() - counted->moved);
    }
    lines_rest();
    counted->begun = lines_time();
    counted->moved = lines_moved();
    for (int thread = 1; thread < model->n_threads; thread++)
        if (model->threads[thread].blocked_on == counted)
            model_wake(thread);
}

static void *run_calls(void *comm_)
{
    weft_comm *comm = comm_;
    const struct oracle_call *call = &counted->call;
    size_t bytes = 128 + 4 * call->count * (call->type != NULL ? call->type->size : 0) * (size_t)call->n_ranks;
    void *send = model_aligned_alloc(64, bytes), *recv = model_aligned_alloc(64, bytes);
    size_t *numbers = test_alloc(oracle_numbers_bytes(call));
    memset(send, 0, bytes);
    for (int i = 0; i < calls(); i++) {
        rest(i);
        CHECK_OK(call->collective->perform(call, comm, send, recv, numbers, NULL));
    }
    rest(calls());
    free(numbers);
    model_free(send);
    model_free(recv);
    return NULL;
}

/* ---- The bare exchange: each of two stores into its own line, and waits for the other's */

static uint64_t *flags;

static void *run_exchange(void *own_)
{
    uint64_t *own = own_, *other = flags + 8 * (own == flags);
    for (int i = 0; i < calls(); i++) {
        rest(i);
        model_store(own, 8, (uint64_t)i + 1, __ATOMIC_RELEASE);
        while (model_load(other, 8, __ATOMIC_ACQUIRE) <= (uint64_t)i)
            model_give_way();
    }
    rest(calls());
    return NULL;
}

/* ---- All of them */

static void run_counted(void)
{
    int n = counted->call.n_ranks, threads[1024];
    char algorithms[100];
    weft_config config = WEFT_CONFIG_INIT;
    bool exchange = counted->algorithm != NULL && strcmp(counted->algorithm, "exchange") == 0;
    config.wait = WEFT_WAIT_SPIN;
    if (counted->algorithm != NULL && !exchange) {
        snprintf(algorithms, sizeof algorithms, "%s:%s", counted->call.collective->name, counted->algorithm);
        config.algorithms = algorithms;
    }
    model_quiet(true);
    CHECK_OK(weft_comm_create_all(n, &config, counted->comms));
    snprintf(counted->chosen, sizeof counted->chosen, "%s",
             weft_info_choice(counted->comms[0], counted->call.collective->name, counted->call.count,
                              counted->call.type, counted->call.op, NULL, 0));
    flags = model_aligned_alloc(64, 128);
    memset(flags, 0, 128);
    lines_count(counted->machine);
    for (int r = 0; r < n; r++) {
        counted->comms[r]->polls = 1; /* what it looks at does not change meanwhile */
        threads[r] = exchange ? model_thread_create(run_exchange, flags + 8 * r)
                              : model_thread_create(run_calls, counted->comms[r]);
    }
    for (int r = 0; r < n; r++)
        model_thread_join(threads[r], NULL);
    lines_count(NULL);
    model_free(flags);
    for (int r = 0; r < n; r++)
        weft_comm_destroy(counted->comms[r]);
}

static bool count(void)
{
    int measured = counted->rests ? calls() - WARM : 1;
    counted->harness = (struct model_harness){.name = "transfers",
                                              .run = run_counted,
                                              .processors = 2 * counted->call.n_ranks,
                                              .cache = counted->machine->cores_cache};
    counted->hops = counted->lines = 0;
    counted->arrived = 0;
    model->harness = &counted->harness;
    model->steps_most = INT64_MAX;
    model->timeless = true;
    model_choose_by(lines_choose);
    model_schedule();
    model->timeless = false;
    lines_count(NULL);
    if (model->failed) {
        printf("\nFOUND: %s\n  in transfers of %s:%s of %d ranks\n", model->why, counted->call.collective->name,
               counted->algorithm, counted->call.n_ranks);
        return false;
    }
    measured = counted->rests ? measured : calls() - WARM;
    counted->hops /= measured;
    counted->lines /= measured;
    return true;
}

static void set_call(const struct oracle_collective *collective, const char *algorithm, int n_ranks, size_t bytes)
{
    counted->call = (struct oracle_call){.collective = collective, .n_ranks = n_ranks};
    counted->call.type = collective->has_data ? WEFT_INT64 : NULL;
    counted->call.op = collective->has_op ? WEFT_SUM : NULL;
    counted->call.count = collective->has_data ? bytes / 8 : 0;
    counted->algorithm = algorithm;
}

/* ---- Tables */

static void print_cell(void)
{
    printf(" | %.1f, %.0f", counted->hops, counted->lines);
    fflush(stdout);
}

static bool print_row(const struct oracle_collective *collective, const char *algorithm, const int *ranks, int columns,
                      size_t bytes)
{
    printf("| %s %s", collective->name, algorithm);
    counted->lines = 0;
    for (int i = 0; i < columns; i++) {
        if (counted->lines > LINES_MANY) { /* more would take minutes */
            printf(" |");
            continue;
        }
        set_call(collective, algorithm, ranks[i], bytes);
        if (!count())
            return false;
        if (strcmp(counted->chosen, algorithm) == 0)
            print_cell();
        else
            printf(" | -");
    }
    printf(" |\n");
    return true;
}

static bool print_table(const char *title, const struct lines_machine *machine, const int *ranks, int columns,
                        size_t bytes)
{
    const struct oracle_collective *collective;
    const char *algorithm;
    printf("\n%s\n\n| |", title);
    for (int i = 0; i < columns; i++)
        printf(" %d |", ranks[i]);
    printf("\n|---|");
    for (int i = 0; i < columns; i++)
        printf("---|");
    printf("\n");
    counted->machine = machine;
    counted->rests = true;
    for (size_t c = 0; (collective = oracle_collective(c)) != NULL; c++)
        for (size_t a = 0; (algorithm = weft_info_algorithm(collective->name, a)) != NULL; a++)
            if ((counted->only == NULL || strcmp(counted->only, collective->name) == 0) &&
                !print_row(collective, algorithm, ranks, columns, bytes))
                return false;
    return true;
}

/* As benchmarks measure: two ranks, calls that follow one another. */
static bool print_two_ranks(void)
{
    static const char *const names[] = {"barrier", "allreduce", "allgather"};
    counted->machine = &one_cache;
    counted->rests = false;
    set_call(oracle_collective_by_name("barrier"), "exchange", 2, 0);
    if (!count())
        return false;
    double exchange = counted->hops;
    printf("\nTwo ranks in one cache, 8 bytes, calls that follow one another:\n\n"
           "| | hops | lines | of a bare exchange |\n|---|---|---|---|\n| exchange of two flags | %.2f | %.2f | 1 |\n",
           exchange, counted->lines);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        set_call(oracle_collective_by_name(names[i]), NULL, 2, 8);
        if (!count())
            return false;
        printf("| %s %s | %.2f | %.2f | %.2f |\n", names[i], counted->chosen, counted->hops, counted->lines,
               counted->hops / exchange);
    }
    return true;
}

bool transfers_print(const char *collective)
{
    static const int in_packages[] = {16, 64, 128};
    counted = mmap(NULL, sizeof *counted, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    counted->only = collective;
    return print_two_ranks() &&
           print_table("8 bytes, all cores in one cache: hops, lines", &one_cache, rank_counts, RANK_COUNTS, 8) &&
           print_table("1 KiB, all cores in one cache: hops, lines", &one_cache, rank_counts, 4, 1024) &&
           print_table("8 bytes, package:2 l3:8 core:8, ranks in order: hops, lines", &two_packages, in_packages, 3, 8);
}

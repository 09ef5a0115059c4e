// SPDX-License-Identifier: MIT
/* bench_contest.c - keeps one server of each program for the length of a launch, and asks them in turn.
 *
 * A program that took long to answer and at least SLOWER times the library's time is not asked for that point again: with
 * more ranks than processors some take a tick of the scheduler for each step, and ten launches of those would tell no more
 * than one. The number of launches stands beside each ratio. */
#include "bench_contest.h"
#include "bench_child.h"
#include "harness_clock.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SECOND_NS INT64_C(1000000000)
enum { READY_S = 60, ANSWER_S = 120, SLOWER = 5 };

/* A program in the current launch, and what is known of it from earlier ones. */
struct entry {
    const struct bench_program *program;
    struct bench_child child;
    bool broken;    /* for this number of ranks */
    bool *given_up; /* one a point */
};

struct contest {
    const struct bench_contest *wanted;
    struct entry entries[PROGRAMS];
    size_t n_entries;
    int launch;
    size_t point;
    uint64_t random;
    double best_ns;     /* of the program being asked: its fastest subject */
    double *library_ns; /* of the library at each point, when it was last asked */
    struct entry *asked;
    size_t steps_done, steps;
    int64_t began_ns;
};

static struct bench_invocation invocation_of(const struct bench_contest *wanted, int n_ranks)
{
    return (struct bench_invocation){.options = wanted->options,
                                     .n_ranks = n_ranks,
                                     .wait = wanted->wait,
                                     .algorithm = wanted->algorithm,
                                     .limits = wanted->limits};
}

void bench_contest_missing(const struct bench_contest *contest, FILE *out)
{
    const struct bench_invocation invocation = invocation_of(contest, 2);
    struct bench_argv argv;
    for (size_t i = 0; contest->peers && i < PROGRAMS; i++)
        if (!bench_program_argv(&bench_programs[i], &invocation, &argv))
            fprintf(out, "%s: not measured, it is not installed; apt-get install %s, and build again: make peers\n",
                    bench_programs[i].name, bench_programs[i].packages);
}

/* ---- Progress, on standard error */

static void show_progress(const struct contest *contest)
{
    const int64_t spent_s = (bench_now_ns() - contest->began_ns) / SECOND_NS;
    const double share = contest->steps_done ? (double)contest->steps_done / (double)contest->steps : 1;
    if (!isatty(STDERR_FILENO) && contest->point != 0)
        return;
    fprintf(stderr, "%sweft bench: launch %d of %d, point %zu of %zu", isatty(STDERR_FILENO) ? "\r\033[K" : "",
            contest->launch + 1, contest->wanted->launches, contest->point + 1, contest->wanted->n_points);
    if (contest->steps_done != 0)
        fprintf(stderr, ", about %.0f s to go", (double)spent_s * (1 - share) / share);
    fprintf(stderr, "%s", isatty(STDERR_FILENO) ? "" : "\n");
    fflush(stderr);
}

static void clear_progress(void)
{
    if (isatty(STDERR_FILENO))
        fprintf(stderr, "\r\033[K");
}

/* ---- One program */

static void complain(const struct contest *contest, struct entry *entry, const char *what)
{
    char complaint[256];
    entry->broken = true;
    if (contest->wanted->quiet)
        return;
    bench_child_complaint(&entry->child, complaint, sizeof complaint);
    clear_progress();
    fprintf(stderr, "weft bench: %s %s%s%s\n", entry->program->name, what, complaint[0] ? ": " : "", complaint);
}

static void start(struct contest *contest, struct entry *entry, int n_ranks)
{
    const struct bench_invocation invocation = invocation_of(contest->wanted, n_ranks);
    struct bench_argv argv;
    if (!bench_program_argv(entry->program, &invocation, &argv) || !bench_child_start(&entry->child, argv.words))
        complain(contest, entry, "does not start");
}

static void request_of(const struct bench_contest *wanted, const struct bench_point *point, char *text, size_t size)
{
    const struct bench_options *options = wanted->options;
    const struct bench_settings *settings = &options->settings;
    snprintf(text, size,
             "%s --sizes %zu --type %s --op %s --root %d %s --cadence %s --buffers %s --cache %zu --repeat %d "
             "--window %lld --seconds %g",
             bench_shapes[point->collective].name, point->bytes ? point->bytes : point->type->size, point->type->name,
             bench_op_names[point->op], point->root, point->rewritten ? "--rewrite" : "--no-rewrite",
             settings->deadline ? "deadline" : "back-to-back", options->rotating ? "rotating" : "cached",
             options->cache_bytes, settings->windows, (long long)settings->window_ns / 1000, settings->seconds);
}

/* Results bear the subject's name, but for grid, whose server thinks that it is the library, and may have been served
 * otherwise. */
static void take(void *sink, const struct bench_result *result)
{
    struct contest *contest = sink;
    struct bench_result named = *result;
    if (contest->asked->program == &bench_programs[PROGRAM_GRID]) {
        if (strcmp(result->note, "grid") != 0)
            return;
        strcpy(named.subject, "grid");
        named.note[0] = '\0';
    }
    if (named.windows != 0 && (contest->best_ns == 0 || named.median_ns < contest->best_ns))
        contest->best_ns = named.median_ns;
    if (strcmp(named.subject, bench_programs[PROGRAM_WEFT].name) == 0)
        contest->library_ns[contest->point] = named.median_ns;
    contest->wanted->take(contest->wanted->sink, contest->point, contest->launch, &named);
}

static void ask(struct contest *contest, struct entry *entry)
{
    char request[512];
    if (entry->broken || entry->given_up[contest->point] || entry->child.pid == 0)
        return;
    contest->asked = entry;
    contest->best_ns = 0;
    request_of(contest->wanted, &contest->wanted->points[contest->point], request, sizeof request);
    const int64_t began_ns = bench_now_ns();
    if (!bench_child_ask(&entry->child, request, ANSWER_S * SECOND_NS, take, contest))
        complain(contest, entry, "does not answer");
    const double library_ns = contest->library_ns[contest->point];
    entry->given_up[contest->point] = library_ns != 0 && bench_now_ns() - began_ns > SECOND_NS &&
                                      contest->best_ns > SLOWER * library_ns && entry != contest->entries;
}

/* ---- All of them */

static bool has_work(const struct entry *entry, size_t from, size_t to)
{
    for (size_t i = from; i < to; i++)
        if (!entry->given_up[i] && !entry->broken)
            return true;
    return false;
}

/* Asks all for the current point, in an order drawn anew. */
static void ask_all(struct contest *contest)
{
    size_t order[PROGRAMS] = {0};
    for (size_t i = 0; i < contest->n_entries; i++) {
        contest->random = contest->random * 6364136223846793005u + 1442695040888963407u;
        const size_t j = (size_t)((contest->random >> 33) % (i + 1));
        order[i] = order[j];
        order[j] = i;
    }
    show_progress(contest);
    for (size_t i = 0; i < contest->n_entries; i++)
        ask(contest, &contest->entries[order[i]]);
    contest->steps_done++;
}

/* Points [from, to) are of one number of ranks. */
static bool launch(struct contest *contest, size_t from, size_t to)
{
    const struct bench_contest *wanted = contest->wanted;
    for (size_t i = 0; i < contest->n_entries; i++)
        if (has_work(&contest->entries[i], from, to))
            start(contest, &contest->entries[i], wanted->points[from].n_ranks);
    for (size_t i = 0; i < contest->n_entries; i++) {
        struct entry *entry = &contest->entries[i];
        if (entry->child.pid != 0 && !bench_child_ready(&entry->child, READY_S * SECOND_NS))
            complain(contest, entry, "does not start");
    }
    for (contest->point = from; contest->point < to && !contest->entries[0].broken; contest->point++)
        ask_all(contest);
    for (size_t i = 0; i < contest->n_entries; i++)
        bench_child_dismiss(&contest->entries[i].child);
    for (size_t i = 0; i < contest->n_entries; i++)
        bench_child_stop(&contest->entries[i].child);
    return !contest->entries[0].broken;
}

static bool run_launches(struct contest *contest)
{
    const struct bench_contest *wanted = contest->wanted;
    bool fine = true;
    for (size_t from = 0, to; fine && from < wanted->n_points; from = to) {
        for (to = from; to < wanted->n_points && wanted->points[to].n_ranks == wanted->points[from].n_ranks;)
            to++;
        for (size_t i = 0; i < contest->n_entries; i++)
            contest->entries[i].broken = false;
        for (contest->launch = 0; fine && contest->launch < wanted->launches; contest->launch++)
            fine = launch(contest, from, to);
    }
    return fine;
}

bool bench_contest_run(const struct bench_contest *wanted)
{
    struct contest contest = {.wanted = wanted,
                              .random = (uint64_t)bench_now_ns(),
                              .steps = wanted->n_points * (size_t)wanted->launches,
                              .began_ns = bench_now_ns()};
    const struct bench_invocation invocation = invocation_of(wanted, 2);
    struct bench_argv argv;
    contest.library_ns = calloc(wanted->n_points, sizeof *contest.library_ns);
    bool fine = contest.library_ns != NULL;
    for (size_t i = 0; fine && i < (wanted->peers ? PROGRAMS : 1); i++) {
        if (!bench_program_argv(&bench_programs[i], &invocation, &argv))
            continue;
        struct entry *entry = &contest.entries[contest.n_entries++];
        entry->program = &bench_programs[i];
        entry->given_up = calloc(wanted->n_points, sizeof *entry->given_up);
        fine = entry->given_up != NULL;
    }
    fine = fine && run_launches(&contest);
    clear_progress();
    for (size_t i = 0; i < contest.n_entries; i++)
        free(contest.entries[i].given_up);
    free(contest.library_ns);
    return fine;
}

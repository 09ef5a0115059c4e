// SPDX-License-Identifier: MIT
/* bench.c - `weft bench`: reads the command line, measures each number of ranks with the library and, where asked for,
 * the machine's limits beside it, and reports. */
#include "bench.h"
#include "bench_bars.h"
#include "bench_limits.h"
#include "bench_noise.h"
#include "bench_report.h"
#include "bench_special.h"
#include "bench_weft.h"
#include "harness_clock.h"
#include "harness_session.h"

#include <stdlib.h>
#include <string.h>
#include <weft/info.h>

#define NOISY_SHARE 0.05
#define HERE_SECONDS 1
#define LAUNCH_SECONDS 0.05
enum { USUAL_LAUNCHES = 10 };

struct command {
    struct bench_options options;
    weft_wait wait;
    const char *algorithm; /* as given */
    char algorithms[256];  /* as weft_config has it */
    const char *json;
    const char *csv;
    const char *plot;
    int launches; /* 0: not given */
    bool specials[SPECIALS];
    bool limits;
    bool peers;
    bool bars;
    bool quick;
    bool serves;
    bool help;
};

static bool set_wait(void *target, const char *value)
{
    return weft_wait_by_name(value, &((struct command *)target)->wait);
}

static bool set_algorithm(void *target, const char *value)
{
    ((struct command *)target)->algorithm = value;
    return *value != '\0';
}

static bool set_json(void *target, const char *value)
{
    ((struct command *)target)->json = value;
    return *value != '\0';
}

static bool set_csv(void *target, const char *value)
{
    ((struct command *)target)->csv = value;
    return *value != '\0';
}

static bool set_plot(void *target, const char *value)
{
    ((struct command *)target)->plot = value;
    return *value != '\0';
}

static bool set_launches(void *target, const char *value)
{
    char *end;
    const long launches = strtol(value, &end, 10);
    ((struct command *)target)->launches = (int)launches;
    return end != value && *end == '\0' && launches >= 1 && launches <= CONTEST_MOST_LAUNCHES;
}

static bool set_peers(void *target, const char *value)
{
    (void)value;
    return ((struct command *)target)->peers = true;
}

static bool set_bars(void *target, const char *value)
{
    (void)value;
    return ((struct command *)target)->bars = true;
}

static bool set_quick(void *target, const char *value)
{
    (void)value;
    return ((struct command *)target)->quick = true;
}

static bool set_serve(void *target, const char *value)
{
    (void)value;
    return ((struct command *)target)->serves = true;
}

static bool set_special(void *target, const char *word)
{
    for (int i = 0; i < SPECIALS; i++)
        if (strcmp(special_names[i], word) == 0)
            return ((struct command *)target)->specials[i] = true;
    return false;
}

static bool set_limits(void *target, const char *value)
{
    (void)value;
    return ((struct command *)target)->limits = true;
}

static bool set_help(void *target, const char *value)
{
    (void)value;
    return ((struct command *)target)->help = true;
}

static const struct bench_option command_options[] = {
    {"wait", "POLICY", "auto, spin or block (auto)", set_wait},
    {"algorithm", "NAME", "force it: grid, or allreduce:grid,broadcast:pull; see weft info --algorithms",
     set_algorithm},
    {"limits", NULL, "time what the machine allows, in turn with each row, and print the ratio", set_limits},
    {"peers", NULL, "measure the peers that are installed, in turn with the library", set_peers},
    {"launches", "N", "repeat all in N launches, and take medians (1; with --peers 10)", set_launches},
    {"bars", NULL, "hold the library against what it is to reach: a line for each bar; takes about ten minutes",
     set_bars},
    {"quick", NULL, "with --bars: fewer launches, shorter windows; about two minutes", set_quick},
    {"json", "FILE", "write all results there, too (-: to standard output, instead of the table)", set_json},
    {"csv", "FILE", "the same as comma-separated values", set_csv},
    {"plot", "FILE", "draw latency and bandwidth over size, as SVG (needs gnuplot)", set_plot},
    {"serve", NULL, "read requests from standard input, each a line of options; so --peers runs it", set_serve},
    {"help", NULL, "this text", set_help},
    {NULL, NULL, NULL, NULL},
};

static void print_help(void)
{
    printf(
        "Usage: weft bench [COLLECTIVE...] [OPTION...]\n"
        "Times collectives of this library between threads, checks their results, and prints a table: for each size\n"
        "the minimum, median, 99th percentile and maximum over windows of many operations, and the processor time of\n"
        "all ranks together; all in microseconds an operation.\n\n"
        "Collectives (default: barrier broadcast allgather allreduce reduce):\n ");
    for (int i = 0; i < BENCH_COLLECTIVES; i++)
        if (weft_subject_knows(i))
            printf(" %s", bench_shapes[i].name);
    printf("\n\nOther rows, in place of those:\n");
    for (int i = 0; i < SPECIALS; i++)
        printf("  %-18s %s\n", special_names[i], special_help[i]);
    printf("\nOptions:\n");
    bench_options_help(bench_point_options, stdout);
    bench_options_help(bench_method_options, stdout);
    bench_options_help(command_options, stdout);
    printf("\nWith --limits: flags, counter and pingpong are the least that any exchange between these threads takes;\n"
           "loop and stream move the least number of bytes that the operation needs between two exchanges. The ratio "
           "is to\n"
           "the least of the first three up to 4 KiB, to the lesser of the other two above.\n\n"
           "Examples:\n"
           "  weft bench allreduce barrier --ranks 2 --sizes 8:4M --limits\n"
           "  weft bench broadcast --ranks 8,32 --wait block --json out.json\n"
           "  weft bench allreduce broadcast --peers --limits --plot all.svg\n\n"
           "Exit code: 0, or 1 where a result is wrong or a bar is missed, or 2 for a mistake in the command.\n");
}

static void choose_defaults(struct bench_options *options)
{
    static const enum bench_collective usual[] = {BENCH_BARRIER, BENCH_BROADCAST, BENCH_ALLGATHER, BENCH_ALLREDUCE,
                                                  BENCH_REDUCE};
    if (!options->any_collective)
        for (size_t i = 0; i < sizeof usual / sizeof usual[0]; i++)
            options->collectives[usual[i]] = true;
}

/* The last-level cache as hwloc sees it, which in virtual machines is nearer the truth than what the C library says. */
static void ask_for_cache(struct bench_options *options)
{
    weft_info_level levels[32];
    size_t count = 0;
    if (weft_info_topology(levels, 32, &count) != WEFT_OK)
        return;
    for (size_t i = 0; i < count && i < 32; i++) {
        if (levels[i].name[0] == 'L' && levels[i].bytes != 0) {
            options->cache_bytes = levels[i].bytes; /* outermost first */
            return;
        }
    }
}

static bool has_algorithm(const char *collective, const char *name)
{
    const char *known;
    for (size_t i = 0; (known = weft_info_algorithm(collective, i)) != NULL; i++)
        if (strcmp(known, name) == 0)
            return true;
    return false;
}

/* "grid" stands for grid in each chosen collective that has it. */
static bool spell_algorithms(struct command *command)
{
    const char *given = command->algorithm;
    if (given == NULL)
        return true;
    if (strchr(given, ':') != NULL) {
        snprintf(command->algorithms, sizeof command->algorithms, "%s", given);
        return true;
    }
    size_t length = 0;
    for (int i = 0; i < BENCH_COLLECTIVES && length < sizeof command->algorithms; i++)
        if (command->options.collectives[i] && has_algorithm(weft_subject_collective(i), given))
            length += (size_t)snprintf(command->algorithms + length, sizeof command->algorithms - length, "%s%s:%s",
                                       length ? "," : "", weft_subject_collective(i), given);
    if (length == 0)
        fprintf(stderr, "weft bench: none of these collectives has an algorithm '%s'; see weft info --algorithms\n",
                given);
    return length != 0;
}

static bool knows_all(const struct bench_options *options)
{
    for (int i = 0; i < BENCH_COLLECTIVES; i++) {
        if (options->collectives[i] && !weft_subject_knows(i)) {
            fprintf(stderr, "weft bench: %s is not measured yet\n", bench_shapes[i].name);
            return false;
        }
    }
    return true;
}

static size_t count_points(const struct bench_options *options)
{
    struct bench_point point;
    size_t points = 0;
    while (bench_point_at(options, 1, points, &point))
        points++;
    return points * options->n_ranks;
}

/* All points of one number of ranks, the library and the limits in turn. */
static bool bench_ranks(const struct command *command, int n_ranks, bench_emit emit, void *sink)
{
    struct bench_subject subjects[1 + LIMITS];
    const char *algorithms = command->algorithms[0] ? command->algorithms : NULL;
    struct weft_subject *library = weft_subject_create("weft", n_ranks, command->wait, algorithms, &subjects[0]);
    struct limits *limits = command->limits ? limits_create(n_ranks, &subjects[1]) : NULL;
    bool fine = library != NULL && (limits != NULL || !command->limits);
    const struct bench_session session = {.options = &command->options,
                                          .serves = command->serves,
                                          .subjects = subjects,
                                          .n_subjects = command->limits ? 1 + LIMITS : 1,
                                          .emit = emit,
                                          .sink = sink};
    if (fine)
        fine = bench_thread_session(&session, n_ranks);
    limits_destroy(limits);
    weft_subject_destroy(library);
    return fine;
}

static bool run_specials(const struct command *command, struct bench_report *report)
{
    bool fine = true;
    for (int i = 0; fine && i < SPECIALS; i++)
        if (command->specials[i])
            fine = special_run((enum special)i, &command->options, command->wait, report);
    return fine;
}

static bool any_special(const struct command *command)
{
    for (int i = 0; i < SPECIALS; i++)
        if (command->specials[i])
            return true;
    return false;
}

/* One launch, in this process. */
static bool run_here(const struct command *command, struct bench_report *report)
{
    bool fine = true;
    report->points_planned = count_points(&command->options);
    report_show_progress(report);
    for (size_t i = 0; fine && i < command->options.n_ranks; i++)
        fine = bench_ranks(command, command->options.ranks[i], report_emit, report);
    return fine;
}

static void take(void *sink, size_t point, int launch, const struct bench_result *result)
{
    (void)point;
    report_add(sink, launch, result);
}

static bool run_contest(const struct command *command, struct bench_report *report)
{
    const size_t n_points = count_points(&command->options);
    struct bench_point *points = calloc(n_points + 1, sizeof *points); /* the last is looked for in vain */
    const struct bench_contest contest = {.options = &command->options,
                                          .points = points,
                                          .n_points = n_points,
                                          .wait = command->wait,
                                          .algorithm = command->algorithm,
                                          .limits = command->limits,
                                          .peers = command->peers,
                                          .launches = command->launches,
                                          .take = take,
                                          .sink = report};
    size_t at = 0;
    for (size_t i = 0; points != NULL && i < command->options.n_ranks; i++)
        for (size_t j = 0; bench_point_at(&command->options, command->options.ranks[i], j, &points[at]); j++)
            at++;
    bench_contest_missing(&contest, report->quiet ? stderr : stdout);
    const bool fine = points != NULL && bench_contest_run(&contest);
    report_fold(report, points, n_points);
    if (fine && !report->quiet)
        report_show_contest(report);
    free(points);
    return fine;
}

static bool to_stdout(const char *path)
{
    return path != NULL && strcmp(path, "-") == 0;
}

static bool measure(struct command *command, struct bench_report *report)
{
    if (command->bars)
        return bench_bars_run(report, &command->options, command->wait, command->quick);
    if (any_special(command))
        return run_specials(command, report);
    return command->peers || command->launches > 1 ? run_contest(command, report) : run_here(command, report);
}

static bool write_files(const struct command *command, const struct bench_report *report)
{
    return (command->json == NULL || report_write_json(report, command->json)) &&
           (command->csv == NULL || report_write_csv(report, command->csv)) &&
           (command->plot == NULL || report_write_plot(report, command->plot));
}

static bool missed(const struct bench_report *report)
{
    for (size_t i = 0; i < report->n_bars; i++)
        if (report->bars[i].verdict == BAR_MISSED)
            return true;
    return false;
}

static int run(struct command *command)
{
    struct bench_report report = {.options = &command->options,
                                  .wait = command->wait,
                                  .limits = command->limits,
                                  .peers = command->peers,
                                  .launches = command->launches,
                                  .algorithms = command->algorithms[0] ? command->algorithms : NULL,
                                  .quiet = to_stdout(command->json) || to_stdout(command->csv),
                                  .began_ns = bench_now_ns()};
    const struct bench_noise before = bench_noise_now();
    bool fine = measure(command, &report);
    const struct bench_noise after = bench_noise_now();
    bench_noise_between(&before, &after, &report.foreign, &report.stolen);
    if (report.foreign + report.stolen > NOISY_SHARE)
        fprintf(
            stderr,
            "weft bench: the machine was not quiet: %.0f %% of its processor time went to other programs, %.0f %% was "
            "stolen by its host\n",
            100 * report.foreign, 100 * report.stolen);
    fine = fine && write_files(command, &report) && !report.wrong && !missed(&report);
    report_release(&report);
    return fine ? EXIT_SUCCESS : EXIT_FAILURE;
}

static int serve(struct command *command)
{
    memset(command->options.collectives, 0, sizeof command->options.collectives); /* requests name them */
    return bench_ranks(command, command->options.ranks[0], bench_emit_line, NULL) ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* Many short launches say more than few long ones. */
static void settle(struct command *command)
{
    if (command->launches == 0)
        command->launches = command->peers ? USUAL_LAUNCHES : 1;
    if (command->options.settings.seconds == 0)
        command->options.settings.seconds = command->launches > 1 ? LAUNCH_SECONDS : HERE_SECONDS;
    choose_defaults(&command->options);
    bench_options_settle(&command->options);
}

int weft_bench_main(int argc, char **argv)
{
    struct command command = {.wait = WEFT_WAIT_AUTO};
    bench_options_default(&command.options);
    ask_for_cache(&command.options);
    const struct bench_option_table tables[] = {
        {bench_point_options, &command.options, bench_set_collective},
        {bench_method_options, &command.options, NULL},
        {command_options, &command, set_special},
    };
    if (!bench_options_parse("weft bench", argc, argv, tables, sizeof tables / sizeof tables[0]))
        return 2;
    if (command.help) {
        print_help();
        return EXIT_SUCCESS;
    }
    settle(&command);
    if (!knows_all(&command.options) || !spell_algorithms(&command))
        return 2;
    return command.serves ? serve(&command) : run(&command);
}

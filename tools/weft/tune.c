// SPDX-License-Identifier: MIT
/* tune.c - `weft tune`: for each figure two algorithms are forced in turn over a range of sizes, and the figure is where the second
 * begins to win; the whole stands beside it as a comment.
 *
 * The figure is the size for which the times of all that were measured, each taken relative to the better algorithm's, are least if
 * the first serves up to there and the second beyond: one noisy size does not move it far. */
#include "tune.h"
#include "bench_wakeup.h"
#include "bench_weft.h"
#include "harness_session.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <weft/info.h>

enum { MOST_STEPS = 12, SIDES = 2, WAKEUPS = 15 };

/* What decides a figure. */
struct crossing {
    const char *figure;
    const char *collective;
    const char *algorithms[SIDES];
    bool together; /* the figure counts all ranks' bytes */
    int crowding;  /* ranks for each processor; 0: as many ranks as `steps` say, at 8 bytes */
    int steps[MOST_STEPS];
};
static const struct crossing crossings[] = {
    {"allreduce_lines", "allreduce", {"flat", "slices"}, true, 1, {64, 128, 256, 512, 768, 1152}},
    {"allgather_lines", "allgather", {"flat", "pull"}, false, 1, {64, 128, 256, 512, 768, 1152}},
    {"broadcast_lines", "broadcast", {"stream", "pull"}, false, 1, {64, 128, 256, 512, 768, 1152}},
    {"gate_bytes", "allreduce", {"gate", "slices"}, false, 4, {1024, 4096, 8192, 16384, 32768, 65536, 262144}},
    {"flat_ranks", "allreduce", {"flat", "domains"}, false, 0, {4, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256}},
};

struct measured {
    int step;
    double ns[SIDES];
};

/* Collects what a session emits, one point at a time. */
struct collector {
    const char *const *algorithms;
    struct measured *now;
};

static void collect(void *sink, const struct bench_result *result)
{
    struct collector *collector = sink;
    for (int side = 0; result != NULL && side < SIDES; side++)
        if (strcmp(result->subject, collector->algorithms[side]) == 0)
            collector->now->ns[side] = result->median_ns;
}

/* Both algorithms at one point, in turn. */
static bool measure(const struct crossing *crossing, int n_ranks, size_t bytes, struct measured *out)
{
    struct bench_options options;
    struct bench_subject subjects[SIDES];
    struct weft_subject *made[SIDES] = {NULL, NULL};
    struct collector collector = {crossing->algorithms, out};
    char algorithms[64];
    bool fine = true;
    bench_options_default(&options);
    options.collectives[bench_collective_by_name(crossing->collective)] = true;
    options.sizes[0] = bytes;
    options.n_sizes = 1;
    options.rewrite = 0;
    options.settings.seconds = 0.3;
    bench_options_settle(&options);
    for (int side = 0; fine && side < SIDES; side++) {
        snprintf(algorithms, sizeof algorithms, "%s:%s", crossing->collective, crossing->algorithms[side]);
        made[side] =
            weft_subject_create(crossing->algorithms[side], n_ranks, WEFT_WAIT_AUTO, algorithms, &subjects[side]);
        fine = made[side] != NULL;
    }
    const struct bench_session session = {
        .options = &options, .subjects = subjects, .n_subjects = SIDES, .emit = collect, .sink = &collector};
    fine = fine && bench_thread_session(&session, n_ranks);
    for (int side = 0; side < SIDES; side++)
        weft_subject_destroy(made[side]);
    return fine;
}

/* How many of the steps the first algorithm is to serve. */
static int best_split(const struct measured *steps, int count)
{
    double least = INFINITY;
    int best = 0;
    for (int split = 0; split <= count; split++) {
        double lost = 0;
        for (int i = 0; i < count; i++)
            lost += log(steps[i].ns[i < split ? 0 : 1] / fmin(steps[i].ns[0], steps[i].ns[1]));
        if (lost <= least) { /* among equals the one that serves more: fewer changes from what is usual */
            least = lost;
            best = split;
        }
    }
    return best;
}

/* ---- The table */

/* To the table, and to whoever watches. */
__attribute__((format(printf, 2, 3))) static void note(FILE *file, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vfprintf(file, format, arguments);
    va_end(arguments);
    if (file == stdout)
        return;
    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
    fflush(stdout);
}

static bool find_figure(const char *name, weft_info_figure *figure)
{
    for (size_t i = 0; weft_info_tuning(NULL, i, figure) != NULL; i++)
        if (strcmp(figure->name, name) == 0)
            return true;
    return false;
}

static void write_figure(FILE *file, const char *name, long long value)
{
    weft_info_figure figure;
    if (!find_figure(name, &figure))
        abort(); /* this file and the library are of one version */
    value = value < figure.least ? figure.least : value > figure.most ? figure.most : value;
    note(file, "%-16s %-8lld # without a table %lld: %s\n\n", name, value, (long long)figure.initial, figure.help);
}

static bool write_crossing(FILE *file, const struct crossing *crossing, int processors)
{
    struct measured steps[MOST_STEPS];
    int count = 0;
    for (; count < MOST_STEPS && crossing->steps[count] != 0; count++) {
        int step = crossing->steps[count], n_ranks = crossing->crowding * processors;
        if (crossing->crowding == 0 && step > processors)
            break;
        steps[count].step = step;
        if (!measure(crossing, n_ranks > 0 ? n_ranks : step, n_ranks > 0 ? (size_t)step : 8, &steps[count]))
            return false;
        note(file, "#   %s, %d ranks, %d bytes: %s %.2f us, %s %.2f us\n", crossing->collective,
             n_ranks > 0 ? n_ranks : step, n_ranks > 0 ? step : 8, crossing->algorithms[0], steps[count].ns[0] / 1000,
             crossing->algorithms[1], steps[count].ns[1] / 1000);
    }
    if (count == 0) {
        note(file, "# %s is as it is without a table: it takes %d processors to measure it\n\n", crossing->figure,
             crossing->steps[0]);
        return true;
    }
    int split = best_split(steps, count);
    weft_info_figure figure;
    bool all = split == count && find_figure(crossing->figure, &figure);
    long long value = split == 0 ? 0 : steps[split - 1].step;
    if (crossing->together)
        value *= processors;
    /* Where the first won everywhere, what is usual may be more than what was measured. */
    write_figure(file, crossing->figure, all && figure.initial > value ? figure.initial : value);
    return true;
}

static bool write_spin(FILE *file, const struct bench_options *options)
{
    struct wakeup_figures figures;
    if (!bench_wakeup(options, 2, WEFT_WAIT_AUTO, WAKEUPS, &figures))
        return false;
    note(file, "#   a thread that sleeps on a futex is there %.1f us after it was woken\n", figures.futex_ns / 1000);
    write_figure(file, "spin_ns", (long long)(figures.futex_ns / 1000 + 1) * 1000);
    return true;
}

static bool write_table(FILE *file)
{
    char machine[128], date[32];
    struct bench_options options;
    time_t now = time(NULL);
    bench_options_default(&options);
    bench_options_settle(&options);
    int processors = options.n_processors > 64 ? 64 : options.n_processors;
    weft_info_machine(machine, sizeof machine);
    strftime(date, sizeof date, "%Y-%m-%d", localtime(&now));
    note(file,
         "# Figures of one machine, by which weft %s chooses algorithms and waits; \"weft tune\" wrote them on %s.\n"
         "# Below each comment of what was measured stands the figure that follows from it. Edit it as you like.\n\n"
         "machine          %s\n\n",
         weft_version(), date, machine);
    bool fine = true;
    for (size_t i = 0; fine && i < sizeof crossings / sizeof crossings[0]; i++)
        fine = write_crossing(file, &crossings[i], crossings[i].crowding == 0 ? options.n_processors : processors);
    return fine && write_spin(file, &options);
}

/* ---- The command */

/* The folders on the way to the file. */
static void make_folders(char *path)
{
    for (char *slash = strchr(path + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = 0;
        mkdir(path, 0777);
        *slash = '/';
    }
}

/* Written beside it and then put in its place: a program that starts meanwhile finds the old table or the new one. */
static int tune_into(char *path)
{
    char beside[4200];
    snprintf(beside, sizeof beside, "%s.new", path);
    make_folders(beside);
    FILE *file = fopen(beside, "w");
    if (file == NULL) {
        fprintf(stderr, "weft tune: %s cannot be written: %s\n", beside, strerror(errno));
        return EXIT_FAILURE;
    }
    bool fine = write_table(file);
    fine = fclose(file) == 0 && fine;
    if (!fine || rename(beside, path) != 0) {
        fprintf(stderr, "weft tune: %s was not written%s%s\n", path, fine ? ": " : "", fine ? strerror(errno) : "");
        remove(beside);
        return EXIT_FAILURE;
    }
    printf("Written to %s; programs that start from now on go by it. Remove it to go back.\n", path);
    return EXIT_SUCCESS;
}

struct query {
    char path[4096]; /* "-": standard output */
    bool help;
};

static bool set_output(void *target, const char *value)
{
    struct query *query = target;
    if (value[0] == 0 || strlen(value) >= sizeof query->path)
        return false;
    strcpy(query->path, value);
    return true;
}

static bool set_help(void *target, const char *value)
{
    (void)value;
    return ((struct query *)target)->help = true;
}

static const struct bench_option options[] = {
    {"output", "FILE", "where to write the table instead; - prints it alone", set_output},
    {"help", NULL, "this text", set_help},
    {NULL, NULL, NULL, NULL},
};

int weft_tune_main(int argc, char **argv)
{
    struct query query = {.help = false};
    const struct bench_option_table table = {options, &query, NULL};
    weft_info_tuning_path(query.path, sizeof query.path);
    if (!bench_options_parse("weft tune", argc, argv, &table, 1))
        return 2;
    if (query.help) {
        printf(
            "Usage: weft tune [OPTION...]\nMeasures this machine, which should be idle, in under a minute, and writes "
            "the figures by which the library chooses\nalgorithms and waits: a table of a few lines, which a person "
            "can read and edit.\n\nThe library reads the file that WEFT_TUNING names, or else weft/tuning in "
            "$XDG_CONFIG_HOME or ~/.config; that is where\nthe table goes. A table of another machine is left alone. "
            "`weft info` shows the figures in force.\n\nOptions:\n");
        bench_options_help(options, stdout);
        return EXIT_SUCCESS;
    }
    if (query.path[0] == 0) {
        fprintf(stderr, "weft tune: HOME is not set; say where to with --output FILE\n");
        return 2;
    }
    setenv("WEFT_TUNING", "/dev/null", 1); /* what is measured goes by no table */
    if (strcmp(query.path, "-") == 0)
        return write_table(stdout) ? EXIT_SUCCESS : EXIT_FAILURE;
    return tune_into(query.path);
}

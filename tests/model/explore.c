// SPDX-License-Identifier: MIT
/* explore.c - runs harnesses under many schedules, and tells what it finds with the seed that replays it.
 * Usage: see usage(). */
#include "runtime.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static void usage(FILE *out)
{
    fputs("Usage: weft_model [OPTION...] [HARNESS...]\n"
          "Runs harnesses (all, or those named) under many schedules.\n"
          "  -l        list the harnesses\n"
          "  -n COUNT  random schedules of each (20000)\n"
          "  -x COUNT  schedules of each at most where all are tried (200000)\n"
          "  -t TIME   seconds of each at most, for either kind (60)\n"
          "  -s SEED   replay one random schedule, step by step\n"
          "  -c LIST   replay one schedule by its choices (\"12:1,40:2\"), step by step\n"
          "  -f SEED   the first seed (1)\n"
          "  -e        end at the first finding\n",
          out);
}

static const struct model_harness *const files[] = {model_litmus,   model_lines,  model_gates,    model_buffers,
                                                    model_failures, model_worlds, model_requests, model_messages,
                                                    model_domains,  model_seeing};

/* ---- Many schedules */

struct limits {
    long random, exhaustive;
    uint64_t first_seed;
    double seconds;
    bool end_at_first;
};

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

/* The schedule that is set up once more, with a trace. */
static bool run_traced(void)
{
    model_trace_on();
    model_schedule();
    model_trace_print();
    printf("  %s\n", model->failed ? model->why : "Nothing was found.");
    return !model->failed;
}

/* All schedules within the bound; begins again while it finds atomics that threads share. Returns false when it finds something. */
static bool explore_all(const struct limits *limits, long *count, bool *complete)
{
    double end = now() + limits->seconds;
    bool more = true;
    *count = 0;
    *complete = false;
    model_choose_all(model->harness->exhaustive);
    while (more && *count < limits->exhaustive && (*count % 64 != 0 || now() < end)) {
        model->shared_grew = false;
        model_schedule();
        ++*count;
        if (model->failed)
            return false;
        more = true;
        if (model->shared_grew)
            model_choose_all(model->harness->exhaustive);
        else
            more = model_choose_next();
    }
    *complete = !more;
    return true;
}

static bool explore_randomly(const struct limits *limits, long *count, long *steps, uint64_t *seed)
{
    double end = now() + limits->seconds;
    *count = *steps = 0;
    while (*count < limits->random && (*count % 64 != 0 || now() < end)) {
        *seed = limits->first_seed + (uint64_t)*count;
        model_choose_randomly(*seed);
        model_schedule();
        ++*count;
        *steps += model->steps;
        if (model->failed)
            return false;
    }
    return true;
}

/* Tells of a finding, and replays it; a harness that is wrong on purpose is to be found so. */
static bool report_finding(const char *option, const char *schedule)
{
    const struct model_harness *harness = model->harness;
    if (harness->finds != NULL && strstr(model->why, harness->finds) != NULL) {
        printf("%-24s is found, as it must be\n", harness->name);
        return true;
    }
    printf("%s: FOUND: %s\n  Replay: weft_model %s %s %s\n", harness->name, model->why, option, schedule,
           harness->name);
    fflush(stdout);
    return option[1] == 's' ? (model_choose_randomly(strtoull(schedule, NULL, 10)), run_traced())
                            : (model_choose_again(schedule), run_traced());
}

static bool explore(const struct model_harness *harness, const struct limits *limits)
{
    char schedule[4000];
    long random = 0, all = 0, steps = 0;
    uint64_t seed = 0;
    bool complete = false;
    double begin = now();
    model->harness = harness;
    model_forget_shared();
    if (!explore_randomly(limits, &random, &steps, &seed)) {
        snprintf(schedule, sizeof schedule, "%llu", (unsigned long long)seed);
        return report_finding("-s", schedule);
    }
    if (harness->exhaustive > 0 && limits->exhaustive > 0 && !explore_all(limits, &all, &complete)) {
        model_choices_text(schedule, sizeof schedule);
        return report_finding("-c", schedule);
    }
    printf("%-24s %8ld random, %4ld steps each", harness->name, random, random > 0 ? steps / random : 0);
    if (all > 0)
        printf("; %8ld of %s within %d preemptions", all, complete ? "all" : "some", harness->exhaustive);
    printf("; %.1f s%s\n", now() - begin, harness->finds != NULL ? "; NOTHING FOUND, but it is wrong on purpose" : "");
    fflush(stdout);
    return harness->finds == NULL;
}

/* ---- The program */

static const struct model_harness *find(const char *name)
{
    for (size_t file = 0; file < sizeof files / sizeof files[0]; file++)
        for (const struct model_harness *harness = files[file]; harness->name != NULL; harness++)
            if (strcmp(harness->name, name) == 0)
                return harness;
    fprintf(stderr, "There is no harness \"%s\"; -l lists them.\n", name);
    exit(2);
}

static bool explore_files(const struct limits *limits, bool list)
{
    bool clean = true;
    for (size_t file = 0; file < sizeof files / sizeof files[0]; file++)
        for (const struct model_harness *harness = files[file]; harness->name != NULL; harness++) {
            if (!clean && limits->end_at_first)
                return false;
            if (list)
                printf("%-24s %s\n", harness->name, harness->what);
            else
                clean = explore(harness, limits) && clean;
        }
    return clean;
}

int main(int argc, char **argv)
{
    struct limits limits = {.random = 20000, .exhaustive = 200000, .first_seed = 1, .seconds = 60};
    const char *seed = NULL, *choices = NULL;
    bool list = false, clean = true;
    for (int option; (option = getopt(argc, argv, "ln:x:t:s:c:f:eh")) != -1;) {
        switch (option) {
        case 'l':
            list = true;
            break;
        case 'n':
            limits.random = atol(optarg);
            break;
        case 'x':
            limits.exhaustive = atol(optarg);
            break;
        case 't':
            limits.seconds = atof(optarg);
            break;
        case 's':
            seed = optarg;
            break;
        case 'c':
            choices = optarg;
            break;
        case 'f':
            limits.first_seed = strtoull(optarg, NULL, 10);
            break;
        case 'e':
            limits.end_at_first = true;
            break;
        default:
            usage(option == 'h' ? stdout : stderr);
            return option == 'h' ? 0 : 2;
        }
    }
    model_schedules_setup();
    if (optind == argc)
        return explore_files(&limits, list) ? 0 : 1;
    for (int i = optind; i < argc; i++) {
        const struct model_harness *harness = find(argv[i]);
        model->harness = harness;
        if (seed != NULL)
            model_choose_randomly(strtoull(seed, NULL, 10));
        if (choices != NULL && !model_choose_again(choices)) {
            fprintf(stderr, "\"%s\" is no list of choices\n", choices);
            return 2;
        }
        clean = (seed != NULL || choices != NULL ? run_traced() : explore(harness, &limits)) && clean;
    }
    return clean ? 0 : 1;
}

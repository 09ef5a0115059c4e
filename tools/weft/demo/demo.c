// SPDX-License-Identifier: MIT
/* demo.c - `weft demo` as a story: the text, the training and its checks, the serving and its checks. */
#include "demo.h"

#include "base.h"
#include "files.h"
#include "serve.h"
#include "train.h"

#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <weft/info.h>

struct options {
    const char *text, *weights, *prompt;
    double ranks, steps, seconds;
    bool retrain, quick;
};

struct demo {
    struct options options;
    struct text text;
    struct model_shape shape;
    char path[4096]; /* of the weights' file; "": none */
    float *weights;
    bool failed; /* a check found a difference */
};

static const char help[] =
    "Usage: weft demo [OPTION...]\n"
    "Trains a small language model on a real text, data-parallel, and serves it, tensor-parallel. The ranks are "
    "threads of\n"
    "this process; whether they agree is checked on the way. Weights are kept: a later run serves them at once.\n\n"
    "  --text FILE      learn from this file (default: the fortunes in /usr/share/games/fortunes)\n"
    "  --ranks N        train on N ranks (2)\n"
    "  --seconds N      train for about so long (60)\n"
    "  --steps N        train for so many steps instead\n"
    "  --retrain        train anew, even if there are weights\n"
    "  --weights FILE   keep the weights here (default: weft/demo.weights in $XDG_CACHE_HOME or ~/.cache)\n"
    "  --prompt TEXT    the beginning that the model continues\n"
    "  --quick          a smaller model, done in seconds; keeps no weights unless told where\n"
    "  --help           this text\n\n"
    "Exit status: 0; 1 if something failed or a check found a difference; 2 for wrong arguments.\n";

enum { TEXT, WEIGHTS, PROMPT, RANKS, SECONDS, STEPS, RETRAIN, QUICK, HELP, OPTIONS };
static const struct option known[] = {
    [TEXT] = {"text", required_argument, NULL, TEXT},
    [WEIGHTS] = {"weights", required_argument, NULL, WEIGHTS},
    [PROMPT] = {"prompt", required_argument, NULL, PROMPT},
    [RANKS] = {"ranks", required_argument, NULL, RANKS},
    [SECONDS] = {"seconds", required_argument, NULL, SECONDS},
    [STEPS] = {"steps", required_argument, NULL, STEPS},
    [RETRAIN] = {"retrain", no_argument, NULL, RETRAIN},
    [QUICK] = {"quick", no_argument, NULL, QUICK},
    [HELP] = {"help", no_argument, NULL, HELP},
    [OPTIONS] = {NULL, 0, NULL, 0},
};

/* The option's value, a number from 1 to `most`; `otherwise` where it was not given, -1 where it makes no sense. */
static double number(const char *const *values, int option, double otherwise, double most)
{
    char *end = NULL;
    const double value = values[option] != NULL ? strtod(values[option], &end) : otherwise;
    if (values[option] == NULL || (end != values[option] && *end == '\0' && value >= 1 && value <= most))
        return value;
    fprintf(stderr, "weft demo: --%s takes a number from 1 to %.0f\n", known[option].name, most);
    return -1;
}

/* Returns the exit code, or -1: go on. */
static int parse(int argc, char **argv, struct options *options)
{
    const char *values[OPTIONS] = {NULL};
    int found;
    optind = 0; /* from the start, whoever parsed before */
    while ((found = getopt_long(argc, argv, "", known, NULL)) >= 0 && found < OPTIONS)
        values[found] = optarg != NULL ? optarg : "";
    const bool quick = values[QUICK] != NULL;
    options->text = values[TEXT];
    options->weights = values[WEIGHTS];
    options->prompt = values[PROMPT] != NULL ? values[PROMPT] : "The ";
    options->ranks = number(values, RANKS, 2, TRAIN_RANKS_MAX);
    options->seconds = number(values, SECONDS, 60, 1e6);
    options->steps = number(values, STEPS, quick ? TRAIN_CHECK_STEPS : 0, 1e6);
    options->retrain = values[RETRAIN] != NULL;
    options->quick = quick;
    if (found == -1 && optind == argc && options->ranks >= 0 && options->seconds >= 0 && options->steps >= 0)
        return values[HELP] != NULL ? fputs(help, stdout) < 0 : -1;
    fprintf(stderr, "weft demo --help lists the options\n");
    return 2;
}

static bool succeeded(const char *what, weft_status status)
{
    if (status != WEFT_OK)
        fprintf(stderr, "\nweft demo: %s failed: %s (%s)\n", what, weft_last_error(), weft_status_name(status));
    return status == WEFT_OK;
}

static void choose_model(struct demo *demo)
{
    const bool quick = demo->options.quick;
    demo->shape = (struct model_shape){.layers = quick ? 1 : 2, .width = 128, .heads = 4, .hidden = quick ? 256 : 512};
    demo->shape.context = MODEL_CONTEXT_MAX;
    demo->shape.vocab = (demo->text.kinds + 127) / 128 * 128; /* each of up to 4 shards has a multiple of 32 */
}

static void introduce(const struct demo *demo)
{
    char number[32];
    screen_heading("Threads that are ranks train a small language model, then serve it");
    printf("  text     %s letters, %d of them different, from %s\n", grouped((double)demo->text.size, number),
           demo->text.kinds, demo->options.text != NULL ? demo->options.text : "this machine's fortunes");
    printf("  model    a transformer with %s weights: it sees %d letters and guesses the next\n",
           grouped((double)model_weights(&demo->shape), number), demo->shape.context);
}

/* The first steps again, which must give the same bits; then on two groups that share the batch, of two ranks that share
 * the model, where sums are taken in another order, so that they must give nearly the same. */
static bool train_again(struct demo *demo, struct train_plan plan, const struct train_result *result)
{
    const double allowed = 1e-4;
    struct train_result again = {.weights = NULL}, crossed = {.weights = NULL};
    plan.steps = result->steps < TRAIN_CHECK_STEPS ? result->steps : TRAIN_CHECK_STEPS;
    plan.show = false;
    screen_wait("the first steps again");
    if (!succeeded("training again", train(&plan, &again)))
        return false;
    const bool same = again.first_checksum == result->first_checksum;
    demo->failed |=
        !screen_check(same, "again: the first %d steps, taken once more, gave %s bits (%08x, %08x)", plan.steps,
                      same ? "the same" : "other", (unsigned)result->first_checksum, (unsigned)again.first_checksum);
    screen_wait("2 x 2 ranks");
    plan.ranks = 4;
    plan.model_ranks = 2;
    if (!succeeded("training on 2 x 2 ranks", train(&plan, &crossed)))
        return false;
    double apart = fabs(crossed.held_loss - again.held_loss);
    for (int i = 0; i < plan.steps; i++)
        if (!(fabsf(crossed.losses[i] - again.losses[i]) <= (float)apart)) /* also where one is not a number */
            apart = fabs((double)crossed.losses[i] - (double)again.losses[i]);
    demo->failed |= !screen_check(apart <= allowed,
                                  "2 x 2: with half the batch and half the model on each of 4 ranks, the losses of\n"
                                  "          these steps differ by at most %.0e (allowed: %.0e)",
                                  apart, allowed);
    demo->failed |= crossed.difference[0] != '\0' && !screen_check(false, "2 x 2: %s", crossed.difference);
    return true;
}

static bool train_model(struct demo *demo)
{
    const int ranks = (int)demo->options.ranks;
    struct train_plan plan = {.text = &demo->text, .shape = demo->shape, .windows = demo->options.quick ? 8 : 32};
    struct train_result result = {.weights = demo->weights};
    char heading[64];
    snprintf(heading, sizeof heading, "Training on %d rank%s", ranks, ranks > 1 ? "s" : "");
    screen_heading(heading);
    printf("  In each step the ranks share %d windows of text, and one allreduce of %.1f MB adds up their\n"
           "  gradients. The loss is in nats a letter; held out is text that they do not learn from.\n\n",
           plan.windows, (double)model_weights(&demo->shape) * sizeof(float) * 1e-6);
    plan.ranks = ranks;
    plan.model_ranks = 1;
    plan.steps = (int)demo->options.steps;
    plan.seconds = demo->options.seconds;
    plan.show = true;
    if (!succeeded("training", train(&plan, &result)))
        return false;
    const bool equal = result.difference[0] == '\0';
    printf("\n");
    demo->failed |=
        !screen_check(equal, "equal: the weights of all ranks, compared %d time%s, %s%s", result.comparisons,
                      result.comparisons == 1 ? "" : "s", equal ? "had the same bits" : "differ: ", result.difference);
    if (!train_again(demo, plan, &result))
        return false;
    if (demo->path[0] == '\0' || demo->failed)
        return true;
    if (weights_save(demo->path, &demo->shape, demo->text.checksum, demo->weights))
        printf("\n  The weights are kept in %s.\n", demo->path);
    else
        printf("\n  The weights could not be kept in %s: %s.\n", demo->path, strerror(errno));
    return true;
}

/* Weights from the file, or trained. */
static bool get_weights(struct demo *demo)
{
    enum weights_state state = WEIGHTS_ABSENT;
    if (demo->options.weights != NULL)
        snprintf(demo->path, sizeof demo->path, "%s", demo->options.weights);
    else if (!demo->options.quick)
        weights_default_path(demo->path, sizeof demo->path);
    if (demo->path[0] != '\0')
        state = weights_load(demo->path, &demo->shape, demo->text.checksum, demo->weights);
    if (state == WEIGHTS_FOREIGN) {
        fprintf(stderr,
                "weft demo: %s holds no weights that can be read, so it is left alone; --weights names another file\n",
                demo->path);
        return false;
    }
    if (state == WEIGHTS_STALE)
        printf("  weights  those in %s are of another text or model, or damaged\n", demo->path);
    if (state != WEIGHTS_GOOD || demo->options.retrain)
        return train_model(demo);
    printf("  weights  from %s, trained before; --retrain starts anew\n", demo->path);
    return true;
}

enum { RANK_COUNTS = 3 };
static const int rank_counts[RANK_COUNTS] = {1, 2, 4};

static void report_serving(struct demo *demo, const struct serve_result *results)
{
    const double allowed = 1e-4;
    double worst = 0;
    bool same = true;
    for (int i = 0; i < RANK_COUNTS; i++) {
        worst = results[i].worst_difference <= worst ? worst : results[i].worst_difference;
        same = same && strcmp(results[i].letters, results[0].letters) == 0;
    }
    printf("\n");
    demo->failed |=
        !screen_check(worst <= allowed, "logits: those of 1, 2 and 4 ranks are the trainer's, to %.1g (allowed: %.0e)",
                      worst, allowed);
    if (same)
        screen_check(true, "text: the same on all rank counts");
    else
        printf("  note    text: not the same everywhere, for two letters were equally likely somewhere\n");
    printf("\n  %s%5s  %10s  %13s  %25s%s\n", screen_style(FAINT), "ranks", "tokens/s", "communicating",
           "processor time while idle", screen_style(PLAIN));
    for (int i = 0; i < RANK_COUNTS; i++) {
        char number[32];
        printf("  %5d  %10s  %11.1f %%  %14.2f ms a second\n", rank_counts[i],
               grouped(results[i].tokens_per_second, number), 100 * results[i].communicating,
               1e3 * results[i].idle_processor_share);
    }
}

/* What one thread alone makes of a window, in one pass as in training. */
static bool expected_logits(const struct demo *demo, float *logits)
{
    struct peers alone = peers_open(NULL);
    struct model *model = model_create(&demo->shape, &alone, demo->weights, demo->shape.context, false);
    if (model != NULL)
        memcpy(logits, model_forward(model, demo->text.symbols, NULL, demo->shape.context),
               (size_t)(demo->shape.context * demo->shape.vocab) * sizeof *logits);
    model_free(model);
    return model != NULL;
}

static bool serve_model(struct demo *demo, const float *expected)
{
    const bool quick = demo->options.quick;
    struct serve_plan plan = {
        .text = &demo->text, .shape = demo->shape, .weights = demo->weights, .expected = expected};
    struct serve_result results[RANK_COUNTS] = {{.worst_difference = 0}}, last = {.worst_difference = 0};
    screen_heading("Serving on 1, 2 and 4 ranks");
    printf("  Heads, feed-forward columns and vocabulary are split over the ranks, which step %d requests at a\n"
           "  time. This is the first request, always with the likeliest letter:\n\n",
           SERVE_REQUESTS);
    plan.prompt = demo->options.prompt;
    plan.measure_seconds = quick ? 0.1 : 2;
    plan.idle_seconds = quick ? 0.1 : 1;
    for (int i = 0; i < RANK_COUNTS; i++) {
        plan.ranks = rank_counts[i];
        if (!succeeded("serving", serve(&plan, &results[i])))
            return false;
    }
    report_serving(demo, results);
    screen_heading("And freely, with a little chance, on 2 ranks");
    plan.ranks = 2;
    plan.invent_letters = quick ? 100 : 400;
    return succeeded("serving", serve(&plan, &last));
}

int weft_demo_main(int argc, char **argv)
{
    struct demo demo = {.failed = false};
    char why[512] = "not enough memory";
    const int code = parse(argc, argv, &demo.options);
    if (code >= 0)
        return code;
    bool done = text_load(&demo.text, demo.options.text, why, sizeof why);
    choose_model(&demo);
    demo.weights = malloc(model_weights(&demo.shape) * sizeof *demo.weights);
    float *expected = malloc((size_t)(demo.shape.context * (demo.shape.vocab + 1)) * sizeof *expected);
    if (!done || demo.weights == NULL || expected == NULL) {
        fprintf(stderr, "weft demo: %s\n", why);
        done = false;
    } else {
        introduce(&demo);
        done = get_weights(&demo) && expected_logits(&demo, expected) && serve_model(&demo, expected);
    }
    if (done && demo.failed)
        fprintf(stderr, "\nweft demo: a check found a difference; it is marked FAILED above\n");
    free(expected);
    free(demo.weights);
    free(demo.text.symbols);
    return done && !demo.failed ? 0 : 1;
}

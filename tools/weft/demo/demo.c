// SPDX-License-Identifier: MIT
/* demo.c - `weft demo` as a story: the text, the training and its checks, the serving and its checks. */
#define _POSIX_C_SOURCE 200809L
#include "demo.h"

#include "base.h"
#include "model.h"
#include "serve.h"
#include "text.h"
#include "train.h"
#include "weights.h"

#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct options {
    const char *text, *weights, *prompt;
    int ranks, steps;
    double seconds;
    bool retrain, quick;
};

struct demo {
    struct options options;
    struct text text;
    struct model_shape shape;
    int windows;
    char path[4096]; /* of the weights' file; "": none */
    float *weights;
    bool failed; /* a check found a difference */
};

static const char help[] =
    "usage: weft demo [OPTION...]\n\n"
    "Trains a small language model on a real text, data-parallel, and serves it, tensor-parallel: the ranks are threads of\n"
    "this process. Checks as it goes that all ranks agree. The weights are kept, and a later run serves them at once.\n\n"
    "  --text FILE      learn from this file (default: the fortunes in /usr/share/games/fortunes)\n"
    "  --ranks N        train on N ranks (2)\n"
    "  --seconds N      train for about so long (60)\n"
    "  --steps N        train for exactly so many steps\n"
    "  --retrain        train anew, even if there are weights\n"
    "  --weights FILE   keep the weights here (default: $XDG_CACHE_HOME/weft/demo.weights, or under ~/.cache)\n"
    "  --prompt TEXT    how the text begins that the model continues\n"
    "  --quick          a smaller model for a few seconds, for tests; keeps no weights unless told where\n"
    "  --help           this text\n\n"
    "Exits with 0, with 1 if something failed or a check found a difference, with 2 for wrong arguments.\n";

static bool parse_number(const char *name, const char *text, double least, double most, double *out)
{
    char *end = NULL;
    *out = strtod(text, &end);
    if (end != text && *end == '\0' && *out >= least && *out <= most)
        return true;
    fprintf(stderr, "weft demo: --%s takes a number from %g to %g, not '%s'\n", name, least, most, text);
    return false;
}

/* The exit code, or -1: go on. */
static int parse(int argc, char **argv, struct options *options)
{
    enum { TEXT, RANKS, SECONDS, STEPS, RETRAIN, WEIGHTS, PROMPT, QUICK, HELP };
    static const struct option names[] = {
        {"text", required_argument, NULL, TEXT},       {"ranks", required_argument, NULL, RANKS},
        {"seconds", required_argument, NULL, SECONDS}, {"steps", required_argument, NULL, STEPS},
        {"retrain", no_argument, NULL, RETRAIN},       {"weights", required_argument, NULL, WEIGHTS},
        {"prompt", required_argument, NULL, PROMPT},   {"quick", no_argument, NULL, QUICK},
        {"help", no_argument, NULL, HELP},             {NULL, 0, NULL, 0}};
    double number = 0;
    bool ok = true;
    optind = 0; /* begin anew, whatever was parsed before */
    for (int found; ok && (found = getopt_long(argc, argv, "", names, NULL)) != -1;) {
        switch (found) {
        case TEXT: options->text = optarg; break;
        case WEIGHTS: options->weights = optarg; break;
        case PROMPT: options->prompt = optarg; break;
        case RETRAIN: options->retrain = true; break;
        case QUICK: options->quick = true; break;
        case HELP: fputs(help, stdout); return 0;
        case RANKS: ok = parse_number("ranks", optarg, 1, TRAIN_RANKS_MAX, &number); options->ranks = (int)number; break;
        case STEPS: ok = parse_number("steps", optarg, 1, 1e6, &number); options->steps = (int)number; break;
        case SECONDS: ok = parse_number("seconds", optarg, 1, 1e6, &number); options->seconds = number; break;
        default: ok = false;
        }
    }
    if (ok && optind == argc)
        return -1;
    if (ok)
        fprintf(stderr, "weft demo: unexpected argument '%s'\n", argv[optind]);
    fprintf(stderr, "weft demo --help lists the options\n");
    return 2;
}

static bool succeeded(const char *what, weft_status status)
{
    if (status != WEFT_OK)
        fprintf(stderr, "\nweft demo: %s failed: %s (%s)\n", what, weft_last_error(), weft_status_name(status));
    return status == WEFT_OK;
}

static void set_up(struct demo *demo)
{
    const int vocab = (demo->text.symbols + 127) / 128 * 128; /* each of up to 4 shards gets a multiple of 32 */
    demo->shape = (struct model_shape){.layers = 2, .width = 128, .heads = 4, .hidden = 512, .context = 64, .vocab = vocab};
    demo->windows = 32;
    if (demo->options.quick) {
        demo->shape.layers = 1;
        demo->shape.hidden = 256;
        demo->windows = 8;
    }
    if (demo->options.weights != NULL)
        snprintf(demo->path, sizeof demo->path, "%s", demo->options.weights);
    else if (!demo->options.quick)
        weights_default_path(demo->path, sizeof demo->path);
}

static void introduce(const struct demo *demo)
{
    char number[32];
    screen_heading("Threads that are ranks train a small language model, then serve it");
    printf("  text     %s letters, %d of them different, from %s\n",
           grouped((double)(demo->text.train_size + demo->text.held_size), number), demo->text.symbols,
           demo->options.text != NULL ? demo->options.text : "this machine's fortunes");
    printf("  model    a transformer of %d layer%s with %s weights: it sees %d letters and guesses the next\n",
           demo->shape.layers, demo->shape.layers > 1 ? "s" : "", grouped((double)model_weights(&demo->shape), number),
           demo->shape.context);
}

/* Trains once more in two other ways, and compares: the same steps again, and with two ranks to a model. */
static bool check_training(struct demo *demo, const struct train_plan *plan, const struct train_result *result)
{
    const int first = result->steps < TRAIN_CHECK_STEPS ? result->steps : TRAIN_CHECK_STEPS;
    const int few = demo->options.quick ? 5 : 20, crossed_steps = first < few ? first : few;
    const double allowed = 1e-3;
    struct train_plan again = *plan, crossed = *plan;
    struct train_result second = {.weights = NULL}, third = {.weights = NULL};
    double apart = 0;
    demo->failed |= !screen_check(result->difference[0] == '\0', "compared %d times, the weights of all %d ranks had %s %s",
                                  result->comparisons, plan->ranks, result->difference[0] == '\0' ? "the same bits" : "differences:",
                                  result->difference);
    screen_wait("the first steps once more");
    again.steps = first;
    again.show = crossed.show = false;
    if (!succeeded("training again", train(&again, &second)))
        return false;
    const bool same = second.first_checksum == result->first_checksum;
    demo->failed |= !screen_check(same, "the first %d steps, taken again, gave %s: checksum %016llx %s %016llx", first,
                                  same ? "the same bits" : "other bits", (unsigned long long)result->first_checksum,
                                  same ? "=" : "against", (unsigned long long)second.first_checksum);
    screen_wait("2 x 2 ranks");
    crossed.ranks = 4;
    crossed.model_ranks = 2;
    crossed.steps = crossed_steps;
    if (!succeeded("training on 2 x 2 ranks", train(&crossed, &third)))
        return false;
    for (int i = 0; i < crossed_steps; i++)
        apart = fmax(apart, fabs((double)third.losses[i] - (double)result->losses[i]));
    demo->failed |= !screen_check(apart <= allowed, "2 x 2 ranks, half the batch and half the model each: the first %d losses differ by at most %.0e (%s %.0e)",
                                  crossed_steps, apart, apart <= allowed ? "allowed:" : "more than", allowed);
    return true;
}

static void keep_weights(const struct demo *demo)
{
    if (demo->path[0] == '\0')
        return;
    if (weights_save(demo->path, &demo->shape, demo->text.checksum, demo->weights))
        printf("\n  The weights are kept in %s.\n", demo->path);
    else
        printf("\n  The weights could not be kept in %s: %s.\n", demo->path, strerror(errno));
}

static bool train_model(struct demo *demo)
{
    const int ranks = demo->options.ranks;
    const struct train_plan plan = {.text = &demo->text, .shape = demo->shape, .windows = demo->windows, .ranks = ranks,
                                    .model_ranks = 1, .steps = demo->options.steps, .seconds = demo->options.seconds,
                                    .show = true};
    struct train_result result = {.weights = demo->weights};
    char heading[64];
    snprintf(heading, sizeof heading, "Training on %d rank%s", ranks, ranks > 1 ? "s" : "");
    screen_heading(heading);
    printf("  In each step the ranks share a batch of %d windows of %d letters; one allreduce of %.1f MB\n"
           "  adds up their gradients. The loss is in nats a letter, also on text that is held out.\n\n",
           demo->windows, demo->shape.context, (double)model_weights(&demo->shape) * sizeof(float) * 1e-6);
    if (!succeeded("training", train(&plan, &result)))
        return false;
    printf("\n");
    if (!check_training(demo, &plan, &result))
        return false;
    keep_weights(demo);
    return true;
}

/* Weights from the file, or trained. */
static bool get_weights(struct demo *demo)
{
    demo->weights = malloc(model_weights(&demo->shape) * sizeof *demo->weights);
    if (demo->weights == NULL) {
        fprintf(stderr, "weft demo: not enough memory for the weights\n");
        return false;
    }
    const enum weights_state state =
        demo->path[0] == '\0' ? WEIGHTS_ABSENT
                              : weights_load(demo->path, &demo->shape, demo->text.checksum, demo->weights);
    if (state == WEIGHTS_FOREIGN)
        fprintf(stderr, "weft demo: %s holds no weights that can be read, and is not replaced: move it, or name another with --weights\n", demo->path);
    if (state == WEIGHTS_STALE)
        printf("  weights  those in %s are of another text or model: training anew\n", demo->path);
    if (state == WEIGHTS_GOOD && !demo->options.retrain)
        printf("  weights  trained before, from %s (--retrain starts anew)\n", demo->path);
    if (state == WEIGHTS_FOREIGN || (state == WEIGHTS_GOOD && !demo->options.retrain))
        return state == WEIGHTS_GOOD;
    return train_model(demo);
}

/* What one thread alone, in one pass, makes of the first held-out window. */
static float *logits_alone(const struct demo *demo)
{
    struct peers alone = peers_open(NULL);
    const size_t count = (size_t)(demo->shape.context * demo->shape.vocab);
    struct model *model = model_create(&demo->shape, &alone, demo->weights, demo->shape.context, false);
    float *kept = malloc(count * sizeof *kept);
    if (model != NULL && kept != NULL)
        memcpy(kept, model_forward(model, demo->text.held, NULL, demo->shape.context), count * sizeof *kept);
    if (model == NULL) {
        free(kept);
        kept = NULL;
    }
    model_free(model);
    return kept;
}

enum { RANK_COUNTS = 3 };
static const int rank_counts[RANK_COUNTS] = {1, 2, 4};

static void check_serving(struct demo *demo, const struct serve_result *results)
{
    const double allowed = 1e-4;
    double worst = 0;
    bool same = true;
    for (int i = 0; i < RANK_COUNTS; i++) {
        worst = results[i].worst_difference <= worst ? worst : results[i].worst_difference;
        same = same && strcmp(results[i].letters, results[0].letters) == 0;
    }
    printf("\n");
    demo->failed |= !screen_check(worst <= allowed, "logits of 1, 2 and 4 ranks differ from the trainer's by at most %.0e (%s %.0e)", worst,
                                  worst <= allowed ? "allowed:" : "more than", allowed);
    printf("  %-6s  the texts are %s\n", same ? "ok" : "note", same ? "the same, letter by letter" : "not the same: where two letters are as likely, the last bit decides");
    printf("\n  %s%5s  %10s  %13s  %25s%s\n", screen_style(FAINT), "ranks", "tokens/s", "communicating", "processor time when idle", screen_style(PLAIN));
    for (int i = 0; i < RANK_COUNTS; i++) {
        char number[32];
        printf("  %5d  %10s  %11.1f %%  %15.2f ms a second\n", rank_counts[i], grouped(results[i].tokens_per_second, number),
               100 * results[i].communicating, 1e3 * results[i].idle_processor_seconds);
    }
}

static bool serve_model(struct demo *demo)
{
    const bool quick = demo->options.quick;
    struct serve_plan plan = {.text = &demo->text, .shape = demo->shape, .weights = demo->weights,
                              .prompt = demo->options.prompt, .measure_seconds = quick ? 0.1 : 2,
                              .idle_seconds = quick ? 0.1 : 1};
    struct serve_result results[RANK_COUNTS] = {{.worst_difference = 0}};
    float *expected = logits_alone(demo);
    bool ok = expected != NULL;
    if (!ok)
        fprintf(stderr, "weft demo: not enough memory to serve\n");
    plan.expected = expected;
    screen_heading("Serving on 1, 2 and 4 ranks");
    printf("  Attention heads, feed-forward columns and vocabulary are split over the ranks. They step %d requests\n"
           "  at a time; this is the first, always with the likeliest letter:\n\n", SERVE_REQUESTS);
    for (int i = 0; i < RANK_COUNTS && ok; i++) {
        plan.ranks = rank_counts[i];
        ok = succeeded("serving", serve(&plan, &results[i]));
    }
    if (ok)
        check_serving(demo, results);
    free(expected);
    return ok;
}

int weft_demo_main(int argc, char **argv)
{
    struct demo demo = {.options = {.prompt = "The ", .ranks = 2, .seconds = 60}};
    char why[512] = "";
    const int code = parse(argc, argv, &demo.options);
    if (code >= 0)
        return code;
    if (demo.options.quick && demo.options.steps == 0)
        demo.options.steps = TRAIN_CHECK_STEPS;
    if (!text_load(&demo.text, demo.options.text, why, sizeof why)) {
        fprintf(stderr, "weft demo: %s\n", why);
        return 1;
    }
    set_up(&demo);
    introduce(&demo);
    const bool done = get_weights(&demo) && serve_model(&demo);
    if (done && demo.failed)
        fprintf(stderr, "\nweft demo: a check found a difference, see FAILED above\n");
    free(demo.weights);
    text_free(&demo.text);
    return done && !demo.failed ? 0 : 1;
}

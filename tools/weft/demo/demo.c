// SPDX-License-Identifier: MIT
/* demo.c - `weft demo` as a story: the text, the training and its checks, the serving and its checks. */
#include "demo/demo.h"

#include "base.h"
#include "files.h"
#include "serve.h"
#include "train.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct options {
    const char *text, *weights, *prompt;
    double ranks, steps, seconds;
    bool retrain, quick, help;
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
    "Trains a small language model on a real text, data-parallel, and serves it, tensor-parallel. The ranks are threads of\n"
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

static bool read_number(const char *text, double most, double *number)
{
    char *end = NULL;
    *number = strtod(text, &end);
    return end != text && *end == '\0' && *number >= 1 && *number <= most;
}

/* Returns what is wrong with the arguments, or NULL. */
static const char *parse(int argc, char **argv, struct options *options)
{
    const struct {
        const char *name;
        const char **text;
        bool *flag;
        double *number, most;
    } known[] = {
        {"--text", &options->text, NULL, NULL, 0},       {"--weights", &options->weights, NULL, NULL, 0},
        {"--prompt", &options->prompt, NULL, NULL, 0},   {"--retrain", NULL, &options->retrain, NULL, 0},
        {"--quick", NULL, &options->quick, NULL, 0},     {"--help", NULL, &options->help, NULL, 0},
        {"--seconds", NULL, NULL, &options->seconds, 1e6}, {"--steps", NULL, NULL, &options->steps, 1e6},
        {"--ranks", NULL, NULL, &options->ranks, TRAIN_RANKS_MAX},
    };
    for (int i = 1; i < argc; i++) {
        size_t k = 0;
        while (k < sizeof known / sizeof *known && strcmp(argv[i], known[k].name) != 0)
            k++;
        if (k == sizeof known / sizeof *known)
            return "there is no such option";
        if (known[k].flag != NULL)
            *known[k].flag = true;
        else if (i + 1 == argc)
            return "it needs a value";
        else if (known[k].text != NULL)
            *known[k].text = argv[++i];
        else if (!read_number(argv[++i], known[k].most, known[k].number))
            return "its value is a number of at least 1, and at most 64 ranks or a million of others";
    }
    return NULL;
}

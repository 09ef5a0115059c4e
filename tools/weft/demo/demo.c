// SPDX-License-Identifier: MIT
/* demo.c - `weft demo`: its options, the text, the file of weights, and the order of it all.
 *
 * Weights are kept as a checksum and the floats as they are, in a file that is named after the text, written beside its
 * place and then renamed, so that it is there as a whole or not at all. */
#include "model.h"

#include <errno.h>
#include <getopt.h>
#include <glob.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FORTUNES "/usr/share/games/fortunes"
enum { TEXT_LEAST = 16 << 10, TEXT_MOST = 64 << 20, PATH_SIZE = 4096 };

static const char help[] =
    "Usage: weft demo [OPTION...]\n"
    "Trains a small language model on a real text, data-parallel, for a minute, and serves it, tensor-parallel.\n"
    "The ranks are threads of this process; whether they agree is checked on the way. Weights are kept in\n"
    "$XDG_CACHE_HOME/weft or ~/.cache/weft: a later run with the same text serves them at once.\n\n"
    "  --text FILE   learn from this file, of which 64 MiB are read (default: the files in " FORTUNES ")\n"
    "  --retrain     train anew, even if there are weights\n"
    "  --steps N     train for N steps instead of a minute\n"
    "  --help        this text\n\n"
    "Exit status: 0; 1 if something failed or a check found a difference; 2 for wrong arguments.\n";

struct options {
    const char *text;
    int steps;
    bool retrain, help;
};

/* False: they make no sense. */
static bool parse(int argc, char **argv, struct options *options)
{
    static const struct option known[] = {{"text", required_argument, NULL, 't'},
                                          {"steps", required_argument, NULL, 's'},
                                          {"retrain", no_argument, NULL, 'r'},
                                          {"help", no_argument, NULL, 'h'},
                                          {NULL, 0, NULL, 0}};
    int option;
    char *end;
    argv[0] = "weft demo"; /* for getopt's complaints */
    while ((option = getopt_long(argc, argv, "", known, NULL)) >= 0 && option != '?') {
        options->text = option == 't' ? optarg : options->text;
        options->retrain |= option == 'r';
        options->help |= option == 'h';
        if (option != 's')
            continue;
        options->steps = (int)strtol(optarg, &end, 10);
        if (*end != '\0' || options->steps < 1 || options->steps > 1000000)
            return complain("--steps takes a number from 1 to 1000000");
    }
    return option == -1 && (optind == argc || complain("'%s' is not understood", argv[optind]));
}

static bool append(struct text *text, const char *path)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        return complain("cannot read '%s': %s", path, strerror(errno));
    text->size += fread(text->bytes + text->size, 1, TEXT_MOST - text->size, file);
    const bool good = ferror(file) == 0 || complain("cannot read '%s': %s", path, strerror(errno));
    fclose(file);
    return good;
}

/* A fortune file comes as text, with an index (.dat) and a second name (.u8): the text has no dot. */
static bool append_fortunes(struct text *text)
{
    glob_t found;
    bool good = true;
    if (glob(FORTUNES "/*", 0, NULL, &found) != 0)
        return complain("there is no text in %s: install the package fortunes, or name a file by --text", FORTUNES);
    for (size_t i = 0; i < found.gl_pathc; i++)
        good = good && (strchr(found.gl_pathv[i], '.') != NULL || append(text, found.gl_pathv[i]));
    globfree(&found);
    return good;
}

static bool load_text(struct text *text, const char *path)
{
    text->bytes = malloc(TEXT_MOST);
    if (text->bytes == NULL)
        return complain("there is not enough memory for a text");
    if (!(path != NULL ? append(text, path) : append_fortunes(text)))
        return false;
    return text->size >= TEXT_LEAST || complain("%s is too short to learn from: it has %zu bytes of at least %d",
                                                path != NULL ? path : FORTUNES, text->size, TEXT_LEAST);
}

static void name_weights(const struct text *text, char path[PATH_SIZE])
{
    const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    const unsigned long long name = checksum(text->bytes, text->size);
    if (cache != NULL && cache[0] == '/')
        snprintf(path, PATH_SIZE, "%s/weft/%016llx.weights", cache, name);
    else
        snprintf(path, PATH_SIZE, "%s/.cache/weft/%016llx.weights", home != NULL ? home : "", name);
}

static bool load_weights(const char *path, float *weights)
{
    uint64_t sum = 0;
    FILE *file = fopen(path, "rb");
    if (file == NULL && errno == ENOENT)
        return false;
    const bool whole = file != NULL && fread(&sum, sizeof sum, 1, file) == 1 &&
                       fread(weights, sizeof *weights, WEIGHTS, file) == WEIGHTS &&
                       sum == checksum(weights, WEIGHTS * sizeof *weights);
    if (file != NULL)
        fclose(file);
    printf("  weights  %s %s\n", path,
           whole ? "(--retrain starts anew)" : "is damaged, or not readable: it is made anew");
    return whole;
}

static void save_weights(const char *path, const float *weights)
{
    char beside[PATH_SIZE + 8];
    const uint64_t sum = checksum(weights, WEIGHTS * sizeof *weights);
    for (const char *slash = strchr(path, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        snprintf(beside, sizeof beside, "%.*s", (int)(slash - path), path);
        mkdir(beside, 0777); /* mostly there already; what else goes wrong shows when the file is opened */
    }
    snprintf(beside, sizeof beside, "%s.new", path);
    FILE *file = fopen(beside, "wb");
    bool kept = file != NULL && fwrite(&sum, sizeof sum, 1, file) == 1 &&
                fwrite(weights, sizeof *weights, WEIGHTS, file) == WEIGHTS;
    kept = file != NULL && fclose(file) == 0 && kept && rename(beside, path) == 0;
    printf("\n  The weights %s kept in %s%s%s.\n", kept ? "are" : "could not be", path, kept ? "" : ": ",
           kept ? "" : strerror(errno));
    if (!kept)
        remove(beside);
}

/* Says so on a line of its own, and ends the process as the signal would have. */
static void interrupted(int number)
{
    static const char sentence[] = "\nweft demo: interrupted\n";
    if (write(STDERR_FILENO, sentence, sizeof sentence - 1) > 0)
        raise(number);
}

int weft_demo_main(int argc, char **argv)
{
    static float weights[WEIGHTS];
    static struct text text;
    struct options options = {.text = NULL};
    char path[PATH_SIZE];
    if (!parse(argc, argv, &options))
        return complain("see weft demo --help") + 2;
    if (options.help)
        return fputs(help, stdout) < 0;
    sigaction(SIGINT, &(struct sigaction){.sa_handler = interrupted, .sa_flags = (int)SA_RESETHAND}, NULL);
    if (!load_text(&text, options.text))
        return 1;
    printf("Threads that are ranks train a small language model, then serve it\n\n"
           "  text     %.1f million letters from %s\n"
           "  model    a transformer with %.2f million weights: it sees %d letters and guesses the next\n",
           1e-6 * (double)text.size, options.text != NULL ? options.text : FORTUNES, 1e-6 * WEIGHTS, CONTEXT);
    name_weights(&text, path);
    if (options.retrain || !load_weights(path, weights)) {
        if (!train_model(&text, options.steps, weights))
            return 1;
        save_weights(path, weights);
    }
    if (!serve_model(weights))
        return 1;
    return fflush(stdout) != 0 || ferror(stdout) != 0 ? complain("cannot write: %s", strerror(errno)) + 1 : 0;
}

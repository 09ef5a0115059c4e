// SPDX-License-Identifier: MIT
/* bench_programs.c - the list of programs, where they are, and their command lines. Peers lie beside this program in the
 * build tree (../../bench/peers) or where it is installed (../libexec/weft), or where WEFT_BENCH_PEERS says. */
#include "bench_programs.h"
#include "bench_weft.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const openmpi_runners[] = {"mpirun.openmpi", "orterun", "mpirun", NULL};
static const char *const mpich_runners[] = {"mpirun.mpich", "mpiexec.hydra", "mpiexec", NULL};
/* The harness binds ranks itself, each program's in the same way. */
static const char *const openmpi_always[] = {"--allow-run-as-root", "--bind-to", "none", NULL};
static const char *const openmpi_crowded[] = {"--oversubscribe", "--mca", "mpi_yield_when_idle", "1", NULL};
/* What MPICH has of the kind. Its shared-memory progress loop does not look at it. */
static const char *const mpich_crowded[] = {"-genv", "MPIR_CVAR_POLLS_BEFORE_YIELD", "1", NULL};
static const char *const nothing[] = {NULL};

const struct bench_program bench_programs[PROGRAMS] = {
    [PROGRAM_WEFT] = {"weft", NULL, NULL, NULL, NULL, NULL},
    [PROGRAM_GRID] = {"grid", NULL, NULL, NULL, NULL, NULL},
    {"pthread", "peer_pthread", "gcc", NULL, NULL, NULL},
    {"std", "peer_std", "g++", NULL, NULL, NULL},
    {"libgomp", "peer_libgomp", "gcc", NULL, NULL, NULL},
    {"libomp", "peer_libomp", "clang libomp-dev", NULL, NULL, NULL},
    {"openmpi", "peer_openmpi", "openmpi-bin libopenmpi-dev", openmpi_runners, openmpi_crowded, openmpi_always},
    {"mpich", "peer_mpich", "mpich libmpich-dev", mpich_runners, mpich_crowded, nothing},
    {"ck", "peer_ck", "libck-dev", NULL, NULL, NULL},
    {"counter", "peer_counter", "gcc", NULL, NULL, NULL},
};

/* Adds a word that is copied to the text. */
static void add(struct bench_argv *out, const char *word)
{
    size_t count = 0, used = 0;
    for (; out->words[count] != NULL; count++)
        used += strlen(out->words[count]) + 1;
    if (count + 1 < sizeof out->words / sizeof out->words[0] && used + strlen(word) < sizeof out->text)
        out->words[count] = strcpy(out->text + used, word);
}

static void add_all(struct bench_argv *out, const char *const *words)
{
    for (; *words != NULL; words++)
        add(out, *words);
}

static void add_number(struct bench_argv *out, const char *option, int value)
{
    char text[16];
    snprintf(text, sizeof text, "%d", value);
    add(out, option);
    add(out, text);
}

static bool self(char path[PATH_MAX])
{
    const ssize_t length = readlink("/proc/self/exe", path, PATH_MAX - 1);
    path[length > 0 ? length : 0] = '\0';
    return length > 0;
}

static bool find_file(const char *file, char path[PATH_MAX])
{
    static const char *const places[] = {"../../bench/peers", "../libexec/weft"};
    const char *given = getenv("WEFT_BENCH_PEERS");
    char own[PATH_MAX];
    if (given != NULL)
        return snprintf(path, PATH_MAX, "%s/%s", given, file) < PATH_MAX && access(path, X_OK) == 0;
    if (!self(own))
        return false;
    *strrchr(own, '/') = '\0';
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++)
        if (snprintf(path, PATH_MAX, "%s/%s/%s", own, places[i], file) < PATH_MAX && access(path, X_OK) == 0)
            return true;
    return false;
}

bool bench_in_path(const char *name)
{
    const char *path = getenv("PATH");
    char *copy = strdup(path ? path : "/usr/bin"), *rest = copy, *folder, file[PATH_MAX];
    bool found = false;
    while (!found && copy != NULL && (folder = strsep(&rest, ":")) != NULL)
        found = snprintf(file, sizeof file, "%s/%s", folder, name) < PATH_MAX && access(file, X_OK) == 0;
    free(copy);
    return found;
}

static bool add_runner(const struct bench_program *program, const struct bench_invocation *invocation,
                       struct bench_argv *out)
{
    const char *const *runner = program->runners;
    while (*runner != NULL && !bench_in_path(*runner))
        runner++;
    if (*runner == NULL)
        return false;
    add(out, *runner);
    add_all(out, program->always);
    add_number(out, "-n", invocation->n_ranks);
    if (invocation->n_ranks > invocation->options->n_processors)
        add_all(out, program->crowded);
    return true;
}

static void add_library(const struct bench_program *program, const struct bench_invocation *invocation,
                        struct bench_argv *out)
{
    const bool grid = program == &bench_programs[PROGRAM_GRID];
    const char *algorithm = grid ? "grid" : invocation->algorithm;
    add(out, "--wait");
    add(out, weft_wait_name(invocation->wait));
    if (algorithm != NULL) {
        add(out, "--algorithm");
        add(out, algorithm);
    }
    if (invocation->limits && !grid)
        add(out, "--limits");
}

bool bench_program_argv(const struct bench_program *program, const struct bench_invocation *invocation,
                        struct bench_argv *out)
{
    char path[PATH_MAX];
    *out = (struct bench_argv){0};
    if (!(program->file != NULL ? find_file(program->file, path) : self(path)))
        return false;
    if (program->runners != NULL && !add_runner(program, invocation, out))
        return false;
    add(out, path);
    if (program->file == NULL)
        add(out, "bench");
    add(out, "--serve");
    add_number(out, "--ranks", invocation->n_ranks);
    if (invocation->options->pin >= 0)
        add(out, invocation->options->pin ? "--pin" : "--no-pin");
    if (program->file == NULL)
        add_library(program, invocation, out);
    return true;
}

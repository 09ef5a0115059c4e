// SPDX-License-Identifier: MIT
/* bench_programs.h - the programs that are measured against one another: this one with the library, this one with the
 * algorithm `grid`, and those of bench/peers. */
#ifndef WEFT_BENCH_PROGRAMS_H
#define WEFT_BENCH_PROGRAMS_H

#include "harness_options.h"

#include <weft/weft.h>

enum { PROGRAM_WEFT, PROGRAM_GRID, PROGRAMS = 10 };

struct bench_program {
    const char *name;
    const char *file;           /* below bench/peers or libexec; NULL: this program */
    const char *packages;       /* of Debian, that it is built and run with */
    const char *const *runners; /* of an MPI: its mpirun, by the names that it may have; the first found is taken */
    const char *const *crowded; /* arguments of the runner for more ranks than processors */
    const char *const *always;  /* and for any number */
};
extern const struct bench_program bench_programs[PROGRAMS];

/* Whether PATH has a program of that name. */
bool bench_in_path(const char *name);

/* What to run it with. */
struct bench_invocation {
    const struct bench_options *options;
    int n_ranks;
    weft_wait wait;
    const char *algorithm; /* of the library, as on the command line; NULL: it chooses */
    bool limits;           /* beside the library */
};

/* Room for a command line. */
struct bench_argv {
    char *words[40];
    char text[2048];
};
/* The command line that starts it as a server. False where it, or its mpirun, is not installed. */
bool bench_program_argv(const struct bench_program *program, const struct bench_invocation *invocation,
                        struct bench_argv *out);

#endif

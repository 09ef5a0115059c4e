// SPDX-License-Identifier: MIT
/* harness_session.h - all points of one number of ranks, on one team: those that the options name, or, of a server, those
 * that requests name.
 *
 * A server says "ready" on standard output. Each line of standard input is a request: options as on the command line.
 * The answer is a line for each result (harness_result.h), then "end". Between requests its ranks sleep. It ends with its
 * input. So several programs can be kept ready and be asked in turn.
 *
 * Threads: bench_thread_session makes them. Runtimes that make their own ranks (OpenMP, MPI) call bench_rank_session on
 * each, in a team that they set up. */
#ifndef WEFT_HARNESS_SESSION_H
#define WEFT_HARNESS_SESSION_H

#include "harness_options.h"

struct bench_session {
    const struct bench_options *options; /* of a server: what each request starts from */
    bool serves;
    const struct bench_subject *subjects;
    size_t n_subjects;
    bench_emit emit; /* called by rank 0 */
    void *sink;
};

/* A bench_emit that prints lines to standard output; how servers answer. */
void bench_emit_line(void *sink, const struct bench_result *result);

bool bench_rank_session(const struct bench_session *session, struct bench_team *team, int rank);
bool bench_thread_session(const struct bench_session *session, int n_ranks);
/* A team in this process's memory; free it. NULL when memory is short. */
struct bench_team *bench_team_create(const struct bench_options *options, int n_ranks);

#endif

// SPDX-License-Identifier: MIT
/* peer.h - what the peers share: a program that measures one competitor with the benchmark's own harness, and prints a
 * line for each result. Each takes the options of `weft bench` that say what is measured and how; `weft bench --peers` runs
 * it as a server (harness_session.h). */
#ifndef WEFT_PEER_H
#define WEFT_PEER_H

#include "harness_session.h"

enum { PEER_MOST_SUBJECTS = 8 };

struct peer_command {
    struct bench_options options;
    bool serves;
    bool help;
};
/* Reads the command line. False: *status is what main should return. */
bool peer_command_read(int argc, char **argv, struct peer_command *command, int *status);
/* The session that the command asks for. */
struct bench_session peer_session(const struct peer_command *command, const struct bench_subject *subjects,
                                  size_t n_subjects);

/* A competitor whose ranks are threads that the harness makes. create fills subjects for n_ranks and returns how many. */
struct peer {
    size_t (*create)(int n_ranks, bool crowded, struct bench_subject *subjects);
    void (*destroy)(void);
};
int peer_main(int argc, char **argv, const struct peer *peer);

/* A barrier as a subject: wait(state, rank) is one. */
struct peer_barrier {
    void (*wait)(void *state, int rank);
    void *state;
};
/* That subject, which does barriers alone. The barrier stays the caller's and must outlive it. */
struct bench_subject peer_barrier_subject(const char *name, struct peer_barrier *barrier);

#endif

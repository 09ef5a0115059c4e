// SPDX-License-Identifier: MIT
/* bench_child.h - a program that measures one subject as a server (harness_session.h): started, asked, stopped. */
#ifndef WEFT_BENCH_CHILD_H
#define WEFT_BENCH_CHILD_H

#include "harness_result.h"

#include <sys/types.h>

struct bench_child {
    pid_t pid; /* 0: none; leads a process group of its own */
    int to;
    int from;
    FILE *errors; /* what it wrote to standard error */
    char buffer[4096];
    size_t filled;
};

/* Starts argv, searched along PATH. False if the system refused. */
bool bench_child_start(struct bench_child *child, char *const *argv);
/* Whether it has said that it is ready, before timeout_ns has passed. */
bool bench_child_ready(struct bench_child *child, int64_t timeout_ns);
/* Asks it to measure `request` and hands each result to `take`. False when it ends, answers something else, or has not
 * answered after timeout_ns; it is of no more use then. */
bool bench_child_ask(struct bench_child *child, const char *request, int64_t timeout_ns,
                     void (*take)(void *sink, const struct bench_result *result), void *sink);
/* The first line that it wrote to standard error, for a sentence on its failure. */
void bench_child_complaint(struct bench_child *child, char *line, size_t size);
/* Ends its input, so that it ends by itself. */
void bench_child_dismiss(struct bench_child *child);
/* Ends it: by the end of its input, or, where that does not do, by signals to its group. */
void bench_child_stop(struct bench_child *child);

#endif

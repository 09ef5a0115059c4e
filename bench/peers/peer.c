// SPDX-License-Identifier: MIT
/* peer.c - the main program of those peers whose ranks are plain threads. */
#include "peer.h"

#include <stdlib.h>

static bool set_help(void *target, const char *value)
{
    (void)value;
    return ((struct peer_command *)target)->help = true;
}

static bool set_serve(void *target, const char *value)
{
    (void)value;
    return ((struct peer_command *)target)->serves = true;
}

static const struct bench_option peer_options[] = {
    {"serve", NULL, "read requests from standard input, each a line of options", set_serve},
    {"help", NULL, "this text", set_help},
    {NULL, NULL, NULL, NULL},
};

bool peer_command_read(int argc, char **argv, struct peer_command *command, int *status)
{
    const struct bench_option_table tables[] = {
        {bench_point_options, &command->options, bench_set_collective},
        {bench_method_options, &command->options, NULL},
        {peer_options, command, NULL},
    };
    *command = (struct peer_command){0};
    bench_options_default(&command->options);
    *status = 2;
    if (!bench_options_parse(argv[0], argc, argv, tables, sizeof tables / sizeof tables[0]))
        return false;
    if (command->help) {
        printf("Usage: %s COLLECTIVE... [OPTION...]\nMeasures a peer of weft; `weft bench --peers` runs it.\n\n",
               argv[0]);
        bench_options_help(bench_point_options, stdout);
        bench_options_help(bench_method_options, stdout);
        bench_options_help(peer_options, stdout);
        *status = 0;
        return false;
    }
    bench_options_settle(&command->options);
    return true;
}

struct bench_session peer_session(const struct peer_command *command, const struct bench_subject *subjects,
                                  size_t n_subjects)
{
    return (struct bench_session){.options = &command->options,
                                  .serves = command->serves,
                                  .subjects = subjects,
                                  .n_subjects = n_subjects,
                                  .emit = bench_emit_line};
}

int peer_main(int argc, char **argv, const struct peer *peer)
{
    struct peer_command command;
    int status;
    if (!peer_command_read(argc, argv, &command, &status))
        return status;
    const struct bench_options *options = &command.options;
    bool fine = true;
    for (size_t i = 0; fine && i < options->n_ranks; i++) {
        struct bench_subject subjects[PEER_MOST_SUBJECTS];
        const int n_ranks = options->ranks[i];
        const size_t n_subjects = peer->create(n_ranks, n_ranks > options->n_processors, subjects);
        const struct bench_session session = peer_session(&command, subjects, n_subjects);
        fine = bench_thread_session(&session, n_ranks);
        peer->destroy();
    }
    return fine ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* One rank's hold on a barrier. */
struct hold {
    const struct peer_barrier *barrier;
    int rank;
};

static int run_barrier(void *self, const struct bench_arguments *arguments)
{
    const struct hold *hold = self;
    (void)arguments;
    hold->barrier->wait(hold->barrier->state, hold->rank);
    return 0;
}

static bench_operation prepare_barrier(void *state, const struct bench_rank *rank, void **self)
{
    if (bench_base(rank->point) != BENCH_BARRIER)
        return NULL;
    struct hold *hold = malloc(sizeof *hold);
    if (hold == NULL)
        abort();
    *hold = (struct hold){state, rank->rank};
    *self = hold;
    return run_barrier;
}

static void finish_barrier(void *state, const struct bench_rank *rank, void *self)
{
    (void)state;
    (void)rank;
    free(self);
}

struct bench_subject peer_barrier_subject(const char *name, struct peer_barrier *barrier)
{
    return (struct bench_subject){.name = name, .prepare = prepare_barrier, .finish = finish_barrier, .state = barrier};
}

// SPDX-License-Identifier: MIT
/* harness_session.c - binds a rank and takes it through the points; makes the threads where nobody else does. */
#include "harness_session.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void bench_emit_line(void *sink, const struct bench_result *result)
{
    (void)sink;
    if (result != NULL)
        bench_result_write(result, stdout);
    fflush(stdout);
}

static void say(const char *word)
{
    puts(word);
    fflush(stdout);
}

static bool measure_points(const struct bench_session *session, const struct bench_options *options,
                           struct bench_team *team, int rank)
{
    struct bench_point point;
    bool fine = true;
    for (size_t i = 0; fine && bench_point_at(options, team->n_ranks, i, &point); i++)
        fine = bench_measure(team, rank, &point, session->subjects, session->n_subjects, &options->settings,
                             session->emit, session->sink);
    return fine;
}

/* Rank 0 reads the next request into the team; all get it. False: there is none. */
static bool next_request(struct bench_team *team, int rank, char *line)
{
    if (rank == 0 && fgets(team->request, BENCH_REQUEST, stdin) == NULL)
        team->request[0] = '\0';
    bench_team_rest(team);
    memcpy(line, team->request, BENCH_REQUEST);
    bench_team_meet(team);
    return *line != '\0';
}

static bool serve(const struct bench_session *session, struct bench_team *team, int rank)
{
    char line[BENCH_REQUEST];
    bool fine = true;
    if (rank == 0)
        say("ready");
    while (fine && next_request(team, rank, line)) {
        struct bench_options options = *session->options;
        fine = bench_options_read("request", line, &options) && measure_points(session, &options, team, rank);
        if (rank == 0 && fine)
            say("end");
    }
    return fine;
}

bool bench_rank_session(const struct bench_session *session, struct bench_team *team, int rank)
{
    const struct bench_options *options = session->options;
    if (team->pinned && options->n_processors > 0)
        bench_pin(options->processors[rank % options->n_processors]);
    return session->serves ? serve(session, team, rank) : measure_points(session, options, team, rank);
}

struct bench_team *bench_team_create(const struct bench_options *options, int n_ranks)
{
    const size_t bytes = (bench_team_bytes(n_ranks) + 63) / 64 * 64;
    struct bench_team *team = aligned_alloc(64, bytes);
    if (team == NULL)
        return NULL;
    memset(team, 0, bytes);
    bench_team_init(team, n_ranks, options->n_processors, bench_pins(options, n_ranks));
    return team;
}

struct crew {
    const struct bench_session *session;
    struct bench_team *team;
    bool fine; /* all ranks agree; the first one says */
};

static void run_rank(void *of, int rank)
{
    struct crew *crew = of;
    const bool fine = bench_rank_session(crew->session, crew->team, rank);
    if (rank == 0)
        crew->fine = fine;
}

bool bench_thread_session(const struct bench_session *session, int n_ranks)
{
    struct crew crew = {.session = session, .team = bench_team_create(session->options, n_ranks)};
    if (crew.team != NULL)
        bench_run_threads(n_ranks, run_rank, &crew);
    free(crew.team);
    return crew.fine;
}

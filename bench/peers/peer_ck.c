// SPDX-License-Identifier: MIT
/* peer_ck.c - the five barriers of Concurrency Kit, set up as its manual and its own tests do. They only poll; with more
 * ranks than processors two of them are enough to show what that costs. */
#include "peer.h"

#include <ck_barrier.h>
#include <stdlib.h>
#include <string.h>

enum { CENTRALIZED, DISSEMINATION, COMBINING, TOURNAMENT, MCS, KINDS };

/* One rank's state of each, on lines of its own. */
struct rank_state {
    _Alignas(128) ck_barrier_centralized_state_t centralized;
    ck_barrier_dissemination_state_t dissemination;
    ck_barrier_combining_state_t combining;
    ck_barrier_combining_group_t *group;
    ck_barrier_tournament_state_t tournament;
    ck_barrier_mcs_state_t mcs;
};

static struct {
    struct rank_state *ranks;
    _Alignas(128) ck_barrier_centralized_t centralized;
    int n_ranks;
    ck_barrier_dissemination_t *dissemination;
    ck_barrier_dissemination_flag_t **flags;
    ck_barrier_combining_t combining;
    ck_barrier_combining_group_t *groups;
    ck_barrier_tournament_t tournament;
    ck_barrier_tournament_round_t **rounds;
    ck_barrier_mcs_t *mcs;
} ck;

static void *zeroed(size_t count, size_t size)
{
    const size_t bytes = (count * size + 127) / 128 * 128;
    void *memory = aligned_alloc(128, bytes ? bytes : 128);
    if (memory == NULL)
        abort();
    return memset(memory, 0, bytes ? bytes : 128);
}

static void wait_centralized(void *state, int rank)
{
    (void)state;
    ck_barrier_centralized(&ck.centralized, &ck.ranks[rank].centralized, (unsigned)ck.n_ranks);
}

static void wait_dissemination(void *state, int rank)
{
    (void)state;
    ck_barrier_dissemination(ck.dissemination, &ck.ranks[rank].dissemination);
}

static void wait_combining(void *state, int rank)
{
    (void)state;
    ck_barrier_combining(&ck.combining, ck.ranks[rank].group, &ck.ranks[rank].combining);
}

static void wait_tournament(void *state, int rank)
{
    (void)state;
    ck_barrier_tournament(&ck.tournament, &ck.ranks[rank].tournament);
}

static void wait_mcs(void *state, int rank)
{
    (void)state;
    ck_barrier_mcs(ck.mcs, &ck.ranks[rank].mcs);
}

static struct peer_barrier barriers[KINDS] = {
    {wait_centralized, NULL}, {wait_dissemination, NULL}, {wait_combining, NULL},
    {wait_tournament, NULL},  {wait_mcs, NULL},
};
static const char *const names[KINDS] = {"ck_central", "ck_dissem", "ck_combining", "ck_tournament", "ck_mcs"};

static void create_dissemination(unsigned n)
{
    const unsigned size = ck_barrier_dissemination_size(n);
    ck.dissemination = zeroed(n, sizeof *ck.dissemination);
    ck.flags = zeroed(n, sizeof *ck.flags);
    for (unsigned i = 0; i < n; i++)
        ck.flags[i] = zeroed(size, sizeof **ck.flags);
    ck_barrier_dissemination_init(ck.dissemination, ck.flags, n);
    for (unsigned i = 0; i < n; i++)
        ck_barrier_dissemination_subscribe(ck.dissemination, &ck.ranks[i].dissemination);
}

/* Groups of two ranks. */
static void create_combining(unsigned n)
{
    const unsigned n_groups = (n + 1) / 2;
    ck_barrier_combining_group_t *root = zeroed(1, sizeof *root);
    ck.groups = zeroed(n_groups, sizeof *ck.groups);
    ck_barrier_combining_init(&ck.combining, root);
    for (unsigned i = 0; i < n_groups; i++)
        ck_barrier_combining_group_init(&ck.combining, &ck.groups[i], n - 2 * i < 2 ? 1 : 2);
    for (unsigned i = 0; i < n; i++) {
        ck.ranks[i].group = &ck.groups[i / 2];
        ck.ranks[i].combining = (ck_barrier_combining_state_t)CK_BARRIER_COMBINING_STATE_INITIALIZER;
    }
}

static void create_tournament(unsigned n)
{
    const unsigned size = ck_barrier_tournament_size(n);
    ck.rounds = zeroed(n, sizeof *ck.rounds);
    for (unsigned i = 0; i < n; i++)
        ck.rounds[i] = zeroed(size, sizeof **ck.rounds);
    ck_barrier_tournament_init(&ck.tournament, ck.rounds, n);
    for (unsigned i = 0; i < n; i++)
        ck_barrier_tournament_subscribe(&ck.tournament, &ck.ranks[i].tournament);
}

static size_t create(int n_ranks, bool crowded, struct bench_subject *subjects)
{
    const unsigned n = (unsigned)n_ranks;
    memset(&ck, 0, sizeof ck);
    ck.n_ranks = n_ranks;
    ck.ranks = zeroed(n, sizeof *ck.ranks);
    create_dissemination(n);
    create_combining(n);
    create_tournament(n);
    ck.mcs = zeroed(n, sizeof *ck.mcs);
    ck_barrier_mcs_init(ck.mcs, n);
    for (unsigned i = 0; i < n; i++)
        ck_barrier_mcs_subscribe(ck.mcs, &ck.ranks[i].mcs);
    const size_t kinds = crowded ? COMBINING : KINDS;
    for (size_t i = 0; i < kinds; i++)
        subjects[i] = peer_barrier_subject(names[i], &barriers[i]);
    return kinds;
}

/* The process ends soon, and takes the barriers with it. */
static void destroy(void) {}

int main(int argc, char **argv)
{
    const struct peer peer = {create, destroy};
    return peer_main(argc, argv, &peer);
}

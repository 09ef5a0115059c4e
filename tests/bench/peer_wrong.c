// SPDX-License-Identifier: MIT
/* peer_wrong.c - a peer whose barrier waits for nobody: the benchmark must notice. */
#include "peer.h"

#include <unistd.h>

static void wait(void *state, int rank)
{
    (void)state;
    if (rank != 0)
        usleep(20000); /* so that rank 0 is surely ahead */
}

static struct peer_barrier barrier = {wait, NULL};

static size_t create(int n_ranks, bool crowded, struct bench_subject *subjects)
{
    (void)n_ranks;
    (void)crowded;
    subjects[0] = peer_barrier_subject("wrong", &barrier);
    return 1;
}

static void destroy(void) {}

int main(int argc, char **argv)
{
    const struct peer peer = {create, destroy};
    return peer_main(argc, argv, &peer);
}

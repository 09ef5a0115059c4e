// SPDX-License-Identifier: MIT
/* peer_pthread.c - pthread_barrier_wait of the C library. */
#include "peer.h"

#include <pthread.h>

static pthread_barrier_t barrier;

static void wait(void *state, int rank)
{
    (void)rank;
    pthread_barrier_wait(state);
}

static struct peer_barrier peer_barrier = {wait, &barrier};

static size_t create(int n_ranks, bool crowded, struct bench_subject *subjects)
{
    (void)crowded;
    pthread_barrier_init(&barrier, NULL, (unsigned)n_ranks);
    subjects[0] = peer_barrier_subject("pthread", &peer_barrier);
    return 1;
}

static void destroy(void)
{
    pthread_barrier_destroy(&barrier);
}

int main(int argc, char **argv)
{
    const struct peer peer = {create, destroy};
    return peer_main(argc, argv, &peer);
}

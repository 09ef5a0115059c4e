// SPDX-License-Identifier: MIT
/* peer_std.c - std::barrier of C++20. */
#include "peer.h"
#include "std_barrier.h"

static struct peer_barrier barrier = {std_barrier_wait, NULL};

static size_t create(int n_ranks, bool crowded, struct bench_subject *subjects)
{
    (void)crowded;
    barrier.state = std_barrier_create(n_ranks);
    subjects[0] = peer_barrier_subject("std", &barrier);
    return 1;
}

static void destroy(void)
{
    std_barrier_destroy(barrier.state);
}

int main(int argc, char **argv)
{
    const struct peer peer = {create, destroy};
    return peer_main(argc, argv, &peer);
}

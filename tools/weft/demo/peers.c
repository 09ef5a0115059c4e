// SPDX-License-Identifier: MIT
/* peers.c - every collective of the demo passes through here, so that its time can be told from the arithmetic's. */
#include "peers.h"

#include "base.h"

struct peers peers_open(weft_comm *comm)
{
    struct peers peers = {.comm = comm, .rank = 0, .count = 1, .status = WEFT_OK};
    if (comm != NULL) {
        peers.rank = weft_comm_rank(comm);
        peers.count = weft_comm_size(comm);
    }
    return peers;
}

static bool able(const struct peers *peers)
{
    return peers->comm != NULL && peers->status == WEFT_OK;
}

void peers_sum(struct peers *peers, float *data, size_t count)
{
    const double start = wall_seconds();
    if (able(peers))
        peers->status = weft_allreduce(peers->comm, WEFT_IN_PLACE, data, count, WEFT_FLOAT32, WEFT_SUM);
    peers->seconds += wall_seconds() - start;
}

void peers_add_up_at_root(struct peers *peers, double *data, size_t count)
{
    const double start = wall_seconds();
    const void *send = peers->rank == 0 ? WEFT_IN_PLACE : data;
    if (able(peers))
        peers->status =
            weft_reduce(peers->comm, send, peers->rank == 0 ? data : NULL, count, WEFT_FLOAT64, WEFT_SUM, 0);
    peers->seconds += wall_seconds() - start;
}

void peers_broadcast(struct peers *peers, void *data, size_t count, const weft_type *type)
{
    const double start = wall_seconds();
    if (able(peers))
        peers->status = weft_broadcast(peers->comm, data, count, type, 0);
    peers->seconds += wall_seconds() - start;
}

void peers_gather(struct peers *peers, void *all, size_t count, const weft_type *type)
{
    const double start = wall_seconds();
    if (able(peers))
        peers->status = weft_allgather(peers->comm, WEFT_IN_PLACE, all, count, type);
    peers->seconds += wall_seconds() - start;
}

void peers_idle(struct peers *peers)
{
    if (able(peers))
        peers->status = weft_sync(peers->comm, true);
}

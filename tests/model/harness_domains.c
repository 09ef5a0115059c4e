// SPDX-License-Identifier: MIT
/* harness_domains.c - collectives in two levels; two ranks share a cache. */
#include "model.h"

#include <pthread.h>

#define ALGORITHMS "barrier:domains,broadcast:domains,allgather:domains,allreduce:domains"

static int written[4];

static void meet(weft_comm *comm)
{
    written[weft_comm_rank(comm)] = weft_comm_rank(comm) + 1;
    CHECK_OK(weft_barrier(comm));
    for (int peer = 0; peer < weft_comm_size(comm); peer++)
        CHECK(written[peer] == peer + 1, "rank %d wrote %d", peer, written[peer]);
}

/* Twice, so that what the lines hold is read before they are written again. */
static void sum(weft_comm *comm)
{
    for (int round = 1; round <= 2; round++) {
        int32_t mine[2] = {weft_comm_rank(comm) + 1, round}, all[2] = {0, 0};
        int n = weft_comm_size(comm);
        CHECK_OK(weft_allreduce(comm, mine, all, 2, WEFT_INT32, WEFT_SUM));
        CHECK(all[0] == n * (n + 1) / 2 && all[1] == n * round, "round %d: %d, %d", round, all[0], all[1]);
    }
}

static void gather(weft_comm *comm, int count)
{
    static int32_t all[3][3 * 512];
    int32_t mine[512];
    int rank = weft_comm_rank(comm);
    for (int i = 0; i < count; i++)
        mine[i] = 1000 * rank + i;
    CHECK_OK(weft_allgather(comm, mine, all[rank], (size_t)count, WEFT_INT32));
    for (int i = 0; i < count * weft_comm_size(comm); i += count - 1)
        CHECK(all[rank][i] == 1000 * (i / count) + i % count, "element %d is %d", i, all[rank][i]);
}

static void gather_short(weft_comm *comm)
{
    gather(comm, 10);
}

static void gather_long(weft_comm *comm)
{
    gather(comm, 512);
}

/* From a rank that leads nobody. */
static void spread(weft_comm *comm, int count)
{
    int32_t data[512];
    int root = weft_comm_size(comm) - 1;
    for (int i = 0; i < count; i++)
        data[i] = weft_comm_rank(comm) == root ? i : -1;
    CHECK_OK(weft_broadcast(comm, data, (size_t)count, WEFT_INT32, root));
    for (int i = 0; i < count; i += 7)
        CHECK(data[i] == i, "element %d is %d", i, data[i]);
}

static void spread_short(weft_comm *comm)
{
    spread(comm, 4);
    spread(comm, 30);
}

static void spread_long(weft_comm *comm)
{
    spread(comm, 512);
}

static void run(int n_ranks, void (*body)(weft_comm *comm))
{
    weft_config config = model_config(WEFT_WAIT_BLOCK, ALGORITHMS);
    model_ranks(n_ranks, &config, body);
}

static void barrier_of_3(void)
{
    run(3, meet);
}

static void barrier_of_4(void)
{
    run(4, meet);
}

static void allreduce_of_3(void)
{
    run(3, sum);
}

static void allgather_short(void)
{
    run(3, gather_short);
}

static void allgather_long(void)
{
    run(3, gather_long);
}

static void broadcast_short(void)
{
    run(4, spread_short);
}

static void broadcast_long(void)
{
    run(4, spread_long);
}

/* Each rank joins by itself, and may call before all have come. */
static weft_group_id id;
static weft_comm *joined[3];

static void *join(void *rank_)
{
    weft_config config = model_config(WEFT_WAIT_BLOCK, ALGORITHMS);
    int rank = *(int *)rank_;
    CHECK_OK(weft_comm_create(&id, 3, rank, &config, &joined[rank]));
    meet(joined[rank]);
    return NULL;
}

static void early_calls(void)
{
    static int ranks[3];
    pthread_t threads[3];
    CHECK_OK(weft_group_id_create(&id));
    for (int rank = 0; rank < 3; rank++) {
        ranks[rank] = rank;
        pthread_create(&threads[rank], NULL, join, &ranks[rank]);
    }
    for (int rank = 0; rank < 3; rank++)
        pthread_join(threads[rank], NULL);
    for (int rank = 0; rank < 3; rank++)
        weft_comm_destroy(joined[rank]);
}

const struct model_harness model_domains[] = {
    {"domains_barrier", "a team of two and one alone", barrier_of_3, .processors = 4, .exhaustive = 2},
    {"domains_barrier_of_4", "two teams", barrier_of_4, .processors = 4},
    {"domains_barrier_fenced", "the same, and who publishes makes a fence", barrier_of_4, .processors = 4,
     .fenced = true},
    {"domains_early", "ranks that call before all have joined", early_calls, .processors = 4, .exhaustive = 2},
    {"domains_allreduce", "leaders combine", allreduce_of_3, .processors = 4, .exhaustive = 2},
    {"domains_allgather", "short blocks", allgather_short, .processors = 4},
    {"domains_allgather_long", "long blocks, from cache to cache", allgather_long, .processors = 4},
    {"domains_broadcast", "short messages", broadcast_short, .processors = 4},
    {"domains_broadcast_long", "a long one, piece by piece", broadcast_long, .processors = 4},
    {.name = NULL}};

// SPDX-License-Identifier: MIT
/* harness_lines.c - lines: published, looked at, slept for, and used again. */
#include "model.h"

static void run(int n_ranks, weft_wait wait, void (*body)(weft_comm *comm))
{
    weft_config config = model_config(wait, NULL);
    model_ranks(n_ranks, &config, body);
}

/* ---- What each rank wrote before a barrier is visible to every rank after it. */

static int written[4];

static void meet(weft_comm *comm)
{
    int n = weft_comm_size(comm), rank = weft_comm_rank(comm);
    written[rank] = rank + 1;
    CHECK_OK(weft_barrier(comm));
    for (int peer = 0; peer < n; peer++)
        CHECK(written[peer] == peer + 1, "rank %d wrote %d", peer, written[peer]);
}

static void barrier_of_2(void)
{
    run(2, WEFT_WAIT_BLOCK, meet);
}

static void barrier_of_3(void)
{
    run(3, WEFT_WAIT_BLOCK, meet);
}

static void barrier_spinning(void)
{
    run(2, WEFT_WAIT_SPIN, meet);
}

static void barrier_adapting(void)
{
    run(2, WEFT_WAIT_AUTO, meet);
}

static void idle_once(weft_comm *comm)
{
    CHECK_OK(weft_sync(comm, weft_comm_rank(comm) == 0));
    CHECK_OK(weft_barrier(comm));
}

static void idle(void)
{
    run(2, WEFT_WAIT_SPIN, idle_once);
}

/* ---- Vectors of one line and of several, from every rank to every rank */

enum { LONG = 15 }; /* int64: three lines */

static void allreduce_vector(weft_comm *comm, size_t count)
{
    int64_t mine[LONG], sum[LONG];
    int n = weft_comm_size(comm), rank = weft_comm_rank(comm);
    for (size_t i = 0; i < count; i++)
        mine[i] = (int64_t)(i + 1) << 8 * rank;
    CHECK_OK(weft_allreduce(comm, mine, sum, count, WEFT_INT64, WEFT_SUM));
    for (size_t i = 0; i < count; i++)
        CHECK(sum[i] == (int64_t)(i + 1) * (n == 2 ? 0x101 : 0x10101), "element %zu is %#llx", i,
              (unsigned long long)sum[i]);
}

static void allreduce_short(weft_comm *comm)
{
    allreduce_vector(comm, 1);
}

static void allreduce_long(weft_comm *comm)
{
    allreduce_vector(comm, LONG);
}

static void allreduce_line(void)
{
    run(2, WEFT_WAIT_BLOCK, allreduce_short);
}

static void allreduce_lines(void)
{
    run(2, WEFT_WAIT_BLOCK, allreduce_long);
}

static void allreduce_of_3(void)
{
    run(3, WEFT_WAIT_BLOCK, allreduce_long);
}

static void gather_blocks(weft_comm *comm)
{
    int32_t mine[20], all[60];
    int n = weft_comm_size(comm);
    for (int i = 0; i < 20; i++)
        mine[i] = 100 * weft_comm_rank(comm) + i;
    CHECK_OK(weft_allgather(comm, mine, all, 20, WEFT_INT32));
    for (int i = 0; i < 20 * n; i++)
        CHECK(all[i] == 100 * (i / 20) + i % 20, "element %d is %d", i, all[i]);
}

static void allgather_lines(void)
{
    run(2, WEFT_WAIT_BLOCK, gather_blocks);
}

/* ---- From one rank to the others, which may lag behind as far as the ring is long */

enum { MESSAGE = 1100 }; /* bytes: 18 lines, so that the ring is full after three */

static void broadcast_rounds(weft_comm *comm, int rounds, size_t bytes)
{
    unsigned char data[MESSAGE];
    for (int round = 0; round < rounds; round++) {
        bool root = weft_comm_rank(comm) == 0;
        for (size_t i = 0; i < bytes; i++)
            data[i] = root ? (unsigned char)(round + (int)i) : 0;
        CHECK_OK(weft_broadcast(comm, data, bytes, WEFT_UINT8, 0));
        for (size_t i = 0; i < bytes; i += 29)
            CHECK(data[i] == (unsigned char)(round + (int)i), "round %d: byte %zu is %d", round, i, data[i]);
    }
}

static void broadcast_short(weft_comm *comm)
{
    broadcast_rounds(comm, 2, 100);
}

static void broadcast_until_full(weft_comm *comm)
{
    broadcast_rounds(comm, 5, MESSAGE);
}

static void broadcast_stream(void)
{
    run(2, WEFT_WAIT_BLOCK, broadcast_short);
}

static void broadcast_to_2(void)
{
    run(3, WEFT_WAIT_BLOCK, broadcast_short);
}

static void ring_wrap(void)
{
    run(2, WEFT_WAIT_BLOCK, broadcast_until_full);
}

static void ring_wrap_of_3(void)
{
    run(3, WEFT_WAIT_BLOCK, broadcast_until_full);
}

/* The ring is full, and the reader has left: it has consumed everything. */
static void read_and_leave(weft_comm *comm)
{
    bool reader = weft_comm_rank(comm) == 1;
    broadcast_rounds(comm, reader ? 2 : 4, MESSAGE);
    weft_comm_destroy(comm);
}

static void ring_of_one_who_left(void)
{
    weft_config config = model_config(WEFT_WAIT_BLOCK, NULL);
    model_ranks_leaving(2, &config, read_and_leave);
}

/* ---- From the others to one rank, which may lag behind */

static void reduce_rounds(weft_comm *comm)
{
    for (int round = 0; round < 2; round++) {
        int64_t mine[LONG], sum[LONG];
        for (int i = 0; i < LONG; i++)
            mine[i] = (int64_t)(round + i) << 8 * weft_comm_rank(comm);
        CHECK_OK(weft_reduce(comm, mine, sum, LONG, WEFT_INT64, WEFT_SUM, 0));
        for (int i = 0; i < LONG && weft_comm_rank(comm) == 0; i++)
            CHECK(sum[i] == (round + i) * 0x101, "round %d: element %d is %#llx", round, i, (unsigned long long)sum[i]);
    }
}

static void reduce_lines(void)
{
    run(2, WEFT_WAIT_BLOCK, reduce_rounds);
}

const struct model_harness model_lines[] = {
    {"barrier_fenced", "two ranks that sleep at once and fence when they publish", barrier_of_2, .processors = 4,
     .fenced = true, .exhaustive = 2},
    {"allreduce_fenced", "messages of three lines, published with a fence", allreduce_lines, .processors = 4,
     .fenced = true, .exhaustive = 2},
    {"ring_wrap_fenced", "a ring that is full, published with a fence", ring_wrap, .processors = 4, .fenced = true},
    {"barrier", "two ranks that sleep at once", barrier_of_2, .processors = 4, .exhaustive = 2},
    {"barrier_of_3", "three ranks that sleep at once", barrier_of_3, .processors = 4, .exhaustive = 2},
    {"barrier_spinning", "two ranks that never sleep", barrier_spinning, .processors = 4, .exhaustive = 2},
    {"barrier_adapting", "two ranks that poll, yield and sleep", barrier_adapting, .processors = 4},
    {"idle", "one rank sleeps in sync, the other spins", idle, .processors = 4, .exhaustive = 2},
    {"allreduce_line", "one line each way", allreduce_line, .processors = 4, .exhaustive = 2},
    {"allreduce_lines", "messages of three lines", allreduce_lines, .processors = 4, .exhaustive = 2},
    {"allreduce_of_3", "the same of three ranks", allreduce_of_3, .processors = 4},
    {"allgather_lines", "blocks of two lines", allgather_lines, .processors = 4, .exhaustive = 2},
    {"broadcast_stream", "a root that runs ahead of one reader", broadcast_stream, .processors = 4, .exhaustive = 2},
    {"broadcast_to_2", "a root that runs ahead of two", broadcast_to_2, .processors = 4},
    {"ring_wrap", "a root that has to wait for room in its ring", ring_wrap, .processors = 4},
    {"ring_wrap_of_3", "the same with two readers", ring_wrap_of_3, .processors = 4},
    {"ring_of_one_who_left", "the reader that there is no room for leaves", ring_of_one_who_left, .processors = 4},
    {"reduce_lines", "senders that run ahead of the root", reduce_lines, .processors = 4, .exhaustive = 2},
    {.name = NULL}};

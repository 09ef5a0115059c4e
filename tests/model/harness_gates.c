// SPDX-License-Identifier: MIT
/* harness_gates.c - more ranks than processors: ranks meet by counting, and the last to arrive acts for all. */
#include "model.h"

static void run(int n_ranks, weft_wait wait, void (*body)(weft_comm *comm))
{
    weft_config config = model_config(wait, NULL);
    model_ranks(n_ranks, &config, body);
}

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

static void barrier_of_4(void)
{
    run(4, WEFT_WAIT_BLOCK, meet);
}

static void barrier_adapting(void)
{
    run(2, WEFT_WAIT_AUTO, meet);
}

/* All gates once, and the first again. */
static void meet_often(weft_comm *comm)
{
    for (int round = 0; round < 10; round++) {
        int32_t one = round, sum = -1;
        CHECK_OK(weft_allreduce(comm, &one, &sum, 1, WEFT_INT32, WEFT_SUM));
        CHECK(sum == 2 * round, "round %d: %d", round, sum);
    }
}

static void gates_again(void)
{
    run(2, WEFT_WAIT_BLOCK, meet_often);
}

static void allreduce_vector(weft_comm *comm, int count)
{
    int64_t mine[15], sum[15];
    int n = weft_comm_size(comm), rank = weft_comm_rank(comm);
    for (int i = 0; i < count; i++)
        mine[i] = (int64_t)(i + 1) << 8 * rank;
    CHECK_OK(weft_allreduce(comm, mine, sum, (size_t)count, WEFT_INT64, WEFT_SUM));
    for (int i = 0; i < count; i++)
        CHECK(sum[i] == (i + 1) * (n == 2 ? 0x101 : 0x10101), "element %d is %#llx", i, (unsigned long long)sum[i]);
}

/* Twice, so that what the gate holds is read before it is written again. */
static void allreduce_short(weft_comm *comm)
{
    allreduce_vector(comm, 1);
    allreduce_vector(comm, 2);
}

static void allreduce_long(weft_comm *comm)
{
    allreduce_vector(comm, 15);
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

const struct model_harness model_gates[] = {
    {"gate", "two ranks on one processor", barrier_of_2, .processors = 1, .exhaustive = 2},
    {"gate_of_3", "three ranks on two processors", barrier_of_3, .processors = 2, .exhaustive = 2},
    {"gate_of_4", "four ranks", barrier_of_4, .processors = 2},
    {"gate_adapting", "two ranks that yield and sleep", barrier_adapting, .processors = 1},
    {"gates_again", "all gates once, and the first again", gates_again, .processors = 1},
    {"gate_allreduce_line", "the result stands in the gate", allreduce_line, .processors = 1, .exhaustive = 2},
    {"gate_allreduce_lines", "the result stands in the lines of the last", allreduce_lines, .processors = 1,
     .exhaustive = 2},
    {"gate_allreduce_of_3", "the same of three ranks", allreduce_of_3, .processors = 1},
    {"gate_allgather", "blocks behind a gate", allgather_lines, .processors = 1, .exhaustive = 2},
    {.name = NULL}};

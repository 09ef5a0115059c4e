// SPDX-License-Identifier: MIT
/* harness_buffers.c - ranks that read and write one another's buffers: pulled, reduced in slices, handed over through the grid.
 *
 * Buffers stand on the heap and are freed right after the call, so that a peer that is still inside is found. */
#include "model.h"

static void run(int n_ranks, const char *algorithms, void (*body)(weft_comm *comm))
{
    weft_config config = model_config(WEFT_WAIT_BLOCK, algorithms);
    model_ranks(n_ranks, &config, body);
}

static void allgather(weft_comm *comm)
{
    int n = weft_comm_size(comm), rank = weft_comm_rank(comm);
    int32_t *mine = malloc(2 * sizeof *mine), *all = malloc((size_t)n * 2 * sizeof *all);
    for (int i = 0; i < 2; i++)
        mine[i] = 10 * rank + i;
    CHECK_OK(weft_allgather(comm, mine, all, 2, WEFT_INT32));
    free(mine);
    for (int i = 0; i < 2 * n; i++)
        CHECK(all[i] == 10 * (i / 2) + i % 2, "element %d is %d", i, all[i]);
    free(all);
}

static void broadcast(weft_comm *comm)
{
    int32_t *data = malloc(2 * sizeof *data);
    for (int i = 0; i < 2; i++)
        data[i] = weft_comm_rank(comm) == 0 ? 7 + i : -1;
    CHECK_OK(weft_broadcast(comm, data, 2, WEFT_INT32, 0));
    for (int i = 0; i < 2; i++)
        CHECK(data[i] == 7 + i, "element %d is %d", i, data[i]);
    free(data);
}

static weft_status copy_ints(const weft_type *type, const void *source, void *target, size_t count)
{
    (void)type;
    for (size_t i = 0; i < count; i++)
        ((int32_t *)target)[i] = ((const int32_t *)source)[i];
    return WEFT_OK;
}
static const weft_type object = {.name = "object", .size = 4, .copy = copy_ints};

static void broadcast_objects(weft_comm *comm)
{
    int32_t *data = malloc(sizeof *data);
    *data = weft_comm_rank(comm) == 0 ? 7 : -1;
    CHECK_OK(weft_broadcast(comm, data, 1, &object, 0));
    CHECK(*data == 7, "%d", *data);
    free(data);
}

static void allreduce(weft_comm *comm)
{
    enum { COUNT = 40 }; /* both ranks have a slice: they begin on cache lines */
    int n = weft_comm_size(comm), rank = weft_comm_rank(comm);
    int32_t *mine = malloc(COUNT * sizeof *mine), *sum = malloc(COUNT * sizeof *sum);
    for (int i = 0; i < COUNT; i++)
        mine[i] = (i + 1) << 8 * rank;
    CHECK_OK(weft_allreduce(comm, mine, sum, COUNT, WEFT_INT32, WEFT_SUM));
    free(mine);
    for (int i = 0; i < COUNT; i++)
        CHECK(sum[i] == (i + 1) * (n == 2 ? 0x101 : 0x10101), "element %d is %#x", i, (unsigned)sum[i]);
    free(sum);
}

/* Twice: the lines that held counts hold others. */
static void allreduce_twice(weft_comm *comm)
{
    allreduce(comm);
    allreduce(comm);
}

static void reduce(weft_comm *comm)
{
    enum { COUNT = 40 };
    int rank = weft_comm_rank(comm);
    int32_t *mine = malloc(COUNT * sizeof *mine), *sum = rank == 0 ? malloc(COUNT * sizeof *sum) : NULL;
    for (int i = 0; i < COUNT; i++)
        mine[i] = (i + 1) << 8 * rank;
    CHECK_OK(weft_reduce(comm, mine, sum, COUNT, WEFT_INT32, WEFT_SUM, 0));
    free(mine);
    for (int i = 0; i < COUNT && rank == 0; i++)
        CHECK(sum[i] == (i + 1) * 0x101, "element %d is %#x", i, (unsigned)sum[i]);
    free(sum);
}

/* One element is a chunk: a slice has two, which two ranks may take. */
enum { CHUNK = 65536 };
static weft_status add_first(const weft_op *op, const weft_type *type, const void *in, void *inout, size_t count)
{
    (void)op;
    for (size_t i = 0; i < count; i++)
        *(int32_t *)((char *)inout + i * type->size) += *(const int32_t *)((const char *)in + i * type->size);
    return WEFT_OK;
}
static const weft_type wide = {.name = "wide", .size = CHUNK};
static const weft_op adding = {.name = "adding", .commutative = true, .combine = add_first};

static void allreduce_chunks(weft_comm *comm)
{
    enum { COUNT = 3 }; /* rank 0 owns two, rank 1 one */
    char *data = malloc(COUNT * CHUNK);
    for (int i = 0; i < COUNT; i++)
        *(int32_t *)(data + i * CHUNK) = (i + 1) << 8 * weft_comm_rank(comm);
    CHECK_OK(weft_allreduce(comm, WEFT_IN_PLACE, data, COUNT, &wide, &adding));
    for (int i = 0; i < COUNT; i++)
        CHECK(*(int32_t *)(data + i * CHUNK) == (i + 1) * 0x101, "element %d is %#x", i,
              *(unsigned *)(data + i * CHUNK));
    free(data);
}

/* Work that is shared out by other files. */
static void reduce_scatter(weft_comm *comm)
{
    int n = weft_comm_size(comm), rank = weft_comm_rank(comm);
    int32_t *mine = malloc((size_t)n * sizeof *mine), *sum = malloc(sizeof *sum);
    for (int i = 0; i < n; i++)
        mine[i] = (i + 1) << 8 * rank;
    CHECK_OK(weft_reduce_scatter(comm, mine, sum, 1, WEFT_INT32, WEFT_SUM));
    free(mine);
    CHECK(*sum == (rank + 1) * (n == 2 ? 0x101 : 0x10101), "%#x", (unsigned)*sum);
    free(sum);
}

static void scan(weft_comm *comm)
{
    int rank = weft_comm_rank(comm);
    int32_t *mine = malloc(2 * sizeof *mine), *sums = malloc(2 * sizeof *sums);
    mine[0] = 1 << 8 * rank;
    mine[1] = 2 << 8 * rank;
    CHECK_OK(weft_scan(comm, mine, sums, 2, WEFT_INT32, WEFT_SUM));
    free(mine);
    for (int i = 0; i < 2; i++)
        CHECK(sums[i] == (i + 1) * (0x10101 & ((1 << 8 * (rank + 1)) - 1)), "%#x", (unsigned)sums[i]);
    free(sums);
}

static void alltoall(weft_comm *comm)
{
    int n = weft_comm_size(comm), rank = weft_comm_rank(comm);
    int32_t *mine = malloc((size_t)n * sizeof *mine), *all = malloc((size_t)n * sizeof *all);
    for (int i = 0; i < n; i++)
        mine[i] = 10 * rank + i;
    CHECK_OK(weft_alltoall(comm, mine, all, 1, WEFT_INT32));
    free(mine);
    for (int i = 0; i < n; i++)
        CHECK(all[i] == 10 * i + rank, "element %d is %d", i, all[i]);
    free(all);
}

static void barrier(weft_comm *comm)
{
    static int written[4];
    written[weft_comm_rank(comm)] = 1;
    CHECK_OK(weft_barrier(comm));
    for (int peer = 0; peer < weft_comm_size(comm); peer++)
        CHECK(written[peer] == 1, "rank %d", peer);
}

#define RUN(name, n_ranks, algorithms, body)                                                                           \
    static void name(void)                                                                                             \
    {                                                                                                                  \
        run(n_ranks, algorithms, body);                                                                                \
    }
RUN(pull_allgather, 2, "allgather:pull", allgather)
RUN(pull_allgather_3, 3, "allgather:pull", allgather)
RUN(pull_broadcast, 2, "broadcast:pull", broadcast)
RUN(pull_objects, 2, NULL, broadcast_objects)
RUN(slices, 2, "allreduce:slices", allreduce)
RUN(slices_twice, 2, "allreduce:slices", allreduce_twice)
RUN(slices_3, 3, "allreduce:slices", allreduce)
RUN(slices_reduce, 2, "reduce:slices", reduce)
RUN(slices_chunks, 2, NULL, allreduce_chunks)
RUN(shares_reduce, 2, "reduce_scatter:slices", reduce_scatter)
RUN(shares_reduce_3, 3, "reduce_scatter:slices", reduce_scatter)
RUN(shares_scan, 2, "scan:slices", scan)
RUN(shares_alltoall, 2, "alltoall:pull", alltoall)
RUN(grid_barrier, 2, "barrier:grid", barrier)
RUN(grid_broadcast, 3, "broadcast:grid", broadcast)
RUN(grid_allgather, 2, "allgather:grid", allgather)
RUN(grid_allreduce, 2, "allreduce:grid", allreduce)

const struct model_harness model_buffers[] = {
    {"pull_allgather", "blocks copied from their owners", pull_allgather, .processors = 4, .exhaustive = 2},
    {"pull_allgather_3", "the same of three ranks", pull_allgather_3, .processors = 4},
    {"pull_gated", "the same behind gates", pull_allgather, .processors = 1},
    {"pull_broadcast", "copied from the root", pull_broadcast, .processors = 4, .exhaustive = 2},
    {"pull_objects", "copied by the type's function", pull_objects, .processors = 4, .exhaustive = 2},
    {"slices", "each rank reduces its slice", slices, .processors = 4, .exhaustive = 2},
    {"slices_twice", "the counts begin anew", slices_twice, .processors = 4},
    {"slices_crowded", "ranks take over slices that others have not begun", slices, .processors = 1, .exhaustive = 2},
    {"slices_3", "three ranks", slices_3, .processors = 4},
    {"slices_reduce", "one result", slices_reduce, .processors = 4},
    {"slices_chunks", "two ranks work on one slice", slices_chunks, .processors = 1},
    {"shares_reduce", "each rank reduces its block", shares_reduce, .processors = 4, .exhaustive = 2},
    {"shares_fenced", "the same, and who publishes makes a fence", shares_reduce, .processors = 4, .exhaustive = 2,
     .fenced = true},
    {"shares_reduce_3", "the same of three ranks", shares_reduce_3, .processors = 4},
    {"shares_crowded", "the last to arrive does it all", shares_reduce_3, .processors = 1},
    {"shares_scan", "each rank scans a slice", shares_scan, .processors = 4},
    {"shares_alltoall", "each rank copies its blocks", shares_alltoall, .processors = 4},
    {"grid_barrier", "channels filled and emptied", grid_barrier, .processors = 4, .exhaustive = 2},
    {"grid_broadcast", "one root, two readers", grid_broadcast, .processors = 4},
    {"grid_allgather", "addresses through channels", grid_allgather, .processors = 4},
    {"grid_allreduce", "every rank reads all", grid_allreduce, .processors = 4},
    {.name = NULL}};

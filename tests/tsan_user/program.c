// SPDX-License-Identifier: MIT
/* A program that is built with ThreadSanitizer and uses a library that is not: its own buffers, filled and read by plain code around the
 * calls, freed and mapped anew. Nothing here is a race; with the argument "race" one thing is. */
#include <weft/weft.h>

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TRY(call)                                                                                                      \
    do {                                                                                                               \
        weft_status tried = (call);                                                                                    \
        if (tried != WEFT_OK) {                                                                                        \
            fprintf(stderr, "%s: %s\n", #call, weft_last_error());                                                     \
            return tried;                                                                                              \
        }                                                                                                              \
    } while (0)

static int shared[64], forgotten;

static int32_t *filled(size_t count, int value)
{
    int32_t *block = malloc((count + 1) * sizeof *block);
    for (size_t i = 0; i < count; i++)
        block[i] = value;
    return block;
}

static void check(const int32_t *block, size_t count, int value)
{
    for (size_t i = 0; i < count; i++)
        if (block[i] != value) {
            fprintf(stderr, "element %zu is %d, expected %d\n", i, block[i], value);
            abort();
        }
    for (size_t i = 0; i < count; i++)
        ((int32_t *)(uintptr_t)block)[i] = -1; /* it is this rank's own again */
}

static weft_status collectives(weft_comm *comm, size_t count)
{
    int rank = weft_comm_rank(comm), n = weft_comm_size(comm), sum = n * (n + 1) / 2, root = n - 1;
    size_t all = (size_t)n * count;
    int32_t *one = filled(count, rank + 1), *other = filled(count, 0), *many = filled(all, 0),
            *blocks = filled(all, rank + 1);
    TRY(weft_allreduce(comm, one, other, count, WEFT_INT32, WEFT_SUM));
    check(other, count, sum);
    TRY(weft_allgather(comm, one, many, count, WEFT_INT32));
    for (int i = 0; i < n; i++)
        check(many + (size_t)i * count, count, i + 1);
    TRY(weft_alltoall(comm, blocks, many, count, WEFT_INT32));
    for (int i = 0; i < n; i++)
        check(many + (size_t)i * count, count, i + 1);
    TRY(weft_reduce(comm, one, other, count, WEFT_INT32, WEFT_SUM, root));
    if (rank == root)
        check(other, count, sum);
    TRY(weft_broadcast(comm, rank == root ? one : other, count, WEFT_INT32, root));
    if (rank != root)
        check(other, count, n);
    TRY(weft_gather(comm, one, many, count, WEFT_INT32, root));
    if (rank == root)
        for (int i = 0; i < n; i++)
            check(many + (size_t)i * count, count, i + 1);
    TRY(weft_scatter(comm, blocks, other, count, WEFT_INT32, root));
    check(other, count, n);
    TRY(weft_reduce_scatter(comm, blocks, other, count, WEFT_INT32, WEFT_SUM));
    check(other, count, sum);
    TRY(weft_scan(comm, one, other, count, WEFT_INT32, WEFT_SUM));
    check(other, count, (rank + 1) * (rank + 2) / 2);
    check(one, count, rank + 1);
    free(one);
    free(other);
    free(many);
    free(blocks);
    return WEFT_OK;
}

static weft_status in_flight(weft_comm *comm, size_t count)
{
    int rank = weft_comm_rank(comm), n = weft_comm_size(comm);
    int32_t *one = filled(count, rank + 1), *sum = filled(count, 0), *told = filled(count, rank == 0 ? 7 : 0);
    weft_request *requests[2];
    TRY(weft_iallreduce(comm, one, sum, count, WEFT_INT32, WEFT_SUM, &requests[0]));
    TRY(weft_ibroadcast(comm, told, count, WEFT_INT32, 0, &requests[1]));
    TRY(weft_wait_all(requests, 2));
    check(sum, count, n * (n + 1) / 2);
    check(told, count, 7);
    free(one);
    free(sum);
    free(told);
    return WEFT_OK;
}

static weft_status messages(weft_comm *comm, size_t count)
{
    int rank = weft_comm_rank(comm), n = weft_comm_size(comm);
    int32_t *to = filled(count, rank), *from = filled(count, -2);
    TRY(weft_sendrecv(comm, to, count, (rank + 1) % n, 1, from, count, (rank + n - 1) % n, 1, WEFT_INT32, NULL));
    check(from, count, (rank + n - 1) % n);
    free(to);
    if (rank > 0)
        TRY(weft_send(comm, from, count, WEFT_INT32, 0, 2));
    for (int i = 1; rank == 0 && i < n; i++) {
        TRY(weft_recv(comm, from, count, WEFT_INT32, WEFT_ANY_SOURCE, 2, NULL));
        check(from, count, -1);
    }
    free(from);
    return WEFT_OK;
}

/* What a barrier makes visible: plain memory of the program's own. */
static weft_status barriers(weft_comm *comm)
{
    int rank = weft_comm_rank(comm), n = weft_comm_size(comm);
    for (int round = 1; round <= 20; round++) {
        shared[rank] = round;
        TRY(weft_barrier(comm));
        for (int i = 0; i < n; i++)
            if (shared[i] != round)
                abort();
        TRY(weft_sync(comm, round % 2 == 0));
    }
    return WEFT_OK;
}

static weft_status body(weft_comm *comm, void *unused)
{
    static const size_t counts[] = {1, 14, 200, 3000, 50000};
    weft_comm *part = NULL;
    (void)unused;
    TRY(barriers(comm));
    for (int i = 0; i < 5; i++)
        for (int again = 0; again < 3; again++) {
            TRY(collectives(comm, counts[i]));
            TRY(messages(comm, counts[i]));
        }
    TRY(weft_comm_split(comm, weft_comm_rank(comm) % 2, 0, &part));
    TRY(collectives(part, 100));
    for (int i = 0; i < 5; i++) {
        TRY(in_flight(comm, counts[i]));
        TRY(collectives(comm, counts[i]));
        TRY(messages(comm, counts[i]));
    }
    weft_comm_destroy(part);
    return WEFT_OK;
}

/* An abort while others copy: the failing call gives back its buffers, which are freed at once. */
static weft_status aborted(weft_comm *comm, void *unused)
{
    (void)unused;
    for (int round = 0;; round++) {
        int32_t *one = filled(60000, 1), *sum = filled(60000, 0);
        if (weft_comm_rank(comm) == 0 && round == 3)
            weft_comm_abort(comm, "enough");
        weft_status status = weft_allreduce(comm, one, sum, 60000, WEFT_INT32, WEFT_SUM);
        memset(one, 0, 60000 * sizeof *one);
        memset(sum, 0, 60000 * sizeof *sum);
        free(one);
        free(sum);
        if (status != WEFT_OK)
            return weft_last_error()[0] != 0 ? status : WEFT_OK;
    }
}

/* A broadcast is no barrier: the root may not read what a receiver writes before it. */
static weft_status race(weft_comm *comm, void *unused)
{
    int32_t value = 1;
    (void)unused;
    if (weft_comm_rank(comm) == 1)
        forgotten = 5;
    TRY(weft_broadcast(comm, &value, 1, WEFT_INT32, 0));
    usleep(100000);
    if (weft_comm_rank(comm) == 0)
        value = forgotten;
    return weft_barrier(comm);
}

int main(int argc, char **argv)
{
    static const char *const algorithms[] = {NULL, "allreduce:grid,broadcast:grid,allgather:grid,barrier:grid"};
    if (argc > 1 && strcmp(argv[1], "race") == 0)
        return weft_run(2, NULL, race, NULL) != WEFT_OK;
    for (int n = 2; n <= 5; n++)
        for (int wait = WEFT_WAIT_AUTO; wait <= WEFT_WAIT_BLOCK; wait += WEFT_WAIT_BLOCK) {
            weft_config config = WEFT_CONFIG_INIT;
            config.wait = (weft_wait)wait;
            config.algorithms = algorithms[wait == WEFT_WAIT_BLOCK];
            if (weft_run(n, &config, body, NULL) != WEFT_OK) {
                fprintf(stderr, "%s\n", weft_last_error());
                return 1;
            }
            if (weft_run(n, &config, aborted, NULL) != WEFT_ERR_ABORTED) {
                fprintf(stderr, "not aborted: %s\n", weft_last_error());
                return 1;
            }
        }
    return 0;
}

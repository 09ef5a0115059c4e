// SPDX-License-Identifier: MIT
/* Tables of tuning (WEFT_TUNING) of any bytes: they are refused with a sentence, or what they say is followed, and whatever that
 * is, results are right. */
#include "fuzz.h"

#include <sys/mman.h>
#include <unistd.h>

enum { MOST = 40000 };

struct work {
    int n_counts;
    size_t counts[4];
};

static bool holds(const int32_t *data, size_t count, int32_t each)
{
    for (size_t i = 0; i < count; i++)
        if (data[i] != each + (int32_t)i)
            return false;
    return true;
}

/* Rank r gives r, r + 1, ... to each call. */
static weft_status run(weft_comm *comm, void *arg)
{
    const struct work *work = arg;
    int rank = weft_comm_rank(comm), n = weft_comm_size(comm);
    int32_t *mine = malloc(MOST * sizeof *mine), *all = malloc(MOST * (size_t)n * sizeof *all);
    if (mine == NULL || all == NULL)
        abort();
    for (int c = 0; c < work->n_counts; c++) {
        size_t count = work->counts[c];
        for (size_t i = 0; i < count; i++)
            mine[i] = rank + (int32_t)i;
        EXPECT(weft_barrier(comm) == WEFT_OK);
        EXPECT(weft_allgather(comm, mine, all, count, WEFT_INT32) == WEFT_OK);
        for (int r = 0; r < n; r++)
            EXPECT(holds(all + (size_t)r * count, count, r));
        EXPECT(weft_allreduce(comm, mine, all, count, WEFT_INT32, WEFT_MAX) == WEFT_OK && holds(all, count, n - 1));
        EXPECT(weft_reduce(comm, mine, all, count, WEFT_INT32, WEFT_MIN, c % n) == WEFT_OK);
        EXPECT(rank != c % n || holds(all, count, 0));
        EXPECT(weft_broadcast(comm, mine, count, WEFT_INT32, n - 1) == WEFT_OK && holds(mine, count, n - 1));
    }
    free(mine);
    free(all);
    return WEFT_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const size_t scales[] = {1, 10, 100, 150};
    struct bytes bytes = {data, size};
    static int file = -1;
    static char path[64];
    if (file < 0) {
        file = memfd_create("tuning", MFD_CLOEXEC);
        snprintf(path, sizeof path, "/proc/self/fd/%d", file);
        if (file < 0 || setenv("WEFT_TUNING", path, 1) != 0)
            abort();
    }
    int n = 1 + (int)take_below(&bytes, 9);
    setenv("WEFT_TOPOLOGY", take_below(&bytes, 2) ? "package:2 l3:2 core:2 pu:1" : "", 1);
    struct work work = {.n_counts = 1 + (int)take_below(&bytes, 4)};
    for (int c = 0; c < work.n_counts; c++)
        work.counts[c] = take(&bytes) * scales[take_below(&bytes, 4)];
    if (ftruncate(file, 0) != 0 || pwrite(file, bytes.at, bytes.left, 0) != (ssize_t)bytes.left)
        abort();
    weft_comm *comm = NULL;
    weft_status status = weft_comm_create_all(1, NULL, &comm);
    EXPECT(status == WEFT_OK || (status == WEFT_ERR_ARGUMENT && comm == NULL));
    expect_status(status);
    weft_comm_destroy(comm);
    if (status == WEFT_OK)
        EXPECT(weft_run(n, NULL, run, &work) == WEFT_OK);
    return 0;
}

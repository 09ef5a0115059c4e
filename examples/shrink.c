// SPDX-License-Identifier: MIT
/* shrink.c - ranks that go on without one that is lost.
 *
 *     cc -std=c11 shrink.c $(pkg-config --cflags --libs weft) -o shrink && ./shrink
 *
 * Four ranks add up their numbers, step by step. Rank 2 leaves after the second step. The others find it lost, shrink, and do the step
 * again among themselves. */
#include <stdio.h>
#include <weft/weft.h>

/* Takes part in a step; where a rank is lost, shrinks and tries again. *comm is what it works on from then on. */
static weft_status step(weft_comm **comm, int32_t mine, int32_t *sum)
{
    weft_status status;
    while ((status = weft_allreduce(*comm, &mine, sum, 1, WEFT_INT32, WEFT_SUM)) == WEFT_ERR_RANK_LOST) {
        weft_comm *shrunk;
        if (weft_comm_rank(*comm) == 0)
            printf("%s\n", weft_last_error());
        if ((status = weft_comm_shrink(*comm, &shrunk)) != WEFT_OK)
            return status;
        *comm = shrunk;
    }
    return status;
}

static weft_status work(weft_comm *first, void *arg)
{
    weft_comm *comm = first;
    int32_t mine = 1 << weft_comm_rank(first), sum = 0;
    weft_status status = WEFT_OK;
    (void)arg;
    for (int i = 0; i < 4 && status == WEFT_OK; i++) {
        if (i == 2 && weft_comm_rank(first) == 2)
            return WEFT_OK;
        status = step(&comm, mine, &sum);
        if (weft_comm_rank(comm) == 0)
            printf("step %d: %d ranks, sum %d\n", i, weft_comm_size(comm), (int)sum);
    }
    if (comm != first)
        weft_comm_destroy(comm);
    return status != WEFT_OK || sum == 1 + 2 + 8 ? status : WEFT_ERR_SYSTEM;
}

int main(void)
{
    weft_status status = weft_run(4, NULL, work, NULL);
    if (status != WEFT_OK)
        fprintf(stderr, "%s: %s\n", weft_status_name(status), weft_last_error());
    return status == WEFT_OK ? 0 : 1;
}

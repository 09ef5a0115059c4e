// SPDX-License-Identifier: MIT
/* overlap.c - computes while a sum is on its way: each rank adds up blocks of its own, and starts the sum over all ranks of one block
 * while it works on the next. */
#include <stdio.h>
#include <weft/weft.h>

enum { BLOCKS = 8, COUNT = 10000 };

/* What takes time: block b of this rank. */
static void compute(int rank, int b, double *block)
{
    for (int i = 0; i < COUNT; i++)
        block[i] = rank + b + i % 10;
}

static weft_status body(weft_comm *comm, void *arg)
{
    (void)arg;
    static _Thread_local double blocks[2][COUNT], sums[BLOCKS][COUNT];
    weft_request *requests[2] = {NULL, NULL};
    weft_status status = WEFT_OK;
    for (int b = 0; b < BLOCKS && status == WEFT_OK; b++) {
        double *block = blocks[b % 2];
        status = weft_wait_one(&requests[b % 2]); /* the one before last, which still used this buffer */
        compute(weft_comm_rank(comm), b, block);
        if (status == WEFT_OK)
            status = weft_iallreduce(comm, block, sums[b], COUNT, WEFT_FLOAT64, WEFT_SUM, &requests[b % 2]);
    }
    weft_status rest = weft_wait_all(requests, 2);
    if (weft_comm_rank(comm) == 0 && status == WEFT_OK && rest == WEFT_OK)
        printf("the first element of the last block, over all ranks: %g\n", sums[BLOCKS - 1][0]);
    return status != WEFT_OK ? status : rest;
}

int main(void)
{
    if (weft_run(4, NULL, body, NULL) == WEFT_OK)
        return 0;
    fprintf(stderr, "%s\n", weft_last_error());
    return 1;
}

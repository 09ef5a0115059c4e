// SPDX-License-Identifier: MIT
/* halo.c - ranks on a ring, each with a piece of a line of cells: every step needs the edge cells of both neighbours. */
#include <stdio.h>
#include <weft/weft.h>

enum { CELLS = 100, STEPS = 50 };

static weft_status body(weft_comm *comm, void *arg)
{
    (void)arg;
    int rank = weft_comm_rank(comm), n = weft_comm_size(comm), left = (rank + n - 1) % n, right = (rank + 1) % n;
    double cells[CELLS + 2] = {0}, next[CELLS + 2], sum = 0; /* the first and the last are the neighbours' */
    if (rank == 0)
        cells[1] = 1000;
    for (int step = 0; step < STEPS; step++) {
        weft_status status = weft_sendrecv(comm, &cells[CELLS], 1, right, 0, &cells[0], 1, left, 0, WEFT_FLOAT64, NULL);
        if (status == WEFT_OK)
            status = weft_sendrecv(comm, &cells[1], 1, left, 1, &cells[CELLS + 1], 1, right, 1, WEFT_FLOAT64, NULL);
        if (status != WEFT_OK)
            return status;
        for (int i = 1; i <= CELLS; i++)
            next[i] = cells[i] / 2 + (cells[i - 1] + cells[i + 1]) / 4;
        for (int i = 1; i <= CELLS; i++)
            cells[i] = next[i];
    }
    for (int i = 1; i <= CELLS; i++)
        sum += cells[i];
    weft_status status = weft_reduce(comm, &sum, &sum, 1, WEFT_FLOAT64, WEFT_SUM, 0);
    if (status == WEFT_OK && rank == 0)
        printf("after %d steps all cells together hold %.3f\n", STEPS, sum);
    return status;
}

int main(void)
{
    if (weft_run(4, NULL, body, NULL) == WEFT_OK)
        return 0;
    fprintf(stderr, "%s\n", weft_last_error());
    return 1;
}

// SPDX-License-Identifier: MIT
/* heat.c - a rod that is hot at one end and cold at the other, until its temperature no longer changes.
 *
 *     cc -std=c11 heat.c $(pkg-config --cflags --libs weft) -o heat && ./heat
 *
 * Each rank owns a piece of the rod. In each step the ranks gather the two ends of every piece, which hold what their
 * neighbours need, and every hundredth step they agree by the largest change whether to stop. */
#include <stdio.h>
#include <weft/weft.h>

enum { RANKS = 4, PIECE = 8, STEPS_MAX = 100000 };

/* One step of the piece at cells[1] to cells[PIECE]; the cells outside are the neighbours'. */
static double relax(double *cells)
{
    double largest = 0, left = cells[0];
    for (int i = 1; i <= PIECE; i++) {
        double old = cells[i];
        cells[i] = old + 0.4 * (left - 2 * old + cells[i + 1]);
        double change = cells[i] > old ? cells[i] - old : old - cells[i];
        largest = change > largest ? change : largest;
        left = old;
    }
    return largest;
}

static weft_status exchange_ends(weft_comm *comm, double *cells)
{
    double ends[2] = {cells[1], cells[PIECE]}, all[2 * RANKS];
    int rank = weft_comm_rank(comm);
    weft_status status = weft_allgather(comm, ends, all, 2, WEFT_FLOAT64);
    if (status == WEFT_OK) {
        cells[0] = rank > 0 ? all[2 * rank - 1] : 100;
        cells[PIECE + 1] = rank < RANKS - 1 ? all[2 * rank + 2] : 0;
    }
    return status;
}

static weft_status body(weft_comm *comm, void *arg)
{
    double cells[PIECE + 2] = {0}, rod[RANKS * PIECE], change = 1;
    int step = 0;
    weft_status status = WEFT_OK;
    (void)arg;
    for (; status == WEFT_OK && step < STEPS_MAX && change > 1e-6; step++) {
        status = exchange_ends(comm, cells);
        double mine = relax(cells);
        if (status == WEFT_OK && step % 100 == 99)
            status = weft_allreduce(comm, &mine, &change, 1, WEFT_FLOAT64, WEFT_MAX);
    }
    if (status == WEFT_OK)
        status = weft_allgather(comm, cells + 1, rod, PIECE, WEFT_FLOAT64);
    if (status != WEFT_OK || weft_comm_rank(comm) != 0)
        return status;
    printf("after %d steps:", step);
    for (int i = 0; i < RANKS * PIECE; i += PIECE / 2)
        printf(" %.1f", rod[i]);
    printf("\n");
    return WEFT_OK;
}

int main(void)
{
    if (weft_run(RANKS, NULL, body, NULL) == WEFT_OK)
        return 0;
    fprintf(stderr, "heat: %s\n", weft_last_error());
    return 1;
}

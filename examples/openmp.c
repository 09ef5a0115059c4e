// SPDX-License-Identifier: MIT
/* openmp.c - the threads of an OpenMP region as ranks: each joins a group, and the region's calls are collective.
 *
 *     cc -fopenmp openmp.c $(pkg-config --cflags --libs weft) -o openmp && ./openmp
 *
 * The region must have as many threads as the group has ranks, and all must run at once: no tasks, no nested loops. */
#include <omp.h>
#include <stdio.h>
#include <weft/weft.h>

enum { CELLS = 1000 };

/* Four times the area below the square root of 1 - x * x: each thread's share of the strips. */
static double area(int rank, int n)
{
    double sum = 0;
    for (int i = rank; i < CELLS; i += n) {
        double x = (i + 0.5) / CELLS, low = 0, high = 1;
        while (high - low > 1e-12) { /* the root by halving, so that no library is needed */
            double middle = (low + high) / 2;
            *(middle * middle + x * x < 1 ? &low : &high) = middle;
        }
        sum += 4 * low / CELLS;
    }
    return sum;
}

int main(void)
{
    weft_group_id id;
    int failed = weft_group_id_create(&id) != WEFT_OK;
    omp_set_dynamic(0); /* as many threads as are asked for */
#pragma omp parallel num_threads(4) reduction(|| : failed)
    {
        int rank = omp_get_thread_num(), n = omp_get_num_threads();
        weft_comm *comm = NULL;
        double pi = area(rank, n);
        weft_status status = weft_comm_create(&id, n, rank, NULL, &comm);
        if (status == WEFT_OK)
            status = weft_allreduce(comm, &pi, &pi, 1, WEFT_FLOAT64, WEFT_SUM); /* the same bits on each, every time */
        if (status != WEFT_OK)
            fprintf(stderr, "%s\n", weft_last_error());
        else if (rank == 0)
            printf("%d threads find pi to be %.5f\n", n, pi);
        weft_comm_destroy(comm);
        failed = failed || status != WEFT_OK;
    }
    return failed;
}

// SPDX-License-Identifier: MIT
/* many_calls.c - two ranks call in a loop, and rank 0 prints how many nanoseconds a call took: the median of windows of a thousand. For
 * scripts/trace-cost, which starts it with and without a trace. */
#include <weft/weft.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { WINDOW = 1000, WARM_UP = 20 };

static int windows;

static double now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static weft_status call_window(weft_comm *comm, const char *name)
{
    int32_t send[2] = {1, 2}, recv[2];
    weft_status status = WEFT_OK;
    if (strcmp(name, "weft_barrier") == 0)
        for (int i = 0; i < WINDOW && status == WEFT_OK; i++)
            status = weft_barrier(comm);
    else
        for (int i = 0; i < WINDOW && status == WEFT_OK; i++)
            status = weft_allreduce(comm, send, recv, 2, WEFT_INT32, WEFT_SUM);
    return status;
}

static int compare(const void *a, const void *b)
{
    return (*(const double *)a > *(const double *)b) - (*(const double *)a < *(const double *)b);
}

static weft_status body(weft_comm *comm, void *name)
{
    double *took = calloc((size_t)windows, sizeof *took);
    weft_status status = took != NULL ? WEFT_OK : WEFT_ERR_MEMORY;
    for (int i = -WARM_UP; i < windows && status == WEFT_OK; i++) {
        double begin = now_ns();
        status = call_window(comm, name);
        if (i >= 0)
            took[i] = (now_ns() - begin) / WINDOW;
    }
    if (status == WEFT_OK && weft_comm_rank(comm) == 0) {
        qsort(took, (size_t)windows, sizeof *took, compare);
        printf("%.1f\n", took[windows / 2]);
    }
    free(took);
    return status;
}

int main(int argc, char **argv)
{
    if (argc != 3)
        return 2;
    windows = atoi(argv[2]);
    return windows > 0 && weft_run(2, NULL, body, argv[1]) == WEFT_OK ? 0 : 1;
}

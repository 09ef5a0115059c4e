// SPDX-License-Identifier: MIT
/* work_pool.c - rank 0 hands out work to whoever is free: each result that comes, from any rank, is answered with the next task. */
#include <stdio.h>
#include <weft/weft.h>

enum { TASKS = 1000, RESULT = 1, TASK = 2 };

static weft_status hand_out(weft_comm *comm)
{
    int64_t sum = 0, result;
    int next = 0;
    weft_message message;
    /* Each worker begins with a result of 0, and ends with a task of -1. */
    for (int left = weft_comm_size(comm) - 1; left > 0;) {
        weft_status status = weft_recv(comm, &result, 1, WEFT_INT64, WEFT_ANY_SOURCE, RESULT, &message);
        int task = next < TASKS ? next++ : -1;
        if (status == WEFT_OK)
            status = weft_send(comm, &task, 1, WEFT_INT32, message.source, TASK);
        if (status != WEFT_OK)
            return status;
        sum += result;
        left -= task < 0;
    }
    printf("the squares of 0 to %d make %lld\n", TASKS - 1, (long long)sum);
    return WEFT_OK;
}

static weft_status work(weft_comm *comm)
{
    int64_t result = 0;
    for (;;) {
        int task;
        weft_status status = weft_send(comm, &result, 1, WEFT_INT64, 0, RESULT);
        if (status == WEFT_OK)
            status = weft_recv(comm, &task, 1, WEFT_INT32, 0, TASK, NULL);
        if (status != WEFT_OK || task < 0)
            return status;
        result = (int64_t)task * task;
    }
}

static weft_status body(weft_comm *comm, void *arg)
{
    (void)arg;
    return weft_comm_rank(comm) == 0 ? hand_out(comm) : work(comm);
}

int main(void)
{
    if (weft_run(4, NULL, body, NULL) == WEFT_OK)
        return 0;
    fprintf(stderr, "%s\n", weft_last_error());
    return 1;
}

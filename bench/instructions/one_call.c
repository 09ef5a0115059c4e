// SPDX-License-Identifier: MIT
/* one_call.c - rank 0 calls when rank 1 has long been in the call, so that it finds the other's line there and polls nothing. For
 * scripts/count-instructions, which counts what rank 0 runs. */
#include <weft/weft.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int calls;

static weft_status body(weft_comm *comm, void *name)
{
    int32_t send[2] = {1, 2}, recv[4];
    weft_status status = WEFT_OK;
    for (int i = 0; i < calls && status == WEFT_OK; i++) {
        if (weft_comm_rank(comm) == 0)
            usleep(20000);
        if (strcmp(name, "weft_barrier") == 0)
            status = weft_barrier(comm);
        else if (strcmp(name, "weft_allgather") == 0)
            status = weft_allgather(comm, send, recv, 2, WEFT_INT32);
        else
            status = weft_allreduce(comm, send, recv, 2, WEFT_INT32, WEFT_SUM);
    }
    return status;
}

int main(int argc, char **argv)
{
    weft_config config = WEFT_CONFIG_INIT;
    config.wait = WEFT_WAIT_SPIN; /* so that nobody is to be woken */
    if (argc != 3)
        return 2;
    calls = atoi(argv[2]);
    return weft_run(2, &config, body, argv[1]) == WEFT_OK ? 0 : 1;
}

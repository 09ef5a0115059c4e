// SPDX-License-Identifier: MIT
/* Four ranks of which one never comes to the third call: for debuggers to look at. */
#include <unistd.h>
#include <weft/weft.h>

static weft_status body(weft_comm *comm, void *unused)
{
    int32_t mine[4] = {1, 2, 3, 4}, sum[4];
    (void)unused;
    for (int i = 0; i < 2; i++)
        if (weft_barrier(comm) != WEFT_OK)
            return weft_comm_status(comm);
    if (weft_comm_rank(comm) == 3)
        for (;;)
            pause();
    return weft_allreduce(comm, mine, sum, 4, WEFT_INT32, WEFT_SUM);
}

int main(void)
{
    weft_config config = WEFT_CONFIG_INIT;
    config.name = "hung";
    return weft_run(4, &config, body, NULL) != WEFT_OK;
}

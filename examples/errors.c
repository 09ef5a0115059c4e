// SPDX-License-Identifier: MIT
/* errors.c - what a program sees when something goes wrong: a status on every rank, and a sentence.
 *
 *     cc -std=c11 errors.c $(pkg-config --cflags --libs weft) -o errors && ./errors
 *
 * Three mistakes: ranks that disagree, a rank that leaves, a body that fails. Nothing hangs; were a rank merely late, the
 * timeout of a second would end the wait. */
#include <stdio.h>
#include <weft/weft.h>

/* Rank 1 adds up two numbers, the others one. */
static weft_status disagree(weft_comm *comm, void *arg)
{
    int32_t data[2] = {1, 2};
    (void)arg;
    return weft_allreduce(comm, WEFT_IN_PLACE, data, weft_comm_rank(comm) == 1 ? 2 : 1, WEFT_INT32, WEFT_SUM);
}

/* Rank 2 has finished, and leaves; the others still wait for it. */
static weft_status leave(weft_comm *comm, void *arg)
{
    (void)arg;
    return weft_comm_rank(comm) == 2 ? WEFT_OK : weft_barrier(comm);
}

/* Rank 0 fails on its own; the others, who wait in a barrier, are told. */
static weft_status fail(weft_comm *comm, void *arg)
{
    (void)arg;
    return weft_comm_rank(comm) == 0 ? WEFT_ERR_CALLBACK : weft_barrier(comm);
}

static int show(const char *what, weft_status (*body)(weft_comm *comm, void *arg), weft_status expected)
{
    weft_config config = WEFT_CONFIG_INIT;
    config.name = what;
    config.timeout_ns = 1000000000;
    weft_status status = weft_run(3, &config, body, NULL);
    printf("%s: %s\n    %s\n", what, weft_status_name(status), weft_last_error());
    return status == expected ? 0 : 1;
}

int main(void)
{
    return show("disagree", disagree, WEFT_ERR_MISMATCH) + show("leave", leave, WEFT_ERR_RANK_LOST) +
           show("fail", fail, WEFT_ERR_CALLBACK);
}

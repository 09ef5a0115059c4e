// SPDX-License-Identifier: MIT
/* harness.c - what harnesses share: ranks on threads. */
#include "model.h"

struct rank {
    weft_comm *comm;
    void (*body)(weft_comm *comm);
};

static void *run_rank(void *rank_)
{
    struct rank *rank = rank_;
    rank->body(rank->comm);
    return NULL;
}

static void run(int n_ranks, const weft_config *config, void (*body)(weft_comm *comm), bool destroy)
{
    weft_comm *comms[4];
    struct rank ranks[4];
    pthread_t threads[4];
    CHECK_OK(weft_comm_create_all(n_ranks, config, comms));
    for (int i = 0; i < n_ranks; i++)
        ranks[i] = (struct rank){comms[i], body};
    for (int i = 1; i < n_ranks; i++)
        pthread_create(&threads[i], NULL, run_rank, &ranks[i]);
    run_rank(&ranks[0]);
    for (int i = 1; i < n_ranks; i++)
        pthread_join(threads[i], NULL);
    for (int i = 0; i < n_ranks && destroy; i++)
        weft_comm_destroy(comms[i]);
}

void model_ranks(int n_ranks, const weft_config *config, void (*body)(weft_comm *comm))
{
    run(n_ranks, config, body, true);
}

void model_ranks_leaving(int n_ranks, const weft_config *config, void (*body)(weft_comm *comm))
{
    run(n_ranks, config, body, false);
}

weft_status model_combine_nothing(const weft_op *op, const weft_type *type, const void *in, void *inout, size_t count)
{
    (void)op;
    (void)type;
    (void)in;
    (void)inout;
    (void)count;
    return WEFT_OK;
}

weft_config model_config(weft_wait wait, const char *algorithms)
{
    weft_config config = WEFT_CONFIG_INIT;
    config.wait = wait;
    config.algorithms = algorithms;
    return config;
}

// SPDX-License-Identifier: MIT
/* train.h - trains the model on several ranks: each takes a share of every batch, and their gradients meet. */
#ifndef WEFT_DEMO_TRAIN_H
#define WEFT_DEMO_TRAIN_H

#include "files.h"

/* Every this many steps the ranks compare their weights and look at the text that was held out. */
enum { TRAIN_CHECK_STEPS = 100, TRAIN_RANKS_MAX = 64 };

struct train_plan {
    const struct text *text;
    struct model_shape shape;
    int windows; /* a batch has this many, whatever the number of ranks */
    int ranks;
    int model_ranks; /* so many ranks share one model, and ranks / model_ranks of these share the batch */
    int steps;       /* 0: as many hundreds as fit in the seconds */
    double seconds;
    bool show;
};

struct train_result {
    float *weights; /* the caller's room for the whole model's; NULL, or model_ranks above 1: not wanted */
    int steps;
    int comparisons;                 /* of weights between ranks that should have the same */
    char difference[128];            /* what the first that failed found; "" */
    uint64_t first_checksum;         /* of rank 0's weights at the first comparison */
    float losses[TRAIN_CHECK_STEPS]; /* of the first steps */
    double held_loss;
};

weft_status train(const struct train_plan *plan, struct train_result *result);

#endif

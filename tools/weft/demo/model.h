// SPDX-License-Identifier: MIT
/* model.h - a decoder-only transformer over bytes, whole or as one shard of several: one implementation for both.
 *
 * A shard computes some attention heads, some feed-forward columns and some of the vocabulary. Its peers complete its
 * sums and its logits; their first failure is in peers->status. */
#ifndef WEFT_DEMO_MODEL_H
#define WEFT_DEMO_MODEL_H

#include "demo.h"

enum { LAYERS = 2, WIDTH = 128, HEADS = 4, HEAD_SIZE = WIDTH / HEADS, HIDDEN = 512, CONTEXT = 64, VOCAB = 256 };
enum { TEXTS = 4, ROWS = TEXTS * CONTEXT }; /* at most so many at once, and rows in fours */

/* Where the matrices stand among the weights: those of a layer, and those beside the layers. */
enum { QKV, OUT = QKV + WIDTH * 3 * WIDTH, UP = OUT + WIDTH * WIDTH, DOWN = UP + WIDTH * HIDDEN };
enum { PER_LAYER = DOWN + HIDDEN * WIDTH, EMBED = LAYERS * PER_LAYER, HEAD = EMBED + VOCAB * WIDTH };
enum { WEIGHTS = HEAD + WIDTH * VOCAB };

struct layer { /* what the way forward leaves for the way back, and for later tokens of the same text */
    float in[ROWS * WIDTH], qkv[ROWS * 3 * WIDTH], shares[ROWS * HEADS * CONTEXT];
    float mixed[ROWS * WIDTH], middle[ROWS * WIDTH], raised[ROWS * HIDDEN];
};

struct model {
    float weights[WEIGHTS], mean[WEIGHTS], variance[WEIGHTS];
    float gradients[WEIGHTS + 16]; /* the one behind them is free for whoever sends them around */
    struct layer layers[LAYERS];
    float out[ROWS * WIDTH], normed[ROWS * WIDTH], squared[ROWS * HIDDEN], qkv[ROWS * 3 * WIDTH];
    float logits_parts[ROWS * VOCAB], logits[ROWS * VOCAB], d_logits[ROWS * VOCAB], d_x[ROWS * WIDTH];
    float d_normed[ROWS * WIDTH], d_raised[ROWS * HIDDEN], d_mixed[ROWS * WIDTH], d_qkv[ROWS * 3 * WIDTH];
    float turned[WIDTH * HIDDEN]; /* a matrix, transposed */
    struct peers *peers;          /* outlive the model */
};

struct token {
    int32_t text, position; /* which text, and how many tokens of it come before */
    uint8_t byte;
};

/* All ranks call it: rank 0's weights, or random ones where they are NULL there. NULL: it failed, and peers->status says
 * how. free() frees it. */
struct model *model_create(struct peers *peers, const float *weights);
/* Logits (rows x VOCAB) of what follows each of the tokens, a multiple of four. Those of one text come in order, in one call or in many. */
const float *model_forward(struct model *model, const struct token *tokens, int rows);
/* The sum of the losses of the last way forward, in nats. The way back needs texts of CONTEXT tokens, all in that call,
 * and adds `scale` times the gradient, zeros outside of the shard; scale 0: there is none. */
double model_loss(struct model *model, const struct token *tokens, const uint8_t *targets, int rows, float scale);
void model_adam(struct model *model, int step, float rate); /* step counts from 1 */

#endif

// SPDX-License-Identifier: MIT
/* model.h - a decoder-only transformer over bytes, whole or as one shard of several: one implementation for both.
 *
 * A shard holds some attention heads, some feed-forward columns and some of the vocabulary; embedding and norms are on
 * every shard. Its peers complete its sums and its logits; their first failure is in peers->status. */
#ifndef WEFT_DEMO_MODEL_H
#define WEFT_DEMO_MODEL_H

#include "peers.h"

enum { MODEL_LAYERS_MAX = 4, MODEL_CONTEXT_MAX = 64 };

/* heads is a multiple of 4; width / heads, hidden / 4, vocab / 4 and context are multiples of 32, as matmul asks. */
struct model_shape {
    int32_t layers, width, heads, hidden, context, vocab;
};

struct model;

size_t model_weights(const struct model_shape *shape); /* how many floats the whole model has */
void model_random(const struct model_shape *shape, uint64_t seed, float *whole);

/* This rank's shard of `whole`, which is read only now, with room for `rows` tokens at once: windows of `context` tokens
 * to train and to judge, one token of each request to serve. NULL: no memory. The peers outlive the model. */
struct model *model_create(const struct model_shape *shape, struct peers *peers, const float *whole, int rows,
                           bool serve);
void model_free(struct model *model);

/* The shard's weights, and as many gradients: the last pass's, and after them one float for whoever sends them around. */
float *model_own(struct model *model, float **gradients, size_t *count);

/* Logits (rows x vocab; the model's memory, until its next call) for whole windows, or in serving for one token a
 * request: positions[i] tokens of request i came before this one. */
const float *model_forward(struct model *model, const uint8_t *tokens, const int32_t *positions, int rows);
/* The sum of the losses of the last forward pass, in nats; adds `scale` times its gradient, if scale is not 0. */
double model_loss(struct model *model, const uint8_t *tokens, const uint8_t *targets, int rows, float scale);
void model_adam(struct model *model, int step, float rate); /* step counts from 1 */

#endif

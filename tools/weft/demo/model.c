// SPDX-License-Identifier: MIT
/* model.c - the transformer: where its weights stand, how a shard is cut from them, and the way forward and back.
 *
 * Layers with a norm before each half: A. Radford et al., GPT-2, 2019. The cut is that of M. Shoeybi et al.,
 * "Megatron-LM", 2019: query, key, value and the first feed-forward matrix by columns, the two that follow them by rows,
 * so that each half of a layer needs one sum over the shards, forward and backward; the head by columns, so that the
 * logits are gathered. Adam: D. Kingma, J. Ba, 2015. */
#include "model.h"

#include "base.h"
#include "model_math.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { EMBED, FINAL_NORM, HEAD, LAYERS }; /* then, layer by layer: */
enum { NORM1, QKV, OUT, NORM2, UP, DOWN, PER_LAYER };
enum { TENSORS_MAX = LAYERS + MODEL_LAYERS_MAX * PER_LAYER };

enum cut { UNCUT, BY_COLUMNS, BY_COLUMNS_OF_THREE, BY_ROWS }; /* of three: query, key and value stand side by side */
struct tensor {
    int rows;
    int columns;
    enum cut cut;
    size_t offset; /* among the weights, and among the gradients */
};

struct layer { /* what the forward pass leaves for the backward pass */
    float *in, *inverse1, *normed1, *qkv, *shares, *mixed, *middle, *inverse2, *normed2, *raised, *active;
    float *ring; /* serving: the last `context` rows of qkv of each request */
};

struct model {
    struct model_shape shape;
    struct peers *peers;
    bool serve;
    int rows;
    struct heads heads;
    struct tensor tensor[TENSORS_MAX];
    size_t weight_count;
    float *arena; /* holds all that follows */
    float *weights, *gradients, *mean, *variance;
    struct layer layer[MODEL_LAYERS_MAX];
    float *out, *inverse, *normed, *logits_parts, *logits;
    float *d_x, *d_normed, *d_logits, *d_raised, *d_mixed, *d_qkv, *d_shares;
};

static int tensor_count(const struct model_shape *shape)
{
    return LAYERS + shape->layers * PER_LAYER;
}

/* Fills in the tensors of one of `shards` and returns how many floats they take. */
static size_t lay_out(const struct model_shape *shape, int shards, struct tensor *tensors)
{
    const int width = shape->width, part = width / shards, hidden = shape->hidden / shards;
    const struct tensor all[LAYERS + PER_LAYER] = {
        [EMBED] = {shape->vocab, width, UNCUT, 0},
        [FINAL_NORM] = {1, width, UNCUT, 0},
        [HEAD] = {width, shape->vocab / shards, BY_COLUMNS, 0},
        [LAYERS + NORM1] = {1, width, UNCUT, 0},
        [LAYERS + QKV] = {width, 3 * part, BY_COLUMNS_OF_THREE, 0},
        [LAYERS + OUT] = {part, width, BY_ROWS, 0},
        [LAYERS + NORM2] = {1, width, UNCUT, 0},
        [LAYERS + UP] = {width, hidden, BY_COLUMNS, 0},
        [LAYERS + DOWN] = {hidden, width, BY_ROWS, 0},
    };
    size_t used = 0;
    for (int i = 0; i < tensor_count(shape); i++) {
        tensors[i] = all[i < LAYERS ? i : LAYERS + (i - LAYERS) % PER_LAYER];
        tensors[i].offset = used;
        used += (size_t)(tensors[i].rows * tensors[i].columns);
    }
    return used;
}

size_t model_weights(const struct model_shape *shape)
{
    struct tensor tensors[TENSORS_MAX];
    return lay_out(shape, 1, tensors);
}

/* Gains begin at 1; matrices uniform, at the scale that keeps the variance, smaller where they add to the residual. */
void model_random(const struct model_shape *shape, uint64_t seed, float *whole)
{
    struct tensor tensors[TENSORS_MAX];
    lay_out(shape, 1, tensors);
    for (int i = 0; i < tensor_count(shape); i++) {
        const struct tensor *t = &tensors[i];
        const double kept = sqrt(3.0 / t->rows) * (t->cut == BY_ROWS ? 1 / sqrt(2.0 * shape->layers) : 1);
        const double reach = i == EMBED || i == HEAD ? 0.05 : kept;
        for (size_t j = t->offset; j < t->offset + (size_t)(t->rows * t->columns); j++)
            whole[j] = t->rows == 1 ? 1 : (float)(reach * (2 * random_unit(seed, j) - 1));
    }
}

static void cut_shard(struct model *model, const float *whole)
{
    struct tensor all[TENSORS_MAX];
    const int rank = model->peers->rank;
    lay_out(&model->shape, 1, all);
    for (int i = 0; i < tensor_count(&model->shape); i++) {
        const struct tensor *mine = &model->tensor[i];
        const int groups = mine->cut == BY_COLUMNS_OF_THREE ? 3 : 1, columns = mine->columns / groups;
        const float *from = whole + all[i].offset + (mine->cut == BY_ROWS ? rank * mine->rows * mine->columns : 0);
        if (mine->cut == BY_COLUMNS || mine->cut == BY_COLUMNS_OF_THREE)
            from += rank * columns;
        for (int j = 0; j < mine->rows * groups; j++)
            memcpy(model->weights + mine->offset + j * columns, from + j * (all[i].columns / groups),
                   (size_t)columns * sizeof(float));
    }
}

struct piece {
    float **at;
    int count;
};

/* Gives each piece its place in the arena, on cache lines; without an arena it only counts. Returns where they end. */
static size_t place(const struct piece *pieces, size_t count, float *arena, size_t used)
{
    for (size_t i = 0; i < count; i++) {
        *pieces[i].at = arena != NULL ? arena + used : NULL;
        used += ((size_t)pieces[i].count + 15) / 16 * 16;
    }
    return used;
}

static size_t place_all(struct model *m, float *arena)
{
    const int shards = m->peers->count, rows = m->rows, wide = rows * m->shape.width, part = wide / shards;
    const int raised = rows * m->shape.hidden / shards, logits = rows * m->shape.vocab, context = m->shape.context;
    const int weights = (int)m->weight_count, serve = m->serve, train = !serve;
    const struct piece model_pieces[] = {
        {&m->weights, weights},
        {&m->out, wide},
        {&m->normed, wide},
        {&m->inverse, rows},
        {&m->logits_parts, logits},
        {&m->logits, logits},
        {&m->gradients, train * (weights + 1)},
        {&m->mean, train * weights},
        {&m->variance, train * weights},
        {&m->d_x, train * wide},
        {&m->d_normed, train * wide},
        {&m->d_logits, train * logits / shards},
        {&m->d_raised, train * raised},
        {&m->d_mixed, train * part},
        {&m->d_qkv, train * 3 * part},
        {&m->d_shares, train * context * context},
    };
    size_t used = place(model_pieces, sizeof model_pieces / sizeof *model_pieces, arena, 0);
    for (int i = 0; i < m->shape.layers; i++) {
        struct layer *l = &m->layer[i];
        const struct piece pieces[] = {
            {&l->in, wide},
            {&l->inverse1, rows},
            {&l->normed1, wide},
            {&l->qkv, 3 * part},
            {&l->mixed, part},
            {&l->middle, wide},
            {&l->inverse2, rows},
            {&l->normed2, wide},
            {&l->raised, raised},
            {&l->active, raised},
            {&l->shares, rows * m->heads.count * context},
            {&l->ring, serve * 3 * part * context},
        };
        used = place(pieces, sizeof pieces / sizeof *pieces, arena, used);
    }
    return used;
}

struct model *model_create(const struct model_shape *shape, struct peers *peers, const float *whole, int rows,
                           bool serve)
{
    struct model *model = calloc(1, sizeof *model);
    if (model == NULL)
        return NULL;
    const int own = shape->heads / peers->count;
    *model = (struct model){.shape = *shape, .peers = peers, .serve = serve, .rows = rows};
    model->heads = (struct heads){peers->rank * own, own, shape->heads, shape->width / shape->heads, shape->context};
    model->weight_count = lay_out(shape, peers->count, model->tensor);
    const size_t bytes = place_all(model, NULL) * sizeof(float);
    model->arena = aligned_alloc(64, bytes);
    if (model->arena == NULL) {
        free(model);
        return NULL;
    }
    memset(model->arena, 0, bytes);
    place_all(model, model->arena);
    cut_shard(model, whole);
    return model;
}

void model_free(struct model *model)
{
    if (model != NULL)
        free(model->arena);
    free(model);
}

float *model_own(struct model *model, float **gradients, size_t *count)
{
    *count = model->weight_count;
    *gradients = model->gradients;
    return model->weights;
}

static const float *weights_of(const struct model *model, int number)
{
    return model->weights + model->tensor[number].offset;
}

static float *gradients_of(const struct model *model, int number)
{
    return model->gradients + model->tensor[number].offset;
}

/* out = in W, for the matrix W of that number. */
static void apply(const struct model *model, int number, const float *in, int rows, float *out)
{
    const struct tensor *t = &model->tensor[number];
    const struct view weights = {weights_of(model, number), t->columns, 1};
    matmul(rows, t->columns, t->rows, (struct view){in, t->rows, 1}, weights, out, t->columns, false);
}

/* d_W += in, turned, times d_out; d_in = d_out times W, turned. */
static void apply_backward(struct model *model, int number, const float *in, const float *d_out, int rows, float *d_in)
{
    const struct tensor *t = &model->tensor[number];
    const struct view in_turned = {in, 1, t->rows}, d_out_view = {d_out, t->columns, 1};
    const struct view turned = {weights_of(model, number), 1, t->columns};
    matmul(t->rows, t->columns, rows, in_turned, d_out_view, gradients_of(model, number), t->columns, true);
    matmul(rows, t->rows, t->columns, d_out_view, turned, d_in, t->rows, false);
}

/* Serving: each request's row joins its ring and looks at what is there. Otherwise: whole windows. */
static void attend(struct model *model, const struct layer *layer, const int32_t *positions, int rows)
{
    const int context = model->shape.context, part = model->heads.count * model->heads.size, row = 3 * part;
    for (int i = 0; i < rows && model->serve; i++) {
        float *ring = layer->ring + i * context * row;
        memcpy(ring + positions[i] % context * row, layer->qkv + i * row, (size_t)row * sizeof(float));
        attention_newest(&model->heads, ring, positions[i], layer->shares, layer->mixed + i * part);
    }
    for (int i = 0; i < rows && !model->serve; i += context)
        attention_forward(&model->heads, layer->qkv + i * row, layer->shares + i * model->heads.count * context,
                          layer->mixed + i * part);
}

/* out = in + the sum over the shards of what the matrix makes of `part`: the one meeting in each half of a layer. */
static void add_to_residual(struct model *model, int number, const float *part, const float *in, int rows, float *out)
{
    const int count = rows * model->shape.width;
    apply(model, number, part, rows, out);
    peers_sum(model->peers, out, (size_t)count);
    for (int i = 0; i < count; i++)
        out[i] += in[i];
}

static void layer_forward(struct model *model, int index, const int32_t *positions, int rows, float *out)
{
    const struct layer *layer = &model->layer[index];
    const int first = LAYERS + index * PER_LAYER, width = model->shape.width;
    norm_forward(layer->in, weights_of(model, first + NORM1), rows, width, layer->normed1, layer->inverse1);
    apply(model, first + QKV, layer->normed1, rows, layer->qkv);
    attend(model, layer, positions, rows);
    add_to_residual(model, first + OUT, layer->mixed, layer->in, rows, layer->middle);
    norm_forward(layer->middle, weights_of(model, first + NORM2), rows, width, layer->normed2, layer->inverse2);
    apply(model, first + UP, layer->normed2, rows, layer->raised);
    square_relu_forward(layer->raised, rows * model->tensor[first + UP].columns, layer->active);
    add_to_residual(model, first + DOWN, layer->active, layer->middle, rows, out);
}

/* Every shard has its columns of all rows; gathered they stand shard after shard, and are put row after row. */
static void gather_logits(struct model *model, int rows)
{
    const int columns = model->tensor[HEAD].columns, part = rows * columns;
    apply(model, HEAD, model->normed, rows, model->logits_parts + model->peers->rank * part);
    peers_gather(model->peers, model->logits_parts, (size_t)part, WEFT_FLOAT32);
    for (int shard = 0; shard < model->peers->count; shard++)
        for (int row = 0; row < rows; row++)
            memcpy(model->logits + row * model->shape.vocab + shard * columns,
                   model->logits_parts + shard * part + row * columns, (size_t)columns * sizeof(float));
}

const float *model_forward(struct model *model, const uint8_t *tokens, const int32_t *positions, int rows)
{
    const int layers = model->shape.layers, width = model->shape.width;
    for (int i = 0; i < rows; i++)
        memcpy(model->layer[0].in + i * width, weights_of(model, EMBED) + tokens[i] * width,
               (size_t)width * sizeof(float));
    for (int i = 0; i < layers; i++)
        layer_forward(model, i, positions, rows, i + 1 < layers ? model->layer[i + 1].in : model->out);
    norm_forward(model->out, weights_of(model, FINAL_NORM), rows, width, model->normed, model->inverse);
    gather_logits(model, rows);
    return model->logits;
}

/* d_x, the gradient of what came out of a norm and its matrix, becomes that of what went in: d_normed is partial. */
static void norm_and_meet_backward(struct model *model, int number, const float *in, const float *inverse, int rows)
{
    peers_sum(model->peers, model->d_normed, (size_t)(rows * model->shape.width));
    norm_backward(in, weights_of(model, number), inverse, model->d_normed, rows, model->shape.width,
                  gradients_of(model, number), model->d_x);
}

static void layer_backward(struct model *model, int index, int rows)
{
    const struct layer *layer = &model->layer[index];
    const struct heads *heads = &model->heads;
    const int first = LAYERS + index * PER_LAYER, context = heads->context, part = heads->count * heads->size;
    apply_backward(model, first + DOWN, layer->active, model->d_x, rows, model->d_raised);
    square_relu_backward(layer->raised, rows * model->tensor[first + UP].columns, model->d_raised);
    apply_backward(model, first + UP, layer->normed2, model->d_raised, rows, model->d_normed);
    norm_and_meet_backward(model, first + NORM2, layer->middle, layer->inverse2, rows);
    apply_backward(model, first + OUT, layer->mixed, model->d_x, rows, model->d_mixed);
    for (int i = 0; i < rows; i += context)
        attention_backward(heads, layer->qkv + i * 3 * part, layer->shares + i * heads->count * context,
                           model->d_mixed + i * part, model->d_shares, model->d_qkv + i * 3 * part);
    apply_backward(model, first + QKV, layer->normed1, model->d_qkv, rows, model->d_normed);
    norm_and_meet_backward(model, first + NORM1, layer->in, layer->inverse1, rows);
}

static void backward(struct model *model, const uint8_t *tokens, int rows)
{
    const int width = model->shape.width;
    apply_backward(model, HEAD, model->normed, model->d_logits, rows, model->d_normed);
    memset(model->d_x, 0, (size_t)(rows * width) * sizeof(float));
    norm_and_meet_backward(model, FINAL_NORM, model->out, model->inverse, rows);
    for (int i = model->shape.layers - 1; i >= 0; i--)
        layer_backward(model, i, rows);
    for (int i = 0; i < rows; i++)
        for (int j = 0; j < width; j++)
            gradients_of(model, EMBED)[tokens[i] * width + j] += model->d_x[i * width + j];
}

double model_loss(struct model *model, const uint8_t *tokens, const uint8_t *targets, int rows, float scale)
{
    const int vocab = model->shape.vocab, columns = model->tensor[HEAD].columns, first = model->peers->rank * columns;
    double sum = 0;
    for (int i = 0; i < rows; i++) {
        float *row = model->logits + i * vocab;
        const float wanted = row[targets[i]];
        sum += (double)(softmax(row, vocab) - wanted);
        for (int j = 0; scale != 0 && j < columns; j++)
            model->d_logits[i * columns + j] = scale * (row[first + j] - (first + j == targets[i] ? 1.0f : 0.0f));
    }
    if (scale != 0)
        backward(model, tokens, rows);
    return sum;
}

void model_adam(struct model *model, int step, float rate)
{
    const float keep_mean = 0.9f, keep_variance = 0.99f;
    const float mean_scale = 1 / (1 - powf(keep_mean, (float)step));
    const float variance_scale = 1 / (1 - powf(keep_variance, (float)step));
    for (size_t i = 0; i < model->weight_count; i++) {
        const float g = model->gradients[i];
        model->mean[i] = keep_mean * model->mean[i] + (1 - keep_mean) * g;
        model->variance[i] = keep_variance * model->variance[i] + (1 - keep_variance) * g * g;
        model->weights[i] -= rate * model->mean[i] * mean_scale / (sqrtf(model->variance[i] * variance_scale) + 1e-8f);
    }
}

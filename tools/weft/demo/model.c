// SPDX-License-Identifier: MIT
/* model.c - the transformer: its arithmetic, which part of the weights a shard works with, the way forward and back.
 *
 * Layers with a norm before each half: A. Radford et al., GPT-2, 2019. Root mean square norm: B. Zhang, R. Sennrich, 2019.
 * Squared ReLU: D. So et al., "Primer", 2021; being smooth, it keeps rounding errors small. Attention: A. Vaswani et al.,
 * 2017, with a bias that falls off linearly with the distance, instead of positions that are learned: O. Press, N. Smith,
 * M. Lewis, "Train Short, Test Long", 2022. Adam: D. Kingma, J. Ba, 2015.
 *
 * The cut is that of M. Shoeybi et al., "Megatron-LM", 2019: query, key, value and the first feed-forward matrix by
 * columns, the two that follow them by rows, so that each half of a layer needs one sum over the shards, forward and
 * backward; the head by columns, so that the logits are gathered. The ranks being threads of one process, each keeps all
 * weights, and works with its part where it stands. */
#include "model.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define INLINED static inline __attribute__((always_inline))

/* c = a b, or c += a b: a is m x k, b is k x n; m is a multiple of 4, n of 32. Element (i, j) of a stands
 * at a[i * a_row + j * a_column], so that it can be turned; rows of b and c are b_row and c_row apart. */
struct product {
    int m, n, k;
    const float *a;
    int a_row, a_column;
    const float *b;
    int b_row;
    float *c;
    int c_row;
    bool add;
};

enum { TILE_ROWS = 4, TILE_COLUMNS = 32 };

/* A tile of c stays in registers while p runs, so that each number of b is loaded once for all its rows. */
INLINED void tile(const struct product *x, const float *a, const float *b, float *c)
{
    float sum[TILE_ROWS][TILE_COLUMNS];
    for (int i = 0; i < TILE_ROWS; i++)
        for (int j = 0; j < TILE_COLUMNS; j++)
            sum[i][j] = x->add ? c[i * x->c_row + j] : 0;
    for (int p = 0; p < x->k; p++)
        for (int i = 0; i < TILE_ROWS; i++)
            for (int j = 0; j < TILE_COLUMNS; j++)
                sum[i][j] += a[i * x->a_row + p * x->a_column] * b[p * x->b_row + j];
    for (int i = 0; i < TILE_ROWS; i++)
        for (int j = 0; j < TILE_COLUMNS; j++)
            c[i * x->c_row + j] = sum[i][j];
}

INLINED void multiply(const struct product *x)
{
    for (int j = 0; j < x->n; j += TILE_COLUMNS)
        for (int i = 0; i < x->m; i += TILE_ROWS)
            tile(x, x->a + i * x->a_row, x->b + j, x->c + i * x->c_row + j);
}

/* Once for each set of vectors. One machine always takes the same, so a run repeats bit for bit. */
#if defined(__x86_64__)
__attribute__((target("avx512f"))) static void multiply_avx512(const struct product *x)
{
    multiply(x);
}

__attribute__((target("avx2"))) static void multiply_avx2(const struct product *x)
{
    multiply(x);
}
#endif

static void matmul(struct product x)
{
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx512f"))
        multiply_avx512(&x);
    else if (__builtin_cpu_supports("avx2"))
        multiply_avx2(&x);
    else
#endif
        multiply(&x);
}

/* Sixteen sums side by side, added up in one fixed order: the compiler may not choose one for floats. */
INLINED float dot(const float *a, const float *b, int count)
{
    float part[16] = {0};
    for (int i = 0; i < count; i += 16)
        for (int j = 0; j < 16; j++)
            part[j] += a[i + j] * b[i + j];
    for (int half = 8; half > 0; half /= 2)
        for (int j = 0; j < half; j++)
            part[j] += part[j + half];
    return part[0];
}

INLINED void add_scaled(float *y, float scale, const float *x, int count)
{
    for (int i = 0; i < count; i++)
        y[i] += scale * x[i];
}

/* y = x / rms(x), row by row. */
static void norm(const float *x, int rows, float *y)
{
    for (int i = 0; i < rows; i++, x += WIDTH, y += WIDTH) {
        const float inverse = 1 / sqrtf(dot(x, x, WIDTH) / WIDTH + 1e-5f);
        for (int j = 0; j < WIDTH; j++)
            y[j] = x[j] * inverse;
    }
}

/* Adds to dx. */
static void norm_backward(const float *x, const float *dy, int rows, float *dx)
{
    for (int i = 0; i < rows; i++, x += WIDTH, dy += WIDTH, dx += WIDTH) {
        const float inverse = 1 / sqrtf(dot(x, x, WIDTH) / WIDTH + 1e-5f);
        const float along = dot(dy, x, WIDTH) * inverse * inverse / WIDTH;
        for (int j = 0; j < WIDTH; j++)
            dx[j] += inverse * (dy[j] - along * x[j]);
    }
}

/* x becomes exp(x) / sum of exp(x). Returns the logarithm of that sum. */
static float softmax(float *x, int count)
{
    float most = x[0], sum = 0;
    for (int i = 1; i < count; i++)
        most = x[i] > most ? x[i] : most;
    for (int i = 0; i < count; i++) {
        x[i] = expf(x[i] - most);
        sum += x[i];
    }
    for (int i = 0; i < count; i++)
        x[i] /= sum;
    return most + logf(sum);
}

/* A row of a text has query, key and value of each head in turn, and row t stands in row t mod CONTEXT of the memory. */
static size_t row_at(int heads, int position)
{
    return (size_t)(position % CONTEXT * heads * 3 * HEAD_SIZE);
}

/* Row `position` looks at itself and up to CONTEXT - 1 rows before it. `shares` (heads x CONTEXT) keeps how much it takes
 * from each, the nearest first. */
static void attend(int first_head, int heads, const float *text, int position, float *shares, float *out)
{
    const int seen = position < CONTEXT ? position + 1 : CONTEXT;
    const float scale = 1 / sqrtf(HEAD_SIZE);
    memset(out, 0, (size_t)(heads * HEAD_SIZE) * sizeof *out);
    for (int h = 0; h < heads; h++, text += 3 * HEAD_SIZE, shares += CONTEXT, out += HEAD_SIZE) {
        /* How much a score falls with each row of distance: 1/4 in the first head of four, 1/256 in the last. */
        const float fall = exp2f(-8.0f * (float)(first_head + h + 1) / HEADS), *query = text + row_at(heads, position);
        for (int back = 0; back < seen; back++) {
            const float *key = text + row_at(heads, position - back) + HEAD_SIZE;
            shares[back] = dot(query, key, HEAD_SIZE) * scale - fall * (float)back;
        }
        softmax(shares, seen);
        for (int back = 0; back < seen; back++)
            add_scaled(out, shares[back], text + row_at(heads, position - back) + 2 * HEAD_SIZE, HEAD_SIZE);
    }
}

/* Adds to d_text. */
static void attend_backward(int heads, const float *text, int position, const float *shares, const float *d_out,
                            float *d_text)
{
    const float scale = 1 / sqrtf(HEAD_SIZE);
    for (int h = 0; h < heads;
         h++, text += 3 * HEAD_SIZE, d_text += 3 * HEAD_SIZE, shares += CONTEXT, d_out += HEAD_SIZE) {
        const size_t query = row_at(heads, position);
        float d_share[CONTEXT], mean = 0;
        for (int back = 0; back <= position; back++) {
            const size_t value = row_at(heads, position - back) + 2 * HEAD_SIZE;
            d_share[back] = dot(d_out, text + value, HEAD_SIZE);
            mean += shares[back] * d_share[back];
            add_scaled(d_text + value, shares[back], d_out, HEAD_SIZE);
        }
        for (int back = 0; back <= position; back++) {
            const size_t key = row_at(heads, position - back) + HEAD_SIZE;
            const float d_score = shares[back] * (d_share[back] - mean) * scale;
            add_scaled(d_text + query, d_score, text + key, HEAD_SIZE);
            add_scaled(d_text + key, d_score, text + query, HEAD_SIZE);
        }
    }
}

struct model *model_create(struct peers *peers, const float *weights)
{
    struct model *model = aligned_alloc(64, (sizeof *model + 63) / 64 * 64);
    if (model == NULL) {
        peers->status = WEFT_ERR_MEMORY;
        return NULL;
    }
    memset(model, 0, sizeof *model);
    model->peers = peers;
    for (int i = 0; i < WEIGHTS && peers->rank == 0; i++)
        model->weights[i] = weights != NULL ? weights[i] : (float)(0.16 * random_unit(0, (uint64_t)i) - 0.08);
    peers_broadcast(peers, model->weights, WEIGHTS, WEFT_FLOAT32);
    return model;
}

/* This shard's part of a matrix: where it begins among the weights, and how far its rows are apart. */
struct part {
    int at, rows, columns, row;
};

static struct part part_of(const struct model *model, int at)
{
    const int shard = model->peers->shard, shards = model->peers->shards, hidden = HIDDEN / shards;
    switch (at < EMBED ? at % PER_LAYER : at) {
    case QKV:
        return (struct part){at + shard * 3 * WIDTH / shards, WIDTH, 3 * WIDTH / shards, 3 * WIDTH};
    case OUT:
        return (struct part){at + shard * WIDTH / shards * WIDTH, WIDTH / shards, WIDTH, WIDTH};
    case UP:
        return (struct part){at + shard * hidden, WIDTH, hidden, HIDDEN};
    case DOWN:
        return (struct part){at + shard * hidden * WIDTH, hidden, WIDTH, WIDTH};
    default: /* HEAD */
        return (struct part){at + shard * VOCAB / shards, WIDTH, VOCAB / shards, VOCAB};
    }
}

/* out = in times this shard's part of the matrix that stands there. */
static void apply(const struct model *model, int at, const float *in, int rows, float *out)
{
    const struct part w = part_of(model, at);
    const float *weights = model->weights + w.at;
    matmul((struct product){rows, w.columns, w.rows, in, w.rows, 1, weights, w.row, out, w.columns, false});
}

/* The gradients of that part += in, turned, times d_out; d_in = d_out times that part, turned. */
static void apply_backward(struct model *model, int at, const float *in, const float *d_out, int rows, float *d_in)
{
    const struct part w = part_of(model, at);
    float *turned = model->turned, *gradients = model->gradients + w.at;
    for (int first = 0; first < w.rows; first += 16) /* a cache line of `turned` at a time */
        for (int j = 0; j < w.columns; j++)
            for (int i = first; i < first + 16; i++)
                turned[j * w.rows + i] = model->weights[w.at + i * w.row + j];
    matmul((struct product){w.rows, w.columns, rows, in, 1, w.rows, d_out, w.columns, gradients, w.row, true});
    matmul((struct product){rows, w.rows, w.columns, d_out, w.columns, 1, turned, w.rows, d_in, w.rows, false});
}

/* out = in + the sum over the shards of what the matrix makes of `own`: the one meeting in each half of a layer. */
static void add_to_residual(struct model *model, int at, const float *own, const float *in, int rows, float *out)
{
    apply(model, at, own, rows, out);
    peers_sum(model->peers, model->peers->model, out, (size_t)(rows * WIDTH));
    add_scaled(out, 1, in, rows * WIDTH);
}

static void layer_forward(struct model *model, int index, const struct token *tokens, int rows, float *out)
{
    struct layer *layer = &model->layers[index];
    const int first = index * PER_LAYER, heads = HEADS / model->peers->shards, width = heads * HEAD_SIZE;
    const int hidden = rows * HIDDEN / model->peers->shards;
    norm(layer->in, rows, model->normed);
    apply(model, first + QKV, model->normed, rows, model->qkv);
    for (int i = 0; i < rows; i++) { /* each row takes its place in its text, and looks at what is there */
        float *text = layer->qkv + tokens[i].text * CONTEXT * 3 * width;
        memcpy(text + row_at(heads, tokens[i].position), model->qkv + i * 3 * width,
               (size_t)(3 * width) * sizeof *text);
        attend(model->peers->shard * heads, heads, text, tokens[i].position, layer->shares + i * heads * CONTEXT,
               layer->mixed + i * width);
    }
    add_to_residual(model, first + OUT, layer->mixed, layer->in, rows, layer->middle);
    norm(layer->middle, rows, model->normed);
    apply(model, first + UP, model->normed, rows, layer->raised);
    for (int i = 0; i < hidden; i++) {
        layer->raised[i] = 0.5f * (layer->raised[i] + fabsf(layer->raised[i])); /* max(x, 0), as it becomes vectors */
        model->squared[i] = layer->raised[i] * layer->raised[i];
    }
    add_to_residual(model, first + DOWN, model->squared, layer->middle, rows, out);
}

/* Every shard has its columns of all rows; gathered they stand shard after shard, and are put row after row. */
static void gather_logits(struct model *model, int rows)
{
    const int columns = VOCAB / model->peers->shards, count = rows * columns;
    apply(model, HEAD, model->normed, rows, model->logits_parts + model->peers->shard * count);
    peers_gather(model->peers, model->peers->model, model->logits_parts, (size_t)count, WEFT_FLOAT32);
    for (int shard = 0; shard < model->peers->shards; shard++)
        for (int row = 0; row < rows; row++)
            memcpy(model->logits + row * VOCAB + shard * columns, model->logits_parts + shard * count + row * columns,
                   (size_t)columns * sizeof(float));
}

const float *model_forward(struct model *model, const struct token *tokens, int rows)
{
    for (int i = 0; i < rows; i++)
        memcpy(model->layers[0].in + i * WIDTH, model->weights + EMBED + tokens[i].byte * WIDTH, WIDTH * sizeof(float));
    for (int i = 0; i < LAYERS; i++)
        layer_forward(model, i, tokens, rows, i + 1 < LAYERS ? model->layers[i + 1].in : model->out);
    norm(model->out, rows, model->normed);
    gather_logits(model, rows);
    return model->logits;
}

/* d_normed is this shard's part of the gradient of what came out of a norm; d_x gets that of what went in. */
static void meet_backward(struct model *model, const float *in, int rows)
{
    peers_sum(model->peers, model->peers->model, model->d_normed, (size_t)(rows * WIDTH));
    norm_backward(in, model->d_normed, rows, model->d_x);
}

static void layer_backward(struct model *model, int index, int rows)
{
    const struct layer *layer = &model->layers[index];
    const int first = index * PER_LAYER, heads = HEADS / model->peers->shards, width = heads * HEAD_SIZE;
    const int hidden = rows * HIDDEN / model->peers->shards;
    for (int i = 0; i < hidden; i++)
        model->squared[i] = layer->raised[i] * layer->raised[i];
    apply_backward(model, first + DOWN, model->squared, model->d_x, rows, model->d_raised);
    for (int i = 0; i < hidden; i++)
        model->d_raised[i] *= 2 * layer->raised[i];
    norm(layer->middle, rows, model->normed);
    apply_backward(model, first + UP, model->normed, model->d_raised, rows, model->d_normed);
    meet_backward(model, layer->middle, rows);
    apply_backward(model, first + OUT, layer->mixed, model->d_x, rows, model->d_mixed);
    memset(model->d_qkv, 0, sizeof model->d_qkv);
    for (int i = 0; i < rows; i++) {
        const int text = i / CONTEXT * CONTEXT * 3 * width;
        attend_backward(heads, layer->qkv + text, i % CONTEXT, layer->shares + i * heads * CONTEXT,
                        model->d_mixed + i * width, model->d_qkv + text);
    }
    norm(layer->in, rows, model->normed);
    apply_backward(model, first + QKV, model->normed, model->d_qkv, rows, model->d_normed);
    meet_backward(model, layer->in, rows);
}

double model_loss(struct model *model, const struct token *tokens, const uint8_t *targets, int rows, float scale)
{
    const int columns = VOCAB / model->peers->shards, first = model->peers->shard * columns;
    double sum = 0;
    for (int i = 0; i < rows; i++) {
        float *row = model->logits + i * VOCAB;
        const float wanted = row[targets[i]];
        sum += (double)(softmax(row, VOCAB) - wanted);
        row[targets[i]] -= 1;
        for (int j = 0; j < columns; j++)
            model->d_logits[i * columns + j] = scale * row[first + j];
    }
    if (scale == 0)
        return sum;
    apply_backward(model, HEAD, model->normed, model->d_logits, rows, model->d_normed);
    memset(model->d_x, 0, sizeof model->d_x);
    meet_backward(model, model->out, rows);
    for (int i = LAYERS - 1; i >= 0; i--)
        layer_backward(model, i, rows);
    for (int i = 0; i < rows; i++)
        add_scaled(model->gradients + EMBED + tokens[i].byte * WIDTH, 1, model->d_x + i * WIDTH, WIDTH);
    return sum;
}

void model_adam(struct model *model, int step, float rate)
{
    const float keep_mean = 0.9f, keep_variance = 0.99f;
    const float mean_scale = 1 / (1 - powf(keep_mean, (float)step));
    const float variance_scale = 1 / (1 - powf(keep_variance, (float)step));
    for (int i = 0; i < WEIGHTS; i++) {
        const float g = model->gradients[i];
        model->mean[i] = keep_mean * model->mean[i] + (1 - keep_mean) * g;
        model->variance[i] = keep_variance * model->variance[i] + (1 - keep_variance) * g * g;
        model->weights[i] -= rate * model->mean[i] * mean_scale / (sqrtf(model->variance[i] * variance_scale) + 1e-8f);
    }
}

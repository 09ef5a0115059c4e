// SPDX-License-Identifier: MIT
/* model_math.c - norms, activation, softmax and attention, forward and backward.
 *
 * Root mean square norm: B. Zhang, R. Sennrich, 2019. Squared ReLU: D. So et al., "Primer", 2021. Attention: A. Vaswani
 * et al., 2017, with a bias that falls off linearly with the distance, instead of positions that are learned: O. Press,
 * N. Smith, M. Lewis, "Train Short, Test Long", 2022. It has no weights, and a text may grow past the window. */
#include "model_math.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

/* Sixteen sums side by side, which the compiler turns into vectors; added up in one fixed order. */
static float dot(const float *a, const float *b, int count)
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

void norm_forward(const float *x, const float *gain, int rows, int width, float *y, float *inverse)
{
    for (int i = 0; i < rows; i++, x += width, y += width) {
        inverse[i] = 1.0f / sqrtf(dot(x, x, width) / (float)width + 1e-5f);
        for (int j = 0; j < width; j++)
            y[j] = x[j] * inverse[i] * gain[j];
    }
}

void norm_backward(const float *x, const float *gain, const float *inverse, const float *dy, int rows, int width,
                   float *d_gain, float *dx)
{
    for (int i = 0; i < rows; i++, x += width, dy += width, dx += width) {
        float scaled[NORM_WIDTH_MAX];
        for (int j = 0; j < width; j++) {
            d_gain[j] += dy[j] * x[j] * inverse[i];
            scaled[j] = dy[j] * gain[j];
        }
        const float along = dot(scaled, x, width) * inverse[i] * inverse[i] / (float)width;
        for (int j = 0; j < width; j++)
            dx[j] += inverse[i] * (scaled[j] - along * x[j]);
    }
}

/* max(x, 0) without a branch, so that loops over it become vectors. */
static inline float positive(float x)
{
    return 0.5f * (x + fabsf(x));
}

void square_relu_forward(const float *x, int count, float *y)
{
    for (int i = 0; i < count; i++)
        y[i] = positive(x[i]) * positive(x[i]);
}

void square_relu_backward(const float *x, int count, float *dy)
{
    for (int i = 0; i < count; i++)
        dy[i] *= 2 * positive(x[i]);
}

/* e^x for x <= 0: 2^n times the Taylor series on the rest, at most ln 2 / 2. Below 2^-126 it is as good as 0. */
static inline float exp_of_negative(float x)
{
    const int32_t whole = (int32_t)(x * 1.44269504f - 0.5f), n = whole < -126 ? -126 : whole;
    const float r = x - (float)n * 0.693147181f;
    const float series = 1 + r * (1 + r * (1 / 2.f + r * (1 / 6.f + r * (1 / 24.f + r * (1 / 120.f + r / 720.f)))));
    const union {
        int32_t bits;
        float number;
    } power = {(n + 127) * (1 << 23)};
    return series * power.number;
}

float softmax(float *x, int count)
{
    float most = x[0];
    for (int i = 1; i < count; i++)
        most = x[i] > most ? x[i] : most;
    for (int i = 0; i < count; i++)
        x[i] = exp_of_negative(x[i] - most);
    float sum = 0;
    for (int i = 0; i < count; i++)
        sum += x[i];
    const float scale = 1 / sum;
    for (int i = 0; i < count; i++)
        x[i] *= scale;
    return most + logf(sum);
}

/* How much a head's score falls for each token of distance: from 1/4 for the first head to 1/256 for the last of four. */
static float slope(const struct heads *heads, int head)
{
    return exp2f(-8.0f * (float)(heads->first + head + 1) / (float)heads->of);
}

void attention_forward(const struct heads *heads, const float *qkv, float *shares, float *out)
{
    const int context = heads->context, size = heads->size, part = heads->count * size;
    const float scale = 1 / sqrtf((float)size);
    for (int h = 0; h < heads->count; h++, shares += context * context, qkv += size, out += size) {
        const struct view q = {qkv, 3 * part, 1}, k_turned = {qkv + part, 1, 3 * part},
                          v = {qkv + 2 * part, 3 * part, 1};
        const float fall = slope(heads, h);
        matmul(context, context, size, q, k_turned, shares, context, false);
        for (int i = 0; i < context; i++) {
            float *row = shares + i * context;
            for (int j = 0; j <= i; j++)
                row[j] = row[j] * scale - fall * (float)(i - j);
            softmax(row, i + 1);
            for (int j = i + 1; j < context; j++)
                row[j] = 0;
        }
        matmul(context, size, context, (struct view){shares, context, 1}, v, out, part, false);
    }
}

void attention_backward(const struct heads *heads, const float *qkv, const float *shares, const float *d_out,
                        float *scratch, float *d_qkv)
{
    const int context = heads->context, size = heads->size, part = heads->count * size, stride = 3 * part;
    const float scale = 1 / sqrtf((float)size);
    for (int h = 0; h < heads->count; h++, shares += context * context, qkv += size, d_out += size, d_qkv += size) {
        const struct view q = {qkv, stride, 1}, k = {qkv + part, stride, 1}, v_turned = {qkv + 2 * part, 1, stride};
        const struct view d_out_view = {d_out, part, 1};
        matmul(context, size, context, (struct view){shares, 1, context}, d_out_view, d_qkv + 2 * part, stride, false);
        matmul(context, context, size, d_out_view, v_turned, scratch, context, false);
        for (int i = 0; i < context; i++) {
            const float *share = shares + i * context;
            float *row = scratch + i * context;
            const float mean = dot(share, row, context);
            for (int j = 0; j < context; j++)
                row[j] = share[j] * (row[j] - mean) * scale;
        }
        matmul(context, size, context, (struct view){scratch, context, 1}, k, d_qkv, stride, false);
        matmul(context, size, context, (struct view){scratch, 1, context}, q, d_qkv + part, stride, false);
    }
}

void attention_newest(const struct heads *heads, const float *ring, int position, float *scratch, float *out)
{
    const int context = heads->context, size = heads->size, part = heads->count * size;
    const int seen = position + 1 < context ? position + 1 : context;
    const float scale = 1 / sqrtf((float)size);
    const float *query = ring + position % context * 3 * part;
    memset(out, 0, (size_t)part * sizeof *out);
    for (int h = 0; h < heads->count; h++, query += size, ring += size, out += size) {
        for (int back = 0; back < seen; back++) {
            const float *key = ring + (position - back) % context * 3 * part + part;
            scratch[back] = dot(query, key, size) * scale - slope(heads, h) * (float)back;
        }
        softmax(scratch, seen);
        for (int back = 0; back < seen; back++) {
            const float *value = ring + (position - back) % context * 3 * part + 2 * part;
            for (int j = 0; j < size; j++)
                out[j] += scratch[back] * value[j];
        }
    }
}

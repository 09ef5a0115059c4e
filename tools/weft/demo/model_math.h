// SPDX-License-Identifier: MIT
/* model_math.h - what a transformer computes: matrix products, norm, activation, softmax, attention. */
#ifndef WEFT_DEMO_MODEL_MATH_H
#define WEFT_DEMO_MODEL_MATH_H

#include <stdbool.h>

/* A matrix as it stands in memory: element (i, j) is at[i * row + j * column]. With row and column exchanged the same
 * memory is the transposed matrix. */
struct view {
    const float *at;
    int row, column;
};

/* c = a b, or c += a b: a is m x k, b is k x n, c is m x n with rows c_row apart. n is a multiple of 32. */
void matmul(int m, int n, int k, struct view a, struct view b, float *c, int c_row, bool add);

enum { NORM_WIDTH_MAX = 256 };
/* y = x gain / rms(x), row by row; inverse[i] keeps 1 / rms. The way back adds to d_gain and to dx. */
void norm_forward(const float *x, const float *gain, int rows, int width, float *y, float *inverse);
void norm_backward(const float *x, const float *gain, const float *inverse, const float *dy, int rows, int width,
                   float *d_gain, float *dx);

/* y = max(x, 0)^2; the way back turns dy into dx. */
void square_relu_forward(const float *x, int count, float *y);
void square_relu_backward(const float *x, int count, float *dy);

/* x becomes exp(x) / sum of exp(x); returns the logarithm of that sum. */
float softmax(float *x, int count);

/* The heads of one shard. A row of `qkv` holds queries, keys and values of `count` heads; a row of `out` their results. */
struct heads {
    int first; /* among all the heads of the model: the slope of a head's bias depends on it */
    int count;
    int of;
    int size;
    int context;
};
/* One window of `context` rows. `shares`, context x context for each head, keeps who looked at whom. */
void attention_forward(const struct heads *heads, const float *qkv, float *shares, float *out);
void attention_backward(const struct heads *heads, const float *qkv, const float *shares, const float *d_out,
                        float *scratch, float *d_qkv);
/* The newest row of a text, which sees at most `context` rows: row t of the text stands in row t mod context of the ring. */
void attention_newest(const struct heads *heads, const float *ring, int position, float *scratch, float *out);

#endif

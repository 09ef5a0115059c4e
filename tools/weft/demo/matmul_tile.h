// SPDX-License-Identifier: MIT
/* matmul_tile.h - one tile of a matrix product, written once and compiled once per instruction set: matmul.c includes it
 * with TILE_NAME, TILE_TARGET, TILE_LANES (floats in a vector) and TILE_ROWS set.
 *
 * A tile of TILE_ROWS x 2 vectors of the result stays in registers while k runs: each step loads two vectors of b and one
 * number per row of a. After: K. Goto and R. van de Geijn, "Anatomy of High-Performance Matrix Multiplication", 2008. */

static inline __attribute__((always_inline)) TILE_TARGET void TILE_PASTE(TILE_NAME, rows)(const int rows, int k,
                                                                                          struct view a, const float *b,
                                                                                          int b_row, float *c,
                                                                                          int c_row, bool add)
{
    typedef float vector __attribute__((vector_size(TILE_LANES * 4), aligned(4), may_alias));
    vector sum[TILE_ROWS][2];
    for (int i = 0; i < rows; i++)
        for (int j = 0; j < 2; j++)
            sum[i][j] = add ? *(const vector *)(c + i * c_row + j * TILE_LANES) : (vector){0};
    for (int p = 0; p < k; p++) {
        const vector b0 = *(const vector *)(b + (size_t)p * b_row);
        const vector b1 = *(const vector *)(b + (size_t)p * b_row + TILE_LANES);
        for (int i = 0; i < rows; i++) {
            const float x = a.at[i * a.row + p * a.column];
            sum[i][0] += x * b0;
            sum[i][1] += x * b1;
        }
    }
    for (int i = 0; i < rows; i++)
        for (int j = 0; j < 2; j++)
            *(vector *)(c + i * c_row + j * TILE_LANES) = sum[i][j];
}

/* All m rows of the 32 columns that start at b and c. */
static TILE_TARGET void TILE_NAME(int m, int k, struct view a, const float *b, int b_row, float *c, int c_row, bool add)
{
    for (int j = 0; j < 32; j += 2 * TILE_LANES) {
        int i = 0;
        for (; i + TILE_ROWS <= m; i += TILE_ROWS) {
            const struct view rows = {a.at + (size_t)i * a.row, a.row, a.column};
            TILE_PASTE(TILE_NAME, rows)(TILE_ROWS, k, rows, b + j, b_row, c + (size_t)i * c_row + j, c_row, add);
        }
        for (; i < m; i++) {
            const struct view rows = {a.at + (size_t)i * a.row, a.row, a.column};
            TILE_PASTE(TILE_NAME, rows)(1, k, rows, b + j, b_row, c + (size_t)i * c_row + j, c_row, add);
        }
    }
}

#undef TILE_NAME
#undef TILE_TARGET
#undef TILE_LANES
#undef TILE_ROWS

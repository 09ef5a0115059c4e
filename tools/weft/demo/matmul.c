// SPDX-License-Identifier: MIT
/* matmul.c - the matrix product: 32 columns of b at a time are copied side by side, so that the tiles (matmul_tile.h)
 * read them in order from the nearest cache, whichever way b stands in memory.
 *
 * The widest vectors that the processor has are looked up at each call. One machine always takes the same path, so a run
 * can be repeated bit for bit. */
#include "model_math.h"

#include <stddef.h>

#define TILE_PASTE_(a, b) a##_##b
#define TILE_PASTE(a, b) TILE_PASTE_(a, b)

#define TILE_NAME tile_any
#define TILE_TARGET
#define TILE_LANES 4
#define TILE_ROWS 4
#include "matmul_tile.h"

#if defined(__x86_64__)
#define TILE_NAME tile_avx2
#define TILE_TARGET __attribute__((target("avx2,fma")))
#define TILE_LANES 8
#define TILE_ROWS 4
#include "matmul_tile.h"

#define TILE_NAME tile_avx512
#define TILE_TARGET __attribute__((target("avx512f")))
#define TILE_LANES 16
#define TILE_ROWS 8
#include "matmul_tile.h"
#endif

typedef void tile_function(int m, int k, struct view a, const float *b, int b_row, float *c, int c_row, bool add);

static tile_function *widest_tile(void)
{
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx512f"))
        return tile_avx512;
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        return tile_avx2;
#endif
    return tile_any;
}

enum { PANEL_COLUMNS = 32, PANEL_ROWS = 128, WORTH_COPYING = 16 };

static void copy_panel(int rows, struct view b, float *panel)
{
    for (int p = 0; p < rows; p++)
        for (int j = 0; j < PANEL_COLUMNS; j++)
            panel[p * PANEL_COLUMNS + j] = b.at[(size_t)p * b.row + (size_t)j * b.column];
}

void matmul(int m, int n, int k, struct view a, struct view b, float *c, int c_row, bool add)
{
    tile_function *tile = widest_tile();
    float panel[PANEL_ROWS * PANEL_COLUMNS];
    for (int p = 0; p < k; p += PANEL_ROWS) {
        const int rows = k - p < PANEL_ROWS ? k - p : PANEL_ROWS;
        const struct view left = {a.at + (size_t)p * a.column, a.row, a.column};
        for (int j = 0; j < n; j += PANEL_COLUMNS) {
            const struct view right = {b.at + (size_t)p * b.row + (size_t)j * b.column, b.row, b.column};
            if (right.column == 1 && m < WORTH_COPYING) {
                tile(m, rows, left, right.at, right.row, c + j, c_row, add || p > 0);
                continue;
            }
            copy_panel(rows, right, panel);
            tile(m, rows, left, panel, PANEL_COLUMNS, c + j, c_row, add || p > 0);
        }
    }
}

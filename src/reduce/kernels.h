// SPDX-License-Identifier: MIT
/* kernels.h - the innermost loops: how elements of one type are combined by one operation.
 *
 * kernels.c is compiled once for each instruction set; each compilation gives one table of these. A table's entry is
 * chosen once a call, so a loop never looks at a type. All loops combine in the order of the canonical tree, never fuse
 * a multiplication with an addition, and store every NaN as the one quiet NaN: so all instruction sets give the same
 * bits. */
#ifndef WEFT_REDUCE_KERNELS_H
#define WEFT_REDUCE_KERNELS_H

#include <weft/weft.h>

enum weft_type_index {
#define WEFT_INTEGER(name, ctype, unsigned_type) WEFT_TYPE_##name,
#define WEFT_FLOAT(name, ctype) WEFT_TYPE_##name,
#define WEFT_HALF(name) WEFT_TYPE_##name,
#define WEFT_INDEXED(name, ctype, value_type) WEFT_TYPE_##name,
#include "lists/types.def"
#undef WEFT_INTEGER
#undef WEFT_FLOAT
#undef WEFT_HALF
#undef WEFT_INDEXED
    WEFT_TYPES
};

enum weft_op_index {
#define WEFT_OP(name, kind) WEFT_OP_##name,
#include "lists/ops.def"
#undef WEFT_OP
    WEFT_OPS
};

/* result[i] = sources[0][i] op sources[1][i] op ..., in the tree's order. result may be one of the sources. */
typedef void (*weft_combine)(const void *const *sources, void *result, size_t count);

struct weft_kernels {
    /* [k] combines 2^k sources of the type into partials: values of the type itself, float for 16-bit floats. [0] is
     * NULL where a partial is a value of the type; otherwise it widens. The floats of 16-bit ones stand in an order of
     * the table's own, which depends on count: partials go to the functions below, with the same count. */
    weft_combine combine[4];
    weft_combine combine_partials; /* two partials */
    /* Partials to values: rounds 16-bit floats, divides for avg (n_ranks is at least 2). NULL: they are values
     * already. */
    void (*finish)(const void *partials, void *result, size_t count, int n_ranks);
    size_t partial_size;
    /* Two ranks' vectors of values to both ranks' results, last step included, each byte moved once; stream: past the
     * caches, for results that stand alike in their cache lines. NULL for avg. */
    void (*pair)(const void *const *sources, void *const *results, size_t count, bool stream);
};

/* What one compilation gives. */
struct weft_kernel_table {
    struct weft_kernels of[WEFT_TYPES][WEFT_OPS]; /* NULL members throughout where the op is not defined for the type */
    /* Copies a block that is in the cache, past the caches. */
    void (*stream)(void *target, const void *block, size_t bytes);
};

extern const struct weft_kernel_table weft_kernels_baseline;
#if defined(__x86_64__)
extern const struct weft_kernel_table weft_kernels_avx2;
extern const struct weft_kernel_table weft_kernels_avx512;
#endif

#endif

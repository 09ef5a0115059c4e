// SPDX-License-Identifier: MIT
/* reduce.h - combines what the ranks contribute, in the order that the contract states: tree(lo, hi) splits at the largest power of
 * two below its length.
 *
 * Knows elements and buffers, nothing of communicators. */
#ifndef WEFT_REDUCE_REDUCE_H
#define WEFT_REDUCE_REDUCE_H

#include "platform/platform.h"
#include "reduce/kernels.h"

/* Bytes of partial results held at a time: they stay in the first-level cache, on the stack of whoever combines. */
#define WEFT_BLOCK_BYTES 4096

/* What is done around each call of a user's op. */
struct weft_reduction_guard {
    void (*begin)(struct weft_comm *whose);
    bool (*end)(struct weft_comm *whose); /* false: the op did what it may not */
    void (*abandoned)(void *whose);       /* the thread ended inside it */
};

/* How the elements of one call are combined; made once a call, before anything is shared. */
struct weft_reduction {
    const weft_type *type;
    const weft_op *op;
    const struct weft_kernels *kernels;       /* NULL: the user's op */
    int n_ranks;                              /* what avg divides by */
    const struct weft_reduction_guard *guard; /* of a user's op; NULL: nobody needs to know */
    void *whose;
};

/* A built-in object points to itself; a user's copy of it does not. -1 where it is not built in. */
WEFT_INLINE int weft_type_index(const weft_type *type)
{
    return type->reserved[0] == type ? (int)(uintptr_t)type->reserved[1] : -1;
}
WEFT_INLINE int weft_op_index(const weft_op *op)
{
    return op->reserved[0] == op ? (int)(uintptr_t)op->reserved[1] : -1;
}
const weft_type *weft_type_at(size_t index); /* NULL past the last */
const weft_op *weft_op_at(size_t index);

/* A number that ranks compare instead of names: equal for types of equal name, size and kind, wherever they stand. */
extern uint32_t weft_type_hashes[WEFT_TYPES], weft_op_hashes[WEFT_OPS]; /* of the built-in ones */
WEFT_COLD uint32_t weft_user_type_hash(const weft_type *type);
WEFT_COLD uint32_t weft_user_op_hash(const weft_op *op);
WEFT_INLINE uint32_t weft_type_hash(const weft_type *type)
{
    int index = weft_type_index(type);
    return weft_likely(index >= 0) ? weft_type_hashes[index] : weft_user_type_hash(type);
}
WEFT_INLINE uint32_t weft_op_hash(const weft_op *op)
{
    int index = weft_op_index(op);
    return weft_likely(index >= 0) ? weft_op_hashes[index] : weft_user_op_hash(op);
}

extern const struct weft_kernel_table *weft_kernels; /* for this processor */
/* False: the op is not defined for the type. */
WEFT_INLINE bool weft_reduction_init(struct weft_reduction *reduction, const weft_type *type, const weft_op *op,
                                     int n_ranks)
{
    int op_index = weft_op_index(op), type_index = weft_type_index(type);
    reduction->type = type;
    reduction->op = op;
    reduction->kernels = NULL;
    reduction->n_ranks = n_ranks;
    reduction->guard = NULL;
    if (type->copy != NULL)
        return false;
    if (op_index < 0)
        return op->combine != NULL;
    if (type_index < 0)
        return false;
    reduction->kernels = &weft_kernels->of[type_index][op_index];
    return reduction->kernels->combine[1] != NULL;
}

/* Elements that are combined at a time: as many as a block holds, at least one. */
size_t weft_reduction_block(const struct weft_reduction *reduction);

/* result[i] = sources[0][i] op ... op sources[n - 1][i] for count elements, at most a block of them. result may be one of the sources.
 * Fails with CALLBACK when the user's combine does, with MEMORY when an element larger than a block finds none. */
weft_status weft_reduce_block(const struct weft_reduction *reduction, const void *const *sources, int n, void *result,
                              size_t count);

/* In steps, each on one block: a whole subtree's sources into partials, weft_partial_bytes of them; the partials of two neighbours, into those of
 * the right one; the partials of the whole tree to values. Partials stand well, but for those of a subtree. */
WEFT_INLINE size_t weft_partial_bytes(const struct weft_reduction *reduction, size_t count)
{
    return count * (reduction->kernels != NULL ? reduction->kernels->partial_size : reduction->type->size);
}
weft_status weft_reduce_subtree(const struct weft_reduction *reduction, const void *const *sources, int n,
                                void *partials, size_t count);
weft_status weft_reduce_join(const struct weft_reduction *reduction, const void *left, void *right, size_t count);
void weft_reduce_finish(const struct weft_reduction *reduction, const void *partials, void *result, size_t count);
/* Where the tree of n >= 2 splits. */
WEFT_INLINE int weft_tree_split(int n)
{
    return 1 << (31 - __builtin_clz((unsigned)(n - 1)));
}

/* inout[i] = in[i] op inout[i] by a user's op; both operands stand well. CALLBACK where it fails. */
weft_status weft_combine_user(const struct weft_reduction *reduction, const void *in, void *inout, size_t count);
/* Is an operand where the user's op may expect it? No C type needs more than the largest power of two that divides its size. */
WEFT_INLINE bool weft_stands_well(const void *operand, size_t size)
{
    size_t alignment = size & -size;
    if (alignment > WEFT_CACHE_LINE)
        alignment = WEFT_CACHE_LINE;
    return ((uintptr_t)operand & (alignment - 1)) == 0;
}

/* The vectors of two ranks to two results, of any count, in one kernel. False: it has none for this, and nothing was done. */
bool weft_reduce_pair(const struct weft_reduction *reduction, const void *const *sources, int n, void *const *results,
                      size_t count, bool stream);

/* Copies a block, which is in the first-level cache, to n targets; stream: past the caches, and then weft_stream_end before anything is
 * published. A target may be the block itself. */
void weft_spread(void *const *targets, int n, const void *block, size_t bytes, bool stream);

/* The combine member of the built-in ops. */
weft_status weft_combine_built_in(const weft_op *op, const weft_type *type, const void *in, void *inout, size_t count);

/* One kernel does it all: any count, and result may be one of the sources. */
WEFT_INLINE bool weft_reduction_direct(const struct weft_reduction *reduction, int n)
{
    return (n == 2 || n == 4 || n == 8) && reduction->kernels != NULL && reduction->kernels->finish == NULL;
}

WEFT_INLINE void weft_reduce_direct(const struct weft_reduction *reduction, const void *const *sources, int n,
                                    void *result, size_t count)
{
    uint64_t mode = weft_float_enter();
    reduction->kernels->combine[__builtin_ctz((unsigned)n)](sources, result, count);
    weft_float_leave(mode);
}

#endif

// SPDX-License-Identifier: MIT
/* reduce.c - walks the canonical tree over a block of elements.
 *
 * Up to eight ranks that form a whole subtree are one kernel call; above that, the left subtree goes into a partial block on the
 * stack, the right one behind it, and two partials are combined. A user's op is called pair by pair, in the same tree. */
#include "reduce/reduce.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

const struct weft_kernel_table *weft_kernels = &weft_kernels_baseline;

__attribute__((constructor)) static void choose_table(void)
{
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512cd"))
        weft_kernels = &weft_kernels_avx512;
    else if (__builtin_cpu_supports("avx2")) /* every such processor converts 16-bit floats, too */
        weft_kernels = &weft_kernels_avx2;
#endif
}

size_t weft_reduction_block(const struct weft_reduction *reduction)
{
    size_t size = reduction->kernels != NULL ? reduction->kernels->partial_size : reduction->type->size;
    return size < WEFT_BLOCK_BYTES ? WEFT_BLOCK_BYTES / size : 1;
}

/* Combines n >= 1 sources into partials. */
static void combine_tree(const struct weft_kernels *kernels, const void *const *sources, int n, void *partials,
                         size_t count)
{
    if ((n & (n - 1)) == 0 && n <= 8) {
        weft_combine combine = kernels->combine[__builtin_ctz((unsigned)n)];
        if (combine != NULL)
            combine(sources, partials, count);
        else
            memcpy(partials, sources[0], count * kernels->partial_size);
        return;
    }
    _Alignas(WEFT_CACHE_LINE) unsigned char left[WEFT_BLOCK_BYTES];
    int half = weft_tree_split(n);
    const void *pair[2] = {left, partials};
    combine_tree(kernels, sources, half, left, count);
    combine_tree(kernels, sources + half, n - half, partials, count);
    kernels->combine_partials(pair, partials, count);
}

static weft_status combine_built_in(const struct weft_reduction *reduction, const void *const *sources, int n,
                                    void *result, size_t count)
{
    const struct weft_kernels *kernels = reduction->kernels;
    if (weft_reduction_direct(reduction, n)) {
        weft_reduce_direct(reduction, sources, n, result, count);
        return WEFT_OK;
    }
    _Alignas(WEFT_CACHE_LINE) unsigned char partials[WEFT_BLOCK_BYTES];
    uint64_t mode = weft_float_enter();
    combine_tree(kernels, sources, n, partials, count);
    if (kernels->finish != NULL)
        kernels->finish(partials, result, count, reduction->n_ranks);
    else
        memcpy(result, partials, count * kernels->partial_size);
    weft_float_leave(mode);
    return WEFT_OK;
}

static void abandon(void *reduction_)
{
    const struct weft_reduction *reduction = reduction_;
    if (reduction->guard != NULL)
        reduction->guard->abandoned(reduction->whose);
}

weft_status weft_combine_user(const struct weft_reduction *reduction, const void *in, void *inout, size_t count)
{
    const struct weft_reduction_guard *guard = reduction->guard;
    weft_status status;
    pthread_cleanup_push(abandon, (void *)reduction);
    if (guard != NULL)
        guard->begin(reduction->whose);
    status = reduction->op->combine(reduction->op, reduction->type, in, inout, count);
    pthread_cleanup_pop(0);
    if (guard != NULL && !guard->end(reduction->whose))
        status = WEFT_ERR_CALLBACK;
    return status == WEFT_OK ? WEFT_OK : WEFT_ERR_CALLBACK;
}

/* The user's op. `spare` has room for one block at each level of the tree below, and stands well. */
static weft_status combine_user(const struct weft_reduction *reduction, const void *const *sources, int n, void *result,
                                size_t count, unsigned char *spare)
{
    size_t bytes = count * reduction->type->size;
    if (n == 1) {
        memcpy(result, sources[0], bytes);
        return WEFT_OK;
    }
    int half = weft_tree_split(n);
    const void *left = sources[0];
    weft_status status = WEFT_OK;
    if (half > 1 ||
        !weft_stands_well(left, reduction->type->size)) { /* in lines a payload stands behind a word of 8 bytes */
        left = spare;
        status = combine_user(reduction, sources, half, spare, count, spare + bytes);
    }
    if (status == WEFT_OK)
        status =
            combine_user(reduction, sources + half, n - half, result, count, left == spare ? spare + bytes : spare);
    return status == WEFT_OK ? weft_combine_user(reduction, left, result, count) : status;
}

/* Into the spare first: result may be a source that is still to be read. */
static weft_status combine_through(const struct weft_reduction *reduction, const void *const *sources, int n,
                                   void *result, size_t count, unsigned char *spare)
{
    size_t bytes = count * reduction->type->size;
    weft_status status = combine_user(reduction, sources, n, spare, count, spare + bytes);
    if (status == WEFT_OK)
        memcpy(result, spare, bytes);
    return status;
}

static weft_status combine_on_heap(const struct weft_reduction *reduction, const void *const *sources, int n,
                                   void *result, size_t count, size_t spare_bytes)
{
    unsigned char *const spare = aligned_alloc(WEFT_CACHE_LINE, spare_bytes);
    weft_status status;
    if (spare == NULL)
        return WEFT_ERR_MEMORY;
    pthread_cleanup_push(free, spare);
    status = combine_through(reduction, sources, n, result, count, spare);
    pthread_cleanup_pop(1);
    return status;
}

static weft_status combine_user_block(const struct weft_reduction *reduction, const void *const *sources, int n,
                                      void *result, size_t count)
{
    enum { LEVELS = 8 };
    _Alignas(WEFT_CACHE_LINE) unsigned char stack[LEVELS * WEFT_BLOCK_BYTES];
    int levels = 33 - __builtin_clz((unsigned)n); /* the result, and a left part for each level */
    size_t needed = (size_t)levels * count * reduction->type->size;
    if (needed <= sizeof stack)
        return combine_through(reduction, sources, n, result, count, stack);
    needed = (needed + WEFT_CACHE_LINE - 1) / WEFT_CACHE_LINE * WEFT_CACHE_LINE;
    return combine_on_heap(reduction, sources, n, result, count, needed);
}

weft_status weft_reduce_block(const struct weft_reduction *reduction, const void *const *sources, int n, void *result,
                              size_t count)
{
    if (weft_likely(reduction->kernels != NULL))
        return combine_built_in(reduction, sources, n, result, count);
    return combine_user_block(reduction, sources, n, result, count);
}

weft_status weft_reduce_subtree(const struct weft_reduction *reduction, const void *const *sources, int n,
                                void *partials, size_t count)
{
    if (reduction->kernels == NULL)
        return combine_user_block(reduction, sources, n, partials, count);
    uint64_t mode = weft_float_enter();
    combine_tree(reduction->kernels, sources, n, partials, count);
    weft_float_leave(mode);
    return WEFT_OK;
}

weft_status weft_reduce_join(const struct weft_reduction *reduction, const void *left, void *right, size_t count)
{
    const void *pair[2] = {left, right};
    if (reduction->kernels == NULL)
        return weft_combine_user(reduction, left, right, count);
    uint64_t mode = weft_float_enter();
    reduction->kernels->combine_partials(pair, right, count);
    weft_float_leave(mode);
    return WEFT_OK;
}

void weft_reduce_finish(const struct weft_reduction *reduction, const void *partials, void *result, size_t count)
{
    if (reduction->kernels == NULL || reduction->kernels->finish == NULL) {
        memcpy(result, partials, weft_partial_bytes(reduction, count));
        return;
    }
    uint64_t mode = weft_float_enter();
    reduction->kernels->finish(partials, result, count, reduction->n_ranks);
    weft_float_leave(mode);
}

bool weft_reduce_pair(const struct weft_reduction *reduction, const void *const *sources, int n, void *const *results,
                      size_t count, bool stream)
{
    bool alike = ((uintptr_t)results[0] - (uintptr_t)results[1]) % WEFT_CACHE_LINE == 0;
    if (n != 2 || reduction->kernels == NULL || reduction->kernels->pair == NULL || (stream && !alike))
        return false;
    uint64_t mode = weft_float_enter();
    reduction->kernels->pair(sources, results, count, stream);
    weft_float_leave(mode);
    return true;
}

void weft_spread(void *const *targets, int n, const void *block, size_t bytes, bool stream)
{
    for (int i = 0; i < n; i++)
        if (stream)
            weft_kernels->stream(targets[i], block, bytes);
        else if (targets[i] != block)
            memcpy(targets[i], block, bytes);
}

weft_status weft_combine_built_in(const weft_op *op, const weft_type *type, const void *in, void *inout, size_t count)
{
    struct weft_reduction reduction;
    const unsigned char *left = in;
    unsigned char *right = inout;
    if (!weft_reduction_init(&reduction, type, op, 2))
        return WEFT_ERR_UNSUPPORTED;
    for (size_t done = 0, step = weft_reduction_block(&reduction); done < count; done += step) {
        const void *pair[2] = {left + done * type->size, right + done * type->size};
        size_t now = count - done < step ? count - done : step;
        combine_built_in(&reduction, pair, 2, right + done * type->size, now);
    }
    return WEFT_OK;
}

// SPDX-License-Identifier: MIT
/* prefix.c - prefixes of the canonical tree share subtrees, so a sweep keeps those on a stack, as a binary counter
 * keeps its digits.
 *
 * tree(0, n) is made of the whole subtrees that the binary digits of n stand for, the largest first, combined from the
 * right: tree(0, 7) is 4 + (2 + 1). After n sources the stack holds these subtrees' partials, the smallest on top. One
 * more source goes on top; while the two on top are of one size, they are combined. That is fewer than n combinations
 * for n sources, and a prefix takes one less than there are digits. All partials of a block stay in the first-level
 * cache: each source is read once, and each result written once. */
#include "reduce/prefix.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum {
    BLOCK_BYTES = WEFT_BLOCK_BYTES / 2,
    MOST_LEVELS =
        33, /* one for each digit of the number of ranks, one for a prefix, one for a source that is passing */
    STACK_LEVELS = 16, /* for up to 16,383 ranks: these have their blocks without asking for memory */
    STACK_BYTES = STACK_LEVELS * BLOCK_BYTES
};

struct sweep {
    const struct weft_reduction *reduction;
    size_t count, bytes, partial_bytes; /* of a block of elements, and of partials */
    int depth;
    const void *values[MOST_LEVELS]; /* partials: in the level's block, or where a source stands */
    unsigned char *blocks[MOST_LEVELS];
};

size_t weft_prefix_block(const struct weft_reduction *reduction)
{
    size_t block = weft_reduction_block(reduction) / 2;
    return block > 0 ? block : 1;
}

static bool widens(const struct sweep *sweep)
{
    return sweep->reduction->kernels != NULL && sweep->reduction->kernels->combine[0] != NULL;
}

/* The user's op works in its right operand, which is the block of level `at`; then that block changes places with
 * `target`'s. */
static weft_status combine_user(struct sweep *sweep, int left, int at, int target)
{
    unsigned char *right = sweep->blocks[at];
    if (sweep->values[at] != right)
        memcpy(right, sweep->values[at], sweep->bytes);
    weft_status status = weft_combine_user(sweep->reduction, sweep->values[left], right, sweep->count);
    sweep->blocks[at] = sweep->blocks[target];
    sweep->blocks[target] = right;
    sweep->values[target] = right;
    return status;
}

/* The two on top become one. */
static weft_status merge(struct sweep *sweep)
{
    int right = --sweep->depth, left = right - 1;
    const struct weft_kernels *kernels = sweep->reduction->kernels;
    if (kernels == NULL)
        return combine_user(sweep, left, right, left);
    const void *pair[2] = {sweep->values[left], sweep->values[right]};
    kernels->combine_partials(pair, sweep->blocks[left], sweep->count);
    sweep->values[left] = sweep->blocks[left];
    return WEFT_OK;
}

/* One more source; `sources` is how many there are then. `passing`: its memory is about to be written. */
static weft_status push(struct sweep *sweep, const void *source, int sources, bool passing)
{
    bool well = sweep->reduction->kernels != NULL || weft_stands_well(source, sweep->reduction->type->size);
    int top = sweep->depth++;
    weft_status status = WEFT_OK;
    sweep->values[top] = sweep->blocks[top];
    if (widens(sweep))
        sweep->reduction->kernels->combine[0](&source, sweep->blocks[top], sweep->count);
    else if ((passing || !well) && sources % 2 != 0)
        memcpy(sweep->blocks[top], source, sweep->bytes);
    else
        sweep->values[top] = source;
    for (; sources % 2 == 0 && status == WEFT_OK; sources /= 2)
        status = merge(sweep);
    return status;
}

/* The combination of all that was pushed, which is at least two sources. */
static weft_status make_prefix(struct sweep *sweep, void *result)
{
    const struct weft_kernels *kernels = sweep->reduction->kernels;
    int top = sweep->depth - 1, spare = sweep->depth;
    bool finishes = kernels != NULL && kernels->finish != NULL;
    void *into = finishes ? sweep->blocks[spare] : result;
    const void *prefix = sweep->values[top];
    if (kernels == NULL) {
        weft_status status = WEFT_OK;
        sweep->values[spare] = prefix;
        for (int level = top - 1; level >= 0 && status == WEFT_OK; level--)
            status = combine_user(sweep, level, spare, spare);
        if (status == WEFT_OK)
            memcpy(result, sweep->values[spare], sweep->bytes);
        return status;
    }
    for (int level = top - 1; level >= 0; level--) {
        const void *pair[2] = {sweep->values[level], prefix};
        kernels->combine_partials(pair, into, sweep->count);
        prefix = into;
    }
    if (finishes)
        kernels->finish(prefix, result, sweep->count, sweep->reduction->n_ranks);
    else if (prefix != result)
        memcpy(result, prefix, sweep->bytes);
    return WEFT_OK;
}

/* Rank by rank. What rests on one source alone is that source, bit for bit. */
static weft_status sweep_ranks(struct sweep *sweep, const void *const *sources, void *const *results, int n,
                               bool exclusive)
{
    weft_status status = WEFT_OK;
    for (int rank = 0; rank < n && status == WEFT_OK; rank++) {
        bool passing = sources[rank] == results[rank];
        int combined = exclusive ? rank : rank + 1;
        if (exclusive && passing) /* read before the prefix of those below is written over it */
            memcpy(sweep->blocks[sweep->depth + 1], sources[rank], sweep->bytes);
        const void *source = exclusive && passing ? sweep->blocks[sweep->depth + 1] : sources[rank];
        if (!exclusive)
            status = push(sweep, source, rank + 1, passing);
        if (combined == 1 && results[rank] != sources[0])
            memcpy(results[rank], sources[0], sweep->bytes);
        else if (combined > 1 && status == WEFT_OK)
            status = make_prefix(sweep, results[rank]);
        if (exclusive && status == WEFT_OK)
            status = push(sweep, source, rank + 1, passing);
    }
    return status;
}

/* In blocks at `memory`. */
static weft_status sweep_in(struct sweep *sweep, unsigned char *memory, int levels, const void *const *sources,
                            void *const *results, int n, bool exclusive)
{
    for (int level = 0; level < levels; level++)
        sweep->blocks[level] = memory + (size_t)level * sweep->partial_bytes;
    if (sweep->reduction->kernels == NULL)
        return sweep_ranks(sweep, sources, results, n, exclusive);
    uint64_t mode = weft_float_enter();
    weft_status status = sweep_ranks(sweep, sources, results, n, exclusive);
    weft_float_leave(mode);
    return status;
}

weft_status weft_prefix_sweep(const struct weft_reduction *reduction, const void *const *sources, void *const *results,
                              int n, bool exclusive, size_t count)
{
    _Alignas(WEFT_CACHE_LINE) unsigned char stack[STACK_BYTES];
    size_t size = reduction->type->size, partial = reduction->kernels != NULL ? reduction->kernels->partial_size : size;
    struct sweep sweep = {reduction, count, count * size, count * partial, 0, {NULL}, {NULL}};
    int levels = 32 - __builtin_clz((unsigned)n) + 2;
    size_t needed = (size_t)levels * sweep.partial_bytes;
    weft_status status;
    if (needed <= sizeof stack)
        return sweep_in(&sweep, stack, levels, sources, results, n, exclusive);
    needed = (needed + WEFT_CACHE_LINE - 1) / WEFT_CACHE_LINE * WEFT_CACHE_LINE;
    unsigned char *const memory = aligned_alloc(WEFT_CACHE_LINE, needed);
    if (memory == NULL)
        return WEFT_ERR_MEMORY;
    pthread_cleanup_push(free, memory); /* a thread may end in a user's op */
    status = sweep_in(&sweep, memory, levels, sources, results, n, exclusive);
    pthread_cleanup_pop(1);
    return status;
}

// SPDX-License-Identifier: MIT
/* prefix.h - all prefixes of what the ranks contribute, in one sweep: result r is the combination of sources 0 to r, or
 * to r - 1, in the canonical tree. */
#ifndef WEFT_REDUCE_PREFIX_H
#define WEFT_REDUCE_PREFIX_H

#include "reduce/reduce.h"

/* Elements that are swept at a time: at least one. All levels of partials stay in the first-level cache. */
size_t weft_prefix_block(const struct weft_reduction *reduction);

/* results[r][i] = tree(0, r + 1) of the sources' elements i, or tree(0, r) if `exclusive`, for n sources and count
 * elements, at most a block of them. Exclusive: results[0] is not looked at. results[r] may be sources[r]; it may
 * overlap no other. Fails like weft_reduce_block. */
weft_status weft_prefix_sweep(const struct weft_reduction *reduction, const void *const *sources, void *const *results,
                              int n, bool exclusive, size_t count);

#endif

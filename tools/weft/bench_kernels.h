// SPDX-License-Identifier: MIT
/* bench_kernels.h - bare loops over memory, the yardstick for large messages. */
#ifndef WEFT_BENCH_KERNELS_H
#define WEFT_BENCH_KERNELS_H

#include <stdbool.h>
#include <stddef.h>

/* Adds n vectors of 32-bit integers and writes the sum to each of m, in one sweep. Bytes past the last whole integer are
 * copied from the first. `stream`: non-temporal stores, visible to others when it returns. */
void kernel_add(char *const *targets, int m, const char *const *sources, int n, size_t bytes, bool stream);
void kernel_copy(char *target, const char *source, size_t bytes, bool stream);

#endif

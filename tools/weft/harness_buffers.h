// SPDX-License-Identifier: MIT
/* harness_buffers.h - the memory that a rank sends from and receives into.
 *
 * Cached: one pair of buffers, used by every operation. Rotating: a row of pairs whose total exceeds the last-level
 * cache, each operation using the next. Pages come from mmap, are touched first by their rank and start on a page. */
#ifndef WEFT_HARNESS_BUFFERS_H
#define WEFT_HARNESS_BUFFERS_H

#include "harness_point.h"

struct bench_buffers {
    char *send;
    char *recv;
    size_t send_stride; /* from one slot's buffer to the next one's */
    size_t recv_stride;
    size_t slots;
    size_t mapped;
};

/* Slots enough that one rank's exceed rotate_bytes (0: one slot). False when memory is short. */
bool bench_buffers_create(struct bench_buffers *buffers, const struct bench_point *point, int rank,
                          size_t rotate_bytes);
void bench_buffers_destroy(struct bench_buffers *buffers);
/* Sources of `round` in every slot; results that could pass for right ones are wiped. */
void bench_buffers_fill(struct bench_buffers *buffers, const struct bench_point *point, int rank, unsigned round);
void bench_buffers_wipe(struct bench_buffers *buffers, const struct bench_point *point);

/* Bytes of the last-level cache, as far as the system tells, else 32 MiB; at most a sixteenth of the memory. */
size_t bench_last_level_bytes(void);

#endif

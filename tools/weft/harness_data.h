// SPDX-License-Identifier: MIT
/* harness_data.h - what stands in the buffers, and what must stand there afterwards.
 *
 * Sources hold a pattern of small whole numbers that repeats every BENCH_PERIOD elements, differs between ranks, blocks
 * and rounds, and whose results are exact in every type; so an expected result is a pattern, too, and is compared bit
 * by bit. BENCH_PERIOD is prime, so that no block of a power of two looks like another. */
#ifndef WEFT_HARNESS_DATA_H
#define WEFT_HARNESS_DATA_H

#include "harness_point.h"

enum { BENCH_PERIOD = 61 };

/* Writes rank's sources of this round to `send` (nothing where its send buffer does not count). */
void bench_fill(const struct bench_point *point, int rank, unsigned round, void *send);
/* Whether `recv` holds what rank must have got in this round. */
bool bench_is_right(const struct bench_point *point, int rank, unsigned round, const void *recv);

#endif

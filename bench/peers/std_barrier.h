// SPDX-License-Identifier: MIT
/* std_barrier.h - C++20's std::barrier behind C functions. */
#ifndef WEFT_STD_BARRIER_H
#define WEFT_STD_BARRIER_H

#ifdef __cplusplus
extern "C" {
#endif

void *std_barrier_create(int n_ranks);
void std_barrier_wait(void *barrier, int rank);
void std_barrier_destroy(void *barrier);

#ifdef __cplusplus
}
#endif
#endif

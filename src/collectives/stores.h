// SPDX-License-Identifier: MIT
/* stores.h - whether large results are written past the caches.
 *
 * That saves reading what is to be overwritten, and costs what the caches could have kept. Which is less depends on how the processors that the
 * ranks run on share their caches, and on a virtual machine nobody can say: two placements of the same two ranks differed by a third in
 * either direction at 4 MiB. So each rank tries both now and then, and keeps to the faster; its peers need not do the same.
 * After: YHCCL (adaptive non-temporal stores), SC 2023. */
#ifndef WEFT_COLLECTIVES_STORES_H
#define WEFT_COLLECTIVES_STORES_H

#include "core/world.h"

/* For an operation over `bytes` bytes of all ranks' inputs; the same until it is noted. */
bool weft_stores_stream(const weft_comm *comm, enum weft_stores_use use, size_t bytes);
/* This rank's part of it, begun then, has ended now. */
void weft_stores_note(weft_comm *comm, enum weft_stores_use use, size_t bytes, int64_t begun_ns);
/* When it begins; 0, and no look at the clock, where there is nothing to note. */
int64_t weft_stores_begin(enum weft_stores_use use, size_t bytes);

#endif

// SPDX-License-Identifier: MIT
/* grid.h - the design that Weft succeeds, kept as its baseline: pointers through an N x N grid of channels. */
#ifndef WEFT_COLLECTIVES_GRID_H
#define WEFT_COLLECTIVES_GRID_H

#include "core/operation.h"

weft_algorithm_move weft_grid_barrier, weft_grid_broadcast, weft_grid_allgather, weft_grid_allreduce;

#endif

// SPDX-License-Identifier: MIT
/* slices.h - one pass over large vectors: from all ranks' inputs straight to all results. Serves allreduce and reduce. */
#ifndef WEFT_COLLECTIVES_SLICES_H
#define WEFT_COLLECTIVES_SLICES_H

#include "core/operation.h"

#define WEFT_SLICES_LINES 3
enum weft_move weft_slices(struct weft_operation *operation);

/* Lines [0, operation->lines) of all ranks' messages hold whole elements, packed `per_line` to a line: combines line `line` into
 * the elements of `result` that it stands for. */
enum weft_move weft_combine_line(struct weft_operation *operation, uint32_t line, void *result);

/* Fails the communicator because the reduction itself failed. */
enum weft_move weft_reduction_failed(struct weft_operation *operation, weft_status status);

#endif

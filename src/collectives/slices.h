// SPDX-License-Identifier: MIT
/* slices.h - one pass over large vectors: from all ranks' inputs straight to all results. Serves allreduce and reduce. */
#ifndef WEFT_COLLECTIVES_SLICES_H
#define WEFT_COLLECTIVES_SLICES_H

#include "core/operation.h"

#define WEFT_SLICES_LINES 3
enum weft_move weft_slices(struct weft_operation *operation);

/* Its parts, for who does all the work alone. Addresses of this rank's buffers into its line 0, which is published next. */
void weft_put_buffers(struct weft_operation *operation);
/* Everybody's, from their lines 0, into the handle's scratch: to be done again after each WEFT_MOVE_WAIT, since other operations use it, too. */
void weft_take_buffers(const struct weft_operation *operation);
/* Elements [begin, end) of all inputs, to all results. */
enum weft_move weft_sweep(struct weft_operation *operation, size_t begin, size_t end);

#endif

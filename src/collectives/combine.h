// SPDX-License-Identifier: MIT
/* combine.h - combines short vectors that travel as messages in the ranks' lines. */
#ifndef WEFT_COLLECTIVES_COMBINE_H
#define WEFT_COLLECTIVES_COMBINE_H

#include "collectives/exchange.h"
#include "reduce/reduce.h"

/* What of the messages, of `bytes` bytes each, is combined: elements [begin, begin + count) of ranks [0, n_ranks). */
struct weft_range {
    int n_ranks;
    size_t bytes, begin, count;
    const void *own; /* where this rank's elements stand, if it is among them; NULL: in its own message */
};
enum weft_move weft_combine_range(struct weft_operation *operation, const struct weft_range *part, void *result);

/* All ranks' messages are there: combines them into `result`. This rank's own vector is taken from its buffer, since lines that
 * others have read may have left this processor's cache. */
enum weft_move weft_combine_messages(struct weft_operation *operation, void *result);

/* The same for two ranks, the shortest way. False: not for this call. */
WEFT_INLINE bool weft_combine_two(const struct weft_operation *operation, void *result)
{
    const struct weft_call *call = operation->call;
    int rank = operation->comm->rank;
    if (operation->comm->n_ranks != 2 || call->reduction->kernels == NULL || call->reduction->kernels->finish != NULL)
        return false;
    const void *sources[2] = {call->send, call->send};
    sources[1 - rank] = weft_message_of(operation, 1 - rank, call->bytes);
    weft_reduce_direct(call->reduction, sources, 2, result, call->count);
    return true;
}

/* Fails the communicator because the reduction itself failed. */
enum weft_move weft_reduction_failed(struct weft_operation *operation, weft_status status);

#endif

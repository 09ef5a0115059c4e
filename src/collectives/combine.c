// SPDX-License-Identifier: MIT
/* combine.c - combines messages where they stand. */
#include "collectives/combine.h"

enum weft_move weft_reduction_failed(struct weft_operation *operation, weft_status status)
{
    const struct weft_comm *comm = operation->comm;
    char call[WEFT_CALL_TEXT];
    weft_text_call(operation->call, call);
    if (status == WEFT_ERR_MEMORY)
        weft_world_fail(comm->world, comm->rank, status,
                        "rank %d found no memory to combine elements of %zu bytes in %s", comm->rank,
                        operation->call->type->size, call);
    else
        weft_world_fail(comm->world, comm->rank, status, "the combine function of op %s failed on rank %d in %s",
                        operation->call->op->name, comm->rank, call);
    return WEFT_MOVE_FAIL;
}

enum weft_move weft_combine_range(struct weft_operation *operation, const struct weft_range *part, void *result)
{
    const struct weft_call *call = operation->call;
    const weft_comm *comm = operation->comm;
    size_t from = part->begin * call->type->size;
    if (part->count == 0)
        return WEFT_MOVE_DONE;
    for (int rank = 0; rank < part->n_ranks; rank++)
        comm->sources[rank] = weft_message_of(operation, rank, part->bytes) + from;
    if (part->own != NULL)
        comm->sources[comm->rank] = part->own;
    weft_status status = weft_reduce_block(call->reduction, comm->sources, part->n_ranks, result, part->count);
    return weft_likely(status == WEFT_OK) ? WEFT_MOVE_DONE : weft_reduction_failed(operation, status);
}

enum weft_move weft_combine_messages(struct weft_operation *operation, void *result)
{
    const struct weft_call *call = operation->call;
    struct weft_range all = {
        .n_ranks = operation->comm->n_ranks, .bytes = call->bytes, .count = call->count, .own = call->send};
    return weft_combine_range(operation, &all, result);
}

// SPDX-License-Identifier: MIT
/* blocks.c - blocks that do not meet, and a rank that is alone. */
#include "collectives/blocks.h"

#include "core/failure.h"
#include "core/record.h"

weft_status weft_alone(const weft_comm *comm, const struct weft_call *call, void *target, const void *source,
                       size_t count)
{
    char text[WEFT_CALL_TEXT];
    if (target == source || count == 0)
        return WEFT_OK;
    if (call->type->copy == NULL) {
        memcpy(target, source, count * call->type->size);
        return WEFT_OK;
    }
    weft_status outcome = call->type->copy(call->type, source, target, count);
    if (outcome == WEFT_OK)
        return WEFT_OK;
    weft_text_function(call, true, text);
    return weft_error(WEFT_ERR_CALLBACK, text, comm, "the copy function of type %s failed (%s)", call->type->name,
                      weft_status_name(outcome));
}

enum weft_move weft_blocks_differ(struct weft_operation *operation, int sender, size_t sent, int receiver,
                                  size_t expected)
{
    const weft_comm *comm = operation->comm;
    char call[WEFT_CALL_TEXT];
    weft_text_call(operation->call, call);
    weft_world_fail(comm->world, comm->rank, WEFT_ERR_MISMATCH,
                    "rank %d sends %zu elements to rank %d, which expects %zu, in %s, call %llu", sender, sent,
                    receiver, expected, call, (unsigned long long)operation->number);
    return WEFT_MOVE_FAIL;
}

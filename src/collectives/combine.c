// SPDX-License-Identifier: MIT
/* combine.c - a vector of up to a line is combined where it stands, in the payloads; the parts of a longer one are first put together again, so
 * that kernels run over whole vectors and not over the 56 bytes of a line. */
#include "collectives/combine.h"

#include "collectives/exchange.h"
#include "reduce/reduce.h"

enum { SCRATCH_BYTES = 16 * WEFT_MESSAGE_BYTES }; /* on the stack */

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

uint32_t weft_combine_lines(int n_ranks, size_t bytes, size_t element_bytes)
{
    if (bytes <= WEFT_LINE_PAYLOAD)
        return 1;
    return (size_t)n_ranks > SCRATCH_BYTES / element_bytes ? 0 : weft_lines_of(bytes);
}

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

/* Bytes [from, from + bytes) of a peer's message. */
static void unpack(const struct weft_operation *operation, int peer, size_t from, size_t bytes, unsigned char *target)
{
    uint32_t line = (uint32_t)(from / WEFT_LINE_PAYLOAD);
    for (size_t at = from % WEFT_LINE_PAYLOAD; bytes > 0; line++, at = 0) {
        size_t now = least(bytes, WEFT_LINE_PAYLOAD - at);
        weft_copy_small(target, weft_peer_line(operation, peer, line)->payload + at, now);
        target += now;
        bytes -= now;
    }
}

static weft_status combine_long(struct weft_operation *operation, const struct weft_range *part, unsigned char *result)
{
    _Alignas(WEFT_CACHE_LINE) unsigned char scratch[SCRATCH_BYTES];
    const struct weft_call *call = operation->call;
    const weft_comm *comm = operation->comm;
    size_t size = call->type->size, room = sizeof scratch / ((size_t)part->n_ranks * size);
    size_t step = least(weft_reduction_block(call->reduction), room);
    weft_status status = WEFT_OK;
    for (size_t at = 0; at < part->count && status == WEFT_OK; at += step) {
        size_t now = least(step, part->count - at);
        for (int rank = 0; rank < part->n_ranks; rank++) {
            unsigned char *unpacked = scratch + (size_t)rank * step * size;
            bool own = rank == comm->rank && part->own != NULL;
            comm->sources[rank] = own ? (const unsigned char *)part->own + at * size : unpacked;
            if (!own)
                unpack(operation, rank, (part->begin + at) * size, now * size, unpacked);
        }
        status = weft_reduce_block(call->reduction, comm->sources, part->n_ranks, result + at * size, now);
    }
    return status;
}

/* All in one line. */
static weft_status combine_short(struct weft_operation *operation, const struct weft_range *part, void *result)
{
    const struct weft_call *call = operation->call;
    const weft_comm *comm = operation->comm;
    size_t from = part->begin * call->type->size, at = from % WEFT_LINE_PAYLOAD;
    uint32_t line = (uint32_t)(from / WEFT_LINE_PAYLOAD);
    for (int rank = 0; rank < part->n_ranks; rank++)
        comm->sources[rank] = weft_peer_line(operation, rank, line)->payload + at;
    if (part->own != NULL)
        comm->sources[comm->rank] = part->own;
    return weft_reduce_block(call->reduction, comm->sources, part->n_ranks, result, part->count);
}

enum weft_move weft_combine_range(struct weft_operation *operation, const struct weft_range *part, void *result)
{
    size_t size = operation->call->type->size, from = part->begin * size, bytes = part->count * size;
    weft_status status = WEFT_OK;
    if (weft_likely(bytes > 0 && bytes <= WEFT_LINE_PAYLOAD - from % WEFT_LINE_PAYLOAD))
        status = combine_short(operation, part, result);
    else if (bytes > 0)
        status = combine_long(operation, part, result);
    return weft_likely(status == WEFT_OK) ? WEFT_MOVE_DONE : weft_reduction_failed(operation, status);
}

enum weft_move weft_combine_messages(struct weft_operation *operation, void *result)
{
    const struct weft_call *call = operation->call;
    struct weft_range all = {.n_ranks = operation->comm->n_ranks, .count = call->count, .own = call->send};
    return weft_combine_range(operation, &all, result);
}

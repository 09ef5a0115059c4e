// SPDX-License-Identifier: MIT
/* check.h - what every call checks before anything is shared, and how it refuses.
 *
 * An argument that a collective refuses fails the communicator, since this rank's peers are in the call or will be: they get the same
 * status and sentence instead of a hang. */
#ifndef WEFT_API_CHECK_H
#define WEFT_API_CHECK_H

#include "collectives/collectives.h"
#include "core/failure.h"
#include "reduce/reduce.h"

__attribute__((format(printf, 4, 5))) WEFT_COLD weft_status weft_refuse(weft_comm *comm, weft_status status,
                                                                        const char *call, const char *format, ...);

/* A handle, on a communicator that has not failed. */
WEFT_COLD weft_status weft_refuse_handle(const weft_comm *comm, const char *call);
WEFT_INLINE bool weft_usable(const weft_comm *comm)
{
    if (weft_unlikely(comm == NULL || weft_world_status(comm->world) != WEFT_OK))
        return false;
    for (const struct weft_world *each = comm->world->parent; each != NULL; each = each->parent)
        if (weft_unlikely(weft_world_status(each) == WEFT_ERR_ABORTED))
            return false;
    return true;
}

/* Fills in type, count and bytes. `blocks` times that many bytes must be addressable. WEFT_OK, or refused. */
WEFT_COLD weft_status weft_refuse_elements(weft_comm *comm, const char *call, size_t count, const weft_type *type,
                                           size_t blocks);
WEFT_INLINE weft_status weft_check_elements(weft_comm *comm, const char *call, struct weft_call *out, size_t count,
                                            const weft_type *type, size_t blocks)
{
    size_t bytes, all;
    if (weft_unlikely(type == NULL || type->name == NULL || type->size == 0 ||
                      (type->copy == NULL &&
                       (type->serialized_size != NULL || type->serialize != NULL || type->deserialize != NULL)) ||
                      __builtin_mul_overflow(count, type->size, &bytes) ||
                      __builtin_mul_overflow(bytes, blocks, &all) || all > PTRDIFF_MAX))
        return weft_refuse_elements(comm, call, count, type, blocks);
    out->type = type;
    out->count = count;
    out->bytes = bytes;
    out->type_index = (int8_t)weft_type_index(type);
    return WEFT_OK;
}

/* Do [a, a + a_bytes) and [b, b + b_bytes) share a byte? */
WEFT_INLINE bool weft_overlap(const void *a, size_t a_bytes, const void *b, size_t b_bytes)
{
    return (uintptr_t)a < (uintptr_t)b + b_bytes && (uintptr_t)b < (uintptr_t)a + a_bytes && a_bytes != 0 &&
           b_bytes != 0;
}

/* What ranks must agree on besides count and root. */
WEFT_INLINE uint32_t weft_shape(enum weft_collective collective, const weft_type *type, const weft_op *op)
{
    uint32_t shape = (uint32_t)collective * 0x9e3779b1u;
    if (type != NULL)
        shape = (shape ^ weft_type_hash(type)) * 0x85ebca77u;
    return op != NULL ? (shape ^ weft_op_hash(op)) * 0xc2b2ae3du : shape;
}

#endif

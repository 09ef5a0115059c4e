// SPDX-License-Identifier: MIT
/* check.h - what every call checks before anything is shared, and how it refuses.
 *
 * An argument that a collective refuses fails the communicator, since this rank's peers are in the call or will be: they get the same
 * status and sentence instead of a hang. */
#ifndef WEFT_API_CHECK_H
#define WEFT_API_CHECK_H

#include "collectives/collectives.h"
#include "core/departure.h"
#include "core/failure.h"
#include "core/guard.h"
#include "reduce/reduce.h"

__attribute__((format(printf, 4, 5))) WEFT_COLD weft_status weft_refuse(weft_comm *comm, weft_status status,
                                                                        const char *call, const char *format, ...);

/* A handle, on a communicator that has not failed. */
WEFT_COLD weft_status weft_refuse_handle(const weft_comm *comm, const char *call);
WEFT_INLINE bool weft_orphaned(const weft_comm *comm)
{
    for (const struct weft_world *each = comm->world->parent; each != NULL; each = each->parent)
        if (weft_unlikely(weft_world_status(each) == WEFT_ERR_ABORTED))
            return true;
    return false;
}

WEFT_INLINE bool weft_healthy(const weft_comm *comm)
{
    return weft_likely(weft_world_status(comm->world) == WEFT_OK) && !weft_orphaned(comm);
}

/* The same, and nothing else is to be looked at either. */
WEFT_INLINE bool weft_usable(const weft_comm *comm)
{
    return weft_likely(comm != NULL && ((uint32_t)weft_world_status(comm->world) | weft_guarded(comm)) == 0) &&
           !weft_orphaned(comm);
}

/* Where that does not hold: refuses, or takes the handle for the calling thread. failed: the call serves failed communicators, too. */
WEFT_COLD enum weft_entry weft_enter(weft_comm *comm, const char *call, bool failed);
WEFT_COLD weft_status weft_leave(weft_comm *comm, weft_status status);

/* At the head of a call; `again` is the call itself, as it was made: where it has to take the handle, it is made again inside. */
#define WEFT_HANDLE(call, again) WEFT_HANDLE_IF(weft_usable(comm), call, false, again)
#define WEFT_HANDLE_FAILED_TOO(call, again) WEFT_HANDLE_IF(comm != NULL && weft_guarded(comm) == 0, call, true, again)
#define WEFT_HANDLE_IF(condition, call, failed, again)                                                                 \
    if (weft_unlikely(!(condition))) {                                                                                 \
        enum weft_entry entry = weft_enter(comm, call, failed);                                                        \
        if (entry == WEFT_REFUSED)                                                                                     \
            return weft_last_status();                                                                                 \
        if (entry == WEFT_ENTERED)                                                                                     \
            return weft_leave(comm, again);                                                                            \
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

/* The sum of counts, one a rank; they must be there. */
weft_status weft_check_counts(weft_comm *comm, const char *call, const char *what, const size_t *counts, size_t *total);
/* What ranks compare instead of counts and offsets (NULL: there are none). */
uint32_t weft_hash_blocks(const size_t *counts, const size_t *offsets, int n_ranks);

/* NULL, or WEFT_IN_PLACE, its neighbour, where that is not taken (any more); and what is wrong with it. */
WEFT_INLINE bool weft_no_buffer(const void *buffer)
{
    return (uintptr_t)buffer + 1 <= 1;
}
WEFT_INLINE const char *weft_no_buffer_text(const void *buffer)
{
    return buffer == NULL ? "is NULL" : "is WEFT_IN_PLACE, which it cannot be,";
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

WEFT_INLINE weft_status weft_check_root(weft_comm *comm, const char *name, int root)
{
    if (weft_likely(root >= 0 && root < comm->n_ranks))
        return WEFT_OK;
    return weft_refuse(comm, WEFT_ERR_ARGUMENT, name, "root is %d, expected 0 to %d", root, comm->n_ranks - 1);
}

extern const struct weft_reduction_guard weft_op_guard;
/* The op cannot reduce the type. */
WEFT_COLD weft_status weft_refuse_op(weft_comm *comm, const char *call, const weft_type *type, const weft_op *op);
/* What `call`, which has its type, combines with; describes the call as far as ranks must agree on that. */
WEFT_INLINE weft_status weft_check_op(weft_comm *comm, const char *name, struct weft_call *call,
                                      struct weft_reduction *reduction, const weft_op *op)
{
    if (weft_unlikely(op == NULL || op->name == NULL))
        return weft_refuse(comm, WEFT_ERR_ARGUMENT, name, op == NULL ? "op is NULL" : "the op has no name");
    if (weft_unlikely(!weft_reduction_init(reduction, call->type, op, comm->n_ranks)))
        return weft_refuse_op(comm, name, call->type, op);
    call->op = op;
    call->op_index = (int8_t)weft_op_index(op);
    call->reduction = reduction;
    if (weft_unlikely(call->op_index < 0)) {
        reduction->guard = &weft_op_guard;
        reduction->whose = comm;
    }
    call->shape = weft_shape(call->collective, call->type, op);
    return WEFT_OK;
}

/* Type and op, and the two buffers of a reduction from `count` elements to as many; `receives`: this rank gets a result. */
WEFT_INLINE weft_status weft_check_reduction(weft_comm *comm, const char *name, struct weft_call *call,
                                             struct weft_reduction *reduction, const void *send, void *recv,
                                             size_t count, const weft_type *type, const weft_op *op, bool receives)
{
    weft_status status = weft_check_elements(comm, name, call, count, type, 1);
    if (status == WEFT_OK)
        status = weft_check_op(comm, name, call, reduction, op);
    if (status != WEFT_OK)
        return status;
    call->send = send == WEFT_IN_PLACE ? recv : send;
    if (weft_unlikely(count > 0 && (weft_no_buffer(call->send) || (receives && weft_no_buffer(recv)))))
        return weft_refuse(comm, WEFT_ERR_ARGUMENT, name, "%s %s with a count of %zu", send == NULL ? "send" : "recv",
                           weft_no_buffer_text(send == NULL ? send : recv), count);
    if (weft_unlikely(receives && call->send != recv && weft_overlap(call->send, call->bytes, recv, call->bytes)))
        return weft_refuse(comm, WEFT_ERR_ARGUMENT, name, "send and recv overlap, and are not the same");
    return WEFT_OK;
}

#endif

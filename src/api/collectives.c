// SPDX-License-Identifier: MIT
/* collectives.c - the collective calls: check what one rank can check, describe the call, hand it down. */
#include "api/check.h"
#include "core/departure.h"

static weft_status barrier(weft_comm *comm, bool idle)
{
    struct weft_call call = weft_call_of(WEFT_COLLECTIVE_barrier, 0, NULL, NULL);
    call.shape = weft_shape(WEFT_COLLECTIVE_barrier, NULL, NULL);
    call.idle = idle;
    return weft_barrier_perform(comm, &call);
}

weft_status weft_barrier(weft_comm *comm)
{
    WEFT_HANDLE("weft_barrier", weft_barrier(comm));
    return barrier(comm, false);
}

weft_status weft_sync(weft_comm *comm, bool blocking)
{
    WEFT_HANDLE("weft_sync", weft_sync(comm, blocking));
    return barrier(comm, blocking);
}

weft_status weft_broadcast(weft_comm *comm, void *data, size_t count, const weft_type *type, int root)
{
    const char *name = "weft_broadcast";
    struct weft_call call = weft_call_of(WEFT_COLLECTIVE_broadcast, root, data, data);
    weft_status status;
    WEFT_HANDLE(name, weft_broadcast(comm, data, count, type, root));
    if ((status = weft_check_elements(comm, name, &call, count, type, 1)) != WEFT_OK ||
        (status = weft_check_root(comm, name, root)) != WEFT_OK)
        return status;
    if (weft_unlikely(weft_no_buffer(data) && count > 0))
        return weft_refuse(comm, WEFT_ERR_ARGUMENT, name, "data %s with a count of %zu", weft_no_buffer_text(data),
                           count);
    call.shape = weft_shape(call.collective, type, NULL);
    return weft_broadcast_perform(comm, &call);
}

weft_status weft_allgather(weft_comm *comm, const void *send, void *recv, size_t count, const weft_type *type)
{
    const char *name = "weft_allgather";
    struct weft_call call = weft_call_of(WEFT_COLLECTIVE_allgather, 0, NULL, recv);
    weft_status status;
    WEFT_HANDLE(name, weft_allgather(comm, send, recv, count, type));
    if ((status = weft_check_elements(comm, name, &call, count, type, (size_t)comm->n_ranks)) != WEFT_OK)
        return status;
    if (weft_unlikely((weft_no_buffer(recv) || send == NULL) && count > 0))
        return weft_refuse(comm, WEFT_ERR_ARGUMENT, name, "%s %s with a count of %zu",
                           weft_no_buffer(recv) ? "recv" : "send",
                           weft_no_buffer_text(weft_no_buffer(recv) ? recv : send), count);
    const char *own = (const char *)recv + (size_t)comm->rank * call.bytes;
    call.send = send == WEFT_IN_PLACE ? own : send;
    if (weft_unlikely(call.send != own &&
                      weft_overlap(call.send, call.bytes, recv, call.bytes * (size_t)comm->n_ranks)))
        return weft_refuse(comm, WEFT_ERR_ARGUMENT, name, "send overlaps recv, and is not this rank's own block of it");
    call.shape = weft_shape(call.collective, type, NULL);
    return weft_allgather_perform(comm, &call);
}

weft_status weft_allreduce(weft_comm *comm, const void *send, void *recv, size_t count, const weft_type *type,
                           const weft_op *op)
{
    const char *name = "weft_allreduce";
    struct weft_call call = weft_call_of(WEFT_COLLECTIVE_allreduce, 0, NULL, recv);
    struct weft_reduction reduction;
    WEFT_HANDLE(name, weft_allreduce(comm, send, recv, count, type, op));
    weft_status status = weft_check_reduction(comm, name, &call, &reduction, send, recv, count, type, op, true);
    return weft_likely(status == WEFT_OK) ? weft_allreduce_perform(comm, &call) : status;
}

weft_status weft_reduce(weft_comm *comm, const void *send, void *recv, size_t count, const weft_type *type,
                        const weft_op *op, int root)
{
    const char *name = "weft_reduce";
    struct weft_call call = weft_call_of(WEFT_COLLECTIVE_reduce, root, NULL, recv);
    struct weft_reduction reduction;
    WEFT_HANDLE(name, weft_reduce(comm, send, recv, count, type, op, root));
    weft_status status = weft_check_root(comm, name, root);
    if (status == WEFT_OK)
        status = weft_check_reduction(comm, name, &call, &reduction, send, recv, count, type, op, comm->rank == root);
    return weft_likely(status == WEFT_OK) ? weft_reduce_perform(comm, &call) : status;
}

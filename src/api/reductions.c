// SPDX-License-Identifier: MIT
/* reductions.c - the calls that combine and give each rank another part of the result. */
#include "api/check.h"

/* The buffers of a reduce_scatter: call->bytes of each block, or of the whole vector, are known. */
static weft_status check_vector(weft_comm *comm, const char *name, struct weft_call *call, const void *send, void *recv,
                                size_t vector_bytes, size_t result_bytes)
{
    call->recv = recv;
    call->send = send == WEFT_IN_PLACE ? recv : send;
    if (weft_unlikely(vector_bytes > 0 && weft_no_buffer(call->send)))
        return weft_refuse(comm, WEFT_ERR_ARGUMENT, name, "%s %s with a count of %zu",
                           send == WEFT_IN_PLACE ? "recv" : "send", weft_no_buffer_text(call->send), call->count);
    if (weft_unlikely(result_bytes > 0 && weft_no_buffer(recv)))
        return weft_refuse(comm, WEFT_ERR_ARGUMENT, name, "recv %s with a count of %zu", weft_no_buffer_text(recv),
                           call->count);
    if (weft_unlikely(call->send != recv && weft_overlap(call->send, vector_bytes, recv, result_bytes)))
        return weft_refuse(comm, WEFT_ERR_ARGUMENT, name, "recv overlaps send, and does not begin where send does");
    return WEFT_OK;
}

weft_status weft_reduce_scatter(weft_comm *comm, const void *send, void *recv, size_t recv_count, const weft_type *type,
                                const weft_op *op)
{
    const char *name = "weft_reduce_scatter";
    struct weft_call call = weft_call_of(WEFT_COLLECTIVE_reduce_scatter, 0, NULL, NULL);
    struct weft_reduction reduction;
    weft_status status;
    WEFT_HANDLE(name, weft_reduce_scatter(comm, send, recv, recv_count, type, op));
    if ((status = weft_check_elements(comm, name, &call, recv_count, type, (size_t)comm->n_ranks)) != WEFT_OK ||
        (status = weft_check_op(comm, name, &call, &reduction, op)) != WEFT_OK ||
        (status = check_vector(comm, name, &call, send, recv, call.bytes * (size_t)comm->n_ranks, call.bytes)) !=
            WEFT_OK)
        return status;
    return weft_reduce_scatter_perform(comm, &call);
}

weft_status weft_reduce_scatterv(weft_comm *comm, const void *send, void *recv, const size_t *counts,
                                 const weft_type *type, const weft_op *op)
{
    const char *name = "weft_reduce_scatterv";
    struct weft_call call = weft_call_of(WEFT_COLLECTIVE_reduce_scatterv, 0, NULL, NULL);
    call.recv_counts = counts;
    struct weft_reduction reduction;
    size_t total;
    weft_status status;
    WEFT_HANDLE(name, weft_reduce_scatterv(comm, send, recv, counts, type, op));
    if ((status = weft_check_counts(comm, name, "counts", counts, &total)) != WEFT_OK ||
        (status = weft_check_elements(comm, name, &call, total, type, 1)) != WEFT_OK ||
        (status = weft_check_op(comm, name, &call, &reduction, op)) != WEFT_OK ||
        (status = check_vector(comm, name, &call, send, recv, call.bytes, counts[comm->rank] * type->size)) != WEFT_OK)
        return status;
    call.root = (int)weft_hash_blocks(counts, NULL, comm->n_ranks);
    return weft_reduce_scatter_perform(comm, &call);
}

static weft_status scan(weft_comm *comm, const char *name, struct weft_call *call, const void *send, void *recv,
                        size_t count, const weft_type *type, const weft_op *op, bool receives)
{
    struct weft_reduction reduction;
    call->recv = recv;
    weft_status status = weft_check_reduction(comm, name, call, &reduction, send, recv, count, type, op, receives);
    if (status == WEFT_OK && call->op_index == WEFT_OP_avg)
        status = weft_refuse(comm, WEFT_ERR_UNSUPPORTED, name,
                             "op avg is not defined for this call: it divides by the "
                             "number of ranks, and here each rank has another");
    return weft_likely(status == WEFT_OK) ? weft_scan_perform(comm, call) : status;
}

weft_status weft_scan(weft_comm *comm, const void *send, void *recv, size_t count, const weft_type *type,
                      const weft_op *op)
{
    struct weft_call call = weft_call_of(WEFT_COLLECTIVE_scan, 0, NULL, NULL);
    WEFT_HANDLE("weft_scan", weft_scan(comm, send, recv, count, type, op));
    return scan(comm, "weft_scan", &call, send, recv, count, type, op, true);
}

weft_status weft_exscan(weft_comm *comm, const void *send, void *recv, size_t count, const weft_type *type,
                        const weft_op *op)
{
    struct weft_call call = weft_call_of(WEFT_COLLECTIVE_exscan, 0, NULL, NULL);
    WEFT_HANDLE("weft_exscan", weft_exscan(comm, send, recv, count, type, op));
    return scan(comm, "weft_exscan", &call, send, recv, count, type, op, comm->rank > 0);
}

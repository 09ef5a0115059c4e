// SPDX-License-Identifier: MIT
/* blocks.c - the calls that move blocks between ranks: gather, scatter, alltoall, and the forms with blocks that
 * differ. */
#include "api/check.h"

/* A buffer of one block a rank, as the user describes it; counts and offsets in elements. */
struct row {
    const char *buffer, *counts_name, *offsets_name; /* as the call names them */
    const void *base;
    const size_t *counts, *offsets;
};

static const char *block_at(const struct row *row, const weft_type *type, int rank)
{
    return (const char *)((uintptr_t)row->base + row->offsets[rank] * type->size); /* of an empty row: NULL is fine */
}

static size_t block_bytes(const struct row *row, const weft_type *type, int rank)
{
    return row->counts[rank] * type->size;
}

/* Counts, offsets and the buffer are there, and no block ends beyond what can be addressed. */
static weft_status check_row(weft_comm *comm, const char *name, const struct row *row, const weft_type *type)
{
    if (row->counts == NULL || row->offsets == NULL)
        return weft_refuse(comm, WEFT_ERR_ARGUMENT, name, "%s is NULL",
                           row->counts == NULL ? row->counts_name : row->offsets_name);
    for (int rank = 0; rank < comm->n_ranks; rank++) {
        size_t end;
        if (__builtin_add_overflow(row->offsets[rank], row->counts[rank], &end) ||
            __builtin_mul_overflow(end, type->size, &end) || end > PTRDIFF_MAX)
            return weft_refuse(comm, WEFT_ERR_ARGUMENT, name,
                               "offset and count times size overflow: block %d of %s has %zu elements of %zu bytes at "
                               "%zu",
                               rank, row->buffer, row->counts[rank], type->size, row->offsets[rank]);
        if (weft_no_buffer(row->base) && row->counts[rank] > 0)
            return weft_refuse(comm, WEFT_ERR_ARGUMENT, name, "%s %s with a count of %zu for rank %d", row->buffer,
                               weft_no_buffer_text(row->base), row->counts[rank], rank);
    }
    return WEFT_OK;
}

/* Blocks that are written must not share a byte. Nearly always they stand in a row, forward or backward. */
static weft_status check_apart(weft_comm *comm, const char *name, const struct row *row)
{
    bool forward = true, backward = true;
    for (int rank = 1; rank < comm->n_ranks; rank++) {
        forward = forward && row->offsets[rank - 1] + row->counts[rank - 1] <= row->offsets[rank];
        backward = backward && row->offsets[rank] + row->counts[rank] <= row->offsets[rank - 1];
    }
    for (int a = 0; !forward && !backward && a < comm->n_ranks; a++)
        for (int b = 0; b < a; b++)
            if (weft_overlap((const char *)row->offsets[a], row->counts[a], (const char *)row->offsets[b],
                             row->counts[b]))
                return weft_refuse(comm, WEFT_ERR_ARGUMENT, name, "blocks %d and %d of %s overlap", b, a, row->buffer);
    return WEFT_OK;
}

/* A buffer of the rank's own against all blocks of a row. */
static weft_status check_beside(weft_comm *comm, const char *name, const char *what, const void *own, size_t bytes,
                                const struct row *row, const weft_type *type)
{
    for (int rank = 0; rank < comm->n_ranks; rank++)
        if (weft_unlikely(weft_overlap(own, bytes, block_at(row, type, rank), block_bytes(row, type, rank))))
            return weft_refuse(comm, WEFT_ERR_ARGUMENT, name, "%s overlaps block %d of %s", what, rank, row->buffer);
    return WEFT_OK;
}

/* What a rank says of its own block in two places. */
static weft_status check_own_count(weft_comm *comm, const char *name, const char *what, size_t count,
                                   const struct row *row)
{
    if (weft_likely(count == row->counts[comm->rank]))
        return WEFT_OK;
    return weft_refuse(comm, WEFT_ERR_ARGUMENT, name, "%s is %zu, but %s[%d] is %zu", what, count, row->counts_name,
                       comm->rank, row->counts[comm->rank]);
}

/* The one buffer of a rank that is no root. */
static weft_status check_single(weft_comm *comm, const char *name, const char *what, const void *buffer, size_t count)
{
    if (weft_unlikely(buffer == WEFT_IN_PLACE))
        return weft_refuse(comm, WEFT_ERR_ARGUMENT, name, "%s is WEFT_IN_PLACE, which only the root may say", what);
    if (weft_unlikely(buffer == NULL && count > 0))
        return weft_refuse(comm, WEFT_ERR_ARGUMENT, name, "%s is NULL with a count of %zu", what, count);
    return WEFT_OK;
}

/* The root's two buffers where blocks are alike: `all` holds a block for each rank, `one` is in place where it is the
 * root's own of them. */
static weft_status check_root_buffers(weft_comm *comm, const char *name, const struct weft_call *call,
                                      const char *all_name, const void *all, const char *one_name, const void **one)
{
    const char *own = (const char *)((uintptr_t)all + (size_t)comm->rank * call->bytes);
    if (weft_unlikely((weft_no_buffer(all) || *one == NULL) && call->count > 0))
        return weft_refuse(comm, WEFT_ERR_ARGUMENT, name, "%s %s with a count of %zu",
                           weft_no_buffer(all) ? all_name : one_name,
                           weft_no_buffer_text(weft_no_buffer(all) ? all : *one), call->count);
    if (*one == WEFT_IN_PLACE)
        *one = own;
    if (weft_unlikely(*one != own && weft_overlap(*one, call->bytes, all, call->bytes * (size_t)comm->n_ranks)))
        return weft_refuse(comm, WEFT_ERR_ARGUMENT, name, "%s overlaps %s, and is not this rank's block of it",
                           one_name, all_name);
    return WEFT_OK;
}

weft_status weft_gather(weft_comm *comm, const void *send, void *recv, size_t count, const weft_type *type, int root)
{
    const char *name = "weft_gather";
    struct weft_call call = weft_call_of(WEFT_COLLECTIVE_gather, root, NULL, recv);
    weft_status status;
    WEFT_HANDLE(name, weft_gather(comm, send, recv, count, type, root));
    if ((status = weft_check_elements(comm, name, &call, count, type, (size_t)comm->n_ranks)) != WEFT_OK ||
        (status = weft_check_root(comm, name, root)) != WEFT_OK)
        return status;
    status = comm->rank == root ? check_root_buffers(comm, name, &call, "recv", recv, "send", &send)
                                : check_single(comm, name, "send", send, count);
    call.send = send;
    call.shape = weft_shape(call.collective, type, NULL);
    return weft_likely(status == WEFT_OK) ? weft_gather_perform(comm, &call) : status;
}

weft_status weft_scatter(weft_comm *comm, const void *send, void *recv, size_t count, const weft_type *type, int root)
{
    const char *name = "weft_scatter";
    struct weft_call call = weft_call_of(WEFT_COLLECTIVE_scatter, root, send, NULL);
    const void *target = recv;
    weft_status status;
    WEFT_HANDLE(name, weft_scatter(comm, send, recv, count, type, root));
    if ((status = weft_check_elements(comm, name, &call, count, type, (size_t)comm->n_ranks)) != WEFT_OK ||
        (status = weft_check_root(comm, name, root)) != WEFT_OK)
        return status;
    status = comm->rank == root ? check_root_buffers(comm, name, &call, "send", send, "recv", &target)
                                : check_single(comm, name, "recv", recv, count);
    call.recv = (void *)(uintptr_t)target;
    call.shape = weft_shape(call.collective, type, NULL);
    return weft_likely(status == WEFT_OK) ? weft_scatter_perform(comm, &call) : status;
}

/* The root's side of gatherv and scatterv; *one is in place where it is the root's own block of the row. `written`: the
 * row's blocks are. */
static weft_status check_root_row(weft_comm *comm, const char *name, struct weft_call *call, const struct row *row,
                                  bool written, const char *one_name, const void **one, const char *count_name)
{
    weft_status status = check_row(comm, name, row, call->type);
    if (status == WEFT_OK && written)
        status = check_apart(comm, name, row);
    if (status != WEFT_OK)
        return status;
    const char *own = block_at(row, call->type, comm->rank);
    if (*one == WEFT_IN_PLACE) {
        *one = own;
        call->own_count = row->counts[comm->rank];
        return WEFT_OK;
    }
    status = check_own_count(comm, name, count_name, call->own_count, row);
    if (status == WEFT_OK)
        status = check_single(comm, name, one_name, *one, call->own_count);
    if (status == WEFT_OK && *one != own)
        status = check_beside(comm, name, one_name, *one, call->own_count * call->type->size, row, call->type);
    return status;
}

/* Of a call whose counts each rank knows for itself. */
static weft_status check_own(weft_comm *comm, const char *name, struct weft_call *call, size_t count,
                             const weft_type *type)
{
    weft_status status = weft_check_elements(comm, name, call, count, type, 1);
    if (status == WEFT_OK)
        status = weft_check_root(comm, name, call->root);
    call->own_count = count;
    call->count = 0;
    call->bytes = 0;
    if (status == WEFT_OK)
        call->shape = weft_shape(call->collective, type, NULL);
    return status;
}

weft_status weft_gatherv(weft_comm *comm, const void *send, size_t send_count, void *recv, const size_t *counts,
                         const size_t *offsets, const weft_type *type, int root)
{
    const char *name = "weft_gatherv";
    struct weft_call call = weft_call_of(WEFT_COLLECTIVE_gatherv, root, NULL, recv);
    const struct row row = {"recv", "counts", "offsets", recv, counts, offsets};
    bool in_place = send == WEFT_IN_PLACE;
    WEFT_HANDLE(name, weft_gatherv(comm, send, send_count, recv, counts, offsets, type, root));
    weft_status status = check_own(comm, name, &call, in_place ? 0 : send_count, type);
    if (status != WEFT_OK)
        return status;
    if (comm->rank == root) {
        call.recv_counts = counts;
        call.recv_offsets = offsets;
        status = check_root_row(comm, name, &call, &row, true, "send", &send, "send_count");
    } else
        status = check_single(comm, name, "send", send, send_count);
    call.send = send;
    return status == WEFT_OK ? weft_gather_perform(comm, &call) : status;
}

weft_status weft_scatterv(weft_comm *comm, const void *send, const size_t *counts, const size_t *offsets, void *recv,
                          size_t recv_count, const weft_type *type, int root)
{
    const char *name = "weft_scatterv";
    struct weft_call call = weft_call_of(WEFT_COLLECTIVE_scatterv, root, send, NULL);
    const struct row row = {"send", "counts", "offsets", send, counts, offsets};
    const void *target = recv;
    WEFT_HANDLE(name, weft_scatterv(comm, send, counts, offsets, recv, recv_count, type, root));
    weft_status status = check_own(comm, name, &call, recv == WEFT_IN_PLACE ? 0 : recv_count, type);
    if (status != WEFT_OK)
        return status;
    if (comm->rank == root) {
        call.send_counts = counts;
        call.send_offsets = offsets;
        status = check_root_row(comm, name, &call, &row, false, "recv", &target, "recv_count");
    } else
        status = check_single(comm, name, "recv", recv, recv_count);
    call.recv = (void *)(uintptr_t)target;
    return status == WEFT_OK ? weft_scatter_perform(comm, &call) : status;
}

weft_status weft_allgatherv(weft_comm *comm, const void *send, size_t send_count, void *recv, const size_t *counts,
                            const size_t *offsets, const weft_type *type)
{
    const char *name = "weft_allgatherv";
    struct weft_call call = weft_call_of(WEFT_COLLECTIVE_allgatherv, 0, NULL, recv);
    const struct row row = {"recv", "counts", "offsets", recv, counts, offsets};
    weft_status status;
    WEFT_HANDLE(name, weft_allgatherv(comm, send, send_count, recv, counts, offsets, type));
    if ((status = weft_check_elements(comm, name, &call, send == WEFT_IN_PLACE ? 0 : send_count, type, 1)) != WEFT_OK)
        return status;
    call.own_count = call.count;
    if ((status = check_root_row(comm, name, &call, &row, true, "send", &send, "send_count")) != WEFT_OK ||
        (status = weft_check_counts(comm, name, "counts", counts, &call.count)) != WEFT_OK)
        return status;
    call.send = send;
    call.recv_counts = counts;
    call.recv_offsets = offsets;
    call.bytes = 0;
    for (int rank = 0; rank < comm->n_ranks; rank++)
        if (block_bytes(&row, type, rank) > call.bytes)
            call.bytes = block_bytes(&row, type, rank);
    call.root = (int)weft_hash_blocks(counts, offsets, comm->n_ranks);
    call.shape = weft_shape(call.collective, type, NULL);
    return weft_allgatherv_perform(comm, &call);
}

static weft_status refuse_swap(weft_comm *comm, const char *name, const weft_type *type)
{
    return weft_refuse(comm, WEFT_ERR_UNSUPPORTED, name,
                       "elements of type %s are objects, which can be copied but not swapped in place", type->name);
}

weft_status weft_alltoall(weft_comm *comm, const void *send, void *recv, size_t count, const weft_type *type)
{
    const char *name = "weft_alltoall";
    struct weft_call call = weft_call_of(WEFT_COLLECTIVE_alltoall, 0, NULL, recv);
    weft_status status;
    WEFT_HANDLE(name, weft_alltoall(comm, send, recv, count, type));
    if ((status = weft_check_elements(comm, name, &call, count, type, (size_t)comm->n_ranks)) != WEFT_OK)
        return status;
    if (weft_unlikely((weft_no_buffer(recv) || send == NULL) && count > 0))
        return weft_refuse(comm, WEFT_ERR_ARGUMENT, name, "%s %s with a count of %zu",
                           weft_no_buffer(recv) ? "recv" : "send",
                           weft_no_buffer_text(weft_no_buffer(recv) ? recv : send), count);
    call.send = send == WEFT_IN_PLACE ? recv : send;
    size_t all = call.bytes * (size_t)comm->n_ranks;
    if (weft_unlikely(call.send != recv && weft_overlap(call.send, all, recv, all)))
        return weft_refuse(comm, WEFT_ERR_ARGUMENT, name, "send and recv overlap in part");
    if (weft_unlikely(call.send == recv && type->copy != NULL && count > 0))
        return refuse_swap(comm, name, type);
    call.shape = weft_shape(call.collective, type, NULL);
    return weft_alltoall_perform(comm, &call);
}

/* No block that is sent shares a byte with one that is received. Buffers that lie apart need one look. */
static weft_status check_rows_apart(weft_comm *comm, const char *name, const struct row *send, const struct row *recv,
                                    const weft_type *type)
{
    uintptr_t low[2] = {UINTPTR_MAX, UINTPTR_MAX}, high[2] = {0, 0};
    const struct row *rows[2] = {send, recv};
    weft_status status = WEFT_OK;
    for (int side = 0; side < 2; side++)
        for (int rank = 0; rank < comm->n_ranks; rank++) {
            uintptr_t begin = (uintptr_t)block_at(rows[side], type, rank);
            size_t bytes = block_bytes(rows[side], type, rank);
            if (bytes > 0 && begin < low[side])
                low[side] = begin;
            if (bytes > 0 && begin + bytes > high[side])
                high[side] = begin + bytes;
        }
    if (high[0] <= low[1] || high[1] <= low[0])
        return WEFT_OK;
    for (int rank = 0; rank < comm->n_ranks && status == WEFT_OK; rank++)
        status =
            check_beside(comm, name, "send", block_at(send, type, rank), block_bytes(send, type, rank), recv, type);
    return status;
}

static bool same_numbers(const size_t *a, const size_t *b, int n)
{
    return a == b || (a != NULL && memcmp(a, b, (size_t)n * sizeof *a) == 0);
}

static bool has_elements(const size_t *counts, int n)
{
    for (int rank = 0; rank < n; rank++)
        if (counts[rank] > 0)
            return true;
    return false;
}

weft_status weft_alltoallv(weft_comm *comm, const void *send, const size_t *send_counts, const size_t *send_offsets,
                           void *recv, const size_t *recv_counts, const size_t *recv_offsets, const weft_type *type)
{
    const char *name = "weft_alltoallv";
    struct weft_call call = weft_call_of(WEFT_COLLECTIVE_alltoallv, 0, NULL, recv);
    struct row sends = {"send", "send_counts", "send_offsets", send, send_counts, send_offsets};
    const struct row receives = {"recv", "recv_counts", "recv_offsets", recv, recv_counts, recv_offsets};
    weft_status status;
    WEFT_HANDLE(name, weft_alltoallv(comm, send, send_counts, send_offsets, recv, recv_counts, recv_offsets, type));
    if ((status = weft_check_elements(comm, name, &call, 0, type, 1)) != WEFT_OK ||
        (status = check_row(comm, name, &receives, type)) != WEFT_OK ||
        (status = check_apart(comm, name, &receives)) != WEFT_OK)
        return status;
    bool in_place = send == WEFT_IN_PLACE || (send == recv && same_numbers(send_counts, recv_counts, comm->n_ranks) &&
                                              same_numbers(send_offsets, recv_offsets, comm->n_ranks));
    if (in_place) {
        sends = (struct row){"recv", "recv_counts", "recv_offsets", recv, recv_counts, recv_offsets};
        if (type->copy != NULL && has_elements(recv_counts, comm->n_ranks))
            return refuse_swap(comm, name, type);
    } else if ((status = check_row(comm, name, &sends, type)) != WEFT_OK ||
               (status = check_own_count(comm, name, "send_counts of the own rank", send_counts[comm->rank],
                                         &receives)) != WEFT_OK ||
               (status = check_rows_apart(comm, name, &sends, &receives, type)) != WEFT_OK)
        return status;
    call.send = sends.base;
    call.send_counts = sends.counts;
    call.send_offsets = sends.offsets;
    call.recv_counts = recv_counts;
    call.recv_offsets = recv_offsets;
    call.shape = weft_shape(call.collective, type, NULL);
    return weft_alltoall_perform(comm, &call);
}

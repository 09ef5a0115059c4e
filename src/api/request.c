// SPDX-License-Identifier: MIT
/* request.c - the nonblocking calls, and what finishes requests.
 *
 * weft_iNAME is weft_NAME with a request in the handle: it checks, describes and chooses as that does, and where the operation would be
 * performed, the request is begun instead (weft_perform). */
#include "api/request.h"

#include "api/check.h"
#include "core/wait.h"

#include <stdlib.h>

/* With room for what the operation needs beyond the call. */
struct started {
    struct weft_request request;
    struct weft_reduction reduction;
};

struct weft_request *weft_request_new(weft_comm *comm, const char *call, struct weft_request **out, size_t bytes,
                                      bool fails)
{
    if (out == NULL) {
        if (fails)
            weft_refuse(comm, WEFT_ERR_ARGUMENT, call, "request is NULL");
        else
            weft_error(WEFT_ERR_ARGUMENT, call, comm, "request is NULL");
        return NULL;
    }
    struct weft_request *request = weft_requests_ready() ? calloc(1, bytes) : NULL;
    if (request == NULL) {
        if (fails)
            weft_refuse(comm, WEFT_ERR_MEMORY, call, "there is no memory for a request");
        else
            weft_error(WEFT_ERR_MEMORY, call, comm, "there is no memory for a request");
        return NULL;
    }
    return request;
}

weft_status weft_request_begun(struct weft_request *request, struct weft_request **out, weft_status status)
{
    if (status == WEFT_OK)
        *out = request;
    else
        free(request);
    return status;
}

static bool starting(weft_comm *comm, const char *call, struct weft_request **out)
{
    struct started *started = (void *)weft_request_new(comm, call, out, sizeof *started, true);
    if (started == NULL)
        return false;
    started->request.reduction = &started->reduction;
    started->request.reduction_bytes = sizeof started->reduction;
    comm->starting = &started->request;
    return true;
}

static weft_status begun(weft_comm *comm, struct weft_request *request, struct weft_request **out, weft_status status)
{
    if (comm->starting == request && status == WEFT_OK) /* a rank alone has nothing to wait for */
        weft_request_close(request);
    comm->starting = NULL;
    return weft_request_begun(request, out, status);
}

/* `call` is the blocking one; where it refuses, weft_refuse gives it the nonblocking one's name. */
#define START(name, call)                                                                                              \
    do {                                                                                                               \
        enum weft_entry entry = weft_usable(comm) ? WEFT_WITHIN : weft_enter(comm, name, false);                       \
        if (entry == WEFT_REFUSED)                                                                                     \
            return weft_last_status();                                                                                 \
        weft_status status;                                                                                            \
        if (starting(comm, name, request)) {                                                                           \
            struct weft_request *made = comm->starting;                                                                \
            status = begun(comm, made, request, call);                                                                 \
        } else                                                                                                         \
            status = weft_last_status();                                                                               \
        return entry == WEFT_ENTERED ? weft_leave(comm, status) : status;                                              \
    } while (0)

weft_status weft_ibarrier(weft_comm *comm, weft_request **request)
{
    START("weft_ibarrier", weft_barrier(comm));
}

weft_status weft_ibroadcast(weft_comm *comm, void *data, size_t count, const weft_type *type, int root,
                            weft_request **request)
{
    START("weft_ibroadcast", weft_broadcast(comm, data, count, type, root));
}

weft_status weft_iallgather(weft_comm *comm, const void *send, void *recv, size_t count, const weft_type *type,
                            weft_request **request)
{
    START("weft_iallgather", weft_allgather(comm, send, recv, count, type));
}

weft_status weft_iallreduce(weft_comm *comm, const void *send, void *recv, size_t count, const weft_type *type,
                            const weft_op *op, weft_request **request)
{
    START("weft_iallreduce", weft_allreduce(comm, send, recv, count, type, op));
}

weft_status weft_ireduce(weft_comm *comm, const void *send, void *recv, size_t count, const weft_type *type,
                         const weft_op *op, int root, weft_request **request)
{
    START("weft_ireduce", weft_reduce(comm, send, recv, count, type, op, root));
}

weft_status weft_igather(weft_comm *comm, const void *send, void *recv, size_t count, const weft_type *type, int root,
                         weft_request **request)
{
    START("weft_igather", weft_gather(comm, send, recv, count, type, root));
}

weft_status weft_igatherv(weft_comm *comm, const void *send, size_t send_count, void *recv, const size_t *counts,
                          const size_t *offsets, const weft_type *type, int root, weft_request **request)
{
    START("weft_igatherv", weft_gatherv(comm, send, send_count, recv, counts, offsets, type, root));
}

weft_status weft_iscatter(weft_comm *comm, const void *send, void *recv, size_t count, const weft_type *type, int root,
                          weft_request **request)
{
    START("weft_iscatter", weft_scatter(comm, send, recv, count, type, root));
}

weft_status weft_iscatterv(weft_comm *comm, const void *send, const size_t *counts, const size_t *offsets, void *recv,
                           size_t recv_count, const weft_type *type, int root, weft_request **request)
{
    START("weft_iscatterv", weft_scatterv(comm, send, counts, offsets, recv, recv_count, type, root));
}

weft_status weft_iallgatherv(weft_comm *comm, const void *send, size_t send_count, void *recv, const size_t *counts,
                             const size_t *offsets, const weft_type *type, weft_request **request)
{
    START("weft_iallgatherv", weft_allgatherv(comm, send, send_count, recv, counts, offsets, type));
}

weft_status weft_ialltoall(weft_comm *comm, const void *send, void *recv, size_t count, const weft_type *type,
                           weft_request **request)
{
    START("weft_ialltoall", weft_alltoall(comm, send, recv, count, type));
}

weft_status weft_ialltoallv(weft_comm *comm, const void *send, const size_t *send_counts, const size_t *send_offsets,
                            void *recv, const size_t *recv_counts, const size_t *recv_offsets, const weft_type *type,
                            weft_request **request)
{
    START("weft_ialltoallv",
          weft_alltoallv(comm, send, send_counts, send_offsets, recv, recv_counts, recv_offsets, type));
}

weft_status weft_ireduce_scatter(weft_comm *comm, const void *send, void *recv, size_t recv_count,
                                 const weft_type *type, const weft_op *op, weft_request **request)
{
    START("weft_ireduce_scatter", weft_reduce_scatter(comm, send, recv, recv_count, type, op));
}

weft_status weft_ireduce_scatterv(weft_comm *comm, const void *send, void *recv, const size_t *counts,
                                  const weft_type *type, const weft_op *op, weft_request **request)
{
    START("weft_ireduce_scatterv", weft_reduce_scatterv(comm, send, recv, counts, type, op));
}

weft_status weft_iscan(weft_comm *comm, const void *send, void *recv, size_t count, const weft_type *type,
                       const weft_op *op, weft_request **request)
{
    START("weft_iscan", weft_scan(comm, send, recv, count, type, op));
}

weft_status weft_iexscan(weft_comm *comm, const void *send, void *recv, size_t count, const weft_type *type,
                         const weft_op *op, weft_request **request)
{
    START("weft_iexscan", weft_exscan(comm, send, recv, count, type, op));
}

/* ---- Finishing */

static weft_status take(weft_request **request)
{
    weft_status status = weft_request_take(*request);
    free(*request);
    *request = NULL;
    return status;
}

weft_status weft_wait_one(weft_request **request)
{
    if (request == NULL)
        return weft_error(WEFT_ERR_ARGUMENT, "weft_wait_one", NULL, "request is NULL");
    if (*request == NULL)
        return WEFT_OK;
    weft_wait_requests(request, 1, true);
    return take(request);
}

weft_status weft_wait_all(weft_request **requests, size_t count)
{
    weft_status first = WEFT_OK;
    size_t failed = count;
    if (requests == NULL && count > 0)
        return weft_error(WEFT_ERR_ARGUMENT, "weft_wait_all", NULL, "requests is NULL with a count of %zu", count);
    weft_wait_requests(requests, count, true);
    for (size_t i = 0; i < count; i++)
        if (requests[i] != NULL && failed == count && requests[i]->status != WEFT_OK)
            failed = i;
    for (size_t i = 0; i < count; i++)
        if (requests[i] != NULL && i != failed)
            take(&requests[i]);
    if (failed < count) /* last, so that its sentence stands */
        first = take(&requests[failed]);
    return first;
}

weft_status weft_wait_any(weft_request **requests, size_t count, size_t *index)
{
    size_t at = 0;
    if (index == NULL || (requests == NULL && count > 0))
        return weft_error(WEFT_ERR_ARGUMENT, "weft_wait_any", NULL, "%s is NULL", index == NULL ? "index" : "requests");
    while (at < count && requests[at] == NULL)
        at++;
    if (at < count) {
        weft_wait_requests(requests, count, false);
        for (at = 0; requests[at] == NULL || !weft_request_finished(requests[at]);)
            at++;
    }
    *index = at;
    return at < count ? take(&requests[at]) : WEFT_OK;
}

weft_status weft_test(weft_request **request)
{
    if (request == NULL)
        return weft_error(WEFT_ERR_ARGUMENT, "weft_test", NULL, "request is NULL");
    if (*request == NULL)
        return WEFT_OK;
    if (!weft_request_finished(*request))
        weft_test_requests(request, 1);
    return weft_request_finished(*request) ? take(request) : WEFT_PENDING;
}

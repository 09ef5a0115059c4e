// SPDX-License-Identifier: MIT
/* messages.c - the calls of point to point: what they check fails the call alone. */
#include "api/check.h"
#include "api/request.h"
#include "core/fork.h"
#include "p2p/message.h"

#include <stdlib.h>

static weft_status check(weft_comm *comm, const char *name, const void *data, size_t count, const weft_type *type)
{
    size_t bytes;
    if (weft_unlikely(type == NULL || type->name == NULL || type->size == 0))
        return weft_error(WEFT_ERR_ARGUMENT, name, comm, "%s",
                          type == NULL         ? "type is NULL"
                          : type->name == NULL ? "the type has no name"
                                               : "the type has size 0");
    if (weft_unlikely(__builtin_mul_overflow(count, type->size, &bytes) || bytes > PTRDIFF_MAX))
        return weft_error(WEFT_ERR_ARGUMENT, name, comm, "count is %zu; that many elements of %zu bytes overflow",
                          count, type->size);
    if (weft_unlikely(weft_no_buffer(data) && count > 0))
        return weft_error(WEFT_ERR_ARGUMENT, name, comm, "data %s with a count of %zu", weft_no_buffer_text(data),
                          count);
    return WEFT_OK;
}

/* `any`: the least that a rank and a tag may be. */
static weft_status check_address(const weft_comm *comm, const char *name, int rank, int tag, int any)
{
    if (weft_unlikely(rank != WEFT_NO_RANK && (rank < any || rank >= comm->n_ranks)))
        return weft_error(WEFT_ERR_ARGUMENT, name, comm, "%s is %d, expected 0 to %d%s", any ? "source" : "dest", rank,
                          comm->n_ranks - 1, any ? ", WEFT_ANY_SOURCE or WEFT_NO_RANK" : " or WEFT_NO_RANK");
    if (weft_unlikely(tag < any))
        return weft_error(WEFT_ERR_ARGUMENT, name, comm, "tag is %d, expected 0 or more%s", tag,
                          any ? " or WEFT_ANY_TAG" : "");
    return WEFT_OK;
}

static weft_status nothing(weft_message *message)
{
    if (message != NULL)
        *message = (weft_message){.source = WEFT_NO_RANK, .tag = WEFT_ANY_TAG, .count = 0};
    return WEFT_OK;
}

#define SENDING(called)                                                                                                \
    {                                                                                                                  \
        .name = called, .data = data, .count = count, .bytes = count * type->size, .type = type, .dest = dest,         \
        .tag = tag                                                                                                     \
    }
#define RECEIVE(called)                                                                                                \
    {                                                                                                                  \
        .name = called, .data = data, .count = count, .type = type, .source = source, .tag = tag, .message = message   \
    }

weft_status weft_send(weft_comm *comm, const void *data, size_t count, const weft_type *type, int dest, int tag)
{
    WEFT_HANDLE("weft_send", weft_send(comm, data, count, type, dest, tag));
    weft_status status = check(comm, "weft_send", data, count, type);
    if (status != WEFT_OK || (status = check_address(comm, "weft_send", dest, tag, 0)) != WEFT_OK)
        return status;
    if (dest == WEFT_NO_RANK)
        return WEFT_OK;
    struct weft_sending sending = SENDING("weft_send");
    return weft_send_perform(comm, &sending);
}

weft_status weft_recv(weft_comm *comm, void *data, size_t count, const weft_type *type, int source, int tag,
                      weft_message *message)
{
    WEFT_HANDLE("weft_recv", weft_recv(comm, data, count, type, source, tag, message));
    weft_status status = check(comm, "weft_recv", data, count, type);
    if (status != WEFT_OK || (status = check_address(comm, "weft_recv", source, tag, -1)) != WEFT_OK)
        return status;
    if (source == WEFT_NO_RANK)
        return nothing(message);
    struct weft_receive receive = RECEIVE("weft_recv");
    return weft_receive_perform(comm, &receive);
}

weft_status weft_sendrecv(weft_comm *comm, const void *send, size_t send_count, int dest, int send_tag, void *recv,
                          size_t recv_count, int source, int recv_tag, const weft_type *type, weft_message *message)
{
    WEFT_HANDLE("weft_sendrecv", weft_sendrecv(comm, send, send_count, dest, send_tag, recv, recv_count, source,
                                               recv_tag, type, message));
    const char *name = "weft_sendrecv";
    weft_status status = check(comm, name, send, send_count, type);
    if (status != WEFT_OK || (status = check(comm, name, recv, recv_count, type)) != WEFT_OK ||
        (status = check_address(comm, name, dest, send_tag, 0)) != WEFT_OK ||
        (status = check_address(comm, name, source, recv_tag, -1)) != WEFT_OK)
        return status;
    struct weft_sending sending = {.name = name,
                                   .data = send,
                                   .count = send_count,
                                   .bytes = send_count * type->size,
                                   .type = type,
                                   .dest = dest,
                                   .tag = send_tag};
    struct weft_receive receive = {.name = name,
                                   .data = recv,
                                   .count = recv_count,
                                   .type = type,
                                   .source = source,
                                   .tag = recv_tag,
                                   .message = message};
    if (source == WEFT_NO_RANK)
        nothing(message);
    if (dest == WEFT_NO_RANK)
        return source == WEFT_NO_RANK ? WEFT_OK : weft_receive_perform(comm, &receive);
    return source == WEFT_NO_RANK ? weft_send_perform(comm, &sending) : weft_exchange_perform(comm, &sending, &receive);
}

weft_status weft_isend(weft_comm *comm, const void *data, size_t count, const weft_type *type, int dest, int tag,
                       weft_request **request)
{
    WEFT_HANDLE("weft_isend", weft_isend(comm, data, count, type, dest, tag, request));
    const char *name = "weft_isend";
    weft_status status = check(comm, name, data, count, type);
    if (status != WEFT_OK || (status = check_address(comm, name, dest, tag, 0)) != WEFT_OK)
        return status;
    struct weft_sending *sending = (void *)weft_request_new(comm, name, request, sizeof *sending, false);
    if (sending == NULL)
        return weft_last_status();
    *sending = (struct weft_sending)SENDING(name);
    if (dest == WEFT_NO_RANK)
        weft_request_close(&sending->request);
    else
        status = weft_send_begin(comm, sending, true);
    return weft_request_begun(&sending->request, request, status);
}

weft_status weft_irecv(weft_comm *comm, void *data, size_t count, const weft_type *type, int source, int tag,
                       weft_message *message, weft_request **request)
{
    WEFT_HANDLE("weft_irecv", weft_irecv(comm, data, count, type, source, tag, message, request));
    const char *name = "weft_irecv";
    weft_status status = check(comm, name, data, count, type);
    if (status != WEFT_OK || (status = check_address(comm, name, source, tag, -1)) != WEFT_OK)
        return status;
    struct weft_receive *receive = (void *)weft_request_new(comm, name, request, sizeof *receive, false);
    if (receive == NULL)
        return weft_last_status();
    *receive = (struct weft_receive)RECEIVE(name);
    if (source == WEFT_NO_RANK) {
        nothing(message);
        weft_request_close(&receive->request);
    } else
        status = weft_receive_begin(comm, receive, true);
    return weft_request_begun(&receive->request, request, status);
}

static weft_status probe(weft_comm *comm, const char *name, int source, int tag, weft_message *message, bool waits)
{
    weft_status status = check_address(comm, name, source, tag, -1);
    if (status != WEFT_OK)
        return status;
    if (source == WEFT_NO_RANK)
        return nothing(message);
    struct weft_receive receive = {.name = name, .source = source, .tag = tag, .message = message, .probes = true};
    return waits ? weft_receive_perform(comm, &receive) : weft_probe_once(comm, &receive);
}

weft_status weft_probe(weft_comm *comm, int source, int tag, weft_message *message)
{
    WEFT_HANDLE("weft_probe", weft_probe(comm, source, tag, message));
    return probe(comm, "weft_probe", source, tag, message, true);
}

weft_status weft_iprobe(weft_comm *comm, int source, int tag, weft_message *message)
{
    WEFT_HANDLE("weft_iprobe", weft_iprobe(comm, source, tag, message));
    return probe(comm, "weft_iprobe", source, tag, message, false);
}

weft_status weft_cancel(weft_request **request)
{
    if (request == NULL)
        return weft_error(WEFT_ERR_ARGUMENT, "weft_cancel", NULL, "request is NULL");
    if (weft_unlikely(weft_inherited_any)) /* it ends, and no lock is taken */
        weft_disown_inherited(request, 1);
    if (*request == NULL || weft_receive_cancel(*request) == WEFT_OK)
        return weft_wait_one(request);
    return WEFT_PENDING;
}

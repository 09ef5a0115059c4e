// SPDX-License-Identifier: MIT
/* message.c - sends, receives and probes as operations in flight, and the short way for a message that need not wait.
 *
 * A blocking call first tries the short way: with nothing in flight on the handle, a short message is written into a ring with room, or
 * taken from the ring in which it stands. Else it becomes a request on the stack, and waits with the others. */
#include "p2p/message.h"

#include "core/departure.h"
#include "core/wait.h"

#include <stdlib.h>
#include <string.h>

static weft_status no_memory(const weft_comm *comm, const char *name)
{
    return weft_error(WEFT_ERR_MEMORY, name, comm, "there is no memory for the first message");
}

static bool gone(const weft_comm *comm, int rank)
{
    /* D2, acquire: pairs with D1; what the rank sent is visible. */
    return atomic_load_explicit(&weft_slot_of(comm, rank)->left, memory_order_acquire) != WEFT_STAYED;
}

/* The communicator has failed, or the handle is being destroyed. */
static weft_status ended(const weft_comm *comm, const char *name)
{
    if (weft_world_status(comm->world) != WEFT_OK)
        return weft_call_refused(comm, name);
    return weft_error(WEFT_ERR_RANK_LOST, name, comm, "the handle was destroyed before the request had finished");
}

static weft_status timed_out(const weft_comm *comm, const char *name, const char *what, int rank, int tag)
{
    char whom[32] = "any rank";
    if (rank != WEFT_ANY_SOURCE)
        snprintf(whom, sizeof whom, "rank %d", rank);
    return weft_error(WEFT_ERR_TIMEOUT, name, comm, "timed out after %lld ms: %s %s with tag %d",
                      (long long)(comm->timeout_ns / 1000000), what, whom, tag);
}

/* ---- Sending */

static bool has_room(struct weft_comm *comm, const struct weft_pair *pair, int dest, uint32_t lines)
{
    struct weft_correspondent *with = &comm->mail->with[dest];
    if (weft_likely(with->sent + lines - with->room <= WEFT_PAIR_LINES))
        return true;
    /* S3, acquire: pairs with S1 of the receiver: he has read what is written over. */
    with->room = atomic_load_explicit(&pair->taken, memory_order_acquire);
    weft_observe_acquire(&pair->taken);
    return with->sent + lines - with->room <= WEFT_PAIR_LINES;
}

static uint32_t lines_of(const struct weft_sending *sending)
{
    return weft_mail_lines(sending) & ~WEFT_LETTER_PARCEL;
}

static struct weft_sending *sending_of(struct weft_operation *operation)
{
    return (struct weft_sending *)operation;
}

/* May the first of those to this rank be written, or is this one delivered? Asked before a sleep, too. */
static bool send_came(const struct weft_request *request)
{
    const struct weft_sending *sending = (const struct weft_sending *)request;
    const weft_comm *comm = request->operation.comm;
    const struct weft_correspondent *with = &comm->mail->with[sending->dest];
    if (sending->written)
        /* S5, seq_cst: pairs with S1 in hand_in (mail.c). */
        return atomic_load_explicit(&sending->parcel->state, memory_order_seq_cst) == WEFT_PARCEL_DELIVERED;
    /* S5, seq_cst: pairs with S1 of the receiver, who tells what he has taken. */
    uint64_t taken = atomic_load_explicit(&weft_pair_at(comm, comm->rank, sending->dest)->taken, memory_order_seq_cst);
    return with->sent + lines_of(with->unsent) - taken <= WEFT_PAIR_LINES;
}

static enum weft_move send_move(struct weft_operation *operation)
{
    struct weft_sending *sending = sending_of(operation);
    weft_comm *comm = operation->comm;
    struct weft_correspondent *with = &comm->mail->with[sending->dest];
    struct weft_pair *pair = weft_pair_at(comm, comm->rank, sending->dest);
    if (!sending->written) {
        operation->until.target = sending->dest;
        /* The first of those to this rank goes first. */
        if (with->unsent != sending || !has_room(comm, pair, sending->dest, lines_of(sending)))
            return WEFT_MOVE_WAIT;
        weft_mail_write(comm, pair, sending);
        sending->written = true;
        with->unsent = sending->next;
        if (with->unsent == NULL)
            with->unsent_end = &with->unsent;
    }
    if (sending->parcel == NULL)
        return WEFT_MOVE_DONE;
    enum weft_move move = weft_look_count(operation, sending->dest, &sending->parcel->state, WEFT_PARCEL_DELIVERED);
    if (move == WEFT_MOVE_DONE) {
        if (sending->parcel->status == WEFT_ERR_CALLBACK)
            operation->status =
                weft_error(WEFT_ERR_CALLBACK, sending->name, comm, "the copy function of type %s failed on rank %d",
                           sending->type->name, sending->dest);
        else if (sending->parcel->status != WEFT_OK)
            operation->status = ended(comm, sending->name);
        weft_parcel_release(sending->parcel);
    }
    return move;
}

/* The send is given up. False: the receiver is copying, and will be done soon. */
static bool withdraw(struct weft_sending *sending)
{
    struct weft_correspondent *with = &sending->request.operation.comm->mail->with[sending->dest];
    uint64_t offered = WEFT_PARCEL_OFFERED;
    if (!sending->written) {
        struct weft_sending **at = &with->unsent;
        while (*at != sending)
            at = &(*at)->next;
        *at = sending->next;
        if (*at == NULL)
            with->unsent_end = at;
        free(sending->parcel);
        return true;
    }
    /* M2, relaxed: as in deliver (mail.c). */
    if (!atomic_compare_exchange_strong_explicit(&sending->parcel->state, &offered, WEFT_PARCEL_WITHDRAWN,
                                                 memory_order_relaxed, memory_order_relaxed))
        return false;
    weft_parcel_release(sending->parcel);
    return true;
}

static weft_status send_check(struct weft_request *request, bool expired)
{
    struct weft_sending *sending = (struct weft_sending *)request;
    const weft_comm *comm = request->operation.comm;
    if ((!expired && !gone(comm, sending->dest)) || !withdraw(sending))
        return WEFT_OK;
    if (!gone(comm, sending->dest))
        return timed_out(comm, sending->name, "no receive took the message to", sending->dest, sending->tag);
    if (weft_world_status(comm->world) != WEFT_OK) /* as in lost */
        return ended(comm, sending->name);
    return weft_error(WEFT_ERR_RANK_LOST, sending->name, comm, "rank %d has left and not received the message",
                      sending->dest);
}

static weft_status send_fail(struct weft_request *request)
{
    struct weft_sending *sending = (struct weft_sending *)request;
    const weft_comm *comm = request->operation.comm;
    if (!withdraw(sending)) { /* the receiver has it; it looks whether the communicator has failed, block by block */
        weft_wait_delivered(comm, &sending->parcel->state, WEFT_PARCEL_DELIVERED);
        weft_parcel_release(sending->parcel);
    }
    return ended(comm, sending->name);
}

static bool make_parcel(struct weft_sending *sending)
{
    struct weft_parcel *parcel = calloc(1, sizeof *parcel);
    if (parcel == NULL)
        return false;
    parcel->data = sending->data;
    parcel->type = sending->type;
    /* M3, relaxed: published with the line. */
    atomic_store_explicit(&parcel->holders, 2, memory_order_relaxed);
    sending->parcel = parcel;
    return true;
}

weft_status weft_send_begin(weft_comm *comm, struct weft_sending *sending, bool stays)
{
    if (weft_mail_of(comm) == NULL || weft_pair_to(comm, sending->dest) == NULL ||
        (weft_mail_lines(sending) & WEFT_LETTER_PARCEL && !make_parcel(sending)))
        return no_memory(comm, sending->name);
    struct weft_correspondent *with = &comm->mail->with[sending->dest];
    struct weft_request *request = &sending->request;
    request->operation.comm = comm;
    request->operation.call = &request->call;
    request->move = send_move;
    request->came = send_came;
    request->check = send_check;
    request->fail = send_fail;
    request->name = sending->name;
    request->tag = sending->tag;
    weft_requests_lock(comm);
    *with->unsent_end = sending;
    with->unsent_end = &sending->next;
    weft_request_add(comm, request, &comm->others, stays);
    weft_requests_unlock(comm);
    return WEFT_OK;
}

/* True: the message is short, and on its way. */
static bool send_shortly(weft_comm *comm, const struct weft_sending *sending)
{
    uint32_t lines = weft_mail_lines(sending);
    if (weft_in_flight(comm) || lines >= WEFT_LETTER_PARCEL || weft_mail_of(comm) == NULL)
        return false;
    struct weft_pair *pair = weft_pair_to(comm, sending->dest);
    if (pair == NULL || !has_room(comm, pair, sending->dest, lines))
        return false;
    weft_mail_write(comm, pair, sending);
    return true;
}

weft_status weft_send_perform(weft_comm *comm, struct weft_sending *sending)
{
    if (weft_likely(send_shortly(comm, sending)))
        return WEFT_OK;
    struct weft_request *one = &sending->request;
    weft_status status = weft_send_begin(comm, sending, false);
    if (status != WEFT_OK)
        return status;
    weft_wait_requests(&one, 1, true);
    return weft_request_take(one);
}

/* ---- Receiving */

static bool source_came(const struct weft_receive *receive)
{
    const weft_comm *comm = receive->request.operation.comm;
    if (receive->source != WEFT_ANY_SOURCE)
        return weft_mail_came(comm, receive->source);
    for (int source = 0; source < comm->n_ranks; source++)
        if (weft_mail_came(comm, source))
            return true;
    return false;
}

/* A probe is by a message that was put aside, by itself or by a receive that looked through the same ring. */
static bool served(const struct weft_receive *receive)
{
    return receive->matched || (receive->probes && weft_mail_find(receive->request.operation.comm, receive));
}

static bool receive_came(const struct weft_request *request)
{
    const struct weft_receive *receive = (const struct weft_receive *)request;
    return served(receive) || source_came(receive);
}

static bool drain(weft_comm *comm, int source)
{
    bool memory = true;
    for (int each = source == WEFT_ANY_SOURCE ? 0 : source; each < comm->n_ranks; each++) {
        memory = weft_mail_drain(comm, each) && memory;
        if (source != WEFT_ANY_SOURCE)
            break;
    }
    return memory;
}

/* What came before the message that is wanted stays where it is, and so does that. */
static weft_status cannot_put_aside(const weft_comm *comm, const struct weft_receive *receive)
{
    return weft_error(WEFT_ERR_MEMORY, receive->name, comm, "there is no memory to put other messages aside");
}

static enum weft_move receive_move(struct weft_operation *operation)
{
    struct weft_receive *receive = (struct weft_receive *)operation;
    weft_comm *comm = operation->comm;
    bool memory = receive->matched || drain(comm, receive->source);
    if (served(receive))
        return WEFT_MOVE_DONE;
    if (!memory) {
        weft_mail_unpost(receive);
        operation->status = cannot_put_aside(comm, receive);
        return WEFT_MOVE_DONE;
    }
    operation->until.target = receive->source == WEFT_ANY_SOURCE ? comm->n_ranks + 1 : receive->source;
    return WEFT_MOVE_WAIT;
}

/* Has everybody left that a message could come from? */
static bool source_lost(const struct weft_receive *receive)
{
    const weft_comm *comm = receive->request.operation.comm;
    if (receive->source != WEFT_ANY_SOURCE)
        return gone(comm, receive->source);
    for (int rank = 0; rank < comm->n_ranks; rank++)
        if (!gone(comm, rank) && (rank != comm->rank || comm->n_ranks == 1))
            return false;
    return true;
}

static weft_status lost(const struct weft_receive *receive)
{
    const weft_comm *comm = receive->request.operation.comm;
    if (weft_world_status(comm->world) != WEFT_OK) /* the communicator failed before: the rank may have left for that */
        return ended(comm, receive->name);
    if (receive->source == WEFT_ANY_SOURCE)
        return weft_error(WEFT_ERR_RANK_LOST, receive->name, comm, "all other ranks have left");
    return weft_error(WEFT_ERR_RANK_LOST, receive->name, comm, "rank %d has left without a message with tag %d",
                      receive->source, receive->tag);
}

static weft_status receive_check(struct weft_request *request, bool expired)
{
    struct weft_receive *receive = (struct weft_receive *)request;
    bool is_lost = source_lost(receive);
    if (!expired && !is_lost)
        return WEFT_OK;
    /* Looked through after the rank has left: what it sent is there, and the next move ends a receive that is served. */
    if (!receive->matched && !drain(request->operation.comm, receive->source)) {
        request->departures = 0; /* no memory: the next move says so, or who left is asked after anew */
        return WEFT_OK;
    }
    if (served(receive))
        return WEFT_OK;
    weft_mail_unpost(receive);
    return is_lost ? lost(receive)
                   : timed_out(request->operation.comm, receive->name, "no message came from", receive->source,
                               receive->tag);
}

static weft_status receive_fail(struct weft_request *request)
{
    struct weft_receive *receive = (struct weft_receive *)request;
    if (receive->matched)
        return request->operation.status;
    weft_mail_unpost(receive);
    return ended(request->operation.comm, receive->name);
}

weft_status weft_receive_begin(weft_comm *comm, struct weft_receive *receive, bool stays)
{
    struct weft_request *request = &receive->request;
    if (weft_mail_of(comm) == NULL)
        return no_memory(comm, receive->name);
    request->operation.comm = comm;
    request->operation.call = &request->call;
    request->move = receive_move;
    request->came = receive_came;
    request->check = receive_check;
    request->fail = receive_fail;
    request->name = receive->name;
    request->tag = receive->tag;
    weft_requests_lock(comm);
    if (!receive->probes)
        weft_mail_post(comm, receive);
    weft_request_add(comm, request, &comm->others, stays);
    weft_requests_unlock(comm);
    return WEFT_OK;
}

/* The message that is next from this rank, if it is for this receive. */
static bool receive_shortly(weft_comm *comm, struct weft_receive *receive)
{
    if (weft_in_flight(comm) || receive->probes || receive->source == WEFT_ANY_SOURCE || weft_mail_of(comm) == NULL)
        return false;
    struct weft_correspondent *with = &comm->mail->with[receive->source];
    struct weft_pair *pair = weft_pair_at(comm, receive->source, comm->rank);
    if (with->letters != NULL || pair == NULL ||
        !weft_poll_word(comm, &weft_pair_line(pair, with->received)->word, with->received + 1))
        return false;
    receive->request.operation.comm = comm;
    weft_mail_post(comm, receive);
    weft_mail_drain(comm, receive->source);
    if (!receive->matched)
        weft_mail_unpost(receive);
    return receive->matched;
}

weft_status weft_receive_perform(weft_comm *comm, struct weft_receive *receive)
{
    struct weft_request *one = &receive->request;
    if (weft_likely(receive_shortly(comm, receive))) {
        free(one->why);
        return one->operation.status;
    }
    weft_status status = weft_receive_begin(comm, receive, false);
    if (status != WEFT_OK)
        return status;
    weft_wait_requests(&one, 1, true);
    return weft_request_take(one);
}

weft_status weft_exchange_perform(weft_comm *comm, struct weft_sending *sending, struct weft_receive *receive)
{
    if (weft_likely(send_shortly(comm, sending)))
        return weft_receive_perform(comm, receive);
    struct weft_request *both[2] = {&sending->request, &receive->request};
    weft_status status = weft_receive_begin(comm, receive, false);
    if (status != WEFT_OK)
        return status;
    if ((status = weft_send_begin(comm, sending, false)) != WEFT_OK) {
        weft_receive_cancel(&receive->request);
        weft_wait_requests(&both[1], 1, true);
        weft_request_take(both[1]);
        return no_memory(comm, sending->name);
    }
    weft_wait_requests(both, 2, true);
    weft_status received = weft_request_take(both[1]);
    status = weft_request_take(both[0]);
    return status != WEFT_OK ? status : received;
}

weft_status weft_probe_once(weft_comm *comm, struct weft_receive *receive)
{
    if (weft_mail_of(comm) == NULL)
        return no_memory(comm, receive->name);
    receive->request.operation.comm = comm;
    weft_test_requests(NULL, 0);
    weft_requests_lock(comm);
    bool is_lost = source_lost(receive);
    bool memory = drain(comm, receive->source), found = weft_mail_find(comm, receive);
    weft_requests_unlock(comm);
    if (found)
        return WEFT_OK;
    if (!memory)
        return cannot_put_aside(comm, receive);
    return is_lost ? lost(receive) : WEFT_PENDING;
}

weft_status weft_receive_cancel(struct weft_request *request)
{
    if (request->move != receive_move || weft_request_finished(request))
        return WEFT_PENDING;
    weft_comm *comm = request->operation.comm;
    struct weft_receive *receive = (struct weft_receive *)request;
    weft_requests_lock(comm);
    if (!weft_request_finished(request))
        drain(comm, receive->source);
    bool taken = !weft_request_finished(request) && !receive->matched;
    if (taken) {
        weft_mail_unpost(receive);
        weft_request_finish(request, WEFT_OK);
    }
    weft_requests_unlock(comm);
    return taken ? WEFT_OK : WEFT_PENDING;
}

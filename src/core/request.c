// SPDX-License-Identifier: MIT
/* request.c - starts operations in flight, moves them, ends them.
 *
 * A handle has one slot to sleep in. The thread that sleeps for its requests counts itself among the sleepers of each rank that one of them
 * waits for, and registers as one that any of them may wake (slot->target is WEFT_TARGET_ANY). Whoever else moves a request of the handle
 * meanwhile wakes that thread, since what it registered for is no longer what they wait for. A second thread that finds the place taken sleeps
 * for a millisecond at a time. */
#include "core/request.h"

#include "core/drive.h"
#include "core/event.h"
#include "core/guard.h"
#include "core/missing.h"
#include "core/mover.h"
#include "core/report.h"
#include "core/stall.h"
#include "core/trace.h"

#include <stdlib.h>
#include <string.h>

enum {
    SECOND_NS = 1000000,           /* sleep of a thread that finds another asleep for a handle */
    NONBLOCKING_SHAPE = 0x5bd1e995 /* a nonblocking call meets nonblocking ones */
};

/* ---- Lists; under the handle's lock from here on */

void weft_requests_lock(weft_comm *comm)
{
    pthread_mutex_lock(&comm->lock);
    /* N5, relaxed: a thread looks for its own name alone. */
    atomic_store_explicit(&comm->holder, weft_thread(), memory_order_relaxed);
}

void weft_requests_unlock(weft_comm *comm)
{
    /* N5, relaxed: as above. */
    atomic_store_explicit(&comm->holder, 0, memory_order_relaxed);
    pthread_mutex_unlock(&comm->lock);
}

bool weft_requests_held(const weft_comm *comm)
{
    /* N5, relaxed: as above. */
    return atomic_load_explicit(&comm->holder, memory_order_relaxed) == weft_thread();
}

static void add(weft_comm *comm, struct weft_requests *list, struct weft_request *request)
{
    request->list = list;
    request->next = NULL;
    request->previous = list->last;
    *(list->last != NULL ? &list->last->next : &list->first) = request;
    list->last = request;
    /* N1, relaxed: the owner of the handle sees its own. */
    atomic_fetch_add_explicit(&comm->in_flight, 1, memory_order_relaxed);
}

static void take_off(struct weft_request *request)
{
    *(request->previous != NULL ? &request->previous->next : &request->list->first) = request->next;
    *(request->next != NULL ? &request->next->previous : &request->list->last) = request->previous;
}

/* The thread that sleeps for the requests of the handle is to look again. */
static void wake_sleeper(weft_comm *comm)
{
    if (comm->sleeper != NULL && comm->sleeper != weft_mover)
        weft_event_ring(comm->sleeper->event, WEFT_EVENT_ALL);
}

static void count_out(struct weft_request *request)
{
    if (request->counted != 0)
        weft_sleepers_add(request->operation.comm->world, request->counted - 1, -1);
    request->counted = 0;
}

void weft_request_finish(struct weft_request *request, weft_status status)
{
    weft_comm *comm = request->operation.comm;
    bool collective = request->list == &comm->collectives;
    count_out(request);
    if (request->noted != 0)
        weft_report_goes_on(comm);
    take_off(request);
    weft_mover_unlink(request);
    if (collective) {
        if (request->operation.number == comm->calls)
            weft_record_end(&request->operation);
        if (comm->trace != NULL)
            weft_trace_note(&request->operation, request->arrival, request->vain);
        weft_ring_finished(comm);
    }
    request->status = status;
    if (status != WEFT_OK && request->why == NULL)
        request->why = strdup(weft_last_error());
    /* N1, release: pairs with N1 in weft_in_flight. */
    atomic_fetch_sub_explicit(&comm->in_flight, 1, memory_order_release);
    wake_sleeper(comm);
    weft_observe_release(&request->finished);
    /* N4, release: pairs with N4 in weft_request_finished, whose caller may free the request. */
    atomic_store_explicit(&request->finished, 1, memory_order_release);
}

void weft_request_close(struct weft_request *request)
{
    /* N4, relaxed: no other thread waits for it. */
    atomic_store_explicit(&request->finished, 1, memory_order_relaxed);
}

bool weft_request_finished(const struct weft_request *request)
{
    /* N4, acquire: pairs with N4 above. */
    bool finished = atomic_load_explicit(&request->finished, memory_order_acquire) != 0;
    if (finished)
        weft_observe_acquire(&request->finished);
    return finished;
}

weft_status weft_request_take(struct weft_request *request)
{
    if (request->status != WEFT_OK)
        weft_error_again(request->status, request->why != NULL ? request->why : "there is no memory to say why");
    free(request->why);
    request->why = NULL;
    return request->status;
}

/* ---- Moving */

/* Gates are used in turn: this rank may come to one again once it has left it, and has then seen all ranks come. */
static bool gate_in_use(const struct weft_request *request)
{
    const struct weft_request *oldest = request->operation.comm->collectives.first;
    return request->gates > 0 && request->operation.gate + request->gates - oldest->operation.gate > WEFT_GATES;
}

/* What it waits for is not there yet. */
static bool in_vain(const struct weft_request *request)
{
    const struct weft_until *until = &request->operation.until;
    if (!request->waits || until->target == request->operation.comm->rank)
        return false;
    if (request->came != NULL)
        return !request->came(request);
    /* S3, relaxed: only whether it is worth moving; the move looks with acquire. */
    return !weft_until_met(until, atomic_load_explicit(until->word, memory_order_relaxed));
}

/* True: it went on. */
static bool advance(struct weft_request *request, bool hurry)
{
    struct weft_operation *operation = &request->operation;
    weft_comm *comm = operation->comm;
    bool hurries = hurry && !operation->hurry, waited = request->waits;
    if (request->list == &comm->collectives && gate_in_use(request))
        return false;
    operation->hurry = operation->hurry || hurry;
    if (!hurries && in_vain(request))
        return false;
    const struct weft_until before = operation->until;
    enum weft_move moved = request->move(operation);
    request->waits = moved == WEFT_MOVE_WAIT;
    if (moved == WEFT_MOVE_WAIT) {
        bool went_on = !waited || before.word != operation->until.word || before.value != operation->until.value;
        if (went_on)
            request->departures = 0; /* who left is asked after anew: now it may need them */
        return went_on;
    }
    weft_request_finish(request, moved == WEFT_MOVE_DONE ? operation->status : request->fail(request));
    return true;
}

static bool advance_all(struct weft_requests *list, bool hurry)
{
    bool moved = false;
    for (struct weft_request *each = list->first, *next; each != NULL; each = next) {
        next = each->next;
        moved = advance(each, hurry) || moved;
    }
    return moved;
}

static void fail_all(struct weft_requests *list)
{
    while (list->first != NULL)
        weft_request_finish(list->first, list->first->fail(list->first));
}

/* All requests of the handle, once. */
static bool move_handle(weft_comm *comm, bool hurry)
{
    if (!weft_in_flight(comm))
        return false;
    weft_requests_lock(comm);
    weft_status status = weft_world_inherit(comm->world);
    bool moved = advance_all(&comm->collectives, hurry);
    moved = advance_all(&comm->others, hurry) || moved;
    /* What has come before the failure has not failed: the failure made it visible (F1). */
    if (weft_unlikely(status != WEFT_OK) && weft_in_flight(comm)) {
        fail_all(&comm->collectives);
        fail_all(&comm->others);
        moved = true;
    }
    if (moved)
        wake_sleeper(comm);
    weft_requests_unlock(comm);
    return moved;
}

/* Each handle of the requests that have not finished, then each other handle of the thread. */
static bool each_handle(struct weft_request *const *requests, size_t count, bool visit(weft_comm *comm, void *arg),
                        void *arg)
{
    const weft_comm *last = NULL;
    bool any = false;
    for (size_t i = 0; i < count; i++)
        if (requests[i] != NULL && !weft_request_finished(requests[i]) && requests[i]->operation.comm != last) {
            weft_comm *comm = requests[i]->operation.comm;
            any = visit(comm, arg) || any;
            last = comm;
        }
    if (!weft_requests_mine())
        return any;
    weft_mover->pass++;
    for (weft_comm *comm = NULL; (comm = weft_mover_pin(weft_mover, last)) != NULL; last = comm) {
        struct weft_comm *outer = weft_mover->visited; /* in a callback that calls another communicator */
        weft_mover->visited = comm;
        if (!weft_requests_held(comm))
            any = visit(comm, arg) || any;
        weft_mover->visited = outer;
        weft_unpin(comm);
    }
    return any;
}

static bool move_visited(weft_comm *comm, void *hurry)
{
    return move_handle(comm, *(bool *)hurry);
}

bool weft_requests_move(struct weft_request *const *requests, size_t count, bool hurry)
{
    return each_handle(requests, count, move_visited, &hurry);
}

/* ---- Looking after those that wait long */

static void look_after(struct weft_request *request, int64_t now_ns, bool foremost)
{
    uint32_t left = weft_departures(request->operation.comm->world);
    if (request->vain_ns == 0) {
        request->vain_ns = now_ns;
        request->vain = weft_cycles();
    }
    bool late = now_ns - request->vain_ns >= WEFT_LOOK_NS, expired = now_ns >= request->deadline_ns;
    bool look = foremost && request->waits && (left != request->departures || (late && !request->looked));
    if (!look && !expired)
        return;
    request->departures = left;
    request->looked = request->looked || late;
    weft_status status = request->check(request, expired);
    if (status != WEFT_OK)
        weft_request_finish(request, status);
}

/* Of collectives only the oldest is looked round for: what it waits for may end the others. */
static bool look_visited(weft_comm *comm, void *now_ns)
{
    if (!weft_in_flight(comm))
        return false;
    weft_requests_lock(comm);
    for (struct weft_request *each = comm->collectives.first; each != NULL; each = each->next)
        look_after(each, *(int64_t *)now_ns, each == comm->collectives.first);
    for (struct weft_request *each = comm->others.first, *next; each != NULL; each = next) {
        next = each->next;
        look_after(each, *(int64_t *)now_ns, true);
    }
    weft_requests_unlock(comm);
    return false;
}

int64_t weft_requests_check(struct weft_request *const *requests, size_t count, int64_t now_ns, bool waits)
{
    each_handle(requests, count, look_visited, &now_ns);
    return weft_requests_tell(requests, count, now_ns, waits);
}

/* ---- Sleeping */

struct registering {
    struct weft_event *event;
    int64_t *deadline_ns;
};

static void count_in(struct weft_request *request)
{
    if (request->counted != 0 || !request->waits)
        return;
    request->counted = request->operation.until.target + 1;
    weft_sleepers_add(request->operation.comm->world, request->counted - 1, 1);
}

static void sooner(int64_t *deadline_ns, int64_t than_ns)
{
    *deadline_ns = than_ns < *deadline_ns ? than_ns : *deadline_ns;
}

/* When it is to be looked after again. */
static void bound_sleep(const struct weft_request *request, bool foremost, int64_t *deadline_ns)
{
    sooner(deadline_ns, request->deadline_ns);
    if (foremost && request->waits && !request->looked && request->vain_ns != 0)
        sooner(deadline_ns, request->vain_ns + WEFT_LOOK_ASLEEP_NS);
}

/* Looked at after the registration. */
static bool something_came(const struct weft_request *request, bool foremost)
{
    return request->waits &&
           ((foremost && request->departures != weft_departures(request->operation.comm->world)) ||
            (request->came != NULL ? request->came(request) || weft_failed(request->operation.comm->world)
                                   : weft_over(&request->operation)));
}

static bool register_visited(weft_comm *comm, void *registering_)
{
    const struct registering *registering = registering_;
    bool came = false;
    /* The lock is taken in any case: what another thread has finished is then seen to be finished. */
    weft_requests_lock(comm);
    struct weft_requests *lists[] = {&comm->collectives, &comm->others};
    if (comm->sleeper == NULL && weft_in_flight(comm)) {
        for (int i = 0; i < 2; i++)
            for (struct weft_request *each = lists[i]->first; each != NULL; each = each->next)
                count_in(each);
        comm->sleeper = weft_mover;
        comm->next_registered = weft_mover->registered;
        weft_mover->registered = comm;
        weft_sleep_for_any(comm, registering->event);
        /* N3, relaxed: this thread holds the lock; it lets go of the handle in weft_requests_unregister. */
        atomic_fetch_add_explicit(&comm->pins, 1, memory_order_relaxed);
    } else if (comm->sleeper != NULL && comm->sleeper != weft_mover)
        sooner(registering->deadline_ns, weft_now_ns() + SECOND_NS);
    for (int i = 0; i < 2; i++)
        for (struct weft_request *each = lists[i]->first; each != NULL; each = each->next) {
            bool foremost = i == 1 || each == comm->collectives.first;
            came = something_came(each, foremost) || came;
            bound_sleep(each, foremost, registering->deadline_ns);
        }
    weft_requests_unlock(comm);
    return came;
}

bool weft_requests_register(struct weft_request *const *requests, size_t count, struct weft_event *event,
                            int64_t *deadline_ns)
{
    struct registering registering = {event, deadline_ns};
    if (weft_mover_mine() == NULL)
        return false;
    weft_mover->event = event;
    return !each_handle(requests, count, register_visited, &registering);
}

void weft_requests_unregister(void)
{
    while (weft_mover != NULL && weft_mover->registered != NULL) {
        weft_comm *comm = weft_mover->registered;
        weft_mover->registered = comm->next_registered;
        weft_requests_lock(comm);
        weft_sleep_for_none(comm);
        for (struct weft_request *each = comm->collectives.first; each != NULL; each = each->next)
            count_out(each);
        for (struct weft_request *each = comm->others.first; each != NULL; each = each->next)
            count_out(each);
        comm->sleeper = NULL;
        weft_requests_unlock(comm);
        weft_unpin(comm);
    }
}

/* ---- Starting */

void weft_request_add(weft_comm *comm, struct weft_request *request, struct weft_requests *list, bool stays)
{
    request->deadline_ns = comm->timeout_ns > 0 && !request->call.idle ? weft_now_ns() + comm->timeout_ns : INT64_MAX;
    request->departures = 0;
    request->waiter = weft_thread();
    add(comm, list, request);
    if (stays)
        weft_mover_link(weft_mover_mine(), request);
    advance(request, comm->world->crowded);
    wake_sleeper(comm);
}

bool weft_requests_ready(void)
{
    return weft_mover_mine() != NULL;
}

/* ---- Collectives */

weft_status weft_check_collective(struct weft_request *request, bool expired)
{
    if (expired)
        weft_fail_timeout(&request->operation);
    else
        weft_look_round(&request->operation);
    return WEFT_OK; /* the communicator has failed, and the next look finds that */
}

static weft_status fail_collective(struct weft_request *request)
{
    return weft_operation_failed(&request->operation);
}

static void begin(weft_comm *comm, struct weft_request *request, const struct weft_call *call,
                  weft_algorithm_move *move, uint32_t lines, uint32_t gates)
{
    bool stays = comm->starting == request;
    comm->starting = NULL;
    request->call = *call;
    if (stays) {
        request->call.nonblocking = true;
        request->call.shape ^= NONBLOCKING_SHAPE;
        if (call->reduction != NULL)
            request->call.reduction = memcpy(request->reduction, call->reduction, request->reduction_bytes);
    }
    request->move = move;
    request->check = weft_check_collective;
    request->fail = fail_collective;
    request->gates = gates;
    weft_requests_lock(comm);
    /* All before is done, since it blocked. With a nonblocking collective all ranks come to this at the same call; with a message in flight
     * it may be this rank alone. */
    if (!comm->asynchronous) {
        comm->asynchronous = true;
        weft_announce(comm);
    }
    if (comm->trace != NULL)
        request->arrival = weft_cycles();
    weft_operation_begin(&request->operation, comm, &request->call, lines, gates);
    weft_request_add(comm, request, &comm->collectives, stays);
    weft_requests_unlock(comm);
}

weft_status weft_perform_among(weft_comm *comm, const struct weft_call *call, weft_algorithm_move *move, uint32_t lines,
                               uint32_t gates, bool symmetric)
{
    if (comm->starting == NULL && comm->trace != NULL && !weft_in_flight(comm))
        return weft_perform_traced(comm, call, move, lines, gates, symmetric);
    if (comm->starting != NULL) {
        begin(comm, comm->starting, call, move, lines, gates);
        return WEFT_OK;
    }
    /* Beside those in flight, or those that another thread has finished since weft_perform looked. */
    struct weft_request request = {.waits = false}, *one = &request;
    begin(comm, &request, call, move, lines, gates);
    weft_wait_requests(&one, 1, true);
    return weft_request_take(&request);
}

/* ---- The end of a handle */

/* Nobody moves them any more: the peers may need what they never published. */
static void fail_peers(weft_comm *comm, bool ended)
{
    const struct weft_request *oldest = comm->collectives.first;
    char call[WEFT_CALL_TEXT];
    if (oldest == NULL)
        return;
    weft_text_call(&oldest->call, call);
    weft_world_fail(comm->world, comm->rank, WEFT_ERR_RANK_LOST, "%srank %d %s with call %llu, %s, unfinished",
                    ended ? "the thread of " : "", comm->rank, ended ? "ended" : "destroyed its handle",
                    (unsigned long long)oldest->operation.number, call);
}

static void fail_on_stack(struct weft_requests *list)
{
    for (struct weft_request *each = list->first, *next; each != NULL; each = next) {
        next = each->next;
        if (each->mover != NULL || each->waiter != weft_thread())
            continue;
        weft_request_finish(each, each->fail(each));
        free(each->why); /* nobody asks */
    }
}

void weft_requests_leave(weft_comm *comm)
{
    fail_on_stack(&comm->collectives);
    fail_on_stack(&comm->others);
    weft_requests_unlock(comm);
    if (weft_mover != NULL && weft_mover->visited == comm) {
        weft_mover->visited = NULL;
        weft_unpin(comm);
    }
}

void weft_requests_abandon(weft_comm *comm)
{
    weft_requests_lock(comm);
    fail_peers(comm, true);
    weft_requests_unlock(comm);
}

void weft_requests_end(weft_comm *comm)
{
    move_handle(comm, false);
    if (weft_in_flight(comm)) {
        weft_requests_lock(comm);
        fail_peers(comm, false);
        fail_all(&comm->collectives);
        fail_all(&comm->others);
        wake_sleeper(comm);
        weft_requests_unlock(comm);
    }
    weft_wait_unpinned(comm);
    if (comm->end_mail != NULL)
        comm->end_mail(comm);
}

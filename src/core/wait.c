// SPDX-License-Identifier: MIT
/* wait.c - the ladder: pause, yield, sleep; and what is looked at on the way.
 *
 * How long to spin adapts to what recent waits took: spinning longer than a sleep and a wake-up cost pays only where the end is near.
 * With more ranks than processors nothing is gained by spinning, and much by yielding: the rank that is waited for may need this very
 * processor. Before a rank sleeps for good it looks round once: a rank that is elsewhere, or gone, will never wake it. Of two ranks that
 * wait for each other's never-coming word, the one that looks later finds what the other is doing. */
#include "core/wait.h"

#include "core/event.h"
#include "core/failure.h"
#include "core/fork.h"
#include "core/missing.h"
#include "core/observe.h"
#include "core/record.h"
#include "core/patience.h"
#include "core/report.h"
#include "core/request.h"
#include "core/stall.h"

#include <stdlib.h>

enum {
    SPIN_SHORT_NS = 1000,  /* where waits have been long */
    LONG_WAIT_NS = 100000, /* waits that spinning does not serve */
    YIELD_NS = 100000,     /* then sleep */
    YIELD_CROWDED_NS = 400000,
    PAUSES = 16,      /* between two looks at the clock */
    FIRST_YIELDS = 16 /* before the first */
};

static bool crowded(const weft_comm *comm)
{
    return comm->world->crowded;
}

void weft_wait_setup(weft_comm *comm, weft_wait wait)
{
    comm->wait = wait;
    comm->usual_ns = 0;
    weft_patience_setup(comm);
    comm->polls = wait == WEFT_WAIT_BLOCK || crowded(comm) ? 0 : 200;
}

/* ---- Sleeping */

/* Of the world's event: a bit for the gates, and those of the ranks as far as there are bits. */
static uint32_t kind_of(const struct weft_world *world, int target)
{
    return target == world->n_ranks ? 1u << 31 : 1u << target % 31;
}

static const _Atomic uint32_t *sleepers_of(const struct weft_world *world, int target)
{
    return target < world->n_ranks ? &world->slots[target].sleepers : &world->gate_sleepers;
}

/* Takes the rank back from those who sleep for `target`. False: somebody else has done so. */
static bool claim(struct weft_world *world, struct weft_slot *slot, int target)
{
    int32_t expected = target + 1;
    /* S7, acq_rel: one of sleeper and waker takes the registration back, and counts it out. */
    if (!atomic_compare_exchange_strong_explicit(&slot->target, &expected, 0, memory_order_acq_rel,
                                                 memory_order_relaxed))
        return false;
    /* S8, relaxed: the count only says that there is something to claim. */
    atomic_fetch_sub_explicit((_Atomic uint32_t *)sleepers_of(world, target), 1, memory_order_relaxed);
    return true;
}

/* The same for one that sleeps for several: it counts itself out. */
static bool claim_any(struct weft_slot *slot)
{
    int32_t expected = WEFT_TARGET_ANY;
    /* S7, acq_rel: as above. Where a waker was first, acquire: it has read the event (S10) before this rank may put another there. */
    return atomic_compare_exchange_strong_explicit(&slot->target, &expected, 0, memory_order_acq_rel,
                                                   memory_order_acquire);
}

void weft_sleepers_add(struct weft_world *world, int target, int change)
{
    int first = target > world->n_ranks ? 0 : target, last = target > world->n_ranks ? world->n_ranks - 1 : target;
    for (int each = first; each <= last; each++)
        /* S4, seq_cst: before S9 and S5; pairs with S2. Counting out, as S8. */
        atomic_fetch_add_explicit((_Atomic uint32_t *)sleepers_of(world, each), (uint32_t)change, memory_order_seq_cst);
}

void weft_sleep_for_any(weft_comm *comm, struct weft_event *event)
{
    /* S10, relaxed: published by the target below. */
    atomic_store_explicit(&comm->slot->event, event, memory_order_relaxed);
    /* S9, seq_cst: after S4, before S5; who sees the target sees the event. */
    atomic_store_explicit(&comm->slot->target, WEFT_TARGET_ANY, memory_order_seq_cst);
    if (comm->world->unfenced)
        weft_fence_all(); /* see S12 */
}

void weft_sleep_for_none(weft_comm *comm)
{
    claim_any(comm->slot);
}

/* If the rank of a slot sleeps for one of the targets, and nobody else wakes it: the kind for which the world's event is to be rung, once
 * for all. (One that sleeps for several has an event of its own.) */
static uint32_t wake_one(struct weft_world *world, struct weft_slot *slot, int target, int or_target, int or_this)
{
    /* S9, seq_cst: after S1; a registration that this misses comes before S5, which then sees S1. */
    int32_t registered = atomic_load_explicit(&slot->target, memory_order_seq_cst);
    if (registered != target + 1 && registered != or_target + 1 && registered != or_this + 1 &&
        registered != WEFT_TARGET_ANY)
        return 0;
    if (registered != WEFT_TARGET_ANY)
        return claim(world, slot, registered - 1) ? kind_of(world, registered - 1) : 0;
    /* S10, relaxed: stored before the target that S9 saw. */
    struct weft_event *event = atomic_load_explicit(&slot->event, memory_order_relaxed);
    if (claim_any(slot))
        weft_event_ring(event, WEFT_EVENT_ALL);
    return 0;
}

void weft_wake(struct weft_world *world, int target)
{
    uint32_t kinds = 0;
    for (int rank = 0; rank < world->n_ranks; rank++)
        kinds |= wake_one(world, &world->slots[rank], target, target, target);
    if (kinds != 0)
        weft_event_ring(world->event, kinds);
}

void weft_wake_for_departure(struct weft_world *world, int left)
{
    uint32_t kinds = 0;
    for (int rank = 0; rank < world->n_ranks; rank++)
        kinds |= wake_one(world, &world->slots[rank], left, world->n_ranks, rank);
    if (kinds != 0)
        weft_event_ring(world->event, kinds);
}

/* Nothing more to wait for: the condition holds, or the communicator has failed, or one that it was made from was aborted. */
bool weft_over(const struct weft_operation *operation)
{
    const struct weft_until *until = &operation->until;
    /* S5, seq_cst: after S4; pairs with S1. */
    if (weft_until_met(until, atomic_load_explicit(until->word, memory_order_seq_cst)))
        return true;
    return weft_failed(operation->comm->world);
}

bool weft_failed(const struct weft_world *own)
{
    for (const struct weft_world *world = own; world != NULL; world = world->parent) {
        /* F4, seq_cst: after S4; pairs with F2. */
        int32_t status = atomic_load_explicit(&world->cause.status, memory_order_seq_cst);
        if (status == WEFT_ERR_ABORTED || (status != WEFT_OK && world == own))
            return true;
    }
    return false;
}

uint32_t weft_departures(const struct weft_world *world)
{
    /* D4, seq_cst: after S4 where a sleep follows; pairs with D3. */
    return atomic_load_explicit(&world->departures, memory_order_seq_cst);
}

static void sleep_until(struct weft_operation *operation, int64_t deadline_ns, uint32_t departures_seen)
{
    weft_comm *comm = operation->comm;
    struct weft_world *world = comm->world;
    int target = operation->until.target;
    uint32_t seen = weft_event_look(world->event);
    /* S4, seq_cst: before S5; pairs with S2. Counted in before a waker can find the registration and count it out: the count must not
     * fall below what others have counted in. */
    atomic_fetch_add_explicit((_Atomic uint32_t *)sleepers_of(world, target), 1, memory_order_seq_cst);
    /* S9, seq_cst: before S5; who sees the target rings after E4. */
    atomic_store_explicit(&comm->slot->target, target + 1, memory_order_seq_cst);
    if (world->unfenced)
        weft_fence_all(); /* see S12 */
    if (!weft_over(operation) && weft_departures(operation->comm->world) == departures_seen)
        weft_event_sleep(world->event, seen, kind_of(world, target), deadline_ns);
    claim(world, comm->slot, target);
}

/* ---- Looking round */

/* R9, seq_cst: before the looks at the others' records, so that of two who look round one sees the other. */
static void show_call(const struct weft_comm *comm)
{
    atomic_store_explicit(&comm->slot->calls, 2 * comm->calls - 1, memory_order_seq_cst);
}

void weft_look_for_others(const struct weft_operation *operation)
{
    show_call(operation->comm);
    if (!weft_failed(operation->comm->world) && weft_record_disagree(operation))
        weft_record_mismatch(operation);
}

weft_status weft_look_round(struct weft_operation *operation)
{
    show_call(operation->comm);
    if (weft_over(operation))
        return WEFT_OK;
    if (weft_record_disagree(operation)) {
        weft_record_mismatch(operation);
        return WEFT_ERR_MISMATCH;
    }
    if (weft_somebody_lost(operation) && !weft_over(operation))
        return weft_fail_lost(operation);
    return WEFT_OK;
}

/* ---- The ladder */

struct ladder {
    int64_t begin_ns, now_ns, deadline_ns, stall_ns;
    bool looked, noted;  /* for reports */
    uint32_t departures; /* seen when it last looked round */
};

static int64_t spin_budget_ns(const weft_comm *comm)
{
    if (comm->wait == WEFT_WAIT_BLOCK || crowded(comm))
        return 0;
    /* More than a sleep and its wake-up cost is the most that spinning may lose. */
    return comm->usual_ns > LONG_WAIT_NS ? SPIN_SHORT_NS : comm->world->tuning.spin_ns;
}

/* Before it sleeps, or when it has waited for so long. */
static void note(const struct weft_operation *operation, struct ladder *ladder, bool sleeps)
{
    if (ladder->noted || (!sleeps && ladder->now_ns - ladder->begin_ns < WEFT_LONG_NS))
        return;
    weft_report_waits(operation->comm, NULL, operation->until.target, 0, ladder->begin_ns);
    ladder->noted = true;
}

/* On a rung that does not sleep: stays there for a moment. False: it is time to sleep. */
static bool stay_awake(weft_comm *comm, bool idle, int64_t now_ns, int64_t waited_ns)
{
    if (comm->wait == WEFT_WAIT_BLOCK || idle)
        return false;
    if (waited_ns < spin_budget_ns(comm)) {
        for (int i = 0; i < PAUSES; i++)
            weft_pause();
        return true;
    }
    if (comm->wait != WEFT_WAIT_SPIN) {
        if (waited_ns >= (crowded(comm) ? YIELD_CROWDED_NS : YIELD_NS))
            return false;
        if (comm->patience > 0) {
            comm->patience--;
            return false;
        }
    }
    weft_yield();
    weft_patience_note(comm, now_ns, 1);
    return true;
}

static void climb(struct weft_operation *operation, struct ladder *ladder)
{
    note(operation, ladder, false);
    if (stay_awake(operation->comm, operation->call->idle, ladder->now_ns, ladder->now_ns - ladder->begin_ns))
        return;
    note(operation, ladder, true);
    int64_t look = ladder->begin_ns + WEFT_LOOK_ASLEEP_NS;
    int64_t until = ladder->stall_ns < ladder->deadline_ns ? ladder->stall_ns : ladder->deadline_ns;
    sleep_until(operation, ladder->looked || look > until ? until : look, ladder->departures);
}

/* Once in a long wait, and whenever a rank has left. */
static bool must_look(const struct weft_operation *operation, struct ladder *ladder, int64_t waited)
{
    uint32_t left = weft_departures(operation->comm->world);
    if (left == ladder->departures && (ladder->looked || waited < WEFT_LOOK_NS))
        return false;
    ladder->departures = left;
    ladder->looked = ladder->looked || waited >= WEFT_LOOK_NS;
    return true;
}

/* With more ranks than processors most waits end here: those that are waited for run meanwhile. */
static bool yield_first(const struct weft_operation *operation)
{
    const struct weft_until *until = &operation->until;
    weft_comm *comm = operation->comm;
    if (!crowded(comm) || comm->wait == WEFT_WAIT_BLOCK || operation->call->idle || comm->patience > 0)
        return false;
    int64_t begin_ns = weft_now_ns();
    bool met = false;
    int yields = 0;
    for (; yields < FIRST_YIELDS && !met; yields++) {
        weft_yield();
        /* S3, relaxed: as in weft_poll. */
        met = weft_until_met(until, atomic_load_explicit(until->word, memory_order_relaxed));
    }
    weft_patience_note(comm, begin_ns, yields);
    return met;
}

/* ---- A blocking operation whose thread has requests elsewhere */

static enum weft_move look_at_word(struct weft_operation *operation)
{
    /* S3, relaxed: as in weft_poll. */
    uint64_t word = atomic_load_explicit(operation->until.word, memory_order_relaxed);
    return weft_until_met(&operation->until, word) ? WEFT_MOVE_DONE : WEFT_MOVE_WAIT;
}

static weft_status fail_wait(struct weft_request *request)
{
    return weft_world_status(request->operation.comm->world);
}

static weft_status await_among(struct weft_operation *operation)
{
    weft_comm *comm = operation->comm;
    struct weft_request request = {.operation = *operation,
                                   .call = *operation->call,
                                   .move = look_at_word,
                                   .check = weft_check_collective,
                                   .fail = fail_wait},
                        *one = &request;
    request.operation.call = &request.call;
    weft_requests_lock(comm);
    weft_request_add(comm, &request, &comm->others, false);
    if (operation->started_ns == 0)
        operation->started_ns = weft_now_ns();
    if (request.deadline_ns != INT64_MAX)
        request.deadline_ns = operation->started_ns + comm->timeout_ns;
    weft_requests_unlock(comm);
    weft_wait_requests(&one, 1, true);
    free(request.why);
    return request.status;
}

/* ---- The ladder, climbed */

static weft_status ascend(struct weft_operation *operation, struct ladder *ladder)
{
    const weft_comm *comm = operation->comm;
    const struct weft_until *until = &operation->until;
    for (;;) {
        /* S3, relaxed: as in weft_poll. */
        if (weft_until_met(until, atomic_load_explicit(until->word, memory_order_relaxed)))
            return WEFT_OK;
        weft_status status = weft_world_inherit(comm->world);
        int64_t waited = ladder->now_ns - ladder->begin_ns;
        if (status == WEFT_OK && must_look(operation, ladder, waited))
            status = weft_look_round(operation);
        /* S3, relaxed: once more. The word may have come between the look above and the failure, found by a rank that went on from it:
         * then the failure made it visible (F1), and this rank's own call has not failed. */
        if (weft_unlikely(status != WEFT_OK))
            return weft_until_met(until, atomic_load_explicit(until->word, memory_order_relaxed)) ? WEFT_OK : status;
        if (ladder->now_ns >= ladder->deadline_ns)
            return weft_fail_timeout(operation);
        if (ladder->now_ns >= ladder->stall_ns) {
            ladder->stall_ns = INT64_MAX;
            weft_stall_warn(comm, operation->number, NULL, ladder->now_ns - operation->started_ns);
        }
        climb(operation, ladder);
        ladder->now_ns = weft_now_ns();
    }
}

weft_status weft_await(struct weft_operation *operation)
{
    weft_comm *comm = operation->comm;
    if (weft_unlikely(weft_requests_mine()))
        return await_among(operation);
    if (yield_first(operation))
        return WEFT_OK;
    struct ladder ladder = {.begin_ns = weft_now_ns(), .deadline_ns = INT64_MAX};
    ladder.now_ns = ladder.begin_ns;
    if (operation->started_ns == 0)
        operation->started_ns = ladder.begin_ns;
    if (comm->timeout_ns > 0 && !operation->call->idle)
        ladder.deadline_ns = operation->started_ns + comm->timeout_ns;
    ladder.stall_ns = weft_stall_due(operation, operation->started_ns);
    weft_status status = ascend(operation, &ladder);
    if (ladder.noted)
        weft_report_goes_on(comm);
    if (status != WEFT_OK)
        return status;
    comm->usual_ns += (ladder.now_ns - ladder.begin_ns - comm->usual_ns) / 8;
    return WEFT_OK;
}

/* ---- Several at once */

static bool finished(struct weft_request *const *requests, size_t count, bool all)
{
    for (size_t i = 0; i < count; i++)
        if (requests[i] != NULL && weft_request_finished(requests[i]) != all)
            return !all;
    return all;
}

/* Any of those left: its communicator's policy holds for the wait. */
static const struct weft_request *any_left(struct weft_request *const *requests, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (requests[i] != NULL && !weft_request_finished(requests[i]))
            return requests[i];
    return NULL;
}

static void sleep_for_requests(struct weft_request *const *requests, size_t count, bool all, int64_t deadline_ns)
{
    struct weft_event *event = weft_event_mine();
    uint32_t seen = event != NULL ? weft_event_look(event) : 0;
    /* Another thread may have finished them before this one registered. */
    if (event != NULL && weft_requests_register(requests, count, event, &deadline_ns) &&
        !finished(requests, count, all))
        weft_event_sleep(event, seen, WEFT_EVENT_ALL, deadline_ns);
    else
        weft_yield();
    weft_requests_unregister();
}

static void climb_among(struct weft_request *const *requests, size_t count, bool all, int64_t begin_ns, int64_t now_ns,
                        int64_t due_ns)
{
    const struct weft_request *left = any_left(requests, count);
    if (left == NULL)
        return;
    if (!stay_awake(left->operation.comm, left->call.idle, now_ns, now_ns - begin_ns))
        sleep_for_requests(requests, count, all, due_ns);
}

void weft_wait_requests(struct weft_request *const *requests, size_t count, bool all)
{
    int64_t begin_ns = 0;
    if (weft_unlikely(weft_inherited_any))
        weft_disown_inherited(requests, count);
    for (bool hurry = false; !finished(requests, count, all); hurry = begin_ns != 0) {
        if (weft_requests_move(requests, count, hurry))
            continue;
        int64_t now_ns = weft_now_ns();
        if (begin_ns == 0)
            begin_ns = now_ns;
        int64_t due_ns = weft_requests_check(requests, count, now_ns, true);
        climb_among(requests, count, all, begin_ns, now_ns, due_ns);
    }
}

void weft_test_requests(struct weft_request *const *requests, size_t count)
{
    if (weft_unlikely(weft_inherited_any))
        weft_disown_inherited(requests, count);
    if (!weft_requests_move(requests, count, true))
        weft_requests_check(requests, count, weft_now_ns(), false);
}

/* ---- Other waits */

void weft_wait_delivered(const weft_comm *comm, const _Atomic uint64_t *word, uint64_t value)
{
    /* S3, acquire: pairs with S1. */
    while (atomic_load_explicit(word, memory_order_acquire) < value && weft_world_status(comm->world) == WEFT_OK)
        weft_yield();
    weft_observe_acquire(word);
    if (weft_world_status(comm->world) != WEFT_OK)
        weft_wait_outside(comm);
}

void weft_wait_unpinned(const weft_comm *comm)
{
    /* N3, acquire: pairs with N3 of who lets go. */
    while (atomic_load_explicit(&comm->pins, memory_order_acquire) != 0)
        weft_yield();
}

void weft_wait_cause(const struct weft_world *world)
{
    while (weft_world_status(world) == WEFT_OK)
        weft_yield();
    weft_observe_acquire(&world->cause.status);
}

void weft_wait_unread(const _Atomic uint32_t *readers)
{
    /* A7, seq_cst: after A4; pairs with A5. */
    while (atomic_load_explicit(readers, memory_order_seq_cst) != 0)
        weft_yield();
}

void weft_wait_outside(const weft_comm *comm)
{
    for (int rank = 0; rank < comm->n_ranks; rank++)
        /* I3, seq_cst: after F2; pairs with I1 and I4. */
        while (rank != comm->rank && atomic_load_explicit(&weft_slot_of(comm, rank)->inside, memory_order_seq_cst) != 0)
            weft_yield();
    for (int rank = 0; rank < comm->n_ranks; rank++)
        weft_observe_acquire(&weft_slot_of(comm, rank)->inside);
}

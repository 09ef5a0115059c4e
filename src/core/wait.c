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
#include "core/missing.h"
#include "core/record.h"

enum {
    SPIN_NS = 20000,       /* more than a sleep and its wake-up cost: the most that spinning may lose */
    SPIN_SHORT_NS = 1000,  /* where waits have been long */
    LONG_WAIT_NS = 100000, /* waits that spinning does not serve */
    YIELD_NS = 100000,     /* then sleep */
    YIELD_CROWDED_NS = 400000,
    LOOK_NS = 1000000, /* a wait this long is worth looking round */
    PAUSES = 16,       /* between two looks at the clock */
    FIRST_YIELDS = 16  /* before the first */
};

static bool crowded(const weft_comm *comm)
{
    return comm->world->crowded;
}

void weft_wait_setup(weft_comm *comm, weft_wait wait)
{
    comm->wait = wait;
    comm->usual_ns = 0;
    comm->polls = wait == WEFT_WAIT_BLOCK || crowded(comm) ? 0 : 200;
}

/* ---- Sleeping */

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

void weft_wake(struct weft_world *world, int target)
{
    for (int rank = 0; rank < world->n_ranks; rank++) {
        struct weft_slot *slot = &world->slots[rank];
        /* S9, seq_cst: after S1; a registration that this misses comes before S5, which then sees S1. */
        if (atomic_load_explicit(&slot->target, memory_order_seq_cst) != target + 1)
            continue;
        /* S10, relaxed: stored before the target that S9 saw. */
        struct weft_event *event = atomic_load_explicit(&slot->event, memory_order_relaxed);
        if (claim(world, slot, target))
            weft_event_ring(event);
    }
}

/* Nothing more to wait for: the condition holds, or the communicator has failed, or one that it was made from was aborted. */
static bool over(const struct weft_operation *operation)
{
    const struct weft_until *until = &operation->until;
    /* S5, seq_cst: after S4; pairs with S1. */
    if (weft_until_met(until, atomic_load_explicit(until->word, memory_order_seq_cst)))
        return true;
    for (const struct weft_world *world = operation->comm->world; world != NULL; world = world->parent) {
        /* F4, seq_cst: after S4; pairs with F2. */
        int32_t status = atomic_load_explicit(&world->cause.status, memory_order_seq_cst);
        if (status == WEFT_ERR_ABORTED || (status != WEFT_OK && world == operation->comm->world))
            return true;
    }
    return false;
}

static uint32_t departures(const struct weft_operation *operation)
{
    /* D4, seq_cst: after S4 where a sleep follows; pairs with D3. */
    return atomic_load_explicit(&operation->comm->world->departures, memory_order_seq_cst);
}

static void sleep_until(struct weft_operation *operation, int64_t deadline_ns, uint32_t departures_seen)
{
    weft_comm *comm = operation->comm;
    struct weft_world *world = comm->world;
    int target = operation->until.target;
    struct weft_event *event = weft_event_mine();
    if (event == NULL) { /* no memory for a sleep: be polite instead */
        weft_yield();
        return;
    }
    uint32_t seen = weft_event_look(event);
    /* S4, seq_cst: before S5; pairs with S2. Counted in before a waker can find the registration and count it out: the count must not
     * fall below what others have counted in. */
    atomic_fetch_add_explicit((_Atomic uint32_t *)sleepers_of(world, target), 1, memory_order_seq_cst);
    /* S10, relaxed: published by the target below. */
    atomic_store_explicit(&comm->slot->event, event, memory_order_relaxed);
    /* S9, seq_cst: before S5; who sees the target sees the event. */
    atomic_store_explicit(&comm->slot->target, target + 1, memory_order_seq_cst);
    if (!over(operation) && departures(operation) == departures_seen)
        weft_event_sleep(event, seen, deadline_ns);
    claim(world, comm->slot, target);
}

/* ---- Looking round */

static weft_status look_round(struct weft_operation *operation)
{
    const struct weft_comm *comm = operation->comm;
    /* R9, seq_cst: before the looks at the others' records, so that of two who look round one sees the other. */
    atomic_store_explicit(&comm->slot->calls, 2 * operation->number - 1, memory_order_seq_cst);
    if (over(operation))
        return WEFT_OK;
    if (weft_record_disagree(operation)) {
        weft_record_mismatch(operation);
        return WEFT_ERR_MISMATCH;
    }
    if (weft_somebody_lost(operation) && !over(operation))
        return weft_fail_lost(operation);
    return WEFT_OK;
}

/* ---- The ladder */

struct ladder {
    int64_t begin_ns, now_ns, deadline_ns;
    bool looked;
    uint32_t departures; /* seen when it last looked round */
};

static int64_t spin_budget_ns(const weft_comm *comm)
{
    if (comm->wait == WEFT_WAIT_BLOCK || crowded(comm))
        return 0;
    return comm->usual_ns > LONG_WAIT_NS ? SPIN_SHORT_NS : SPIN_NS;
}

static void climb(struct weft_operation *operation, const struct ladder *ladder)
{
    const weft_comm *comm = operation->comm;
    int64_t waited = ladder->now_ns - ladder->begin_ns;
    bool spin = comm->wait == WEFT_WAIT_SPIN && !operation->call->idle;
    bool block = comm->wait == WEFT_WAIT_BLOCK || operation->call->idle;
    if (!block && waited < spin_budget_ns(comm)) {
        for (int i = 0; i < PAUSES; i++)
            weft_pause();
    } else if (spin || (!block && waited < (crowded(comm) ? YIELD_CROWDED_NS : YIELD_NS))) {
        weft_yield();
    } else {
        int64_t look = ladder->begin_ns + LOOK_NS;
        sleep_until(operation, ladder->looked || look > ladder->deadline_ns ? ladder->deadline_ns : look,
                    ladder->departures);
    }
}

/* Once after a millisecond, and whenever a rank has left. */
static bool must_look(const struct weft_operation *operation, struct ladder *ladder, int64_t waited)
{
    uint32_t left = departures(operation);
    if (left == ladder->departures && (ladder->looked || waited < LOOK_NS))
        return false;
    ladder->departures = left;
    ladder->looked = ladder->looked || waited >= LOOK_NS;
    return true;
}

/* With more ranks than processors most waits end here: those that are waited for run meanwhile. */
static bool yield_first(const struct weft_operation *operation)
{
    const struct weft_until *until = &operation->until;
    if (!crowded(operation->comm) || operation->comm->wait == WEFT_WAIT_BLOCK || operation->call->idle)
        return false;
    for (int i = 0; i < FIRST_YIELDS; i++) {
        weft_yield();
        /* S3, acquire: pairs with S1. */
        if (weft_until_met(until, atomic_load_explicit(until->word, memory_order_acquire)))
            return true;
    }
    return false;
}

weft_status weft_await(struct weft_operation *operation)
{
    weft_comm *comm = operation->comm;
    struct weft_until *until = &operation->until;
    if (yield_first(operation))
        return WEFT_OK;
    struct ladder ladder = {.begin_ns = weft_now_ns(), .deadline_ns = INT64_MAX};
    ladder.now_ns = ladder.begin_ns;
    if (operation->started_ns == 0)
        operation->started_ns = ladder.begin_ns;
    if (comm->timeout_ns > 0 && !operation->call->idle)
        ladder.deadline_ns = operation->started_ns + comm->timeout_ns;
    for (;;) {
        /* S3, acquire: pairs with S1. */
        if (weft_until_met(until, atomic_load_explicit(until->word, memory_order_acquire)))
            break;
        weft_status status = weft_world_inherit(comm->world);
        int64_t waited = ladder.now_ns - ladder.begin_ns;
        if (status == WEFT_OK && must_look(operation, &ladder, waited))
            status = look_round(operation);
        /* S3, acquire: once more. The word may have come between the look above and the failure, found by a rank that went on from it:
         * then the failure made it visible (F1), and this rank's own call has not failed. */
        if (weft_unlikely(status != WEFT_OK))
            return weft_until_met(until, atomic_load_explicit(until->word, memory_order_acquire)) ? WEFT_OK : status;
        if (ladder.now_ns >= ladder.deadline_ns)
            return weft_fail_timeout(operation);
        climb(operation, &ladder);
        ladder.now_ns = weft_now_ns();
    }
    comm->usual_ns += (ladder.now_ns - ladder.begin_ns - comm->usual_ns) / 8;
    return WEFT_OK;
}

void weft_wait_cause(const struct weft_world *world)
{
    while (weft_world_status(world) == WEFT_OK)
        weft_yield();
}

void weft_wait_outside(const weft_comm *comm)
{
    for (int rank = 0; rank < comm->n_ranks; rank++)
        /* I3, seq_cst: after F2; pairs with I1 and I4. */
        while (rank != comm->rank && atomic_load_explicit(&weft_slot_of(comm, rank)->inside, memory_order_seq_cst) != 0)
            weft_yield();
}

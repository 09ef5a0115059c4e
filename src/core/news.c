// SPDX-License-Identifier: MIT
/* news.c - the wait of ranks that agree on something outside any call: until another has agreed, or left, or one that their communicator was
 * made from is aborted. See weft_comm_shrink. */
#include "core/event.h"
#include "core/failure.h"
#include "core/request.h"
#include "core/wait.h"

static uint32_t aborts_above(const struct weft_world *own)
{
    uint32_t aborts = 0;
    for (const struct weft_world *world = own->parent; world != NULL; world = world->parent)
        /* F4, seq_cst: after S9 where a sleep follows; pairs with F2. */
        aborts += atomic_load_explicit(&world->cause.status, memory_order_seq_cst) == WEFT_ERR_ABORTED;
    return aborts;
}

struct weft_news weft_news_of(const struct weft_world *world)
{
    /* V1, seq_cst: after S9 where a sleep follows; pairs with V1 below. */
    uint32_t agreements = atomic_load_explicit(&world->agreements, memory_order_seq_cst);
    return (struct weft_news){agreements, weft_departures(world), aborts_above(world)};
}

static bool nothing_new(const struct weft_world *world, const struct weft_news *seen)
{
    struct weft_news now = weft_news_of(world);
    return now.agreements == seen->agreements && now.departures == seen->departures && now.aborts == seen->aborts;
}

void weft_tell_agreed(struct weft_world *world)
{
    /* V1, seq_cst: before the looks for sleepers (S9) in weft_wake, so that a sleeper that they miss sees this. */
    atomic_fetch_add_explicit(&world->agreements, 1, memory_order_seq_cst);
    weft_wake(world, world->n_ranks);
}

/* Another thread may be asleep in this rank's slot while requests are in flight: no sleep for long, then. */
static void sleep_briefly(weft_comm *comm, struct weft_event *event, int64_t deadline_ns)
{
    const struct weft_request any = {.operation = {.comm = comm}}, *one = &any;
    int64_t now_ns = weft_now_ns(), until_ns = now_ns + WEFT_LOOK_NS;
    uint32_t rings = weft_event_look(event);
    weft_requests_check((struct weft_request *const *)&one, 1, now_ns, false);
    if (!weft_requests_move((struct weft_request *const *)&one, 1, true))
        weft_event_sleep(event, rings, WEFT_EVENT_ALL, until_ns < deadline_ns ? until_ns : deadline_ns);
}

void weft_wait_news(weft_comm *comm, const struct weft_news *seen, int64_t deadline_ns)
{
    while (nothing_new(comm->world, seen) && weft_now_ns() < deadline_ns) {
        struct weft_event *event = weft_event_mine();
        if (event == NULL)
            weft_yield();
        else if (weft_requests_mine() || weft_in_flight(comm))
            sleep_briefly(comm, event, deadline_ns);
        else {
            uint32_t rings = weft_event_look(event);
            weft_sleep_for_any(comm, event);
            if (nothing_new(comm->world, seen))
                weft_event_sleep(event, rings, WEFT_EVENT_ALL, deadline_ns);
            weft_sleep_for_none(comm);
        }
    }
}

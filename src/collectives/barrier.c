// SPDX-License-Identifier: MIT
/* barrier.c - an exchange of nothing; in domains, an allreduce of nothing. */
#include "collectives/collectives.h"
#include "collectives/domains.h"
#include "collectives/exchange.h"
#include "collectives/grid.h"

enum { GRID, FLAT, GATE, DOMAINS };
static const struct weft_algorithm list[] = {
    [GRID] = {"grid", "each rank fills a channel to each other rank and waits until all are emptied; the baseline"},
    [FLAT] = {"flat", "each rank publishes a line and looks at everybody's"},
    [GATE] = {"gate", "each rank counts itself in; the last to arrive opens"},
    [DOMAINS] = {"domains",
                 "the leader of each domain hears from its members, then from the other leaders, and releases"},
    {NULL, NULL}};

WEFT_INLINE struct weft_choice choose(const weft_comm *comm, const struct weft_call *call)
{
    int forced = weft_forced(comm, WEFT_COLLECTIVE_barrier, GRID);
    (void)call;
    if (forced >= 0)
        return (struct weft_choice){forced, "asked for by name"};
    if (comm->world->crowded)
        return (struct weft_choice){GATE, "more ranks than processors: each needs to run only once"};
    if (comm->world->gated)
        return (struct weft_choice){DOMAINS, "many ranks: near ones first"};
    return (struct weft_choice){FLAT, "few ranks: one line transfer"};
}
const struct weft_collective_algorithms weft_barrier_algorithms = {list, choose};

static enum weft_move barrier_flat(struct weft_operation *operation)
{
    enum weft_move move;
    if (operation->state == 0) {
        if ((move = weft_ring_room(operation)) != WEFT_MOVE_DONE)
            return move;
        weft_publish(operation, 0);
        operation->state = 1;
    }
    return weft_look_all(operation, 0);
}

static enum weft_move barrier_gate(struct weft_operation *operation)
{
    enum weft_move move;
    if (operation->state == 0) {
        if ((move = weft_ring_room(operation)) != WEFT_MOVE_DONE)
            return move;
        weft_publish_quietly(operation, 0);
        operation->state = 1;
        if (weft_gate_arrive(operation, 0)) {
            if (weft_gate_check(operation, 0) != WEFT_MOVE_DONE)
                return WEFT_MOVE_FAIL;
            weft_gate_open(operation, 0);
            return WEFT_MOVE_DONE;
        }
    }
    return weft_gate_look(operation, 0);
}

weft_status weft_barrier_perform(weft_comm *comm, const struct weft_call *call)
{
    if (comm->n_ranks == 1)
        return WEFT_OK;
    switch (choose(comm, call).algorithm) {
    case FLAT:
        return weft_perform(comm, call, barrier_flat, 1, 0, true);
    case GATE:
        return weft_perform(comm, call, barrier_gate, 1, 1, true);
    case DOMAINS:
        return weft_perform(comm, call, weft_domains_allreduce, weft_domains_allreduce_lines(call), 0, true);
    default:
        return weft_perform(comm, call, weft_grid_barrier, 1, 0, true);
    }
}

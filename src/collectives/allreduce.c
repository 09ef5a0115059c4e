// SPDX-License-Identifier: MIT
/* allreduce.c - the combination of all ranks' vectors, to every rank.
 *
 * flat: short vectors travel in the lines of an exchange, and each rank combines them all. gate: the last to arrive does so for all; up to a
 * line's payload travels in lines and in the gate, longer vectors are read and written where they stand. slices: long vectors, all
 * ranks work, in one pass over the buffers themselves. */
#include "collectives/collectives.h"
#include "collectives/combine.h"
#include "collectives/domains.h"
#include "collectives/exchange.h"
#include "collectives/grid.h"
#include "collectives/slices.h"

enum { GRID, FLAT, GATE, SLICES, DOMAINS };
static const struct weft_algorithm list[] = {
    [GRID] = {"grid", "each rank puts its address into a channel to each other rank, reduces all, and waits until all "
                      "are emptied; the baseline"},
    [FLAT] = {"flat", "the vectors travel in lines; each rank combines everybody's"},
    [GATE] = {"gate", "the last to arrive combines the vectors of all for all, and opens a gate"},
    [SLICES] = {"slices", "each rank reduces a slice from all inputs to all results"},
    [DOMAINS] = {"domains", "the leader of each domain combines its members' vectors, then the leaders theirs"},
    {NULL, NULL}};

WEFT_INLINE struct weft_choice choose(const weft_comm *comm, const struct weft_call *call)
{
    int forced = weft_forced(comm, WEFT_COLLECTIVE_allreduce, GRID);
    const struct weft_tuning *tuning = &comm->world->tuning;
    bool fits_one = call->bytes <= WEFT_LINE_PAYLOAD;
    if (forced >= 0 && (forced != FLAT || weft_lines_of(call->bytes) != 0) && (forced != DOMAINS || fits_one))
        return (struct weft_choice){forced, "asked for by name"};
    if (comm->world->crowded && call->bytes <= (size_t)tuning->gate_bytes)
        return (struct weft_choice){GATE, "more ranks than processors: each needs to run only once"};
    if (comm->world->gated && !comm->world->crowded && fits_one)
        return (struct weft_choice){DOMAINS, "many ranks: near ones first"};
    if (call->bytes > WEFT_MESSAGE_BYTES || call->bytes * (size_t)comm->n_ranks > (size_t)tuning->allreduce_lines)
        return (struct weft_choice){SLICES, "each byte is read and written once"};
    if (comm->world->gated)
        return (struct weft_choice){GATE, "too many ranks for each to look at each"};
    return (struct weft_choice){FLAT, "the vector fits the lines: one line transfer"};
}
const struct weft_collective_algorithms weft_allreduce_algorithms = {list, choose};

WEFT_INLINE enum weft_move allreduce_flat(struct weft_operation *operation)
{
    const struct weft_call *call = operation->call;
    enum weft_move move;
    if (operation->state == 0) {
        if ((move = weft_ring_room(operation)) != WEFT_MOVE_DONE)
            return move;
        weft_publish_message(operation, call->send, call->bytes, false);
        operation->state = 1;
    }
    if ((move = weft_look_all(operation, 0)) != WEFT_MOVE_DONE)
        return move;
    return weft_combine_two(operation, call->recv) ? WEFT_MOVE_DONE : weft_combine_messages(operation, call->recv);
}

/* The last to arrive: the result into the gate's own line, or straight into everybody's buffer, since all who were counted wait here. */
static enum weft_move combine_for_all(struct weft_operation *operation)
{
    const struct weft_call *call = operation->call;
    enum weft_move move = weft_gate_check(operation, 0);
    if (move != WEFT_MOVE_DONE)
        return move;
    if (call->bytes <= WEFT_LINE_PAYLOAD) {
        move = weft_combine_messages(operation, call->recv);
        weft_copy_small(weft_gate_at(operation, 0)->release.payload, call->recv, call->bytes);
    } else {
        weft_take_buffers(operation);
        move = weft_sweep(operation, 0, call->count);
    }
    if (move == WEFT_MOVE_DONE)
        weft_gate_open(operation, 0);
    return move;
}

static enum weft_move allreduce_gate(struct weft_operation *operation)
{
    const struct weft_call *call = operation->call;
    bool in_lines = call->bytes <= WEFT_LINE_PAYLOAD;
    enum weft_move move;
    if (operation->state == 0) {
        if ((move = weft_ring_room(operation)) != WEFT_MOVE_DONE)
            return move;
        if (in_lines)
            weft_copy_small(weft_own_line(operation, 0)->payload, call->send, call->bytes);
        else
            weft_put_buffers(operation);
        weft_publish_quietly(operation, 0);
        operation->state = 1;
        if (weft_gate_arrive(operation, 0))
            return combine_for_all(operation);
    }
    if ((move = weft_gate_look(operation, 0)) == WEFT_MOVE_DONE && in_lines)
        weft_copy_small(call->recv, weft_gate_at(operation, 0)->release.payload, call->bytes);
    return move;
}

weft_status weft_allreduce_perform(weft_comm *comm, const struct weft_call *call)
{
    if (comm->n_ranks == 1) {
        if (call->send != call->recv && call->bytes > 0)
            memcpy(call->recv, call->send, call->bytes);
        return WEFT_OK;
    }
    switch (choose(comm, call).algorithm) {
    case FLAT:
        return weft_perform(comm, call, allreduce_flat, weft_lines_of(call->bytes), 0, true);
    case GATE:
        return weft_perform(comm, call, allreduce_gate, 1, 1, true);
    case SLICES:
        return weft_perform(comm, call, weft_slices, WEFT_SLICES_LINES, comm->world->gated ? 1 : 0, true);
    case DOMAINS:
        return weft_perform(comm, call, weft_domains_allreduce, weft_domains_allreduce_lines(call), 0, true);
    default:
        return weft_perform(comm, call, weft_grid_allreduce, 1, 0, true);
    }
}

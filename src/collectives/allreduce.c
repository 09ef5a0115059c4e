// SPDX-License-Identifier: MIT
/* allreduce.c - the combination of all ranks' vectors, to every rank.
 *
 * flat: short vectors travel in the lines of an exchange, and each rank combines them all, line by line as they come. gate: the last to arrive
 * combines them for all. slices: long vectors, in one pass over the buffers themselves. */
#include "collectives/collectives.h"
#include "collectives/exchange.h"
#include "collectives/grid.h"
#include "collectives/slices.h"

enum { GRID, FLAT, GATE, SLICES };
static const struct weft_algorithm list[] = {
    [GRID] = {"grid", "each rank puts its address into a channel to each other rank, reduces all, and waits until all "
                      "are emptied; the baseline"},
    [FLAT] = {"flat", "the vectors travel in lines; each rank combines everybody's"},
    [GATE] = {"gate", "the vectors travel in lines; the last to arrive combines them and opens a gate"},
    [SLICES] = {"slices", "each rank reduces a slice from all inputs to all results"},
    {NULL, NULL}};

static struct weft_choice choose(const weft_comm *comm, const struct weft_call *call)
{
    int forced = comm->world->forced[WEFT_COLLECTIVE_allreduce] - 1;
    bool fits = weft_lines_of_elements(call->count, call->type->size) != 0;
    if (forced >= 0 && (fits || forced == GRID || forced == SLICES))
        return (struct weft_choice){forced, "asked for by name"};
    if (!fits)
        return (struct weft_choice){SLICES, "each byte is read and written once"};
    if (comm->world->crowded)
        return (struct weft_choice){GATE, "more ranks than processors: each needs to run only once"};
    if (comm->world->gated)
        return (struct weft_choice){GATE, "too many ranks for each to look at each"};
    return (struct weft_choice){FLAT, "the vector fits the lines: one line transfer"};
}
const struct weft_collective_algorithms weft_allreduce_algorithms = {list, choose};

static void publish_vector(struct weft_operation *operation, bool quietly)
{
    const struct weft_call *call = operation->call;
    size_t per_line = WEFT_LINE_PAYLOAD / call->type->size * call->type->size;
    weft_publish_message(operation, 0, call->send, call->bytes, per_line, quietly);
}

static enum weft_move allreduce_flat(struct weft_operation *operation)
{
    enum weft_move move;
    if (operation->state == 0) {
        if ((move = weft_ring_room(operation)) != WEFT_MOVE_DONE)
            return move;
        publish_vector(operation, false);
        operation->state = 1;
    }
    for (; operation->line < operation->lines; operation->line++, operation->peer = 0) {
        for (; operation->peer < operation->comm->n_ranks; operation->peer++) {
            if (operation->peer == operation->comm->rank)
                continue;
            if ((move = weft_look(operation, operation->peer, operation->line, operation->lines)) != WEFT_MOVE_DONE)
                return move;
        }
        if (operation->call->count > 0 &&
            (move = weft_combine_line(operation, operation->line, operation->call->recv)) != WEFT_MOVE_DONE)
            return move;
    }
    return WEFT_MOVE_DONE;
}

/* Where the last to arrive leaves the result: up to a line's worth in the gate itself, more in its own lines behind its vector. */
static enum weft_move combine_for_all(struct weft_operation *operation)
{
    const struct weft_call *call = operation->call;
    uint32_t lines = weft_lines_of_elements(call->count, call->type->size);
    struct weft_line *release = &weft_gate_at(operation, 0)->release;
    int32_t rank = operation->comm->rank;
    if (weft_gate_check(operation, lines - 1) != WEFT_MOVE_DONE)
        return WEFT_MOVE_FAIL;
    for (uint32_t line = 0; line < lines && call->count > 0; line++)
        if (weft_combine_line(operation, line, call->recv) != WEFT_MOVE_DONE)
            return WEFT_MOVE_FAIL;
    if (lines > 1) {
        weft_publish_message(operation, lines, call->recv, call->bytes, WEFT_LINE_PAYLOAD, true);
        memcpy(release->payload, &rank, sizeof rank);
    } else
        weft_copy_small(release->payload, call->recv, call->bytes);
    weft_gate_open(operation, 0);
    return WEFT_MOVE_DONE;
}

static void take_result(struct weft_operation *operation)
{
    const struct weft_call *call = operation->call;
    const struct weft_line *release = &weft_gate_at(operation, 0)->release;
    uint32_t lines = weft_lines_of_elements(call->count, call->type->size);
    if (lines == 1) {
        weft_copy_small(call->recv, release->payload, call->bytes);
        return;
    }
    int32_t rank;
    memcpy(&rank, release->payload, sizeof rank);
    for (size_t at = 0; at < call->bytes; at += WEFT_LINE_PAYLOAD, lines++)
        memcpy((unsigned char *)call->recv + at, weft_peer_line(operation, rank, lines)->payload,
               call->bytes - at < WEFT_LINE_PAYLOAD ? call->bytes - at : WEFT_LINE_PAYLOAD);
}

static enum weft_move allreduce_gate(struct weft_operation *operation)
{
    enum weft_move move;
    if (operation->state == 0) {
        if ((move = weft_ring_room(operation)) != WEFT_MOVE_DONE)
            return move;
        publish_vector(operation, true);
        operation->state = 1;
        if (weft_gate_arrive(operation, 0))
            return combine_for_all(operation);
    }
    if ((move = weft_gate_look(operation, 0)) != WEFT_MOVE_DONE)
        return move;
    take_result(operation);
    return WEFT_MOVE_DONE;
}

weft_status weft_allreduce_perform(weft_comm *comm, const struct weft_call *call)
{
    if (comm->n_ranks == 1) {
        if (call->send != call->recv && call->bytes > 0)
            memcpy(call->recv, call->send, call->bytes);
        return WEFT_OK;
    }
    uint32_t lines = weft_lines_of_elements(call->count, call->type->size);
    switch (choose(comm, call).algorithm) {
    case FLAT:
        return weft_perform(comm, call, allreduce_flat, lines, 0, true);
    case GATE:
        return weft_perform(comm, call, allreduce_gate, lines > 1 ? 2 * lines : 1, 1, true);
    case SLICES:
        return weft_perform(comm, call, weft_slices, WEFT_SLICES_LINES, comm->world->gated ? 1 : 0, true);
    default:
        return weft_perform(comm, call, weft_grid_allreduce, 1, 0, true);
    }
}

// SPDX-License-Identifier: MIT
/* reduce.c - the combination of all ranks' vectors, to one rank.
 *
 * lines: short vectors travel in their senders' lines, and the root combines them; the senders run ahead. slices: as in allreduce, with one
 * result. */
#include "collectives/collectives.h"
#include "collectives/combine.h"
#include "collectives/exchange.h"
#include "collectives/slices.h"

enum { LINES, SLICES };
static const struct weft_algorithm list[] = {
    [LINES] = {"lines", "the vectors travel in lines; the root combines them, and the others run ahead"},
    [SLICES] = {"slices", "each rank reduces a slice from all inputs into the root's buffer"},
    {NULL, NULL}};

WEFT_INLINE struct weft_choice choose(const weft_comm *comm, const struct weft_call *call)
{
    int forced = comm->world->forced[WEFT_COLLECTIVE_reduce] - 1;
    bool fits = weft_lines_of(call->bytes) != 0;
    if (forced == SLICES || (forced == LINES && fits))
        return (struct weft_choice){forced, "asked for by name"};
    if (fits)
        return (struct weft_choice){LINES, "the vectors fit the lines"};
    return (struct weft_choice){SLICES, "each byte is read once, by all ranks together"};
}
const struct weft_collective_algorithms weft_reduce_algorithms = {list, choose};

static enum weft_move reduce_lines(struct weft_operation *operation)
{
    const struct weft_call *call = operation->call;
    enum weft_move move;
    if (operation->comm->rank != call->root) {
        if ((move = weft_ring_room(operation)) == WEFT_MOVE_DONE)
            weft_publish_message(operation, call->send, call->bytes, false);
        return move;
    }
    if ((move = weft_look_all(operation, 0)) != WEFT_MOVE_DONE)
        return move;
    return weft_combine_messages(operation, call->recv);
}

weft_status weft_reduce_perform(weft_comm *comm, const struct weft_call *call)
{
    if (comm->n_ranks == 1) {
        if (call->send != call->recv && call->bytes > 0)
            memcpy(call->recv, call->send, call->bytes);
        return WEFT_OK;
    }
    if (choose(comm, call).algorithm == LINES)
        return weft_perform(comm, call, reduce_lines, weft_lines_of(call->bytes), 0, false);
    return weft_perform(comm, call, weft_slices, WEFT_SLICES_LINES, comm->world->gated ? 1 : 0, true);
}

// SPDX-License-Identifier: MIT
/* broadcast.c - from one rank to all.
 *
 * stream: a short message travels in the root's lines, and the root goes on at once; it looks at its readers' progress only when its
 * ring is full. pull: the root publishes its buffer's address, each rank copies for itself, and the root waits until all have.
 * Objects are pulled, too, and then all ranks exchange how that went. */
#include "collectives/collectives.h"
#include "collectives/domains.h"
#include "collectives/exchange.h"
#include "collectives/grid.h"
#include "collectives/stores.h"

enum { GRID, STREAM, PULL, DOMAINS };
static const struct weft_algorithm list[] = {
    [GRID] = {"grid",
              "the root puts its address into a channel to each rank and waits until all are emptied; the baseline"},
    [STREAM] = {"stream", "the message travels in the root's lines; the root runs ahead"},
    [PULL] = {"pull", "each rank copies from the root's buffer"},
    [DOMAINS] = {"domains",
                 "the leader of each domain takes the message from the root, and its members take it from there"},
    {NULL, NULL}};

WEFT_INLINE struct weft_choice choose(const weft_comm *comm, const struct weft_call *call)
{
    int forced = weft_forced(comm, WEFT_COLLECTIVE_broadcast, GRID);
    bool object = call->type->copy != NULL, fits = !object && weft_lines_of(call->bytes) != 0;
    if (forced >= 0 && (forced != STREAM || fits) && ((forced != GRID && forced != DOMAINS) || !object))
        return (struct weft_choice){forced, "asked for by name"};
    if (object)
        return (struct weft_choice){PULL, "objects are copied from where they stand"};
    fits = fits && call->bytes <= (size_t)comm->world->tuning.broadcast_lines;
    if (fits ? !comm->world->crowded && comm->world->gated : weft_domains_far(comm))
        return (struct weft_choice){DOMAINS, fits ? "many ranks: few read from the root"
                                                  : "each byte comes from afar once for all who share a cache"};
    if (fits)
        return (struct weft_choice){STREAM, "the message fits the root's lines"};
    return (struct weft_choice){PULL, "each byte moves once, straight from the root's buffer"};
}
const struct weft_collective_algorithms weft_broadcast_algorithms = {list, choose};

static enum weft_move broadcast_stream(struct weft_operation *operation)
{
    const struct weft_call *call = operation->call;
    if (operation->comm->rank == call->root) {
        enum weft_move move = weft_ring_room(operation);
        if (move == WEFT_MOVE_DONE)
            weft_publish_message(operation, call->send, call->bytes, false);
        return move;
    }
    enum weft_move move = weft_look(operation, call->root, 0);
    if (move == WEFT_MOVE_DONE)
        weft_copy_message(operation, call->root, call->recv, call->bytes);
    return move;
}

/* The root: its address, then everybody's word that they are done. */
static enum weft_move pull_root(struct weft_operation *operation)
{
    enum weft_move move;
    if (operation->state == 0) {
        if ((move = weft_ring_room(operation)) != WEFT_MOVE_DONE)
            return move;
        weft_put_address(operation, 0, 0, operation->call->send);
        weft_publish(operation, 0);
        operation->state = 1;
    }
    return weft_look_all(operation, 1);
}

static enum weft_move broadcast_pull(struct weft_operation *operation)
{
    const struct weft_call *call = operation->call;
    enum weft_move move;
    if (operation->comm->rank == call->root)
        return pull_root(operation);
    if ((move = weft_ring_room(operation)) != WEFT_MOVE_DONE ||
        (move = weft_look(operation, call->root, 0)) != WEFT_MOVE_DONE)
        return move;
    int64_t begun_ns = weft_stores_begin(WEFT_STORES_COPY, call->bytes);
    if (weft_pull(operation->comm, call->recv, weft_take_address(operation, call->root, 0, 0), call->bytes,
                  weft_stores_stream(operation->comm, WEFT_STORES_COPY, call->bytes)) != WEFT_MOVE_DONE)
        return WEFT_MOVE_FAIL;
    weft_stores_note(operation->comm, WEFT_STORES_COPY, call->bytes, begun_ns);
    weft_publish(operation, 1);
    return WEFT_MOVE_DONE;
}

static enum weft_move broadcast_objects(struct weft_operation *operation)
{
    const struct weft_call *call = operation->call;
    bool root = operation->comm->rank == call->root;
    enum weft_move move;
    switch (operation->state) {
    case 0:
        if ((move = weft_ring_room(operation)) != WEFT_MOVE_DONE)
            return move;
        if (root) {
            weft_put_address(operation, 0, 0, call->send);
            weft_publish(operation, 0);
        }
        operation->state = 1; /* fall through */
    case 1:
        if (!root) {
            if ((move = weft_look(operation, call->root, 0)) != WEFT_MOVE_DONE)
                return move;
            const void *source = weft_take_address(operation, call->root, 0, 0);
            if (weft_pull_objects(operation, call->recv, source, call->count) != WEFT_MOVE_DONE)
                return WEFT_MOVE_FAIL;
        }
        weft_put_outcome(operation, 1);
        if (weft_exchange_begin(operation, 1, 0) != WEFT_MOVE_DONE)
            return WEFT_MOVE_FAIL;
        operation->state = 2; /* fall through */
    default:
        if ((move = weft_exchange_look(operation, 1, 0)) != WEFT_MOVE_DONE)
            return move;
        weft_take_outcomes(operation, 1);
        return WEFT_MOVE_DONE;
    }
}

weft_status weft_broadcast_perform(weft_comm *comm, const struct weft_call *call)
{
    if (comm->n_ranks == 1)
        return WEFT_OK;
    switch (choose(comm, call).algorithm) {
    case STREAM:
        return weft_perform(comm, call, broadcast_stream, weft_lines_of(call->bytes), 0, false);
    case PULL:
        if (call->type->copy != NULL)
            return weft_perform(comm, call, broadcast_objects, 2, comm->world->gated ? 1 : 0, true);
        return weft_perform(comm, call, broadcast_pull, 2, 0, false);
    case DOMAINS:
        if (weft_lines_of(call->bytes) != 0)
            return weft_perform(comm, call, weft_domains_broadcast, weft_lines_of(call->bytes), 0, false);
        return weft_perform(comm, call, weft_domains_broadcast_long, WEFT_DOMAINS_BROADCAST_LINES, 0, false);
    default:
        return weft_perform(comm, call, weft_grid_broadcast, 1, 0, false);
    }
}

// SPDX-License-Identifier: MIT
/* allgather.c - every rank's block to every rank.
 *
 * flat: short blocks travel in the lines of an exchange. gate: the same behind a gate, for more ranks than processors; there the last to
 * arrive hands out what is little, while all others wait. pull: the ranks
 * exchange addresses, each copies all blocks, and a second exchange tells that all are done; objects go that way, too. */
#include "collectives/collectives.h"
#include "collectives/domains.h"
#include "collectives/exchange.h"
#include "collectives/grid.h"
#include "collectives/stores.h"

enum { GRID, FLAT, GATE, PULL, DOMAINS };
static const struct weft_algorithm list[] = {
    [GRID] =
        {"grid",
         "each rank puts its address into a channel to each other rank and waits until all are emptied; the baseline"},
    [FLAT] = {"flat", "the blocks travel in lines; each rank looks at everybody's"},
    [GATE] = {"gate", "the blocks travel in lines; the last to arrive opens a gate"},
    [PULL] = {"pull", "each rank copies from everybody's buffer"},
    [DOMAINS] =
        {"domains",
         "short blocks: the leader of each domain puts those of its members together, and all ranks read these; "
         "long ones: what is far is copied into each domain once, and from there by the others"},
    {NULL, NULL}};

WEFT_INLINE struct weft_choice choose(const weft_comm *comm, const struct weft_call *call)
{
    int forced = weft_forced(comm, WEFT_COLLECTIVE_allgather, GRID);
    bool object = call->type->copy != NULL, fits = !object && weft_lines_of(call->bytes) != 0;
    if (forced >= 0 &&
        (forced == PULL || ((forced == GRID || forced == DOMAINS) && !object) || (forced != GRID && fits)))
        return (struct weft_choice){forced, "asked for by name"};
    if (object)
        return (struct weft_choice){PULL, "objects are copied from where they stand"};
    fits = fits && call->bytes <= (size_t)comm->world->tuning.allgather_lines;
    if (!fits && weft_domains_far(comm))
        return (struct weft_choice){DOMAINS, "each byte comes from afar once for all who share a cache"};
    if (!fits)
        return (struct weft_choice){PULL, "each byte moves once, straight from its owner's buffer"};
    if (!comm->world->crowded && comm->world->gated && weft_domains_allgather_lines(call->bytes) != 0)
        return (struct weft_choice){DOMAINS, "many ranks: near ones first"};
    if (comm->world->gated)
        return (struct weft_choice){GATE, "the blocks fit the lines, and ranks meet at a gate"};
    return (struct weft_choice){FLAT, "the blocks fit the lines, and ranks are few"};
}
const struct weft_collective_algorithms weft_allgather_algorithms = {list, choose};

static unsigned char *block(const struct weft_call *call, int rank)
{
    return (unsigned char *)call->recv + (size_t)rank * call->bytes;
}

/* This rank's own block; nothing to do in place. */
static void keep_own(const struct weft_operation *operation)
{
    const struct weft_call *call = operation->call;
    unsigned char *own = block(call, operation->comm->rank);
    if (call->send != own && call->bytes > 0)
        memcpy(own, call->send, call->bytes);
}

/* All other ranks' messages, as far as they are there. */
static enum weft_move take_blocks(struct weft_operation *operation)
{
    const struct weft_call *call = operation->call;
    for (; operation->peer < operation->comm->n_ranks; operation->peer++) {
        if (operation->peer == operation->comm->rank)
            continue;
        enum weft_move move = weft_look(operation, operation->peer, 0);
        if (move != WEFT_MOVE_DONE)
            return move;
        weft_copy_message(operation, operation->peer, block(call, operation->peer), call->bytes);
    }
    keep_own(operation);
    return WEFT_MOVE_DONE;
}

static enum weft_move allgather_flat(struct weft_operation *operation)
{
    const struct weft_call *call = operation->call;
    if (operation->state == 0) {
        enum weft_move move = weft_ring_room(operation);
        if (move != WEFT_MOVE_DONE)
            return move;
        weft_publish_message(operation, call->send, call->bytes, false);
        operation->state = 1;
    }
    return take_blocks(operation);
}

enum { LAST_COPIES_BYTES = 32768 }; /* about what it costs to run a rank once more */

static bool last_copies(const weft_comm *comm, const struct weft_call *call)
{
    return comm->world->crowded && call->bytes <= LAST_COPIES_BYTES / ((size_t)comm->n_ranks * (size_t)comm->n_ranks);
}

/* The last to arrive: all blocks to all ranks. */
static enum weft_move copy_for_all(const struct weft_operation *operation)
{
    const weft_comm *comm = operation->comm;
    size_t bytes = operation->call->bytes;
    bool healthy = weft_inside_enter(comm);
    for (int to = 0; healthy && to < comm->n_ranks; to++)
        for (int from = 0; from < comm->n_ranks; from++) {
            const unsigned char *source = weft_take_address(operation, from, 0, 0);
            unsigned char *target = (unsigned char *)weft_take_address(operation, to, 0, 1) + (size_t)from * bytes;
            if (target != source)
                weft_copy_small(target, source, bytes);
        }
    weft_inside_leave(comm);
    return healthy ? WEFT_MOVE_DONE : WEFT_MOVE_FAIL;
}

static void publish_block(const struct weft_operation *operation, bool in_lines)
{
    const struct weft_call *call = operation->call;
    if (in_lines) {
        weft_publish_message(operation, call->send, call->bytes, true);
        return;
    }
    weft_put_address(operation, 0, 0, call->send);
    weft_put_address(operation, 0, 1, call->recv);
    weft_publish_quietly(operation, 0);
}

static enum weft_move allgather_gate(struct weft_operation *operation)
{
    bool in_lines = !last_copies(operation->comm, operation->call);
    enum weft_move move;
    if (operation->state == 0) {
        if ((move = weft_ring_room(operation)) != WEFT_MOVE_DONE)
            return move;
        publish_block(operation, in_lines);
        operation->state = 1;
        if (weft_gate_arrive(operation, 0)) {
            if (weft_gate_check(operation, 0) != WEFT_MOVE_DONE ||
                (!in_lines && copy_for_all(operation) != WEFT_MOVE_DONE))
                return WEFT_MOVE_FAIL;
            weft_gate_open(operation, 0);
        }
    }
    if ((move = weft_gate_look(operation, 0)) != WEFT_MOVE_DONE)
        return move;
    return in_lines ? take_blocks(operation) : WEFT_MOVE_DONE;
}

/* Each rank begins with its right neighbour, so that not all read the same memory at once. */
static enum weft_move pull_blocks(struct weft_operation *operation)
{
    const struct weft_call *call = operation->call;
    const weft_comm *comm = operation->comm;
    size_t all = call->type->copy == NULL ? call->bytes * (size_t)comm->n_ranks : 0;
    bool stream = weft_stores_stream(comm, WEFT_STORES_COPY, all);
    int64_t begun_ns = weft_stores_begin(WEFT_STORES_COPY, all);
    enum weft_move move = WEFT_MOVE_DONE;
    for (int step = 0; step < comm->n_ranks && move == WEFT_MOVE_DONE; step++) {
        int peer = (comm->rank + step) % comm->n_ranks;
        const void *source = peer == comm->rank ? call->send : weft_take_address(operation, peer, 0, 0);
        void *target = block(call, peer);
        if (source == target)
            continue;
        if (call->type->copy != NULL)
            move = weft_pull_objects(operation, target, source, call->count);
        else
            move = weft_pull(comm, target, source, call->bytes, stream);
    }
    if (move == WEFT_MOVE_DONE)
        weft_stores_note(operation->comm, WEFT_STORES_COPY, all, begun_ns);
    return move;
}

static enum weft_move allgather_pull(struct weft_operation *operation)
{
    enum weft_move move;
    switch (operation->state) {
    case 0:
        if ((move = weft_ring_room(operation)) != WEFT_MOVE_DONE)
            return move;
        weft_put_address(operation, 0, 0, operation->call->send);
        if (weft_exchange_begin(operation, 0, 0) != WEFT_MOVE_DONE)
            return WEFT_MOVE_FAIL;
        operation->state = 1; /* fall through */
    case 1:
        if ((move = weft_exchange_look(operation, 0, 0)) != WEFT_MOVE_DONE)
            return move;
        if (pull_blocks(operation) != WEFT_MOVE_DONE)
            return WEFT_MOVE_FAIL;
        weft_put_outcome(operation, 1);
        if (weft_exchange_begin(operation, 1, 1) != WEFT_MOVE_DONE)
            return WEFT_MOVE_FAIL;
        operation->state = 2; /* fall through */
    default:
        if ((move = weft_exchange_look(operation, 1, 1)) != WEFT_MOVE_DONE)
            return move;
        if (operation->call->type->copy != NULL)
            weft_take_outcomes(operation, 1);
        return WEFT_MOVE_DONE;
    }
}

static weft_status alone(weft_comm *comm, const struct weft_call *call)
{
    if (call->send == call->recv || call->bytes == 0)
        return WEFT_OK;
    if (call->type->copy == NULL) {
        memcpy(call->recv, call->send, call->bytes);
        return WEFT_OK;
    }
    weft_status outcome = call->type->copy(call->type, call->send, call->recv, call->count);
    return outcome == WEFT_OK
               ? WEFT_OK
               : weft_error(WEFT_ERR_CALLBACK, "weft_allgather", comm, "the copy function of type %s failed (%s)",
                            call->type->name, weft_status_name(outcome));
}

weft_status weft_allgather_perform(weft_comm *comm, const struct weft_call *call)
{
    if (comm->n_ranks == 1)
        return alone(comm, call);
    switch (choose(comm, call).algorithm) {
    case FLAT:
        return weft_perform(comm, call, allgather_flat, weft_lines_of(call->bytes), 0, true);
    case GATE:
        return weft_perform(comm, call, allgather_gate, weft_lines_of(call->bytes), 1, true);
    case PULL:
        return weft_perform(comm, call, allgather_pull, 2, comm->world->gated ? 2 : 0, true);
    case DOMAINS: {
        uint32_t lines = weft_domains_allgather_lines(call->bytes);
        if (lines != 0)
            return weft_perform(comm, call, weft_domains_allgather, lines, 0, true);
        return weft_perform(comm, call, weft_domains_allgather_long, 3, comm->world->gated ? 2 : 0, true);
    }
    default:
        return weft_perform(comm, call, weft_grid_allgather, 1, 0, true);
    }
}

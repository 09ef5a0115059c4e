// SPDX-License-Identifier: MIT
/* allgatherv.c - every rank's block to every rank, where blocks differ and all ranks know how.
 *
 * flat, gate: short blocks travel in lines, as many as the longest needs. pull: all ranks copy together, each the
 * blocks that it gets. Objects are copied by the ranks that get them, who then exchange how that went. */
#include "collectives/blocks.h"
#include "collectives/collectives.h"
#include "collectives/shares.h"
#include "collectives/parts.h"

enum { FLAT, GATE, PULL };
static const struct weft_algorithm list[] = {
    [FLAT] = {"flat", "the blocks travel in lines; each rank looks at everybody's"},
    [GATE] = {"gate", "the blocks travel in lines; the last to arrive opens a gate"},
    [PULL] = {"pull", "each rank copies from everybody's buffer"},
    {NULL, NULL}};

/* call->bytes are those of the longest block. */
static struct weft_choice choose(const weft_comm *comm, const struct weft_call *call)
{
    int forced = comm->world->forced[WEFT_COLLECTIVE_allgatherv] - 1;
    uint32_t lines = weft_lines_of(call->bytes);
    if (call->type->copy != NULL)
        return (struct weft_choice){PULL, "objects are copied from where they stand"};
    if (forced >= 0 && (lines != 0 || forced == PULL))
        return (struct weft_choice){forced, "asked for by name"};
    if (comm->world->crowded)
        return (struct weft_choice){PULL, "more ranks than processors: the last to arrive does what is little"};
    if (lines == 0 || lines > WEFT_SHARES_FEW_LINES)
        return (struct weft_choice){PULL, "each byte moves once, straight from its owner's buffer"};
    if (comm->world->gated)
        return (struct weft_choice){GATE, "the blocks fit a few lines, and ranks meet at a gate"};
    return (struct weft_choice){FLAT, "the blocks fit a few lines, and ranks are few"};
}
const struct weft_collective_algorithms weft_allgatherv_algorithms = {list, choose};

static size_t bytes_of(const struct weft_operation *operation, int owner, int peer)
{
    (void)owner;
    return operation->call->recv_counts[peer] * operation->call->type->size;
}

static unsigned char *target_of(const struct weft_call *call, int peer)
{
    return weft_element(call, call->recv, call->recv_offsets[peer]);
}

/* ---- In lines */

static enum weft_move allgatherv_lines(struct weft_operation *operation, bool gated)
{
    const struct weft_call *call = operation->call;
    int rank = operation->comm->rank;
    enum weft_move move;
    if (operation->state == 0) {
        if ((move = weft_ring_room(operation)) != WEFT_MOVE_DONE)
            return move;
        weft_copy_small(weft_message_of(operation, rank, call->bytes), call->send, bytes_of(operation, rank, rank));
        operation->state = 1;
        if (weft_publish_parts(operation, gated) != WEFT_MOVE_DONE)
            return WEFT_MOVE_FAIL;
    }
    if ((move = weft_look_parts(operation, gated)) != WEFT_MOVE_DONE)
        return move;
    for (int peer = 0; peer < operation->comm->n_ranks; peer++)
        if (peer != rank)
            weft_copy_small(target_of(call, peer), weft_message_of(operation, peer, call->bytes),
                            bytes_of(operation, rank, peer));
    weft_keep_block(target_of(call, rank), call->send, bytes_of(operation, rank, rank));
    return WEFT_MOVE_DONE;
}

static enum weft_move allgatherv_flat(struct weft_operation *operation)
{
    return allgatherv_lines(operation, false);
}

static enum weft_move allgatherv_gate(struct weft_operation *operation)
{
    return allgatherv_lines(operation, true);
}

/* ---- From buffer to buffer */

static void put_buffers(struct weft_operation *operation)
{
    weft_put_address(operation, 0, 1, operation->call->send);
    weft_put_address(operation, 0, 2, operation->call->recv);
}

static size_t put_share(struct weft_operation *operation)
{
    put_buffers(operation);
    size_t bytes = 0;
    for (int peer = 0; peer < operation->comm->n_ranks; peer++)
        bytes += bytes_of(operation, operation->comm->rank, peer);
    return bytes;
}

/* All ranks have the same offsets, which the signature makes sure of. */
static enum weft_move move_piece(struct weft_operation *operation, int owner, int peer, size_t begin, size_t end)
{
    const struct weft_call *call = operation->call;
    const unsigned char *source = weft_take_address(operation, peer, 0, 1);
    unsigned char *target = weft_element(call, weft_take_address(operation, owner, 0, 2), call->recv_offsets[peer]);
    weft_keep_block(target + begin, source + begin, end - begin);
    return WEFT_MOVE_DONE;
}

static enum weft_move move_share(struct weft_operation *operation, int owner, size_t from, size_t to)
{
    return weft_walk_blocks(operation, owner, from, to, bytes_of, move_piece);
}

static enum weft_move allgatherv_pull(struct weft_operation *operation)
{
    return weft_shares(operation, put_share, move_share, 2);
}

static enum weft_move pull_objects(struct weft_operation *operation, int peer)
{
    const struct weft_call *call = operation->call;
    const void *source = weft_take_address(operation, peer, 0, 1);
    return weft_pull_elements(operation, target_of(call, peer), source, call->recv_counts[peer]);
}

static enum weft_move allgatherv_objects(struct weft_operation *operation)
{
    return weft_exchange_and_pull(operation, put_buffers, pull_objects);
}

weft_status weft_allgatherv_perform(weft_comm *comm, const struct weft_call *call)
{
    uint32_t gates = comm->world->gated ? 1 : 0;
    if (comm->n_ranks == 1)
        return weft_alone(comm, call, target_of(call, 0), call->send, call->recv_counts[0]);
    if (call->type->copy != NULL)
        return weft_perform(comm, call, allgatherv_objects, 2, 2 * gates, true);
    switch (choose(comm, call).algorithm) {
    case FLAT:
        return weft_perform(comm, call, allgatherv_flat, weft_lines_of(call->bytes), 0, true);
    case GATE:
        return weft_perform(comm, call, allgatherv_gate, weft_lines_of(call->bytes), 1, true);
    default:
        return weft_perform(comm, call, allgatherv_pull, WEFT_SHARES_LINES, gates, true);
    }
}

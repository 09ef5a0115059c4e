// SPDX-License-Identifier: MIT
/* alltoall.c - from every rank a block to every rank; alltoallv, where blocks differ, and each rank knows its own.
 *
 * flat: a rank's short blocks travel together in its lines, and each rank takes its own from everybody's. gate: the
 * same behind a gate. pull: each rank copies the blocks it gets straight from everybody's buffers. alltoallv: each rank
 * says in line 0 where its short blocks end, with the blocks behind it, or that they do not fit; if all fit, each takes
 * its own from lines, else all pull.
 *
 * In place, block j of rank i and block i of rank j change places, through a few KiB on the stack of whoever does it:
 * rank i the first half of the block, rank j the second, both directions at once. That is right whatever the other
 * ranks do, since the two blocks belong to no other pair, and each byte of them to one of the halves. A pair of which
 * one rank alone is in place goes the same way. */
#include "collectives/blocks.h"
#include "collectives/collectives.h"
#include "collectives/shares.h"
#include "collectives/parts.h"

enum { FLAT, GATE, PULL };
static const struct weft_algorithm list[] = {
    [FLAT] = {"flat", "the blocks travel in lines; each rank takes its own from everybody's"},
    [GATE] = {"gate", "the blocks travel in lines; the last to arrive opens a gate"},
    [PULL] = {"pull", "each rank copies its blocks from everybody's buffer"},
    {NULL, NULL}};

/* For all blocks but the rank's own; 0: they do not fit. */
static uint32_t message_lines(const weft_comm *comm, const struct weft_call *call)
{
    return call->bytes <= WEFT_MESSAGE_BYTES ? weft_lines_of(call->bytes * ((size_t)comm->n_ranks - 1)) : 0;
}

static struct weft_choice choose(const weft_comm *comm, const struct weft_call *call)
{
    int forced = comm->world->forced[WEFT_COLLECTIVE_alltoall] - 1;
    uint32_t lines = message_lines(comm, call);
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
const struct weft_collective_algorithms weft_alltoall_algorithms = {list, choose};

enum { MIXED, PULL_V };
static const struct weft_algorithm list_v[] = {
    [MIXED] = {"mixed", "blocks that fit travel in lines if all ranks' do, others are copied from buffer to buffer"},
    [PULL_V] = {"pull", "each rank copies its blocks from everybody's buffer"},
    {NULL, NULL}};

static struct weft_choice choose_v(const weft_comm *comm, const struct weft_call *call)
{
    if (call->type->copy != NULL)
        return (struct weft_choice){PULL_V, "objects are copied from where they stand"};
    if (comm->world->forced[WEFT_COLLECTIVE_alltoallv] != 0)
        return (struct weft_choice){comm->world->forced[WEFT_COLLECTIVE_alltoallv] - 1, "asked for by name"};
    if (comm->world->crowded)
        return (struct weft_choice){PULL_V, "more ranks than processors: the last to arrive does what is little"};
    return (struct weft_choice){MIXED, "the ranks choose by the lengths of their blocks"};
}
const struct weft_collective_algorithms weft_alltoallv_algorithms = {list_v, choose_v};

static unsigned char *target_of(const struct weft_call *call, int peer)
{
    return weft_element(call, call->recv, weft_received_block(call, peer).offset);
}

static const unsigned char *source_for(const struct weft_call *call, int peer)
{
    return weft_element(call, call->send, weft_sent_block(call, peer).offset);
}

static void keep_own(const struct weft_operation *operation)
{
    const struct weft_call *call = operation->call;
    int rank = operation->comm->rank;
    weft_keep_block(target_of(call, rank), source_for(call, rank),
                    weft_received_block(call, rank).count * call->type->size);
}

/* ---- In lines */

static void put_blocks(struct weft_operation *operation)
{
    const struct weft_call *call = operation->call;
    const unsigned char *send = call->send;
    size_t before = (size_t)operation->comm->rank * call->bytes;
    size_t all = (size_t)operation->comm->n_ranks * call->bytes;
    unsigned char *message = weft_message_of(operation, operation->comm->rank, all - call->bytes);
    weft_copy_small(message, send, before);
    weft_copy_small(message + before, send + before + call->bytes, all - before - call->bytes);
}

static void take_blocks(struct weft_operation *operation)
{
    const struct weft_call *call = operation->call;
    int rank = operation->comm->rank;
    size_t all = ((size_t)operation->comm->n_ranks - 1) * call->bytes;
    for (int peer = 0; peer < operation->comm->n_ranks; peer++)
        if (peer != rank)
            weft_copy_small(target_of(call, peer),
                            weft_message_of(operation, peer, all) +
                                (size_t)(rank < peer ? rank : rank - 1) * call->bytes,
                            call->bytes);
    keep_own(operation);
}

static enum weft_move alltoall_lines(struct weft_operation *operation, bool gated)
{
    enum weft_move move;
    if (operation->state == 0) {
        if ((move = weft_ring_room(operation)) != WEFT_MOVE_DONE)
            return move;
        put_blocks(operation);
        operation->state = 1;
        if (weft_publish_parts(operation, gated) != WEFT_MOVE_DONE)
            return WEFT_MOVE_FAIL;
    }
    if ((move = weft_look_parts(operation, gated)) == WEFT_MOVE_DONE)
        take_blocks(operation);
    return move;
}

static enum weft_move alltoall_flat(struct weft_operation *operation)
{
    return alltoall_lines(operation, false);
}

static enum weft_move alltoall_gate(struct weft_operation *operation)
{
    return alltoall_lines(operation, true);
}

/* ---- From buffer to buffer */

/* mixed: the shares' lines, then the view of the buffers; the body has as many. */
enum { MIXED_VIEW_LINE = WEFT_SHARES_LINES, MIXED_LINES = WEFT_SHARES_FEW_LINES };
static_assert(MIXED_LINES > MIXED_VIEW_LINE, "the view has its line");

/* Where a rank's buffers stand. */
struct view {
    const unsigned char *send;
    unsigned char *recv;
    const size_t *send_counts, *send_offsets, *recv_counts, *recv_offsets;
};

static uint32_t view_line(const struct weft_operation *operation)
{
    return operation->lines == MIXED_LINES ? MIXED_VIEW_LINE : 0;
}

static void put_view(struct weft_operation *operation)
{
    const struct weft_call *call = operation->call;
    uint32_t line = view_line(operation);
    weft_put_address(operation, line, 1, call->send);
    weft_put_address(operation, line, 2, call->recv);
    weft_put_address(operation, line, 3, call->send_counts);
    weft_put_address(operation, line, 4, call->send_offsets);
    weft_put_address(operation, line, 5, call->recv_counts);
    weft_put_address(operation, line, 6, call->recv_offsets);
}

static struct view view_of(const struct weft_operation *operation, int rank)
{
    uint32_t line = view_line(operation);
    return (struct view){weft_take_address(operation, rank, line, 1), weft_take_address(operation, rank, line, 2),
                         weft_take_address(operation, rank, line, 3), weft_take_address(operation, rank, line, 4),
                         weft_take_address(operation, rank, line, 5), weft_take_address(operation, rank, line, 6)};
}

static bool in_place(const struct view *view)
{
    return view->send == view->recv && view->send_counts == view->recv_counts &&
           view->send_offsets == view->recv_offsets;
}

static struct weft_block sent(const struct weft_operation *operation, const struct view *view, int to)
{
    return weft_block_of(view->send_counts, view->send_offsets, operation->call->count, to);
}

static struct weft_block received(const struct weft_operation *operation, const struct view *view, int from)
{
    return weft_block_of(view->recv_counts, view->recv_offsets, operation->call->count, from);
}

/* Does the sender have for the receiver what that one expects? */
static enum weft_move check_pair(struct weft_operation *operation, int sender, int receiver)
{
    struct view from = view_of(operation, sender), to = view_of(operation, receiver);
    size_t has = sent(operation, &from, receiver).count, expects = received(operation, &to, sender).count;
    return has == expects ? WEFT_MOVE_DONE : weft_blocks_differ(operation, sender, has, receiver, expects);
}

static size_t received_bytes(const struct weft_operation *operation, int owner, int peer)
{
    struct view view = view_of(operation, owner);
    return received(operation, &view, peer).count * operation->call->type->size;
}

/* Bytes of two ranks' blocks for each other. Of a rank in place, out and in are the same. */
struct exchange {
    const unsigned char *out_a, *out_b;
    unsigned char *in_a, *in_b;
};

static void exchange(const struct exchange *blocks, size_t begin, size_t end)
{
    _Alignas(WEFT_CACHE_LINE) unsigned char kept[4096];
    for (size_t at = begin; at < end; at += sizeof kept) {
        size_t now = end - at < sizeof kept ? end - at : sizeof kept;
        memcpy(kept, blocks->out_a + at, now);
        memcpy(blocks->in_a + at, blocks->out_b + at, now);
        memcpy(blocks->in_b + at, kept, now);
    }
}

/* Of a pair that exchanges, the lower rank does what lies in the first half of the blocks, the other what lies in the
 * second. */
static void exchange_half(const struct exchange *blocks, bool first, size_t bytes, size_t begin, size_t end)
{
    size_t half = bytes / 2;
    if (first)
        exchange(blocks, begin, end < half ? end : half);
    else
        exchange(blocks, begin > half ? begin : half, end);
}

/* Bytes [begin, end) of what `owner` gets from `peer`; in place, of both their blocks. */
static enum weft_move move_piece(struct weft_operation *operation, int owner, int peer, size_t begin, size_t end)
{
    const struct weft_call *call = operation->call;
    struct view a = view_of(operation, owner), b = view_of(operation, peer);
    struct exchange blocks = {.out_b = weft_element(call, b.send, sent(operation, &b, owner).offset),
                              .in_a = weft_element(call, a.recv, received(operation, &a, peer).offset)};
    if (check_pair(operation, peer, owner) != WEFT_MOVE_DONE)
        return WEFT_MOVE_FAIL;
    if (owner == peer || (!in_place(&a) && !in_place(&b))) {
        weft_keep_block(blocks.in_a + begin, blocks.out_b + begin, end - begin);
        return WEFT_MOVE_DONE;
    }
    if (check_pair(operation, owner, peer) != WEFT_MOVE_DONE)
        return WEFT_MOVE_FAIL;
    struct weft_block block = sent(operation, &a, peer);
    blocks.out_a = weft_element(call, a.send, block.offset);
    blocks.in_b = weft_element(call, b.recv, received(operation, &b, owner).offset);
    exchange_half(&blocks, owner < peer, block.count * call->type->size, begin, end);
    return WEFT_MOVE_DONE;
}

static enum weft_move move_share(struct weft_operation *operation, int owner, size_t from, size_t to)
{
    if (from == 0 && operation->call->collective == WEFT_COLLECTIVE_alltoallv)
        for (int peer = 0; peer < operation->comm->n_ranks; peer++)
            if (check_pair(operation, peer, owner) != WEFT_MOVE_DONE)
                return WEFT_MOVE_FAIL;
    return weft_walk_blocks(operation, owner, from, to, received_bytes, move_piece);
}

static size_t own_share(const struct weft_operation *operation)
{
    const struct weft_call *call = operation->call;
    size_t count = 0;
    for (int peer = 0; peer < operation->comm->n_ranks; peer++)
        count += weft_received_block(call, peer).count;
    return count * call->type->size;
}

static size_t put_share(struct weft_operation *operation)
{
    put_view(operation);
    return own_share(operation);
}

static enum weft_move alltoall_pull(struct weft_operation *operation)
{
    return weft_shares(operation, put_share, move_share, 2);
}

/* ---- alltoallv. Behind the first word of line 0: where each block ends, counted from the first on, in two bytes each;
 *      the first of these says whether the blocks are there. */

#define TABLE sizeof(uint64_t)
#define ABSENT UINT16_MAX

static size_t blocks_at(const struct weft_operation *operation)
{
    return TABLE + sizeof(uint16_t) * (size_t)operation->comm->n_ranks;
}

static bool fits_lines(const struct weft_operation *operation)
{
    const struct weft_call *call = operation->call;
    size_t room = WEFT_LINE_PAYLOAD + MIXED_LINES * WEFT_CACHE_LINE, used = blocks_at(operation);
    for (int rank = 0; rank < operation->comm->n_ranks && used <= room; rank++)
        if (rank != operation->comm->rank)
            used += call->send_counts[rank] <= room ? call->send_counts[rank] * call->type->size : room;
    return used <= room;
}

static void put_ends_and_blocks(struct weft_operation *operation)
{
    const struct weft_call *call = operation->call;
    size_t begin = blocks_at(operation), end = 0;
    for (int rank = 0; rank < operation->comm->n_ranks; rank++) {
        size_t bytes = rank != operation->comm->rank ? call->send_counts[rank] * call->type->size : 0;
        weft_put_part(operation, begin + end, source_for(call, rank), bytes);
        end += bytes;
        uint16_t written = (uint16_t)end;
        weft_put_part(operation, TABLE + sizeof written * (size_t)rank, &written, sizeof written);
    }
}

static size_t put_mixed(struct weft_operation *operation)
{
    uint16_t absent = ABSENT;
    if (fits_lines(operation))
        put_ends_and_blocks(operation);
    else
        weft_put_part(operation, TABLE, &absent, sizeof absent);
    return put_share(operation);
}

static bool all_in_lines(const struct weft_operation *operation)
{
    for (int rank = 0; rank < operation->comm->n_ranks; rank++) {
        uint16_t first;
        weft_take_part(operation, rank, TABLE, &first, sizeof first);
        if (first == ABSENT)
            return false;
    }
    return true;
}

static enum weft_move take_from(struct weft_operation *operation, int peer)
{
    const struct weft_call *call = operation->call;
    size_t rank = (size_t)operation->comm->rank, size = call->type->size, expected = call->recv_counts[peer];
    uint16_t begin = 0, end;
    if (rank > 0)
        weft_take_part(operation, peer, TABLE + sizeof begin * (rank - 1), &begin, sizeof begin);
    weft_take_part(operation, peer, TABLE + sizeof end * rank, &end, sizeof end);
    size_t bytes = (size_t)end - begin;
    if (bytes != expected * size)
        return weft_blocks_differ(operation, peer, bytes / size, operation->comm->rank, expected);
    weft_take_part(operation, peer, blocks_at(operation) + begin, target_of(call, peer), bytes);
    return WEFT_MOVE_DONE;
}

static enum weft_move alltoall_mixed(struct weft_operation *operation)
{
    if (operation->state < 2) {
        enum weft_move move = weft_shares_meet(operation, put_mixed, move_share, 2);
        if (move != WEFT_MOVE_DONE)
            return move;
        bool done = operation->comm->world->gated && weft_gate_at(operation, 0)->release.payload[0];
        if (!done && all_in_lines(operation)) {
            for (int peer = 0; peer < operation->comm->n_ranks && move == WEFT_MOVE_DONE; peer++)
                if (peer != operation->comm->rank)
                    move = take_from(operation, peer);
            keep_own(operation);
            return move;
        }
    }
    return weft_shares_work(operation, move_share);
}

/* ---- Objects */

static enum weft_move pull_objects(struct weft_operation *operation, int peer)
{
    const struct weft_call *call = operation->call;
    struct view from = view_of(operation, peer);
    struct weft_block block = {0, 0};
    bool healthy = weft_inside_enter(operation->comm);
    if (healthy)
        block = sent(operation, &from, operation->comm->rank);
    weft_inside_leave(operation->comm);
    if (!healthy)
        return WEFT_MOVE_FAIL;
    size_t expected = weft_received_block(call, peer).count;
    if (block.count != expected)
        return weft_blocks_differ(operation, peer, block.count, operation->comm->rank, expected);
    return weft_pull_elements(operation, target_of(call, peer), weft_element(call, from.send, block.offset), expected);
}

static enum weft_move alltoall_objects(struct weft_operation *operation)
{
    return weft_exchange_and_pull(operation, put_view, pull_objects);
}

weft_status weft_alltoall_perform(weft_comm *comm, const struct weft_call *call)
{
    uint32_t gates = comm->world->gated ? 1 : 0;
    bool differ = call->collective == WEFT_COLLECTIVE_alltoallv;
    if (comm->n_ranks == 1)
        return weft_alone(comm, call, target_of(call, 0), source_for(call, 0), weft_received_block(call, 0).count);
    if (call->type->copy != NULL)
        return weft_perform(comm, call, alltoall_objects, 2, 2 * gates, true);
    if (differ && choose_v(comm, call).algorithm == MIXED)
        return weft_perform(comm, call, alltoall_mixed, MIXED_LINES, gates, true);
    switch (differ ? PULL : choose(comm, call).algorithm) {
    case FLAT:
        return weft_perform(comm, call, alltoall_flat, message_lines(comm, call), 0, true);
    case GATE:
        return weft_perform(comm, call, alltoall_gate, message_lines(comm, call), 1, true);
    default:
        return weft_perform(comm, call, alltoall_pull, WEFT_SHARES_LINES, gates, true);
    }
}

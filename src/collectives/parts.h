// SPDX-License-Identifier: MIT
/* parts.h - messages that are put together, and taken, in parts.
 *
 * A part of a message may be written and read anywhere; what makes all of it visible is one word. Where all ranks know
 * how long the message is, that is the word of its last line (as in weft_publish_message). Where only the sender knows,
 * it is that of line 0, written last: that line says how long the message is, and the operation takes as many lines as
 * the longest may need. */
#ifndef WEFT_COLLECTIVES_PARTS_H
#define WEFT_COLLECTIVES_PARTS_H

#include "collectives/exchange.h"

/* The line in which byte `at` of a message stands; lines behind the first may stand `gap` lines further on. */
WEFT_INLINE uint32_t weft_part_line(size_t at, uint32_t gap)
{
    uint32_t index = (uint32_t)(at / WEFT_LINE_PAYLOAD);
    return index == 0 ? 0 : index + gap;
}

/* Writes bytes [at, at + bytes) of this rank's message. */
WEFT_INLINE void weft_put_part(const struct weft_operation *operation, uint32_t gap, size_t at, const void *source,
                               size_t bytes)
{
    const unsigned char *from = source;
    while (bytes > 0) {
        size_t skip = at % WEFT_LINE_PAYLOAD, room = WEFT_LINE_PAYLOAD - skip, now = bytes < room ? bytes : room;
        weft_copy_small(weft_own_line(operation, weft_part_line(at, gap))->payload + skip, from, now);
        at += now;
        from += now;
        bytes -= now;
    }
}

/* Takes bytes [at, at + bytes) of the peer's message, which is there. */
WEFT_INLINE void weft_take_part(const struct weft_operation *operation, int peer, uint32_t gap, size_t at, void *target,
                                size_t bytes)
{
    unsigned char *to = target;
    while (bytes > 0) {
        size_t skip = at % WEFT_LINE_PAYLOAD, room = WEFT_LINE_PAYLOAD - skip, now = bytes < room ? bytes : room;
        weft_copy_small(to, weft_peer_line(operation, peer, weft_part_line(at, gap))->payload + skip, now);
        at += now;
        to += now;
        bytes -= now;
    }
}

/* For a sender that runs ahead with messages of one line: fetches a line that it will write soon. Its readers have it,
 * and so stores to one after the other would each wait for the line: 8-byte gather of two ranks, 195 ns without, 90
 * with. (Longer messages fetch many lines at once anyway, and lose by it.) */
WEFT_INLINE void weft_send_ahead(const struct weft_operation *operation)
{
    if (operation->lines == 1)
        weft_prefetch_write(weft_own_line(operation, 5));
}

/* Publishes a message by its line `line` to all, who publish theirs: as weft_exchange_begin and _look, except that the
 * algorithm says whether ranks meet at gate 0. */
WEFT_INLINE enum weft_move weft_publish_parts(struct weft_operation *operation, uint32_t line, bool gated)
{
    operation->peer = 0;
    if (!gated) {
        weft_publish(operation, line);
        return WEFT_MOVE_DONE;
    }
    weft_publish_quietly(operation, line);
    if (weft_gate_arrive(operation, 0)) {
        if (weft_gate_check(operation, line) != WEFT_MOVE_DONE)
            return WEFT_MOVE_FAIL;
        weft_gate_open(operation, 0);
    }
    return WEFT_MOVE_DONE;
}

WEFT_INLINE enum weft_move weft_look_parts(struct weft_operation *operation, uint32_t line, bool gated)
{
    if (gated)
        return weft_gate_look(operation, 0);
    for (; operation->peer < operation->comm->n_ranks; operation->peer++) {
        if (operation->peer == operation->comm->rank)
            continue;
        enum weft_move move = weft_look(operation, operation->peer, line);
        if (move != WEFT_MOVE_DONE)
            return move;
    }
    return WEFT_MOVE_DONE;
}

#endif

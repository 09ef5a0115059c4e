// SPDX-License-Identifier: MIT
/* parts.h - messages whose length the sender alone knows, and messages that are put together in parts.
 *
 * Where only the sender knows how long a message is, its first bytes stand in line 0, the others in the body: line 0 says how
 * many there are, and the operation takes as many lines as the longest body may need. */
#ifndef WEFT_COLLECTIVES_PARTS_H
#define WEFT_COLLECTIVES_PARTS_H

#include "collectives/exchange.h"

/* Up to where bytes [at, at + bytes) of such a message stand in one piece, and where they begin. */
WEFT_INLINE unsigned char *weft_part_at(const struct weft_operation *operation, int rank, size_t at, size_t *bytes)
{
    if (at >= WEFT_LINE_PAYLOAD)
        return weft_body_of(operation->comm, rank, operation->position) + (at - WEFT_LINE_PAYLOAD);
    if (*bytes > WEFT_LINE_PAYLOAD - at)
        *bytes = WEFT_LINE_PAYLOAD - at;
    return weft_peer_line(operation, rank, 0)->payload + at;
}

/* Writes bytes [at, at + bytes) of this rank's message. */
WEFT_INLINE void weft_put_part(const struct weft_operation *operation, size_t at, const void *source, size_t bytes)
{
    const unsigned char *from = source;
    for (size_t now = bytes; bytes > 0; at += now, from += now, bytes -= now, now = bytes) {
        unsigned char *to = weft_part_at(operation, operation->comm->rank, at, &now);
        weft_copy_small(to, from, now);
    }
}

/* Takes bytes [at, at + bytes) of the peer's message, which is there. */
WEFT_INLINE void weft_take_part(const struct weft_operation *operation, int peer, size_t at, void *target, size_t bytes)
{
    unsigned char *to = target;
    for (size_t now = bytes; bytes > 0; at += now, to += now, bytes -= now, now = bytes) {
        const unsigned char *from = weft_part_at(operation, peer, at, &now);
        weft_copy_small(to, from, now);
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

/* Publishes a message to all, who publish theirs: as weft_exchange_begin and _look of line 0, except that the
 * algorithm says whether ranks meet at gate 0. */
WEFT_INLINE enum weft_move weft_publish_parts(struct weft_operation *operation, bool gated)
{
    operation->peer = 0;
    if (!gated) {
        weft_publish(operation, 0);
        return WEFT_MOVE_DONE;
    }
    weft_publish_quietly(operation, 0);
    if (weft_gate_arrive(operation, 0)) {
        if (weft_gate_check(operation, 0) != WEFT_MOVE_DONE)
            return WEFT_MOVE_FAIL;
        weft_gate_open(operation, 0);
    }
    return WEFT_MOVE_DONE;
}

WEFT_INLINE enum weft_move weft_look_parts(struct weft_operation *operation, bool gated)
{
    if (gated)
        return weft_gate_look(operation, 0);
    return weft_look_all(operation, 0);
}

#endif

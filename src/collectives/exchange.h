// SPDX-License-Identifier: MIT
/* exchange.h - the step that collectives are made of: every rank says something, every rank has heard all.
 *
 * Flat: each rank publishes a line and looks at everybody's; one line transfer deep. Gated, for more ranks than processors: each counts
 * itself in, the last to arrive opens the gate; a rank that waits looks at one line, and needs to run once.
 * After: J. Mellor-Crummey and M. Scott, "Algorithms for Scalable Synchronization on Shared-Memory Multiprocessors", 1991. */
#ifndef WEFT_COLLECTIVES_EXCHANGE_H
#define WEFT_COLLECTIVES_EXCHANGE_H

#include "core/drive.h"

#define WEFT_COPY_BLOCK 65536 /* bytes between two looks whether the communicator has failed */

/* Lines for a message of `bytes` bytes; 0: it is too long. */
WEFT_INLINE uint32_t weft_lines_of(size_t bytes)
{
    if (bytes <= WEFT_CACHE_LINE)
        return 1;
    return bytes > WEFT_MESSAGE_BYTES ? 0 : (uint32_t)((bytes + WEFT_CACHE_LINE - 1) / WEFT_CACHE_LINE);
}

/* Where a rank's message of `bytes` bytes stands, in one piece: in line 0 of the operation beside the word that makes it visible, or, if
 * it does not fit there, in the body. (A reader polls the word's line alone. Polling a line beside the data would tempt the
 * processor to fetch these while they are being written.) */
WEFT_INLINE unsigned char *weft_message_of(const struct weft_operation *operation, int rank, size_t bytes)
{
    if (bytes <= WEFT_LINE_PAYLOAD)
        return weft_peer_line(operation, rank, 0)->payload;
    return weft_body_of(operation->comm, rank, operation->position);
}

/* Sizes that are common inline, where a call of memcpy would cost more than the copy. */
WEFT_INLINE void weft_copy_small(void *target, const void *source, size_t bytes)
{
    if (bytes == 8)
        memcpy(target, source, 8);
    else if (bytes == 4)
        memcpy(target, source, 4);
    else if (bytes == WEFT_LINE_PAYLOAD)
        memcpy(target, source, WEFT_LINE_PAYLOAD);
    else if (bytes != 0)
        memcpy(target, source, bytes);
}

/* This rank's message is `source`; quietly: as weft_publish_quietly. */
WEFT_INLINE void weft_publish_message(const struct weft_operation *operation, const void *source, size_t bytes,
                                      bool quietly)
{
    weft_copy_small(weft_message_of(operation, operation->comm->rank, bytes), source, bytes);
    if (quietly)
        weft_publish_quietly(operation, 0);
    else
        weft_publish(operation, 0);
}

/* A message that is there. */
WEFT_INLINE void weft_copy_message(const struct weft_operation *operation, int peer, void *target, size_t bytes)
{
    weft_copy_small(target, weft_message_of(operation, peer, bytes), bytes);
}

/* The last to arrive makes sure that all who were counted meant this call. */
enum weft_move weft_gate_check(struct weft_operation *operation, uint32_t line);

/* Begins an exchange: this rank's line stands complete but for its word. */
WEFT_INLINE enum weft_move weft_exchange_begin(struct weft_operation *operation, uint32_t line, uint32_t gate)
{
    operation->peer = 0;
    if (!operation->comm->world->gated) {
        weft_publish(operation, line);
        return WEFT_MOVE_DONE;
    }
    weft_publish_quietly(operation, line);
    if (weft_gate_arrive(operation, gate)) {
        if (weft_gate_check(operation, line) != WEFT_MOVE_DONE)
            return WEFT_MOVE_FAIL;
        weft_gate_open(operation, gate);
    }
    return WEFT_MOVE_DONE;
}

/* Is every other rank's line there? From operation->peer on, which remembers how far it came. */
WEFT_INLINE enum weft_move weft_look_all(struct weft_operation *operation, uint32_t line)
{
    for (; operation->peer < operation->comm->n_ranks; operation->peer++) {
        if (operation->peer == operation->comm->rank)
            continue;
        enum weft_move move = weft_look(operation, operation->peer, line);
        if (move != WEFT_MOVE_DONE)
            return move;
    }
    return WEFT_MOVE_DONE;
}

/* Done: every rank's line is there, and its payload may be read. */
WEFT_INLINE enum weft_move weft_exchange_look(struct weft_operation *operation, uint32_t line, uint32_t gate)
{
    if (operation->comm->world->gated)
        return weft_gate_look(operation, gate);
    return weft_look_all(operation, line);
}

/* ---- Reaching into other ranks' memory */

/* Copies from a peer's buffer, a block at a time; stream: past the caches. */
enum weft_move weft_pull(const weft_comm *comm, void *target, const void *source, size_t bytes, bool stream);
/* The same for objects, by their copy function; its failure is this rank's outcome and no failure of the communicator. */
enum weft_move weft_pull_objects(struct weft_operation *operation, void *target, const void *source, size_t count);

/* Ends a call on objects: the ranks have exchanged lines that hold their outcomes; any failure is everybody's. */
void weft_put_outcome(struct weft_operation *operation, uint32_t line);
void weft_take_outcomes(struct weft_operation *operation, uint32_t line);
/* The same where `rank` alone has copied. True: it failed. */
bool weft_take_outcome(struct weft_operation *operation, int rank, uint32_t line);

WEFT_INLINE void weft_put_address(const struct weft_operation *operation, uint32_t line, int at, const void *address)
{
    memcpy(weft_own_line(operation, line)->payload + at * (int)sizeof address, &address, sizeof address);
}

WEFT_INLINE void *weft_take_address(const struct weft_operation *operation, int peer, uint32_t line, int at)
{
    void *address;
    memcpy(&address, weft_peer_line(operation, peer, line)->payload + at * (int)sizeof address, sizeof address);
    return address;
}

#endif

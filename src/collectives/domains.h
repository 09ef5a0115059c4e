// SPDX-License-Identifier: MIT
/* domains.h - the algorithms named `domains`: between ranks of one last-level cache first, then between caches. */
#ifndef WEFT_COLLECTIVES_DOMAINS_H
#define WEFT_COLLECTIVES_DOMAINS_H

#include "collectives/exchange.h"
#include "core/domains.h"
#include "reduce/reduce.h"

/* Are there other caches from which a long message had better come once than once for each rank? */
WEFT_INLINE bool weft_domains_far(const weft_comm *comm)
{
    const struct weft_world *world = comm->world;
    return world->domains != NULL && world->domains->several && !world->crowded;
}

/* Lines of an allreduce, or of a barrier, whose reduction is NULL; 0: the vector is too long. */
WEFT_INLINE uint32_t weft_domains_allreduce_lines(const struct weft_call *call)
{
    if (call->bytes > WEFT_LINE_PAYLOAD)
        return 0;
    size_t partials =
        call->op != NULL ? 2 * call->bytes * WEFT_TEAM_RANKS : 0; /* a partial has at most twice the bytes */
    return 3 + (uint32_t)((partials + WEFT_CACHE_LINE - 1) / WEFT_CACHE_LINE);
}
/* For both: each domain's leader combines the vectors of its members, exchanges partials with the other leaders, and hands out the result. */
enum weft_move weft_domains_allreduce(struct weft_operation *operation);

/* 0: the blocks are too long. */
WEFT_INLINE uint32_t weft_domains_allgather_lines(size_t bytes)
{
    return bytes > WEFT_MESSAGE_BYTES / WEFT_TEAM_RANKS ? 0
                                                        : weft_lines_of(bytes) + weft_lines_of(bytes * WEFT_TEAM_RANKS);
}
/* Short blocks: each leader puts the blocks of its members together, and all ranks read what the leaders have. */
enum weft_move weft_domains_allgather(struct weft_operation *operation);

/* Long blocks: those of other domains are copied once into each domain, by its members in turn, and from there by the others. Takes three
 * lines, and two gates where the world is gated. */
enum weft_move weft_domains_allgather_long(struct weft_operation *operation);

/* A short message, in the lines that it takes: from the root to the leaders, and from each to its members. */
enum weft_move weft_domains_broadcast(struct weft_operation *operation);

/* A long one: each leader copies it once, piece by piece, and its members copy from the leader, a piece behind. */
#define WEFT_DOMAINS_PIECES 8
#define WEFT_DOMAINS_BROADCAST_LINES (WEFT_DOMAINS_PIECES + 2)
enum weft_move weft_domains_broadcast_long(struct weft_operation *operation);

#endif

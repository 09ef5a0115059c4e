// SPDX-License-Identifier: MIT
/* domains.c - collectives in two levels: domains of at most eight ranks that share a cache (core/domains.h), and their leaders.
 *
 * With n ranks in d domains a leader reads n / d - 1 lines of its own cache and d - 1 of others, where without domains every rank reads n - 1, or all
 * count at one gate; docs/scaling.md counts both. Results keep the canonical tree: a leader combines the whole subtrees of the tree that its
 * domain holds, one where it is a row of ranks that begins and ends where a subtree does, and hands out each as a partial.
 * Hierarchical exchanges are common knowledge; this is the shape of R. Graham and G. Shipman, "MPI Support for Multi-core
 * Architectures: Optimized Shared Memory Collectives", 2008. */
#include "collectives/domains.h"

#include "collectives/combine.h"

static const struct weft_domain_map *teams(const struct weft_operation *operation)
{
    return &operation->comm->world->domains->teams;
}

static const struct weft_domain_map *caches(const struct weft_operation *operation)
{
    return &operation->comm->world->domains->caches;
}

static int own_domain(const struct weft_operation *operation, const struct weft_domain_map *map)
{
    return map->of[operation->comm->rank];
}

static int own_leader(const struct weft_operation *operation, const struct weft_domain_map *map)
{
    return weft_domain_leader(map, own_domain(operation, map));
}

static bool leads(const struct weft_operation *operation, const struct weft_domain_map *map)
{
    return own_leader(operation, map) == operation->comm->rank;
}

/* Is `line` of all members of the rank's own domain there? From operation->peer on, a place. */
static enum weft_move look_at_members(struct weft_operation *operation, const struct weft_domain_map *map,
                                      uint32_t line)
{
    int own = own_domain(operation, map);
    for (; operation->peer < weft_domain_size(map, own); operation->peer++) {
        int member = map->members[map->first[own] + operation->peer];
        enum weft_move move = member == operation->comm->rank ? WEFT_MOVE_DONE : weft_look(operation, member, line);
        if (move != WEFT_MOVE_DONE)
            return move;
    }
    return WEFT_MOVE_DONE;
}

/* The first two steps of the short ones: this rank's message is out in line 0; the map stands. A leader has all its members' messages. */
enum { FRESH, UNSETTLED, COLLECTS, COLLECTED };
static enum weft_move collect(struct weft_operation *operation)
{
    enum weft_move move;
    switch (operation->state) {
    case FRESH:
        if ((move = weft_ring_room(operation)) != WEFT_MOVE_DONE)
            return move;
        weft_publish_message(operation, operation->call->send, operation->call->bytes, false);
        operation->state = UNSETTLED; /* fall through */
    case UNSETTLED:
        if ((move = weft_domains_look(operation)) != WEFT_MOVE_DONE)
            return move;
        operation->peer = 0;
        operation->state = COLLECTS; /* fall through */
    case COLLECTS:
        if (leads(operation, teams(operation)) &&
            (move = look_at_members(operation, teams(operation), 0)) != WEFT_MOVE_DONE)
            return move;
        operation->state = COLLECTED;
        return WEFT_MOVE_DONE;
    default:
        return WEFT_MOVE_DONE;
    }
}

/* ---- Allreduce: line 0 each rank's vector, line 1 a leader's result, line 2 its partials */

enum { RESULT_LINE = 1, PARTIALS_LINE = 2, PARTIAL_BYTES = 2 * WEFT_LINE_PAYLOAD };
enum { EXCHANGES = COLLECTED + 1, FOLLOWS };

/* The subtree of the tree of `n` that begins at `begin`, as large as it can be without going beyond `limit`; returns its end. */
static int subtree_end(int begin, int limit, int n)
{
    int low = 0, high = n;
    while (low != begin || high > limit) {
        int middle = low + weft_tree_split(high - low);
        if (begin < middle)
            high = middle;
        else
            low = middle;
    }
    return high;
}

/* Where the partial of the subtree that begins at `begin` stands: the leader's own beside its word, if it fits. */
static unsigned char *partial_at(const struct weft_operation *operation, int begin, size_t bytes)
{
    const struct weft_domain_map *map = teams(operation);
    int leader = weft_domain_leader(map, map->of[begin]), place = map->place[begin];
    if (place == 0 && bytes <= WEFT_LINE_PAYLOAD)
        return weft_peer_line(operation, leader, PARTIALS_LINE)->payload;
    return weft_body_of(operation->comm, leader, operation->position + PARTIALS_LINE) + (size_t)place * bytes;
}

static enum weft_move combine_members(struct weft_operation *operation)
{
    const struct weft_call *call = operation->call;
    const struct weft_domain_map *map = teams(operation);
    const weft_comm *comm = operation->comm;
    size_t bytes = weft_partial_bytes(call->reduction, call->count);
    int own = own_domain(operation, map);
    for (int at = map->first[own], next; at < map->first[own + 1]; at = next) {
        int begin = map->members[at], end = subtree_end(begin, map->run_end[begin], comm->n_ranks);
        for (int rank = begin; rank < end; rank++)
            comm->sources[rank - begin] =
                rank == comm->rank ? call->send : weft_message_of(operation, rank, call->bytes);
        _Alignas(WEFT_CACHE_LINE) unsigned char partial[PARTIAL_BYTES];
        weft_status status = weft_reduce_subtree(call->reduction, comm->sources, end - begin, partial, call->count);
        if (status != WEFT_OK)
            return weft_reduction_failed(operation, status);
        memcpy(partial_at(operation, begin, bytes), partial, bytes);
        next = at + end - begin;
    }
    return WEFT_MOVE_DONE;
}

/* The partial of ranks [begin, end), of whole subtrees of the domains. */
static weft_status join_subtrees(const struct weft_operation *operation, int begin, int end, void *partial)
{
    const struct weft_call *call = operation->call;
    size_t bytes = weft_partial_bytes(call->reduction, call->count);
    if (end <= teams(operation)->run_end[begin]) {
        memcpy(partial, partial_at(operation, begin, bytes), bytes);
        return WEFT_OK;
    }
    _Alignas(WEFT_CACHE_LINE) unsigned char left[PARTIAL_BYTES];
    int middle = begin + weft_tree_split(end - begin);
    weft_status status = join_subtrees(operation, begin, middle, left);
    if (status == WEFT_OK)
        status = join_subtrees(operation, middle, end, partial);
    return status == WEFT_OK ? weft_reduce_join(call->reduction, left, partial, call->count) : status;
}

static enum weft_move combine_leaders(struct weft_operation *operation)
{
    const struct weft_call *call = operation->call;
    _Alignas(WEFT_CACHE_LINE) unsigned char partial[PARTIAL_BYTES];
    weft_status status = join_subtrees(operation, 0, operation->comm->n_ranks, partial);
    if (status != WEFT_OK)
        return weft_reduction_failed(operation, status);
    weft_reduce_finish(call->reduction, partial, call->recv, call->count);
    weft_copy_small(weft_own_line(operation, RESULT_LINE)->payload, call->recv, call->bytes);
    return WEFT_MOVE_DONE;
}

/* Is `line` of all leaders there? From operation->peer on, a domain. */
static enum weft_move look_at_leaders(struct weft_operation *operation, uint32_t line)
{
    const struct weft_domain_map *map = teams(operation);
    for (; operation->peer < map->count; operation->peer++) {
        int leader = weft_domain_leader(map, operation->peer);
        enum weft_move move = leader == operation->comm->rank ? WEFT_MOVE_DONE : weft_look(operation, leader, line);
        if (move != WEFT_MOVE_DONE)
            return move;
    }
    return WEFT_MOVE_DONE;
}

enum weft_move weft_domains_allreduce(struct weft_operation *operation)
{
    const struct weft_call *call = operation->call;
    bool combines = call->reduction != NULL && call->count > 0;
    enum weft_move move = collect(operation);
    if (move != WEFT_MOVE_DONE)
        return move;
    if (operation->state == COLLECTED && leads(operation, teams(operation))) {
        if (combines && combine_members(operation) != WEFT_MOVE_DONE)
            return WEFT_MOVE_FAIL;
        weft_publish(operation, PARTIALS_LINE);
        operation->peer = 0;
        operation->state = EXCHANGES;
    }
    if (operation->state == EXCHANGES) {
        if ((move = look_at_leaders(operation, PARTIALS_LINE)) != WEFT_MOVE_DONE)
            return move;
        if (combines && combine_leaders(operation) != WEFT_MOVE_DONE)
            return WEFT_MOVE_FAIL;
        weft_publish(operation, RESULT_LINE);
        return WEFT_MOVE_DONE;
    }
    if ((move = weft_look(operation, own_leader(operation, teams(operation)), RESULT_LINE)) == WEFT_MOVE_DONE)
        weft_copy_small(call->recv,
                        weft_peer_line(operation, own_leader(operation, teams(operation)), RESULT_LINE)->payload,
                        call->bytes);
    return move;
}

/* ---- Allgather, short: from line 0 on each rank's block, behind it a leader's collection */

static unsigned char *block_of(const struct weft_call *call, int rank)
{
    return (unsigned char *)call->recv + (size_t)rank * call->bytes;
}

static unsigned char *collection_of(const struct weft_operation *operation, int domain)
{
    const struct weft_domain_map *map = teams(operation);
    uint32_t line = weft_lines_of(operation->call->bytes);
    int leader = weft_domain_leader(map, domain);
    if ((size_t)weft_domain_size(map, domain) * operation->call->bytes <= WEFT_LINE_PAYLOAD)
        return weft_peer_line(operation, leader, line)->payload;
    return weft_body_of(operation->comm, leader, operation->position + line);
}

static void put_collection(const struct weft_operation *operation)
{
    const struct weft_domain_map *map = teams(operation);
    const struct weft_call *call = operation->call;
    int own = own_domain(operation, map);
    unsigned char *to = collection_of(operation, own);
    for (int at = map->first[own]; at < map->first[own + 1]; at++, to += call->bytes) {
        int member = map->members[at];
        if (member == operation->comm->rank)
            weft_copy_small(to, call->send, call->bytes);
        else
            weft_copy_message(operation, member, to, call->bytes);
    }
}

static void take_collection(const struct weft_operation *operation, int domain)
{
    const struct weft_domain_map *map = teams(operation);
    const struct weft_call *call = operation->call;
    const unsigned char *from = collection_of(operation, domain);
    for (int at = map->first[domain]; at < map->first[domain + 1]; at++, from += call->bytes)
        if (map->members[at] != operation->comm->rank || call->send != block_of(call, operation->comm->rank))
            weft_copy_small(block_of(call, map->members[at]), from, call->bytes);
}

enum weft_move weft_domains_allgather(struct weft_operation *operation)
{
    uint32_t line = weft_lines_of(operation->call->bytes);
    enum weft_move move = collect(operation);
    if (move != WEFT_MOVE_DONE)
        return move;
    if (operation->state == COLLECTED) {
        if (leads(operation, teams(operation))) {
            put_collection(operation);
            weft_publish(operation, line);
        }
        operation->peer = 0;
        operation->state = EXCHANGES;
    }
    if ((move = look_at_leaders(operation, line)) != WEFT_MOVE_DONE)
        return move;
    for (int domain = 0; domain < teams(operation)->count; domain++)
        take_collection(operation, domain);
    return WEFT_MOVE_DONE;
}

/* ---- Allgather, long: lines of addresses, of "the copies for my domain are made", of "I have all" */

/* Who of this rank's domain copies the block of `rank` from there. Blocks of its own domain each member copies for itself. */
static int copier_of(const struct weft_operation *operation, int rank)
{
    const struct weft_domain_map *map = caches(operation);
    int own = own_domain(operation, map);
    if (map->of[rank] == own)
        return operation->comm->rank;
    return map->members[map->first[own] + map->place[rank] % weft_domain_size(map, own)];
}

/* The blocks that this rank copies from their owners, or the others, that members of its domain have copied. Each rank begins with
 * its right neighbour, so that not all read the same memory at once. */
static enum weft_move pull_blocks(struct weft_operation *operation, bool from_owners)
{
    const struct weft_call *call = operation->call;
    const weft_comm *comm = operation->comm;
    enum weft_move move = WEFT_MOVE_DONE;
    for (int step = 0; step < comm->n_ranks && move == WEFT_MOVE_DONE; step++) {
        int peer = (comm->rank + step) % comm->n_ranks, copier = copier_of(operation, peer);
        if ((copier == comm->rank) != from_owners)
            continue;
        const void *source = peer == comm->rank ? call->send : weft_take_address(operation, peer, 0, 0);
        if (!from_owners)
            source = (unsigned char *)weft_take_address(operation, copier, 0, 1) + (size_t)peer * call->bytes;
        if (source != block_of(call, peer))
            move = weft_pull(comm, block_of(call, peer), source, call->bytes, false);
    }
    return move;
}

enum weft_move weft_domains_allgather_long(struct weft_operation *operation)
{
    enum weft_move move;
    switch (operation->state) {
    case 0:
        if ((move = weft_ring_room(operation)) != WEFT_MOVE_DONE)
            return move;
        weft_put_address(operation, 0, 0, operation->call->send);
        weft_put_address(operation, 0, 1, operation->call->recv);
        if (weft_exchange_begin(operation, 0, 0) != WEFT_MOVE_DONE)
            return WEFT_MOVE_FAIL;
        operation->state = 1; /* fall through */
    case 1:
        if ((move = weft_exchange_look(operation, 0, 0)) != WEFT_MOVE_DONE)
            return move;
        operation->state = 2; /* fall through */
    case 2:
        if ((move = weft_domains_look(operation)) != WEFT_MOVE_DONE)
            return move;
        if (pull_blocks(operation, true) != WEFT_MOVE_DONE)
            return WEFT_MOVE_FAIL;
        weft_publish(operation, 1);
        operation->peer = 0;
        operation->state = 3; /* fall through */
    case 3:
        if ((move = look_at_members(operation, caches(operation), 1)) != WEFT_MOVE_DONE)
            return move;
        if (pull_blocks(operation, false) != WEFT_MOVE_DONE || weft_exchange_begin(operation, 2, 1) != WEFT_MOVE_DONE)
            return WEFT_MOVE_FAIL;
        operation->state = 4; /* fall through */
    default:
        return weft_exchange_look(operation, 2, 1);
    }
}

/* ---- Broadcast */

static bool root_is_near(const struct weft_operation *operation, const struct weft_domain_map *map)
{
    return map->of[operation->call->root] == own_domain(operation, map);
}

/* Whom this rank reads from. */
static int source_of(const struct weft_operation *operation, const struct weft_domain_map *map)
{
    bool from_root = root_is_near(operation, map) || leads(operation, map);
    return from_root ? operation->call->root : own_leader(operation, map);
}

/* Whether others read from this rank. */
static bool hands_on(const struct weft_operation *operation, const struct weft_domain_map *map)
{
    return leads(operation, map) && !root_is_near(operation, map);
}

enum weft_move weft_domains_broadcast(struct weft_operation *operation)
{
    const struct weft_call *call = operation->call;
    enum weft_move move;
    if (operation->comm->rank == call->root) {
        if ((move = weft_ring_room(operation)) == WEFT_MOVE_DONE)
            weft_publish_message(operation, call->send, call->bytes, false);
        return move;
    }
    if ((move = weft_domains_look(operation)) != WEFT_MOVE_DONE)
        return move;
    int source = source_of(operation, teams(operation));
    if ((hands_on(operation, teams(operation)) && (move = weft_ring_room(operation)) != WEFT_MOVE_DONE) ||
        (move = weft_look(operation, source, 0)) != WEFT_MOVE_DONE)
        return move;
    weft_copy_message(operation, source, call->recv, call->bytes);
    if (hands_on(operation, teams(operation)))
        weft_publish_message(operation, call->recv, call->bytes, false);
    return WEFT_MOVE_DONE;
}

/* Lines: the root's address; one for each piece that a leader has, the first with its address; "I have all". */
enum { PIECE_LINE = 1, DONE_LINE = PIECE_LINE + WEFT_DOMAINS_PIECES };

static enum weft_move pull_piece(const struct weft_operation *operation, const void *source, uint32_t piece)
{
    const struct weft_call *call = operation->call;
    size_t size = (call->bytes / WEFT_DOMAINS_PIECES + WEFT_CACHE_LINE) / WEFT_CACHE_LINE * WEFT_CACHE_LINE;
    size_t begin = piece * size, end = begin + size < call->bytes ? begin + size : call->bytes;
    if (begin >= end)
        return WEFT_MOVE_DONE;
    return weft_pull(operation->comm, (unsigned char *)call->recv + begin, (const unsigned char *)source + begin,
                     end - begin, false);
}

static enum weft_move pull_pieces(struct weft_operation *operation)
{
    int source = source_of(operation, caches(operation));
    bool from_root = source == operation->call->root;
    for (; operation->line < WEFT_DOMAINS_PIECES; operation->line++) {
        uint32_t first = from_root ? 0 : PIECE_LINE;
        enum weft_move move = weft_look(operation, source, from_root ? 0 : PIECE_LINE + operation->line);
        if (move != WEFT_MOVE_DONE)
            return move;
        if (pull_piece(operation, weft_take_address(operation, source, first, 0), operation->line) != WEFT_MOVE_DONE)
            return WEFT_MOVE_FAIL;
        if (hands_on(operation, caches(operation))) {
            weft_put_address(operation, PIECE_LINE + operation->line, 0, operation->call->recv);
            weft_publish(operation, PIECE_LINE + operation->line);
        }
    }
    return WEFT_MOVE_DONE;
}

enum weft_move weft_domains_broadcast_long(struct weft_operation *operation)
{
    bool root = operation->comm->rank == operation->call->root;
    enum weft_move move;
    switch (operation->state) {
    case 0:
        if ((move = weft_ring_room(operation)) != WEFT_MOVE_DONE)
            return move;
        if (root) {
            weft_put_address(operation, 0, 0, operation->call->send);
            weft_publish(operation, 0);
        }
        operation->state = 1; /* fall through */
    case 1:
        if ((move = weft_domains_look(operation)) != WEFT_MOVE_DONE)
            return move;
        if (!root) {
            if ((move = pull_pieces(operation)) != WEFT_MOVE_DONE)
                return move;
            weft_publish(operation, DONE_LINE);
        }
        operation->peer = 0;
        operation->state = 2; /* fall through */
    default:
        if (root)
            return weft_look_all(operation, DONE_LINE);
        return hands_on(operation, caches(operation)) ? look_at_members(operation, caches(operation), DONE_LINE)
                                                      : WEFT_MOVE_DONE;
    }
}

// SPDX-License-Identifier: MIT
/* domains.h - which ranks share a last-level cache: the maps that algorithms for many ranks follow.
 *
 * Each rank that comes to a world says which cache its thread is bound to, and the last to come settles the maps, once: all ranks must
 * follow the same. Where threads are bound to no cache, or more to one than it has processors (one thread may have made all handles),
 * nothing is known, and it is assumed that ranks in a row share a cache, which is how launchers most often place them. */
#ifndef WEFT_CORE_DOMAINS_H
#define WEFT_CORE_DOMAINS_H

#include "core/operation.h"

#define WEFT_TEAM_RANKS 8 /* at most */

/* The ranks, each in one domain. */
struct weft_domain_map {
    int count;
    int *of;      /* the domain of a rank, */
    int *place;   /* its place there, */
    int *run_end; /* and up to where the ranks behind it are of the same domain */
    int *members; /* all ranks, one domain after the other, */
    int *first;   /* from first[domain] on to first[domain + 1], in ascending order; the first one leads */
};

struct weft_domains {
    _Atomic uint64_t settled; /* not 0: the maps stand, and do not change */
    _Atomic uint32_t entered; /* ranks that have come */
    bool several;             /* the machine has more than one cache of the last level */
    int *homes, *room;        /* by rank: the number of its cache, negative where it has none; processors there */
    struct weft_domain_map caches;
    /* Parts of caches so small that one rank can listen to all of its team, or several caches of few ranks. */
    struct weft_domain_map teams;
};

/* NULL when memory is short. */
struct weft_domains *weft_domains_create(int n_ranks);
void weft_domains_free(struct weft_domains *domains);

/* The rank has its place in the world; called by the thread that will most likely use the handle. */
void weft_domains_enter(const weft_comm *comm);

/* Are the maps there? */
enum weft_move weft_domains_look(struct weft_operation *operation);

WEFT_INLINE int weft_domain_size(const struct weft_domain_map *map, int domain)
{
    return map->first[domain + 1] - map->first[domain];
}
WEFT_INLINE int weft_domain_leader(const struct weft_domain_map *map, int domain)
{
    return map->members[map->first[domain]];
}

#endif

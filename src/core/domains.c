// SPDX-License-Identifier: MIT
/* domains.c - settles which ranks share a last-level cache. */
#include "core/domains.h"

#include "core/slot.h"

#include <stdlib.h>

enum { MAP_ARRAYS = 5 };

/* The map's part of the memory; returns what comes behind it. */
static int *lay_out(struct weft_domain_map *map, int *memory, int n_ranks)
{
    map->of = memory;
    map->place = map->of + n_ranks;
    map->run_end = map->place + n_ranks;
    map->members = map->run_end + n_ranks;
    map->first = map->members + n_ranks;
    return map->first + n_ranks + 1;
}

struct weft_domains *weft_domains_create(int n_ranks)
{
    size_t n = (size_t)n_ranks, numbers = 2 * n + 2 * (MAP_ARRAYS * n + 1);
    struct weft_domains *domains = calloc(1, sizeof *domains + numbers * sizeof(int));
    if (domains == NULL)
        return NULL;
    int processors_each;
    domains->several = weft_topology_caches(&processors_each) > 1;
    domains->homes = (int *)(domains + 1);
    domains->room = domains->homes + n;
    lay_out(&domains->teams, lay_out(&domains->caches, domains->room + n, n_ranks), n_ranks);
    return domains;
}

void weft_domains_free(struct weft_domains *domains)
{
    free(domains);
}

/* Every rank has a cache, and no cache more ranks than processors. */
static bool homes_make_sense(const struct weft_domains *domains, int n_ranks)
{
    for (int rank = 0; rank < n_ranks; rank++) {
        int alike = 0;
        for (int other = 0; other < n_ranks; other++)
            alike += domains->homes[other] == domains->homes[rank];
        if (domains->homes[rank] < 0 || alike > domains->room[rank])
            return false;
    }
    return true;
}

static void set_rows(int *homes, int n_ranks, int row)
{
    for (int rank = 0; rank < n_ranks; rank++)
        homes[rank] = rank / row;
}

/* The rank's domain: the newest of its cache if that has room, or a new one. */
static int domain_for(struct weft_domain_map *map, int home, int most, int *sizes, int *caches)
{
    for (int domain = map->count - 1; domain >= 0; domain--)
        if (caches[domain] == home && sizes[domain] < most)
            return domain;
    caches[map->count] = home;
    sizes[map->count] = 0;
    return map->count++;
}

static void draw(struct weft_domain_map *map, const int *homes, int n_ranks, int most)
{
    int *sizes = map->members, *caches = map->run_end; /* scratch, until these are filled */
    for (int rank = 0; rank < n_ranks; rank++) {
        int domain = map->of[rank] = domain_for(map, homes[rank], most, sizes, caches);
        map->place[rank] = sizes[domain]++;
    }
    for (int domain = 0; domain < map->count; domain++)
        map->first[domain + 1] = map->first[domain] + sizes[domain];
    for (int rank = n_ranks - 1; rank >= 0; rank--) {
        map->members[map->first[map->of[rank]] + map->place[rank]] = rank;
        bool ends = rank + 1 == n_ranks || map->of[rank + 1] != map->of[rank];
        map->run_end[rank] = ends ? rank + 1 : map->run_end[rank + 1];
    }
}

static void settle(struct weft_domains *domains, int n_ranks)
{
    int processors_each;
    if (!homes_make_sense(domains, n_ranks))
        set_rows(domains->homes, n_ranks,
                 weft_topology_caches(&processors_each) > 0 ? processors_each : WEFT_TEAM_RANKS);
    draw(&domains->caches, domains->homes, n_ranks, n_ranks);
    /* Many caches of few ranks, as virtual machines like to show, would make each rank its own leader. */
    if (domains->caches.count > WEFT_TEAM_RANKS && n_ranks < domains->caches.count * WEFT_TEAM_RANKS / 2)
        set_rows(domains->homes, n_ranks, WEFT_TEAM_RANKS);
    draw(&domains->teams, domains->homes, n_ranks, WEFT_TEAM_RANKS);
}

void weft_domains_enter(const weft_comm *comm)
{
    struct weft_world *world = comm->world;
    struct weft_domains *domains = world->domains;
    if (domains == NULL)
        return;
    domains->homes[comm->rank] = weft_topology_home(comm->place, &domains->room[comm->rank]);
    weft_observe_release(&domains->entered);
    /* G2, acq_rel: hands on this rank's home, and to the last to come those of all. */
    uint32_t entered = atomic_fetch_add_explicit(&domains->entered, 1, memory_order_acq_rel) + 1;
    weft_observe_acquire(&domains->entered);
    if (entered != (uint32_t)world->n_ranks)
        return;
    settle(domains, world->n_ranks);
    weft_publish_word(world, world->n_ranks, &domains->settled, 1, &world->gate_sleepers);
}

enum weft_move weft_domains_look(struct weft_operation *operation)
{
    const struct weft_domains *domains = operation->comm->world->domains;
    /* S3, acquire: pairs with S1 in weft_domains_enter. */
    if (weft_likely(atomic_load_explicit(&domains->settled, memory_order_acquire) != 0)) {
        if (weft_unlikely(operation->comm->world->observed))
            weft_observe_acquire(&domains->settled);
        return WEFT_MOVE_DONE;
    }
    operation->until =
        (struct weft_until){.kind = WEFT_UNTIL_SET, .target = operation->comm->n_ranks, .word = &domains->settled};
    return WEFT_MOVE_WAIT;
}

// SPDX-License-Identifier: MIT
/* world.c - makes and frees what the ranks of a communicator share.
 *
 * The slots come as untouched pages, so each lands in the memory of the rank that first writes it. They are not padded to pages: equal
 * offsets in many pages would fall into one set of the cache. */
#include "core/world.h"

#include "core/domains.h"
#include "core/event.h"
#include "core/fork.h"
#include "core/guard.h"
#include "core/observe.h"
#include "core/report.h"
#include "core/trace.h"
#include "core/worlds.h"

#include <stdio.h>
#include <stdlib.h>

static size_t slots_bytes(const struct weft_world *world)
{
    return (size_t)world->n_ranks * sizeof *world->slots;
}

static size_t channels_bytes(const struct weft_world *world)
{
    return (size_t)world->n_ranks * (size_t)world->n_ranks * sizeof *world->channels;
}

static void free_world(struct weft_world *world)
{
    pthread_mutex_destroy(&world->lock);
    if (world->free_rows != NULL)
        world->free_rows(world);
    free(world->rows);
    weft_traces_end(world);
    weft_domains_free(world->domains);
    weft_event_give(world->event);
    weft_pages_free(world->slots, slots_bytes(world));
    weft_pages_free(world->channels, channels_bytes(world));
    free(world);
}

struct weft_world *weft_world_create(int n_ranks, const struct weft_world_config *config)
{
    struct weft_processors processors;
    struct weft_world *world = weft_fork_ready() ? aligned_alloc(WEFT_CACHE_LINE, sizeof *world) : NULL;
    if (world == NULL)
        return NULL;
    memset(world, 0, sizeof *world);
    world->n_ranks = n_ranks;
    world->members = 1;
    world->tuning = config->tuning;
    memcpy(world->forced, config->forced, sizeof world->forced);
    snprintf(world->name, sizeof world->name, "%s", config->name != NULL ? config->name : "weft");
    world->slots = weft_pages_allocate(slots_bytes(world));
    if (config->with_grid)
        world->channels = weft_pages_allocate(channels_bytes(world));
    world->event = weft_event_take();
    world->rows = calloc((size_t)n_ranks, sizeof *world->rows);
    pthread_mutex_init(&world->lock, NULL);
    weft_processors_count(&processors);
    world->crowded = n_ranks > processors.usable;
    world->gated = world->crowded || n_ranks > config->tuning.flat_ranks;
    world->observed = weft_observed();
    world->unfenced = !world->crowded && !world->observed && weft_fence_all_ready(); /* crowded ranks sleep often */
    world->parent = config->parent;
    weft_trace_setup();
    world->traces = weft_traces_make(n_ranks);
    world->stall_ns = config->stall_ns;
    bool with_domains = config->with_domains || (!world->crowded && (world->gated || n_ranks >= WEFT_TEAM_RANKS));
    if (with_domains)
        world->domains = weft_domains_create(n_ranks);
    if (world->slots == NULL || world->event == NULL || world->rows == NULL ||
        (config->with_grid && world->channels == NULL) || (with_domains && world->domains == NULL) ||
        !weft_worlds_add(world)) {
        free_world(world);
        return NULL;
    }
    if (world->parent != NULL)
        weft_world_join(world->parent);
    weft_report_setup();
    return world;
}

void weft_world_join(struct weft_world *world)
{
    pthread_mutex_lock(&world->lock);
    world->members++;
    pthread_mutex_unlock(&world->lock);
}

void weft_world_leave(struct weft_world *world)
{
    while (world != NULL) {
        struct weft_world *parent = world->parent;
        pthread_mutex_lock(&world->lock);
        int left = --world->members;
        pthread_mutex_unlock(&world->lock);
        if (left > 0)
            return;
        weft_worlds_remove(world);
        free_world(world);
        world = parent;
    }
}

/* The handle and its scratch, on cache lines that no other rank's handle shares. */
struct weft_comm *weft_handle_create(int n_ranks)
{
    size_t bytes = sizeof(struct weft_comm) + 4 * (size_t)n_ranks * sizeof(void *);
    bytes = (bytes + WEFT_CACHE_LINE - 1) / WEFT_CACHE_LINE * WEFT_CACHE_LINE;
    struct weft_comm *comm = aligned_alloc(WEFT_CACHE_LINE, bytes);
    if (comm == NULL)
        return NULL;
    memset(comm, 0, bytes);
    comm->n_ranks = n_ranks;
    /* H1, relaxed: as all of it. */
    atomic_store_explicit(&comm->guarded, weft_guard_of_new(), memory_order_relaxed);
    pthread_mutex_init(&comm->lock, NULL);
    comm->sources = (const void **)(comm + 1);
    comm->sources_at = comm->sources + n_ranks;
    comm->destinations = (void **)(comm->sources_at + n_ranks);
    comm->destinations_at = comm->destinations + n_ranks;
    return comm;
}

void weft_handle_free(struct weft_comm *comm)
{
    pthread_mutex_destroy(&comm->lock);
    free(comm->grid_scratch);
    free(comm);
}

void weft_handle_attach(struct weft_comm *comm, struct weft_world *world, int rank)
{
    comm->world = world;
    comm->rank = rank;
    comm->place = rank;
    comm->slot = &world->slots[rank];
    comm->trace = world->traces != NULL ? &world->traces[rank] : NULL;
}

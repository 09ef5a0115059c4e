// SPDX-License-Identifier: MIT
/* worlds.c - the table of worlds.
 *
 * Its places are never freed, so it can be walked without a lock; a place is used again when its world has gone. Who looks at a world counts
 * himself in at its place, then looks whether the world is still there; who takes a world away clears the place, and then waits until nobody
 * is counted. Each writes before it reads, so one of the two sees the other. After: M. Michael, "Hazard Pointers", IEEE TPDS 15(6), 2004. */
#include "core/worlds.h"

#include "core/wait.h"

#include <stdlib.h>

struct weft_worlds_place {
    struct weft_world *_Atomic world;
    _Atomic uint32_t readers;
    struct weft_worlds_place *next;      /* in the table, for ever */
    struct weft_worlds_place *next_free; /* while it has no world; under the lock */
};

static struct weft_worlds_place *_Atomic weft_worlds_table; /* scripts/weft-gdb.py walks it, too */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct weft_worlds_place *free_places;
static uint64_t serials;

static struct weft_worlds_place *make_place(void)
{
    struct weft_worlds_place *place = calloc(1, sizeof *place);
    if (place == NULL)
        return NULL;
    /* A1, relaxed: changed under the lock alone. */
    place->next = atomic_load_explicit(&weft_worlds_table, memory_order_relaxed);
    /* A2, release: who finds the place (A3) finds it whole. */
    atomic_store_explicit(&weft_worlds_table, place, memory_order_release);
    return place;
}

bool weft_worlds_add(struct weft_world *world)
{
    pthread_mutex_lock(&lock);
    struct weft_worlds_place *place = free_places;
    if (place != NULL)
        free_places = place->next_free;
    else
        place = make_place();
    world->place = place;
    world->serial = ++serials;
    if (place != NULL)
        /* A4, release: who finds the world (A6) finds it whole. */
        atomic_store_explicit(&place->world, world, memory_order_release);
    pthread_mutex_unlock(&lock);
    return place != NULL;
}

void weft_worlds_remove(struct weft_world *world)
{
    struct weft_worlds_place *place = world->place;
    /* A4, seq_cst: before the look at `readers` (A7); pairs with A5 and A6. */
    atomic_store_explicit(&place->world, NULL, memory_order_seq_cst);
    weft_wait_unread(&place->readers);
    pthread_mutex_lock(&lock);
    place->next_free = free_places;
    free_places = place;
    pthread_mutex_unlock(&lock);
}

void weft_worlds_hold(bool hold)
{
    if (hold)
        pthread_mutex_lock(&lock);
    else
        pthread_mutex_unlock(&lock);
}

void weft_worlds_unread(void)
{
    /* A3, relaxed: the only thread. */
    struct weft_worlds_place *place = atomic_load_explicit(&weft_worlds_table, memory_order_relaxed);
    for (; place != NULL; place = place->next)
        /* A5, relaxed: who was counted in is in the parent. */
        atomic_store_explicit(&place->readers, 0, memory_order_relaxed);
}

void weft_worlds_visit(void (*visit)(struct weft_world *world, void *arg), void *arg)
{
    /* A3, acquire: pairs with A2. */
    struct weft_worlds_place *place = atomic_load_explicit(&weft_worlds_table, memory_order_acquire);
    for (; place != NULL; place = place->next) {
        /* A5, seq_cst: before A6; pairs with A7. */
        atomic_fetch_add_explicit(&place->readers, 1, memory_order_seq_cst);
        /* A6, seq_cst: pairs with A4. */
        struct weft_world *world = atomic_load_explicit(&place->world, memory_order_seq_cst);
        if (world != NULL)
            visit(world, arg);
        /* A5, release: what was read is read before the world goes (A7). */
        atomic_fetch_sub_explicit(&place->readers, 1, memory_order_release);
    }
}

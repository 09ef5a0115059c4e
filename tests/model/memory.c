// SPDX-License-Identifier: MIT
/* memory.c - atomics as C11 sees them: a location is the list of all stores to it, and a load may find any that its thread has not yet
 * been told is old.
 *
 * Each thread has a view: for each location the oldest store that it may still read. A store with release carries its thread's view, a load
 * with acquire takes it over. A load with seq_cst finds no store older than the last with seq_cst; so the order in which accesses with
 * seq_cst run is the order S of the standard. Updates read the newest store, and go on with the release sequence of what they replace.
 * What is left out: a store always comes last in the order of modifications, and a load never reads a store that is yet to run (load
 * buffering). Of fences only that of all threads at once is modelled; the library has no other. */
#include "runtime.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { RELAXED, CONSUME, ACQUIRE, RELEASE, ACQ_REL, SEQ_CST }; /* as the compiler hands them over */

enum {
    STORES = 2048,                  /* of a location */
    POOL_BYTES = 256 * 1024 * 1024, /* touched as far as a schedule needs it */
    STALE_IN_A_ROW = 4              /* a load that is repeated finds the newest value at last */
};

static bool acquires(int order)
{
    return order == CONSUME || order == ACQUIRE || order == ACQ_REL || order == SEQ_CST;
}

static bool releases(int order)
{
    return order == RELEASE || order == ACQ_REL || order == SEQ_CST;
}

static void clock_join(struct model_clock *clock, const struct model_clock *other)
{
    for (int thread = 0; thread < MODEL_THREADS; thread++)
        if (other->of[thread] > clock->of[thread])
            clock->of[thread] = other->of[thread];
}

static void view_join(model_index *restrict view, const model_index *restrict other, int length)
{
    for (int i = 0; i < length; i++)
        view[i] = other[i] > view[i] ? other[i] : view[i];
}

/* From now on what the thread does has a later time. */
static void tick(void)
{
    model_self()->clock.of[model->current]++;
}

static void *pool(size_t bytes)
{
    void *at = model->pool_at;
    model->pool_at += (bytes + 63) & ~(size_t)63;
    if (model->pool_at > model->pool + POOL_BYTES)
        model_fail("the schedule is too long: its stores fill %d MiB", POOL_BYTES >> 20);
    return at;
}

void model_memory_setup(void)
{
    model->pool = mmap(NULL, POOL_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
}

void model_memory_begin(void)
{
    model->pool_at = model->pool;
    model->n_locations = 0;
}

/* ---- What threads take over from one another beside atomics */

void model_memory_thread(int thread)
{
    struct model_thread *self = model_self(), *made = &model->threads[thread];
    memset(&made->clock, 0, sizeof made->clock);
    made->clock.of[thread] = 1;
    if (made == self)
        return;
    clock_join(&made->clock, &self->clock);
    memset(made->view, 0, (size_t)model->n_locations * sizeof(model_index));
    memset(made->stale, 0, (size_t)model->n_locations);
    view_join(made->view, self->view, model->n_locations);
    tick();
}

void model_memory_joined(int thread)
{
    struct model_thread *self = model_self(), *other = &model->threads[thread];
    clock_join(&self->clock, &other->clock);
    view_join(self->view, other->view, model->n_locations);
}

void model_memory_locked(struct model_lock *lock)
{
    struct model_thread *self = model_self();
    clock_join(&self->clock, &lock->clock);
    view_join(self->view, lock->view, lock->view_length);
}

void model_memory_unlocked(struct model_lock *lock)
{
    struct model_thread *self = model_self();
    lock->clock = self->clock;
    lock->view = pool((size_t)model->n_locations * sizeof *lock->view);
    lock->view_length = model->n_locations;
    memcpy(lock->view, self->view, (size_t)model->n_locations * sizeof *lock->view);
    tick();
}

/* ---- Locations */

static uint64_t in_memory(const void *address, int size)
{
    uint64_t value = 0;
    memcpy(&value, address, (size_t)size); /* little-endian, as are all processors that the checker runs on */
    return value;
}

static struct model_store *append(struct model_location *location, uint64_t value, int view_length)
{
    struct model_store *store = pool(sizeof *store + (size_t)view_length * sizeof(model_index));
    if (location->count == STORES)
        model_fail("more than %d stores to one location", STORES);
    store->value = value;
    store->view_length = view_length;
    memset(&store->clock, 0, sizeof store->clock);
    location->stores[location->count++] = store;
    return store;
}

static struct model_location *make(uintptr_t address, int size, long cell)
{
    if (model->n_locations == MODEL_LOCATIONS)
        model_fail("more than %d locations", MODEL_LOCATIONS);
    int index = model->n_locations++;
    struct model_location *location = &model->locations[index];
    struct model_store **stores = location->stores;
    if (stores == NULL)
        stores = calloc(STORES, sizeof *stores); /* once a run */
    *location = (struct model_location){.address = address, .size = size, .stores = stores};
    append(location, in_memory((const void *)address, size), 0);
    for (int thread = 0; thread < model->n_threads; thread++) {
        model->threads[thread].view[index] = 0;
        model->threads[thread].stale[index] = 0;
    }
    for (int i = 0; i < (size + 3) / 4; i++)
        model->cells[cell + i].location = (uint16_t)(index + 1);
    return location;
}

/* The location of an atomic access by the current thread, after checking it against plain accesses. */
static struct model_location *find(const void *address_, int size, bool write)
{
    uintptr_t address = (uintptr_t)address_;
    long cell = model_cell_of(address);
    if (cell < 0)
        model_fail("an atomic at %p, which is on no heap, stack or in no variable of the program", address_);
    if ((model->shared[cell] >> model->current & 1) == 0) {
        model->shared[cell] |= (unsigned char)(1 << model->current);
        model->shared_grew = true;
    }
    model_check_cells(cell, address, (size + 3) / 4, write);
    int known = model->cells[cell].location;
    struct model_location *location = known != 0 ? &model->locations[known - 1] : make(address, size, cell);
    if (location->address != address || location->size != size)
        model_fail("atomics overlap at %p", address_);
    if (location->overwritten) {
        /* The race check has seen that all who come here know of the plain write. */
        location->overwritten = false;
        append(location, in_memory(address_, size), 0);
        location->oldest = (model_index)(location->count - 1);
    }
    uint32_t now = model_self()->clock.of[model->current];
    location->read.of[model->current] = now;
    if (write)
        location->written.of[model->current] = now;
    return location;
}

static int index_of(const struct model_location *location)
{
    return (int)(location - model->locations);
}

/* ---- Loads */

static int oldest_readable(const struct model_location *location, int order)
{
    int oldest = model_self()->view[index_of(location)];
    if (location->oldest > oldest)
        oldest = location->oldest;
    return order == SEQ_CST && location->last_sequential > oldest ? location->last_sequential : oldest;
}

/* One of the stores from `oldest` to the newest; `but`: not an old one with this value. */
static int choose_store(struct model_location *location, int oldest, const uint64_t *but)
{
    int newest = location->count - 1, candidates = 1, candidate[STORES];
    uint8_t *stale = &model_self()->stale[index_of(location)];
    if (oldest == newest)
        return newest;
    candidate[0] = newest;
    for (int i = newest - 1; i >= oldest; i--)
        if (but == NULL || location->stores[i]->value != *but)
            candidate[candidates++] = i;
    if (*stale >= STALE_IN_A_ROW || (location->stale_used && model_choosing_all()))
        candidates = 1;
    int chosen = model_choose(MODEL_STALE, candidates);
    if (chosen == 0) {
        *stale = 0;
    } else {
        ++*stale;
        location->stale_used = true;
    }
    return candidate[chosen];
}

static void take_over(const struct model_location *location, int index, int order)
{
    struct model_thread *self = model_self();
    const struct model_store *store = location->stores[index];
    if (self->view[index_of(location)] < index)
        self->view[index_of(location)] = (model_index)index;
    if (!acquires(order))
        return;
    clock_join(&self->clock, &store->clock);
    view_join(self->view, store->view, store->view_length);
}

static void trace_load(const struct model_location *location, int index, const char *what)
{
    model_trace("%s %#lx = %#llx%s", what, (unsigned long)location->address,
                (unsigned long long)location->stores[index]->value,
                index < location->count - 1 ? " (an old value)" : "");
}

uint64_t model_load(const void *address, int size, int order)
{
    model_point(address);
    struct model_location *location = find(address, size, false);
    int index = choose_store(location, oldest_readable(location, order), NULL);
    take_over(location, index, order);
    trace_load(location, index, "loads");
    return location->stores[index]->value;
}

/* ---- Stores */

static void write_memory(void *address, int size, uint64_t value)
{
    memcpy(address, &value, (size_t)size);
}

/* `replaced`: what an update read, whose release sequence goes on. */
static void put(struct model_location *location, uint64_t value, int order, const struct model_store *replaced)
{
    struct model_thread *self = model_self();
    int length = releases(order) ? model->n_locations : replaced != NULL ? replaced->view_length : 0;
    self->view[index_of(location)] = (model_index)location->count;
    struct model_store *store = append(location, value, length);
    if (releases(order)) {
        store->clock = self->clock;
        memcpy(store->view, self->view, (size_t)length * sizeof(model_index));
    } else {
        memset(store->view, 0, (size_t)length * sizeof(model_index));
    }
    if (replaced != NULL) {
        clock_join(&store->clock, &replaced->clock);
        view_join(store->view, replaced->view, replaced->view_length);
    }
    if (order == SEQ_CST)
        location->last_sequential = (model_index)(location->count - 1);
    if (releases(order))
        tick();
    write_memory((void *)location->address, location->size, value);
}

void model_store(void *address, int size, uint64_t value, int order)
{
    model_point(address);
    struct model_location *location = find(address, size, true);
    model_trace("stores %#lx = %#llx", (unsigned long)location->address, (unsigned long long)value);
    put(location, value, order, NULL);
}

static uint64_t updated(enum model_update update, uint64_t old, uint64_t value)
{
    switch (update) {
    case MODEL_EXCHANGE:
        return value;
    case MODEL_ADD:
        return old + value;
    case MODEL_SUBTRACT:
        return old - value;
    case MODEL_AND:
        return old & value;
    case MODEL_OR:
        return old | value;
    default:
        return old ^ value;
    }
}

static uint64_t cut(uint64_t value, int size)
{
    return size == 8 ? value : value & ((1ull << 8 * size) - 1);
}

uint64_t model_update(void *address, int size, enum model_update update, uint64_t value, int order)
{
    model_point(address);
    struct model_location *location = find(address, size, true);
    const struct model_store *old = location->stores[location->count - 1];
    uint64_t made = cut(updated(update, old->value, value), size);
    take_over(location, location->count - 1, order);
    model_trace("updates %#lx from %#llx to %#llx", (unsigned long)location->address, (unsigned long long)old->value,
                (unsigned long long)made);
    put(location, made, order, old);
    return old->value;
}

bool model_compare_exchange(void *address, int size, uint64_t *expected, uint64_t value, int order, int failure_order)
{
    model_point(address);
    struct model_location *location = find(address, size, true);
    /* Where it fails it is a load, and may find an old value. */
    int index = choose_store(location, oldest_readable(location, failure_order), expected);
    const struct model_store *old = location->stores[index];
    if (old->value != *expected) {
        take_over(location, index, failure_order);
        trace_load(location, index, "fails to exchange");
        *expected = old->value;
        return false;
    }
    take_over(location, index, order);
    model_trace("exchanges %#lx from %#llx to %#llx", (unsigned long)location->address, (unsigned long long)old->value,
                (unsigned long long)value);
    put(location, value, order, old);
    return true;
}

/* All stores so far were made before their threads' fences, and all loads to come are made after them. */
void model_fence_all(void)
{
    for (int thread = 0; thread < model->n_threads; thread++)
        for (int i = 0; i < model->n_locations; i++)
            model->threads[thread].view[i] = (model_index)(model->locations[i].count - 1);
}

/* ---- What the kernel sees of a futex */

uint64_t model_kernel_load(const void *address)
{
    struct model_location *location = find(address, 4, false);
    int oldest = oldest_readable(location, RELAXED);
    int index = choose_store(location, location->kernel > oldest ? location->kernel : oldest, NULL);
    take_over(location, index, RELAXED);
    trace_load(location, index, "the kernel loads");
    return location->stores[index]->value;
}

void model_kernel_seen(const void *address)
{
    struct model_location *location = find(address, 4, false);
    model_index seen = model_self()->view[index_of(location)];
    if (location->kernel < seen)
        location->kernel = seen;
}

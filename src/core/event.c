// SPDX-License-Identifier: MIT
/* event.c - the table of events and the sleep itself.
 *
 * An event counts its rings. Who wants to sleep notes the count, then says what it waits for, then looks once more, then sleeps while
 * the count is unchanged: a ring in between makes the sleep return at once. After: U. Drepper, "Futexes Are Tricky". */
#include "core/event.h"

#include <pthread.h>
#include <stdlib.h>

struct weft_event {
    _Alignas(WEFT_CACHE_LINE) _Atomic uint32_t rings;
    struct weft_event *next;      /* in the table, for ever */
    struct weft_event *next_free; /* while nobody has it */
};

static struct weft_event *_Atomic table;
static pthread_mutex_t free_lock = PTHREAD_MUTEX_INITIALIZER;
static struct weft_event *free_events;
static pthread_key_t key;
static pthread_once_t key_once = PTHREAD_ONCE_INIT;
static bool key_made;
static _Thread_local struct weft_event *mine;

void weft_event_give(struct weft_event *event)
{
    if (event == NULL)
        return;
    pthread_mutex_lock(&free_lock);
    event->next_free = free_events;
    free_events = event;
    pthread_mutex_unlock(&free_lock);
}

static void give_back(void *event)
{
    mine = NULL;
    weft_event_give(event);
}

static void make_key(void)
{
    key_made = pthread_key_create(&key, give_back) == 0;
}

static struct weft_event *take_free(void)
{
    pthread_mutex_lock(&free_lock);
    struct weft_event *event = free_events;
    if (event != NULL)
        free_events = event->next_free;
    pthread_mutex_unlock(&free_lock);
    return event;
}

static struct weft_event *make(void)
{
    struct weft_event *event = aligned_alloc(WEFT_CACHE_LINE, sizeof *event);
    if (event == NULL)
        return NULL;
    *event = (struct weft_event){.rings = 0};
    /* E1, relaxed: only a guess, which the exchange below corrects. */
    event->next = atomic_load_explicit(&table, memory_order_relaxed);
    /* E2, seq_cst: who finds the event in the table (E3) finds it whole; and who does not find it set its word before, so that the
     * look before the first sleep (F4) sees it. */
    while (!atomic_compare_exchange_weak_explicit(&table, &event->next, event, memory_order_seq_cst,
                                                  memory_order_relaxed)) {}
    return event;
}

struct weft_event *weft_event_take(void)
{
    struct weft_event *event = take_free();
    return event != NULL ? event : make();
}

struct weft_event *weft_event_mine(void)
{
    if (mine != NULL)
        return mine;
    pthread_once(&key_once, make_key);
    struct weft_event *event = weft_event_take();
    if (event != NULL && (!key_made || pthread_setspecific(key, event) != 0)) {
        give_back(event);
        return NULL;
    }
    mine = event;
    return event;
}

void weft_events_hold(bool hold)
{
    if (hold)
        pthread_mutex_lock(&free_lock);
    else
        pthread_mutex_unlock(&free_lock);
}

uint32_t weft_event_look(struct weft_event *event)
{
    /* E4, acquire: pairs with E5: what a ring that this has seen was for is seen before the sleep (F4, D4). A ring that this misses changes
     * the word that the futex compares. */
    return atomic_load_explicit(&event->rings, memory_order_acquire);
}

void weft_event_sleep(struct weft_event *event, uint32_t seen, uint32_t kinds, int64_t deadline_ns)
{
    weft_futex_wait(&event->rings, seen, kinds, deadline_ns);
}

void weft_event_ring(struct weft_event *event, uint32_t kinds)
{
    /* E5, release: pairs with E4. The kernel compares the word under a lock of its own. */
    atomic_fetch_add_explicit(&event->rings, 1, memory_order_release);
    weft_futex_wake(&event->rings, kinds);
}

void weft_event_ring_all(void)
{
    /* E3, seq_cst: after F2; pairs with E2. */
    struct weft_event *event = atomic_load_explicit(&table, memory_order_seq_cst);
    for (; event != NULL; event = event->next)
        weft_event_ring(event, WEFT_EVENT_ALL);
}

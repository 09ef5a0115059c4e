// SPDX-License-Identifier: MIT
/* departure.c - tells the peers that a rank has left.
 *
 * What the rank published stays, and its `consumed` word says that it needs nothing any more; who waits for something that it never
 * published finds the mark in its slot. A thread keeps a list of the handles that are bound to it, whose ranks leave when a destructor of
 * thread-specific data runs: after return, pthread_exit and cancellation alike. One lock guards all lists, since a handle may be
 * destroyed, or bound anew, by one thread while another ends. */
#include "core/departure.h"

#include "core/failure.h"
#include "core/fork.h"
#include "core/guard.h"
#include "core/record.h"
#include "core/report.h"
#include "core/request.h"
#include "core/slot.h"
#include "core/wait.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_key_t key;
static pthread_once_t key_once = PTHREAD_ONCE_INIT;
static bool key_made;
static _Thread_local struct weft_comm *bound; /* to this thread; the list is under the lock, as all lists */

/* ---- Under the lock */

static void unbind(struct weft_comm *comm)
{
    if (comm->bound_at == NULL)
        return;
    *comm->bound_at = comm->next_bound;
    if (comm->next_bound != NULL)
        comm->next_bound->bound_at = comm->bound_at;
    comm->bound_at = NULL;
}

static void tell(struct weft_world *world, int rank, enum weft_departure how)
{
    struct weft_slot *slot = &world->slots[rank];
    /* C1, release: pairs with S3: whoever waits for room in its ring need not wait for this rank, which has read what it will read. */
    atomic_store_explicit(&slot->consumed, UINT64_MAX, memory_order_release);
    /* D1, release: who sees it (D2) sees all that this rank ever called and published. */
    atomic_store_explicit(&slot->left, (uint32_t)how, memory_order_release);
    /* D3, seq_cst: before the looks for sleepers in weft_wake; pairs with D4, so that none sleeps on without having seen this, and with it C1
     * and D1. */
    atomic_fetch_add_explicit(&world->departures, 1, memory_order_seq_cst);
    weft_wake_for_departure(world, rank);
}

static void depart(struct weft_comm *comm, enum weft_departure how)
{
    if (!comm->departed)
        tell(comm->world, comm->rank, how);
    comm->departed = true;
}

void weft_place_vacant(struct weft_world *world, int rank)
{
    tell(world, rank, WEFT_NEVER_JOINED);
}

/* ---- Destroying */

void weft_handle_detach(struct weft_comm *comm, enum weft_departure how)
{
    if (weft_is_inherited(comm)) {
        weft_keep_inherited(comm);
        return;
    }
    weft_requests_end(comm);
    pthread_mutex_lock(&lock);
    unbind(comm);
    depart(comm, how);
    pthread_mutex_unlock(&lock);
    weft_world_leave(comm->world);
    weft_handle_retire(comm);
}

/* ---- Threads that end */

static void thread_ends(void *list_)
{
    struct weft_comm **list = list_;
    pthread_mutex_lock(&lock);
    while (*list != NULL) {
        struct weft_comm *comm = *list;
        unbind(comm);
        weft_requests_abandon(comm);
        depart(comm, WEFT_THREAD_ENDED);
    }
    pthread_mutex_unlock(&lock);
}

static void make_key(void)
{
    key_made = pthread_key_create(&key, thread_ends) == 0;
}

weft_status weft_handle_bind(struct weft_comm *comm, const char *call)
{
    pthread_once(&key_once, make_key);
    if (!key_made || pthread_setspecific(key, &bound) != 0)
        return weft_error(key_made ? WEFT_ERR_MEMORY : WEFT_ERR_SYSTEM, call, comm,
                          "the system has no more room for thread-specific data");
    weft_report_thread(comm);
    pthread_mutex_lock(&lock);
    bool departed = comm->departed;
    unbind(comm);
    if (!departed) {
        comm->next_bound = bound;
        comm->bound_at = &bound;
        if (bound != NULL)
            bound->bound_at = &comm->next_bound;
        bound = comm;
    }
    pthread_mutex_unlock(&lock);
    return departed ? weft_error(WEFT_ERR_RANK_LOST, call, comm, "the thread that this rank was bound to has ended")
                    : WEFT_OK;
}

void weft_departures_hold(bool hold)
{
    if (hold)
        pthread_mutex_lock(&lock);
    else
        pthread_mutex_unlock(&lock);
}

void weft_bound_forget(void)
{
    bound = NULL;
}

void weft_handle_abandon(void *comm_)
{
    struct weft_comm *comm = comm_;
    char call[WEFT_CALL_TEXT] = "a collective";
    weft_inside_leave(comm);
    weft_callback_end(comm);
    weft_guard_give(comm);
    weft_record_read(comm->slot, comm->calls, false, call, NULL);
    weft_world_fail(comm->world, comm->rank, WEFT_ERR_RANK_LOST,
                    "the thread of rank %d ended, or threw, inside call %llu, %s", comm->rank,
                    (unsigned long long)comm->calls, call);
    weft_wait_cause(comm->world);
    weft_wait_outside(comm);
    if (weft_requests_held(comm))
        weft_requests_leave(comm);
}

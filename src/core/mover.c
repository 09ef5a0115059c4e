// SPDX-License-Identifier: MIT
/* mover.c - each thread's list of the requests that it has started and that are in flight.
 *
 * A request may be finished by another thread, so the list has a lock, and lives until the thread has ended and the last of its requests has
 * finished. Locks are taken in the order handle, thread. Who goes from a thread's list to a handle pins the handle, lets the list go, and
 * then takes the handle's lock; a handle is freed when nobody pins it. */
#include "core/mover.h"

#include <stdlib.h>

static pthread_key_t key;
static pthread_once_t key_once = PTHREAD_ONCE_INIT;
static bool key_made;
_Thread_local struct weft_mover *weft_mover;

static void mover_free(struct weft_mover *mover)
{
    pthread_mutex_destroy(&mover->lock);
    free(mover);
}

static void thread_ends(void *mover_)
{
    struct weft_mover *mover = mover_;
    weft_mover = NULL;
    pthread_mutex_lock(&mover->lock);
    mover->gone = true;
    bool last = mover->first == NULL;
    pthread_mutex_unlock(&mover->lock);
    if (last)
        mover_free(mover);
}

static void make_key(void)
{
    key_made = pthread_key_create(&key, thread_ends) == 0;
}

struct weft_mover *weft_mover_mine(void)
{
    if (weft_mover != NULL)
        return weft_mover;
    pthread_once(&key_once, make_key);
    struct weft_mover *mover = calloc(1, sizeof *mover);
    if (mover == NULL)
        return NULL;
    pthread_mutex_init(&mover->lock, NULL);
    if (!key_made || pthread_setspecific(key, mover) != 0) {
        mover_free(mover);
        return NULL;
    }
    weft_mover = mover;
    return mover;
}

void weft_mover_forget(void)
{
    if (weft_mover == NULL)
        return;
    pthread_mutex_init(&weft_mover->lock, NULL); /* a thread that is not here may have held it */
    weft_mover->first = NULL;
    weft_mover->registered = NULL;
    /* N2, relaxed: there is no other thread. */
    atomic_store_explicit(&weft_mover->count, 0, memory_order_relaxed);
}

bool weft_requests_mine(void)
{
    /* N2, relaxed: only this thread raises it. */
    return weft_mover != NULL && atomic_load_explicit(&weft_mover->count, memory_order_relaxed) != 0;
}

void weft_mover_link(struct weft_mover *mover, struct weft_request *request)
{
    pthread_mutex_lock(&mover->lock);
    request->mover = mover;
    request->mover_previous = NULL;
    request->mover_next = mover->first;
    if (mover->first != NULL)
        mover->first->mover_previous = request;
    mover->first = request;
    /* N2, relaxed: as above; under the lock. */
    atomic_fetch_add_explicit(&mover->count, 1, memory_order_relaxed);
    pthread_mutex_unlock(&mover->lock);
}

void weft_mover_unlink(struct weft_request *request)
{
    struct weft_mover *mover = request->mover;
    if (mover == NULL)
        return;
    pthread_mutex_lock(&mover->lock);
    *(request->mover_previous != NULL ? &request->mover_previous->mover_next : &mover->first) = request->mover_next;
    if (request->mover_next != NULL)
        request->mover_next->mover_previous = request->mover_previous;
    /* N2, relaxed: as above; under the lock. */
    atomic_fetch_sub_explicit(&mover->count, 1, memory_order_relaxed);
    bool last = mover->gone && mover->first == NULL;
    pthread_mutex_unlock(&mover->lock);
    request->mover = NULL;
    if (last)
        mover_free(mover);
}

struct weft_comm *weft_mover_pin(struct weft_mover *mover, const struct weft_comm *last)
{
    struct weft_comm *comm = NULL;
    pthread_mutex_lock(&mover->lock);
    for (struct weft_request *each = mover->first; each != NULL && comm == NULL; each = each->mover_next) {
        if (each->pass == mover->pass)
            continue;
        each->pass = mover->pass;
        if (each->operation.comm != last)
            comm = each->operation.comm;
    }
    if (comm != NULL)
        /* N3, relaxed: the mover's lock orders it before the request leaves its list, and that comes before the look at it. */
        atomic_fetch_add_explicit(&comm->pins, 1, memory_order_relaxed);
    pthread_mutex_unlock(&mover->lock);
    return comm;
}

void weft_unpin(struct weft_comm *comm)
{
    /* N3, release: what this thread did with the handle is done before the handle is freed. */
    atomic_fetch_sub_explicit(&comm->pins, 1, memory_order_release);
}

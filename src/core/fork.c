// SPDX-License-Identifier: MIT
/* fork.c - a child by fork has the memory of its parent and one of its threads.
 *
 * The other ranks are not there, and what they held locked or half changed stays so. So the child's copies of all worlds fail with GROUP before
 * fork returns in it, and nothing but that status is looked at any more: handles are kept and not freed, requests end unmoved. The
 * process's own tables are used in both, for new communicators; their locks are taken before the fork, and released on both sides. After:
 * POSIX, pthread_atfork, rationale. */
#include "core/fork.h"

#include "core/departure.h"
#include "core/event.h"
#include "core/guard.h"
#include "core/mover.h"
#include "core/stall.h"
#include "core/trace.h"
#include "core/worlds.h"

#include <stdio.h>

bool weft_inherited_any;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static bool installed;
static struct weft_comm *kept; /* so that who looks for leaks finds them */

static void before(void)
{
    weft_departures_hold(true);
    pthread_mutex_lock(&lock);
    weft_events_hold(true);
    weft_guard_hold(true);
    weft_traces_hold(true);
    weft_log_hold(true);
    weft_worlds_hold(true);
}

static void after_in_parent(void)
{
    weft_worlds_hold(false);
    weft_log_hold(false);
    weft_traces_hold(false);
    weft_guard_hold(false);
    weft_events_hold(false);
    pthread_mutex_unlock(&lock);
    weft_departures_hold(false);
}

static void disown(struct weft_world *world, void *unused)
{
    (void)unused;
    struct weft_cause *cause = &world->cause;
    weft_inherited_any = true;
    snprintf(cause->text, sizeof cause->text,
             "it belongs to the process that this one (%llu) was forked off, and all its ranks are there",
             (unsigned long long)weft_process_id());
    cause->rank = -1;
    /* F3 and F2, relaxed: there is no other thread. */
    atomic_store_explicit(&cause->taken, 1, memory_order_relaxed);
    atomic_store_explicit(&cause->status, WEFT_ERR_GROUP, memory_order_relaxed);
    for (int rank = 0; rank < world->n_ranks; rank++)
        /* I4, relaxed: who was inside is not here. */
        atomic_store_explicit(&world->slots[rank].inside, 0, memory_order_relaxed);
}

static void after_in_child(void)
{
    weft_worlds_unread();
    weft_worlds_visit(disown, NULL);
    weft_mover_forget();
    weft_bound_forget();
    after_in_parent();
}

bool weft_fork_ready(void)
{
    pthread_mutex_lock(&lock);
    installed = installed || pthread_atfork(before, after_in_parent, after_in_child) == 0;
    bool ready = installed;
    pthread_mutex_unlock(&lock);
    return ready;
}

void weft_keep_inherited(weft_comm *comm)
{
    pthread_mutex_lock(&lock);
    comm->next_bound = kept;
    kept = comm;
    pthread_mutex_unlock(&lock);
}

void weft_disown_inherited(struct weft_request *const *requests, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct weft_request *request = requests[i];
        if (request == NULL || weft_request_finished(request) || !weft_is_inherited(request->operation.comm))
            continue;
        request->status = weft_call_refused(request->operation.comm, "a request");
        request->why = strdup(weft_last_error());
        weft_request_close(request);
    }
}

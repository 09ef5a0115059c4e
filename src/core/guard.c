// SPDX-License-Identifier: MIT
/* guard.c - see guard.h. A destroyed handle is kept in a ring of the last 1,024, and hangs by a world that is nobody's and has failed. After:
 * the quarantine of freed memory in AddressSanitizer (K. Serebryany et al., USENIX ATC 2012, section 3.2). */
#include "core/guard.h"

#include "core/record.h"

#include <stdlib.h>

enum { RETIRED = 1024 };

static _Thread_local char thread; /* its address is the thread's name */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static weft_comm *retired[RETIRED];
static unsigned next_retired;
static struct weft_world nobodys = {
    .name = "destroyed",
    .cause = {.taken = 1, .status = WEFT_ERR_ARGUMENT, .rank = -1, .text = "the handle was destroyed before"}};

uint32_t weft_guard_of_new(void)
{
#ifdef NDEBUG
    const char *wanted = getenv("WEFT_CHECK");
    return wanted != NULL && wanted[0] != 0 && strcmp(wanted, "0") != 0 ? WEFT_CHECKING : 0;
#else
    return WEFT_CHECKING;
#endif
}

uintptr_t weft_thread(void)
{
    return (uintptr_t)&thread;
}

/* The one that it is inside names the callback. */
static void refuse_callback(weft_comm *comm, const char *call)
{
    char inside[WEFT_CALL_TEXT] = "a call";
    comm->called_back = true;
    weft_record_read(comm->slot, comm->calls, false, inside, NULL);
    weft_error(WEFT_ERR_CALLBACK, call, comm, "a callback of %s may not call the communicator that it serves", inside);
}

enum weft_entry weft_guard_take(weft_comm *comm, const char *call)
{
    uintptr_t me = weft_thread(), owner = 0;
    uint32_t guarded = weft_guarded(comm);
    /* H1, relaxed: a thread sees what it has stored itself; another's name is never its own. */
    if (guarded & WEFT_CALLING && atomic_load_explicit(&comm->caller, memory_order_relaxed) == me) {
        refuse_callback(comm, call);
        return WEFT_REFUSED;
    }
    if (!(guarded & WEFT_CHECKING))
        return WEFT_WITHIN;
    /* H1, relaxed: not to order anything between threads that would not be ordered without checking. */
    if (atomic_compare_exchange_strong_explicit(&comm->owner, &owner, me, memory_order_relaxed, memory_order_relaxed))
        return WEFT_ENTERED;
    if (owner == me)
        return WEFT_WITHIN;
    weft_world_fail(comm->world, comm->rank, WEFT_ERR_ARGUMENT,
                    "%s by rank %d was refused: another thread was in a call on the same handle", call, comm->rank);
    weft_error(WEFT_ERR_ARGUMENT, call, comm, "another thread is in a call on this handle");
    return WEFT_REFUSED;
}

void weft_guard_give(weft_comm *comm)
{
    /* H1, relaxed: as above. */
    atomic_store_explicit(&comm->owner, 0, memory_order_relaxed);
}

void weft_callback_begin(weft_comm *comm)
{
    /* H1, relaxed: this thread alone compares the caller with itself. */
    atomic_store_explicit(&comm->caller, weft_thread(), memory_order_relaxed);
    atomic_store_explicit(&comm->guarded, weft_guarded(comm) | WEFT_CALLING, memory_order_relaxed);
}

bool weft_callback_end(weft_comm *comm)
{
    bool called_back = comm->called_back;
    comm->called_back = false;
    /* H1, relaxed: as above; one thread at a time makes callbacks for a handle. */
    atomic_store_explicit(&comm->guarded, weft_guarded(comm) & ~(uint32_t)WEFT_CALLING, memory_order_relaxed);
    return !called_back;
}

bool weft_handle_retired(const weft_comm *comm)
{
    return comm->world == &nobodys;
}

void weft_handle_retire(weft_comm *comm)
{
    if (!(weft_guarded(comm) & WEFT_CHECKING)) {
        weft_handle_free(comm);
        return;
    }
    comm->world = &nobodys;
    free(comm->grid_scratch);
    comm->grid_scratch = NULL;
    pthread_mutex_lock(&lock);
    weft_comm *oldest = retired[next_retired];
    retired[next_retired] = comm;
    next_retired = (next_retired + 1) % RETIRED;
    pthread_mutex_unlock(&lock);
    if (oldest != NULL)
        weft_handle_free(oldest);
}

void weft_guard_hold(bool hold)
{
    if (hold)
        pthread_mutex_lock(&lock);
    else
        pthread_mutex_unlock(&lock);
}

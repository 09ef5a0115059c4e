// SPDX-License-Identifier: MIT
/* request.h - operations that are in flight: begun and not finished, several on one handle.
 *
 * A request is an operation that nobody drives to its end at once. It takes its position, number, signature and gates when it is started,
 * in the order of the program, and is moved as far as it goes; after that, whoever waits moves it: by the handle, in any call that waits
 * on this communicator, and by the thread that started it, in whatever it waits for. Its algorithm is the function that serves the
 * blocking call. A handle's requests are moved under its lock, since the two may be different threads; without requests there is
 * nothing to guard, and the lock is not taken.
 *
 * A blocking call that finds requests in flight, or whose thread has some elsewhere, joins them as a request on the stack. */
#ifndef WEFT_CORE_REQUEST_H
#define WEFT_CORE_REQUEST_H

#include "core/operation.h"

struct weft_mover; /* a thread, as one that has started requests */

struct weft_request {
    struct weft_operation operation;
    struct weft_call call; /* that the operation points to, */
    void *reduction;       /* with room for a copy of its reduction */
    size_t reduction_bytes;
    weft_algorithm_move *move;
    bool (*came)(const struct weft_request *request); /* is what it waits for there? NULL: operation.until says */
    /* It has waited long, or its time is over: is there any hope? Not WEFT_OK: it ends with that. Where the communicator is to fail, fails it. */
    weft_status (*check)(struct weft_request *request, bool expired);
    /* The communicator has failed: what it ends with. Nobody is in its buffers then. */
    weft_status (*fail)(struct weft_request *request);
    uint32_t gates;
    bool waits;             /* operation.until says for what */
    int32_t noted;          /* 1 + the target that it waits for, as noted for reports; 0: not noted */
    const char *name;       /* the call of a message, NULL for a collective; */
    int tag;                /* and its tag */
    bool looked;            /* it was checked, */
    uint32_t departures;    /* when so many ranks had left */
    bool stalled;           /* it was warned of */
    uint64_t arrival, vain; /* for a trace, in weft_cycles: when it began, and was first asked after in vain */
    int64_t vain_ns;        /* when it was first asked after in vain */
    int64_t deadline_ns;
    int32_t counted; /* 1 + the target whose sleepers it is counted among; 0: none */
    struct weft_requests *list;
    struct weft_request *next, *previous; /* in the list, in order of start */
    struct weft_mover *mover;             /* who started it; NULL: it is on the stack of who waits, */
    uintptr_t waiter;                     /* which is this thread */
    struct weft_request *mover_next, *mover_previous;
    uint64_t pass;             /* of the mover that has seen it */
    weft_status status;        /* once it has finished, */
    char *why;                 /* with the sentence of a failure */
    _Atomic uint32_t finished; /* nobody but its owner touches it any more */
};

/* Are there any on this handle? */
WEFT_INLINE bool weft_in_flight(const weft_comm *comm)
{
    /* N1, acquire: pairs with N1 of the thread that finished the last one: what it left in the handle is visible. */
    return atomic_load_explicit(&comm->in_flight, memory_order_acquire) != 0;
}

/* What weft_perform leaves out of line: begins comm->starting, which has been allocated, and returns; performs a blocking call beside
 * those in flight; or one of which a trace is kept. */
WEFT_COLD weft_status weft_perform_among(weft_comm *comm, const struct weft_call *call, weft_algorithm_move *move,
                                         uint32_t lines, uint32_t gates, bool symmetric);

/* Is there memory for the calling thread to start requests? */
bool weft_requests_ready(void);
void weft_requests_lock(weft_comm *comm);
void weft_requests_unlock(weft_comm *comm);
/* Has the calling thread the lock? Asked where it may be in a callback. */
bool weft_requests_held(const weft_comm *comm);
/* Puts it on the list, under the lock, and moves it a first time. Its operation and functions are set. stays: it outlives the call. */
void weft_request_add(weft_comm *comm, struct weft_request *request, struct weft_requests *list, bool stays);
/* Takes it off the handle, and lets its owner see that it has finished. */
void weft_request_finish(struct weft_request *request, weft_status status);

/* It had nothing to do. */
void weft_request_close(struct weft_request *request);
/* Has it finished? Then its status may be taken, and it is nobody else's. */
bool weft_request_finished(const struct weft_request *request);
/* Its status; sets the thread's last error where it failed, and frees what belongs to it but not the request. */
weft_status weft_request_take(struct weft_request *request);

/* Moves all requests of those handles, and of all that the thread has started: once. True: something went on. */
bool weft_requests_move(struct weft_request *const *requests, size_t count, bool hurry);
/* Looks after those that have waited for long: timeouts, lost ranks, disagreement; where the caller waits for them, warns of a stall.
 * Returns when such a warning is due. */
int64_t weft_requests_check(struct weft_request *const *requests, size_t count, int64_t now_ns, bool waits);

/* Before a sleep on `event` that any of them may end. False: there is no reason to sleep, or no memory for it. */
bool weft_requests_register(struct weft_request *const *requests, size_t count, struct weft_event *event,
                            int64_t *deadline_ns);
void weft_requests_unregister(void);

/* `check` of a collective. */
weft_status weft_check_collective(struct weft_request *request, bool expired);
/* Has the calling thread started any that are in flight? */
bool weft_requests_mine(void);

/* The calling thread, which has the lock, ends in a callback: what stands on its stack is over, and it lets go of the lock, and of the handle if it
 * came from elsewhere. The communicator has failed. */
void weft_requests_leave(weft_comm *comm);
/* The thread that the handle is bound to has ended: its requests fail the communicator, and stay. */
void weft_requests_abandon(weft_comm *comm);
/* The handle is going: all end, with RANK_LOST if not before. */
void weft_requests_end(weft_comm *comm);

#endif

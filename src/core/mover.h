// SPDX-License-Identifier: MIT
/* mover.h - a thread, as one that has started requests: it moves them whatever it waits for. */
#ifndef WEFT_CORE_MOVER_H
#define WEFT_CORE_MOVER_H

#include "core/request.h"

struct weft_mover {
    pthread_mutex_t lock;
    struct weft_request *first;   /* started by this thread and in flight; under lock, as all that is not its own */
    _Atomic uint32_t count;       /* of them */
    bool gone;                    /* the thread has ended */
    uint64_t pass;                /* of this thread over its requests */
    struct weft_event *event;     /* that it sleeps on */
    struct weft_comm *registered; /* handles that it sleeps for; its own */
    struct weft_comm *visited;    /* the handle that it has pinned and moves; its own */
};

/* The calling thread's own; NULL: it has none yet. */
extern _Thread_local struct weft_mover *weft_mover;
/* The same, made when there is none; NULL: no memory. */
struct weft_mover *weft_mover_mine(void);

/* In a child by fork: what this thread had started is none of its business any more. */
void weft_mover_forget(void);

/* The request, in flight, is among those of the thread; and no longer, whichever thread says so. */
void weft_mover_link(struct weft_mover *mover, struct weft_request *request);
void weft_mover_unlink(struct weft_request *request);

/* The next handle but `last` on which the thread has started something that this pass has not seen; pinned. NULL: no more. */
struct weft_comm *weft_mover_pin(struct weft_mover *mover, const struct weft_comm *last);
void weft_unpin(struct weft_comm *comm);

#endif

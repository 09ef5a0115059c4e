// SPDX-License-Identifier: MIT
/* fork.h - what becomes of communicators in a child by fork: they have failed there, with GROUP. The parent goes on. */
#ifndef WEFT_CORE_FORK_H
#define WEFT_CORE_FORK_H

#include "core/failure.h"
#include "core/request.h"

/* This process was forked off one that had communicators. Set before it has a second thread. */
extern bool weft_inherited_any;

/* Installs the handlers; false: no memory. Whatever else is to be locked while the process forks is locked after this by handlers of its own,
 * installed later, since those run first. */
bool weft_fork_ready(void);

/* Was this communicator made by the process that this one was forked off? Its locks may be held by threads that are not here. */
WEFT_INLINE bool weft_is_inherited(const weft_comm *comm)
{
    return weft_unlikely(weft_world_status(comm->world) == WEFT_ERR_GROUP);
}

/* Instead of freeing a handle whose parts other threads may have held half changed. */
void weft_keep_inherited(weft_comm *comm);
/* Ends those that are on inherited communicators. */
WEFT_COLD void weft_disown_inherited(struct weft_request *const *requests, size_t count);

#endif

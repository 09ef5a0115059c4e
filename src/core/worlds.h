// SPDX-License-Identifier: MIT
/* worlds.h - all communicators of the process, for those who report on them: to be walked at any time, also in a signal handler. */
#ifndef WEFT_CORE_WORLDS_H
#define WEFT_CORE_WORLDS_H

#include "core/world.h"

/* From now on the world is among them, and has a serial number. False: no memory. */
bool weft_worlds_add(struct weft_world *world);
/* No longer; returns when nobody looks at it any more. */
void weft_worlds_remove(struct weft_world *world);

/* While the process forks; in the child then, where nobody reads. */
void weft_worlds_hold(bool hold);
void weft_worlds_unread(void);

/* Each world that is there. It stays while it is visited; takes no lock and does not wait. */
void weft_worlds_visit(void (*visit)(struct weft_world *world, void *arg), void *arg);

#endif

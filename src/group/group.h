// SPDX-License-Identifier: MIT
/* group.h - how ranks find each other, and how communicators come from communicators. */
#ifndef WEFT_GROUP_GROUP_H
#define WEFT_GROUP_GROUP_H

#include "core/world.h"

/* Makes dup (all ranks one color) and split: `collective` names the call in messages. */
weft_status weft_comm_derive(weft_comm *comm, enum weft_collective collective, int color, int key, weft_comm **out);

#endif

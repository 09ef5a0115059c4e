// SPDX-License-Identifier: MIT
/* group.h - how ranks find each other, and how communicators come from communicators. */
#ifndef WEFT_GROUP_GROUP_H
#define WEFT_GROUP_GROUP_H

#include "core/world.h"

/* weft_group_id_create and weft_comm_create, for a call of another name. */
weft_status weft_group_create(const char *call, weft_group_id *id);
weft_status weft_group_join(const char *call, const weft_group_id *id, int n_ranks, int rank, const weft_config *config,
                            weft_comm **comm);

/* Makes dup (all ranks one color) and splits: `collective` names the call in messages. Ranks must agree on `domain`, a
 * weft_domain or 0. */
weft_status weft_comm_derive(weft_comm *comm, enum weft_collective collective, int domain, int color, int key,
                             weft_comm **out);

/* What a communicator hands on to one made from it: its settings, but for `parent`, and to a rank's new handle those of the old one. */
struct weft_world_config weft_world_config_of(const struct weft_world *from);
void weft_handle_attach_from(const struct weft_comm *from, struct weft_comm *made, struct weft_world *world, int rank);

/* The living ranks agree on a new communicator, whatever has become of this one. */
weft_status weft_comm_shrink_perform(weft_comm *comm, weft_comm **out);

#endif

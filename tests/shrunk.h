// SPDX-License-Identifier: MIT
/* shrunk.h - what weft_comm_shrink has made, looked at. */
#ifndef SHRUNK_H
#define SHRUNK_H

#include <stdbool.h>

#include <weft/weft.h>

enum { SHRUNK_MOST = 64 }; /* ranks */

/* Called by all its ranks: the communicator works, and is that of those ranks of the old one that are `expected`, in order. */
void check_shrunk(weft_comm *comm, int old_rank, const bool *expected, int n_old);

#endif

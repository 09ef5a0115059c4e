// SPDX-License-Identifier: MIT
/* patience.h - whether yielding gives time slices to somebody foreign, and for how long to sleep instead. */
#ifndef WEFT_CORE_PATIENCE_H
#define WEFT_CORE_PATIENCE_H

#include "core/world.h"

void weft_patience_setup(weft_comm *comm);
/* The rank has yielded so many times since begin_ns. */
void weft_patience_note(weft_comm *comm, int64_t begin_ns, int yields);

#endif

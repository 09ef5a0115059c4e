// SPDX-License-Identifier: MIT
/* call.h - the description of one call: filled in by the API, read by all below, never changed on the way. */
#ifndef WEFT_CORE_CALL_H
#define WEFT_CORE_CALL_H

#include "platform/platform.h"

#include <assert.h>
#include <weft/weft.h>

enum weft_collective {
#define WEFT_COLLECTIVE(name, elements, reduces, root) WEFT_COLLECTIVE_##name,
#include "lists/collectives.def"
#undef WEFT_COLLECTIVE
    WEFT_COLLECTIVES
};

struct weft_reduction;

struct weft_call {
    enum weft_collective collective;
    int root;         /* where there is none: what else the ranks must agree on, see collectives.def */
    const void *send; /* in place is resolved: send is where the input stands */
    void *recv;
    size_t count; /* on which all ranks agree; 0 where each knows its own part alone */
    size_t bytes; /* count * type->size */
    const weft_type *type;
    const weft_op *op;
    const struct weft_reduction *reduction; /* of what reduces */
    bool nonblocking;                       /* of an operation in flight */
    uint32_t shape;                         /* hash of what must agree between ranks besides count and root */
    int8_t type_index, op_index;            /* -1: a user's */
    bool idle;                              /* weft_sync(comm, true): sleeps at once, without timeout */
    /* Where blocks differ: elements to or from each rank, and where they begin. NULL: `count` each, one behind the other. */
    const size_t *send_counts, *send_offsets, *recv_counts, *recv_offsets;
    size_t own_count; /* elements that this rank gives in gatherv, or gets in scatterv */
};

/* A call of which the rest is not said yet. Member by member: to clear a struct of this size compilers use a string instruction, which is
 * slow to begin. */
WEFT_INLINE struct weft_call weft_call_of(enum weft_collective collective, int root, const void *send, void *recv)
{
    struct weft_call call;
    call.collective = collective;
    call.root = root;
    call.send = send;
    call.recv = recv;
    call.count = 0;
    call.bytes = 0;
    call.type = NULL;
    call.op = NULL;
    call.reduction = NULL;
    call.nonblocking = false;
    call.shape = 0;
    call.type_index = 0;
    call.op_index = 0;
    call.idle = false;
    call.send_counts = NULL;
    call.send_offsets = NULL;
    call.recv_counts = NULL;
    call.recv_offsets = NULL;
    call.own_count = 0;
    return call;
}
static_assert(sizeof(void *) != 8 || sizeof(struct weft_call) == 120, "weft_call_of sets each member, also a new one");

#endif

// SPDX-License-Identifier: MIT
/* check.c - the sentences with which calls refuse. */
#include "api/check.h"

#include "core/fork.h"
#include "core/wait.h"

#include <stdarg.h>
#include <stdio.h>

weft_status weft_refuse(weft_comm *comm, weft_status status, const char *call, const char *format, ...)
{
    char why[400], name[64];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(why, sizeof why, format, arguments);
    va_end(arguments);
    if (comm->starting != NULL &&
        strncmp(call, "weft_i", 6) != 0) { /* the nonblocking form, which asks the blocking one */
        snprintf(name, sizeof name, "weft_i%s", call + strlen("weft_"));
        call = name;
    }
    weft_world_fail(comm->world, comm->rank, status, "%s by rank %d was refused: %s", call, comm->rank, why);
    weft_wait_cause(comm->world); /* another rank's may be the first, and half written */
    return weft_error(status, call, comm, "%s", why);
}

weft_status weft_refuse_handle(const weft_comm *comm, const char *call)
{
    if (comm == NULL)
        return weft_error(WEFT_ERR_ARGUMENT, call, NULL, "comm is NULL");
    weft_world_inherit(comm->world);
    return weft_call_refused(comm, call);
}

const struct weft_reduction_guard weft_op_guard = {weft_callback_begin, weft_callback_end, weft_handle_abandon};

enum weft_entry weft_enter(weft_comm *comm, const char *call, bool failed)
{
    enum weft_entry entry = WEFT_WITHIN;
    if (comm == NULL || weft_is_inherited(comm)) {
        weft_refuse_handle(comm, call);
        return WEFT_REFUSED;
    }
    if (weft_handle_retired(comm)) {
        weft_error(WEFT_ERR_ARGUMENT, call, NULL, "the handle was destroyed before");
        return WEFT_REFUSED;
    }
    if ((entry = weft_guard_take(comm, call)) == WEFT_REFUSED || failed || weft_healthy(comm))
        return entry;
    if (entry == WEFT_ENTERED)
        weft_guard_give(comm);
    weft_refuse_handle(comm, call);
    return WEFT_REFUSED;
}

weft_status weft_leave(weft_comm *comm, weft_status status)
{
    weft_guard_give(comm);
    return status;
}

weft_status weft_refuse_elements(weft_comm *comm, const char *call, size_t count, const weft_type *type, size_t blocks)
{
    if (type == NULL)
        return weft_refuse(comm, WEFT_ERR_ARGUMENT, call, "type is NULL");
    if (type->name == NULL)
        return weft_refuse(comm, WEFT_ERR_ARGUMENT, call, "the type has no name");
    if (type->size == 0)
        return weft_refuse(comm, WEFT_ERR_ARGUMENT, call, "type %s has size 0", type->name);
    if (type->copy == NULL && (type->serialized_size != NULL || type->serialize != NULL || type->deserialize != NULL))
        return weft_refuse(comm, WEFT_ERR_ARGUMENT, call, "type %s has serialise functions but no copy function",
                           type->name);
    if (blocks == 1)
        return weft_refuse(comm, WEFT_ERR_ARGUMENT, call, "count is %zu; that many elements of %zu bytes overflow",
                           count, type->size);
    return weft_refuse(comm, WEFT_ERR_ARGUMENT, call,
                       "count is %zu; that many elements of %zu bytes from each of %zu ranks overflow", count,
                       type->size, blocks);
}

weft_status weft_check_counts(weft_comm *comm, const char *call, const char *what, const size_t *counts, size_t *total)
{
    size_t sum = 0;
    if (counts == NULL)
        return weft_refuse(comm, WEFT_ERR_ARGUMENT, call, "%s is NULL", what);
    for (int rank = 0; rank < comm->n_ranks; rank++)
        if (__builtin_add_overflow(sum, counts[rank], &sum))
            return weft_refuse(comm, WEFT_ERR_ARGUMENT, call, "the sum of %s overflows at %s[%d], %zu", what, what,
                               rank, counts[rank]);
    *total = sum;
    return WEFT_OK;
}

/* Each number is mixed for itself (as in splitmix64) and with its place, so that they need not wait for one another. */
static uint64_t mix(uint64_t number, uint64_t place)
{
    uint64_t mixed = number + place * 0x9e3779b97f4a7c15u;
    mixed = (mixed ^ mixed >> 30) * 0xbf58476d1ce4e5b9u;
    mixed = (mixed ^ mixed >> 27) * 0x94d049bb133111ebu;
    return mixed ^ mixed >> 31;
}

uint32_t weft_hash_blocks(const size_t *counts, const size_t *offsets, int n_ranks)
{
    uint64_t sum = 0;
    for (int rank = 0; rank < n_ranks; rank++) {
        sum += mix(counts[rank], 2 * (uint64_t)rank + 1);
        if (offsets != NULL)
            sum += mix(offsets[rank], 2 * (uint64_t)rank + 2);
    }
    return (uint32_t)(sum ^ sum >> 32);
}

weft_status weft_refuse_op(weft_comm *comm, const char *call, const weft_type *type, const weft_op *op)
{
    if (type->copy != NULL)
        return weft_refuse(comm, WEFT_ERR_UNSUPPORTED, call, "type %s has a copy function; reductions take plain types",
                           type->name);
    if (weft_op_index(op) < 0)
        return weft_refuse(comm, WEFT_ERR_UNSUPPORTED, call, "op %s has no combine function", op->name);
    return weft_refuse(comm, WEFT_ERR_UNSUPPORTED, call, "op %s is not defined for type %s%s", op->name, type->name,
                       weft_type_index(type) < 0 ? ", which is not built in" : "");
}

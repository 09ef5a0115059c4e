// SPDX-License-Identifier: MIT
/* check.c - the sentences with which calls refuse. */
#include "api/check.h"

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
    return weft_error(status, call, comm, "%s", why);
}

weft_status weft_refuse_handle(const weft_comm *comm, const char *call)
{
    if (comm == NULL)
        return weft_error(WEFT_ERR_ARGUMENT, call, NULL, "comm is NULL");
    weft_world_inherit(comm->world);
    return weft_call_refused(comm, call);
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

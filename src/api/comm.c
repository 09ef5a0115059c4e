// SPDX-License-Identifier: MIT
/* comm.c - the calls on handles that are no collectives, and those that make handles from handles. */
#include "api/check.h"
#include "core/departure.h"
#include "core/fork.h"
#include "core/report.h"
#include "group/group.h"

#include <errno.h>

#define TEXT_(x) #x
#define TEXT(x) TEXT_(x)

const char *weft_version(void)
{
    return TEXT(WEFT_VERSION_MAJOR) "." TEXT(WEFT_VERSION_MINOR) "." TEXT(WEFT_VERSION_PATCH);
}

weft_status weft_comm_destroy(weft_comm *comm)
{
    if (comm == NULL)
        return WEFT_OK;
    if (weft_unlikely(weft_guarded(comm) != 0) && !weft_is_inherited(comm) &&
        weft_enter(comm, "weft_comm_destroy", true) == WEFT_REFUSED)
        return weft_last_status();
    weft_handle_detach(comm, WEFT_DESTROYED);
    return WEFT_OK;
}

weft_status weft_comm_bind_thread(weft_comm *comm)
{
    WEFT_HANDLE_FAILED_TOO("weft_comm_bind_thread", weft_comm_bind_thread(comm));
    if (weft_is_inherited(comm))
        return weft_refuse_handle(comm, "weft_comm_bind_thread");
    return weft_handle_bind(comm, "weft_comm_bind_thread");
}

weft_status weft_comm_set_timeout(weft_comm *comm, int64_t timeout_ns)
{
    WEFT_HANDLE_FAILED_TOO("weft_comm_set_timeout", weft_comm_set_timeout(comm, timeout_ns));
    if (timeout_ns < 0)
        return weft_error(WEFT_ERR_ARGUMENT, "weft_comm_set_timeout", comm,
                          "timeout_ns is %lld, expected 0, for ever, or more", (long long)timeout_ns);
    comm->timeout_ns = timeout_ns;
    return WEFT_OK;
}

int weft_comm_rank(const weft_comm *comm)
{
    return comm != NULL ? comm->rank : -1;
}

int weft_comm_size(const weft_comm *comm)
{
    return comm != NULL ? comm->n_ranks : -1;
}

bool weft_comm_same_process(const weft_comm *comm)
{
    return comm != NULL; /* there is no transport between processes yet */
}

weft_status weft_comm_status(const weft_comm *comm)
{
    return comm != NULL ? weft_world_inherit(comm->world) : WEFT_ERR_ARGUMENT;
}

weft_status weft_comm_dup(weft_comm *comm, weft_comm **out)
{
    WEFT_HANDLE("weft_comm_dup", weft_comm_dup(comm, out));
    if (out == NULL)
        return weft_refuse(comm, WEFT_ERR_ARGUMENT, "weft_comm_dup", "out is NULL");
    return weft_comm_derive(comm, WEFT_COLLECTIVE_dup, 0, 0, comm->rank, out);
}

weft_status weft_comm_split(weft_comm *comm, int color, int key, weft_comm **out)
{
    WEFT_HANDLE("weft_comm_split", weft_comm_split(comm, color, key, out));
    if (out == NULL)
        return weft_refuse(comm, WEFT_ERR_ARGUMENT, "weft_comm_split", "out is NULL");
    if (color < 0 && color != WEFT_NO_COLOR)
        return weft_refuse(comm, WEFT_ERR_ARGUMENT, "weft_comm_split",
                           "color is %d, expected WEFT_NO_COLOR, or 0 or more", color);
    return weft_comm_derive(comm, WEFT_COLLECTIVE_split, 0, color, key, out);
}

weft_status weft_comm_split_by(weft_comm *comm, weft_domain domain, int key, weft_comm **out)
{
    const char *name = "weft_comm_split_by";
    char why[300] = "";
    int color = 0; /* all ranks live in one process */
    WEFT_HANDLE(name, weft_comm_split_by(comm, domain, key, out));
    if (out == NULL)
        return weft_refuse(comm, WEFT_ERR_ARGUMENT, name, "out is NULL");
    if ((int)domain < WEFT_DOMAIN_PROCESS || domain > WEFT_DOMAIN_CORE)
        return weft_refuse(comm, WEFT_ERR_ARGUMENT, name, "domain is %d, no weft_domain", (int)domain);
    if (domain != WEFT_DOMAIN_PROCESS) {
        enum weft_vicinity vicinity = domain == WEFT_DOMAIN_NUMA ? WEFT_VICINITY_NUMA
                                      : domain == WEFT_DOMAIN_L3 ? WEFT_VICINITY_L3
                                                                 : WEFT_VICINITY_CORE;
        color = weft_topology_vicinity(vicinity, comm->place, why, sizeof why);
    }
    if (color < 0)
        return weft_refuse(comm, WEFT_ERR_SYSTEM, name, "%s", why);
    return weft_comm_derive(comm, WEFT_COLLECTIVE_split_by, (int)domain, color, key, out);
}

weft_status weft_comm_shrink(weft_comm *comm, weft_comm **out)
{
    WEFT_HANDLE_FAILED_TOO("weft_comm_shrink", weft_comm_shrink(comm, out));
    if (weft_is_inherited(comm))
        return weft_refuse_handle(comm, "weft_comm_shrink");
    if (out == NULL)
        return weft_refuse(comm, WEFT_ERR_ARGUMENT, "weft_comm_shrink", "out is NULL");
    return weft_comm_shrink_perform(comm, out);
}

weft_status weft_comm_abort(weft_comm *comm, const char *reason)
{
    if (comm == NULL)
        return weft_refuse_handle(comm, "weft_comm_abort");
    if (weft_handle_retired(comm))
        return WEFT_ERR_ARGUMENT; /* no sentence: this may be a signal handler */
    int error = errno;            /* as the interrupted thread had it, where this is a signal handler */
    weft_world_abort(comm->world, comm->rank, reason);
    errno = error;
    return WEFT_OK;
}

static bool write_stream(void *stream, const char *text, size_t bytes)
{
    return fwrite(text, 1, bytes, stream) == bytes;
}

weft_status weft_comm_report(const weft_comm *comm, FILE *out)
{
    const char *name = "weft_comm_report";
    if (comm == NULL)
        return weft_refuse_handle(comm, name);
    if (out == NULL)
        return weft_error(WEFT_ERR_ARGUMENT, name, comm, "out is NULL");
    struct weft_report report = {.write = write_stream, .to = out};
    weft_report_world(&report, comm->world);
    if (report.failed || fflush(out) != 0)
        return weft_error(WEFT_ERR_SYSTEM, name, comm, "the report cannot be written: %s", strerror(errno));
    return WEFT_OK;
}

bool weft_op_supports(const weft_op *op, const weft_type *type)
{
    struct weft_reduction reduction;
    return op != NULL && type != NULL && weft_reduction_init(&reduction, type, op, 1);
}

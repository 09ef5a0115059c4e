// SPDX-License-Identifier: MIT
/* stall.h - the log hook of the embedding program, and the warning of an operation that takes very long. */
#ifndef WEFT_CORE_STALL_H
#define WEFT_CORE_STALL_H

#include "core/operation.h"

/* Hands a text to the hook, if there is one. */
WEFT_COLD void weft_log(const char *text);

/* When an operation that began to wait at begin_ns is to be warned of; INT64_MAX: never. */
WEFT_COLD int64_t weft_stall_due(const struct weft_operation *operation, int64_t begin_ns);
/* Warns of it, unless another rank has done so for this collective. number 0: a message, of the call named. */
WEFT_COLD void weft_stall_warn(const weft_comm *comm, uint64_t number, const char *message, int64_t waited_ns);

struct weft_request;
/* The same for the first of those requests that has not finished, which its rank waits for; notes it for reports, too. waits: warn. Returns
 * when a warning is due; INT64_MAX: none is. */
int64_t weft_requests_tell(struct weft_request *const *requests, size_t count, int64_t now_ns, bool waits);

void weft_log_hold(bool hold); /* while the process forks */

#endif

// SPDX-License-Identifier: MIT
/* request.h - how a nonblocking call begins and ends. */
#ifndef WEFT_API_REQUEST_H
#define WEFT_API_REQUEST_H

#include "core/request.h"

/* A request of `bytes` bytes that is not started; NULL: the call is refused, and the last error says why. `fails`: so does the communicator. */
struct weft_request *weft_request_new(weft_comm *comm, const char *call, struct weft_request **out, size_t bytes,
                                      bool fails);

/* What the call gives back: its request, begun or finished already, or the failure. */
weft_status weft_request_begun(struct weft_request *request, struct weft_request **out, weft_status status);

#endif

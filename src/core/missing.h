// SPDX-License-Identifier: MIT
/* missing.h - who has not come to a call: ranks that are late, and ranks that are gone. Asked by a rank that has waited for long. */
#ifndef WEFT_CORE_MISSING_H
#define WEFT_CORE_MISSING_H

#include "core/operation.h"

/* Has somebody left without whom the operation does not end? */
WEFT_COLD bool weft_somebody_lost(const struct weft_operation *operation);
/* Fails the communicator because of him. */
WEFT_COLD weft_status weft_fail_lost(const struct weft_operation *operation);
/* Fails it because this rank's time is over: says who is late, and what he was seen doing. */
WEFT_COLD weft_status weft_fail_timeout(const struct weft_operation *operation);

#endif

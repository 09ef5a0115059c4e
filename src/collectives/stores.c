// SPDX-License-Identifier: MIT
/* stores.c - remembers, for each class of sizes, what the two ways took of late; of 64 operations four go the other way. */
#include "collectives/stores.h"

enum {
    LEAST_SHIFT = 21, /* 2 MiB: below, caches always win, */
    COPY_BYTES =
        32 << 20, /* and for copies below this: 2 ranks' allgather of 4 MiB took 3 % longer, of 16 MiB 12 % less */
    USUALLY_BYTES = 4 << 20, /* from here on streaming is tried first */
    PERIOD = 64,             /* operations between two trials */
    TRIAL = 4,               /* operations of a trial */
    SETTLED = 2              /* after so many the caches hold what this way leaves there */
};

static int class_of(enum weft_stores_use use, size_t bytes)
{
    if (bytes >> LEAST_SHIFT == 0 || (use == WEFT_STORES_COPY && bytes < COPY_BYTES))
        return -1;
    int class = 63 - __builtin_clzll((unsigned long long)(bytes >> LEAST_SHIFT));
    return class < WEFT_STORE_CLASSES ? class : WEFT_STORE_CLASSES - 1;
}

/* Trials come early, and then once a period. */
static uint32_t place(const struct weft_stores *stores)
{
    return stores->operations % PERIOD;
}

static bool on_trial(const struct weft_stores *stores)
{
    return place(stores) >= TRIAL && place(stores) < 2 * TRIAL;
}

bool weft_stores_stream(const weft_comm *comm, enum weft_stores_use use, size_t bytes)
{
    int class = class_of(use, bytes);
    if (class < 0)
        return false;
    const struct weft_stores *stores = &comm->stores[use][class];
    bool known = stores->ns_per_mib[0] > 0 && stores->ns_per_mib[1] > 0;
    bool stream = known ? stores->ns_per_mib[1] < stores->ns_per_mib[0] : bytes >= USUALLY_BYTES;
    return stream != on_trial(stores);
}

int64_t weft_stores_begin(enum weft_stores_use use, size_t bytes)
{
    return class_of(use, bytes) < 0 ? 0 : weft_now_ns();
}

void weft_stores_note(weft_comm *comm, enum weft_stores_use use, size_t bytes, int64_t begun_ns)
{
    int class = class_of(use, bytes);
    if (class < 0)
        return;
    struct weft_stores *stores = &comm->stores[use][class];
    double taken = (double)(weft_now_ns() - begun_ns) * (1 << 20) / (double)bytes,
           *known = &stores->ns_per_mib[weft_stores_stream(comm, use, bytes)];
    if (place(stores) % TRIAL >= SETTLED)
        *known = *known == 0 || taken < *known ? taken : *known + (taken - *known) / 8;
    stores->operations++;
}

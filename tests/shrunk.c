// SPDX-License-Identifier: MIT
/* shrunk.c - see shrunk.h. */
#include "shrunk.h"

#include "cases.h"

void check_shrunk(weft_comm *comm, int old_rank, const bool *expected, int n_old)
{
    int ranks[SHRUNK_MOST], n = 0;
    for (int rank = 0; rank < n_old; rank++)
        n += expected[rank];
    if (!CHECK(weft_comm_size(comm) == n, "%d ranks, expected %d", weft_comm_size(comm), n))
        return;
    CHECK_OK(weft_comm_status(comm));
    CHECK_OK(weft_allgather(comm, &old_rank, ranks, 1, WEFT_INT32));
    for (int rank = 0, at = 0; rank < n_old; rank++)
        if (expected[rank] &&
            CHECK(at < n && ranks[at] == rank, "place %d: old rank %d, expected %d", at, ranks[at], rank))
            at++;
}

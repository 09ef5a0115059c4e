// SPDX-License-Identifier: MIT
/* blocking.c - see blocking.h. */
#include "blocking.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { LONG = 30000, MOST_RANKS = 8, TAG = 3, LATE_US = 3000, TIMEOUT_NS = 50000000 };

void (*blocking_begins)(int rank), (*blocking_ends)(int rank);

/* ---- The calls */

static int last_rank(const weft_comm *comm)
{
    return weft_comm_size(comm) - 1;
}

static weft_status barrier(weft_comm *comm)
{
    return weft_barrier(comm);
}

static weft_status sync(weft_comm *comm)
{
    return weft_sync(comm, false);
}

static weft_status idle_sync(weft_comm *comm)
{
    return weft_sync(comm, true);
}

static weft_status broadcast(weft_comm *comm)
{
    int value = weft_comm_rank(comm) == last_rank(comm) ? 7 : 0;
    weft_status status = weft_broadcast(comm, &value, 1, WEFT_INT32, last_rank(comm));
    CHECK(status != WEFT_OK || value == 7, "%d", value);
    return status;
}

static weft_status scatter(weft_comm *comm)
{
    int values[MOST_RANKS], mine = -1;
    for (int r = 0; r < MOST_RANKS; r++)
        values[r] = r;
    weft_status status = weft_scatter(comm, values, &mine, 1, WEFT_INT32, last_rank(comm));
    CHECK(status != WEFT_OK || mine == weft_comm_rank(comm), "%d", mine);
    return status;
}

static weft_status allreduce_of(weft_comm *comm, int count)
{
    int n = weft_comm_size(comm), *data = test_alloc((size_t)count * sizeof *data);
    for (int i = 0; i < count; i++)
        data[i] = weft_comm_rank(comm) + i;
    weft_status status = weft_allreduce(comm, WEFT_IN_PLACE, data, (size_t)count, WEFT_INT32, WEFT_SUM);
    for (int i = 0; i < count && status == WEFT_OK; i++)
        if (!CHECK(data[i] == n * (n - 1) / 2 + n * i, "element %d is %d", i, data[i]))
            break;
    free(data);
    return status;
}

static weft_status allreduce(weft_comm *comm)
{
    return allreduce_of(comm, 2);
}

static weft_status long_allreduce(weft_comm *comm)
{
    return allreduce_of(comm, LONG);
}

static weft_status allgather(weft_comm *comm)
{
    int mine = weft_comm_rank(comm), all[MOST_RANKS] = {0};
    weft_status status = weft_allgather(comm, &mine, all, 1, WEFT_INT32);
    CHECK(status != WEFT_OK || all[last_rank(comm)] == last_rank(comm), "%d", all[last_rank(comm)]);
    return status;
}

static weft_status alltoall(weft_comm *comm)
{
    int send[MOST_RANKS], recv[MOST_RANKS] = {0};
    for (int r = 0; r < MOST_RANKS; r++)
        send[r] = 10 * weft_comm_rank(comm) + r;
    weft_status status = weft_alltoall(comm, send, recv, 1, WEFT_INT32);
    CHECK(status != WEFT_OK || recv[last_rank(comm)] == 10 * last_rank(comm) + weft_comm_rank(comm), "%d",
          recv[last_rank(comm)]);
    return status;
}

static weft_status dup(weft_comm *comm)
{
    weft_comm *made = NULL;
    weft_status status = weft_comm_dup(comm, &made);
    CHECK_OK(weft_comm_destroy(made));
    return status;
}

static weft_status split(weft_comm *comm)
{
    weft_comm *made = NULL;
    weft_status status = weft_comm_split(comm, weft_comm_rank(comm) % 2, 0, &made);
    CHECK_OK(weft_comm_destroy(made));
    return status;
}

static weft_status shrink(weft_comm *comm)
{
    weft_comm *made = NULL;
    weft_status status = weft_comm_shrink(comm, &made);
    CHECK(status != WEFT_OK || weft_comm_size(made) == weft_comm_size(comm), "%d", weft_comm_size(made));
    CHECK_OK(weft_comm_destroy(made));
    return status;
}

/* Messages from the last rank to all others, or from all others to it. */
static weft_status send_to_others(weft_comm *comm)
{
    weft_status status = WEFT_OK;
    for (int r = 0; r < last_rank(comm) && status == WEFT_OK; r++)
        status = weft_send(comm, &r, 1, WEFT_INT32, r, TAG);
    return status;
}

static weft_status receive_own(weft_comm *comm)
{
    int value = -1;
    weft_status status = weft_recv(comm, &value, 1, WEFT_INT32, last_rank(comm), TAG, NULL);
    CHECK(status != WEFT_OK || value == weft_comm_rank(comm), "%d", value);
    return status;
}

static weft_status recv(weft_comm *comm)
{
    return weft_comm_rank(comm) == last_rank(comm) ? send_to_others(comm) : receive_own(comm);
}

static weft_status probe(weft_comm *comm)
{
    if (weft_comm_rank(comm) == last_rank(comm))
        return send_to_others(comm);
    weft_message message;
    weft_status status = weft_probe(comm, WEFT_ANY_SOURCE, TAG, &message);
    return status != WEFT_OK ? status : receive_own(comm);
}

static weft_status long_send(weft_comm *comm)
{
    int rank = weft_comm_rank(comm), *data = test_alloc(LONG * sizeof *data);
    weft_status status = WEFT_OK;
    for (int i = 0; i < LONG; i++)
        data[i] = rank + i;
    if (rank < last_rank(comm))
        status = weft_send(comm, data, LONG, WEFT_INT32, last_rank(comm), TAG);
    for (int r = 0; rank == last_rank(comm) && r < rank && status == WEFT_OK; r++) {
        status = weft_recv(comm, data, LONG, WEFT_INT32, r, TAG, NULL);
        CHECK(status != WEFT_OK || data[LONG - 1] == r + LONG - 1, "%d", data[LONG - 1]);
    }
    free(data);
    return status;
}

static weft_status sendrecv(weft_comm *comm)
{
    int rank = weft_comm_rank(comm), last = last_rank(comm), value = -1;
    weft_status status = WEFT_OK;
    for (int r = rank == last ? 0 : last; r < (rank == last ? last : last + 1) && status == WEFT_OK; r++) {
        status = weft_sendrecv(comm, &rank, 1, r, TAG, &value, 1, r, TAG, WEFT_INT32, NULL);
        CHECK(status != WEFT_OK || value == r, "%d", value);
    }
    return status;
}

/* Two requests that both need the last rank. */
static weft_status start_two(weft_comm *comm, int values[2], weft_request *requests[2])
{
    weft_status status = weft_ibroadcast(comm, &values[0], 1, WEFT_INT32, last_rank(comm), &requests[0]);
    return status != WEFT_OK ? status
                             : weft_iallreduce(comm, WEFT_IN_PLACE, &values[1], 1, WEFT_INT32, WEFT_SUM, &requests[1]);
}

static void check_two(const weft_comm *comm, const int values[2])
{
    CHECK(values[0] == 5 && values[1] == weft_comm_size(comm), "%d, %d", values[0], values[1]);
}

static weft_status wait_one(weft_comm *comm)
{
    weft_request *requests[2] = {NULL};
    int values[2] = {weft_comm_rank(comm) == last_rank(comm) ? 5 : 0, 1};
    weft_status status = start_two(comm, values, requests);
    for (int i = 1; i >= 0; i--) {
        weft_status one = weft_wait_one(&requests[i]);
        status = status == WEFT_OK ? one : status;
    }
    if (status == WEFT_OK)
        check_two(comm, values);
    return status;
}

static weft_status wait_all(weft_comm *comm)
{
    weft_request *requests[2] = {NULL};
    int values[2] = {weft_comm_rank(comm) == last_rank(comm) ? 5 : 0, 1};
    weft_status status = start_two(comm, values, requests), waited = weft_wait_all(requests, 2);
    if (status == WEFT_OK && waited == WEFT_OK)
        check_two(comm, values);
    return status == WEFT_OK ? waited : status;
}

static weft_status wait_any(weft_comm *comm)
{
    weft_request *requests[2] = {NULL};
    int values[2] = {weft_comm_rank(comm) == last_rank(comm) ? 5 : 0, 1};
    weft_status status = start_two(comm, values, requests);
    for (int i = 0; i < 2; i++) {
        size_t index = 2;
        weft_status one = weft_wait_any(requests, 2, &index);
        status = status == WEFT_OK ? one : status;
    }
    if (status == WEFT_OK)
        check_two(comm, values);
    return status;
}

static const struct blocking_call calls[] = {
    {"barrier", barrier, true},
    {"sync", sync, true},
    {"sync(true)", idle_sync, false}, /* has no time */
    {"broadcast", broadcast, true},
    {"scatter", scatter, true},
    {"allreduce", allreduce, true},
    {"long allreduce", long_allreduce, true},
    {"allgather", allgather, true},
    {"alltoall", alltoall, true},
    {"dup", dup, true},
    {"split", split, true},
    {"shrink", shrink, false}, /* leaves out who does not come */
    {"recv", recv, true},
    {"probe", probe, true},
    {"long send", long_send, true},
    {"sendrecv", sendrecv, true},
    {"wait_one", wait_one, true},
    {"wait_all", wait_all, true},
    {"wait_any", wait_any, true},
};

const struct blocking_call *blocking_call(size_t index)
{
    return index < sizeof calls / sizeof calls[0] ? &calls[index] : NULL;
}

/* ---- Running them */

struct blocking {
    const struct blocking_call *call;
    bool expires;
    pthread_barrier_t told; /* the missing rank stays until the others have given up */
};

static void part(weft_comm *comm, void *arg)
{
    struct blocking *blocking = arg;
    int rank = weft_comm_rank(comm);
    bool last = rank == last_rank(comm);
    if (blocking_begins != NULL)
        blocking_begins(rank);
    if (last && !blocking->expires)
        sleep_us(LATE_US);
    int64_t begin_ns = clock_now_ns();
    if (!last || !blocking->expires) {
        CHECK_STATUS(blocking->expires ? WEFT_ERR_TIMEOUT : WEFT_OK, blocking->call->perform(comm));
        int64_t took_ns = clock_now_ns() - begin_ns;
        /* The first to give up may tell the others of a collective before their own time is over. */
        CHECK(!blocking->expires || weft_comm_size(comm) > 2 || took_ns >= TIMEOUT_NS, "after %lld us",
              (long long)(took_ns / 1000));
        CHECK(took_ns < (int64_t)5000000000, "%lld ms", (long long)(took_ns / 1000000));
    }
    if (blocking_ends != NULL)
        blocking_ends(rank);
    if (blocking->expires)
        pthread_barrier_wait(&blocking->told);
}

static void run(const struct blocking_call *call, int n_ranks, weft_wait wait, bool expires)
{
    struct blocking blocking = {.call = call, .expires = expires};
    weft_config config = WEFT_CONFIG_INIT;
    config.wait = wait;
    config.timeout_ns = expires ? TIMEOUT_NS : 0;
    pthread_barrier_init(&blocking.told, NULL, (unsigned)n_ranks);
    run_ranks(n_ranks, &config, part, &blocking);
    pthread_barrier_destroy(&blocking.told);
}

void run_blocking(const struct blocking_call *call, int n_ranks, weft_wait wait)
{
    run(call, n_ranks, wait, false);
}

void run_expiring(const struct blocking_call *call, int n_ranks, weft_wait wait)
{
    run(call, n_ranks, wait, true);
}

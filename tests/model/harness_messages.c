// SPDX-License-Identifier: MIT
/* harness_messages.c - messages: through a ring, from buffer to buffer, from anybody, taken back. */
#include "model.h"

static void run(int n_ranks, void (*body)(weft_comm *comm))
{
    weft_config config = model_config(WEFT_WAIT_BLOCK, NULL);
    model_ranks(n_ranks, &config, body);
}

/* ---- There and back; of 8 bytes, and of more than a line. */

static void there_and_back(weft_comm *comm, size_t count)
{
    int64_t data[12];
    int rank = weft_comm_rank(comm), peer = 1 - rank;
    weft_message message = {0};
    for (size_t i = 0; i < count; i++)
        data[i] = rank == 0 ? (int64_t)i + 5 : 0;
    if (rank == 0)
        CHECK_OK(weft_send(comm, data, count, WEFT_INT64, peer, 3));
    CHECK_OK(weft_recv(comm, data, count, WEFT_INT64, peer, rank == 0 ? 4 : 3, &message));
    CHECK(message.source == peer && message.count == count, "from %d, %zu", message.source, message.count);
    for (size_t i = 0; i < count; i++)
        CHECK(data[i] == (int64_t)i + 5, "element %zu is %lld", i, (long long)data[i]);
    if (rank == 1)
        CHECK_OK(weft_send(comm, data, count, WEFT_INT64, peer, 4));
}

static void short_message(weft_comm *comm)
{
    there_and_back(comm, 1);
}

static void lines_message(weft_comm *comm)
{
    there_and_back(comm, 12);
}

static void message_short(void)
{
    run(2, short_message);
}

static void message_lines(void)
{
    run(2, lines_message);
}

/* ---- From buffer to buffer: the sender waits, and has its buffer back. */

enum { LONG = 80 };

static void copied_once(weft_comm *comm)
{
    int64_t data[LONG];
    for (int i = 0; i < LONG; i++)
        data[i] = weft_comm_rank(comm) == 0 ? i : 0;
    if (weft_comm_rank(comm) == 0) {
        CHECK_OK(weft_send(comm, data, LONG, WEFT_INT64, 1, 0));
        for (int i = 0; i < LONG; i++)
            data[i] = -1;
    } else {
        CHECK_OK(weft_recv(comm, data, LONG, WEFT_INT64, 0, 0, NULL));
        for (int i = 0; i < LONG; i++)
            CHECK(data[i] == i, "element %d is %lld", i, (long long)data[i]);
    }
}

static void message_long(void)
{
    run(2, copied_once);
}

/* ---- Both send a long one, nobody blocks the other. */

static void crossing(weft_comm *comm)
{
    int64_t mine[LONG], theirs[LONG];
    int rank = weft_comm_rank(comm);
    for (int i = 0; i < LONG; i++)
        mine[i] = 100 * rank + i;
    CHECK_OK(weft_sendrecv(comm, mine, LONG, 1 - rank, 0, theirs, LONG, 1 - rank, 0, WEFT_INT64, NULL));
    for (int i = 0; i < LONG; i++)
        CHECK(theirs[i] == 100 * (1 - rank) + i, "element %d is %lld", i, (long long)theirs[i]);
}

static void message_crossing(void)
{
    run(2, crossing);
}

/* ---- From anybody: both messages come, each once. The receiver sleeps for several ranks at once. */

static void from_anybody(weft_comm *comm)
{
    int64_t data = weft_comm_rank(comm), sum = 0;
    if (data != 0) {
        CHECK_OK(weft_send(comm, &data, 1, WEFT_INT64, 0, (int)data));
        return;
    }
    for (int i = 0; i < 2; i++) {
        weft_message message = {0};
        CHECK_OK(weft_recv(comm, &data, 1, WEFT_INT64, WEFT_ANY_SOURCE, WEFT_ANY_TAG, &message));
        CHECK(message.source == data && message.tag == data, "%lld came from %d", (long long)data, message.source);
        sum += data;
    }
    CHECK(sum == 3, "the sum is %lld", (long long)sum);
}

static void message_any(void)
{
    run(3, from_anybody);
}

/* ---- No overtaking; and what matches nothing yet is put aside. */

static void in_order(weft_comm *comm)
{
    int64_t data = 0;
    if (weft_comm_rank(comm) == 0) {
        for (int64_t i = 1; i <= 3; i++)
            CHECK_OK(weft_send(comm, &i, 1, WEFT_INT64, 1, i == 2 ? 7 : 8));
        return;
    }
    CHECK_OK(weft_recv(comm, &data, 1, WEFT_INT64, 0, 7, NULL));
    CHECK(data == 2, "tag 7 brought %lld", (long long)data);
    for (int64_t i = 1; i <= 3; i += 2) {
        CHECK_OK(weft_recv(comm, &data, 1, WEFT_INT64, 0, 8, NULL));
        CHECK(data == i, "tag 8 brought %lld", (long long)data);
    }
}

static void message_order(void)
{
    run(2, in_order);
}

/* ---- A receive is taken back while the message may be on its way: it is cancelled or it has it, and nothing is lost. */

static void take_back(weft_comm *comm)
{
    int64_t data = 9, taken = 0;
    weft_request *request = NULL;
    if (weft_comm_rank(comm) == 0) {
        CHECK_OK(weft_send(comm, &data, 1, WEFT_INT64, 1, 0));
        return;
    }
    CHECK_OK(weft_irecv(comm, &taken, 1, WEFT_INT64, 0, 0, NULL, &request));
    weft_status status = weft_cancel(&request);
    if (status == WEFT_OK)
        CHECK_OK(weft_recv(comm, &taken, 1, WEFT_INT64, 0, 0, NULL));
    else {
        CHECK_STATUS(WEFT_PENDING, status);
        CHECK_OK(weft_wait_one(&request));
    }
    CHECK(taken == 9, "%lld came", (long long)taken);
}

static void message_cancelled(void)
{
    run(2, take_back);
}

/* ---- A probe beside a receive in flight, which puts aside what the probe waits for. */

static void probe_beside(weft_comm *comm)
{
    int64_t data[2] = {5, 6};
    weft_request *request = NULL;
    weft_message message = {0};
    if (weft_comm_rank(comm) == 0) {
        CHECK_OK(weft_send(comm, &data[1], 1, WEFT_INT64, 1, 2));
        CHECK_OK(weft_recv(comm, &data[1], 1, WEFT_INT64, 1, 3, NULL));
        CHECK_OK(weft_send(comm, &data[0], 1, WEFT_INT64, 1, 1));
        return;
    }
    data[0] = data[1] = 0;
    CHECK_OK(weft_irecv(comm, &data[0], 1, WEFT_INT64, 0, 1, NULL, &request));
    CHECK_OK(weft_probe(comm, 0, 2, &message));
    CHECK(message.source == 0 && message.tag == 2 && message.count == 1, "tag %d", message.tag);
    CHECK_OK(weft_recv(comm, &data[1], 1, WEFT_INT64, 0, 2, NULL));
    CHECK_OK(weft_send(comm, &data[1], 1, WEFT_INT64, 0, 3));
    CHECK_OK(weft_wait_one(&request));
    CHECK(data[0] == 5 && data[1] == 6, "%lld and %lld came", (long long)data[0], (long long)data[1]);
}

static void message_probed(void)
{
    run(2, probe_beside);
}

/* ---- More than a ring holds: what has been read is written over. */

enum { NINE_LINES = 60, MANY = 5 };

static void round_the_ring(weft_comm *comm)
{
    int64_t data[NINE_LINES];
    for (int message = 0; message < MANY; message++)
        if (weft_comm_rank(comm) == 0) {
            for (int i = 0; i < NINE_LINES; i++)
                data[i] = 100 * message + i;
            CHECK_OK(weft_send(comm, data, NINE_LINES, WEFT_INT64, 1, 0));
        } else {
            CHECK_OK(weft_recv(comm, data, NINE_LINES, WEFT_INT64, 0, 0, NULL));
            for (int i = 0; i < NINE_LINES; i++)
                CHECK(data[i] == 100 * message + i, "element %d of message %d is %lld", i, message, (long long)data[i]);
        }
}

static void message_ring(void)
{
    run(2, round_the_ring);
}

/* ---- The sender leaves behind its last message: that comes, and the next does not. */

static void last_message(weft_comm *comm)
{
    int64_t data = 7;
    if (weft_comm_rank(comm) == 0)
        CHECK_OK(weft_send(comm, &data, 1, WEFT_INT64, 1, 0));
    else {
        data = 0;
        CHECK_OK(weft_recv(comm, &data, 1, WEFT_INT64, 0, 0, NULL));
        CHECK(data == 7, "%lld came", (long long)data);
        CHECK_STATUS(WEFT_ERR_RANK_LOST, weft_recv(comm, &data, 1, WEFT_INT64, 0, 0, NULL));
    }
    weft_comm_destroy(comm);
}

/* The receiver only looks: where it finds that the sender has left, it finds the message, too. */
static void last_sought(weft_comm *comm)
{
    int64_t data = 7;
    if (weft_comm_rank(comm) == 0)
        CHECK_OK(weft_send(comm, &data, 1, WEFT_INT64, 1, 0));
    else {
        weft_status status = WEFT_PENDING;
        for (int look = 0; look < 4 && status == WEFT_PENDING; look++)
            status = weft_iprobe(comm, 0, 0, NULL);
        CHECK(status == WEFT_OK || status == WEFT_PENDING, "the status is %d", status);
    }
    weft_comm_destroy(comm);
}

static void run_leaving(void (*body)(weft_comm *comm))
{
    weft_config config = model_config(WEFT_WAIT_BLOCK, NULL);
    model_ranks_leaving(2, &config, body);
}

static void message_last(void)
{
    run_leaving(last_message);
}

static void message_sought(void)
{
    run_leaving(last_sought);
}

/* ---- A long one is given up, since its sender leaves, or the communicator is aborted: it came whole or not at all, and the buffer is
 * the sender's again. */

static void give_up(weft_comm *comm, bool aborts)
{
    int64_t data[LONG];
    bool sends = weft_comm_rank(comm) == 0;
    weft_request *request = NULL;
    weft_status status;
    for (int i = 0; i < LONG; i++)
        data[i] = sends ? i : 0;
    if (sends) {
        status = weft_isend(comm, data, LONG, WEFT_INT64, 1, 0, &request);
        if (aborts)
            CHECK_OK(weft_comm_abort(comm, "harness"));
        else
            weft_comm_destroy(comm);
        if (status == WEFT_OK)
            status = weft_wait_one(&request);
        for (int i = 0; i < LONG; i++)
            data[i] = -1;
    } else {
        status = weft_recv(comm, data, LONG, WEFT_INT64, 0, 0, NULL);
        for (int i = 0; i < LONG && status == WEFT_OK; i++)
            CHECK(data[i] == i, "element %d is %lld", i, (long long)data[i]);
    }
    CHECK(status == WEFT_OK || status == (aborts ? WEFT_ERR_ABORTED : WEFT_ERR_RANK_LOST), "rank %d has %d", !sends,
          status);
    if (aborts || !sends)
        weft_comm_destroy(comm);
}

static void leaves_it(weft_comm *comm)
{
    give_up(comm, false);
}

static void aborts_it(weft_comm *comm)
{
    give_up(comm, true);
}

static void message_left(void)
{
    run_leaving(leaves_it);
}

static void message_aborted(void)
{
    run_leaving(aborts_it);
}

const struct model_harness model_messages[] = {
    {"message_short", "8 bytes there and back", message_short, .processors = 4, .exhaustive = 1},
    {"message_lines", "two lines there and back", message_lines, .processors = 4},
    {"message_long", "copied from buffer to buffer", message_long, .processors = 4},
    {"message_crossing", "two long ones cross", message_crossing, .processors = 4},
    {"message_any", "from two ranks, whichever comes first", message_any, .processors = 4},
    {"message_order", "one is received before those that came first", message_order, .processors = 4},
    {"message_cancelled", "a receive is taken back", message_cancelled, .processors = 4},
    {"message_probed", "a probe while a receive is in flight", message_probed, .processors = 4},
    {"message_ring", "more than a ring holds", message_ring, .processors = 4},
    {"message_last", "a sender leaves behind its last message", message_last, .processors = 4},
    {"message_sought", "the same, and the receiver looks for it", message_sought, .processors = 4},
    {"message_left", "a sender leaves before a long one is taken", message_left, .processors = 4},
    {"message_aborted", "the communicator is aborted before a long one is taken", message_aborted, .processors = 4},
    {.name = NULL}};

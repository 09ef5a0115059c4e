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

const struct model_harness model_messages[] = {
    {"message_short", "8 bytes there and back", message_short, .processors = 4, .exhaustive = 1},
    {"message_lines", "two lines there and back", message_lines, .processors = 4},
    {"message_long", "copied from buffer to buffer", message_long, .processors = 4},
    {"message_crossing", "two long ones cross", message_crossing, .processors = 4},
    {"message_any", "from two ranks, whichever comes first", message_any, .processors = 4},
    {"message_order", "one is received before those that came first", message_order, .processors = 4},
    {"message_cancelled", "a receive is taken back", message_cancelled, .processors = 4},
    {.name = NULL}};

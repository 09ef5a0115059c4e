// SPDX-License-Identifier: MIT
/* letters.c - sessions of messages: every rank sends and receives in all ways, and each message must come once, whole and in order. Some
 * have sums of all ranks in between.
 *
 * All ranks go through one list of letters, each sending those that are from it and receiving those that are to it. So the first letter
 * that is not through has both its ends at it, and nobody waits for ever; where a receiver takes letters from any rank, that holds
 * if nobody waits for a send before the end. A letter says in each element which it is. What has been sent is spoilt, and what is to be received is
 * spoilt before: nobody may read the one any more, or write to the other when it has failed. */
#include "letters.h"

#include <stdlib.h>
#include <string.h>

enum { SPOILT = 0x5a5a5a5a, BLOCK = 65536 / sizeof(int32_t), SUMS = 16 };

/* One send or receive, or sum. */
struct delivery {
    const struct letter *letter;
    bool sends;
    int32_t *data;
    size_t elements; /* in data */
    weft_request *request;
    weft_message message;
    weft_status status;
    int came; /* the letter that was received, -1 where that cannot be told */
};

/* ---- Judging */

static int32_t element(const struct session *session, const struct letter *letter, size_t i)
{
    return (int32_t)((letter - session->letters) * LETTERS_STRIDE + (int32_t)i);
}

static void spoil(int32_t *data, size_t count)
{
    for (size_t i = 0; i < count; i++)
        data[i] = SPOILT;
}

static void check_spoilt(const struct rank *rank, const struct delivery *delivery, size_t from)
{
    for (size_t i = from; i < delivery->elements; i++)
        CHECK(delivery->data[i] == SPOILT, "rank %d: letter %d: element %zu of %zu is written", rank->index,
              (int)(delivery->letter - rank->session->letters), i, delivery->elements);
}

/* Where nothing goes wrong and the receiver knows the sender, it is the letter that was asked for. */
static bool exact(const struct rank *rank)
{
    return rank->session->fault == SESSION_WELL && !rank->session->ears[rank->index].any_source;
}

static void check_message(const struct rank *rank, const struct delivery *delivery)
{
    const weft_message *message = &delivery->message;
    const struct letter *letter = delivery->letter;
    CHECK(!exact(rank) ||
              (message->source == letter->from && message->tag == letter->tag && message->count == letter->count),
          "rank %d: letter %d is said to be of %zu from rank %d with tag %d", rank->index,
          (int)(letter - rank->session->letters), message->count, message->source, message->tag);
}

static void check_received(struct rank *rank, struct delivery *delivery)
{
    struct session *in = rank->session;
    const weft_message *message = &delivery->message;
    const struct letter *letter = delivery->letter;
    check_message(rank, delivery);
    check_spoilt(rank, delivery, message->count);
    if (message->count == 0)
        return;
    delivery->came = delivery->data[0] / LETTERS_STRIDE;
    CHECK(delivery->data[0] >= 0 && (size_t)delivery->came < in->n_letters, "rank %d: element 0 is %d", rank->index,
          delivery->data[0]);
    const struct letter *came = &in->letters[delivery->came];
    CHECK(came->to == rank->index && came->from == message->source && came->tag == message->tag &&
              came->count == message->count && came->other == letter->other,
          "rank %d: letter %d is said to be of %zu from rank %d with tag %d", rank->index, delivery->came,
          message->count, message->source, message->tag);
    for (size_t i = 0; i < came->count; i++)
        CHECK(delivery->data[i] == element(in, came, i), "rank %d: letter %d: element %zu is %d", rank->index,
              delivery->came, i, delivery->data[i]);
    CHECK(!exact(rank) || came == letter, "rank %d: letter %d came in place of %d", rank->index, delivery->came,
          (int)(letter - in->letters));
}

/* What may end it while something goes wrong: that, where it has to do with the other side. */
static bool excused(const struct rank *rank, const struct delivery *delivery, weft_status status)
{
    const struct session *in = rank->session;
    const struct letter *letter = delivery->letter;
    int other = delivery->sends ? letter->to : letter->from;
    if (status != session_causes[in->fault] || status == WEFT_OK)
        return false;
    if (in->fault == SESSION_ABORT)
        return !letter->other;
    if (in->sums) /* where one fails, all is over */
        return true;
    return status != WEFT_ERR_RANK_LOST || other == in->victim || rank->index == in->victim ||
           in->ears[rank->index].any_source;
}

static void judge_sum(const struct rank *rank, const struct delivery *delivery)
{
    int n = rank->session->n_ranks;
    CHECK(delivery->data[0] == n * (n - 1) / 2, "rank %d: the sum is %d", rank->index, delivery->data[0]);
}

static void judge(struct rank *rank, struct delivery *delivery, weft_status status)
{
    struct session *in = rank->session;
    const struct letter *letter = delivery->letter;
    bool short_of_room = status == WEFT_ERR_TRUNCATED && !delivery->sends && !in->ears[rank->index].any_source;
    delivery->status = status;
    if (status == WEFT_OK && letter->from == LETTERS_ALL)
        judge_sum(rank, delivery);
    else if (status == WEFT_OK && !delivery->sends)
        check_received(rank, delivery);
    else if (status != WEFT_OK && !short_of_room) {
        CHECK(excused(rank, delivery, status), "rank %d: letter %d from %d to %d: %s (%s) in a session that goes %s",
              rank->index, (int)(letter - in->letters), letter->from, letter->to, weft_status_name(status),
              weft_last_error(), session_fault_names[in->fault]);
        in->failed++;
    }
    if (short_of_room)
        check_message(rank, delivery);
    if (!delivery->sends && exact(rank))
        CHECK(short_of_room == (letter->room < letter->count), "rank %d: letter %d of %zu into %zu: %s", rank->index,
              (int)(letter - in->letters), letter->count, letter->room, weft_status_name(status));
    if (delivery->sends)
        spoil(delivery->data, delivery->elements);
}

/* ---- Sending and receiving */

static weft_status copy_elements(const weft_type *type, const void *source, void *target, size_t count)
{
    session_breathe();
    memcpy(target, source, count * type->size);
    session_breathe();
    return WEFT_OK;
}

static const weft_type object = {.name = "object", .size = sizeof(int32_t), .copy = copy_elements};

static weft_comm *comm_of(const struct rank *rank, const struct letter *letter)
{
    return letter->other ? rank->other : rank->comm;
}

static struct delivery *begin(struct rank *rank, const struct letter *letter, bool sends)
{
    struct delivery *delivery = &rank->deliveries[rank->n_deliveries++];
    *delivery = (struct delivery){.letter = letter, .sends = sends, .elements = sends ? letter->count : letter->room};
    delivery->status = WEFT_PENDING;
    delivery->data = test_alloc(delivery->elements * sizeof *delivery->data);
    delivery->came = -1;
    return delivery;
}

static const weft_type *type_in(const struct session *session)
{
    return session->objects ? &object : WEFT_INT32;
}

static void started(struct rank *rank, struct delivery *delivery, weft_status status)
{
    if (status != WEFT_OK)
        judge(rank, delivery, status);
}

static void send(struct rank *rank, const struct letter *letter)
{
    struct delivery *delivery = begin(rank, letter, true);
    const weft_type *type = type_in(rank->session);
    for (size_t i = 0; i < letter->count; i++)
        delivery->data[i] = element(rank->session, letter, i);
    if (letter->sent == BLOCKING)
        judge(rank, delivery,
              weft_send(comm_of(rank, letter), delivery->data, letter->count, type, letter->to, letter->tag));
    else
        started(rank, delivery,
                weft_isend(comm_of(rank, letter), delivery->data, letter->count, type, letter->to, letter->tag,
                           &delivery->request));
}

static weft_status start_receive(const struct rank *rank, struct delivery *delivery, int source, int tag)
{
    return weft_irecv(comm_of(rank, delivery->letter), delivery->data, delivery->elements, type_in(rank->session),
                      source, tag, &delivery->message, &delivery->request);
}

/* And receives it again, where it has not come. */
static weft_status take_back(const struct rank *rank, struct delivery *delivery, int source, int tag)
{
    session_breathe();
    weft_status status = weft_cancel(&delivery->request);
    CHECK(status == WEFT_OK || status == WEFT_PENDING, "rank %d: cancel gives %s", rank->index,
          weft_status_name(status));
    return status == WEFT_OK ? start_receive(rank, delivery, source, tag) : WEFT_OK;
}

/* Is the message there? Otherwise `source` and `tag` stay as they are. */
static weft_status probe(const struct rank *rank, const struct letter *letter, int *source, int *tag)
{
    weft_message message;
    weft_status status =
        letter->received == PROBED ? weft_probe(comm_of(rank, letter), *source, *tag, &message) : WEFT_PENDING;
    for (int look = 0; letter->received == LOOKED_FOR && status == WEFT_PENDING && look < 3; look++) {
        status = weft_iprobe(comm_of(rank, letter), *source, *tag, &message);
        session_breathe();
    }
    if (status == WEFT_OK) {
        *source = message.source;
        *tag = message.tag;
    }
    return status == WEFT_PENDING ? WEFT_OK : status;
}

static void receive(struct rank *rank, const struct letter *letter)
{
    const struct ear *ear = &rank->session->ears[rank->index];
    struct delivery *delivery = begin(rank, letter, false);
    int source = ear->any_source ? WEFT_ANY_SOURCE : letter->from, tag = ear->any_tag ? WEFT_ANY_TAG : letter->tag;
    weft_status status = WEFT_OK;
    spoil(delivery->data, delivery->elements);
    if (letter->received == STARTED || letter->received == CANCELLED) {
        status = start_receive(rank, delivery, source, tag);
        if (status == WEFT_OK && letter->received == CANCELLED)
            status = take_back(rank, delivery, source, tag);
        started(rank, delivery, status);
        return;
    }
    if (letter->received == PROBED || letter->received == LOOKED_FOR)
        status = probe(rank, letter, &source, &tag);
    if (status == WEFT_OK)
        status = weft_recv(comm_of(rank, letter), delivery->data, delivery->elements, type_in(rank->session), source,
                           tag, &delivery->message);
    judge(rank, delivery, status);
}

static void exchange(struct rank *rank, const struct letter *mine, const struct letter *theirs)
{
    struct delivery *sent = begin(rank, mine, true), *received = begin(rank, theirs, false);
    for (size_t i = 0; i < mine->count; i++)
        sent->data[i] = element(rank->session, mine, i);
    spoil(received->data, received->elements);
    weft_status status =
        weft_sendrecv(comm_of(rank, mine), sent->data, mine->count, mine->to, mine->tag, received->data,
                      received->elements, theirs->from, theirs->tag, type_in(rank->session), &received->message);
    judge(rank, received, status);
    judge(rank, sent, status == WEFT_ERR_TRUNCATED ? WEFT_OK : status);
    if (status != WEFT_OK && status != WEFT_ERR_TRUNCATED)
        received->status = WEFT_OK; /* for all that is known */
}

static void sum(struct rank *rank, const struct letter *letter)
{
    struct delivery *delivery = begin(rank, letter, true);
    delivery->data[0] = rank->index;
    for (int i = 1; i < SUMS && letter->sent == BLOCKING; i++) /* so that a ring is full after some letters */
        weft_barrier(comm_of(rank, letter));
    if (letter->sent == BLOCKING)
        judge(rank, delivery,
              weft_allreduce(comm_of(rank, letter), WEFT_IN_PLACE, delivery->data, 1, WEFT_INT32, WEFT_SUM));
    else
        started(rank, delivery,
                weft_iallreduce(comm_of(rank, letter), WEFT_IN_PLACE, delivery->data, 1, WEFT_INT32, WEFT_SUM,
                                &delivery->request));
}

/* This rank's part of a letter, or of an exchange. */
static void take_part(struct rank *rank, const struct letter *letter)
{
    if (letter->from == LETTERS_ALL)
        sum(rank, letter);
    else if (letter->answered && letter->from == rank->index)
        exchange(rank, letter, letter + 1);
    else if (letter->answered && letter->to == rank->index)
        exchange(rank, letter + 1, letter);
    else if (!letter->answered) {
        if (letter->from == rank->index)
            send(rank, letter);
        if (letter->to == rank->index)
            receive(rank, letter);
    }
}

static bool in_flight(const struct delivery *delivery, bool receives_only)
{
    return delivery->status == WEFT_PENDING && !(receives_only && delivery->sends);
}

/* Finishes one of those in flight, if there is any. */
static void land(struct rank *rank, uint64_t *state, bool receives_only)
{
    size_t first = random_below(state, rank->n_deliveries + 1);
    for (size_t i = 0; i < rank->n_deliveries; i++) {
        struct delivery *delivery = &rank->deliveries[(first + i) % rank->n_deliveries];
        weft_status status = WEFT_PENDING;
        if (!in_flight(delivery, receives_only))
            continue;
        for (uint64_t looks = random_below(state, 4); looks > 0 && status == WEFT_PENDING; looks--) {
            status = weft_test(&delivery->request);
            session_breathe();
        }
        judge(rank, delivery, status == WEFT_PENDING ? weft_wait_one(&delivery->request) : status);
        CHECK(delivery->request == NULL, "rank %d: a request is left", rank->index);
        return;
    }
}

/* Waits for all that are in flight together, and finishes whichever comes first. */
static void land_any(struct rank *rank)
{
    weft_request **requests = test_alloc(rank->n_deliveries * sizeof(weft_request *));
    size_t index = rank->n_deliveries;
    for (size_t i = 0; i < rank->n_deliveries; i++)
        if (in_flight(&rank->deliveries[i], false))
            requests[i] = rank->deliveries[i].request;
    weft_status status = weft_wait_any(requests, rank->n_deliveries, &index);
    CHECK(index < rank->n_deliveries && requests[index] == NULL, "rank %d: request %zu: %s", rank->index, index,
          weft_status_name(status));
    free(requests);
    rank->deliveries[index].request = NULL;
    judge(rank, &rank->deliveries[index], status);
}

static bool any_in_flight(const struct rank *rank)
{
    for (size_t i = 0; i < rank->n_deliveries; i++)
        if (in_flight(&rank->deliveries[i], false))
            return true;
    return false;
}

static void land_every_second(struct rank *rank, size_t first)
{
    for (size_t i = first; i < rank->n_deliveries; i += 2)
        if (in_flight(&rank->deliveries[i], false))
            judge(rank, &rank->deliveries[i], weft_wait_one(&rank->deliveries[i].request));
}

static void *help(void *rank)
{
    land_every_second(rank, 1);
    return NULL;
}

/* Another thread waits for half of them. */
static void land_with_help(struct rank *rank)
{
    int helper = model_thread_create(help, rank);
    land_every_second(rank, 0);
    model_thread_join(helper, NULL);
}

void letters_end(struct rank *rank)
{
    for (size_t i = 0; i < rank->n_deliveries; i++)
        if (in_flight(&rank->deliveries[i], false))
            judge(rank, &rank->deliveries[i], weft_wait_one(&rank->deliveries[i].request));
}

/* Who destroys a handle has its buffers back; a thread that ends leaves that to who destroys it. */
static bool left(struct rank *rank)
{
    if (rank->session->fault == SESSION_LEAVES)
        letters_end(rank);
    return false;
}

bool letters_run(struct rank *rank)
{
    struct session *in = rank->session;
    uint64_t state = in->seed + (uint64_t)rank->index;
    rank->deliveries = test_alloc(2 * in->n_letters * sizeof *rank->deliveries);
    for (size_t i = 0; i < in->n_letters && session_breathe(); i++) {
        const struct letter *letter = &in->letters[i];
        if (session_suffers(rank, i))
            return left(rank);
        take_part(rank, letter);
        i += letter->answered;
        if (random_below(&state, 3) == 0)
            land(rank, &state, in->any_source);
    }
    if (session_suffers(rank, in->n_letters))
        return left(rank);
    if (in->helped)
        land_with_help(rank);
    while (any_in_flight(rank))
        if (random_below(&state, 2) == 0)
            land_any(rank);
        else
            land(rank, &state, false);
    return true;
}

/* ---- The end */

/* In the order in which it was asked for, of those from one rank with one tag. */
static void check_order(const struct session *in, const struct rank *rank, bool *came)
{
    int *last = test_alloc(2 * (size_t)in->n_ranks * LETTERS_TAGS * sizeof *last);
    for (size_t i = 0; i < rank->n_deliveries; i++) {
        const struct delivery *delivery = &rank->deliveries[i];
        if (delivery->sends || delivery->status != WEFT_OK || delivery->came < 0)
            continue;
        int from = delivery->letter->other * in->n_ranks + delivery->message.source;
        int *before = &last[from * LETTERS_TAGS + delivery->message.tag];
        CHECK(!came[delivery->came], "rank %d: letter %d came twice", rank->index, delivery->came);
        CHECK(*before <= delivery->came, "rank %d: letter %d came before %d", rank->index, *before - 1, delivery->came);
        came[delivery->came] = true;
        *before = delivery->came + 1;
    }
    free(last);
}

/* What rank `from` was told that it has sent is received: so many receives have not failed. */
static void check_nothing_lost(const struct session *in, int from)
{
    long *sent = test_alloc((size_t)in->n_ranks * sizeof *sent);
    for (int r = 0; r < in->n_ranks; r++)
        for (size_t i = 0; i < in->ranks[r].n_deliveries; i++) {
            const struct delivery *delivery = &in->ranks[r].deliveries[i];
            if (r == from && delivery->sends && delivery->letter->from != LETTERS_ALL && delivery->status == WEFT_OK)
                sent[delivery->letter->to]++;
            if (!delivery->sends && delivery->letter->from == from &&
                (delivery->status == WEFT_OK || delivery->status == WEFT_ERR_TRUNCATED))
                sent[r]--;
        }
    for (int r = 0; r < in->n_ranks; r++)
        CHECK(sent[r] <= 0 || r == in->victim || in->ears[r].any_source,
              "%ld letters from rank %d to rank %d were sent and not received", sent[r], from, r);
    free(sent);
}

void letters_check(struct session *in)
{
    if (in->n_letters == 0)
        return;
    bool *came = test_alloc(in->n_letters);
    for (int r = 0; r < in->n_ranks; r++) {
        check_order(in, &in->ranks[r], came);
        if (in->fault == SESSION_WELL || (in->fault >= SESSION_LEAVES && in->fault != SESSION_LATE && !in->sums))
            check_nothing_lost(in, r);
    }
    free(came);
    for (int r = 0; r < in->n_ranks; r++) {
        struct rank *rank = &in->ranks[r];
        for (size_t i = 0; i < rank->n_deliveries; i++) {
            /* (The contract promises nothing of these buffers; what the library does is better, up to a block.) */
            if (!rank->deliveries[i].sends && rank->deliveries[i].status != WEFT_OK &&
                rank->deliveries[i].letter->count <= BLOCK)
                check_spoilt(rank, &rank->deliveries[i], 0);
            free(rank->deliveries[i].data);
        }
        free(rank->deliveries);
        rank->n_deliveries = 0;
    }
}

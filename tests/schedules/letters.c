// SPDX-License-Identifier: MIT
/* letters.c - sessions of messages: every rank sends and receives in all ways, and each message must come once, whole and in order. Some
 * have sums of all ranks in between.
 *
 * All ranks go through one list of letters, each sending those that are from it and receiving those that are to it. So the first letter
 * that is not through has both its ends at it, and nobody waits for ever; where a receiver takes letters from any rank, that holds
 * if nobody waits for a send before the end. A letter says in each element which it is. When it has been sent its buffer is spoilt, and so is what fails to
 * be received: nobody may read the one or write the other any more. */
#include "session.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SPOILT = 0x5a5a5a5a, STRIDE = 1 << 16, TAGS = 3, ANY_MOST = 3000, ALL = -1 };

enum how { BLOCKING, STARTED, CANCELLED, PROBED, LOOKED_FOR, HOWS };

struct letter {
    int from, to, tag;  /* all of them ALL: a sum of all ranks, in between */
    size_t count, room; /* elements of it, and of the buffer that receives it */
    enum how sent, received;
    bool other;    /* it goes by the other communicator */
    bool answered; /* by the next, which goes back: both are one exchange */
};

/* How a rank takes its letters. */
struct ear {
    bool any_source, any_tag;
};

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

/* ---- Drawing */

static size_t draw_count(uint64_t *state)
{
    switch (random_below(state, 8)) {
    case 0:
        return 0;
    case 1:
        return 118 + random_below(state, 6); /* 120 fit into a ring */
    case 2:
        return random_below(state, 5000);
    case 3:
        return random_below(state, 10) == 0 ? 16000 + random_below(state, 30000) : 1; /* several blocks */
    default:
        return 1 + random_below(state, random_below(state, 2) ? 20 : 120);
    }
}

static void draw_letter(struct session *session, uint64_t *state, struct letter *letter, int tags)
{
    bool sums = session->sums && random_below(state, 8) == 0;
    letter->other = session->others && random_below(state, 2) == 0;
    letter->sent = (enum how)random_below(state, 2);
    letter->received = (enum how)random_below(state, HOWS);
    letter->from = letter->to = letter->tag = ALL;
    letter->count = letter->room = 1;
    if (sums)
        return;
    letter->from = (int)random_below(state, (uint64_t)session->n_ranks);
    letter->to = (int)random_below(state, (uint64_t)session->n_ranks);
    const struct ear *ear = &session->ears[letter->to];
    letter->tag = ear->any_source && !ear->any_tag ? 0 : (int)random_below(state, (uint64_t)tags);
    letter->count = letter->room = draw_count(state);
    if (ear->any_source) {
        letter->count %= ANY_MOST;
        letter->room = ANY_MOST;
    } else if (random_below(state, 20) == 0)
        letter->room = random_below(state, letter->count + 100);
    if (session->any_source || letter->from == letter->to)
        letter->sent = STARTED;
}

/* Makes a letter the answer to the one before it. */
static void draw_answer(uint64_t *state, struct letter *letter)
{
    struct letter *before = letter - 1;
    letter->from = before->to;
    letter->to = before->from;
    letter->count = letter->room = draw_count(state);
    letter->tag = before->tag;
    letter->other = before->other;
    before->answered = true;
}

void letters_draw(struct session *session, uint64_t *state)
{
    bool alone = session->n_ranks > 2 && (session->fault == SESSION_LEAVES || session->fault == SESSION_ENDS);
    int tags = 1 + (int)random_below(state, TAGS);
    session->others = random_below(state, 3) == 0;
    session->sums = random_below(state, 4) == 0;
    session->helped = random_below(state, 4) == 0;
    if (session->helped) /* the second thread of a handle sleeps for a millisecond at a time */
        session->harness.timers = true;
    session->objects = random_below(state, 8) == 0;
    session->ears = test_alloc((size_t)session->n_ranks * sizeof *session->ears);
    session->letters = test_alloc(session->n_letters * sizeof *session->letters);
    for (int rank = 0; rank < session->n_ranks; rank++) {
        struct ear *ear = &session->ears[rank];
        /* Who waits for any rank waits on where one of several has left. */
        *ear = (struct ear){!alone && random_below(state, 4) == 0, random_below(state, 3) == 0};
        session->any_source = session->any_source || ear->any_source;
    }
    for (size_t i = 0; i < session->n_letters; i++) {
        struct letter *letter = &session->letters[i];
        draw_letter(session, state, letter, tags);
        if (!session->any_source && i > 0 && letter[-1].from != letter[-1].to && (i < 2 || !letter[-2].answered) &&
            random_below(state, 10) == 0)
            draw_answer(state, letter);
    }
}

/* Two letters from rank 0 to rank 1 and one back; the first is on its way while the second is received in each way. */
bool letters_small(struct session *session, int number)
{
    static const char *const hows[HOWS] = {"recv", "irecv", "cancel", "probe", "iprobe"};
    static const enum session_fault faults[] = {SESSION_WELL, SESSION_ABORT, SESSION_LEAVES, SESSION_LEAVES};
    static const size_t counts[] = {2, 200};
    enum { COUNTS = 2, FAULTS = 4 };
    size_t count = counts[number % COUNTS];
    enum how received = (enum how)(number / COUNTS % HOWS);
    int fault = number / COUNTS / HOWS;
    if (fault >= FAULTS)
        return false;
    *session = (struct session){.n_ranks = 2, .wait = WEFT_WAIT_BLOCK, .n_letters = 3, .preemptions = 4};
    session->fault = faults[fault];
    session->victim = fault % 2; /* the sender has sent, the receiver has not received */
    session->when = session->fault == SESSION_LEAVES ? 2 - (size_t)session->victim : 0;
    snprintf(session->name, sizeof session->name, "messages.%s.%zu.%s%s", hows[received], count * sizeof(int32_t),
             session_fault_names[session->fault],
             session->fault != SESSION_LEAVES ? ""
             : session->victim == 0           ? ".sender"
                                              : ".receiver");
    session->ears = test_alloc((size_t)session->n_ranks * sizeof *session->ears);
    session->letters = test_alloc(session->n_letters * sizeof *session->letters);
    session->letters[0] =
        (struct letter){.to = 1, .tag = 1, .count = count, .room = count, .sent = STARTED, .received = STARTED};
    session->letters[1] = (struct letter){.to = 1, .count = count, .room = count, .received = received};
    session->letters[2] = (struct letter){.from = 1, .count = 1, .room = 1};
    return true;
}

void letters_free(struct session *session)
{
    free(session->letters);
    free(session->ears);
}

/* ---- Judging */

static int32_t element(const struct session *session, const struct letter *letter, size_t i)
{
    return (int32_t)((letter - session->letters) * STRIDE + (int32_t)i);
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
              (int)(delivery->letter - rank->session->letters), i, from);
}

static void check_received(struct rank *rank, struct delivery *delivery)
{
    struct session *in = rank->session;
    const weft_message *message = &delivery->message;
    const struct letter *letter = delivery->letter;
    check_spoilt(rank, delivery, message->count);
    if (message->count == 0)
        return;
    delivery->came = delivery->data[0] / STRIDE;
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
    CHECK(in->fault != SESSION_WELL || in->ears[rank->index].any_source || came == letter,
          "rank %d: letter %d came in place of %d", rank->index, delivery->came, (int)(letter - in->letters));
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
    if (status == WEFT_OK && letter->from == ALL)
        judge_sum(rank, delivery);
    else if (status == WEFT_OK && !delivery->sends)
        check_received(rank, delivery);
    else if (status != WEFT_OK && !short_of_room) {
        CHECK(excused(rank, delivery, status), "rank %d: letter %d from %d to %d: %s (%s) in a session that goes %s",
              rank->index, (int)(letter - in->letters), letter->from, letter->to, weft_status_name(status),
              weft_last_error(), session_fault_names[in->fault]);
        in->failed++;
    }
    if (in->fault == SESSION_WELL && !delivery->sends && !in->ears[rank->index].any_source)
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

static weft_status start_receive(struct rank *rank, struct delivery *delivery, int source, int tag)
{
    return weft_irecv(comm_of(rank, delivery->letter), delivery->data, delivery->elements, type_in(rank->session),
                      source, tag, &delivery->message, &delivery->request);
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
        if (status == WEFT_OK && letter->received == CANCELLED && session_breathe() &&
            weft_cancel(&delivery->request) == WEFT_OK)
            status = start_receive(rank, delivery, source, tag);
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
    if (letter->from == ALL)
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

bool letters_run(struct rank *rank)
{
    struct session *in = rank->session;
    uint64_t state = in->seed + (uint64_t)rank->index;
    rank->deliveries = test_alloc(2 * in->n_letters * sizeof *rank->deliveries);
    for (size_t i = 0; i < in->n_letters && session_breathe(); i++) {
        const struct letter *letter = &in->letters[i];
        if (session_suffers(rank, i))
            return false;
        take_part(rank, letter);
        i += letter->answered;
        if (random_below(&state, 3) == 0)
            land(rank, &state, in->any_source);
    }
    if (session_suffers(rank, in->n_letters))
        return false;
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

void letters_end(struct rank *rank)
{
    for (size_t i = 0; i < rank->n_deliveries; i++)
        if (in_flight(&rank->deliveries[i], false))
            judge(rank, &rank->deliveries[i], weft_wait_one(&rank->deliveries[i].request));
}

/* In the order in which it was asked for, of those from one rank with one tag. */
static void check_order(const struct session *in, const struct rank *rank, bool *came)
{
    int *last = test_alloc(2 * (size_t)in->n_ranks * TAGS * sizeof *last);
    for (size_t i = 0; i < rank->n_deliveries; i++) {
        const struct delivery *delivery = &rank->deliveries[i];
        if (delivery->sends || delivery->status != WEFT_OK || delivery->came < 0)
            continue;
        int from = delivery->letter->other * in->n_ranks + delivery->message.source;
        int *before = &last[from * TAGS + delivery->message.tag];
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
            if (r == from && delivery->sends && delivery->letter->from != ALL && delivery->status == WEFT_OK)
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
            if (!rank->deliveries[i].sends && rank->deliveries[i].status != WEFT_OK)
                check_spoilt(rank, &rank->deliveries[i], 0);
            free(rank->deliveries[i].data);
        }
        free(rank->deliveries);
        rank->n_deliveries = 0;
    }
}

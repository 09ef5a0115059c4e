// SPDX-License-Identifier: MIT
/* letters_draw.c - which sessions of messages there are. */
#include "letters.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

enum { ANY_MOST = 3000 }; /* elements of a letter that is taken from any rank */

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
    letter->from = letter->to = letter->tag = LETTERS_ALL;
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
    int tags = 1 + (int)random_below(state, LETTERS_TAGS);
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
void letters_small(struct session *session, int number)
{
    static const char *const hows[HOWS] = {"recv", "irecv", "cancel", "probe", "iprobe"};
    static const enum session_fault faults[] = {SESSION_WELL, SESSION_ABORT, SESSION_LEAVES, SESSION_LEAVES};
    static const size_t counts[] = {2, 200};
    enum { COUNTS = sizeof counts / sizeof counts[0] };
    static_assert(COUNTS * HOWS * (sizeof faults / sizeof faults[0]) == LETTERS_SMALL, "each has its number");
    size_t count = counts[number % COUNTS];
    enum how received = (enum how)(number / COUNTS % HOWS);
    int fault = number / COUNTS / HOWS;
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
}

void letters_free(struct session *session)
{
    free(session->letters);
    free(session->ears);
}

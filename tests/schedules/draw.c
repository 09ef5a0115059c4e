// SPDX-License-Identifier: MIT
/* draw.c - which sessions there are: random ones by a seed, and small ones in a row. */
#include "session.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <weft/info.h>

/* ---- By a seed */

enum { MESSAGES_RANKS = 64 }; /* at most, since each has a ring to each */

static int draw_ranks(uint64_t *state, int most)
{
    uint64_t kind = random_below(state, 100);
    uint64_t limit = kind < 70 ? 8 : kind < 94 ? 40 : kind < 99 ? 200 : 1024;
    int n = 2 + (int)random_below(state, limit - 1);
    return n > most ? 2 + n % (most - 1) : n;
}

static void draw_fault(struct session *session, uint64_t *state)
{
    static const int64_t timeout_ns = 20000000;
    session->fault = random_below(state, 2) ? SESSION_WELL : (enum session_fault)random_below(state, SESSION_FAULTS);
    session->victim = (int)random_below(state, (uint64_t)session->n_ranks);
    uint64_t calls = session->n_items + session->n_letters;
    session->when = random_below(state, calls + 1);
    if (session->fault == SESSION_ABORT)
        session->when = random_below(state, 12 * calls);
    if (session->fault == SESSION_LATE) {
        session->timeout_ns = timeout_ns;
        session->late_ns = (int64_t)random_below(state, (uint64_t)timeout_ns * 4);
    }
    session->shrinks =
        (session->fault == SESSION_LEAVES || session->fault == SESSION_ENDS || session->fault == SESSION_WELL) &&
        random_below(state, 4) == 0;
}

/* A world that is crowded, or not. */
static int draw_processors(uint64_t *state, int n_ranks)
{
    return random_below(state, 2) ? 2 * n_ranks : 1 + (int)random_below(state, (uint64_t)n_ranks);
}

static void set_harness(struct session *session, int processors)
{
    session->harness = (struct model_harness){
        .name = session->name, .what = session->name, .run = session_run, .processors = processors};
}

static void draw_items(struct session *session, uint64_t *state)
{
    session->items = test_alloc(session->n_items * sizeof *session->items);
    for (size_t i = 0; i < session->n_items; i++) {
        size_t bytes = random_below(state, 20) == 0 ? (size_t)1 << 19 : (size_t)16 << 10;
        struct oracle_call call = random_call(state, session->n_ranks, bytes);
        item_make(&session->items[i], state, &call, NULL);
    }
}

void session_draw(struct session *session, uint64_t seed, int ranks_most)
{
    static const weft_wait waits[] = {WEFT_WAIT_AUTO, WEFT_WAIT_AUTO, WEFT_WAIT_BLOCK, WEFT_WAIT_SPIN};
    uint64_t state = seed * 0x2545f4914f6cdd1du + 1;
    *session = (struct session){.n_ranks = draw_ranks(&state, ranks_most)};
    session->wait = waits[random_below(&state, 4)];
    session->seed = seed;
    bool messages = random_below(&state, 4) == 0;
    if (messages) {
        session->n_ranks = session->n_ranks > MESSAGES_RANKS ? MESSAGES_RANKS : session->n_ranks;
        session->n_letters = 1 + random_below(&state, 30 + 3 * (uint64_t)session->n_ranks);
    } else
        session->n_items = 1 + random_below(&state, session->n_ranks > 200 ? 3 : session->n_ranks > 16 ? 12 : 30);
    if (random_below(&state, 4))
        random_algorithms(&state, session->algorithms, sizeof session->algorithms);
    draw_fault(session, &state);
    set_harness(session, draw_processors(&state, session->n_ranks));
    session->harness.timers = session->fault == SESSION_LATE || random_below(&state, 2);
    session->harness.hasty = session->harness.timers && random_below(&state, 4) == 0;
    session->harness.fenced = random_below(&state, 4) == 0;
    session->harness.cache = 1 + (int)random_below(&state, session->n_ranks < 16 ? 6 : 40);
    if (messages)
        letters_draw(session, &state);
    else
        draw_items(session, &state);
    snprintf(session->name, sizeof session->name, "%d ranks, %zu %s, wait %s, %s, %s%s%s", session->n_ranks,
             session->n_items + session->n_letters, messages ? "messages" : "calls", wait_name(session->wait),
             session_fault_names[session->fault], session->harness.timers ? "timers" : "no timers",
             session->harness.hasty ? " in haste" : "", session->shrinks ? ", shrinks" : "");
}

/* ---- In a row: each algorithm of each collective, short and long, of 2 ranks and of 3, with each fault */

static const struct small {
    int n_ranks;
    bool crowded;
    size_t bytes; /* of a rank's input; where it gives any */
    size_t calls;
    int preemptions; /* at most */
} smalls[] = {{2, false, 8, 1, SESSION_ALL},
              {2, true, 8, 1, SESSION_ALL},
              {2, false, 3000, 1, SESSION_ALL},
              {2, true, 3000, 1, SESSION_ALL},
              {2, false, 8, 2, 4},
              {2, true, 3000, 2, 4},
              {3, false, 8, 1, 3},
              {3, true, 8, 1, 3},
              {3, false, 3000, 1, 3},
              {3, true, 3000, 1, 3}};
enum { SMALLS = sizeof smalls / sizeof smalls[0], SMALL_FAULTS = SESSION_ENDS };

static bool algorithm_of(int number, const char **collective, const char **algorithm)
{
    for (size_t c = 0; (*collective = weft_info_collective(c)) != NULL; c++)
        for (size_t a = 0; (*algorithm = weft_info_algorithm(*collective, a)) != NULL; a++)
            if (number-- == 0)
                return true;
    return false;
}

static bool calls_small(struct session *session, int number)
{
    const struct small *small = &smalls[number % SMALLS];
    const char *collective, *algorithm;
    uint64_t state = 1;
    if (!algorithm_of(number / SMALLS / SMALL_FAULTS, &collective, &algorithm))
        return false;
    *session = (struct session){.n_ranks = small->n_ranks, .wait = WEFT_WAIT_BLOCK, .n_items = small->calls};
    session->fault = (enum session_fault)(number / SMALLS % SMALL_FAULTS);
    session->victim = small->n_ranks - 1;
    session->preemptions = small->preemptions;
    session->when = session->fault == SESSION_LEAVES ? small->calls - 1 : 0;
    snprintf(session->algorithms, sizeof session->algorithms, "%s:%s", collective, algorithm);
    snprintf(session->name, sizeof session->name, "%s.%s.%d.%zux%zu.%s.%s", collective, algorithm, small->n_ranks,
             small->bytes, small->calls, small->crowded ? "crowded" : "roomy", session_fault_names[session->fault]);
    set_harness(session, small->crowded ? 1 : 2 * small->n_ranks);
    session->items = test_alloc(session->n_items * sizeof *session->items);
    for (size_t i = 0; i < session->n_items; i++) {
        struct oracle_call call = {.collective = oracle_collective_by_name(collective), .n_ranks = small->n_ranks};
        call.type = call.collective->has_data ? WEFT_INT64 : NULL;
        call.op = call.collective->has_op ? WEFT_SUM : NULL;
        call.count = call.collective->has_data ? small->bytes / 8 : 0;
        item_make(&session->items[i], &state, &call, NULL);
        session->items[i].nonblocking = false;
    }
    return true;
}

/* Every eighth is one of messages, as far as there are any. */
bool session_small(struct session *session, int number)
{
    int messages = (number + 7) / 8 < LETTERS_SMALL ? (number + 7) / 8 : LETTERS_SMALL;
    if (number % 8 != 0 || number / 8 >= LETTERS_SMALL)
        return calls_small(session, number - messages);
    letters_small(session, number / 8);
    set_harness(session, 2 * session->n_ranks);
    return true;
}

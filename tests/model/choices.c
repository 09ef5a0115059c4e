// SPDX-License-Identifier: MIT
/* choices.c - the decisions of a schedule: at random, all in turn, or as written down.
 *
 * Each has a number, its place in the schedule; what was chosen other than 0 replays the schedule. All in turn means depth first: the same
 * choices again up to the last that has an alternative left, and that alternative.
 * After: M. Musuvathi, S. Qadeer, "Iterative Context Bounding for Systematic Testing of Multithreaded Programs", PLDI 2007. */
#include "runtime.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { LOGGED = 100000 };

struct decision {
    int32_t place;
    int16_t alternatives, chosen;
};

/* On pages of its own, since variables are set back before every schedule. */
static struct choices {
    enum { RANDOM, ALL, AGAIN, BY } how;
    int (*by)(enum model_choice kind, int alternatives);
    int32_t place; /* of the next decision */
    uint64_t random;
    int preempt_rate, stale_rate; /* of 1024 */
    int bound, preemptions;       /* ALL */
    struct decision log[LOGGED];  /* ALL: those with alternatives; else those other than 0 */
    int logged, planned;          /* ALL, AGAIN: the first `planned` are given */
} * choices;

void model_choices_setup(void)
{
    choices = mmap(NULL, sizeof *choices, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
}

static uint32_t draw(uint32_t below)
{
    uint64_t x = choices->random += 0x9e3779b97f4a7c15u;
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
    x = (x ^ x >> 27) * 0x94d049bb133111ebu;
    return (uint32_t)(((x >> 32) * below) >> 32);
}

void model_choose_randomly(uint64_t seed)
{
    static const int rates[] = {10, 40, 100, 200, 400, 700};
    choices->how = RANDOM;
    choices->place = choices->logged = choices->planned = 0;
    choices->random = seed * 0x2545f4914f6cdd1du;
    choices->preempt_rate = rates[draw(6)];
    choices->stale_rate = rates[draw(6)];
}

static void log_decision(int alternatives, int chosen)
{
    if (choices->logged < LOGGED)
        choices->log[choices->logged++] = (struct decision){choices->place, (int16_t)alternatives, (int16_t)chosen};
}

static int choose_randomly(enum model_choice kind, int alternatives)
{
    int rate = kind == MODEL_PREEMPT ? choices->preempt_rate
               : kind == MODEL_STALE ? choices->stale_rate
               : kind == MODEL_TIME  ? (model->harness->hasty ? 512 : 20)
                                     : 1024;
    if (rate == 1024)
        return (int)draw((uint32_t)alternatives);
    return (int)draw(1024) < rate ? 1 + (int)draw((uint32_t)alternatives - 1) : 0;
}

static bool counts(enum model_choice kind)
{
    return kind == MODEL_PREEMPT || kind == MODEL_YIELD;
}

static int choose_in_turn(enum model_choice kind, int alternatives)
{
    int chosen = 0;
    if (kind == MODEL_TIME || kind == MODEL_FENCE || (counts(kind) && choices->preemptions == choices->bound))
        return 0;
    if (choices->logged < choices->planned)
        chosen = choices->log[choices->logged++].chosen;
    else
        log_decision(alternatives, 0);
    choices->preemptions += counts(kind) && chosen > 0;
    return chosen;
}

static int choose_again(void)
{
    if (choices->logged < choices->planned && choices->log[choices->logged].place == choices->place)
        return choices->log[choices->logged++].chosen;
    return 0;
}

int model_choose(enum model_choice kind, int alternatives)
{
    int chosen = 0;
    choices->place++;
    if (choices->how == AGAIN)
        return choose_again();
    if (choices->how == BY)
        return choices->by(kind, alternatives);
    if (alternatives < 2 || (model->quiet && kind != MODEL_NEXT && kind != MODEL_YIELD))
        return 0;
    if (choices->how == ALL)
        return choose_in_turn(kind, alternatives);
    chosen = choose_randomly(kind, alternatives);
    if (chosen > 0)
        log_decision(alternatives, chosen);
    return chosen;
}

void model_choose_all(int preemptions)
{
    choices->how = ALL;
    choices->bound = preemptions;
    choices->place = choices->logged = choices->planned = choices->preemptions = 0;
}

void model_choose_by(int (*choose)(enum model_choice kind, int alternatives))
{
    choices->how = BY;
    choices->by = choose;
}

bool model_choose_next(void)
{
    int last = choices->logged - 1;
    while (last >= 0 && choices->log[last].chosen + 1 == choices->log[last].alternatives)
        last--;
    if (last < 0)
        return false;
    choices->log[last].chosen++;
    choices->planned = last + 1;
    choices->place = choices->logged = choices->preemptions = 0;
    return true;
}

bool model_choosing_all(void)
{
    return choices->how == ALL;
}

void model_choices_text(char *text, size_t size)
{
    size_t at = 0;
    text[0] = 0;
    for (int i = 0; i < choices->logged && at < size; i++)
        if (choices->log[i].chosen > 0)
            at += (size_t)snprintf(text + at, size - at, "%s%d:%d", at > 0 ? "," : "", choices->log[i].place,
                                   choices->log[i].chosen);
}

bool model_choose_again(const char *text)
{
    choices->how = AGAIN;
    choices->place = choices->logged = choices->planned = 0;
    while (*text != 0) {
        int place, chosen, length;
        if (sscanf(text, "%d:%d%n", &place, &chosen, &length) != 2 || choices->planned == LOGGED)
            return false;
        choices->log[choices->planned++] = (struct decision){place, 0, (int16_t)chosen};
        text += length + (text[length] == ',');
    }
    return true;
}

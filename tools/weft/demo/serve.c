// SPDX-License-Identifier: MIT
/* serve.c - an inference engine in small: rank 0 has the requests, the others follow.
 *
 * Each step rank 0 broadcasts a batch, an object that owns its arrays: one token for each request, and where it stands in
 * that request's text. All ranks compute their part, meet in the layers' sums, and gather the logits; rank 0 chooses the
 * next tokens. A batch may also say that there is nothing to do, and then everybody sleeps in weft_sync until rank 0
 * comes, too; or that it is time to stop. */
#define _POSIX_C_SOURCE 200809L
#include "serve.h"

#include "base.h"
#include "model_math.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { PROMPT_MAX = 200, SEED = 7 };
enum command { STEP, IDLE, STOP };

struct batch {
    enum command command;
    int count, room; /* requests there are, and requests that the arrays have room for */
    uint8_t *tokens;
    int32_t *positions;
};

static bool batch_resize(struct batch *batch, int count)
{
    if (count > batch->room) {
        uint8_t *tokens = realloc(batch->tokens, (size_t)count * sizeof *tokens);
        batch->tokens = tokens != NULL ? tokens : batch->tokens;
        int32_t *positions = realloc(batch->positions, (size_t)count * sizeof *positions);
        batch->positions = positions != NULL ? positions : batch->positions;
        if (tokens == NULL || positions == NULL)
            return false;
        batch->room = count;
    }
    batch->count = count;
    return true;
}

static weft_status batch_copy(const weft_type *type, const void *source, void *target, size_t count)
{
    (void)type;
    for (size_t i = 0; i < count; i++) {
        const struct batch *from = (const struct batch *)source + i;
        struct batch *to = (struct batch *)target + i;
        if (!batch_resize(to, from->count))
            return WEFT_ERR_MEMORY;
        to->command = from->command;
        for (int j = 0; j < from->count; j++) {
            to->tokens[j] = from->tokens[j];
            to->positions[j] = from->positions[j];
        }
    }
    return WEFT_OK;
}

static void batch_free(struct batch *batch)
{
    free(batch->tokens);
    free(batch->positions);
}

static const weft_type batch_type = {.name = "batch", .size = sizeof(struct batch), .copy = batch_copy};

struct engine {
    const struct serve_plan *plan;
    struct serve_result *result; /* rank 0 writes it */
    struct peers peers;
    struct model *model;
    struct batch batch;
};

/* Nobody asks for anything for a while: what a front end would do, waiting for its sockets. */
static void wait_for_requests(const struct engine *engine, struct serve_result *result)
{
    const double seconds = engine->plan->idle_seconds, settle = 0.02;
    const struct timespec pause = {(time_t)seconds, (long)(1e9 * fmod(seconds, 1))}, first = {0, (long)(1e9 * settle)};
    nanosleep(&first, NULL); /* the others fall asleep */
    const double before = processor_seconds();
    nanosleep(&pause, NULL);
    result->idle_processor_share = (processor_seconds() - before) / seconds;
}

/* What every rank does with the next batch. Returns its logits; NULL: there are none. */
static const float *act(struct engine *engine)
{
    peers_broadcast(&engine->peers, &engine->batch, 1, &batch_type);
    if (engine->peers.status != WEFT_OK || engine->batch.command == STOP)
        return NULL;
    if (engine->batch.command == IDLE) {
        if (engine->peers.rank == 0)
            wait_for_requests(engine, engine->result);
        peers_idle(&engine->peers);
        return NULL;
    }
    const float *logits =
        model_forward(engine->model, engine->batch.tokens, engine->batch.positions, engine->batch.count);
    return engine->peers.status == WEFT_OK ? logits : NULL;
}

static void follow(struct engine *engine)
{
    do
        act(engine);
    while (engine->peers.status == WEFT_OK && engine->batch.command != STOP);
}

/* ---- Rank 0 alone: */

static const float *order(struct engine *engine, enum command command)
{
    engine->batch.command = command;
    return act(engine);
}

/* Feeds the text whose logits are known. Follows the given letters, so that one close choice cannot hide the rest. */
static void compare_logits(struct engine *engine)
{
    const int vocab = engine->plan->shape.vocab;
    const float *expected = engine->plan->expected;
    engine->batch.count = 1;
    for (int i = 0; i < engine->plan->shape.context; i++, expected += vocab) {
        engine->batch.tokens[0] = engine->plan->text->symbols[i];
        engine->batch.positions[0] = i;
        const float *logits = order(engine, STEP);
        for (int j = 0; logits != NULL && j < vocab; j++) {
            const double difference = fabs((double)logits[j] - (double)expected[j]);
            if (!(difference <= engine->result->worst_difference)) /* also if it is not a number */
                engine->result->worst_difference = difference;
        }
    }
}

/* The likeliest symbol at temperature 0; above, one at random, the likelier the more often. */
static uint8_t choose(const float *logits, int symbols, double temperature, double random)
{
    float share[256];
    int best = 0;
    for (int i = 0; i < symbols; i++) {
        share[i] = logits[i] / (float)(temperature > 0 ? temperature : 1);
        best = logits[i] > logits[best] ? i : best;
    }
    softmax(share, symbols);
    for (int i = 0; temperature > 0 && i < symbols; i++) {
        random -= (double)share[i];
        if (random < 0)
            return (uint8_t)i;
    }
    return (uint8_t)best;
}

/* The part of a prompt that the text has letters for; at least one symbol. */
static int encode(const struct text *text, const char *prompt, uint8_t *symbols, int room)
{
    int length = 0;
    for (; *prompt != '\0' && length < room; prompt++)
        if (text->symbol_of[(unsigned char)*prompt] >= 0)
            symbols[length++] = (uint8_t)text->symbol_of[(unsigned char)*prompt];
    if (length == 0)
        symbols[length++] = 0;
    return length;
}

struct wish {
    int requests;
    int letters;    /* show this many of the first request's, as they come */
    double seconds; /* and go on at least so long */
    double temperature;
    const char *line_end;
    char *kept; /* room for the letters shown, or NULL */
};

/* Steps all requests together: each is fed its prompt, then what was chosen for it. Returns how many steps it took. */
static int generate(struct engine *engine, const struct wish *wish)
{
    static const char *const others[SERVE_REQUESTS] = {"",       "I think ", "If you ", "A man ",
                                                       "Never ", "What is ", "Q: ",     "Life is "};
    const struct text *text = engine->plan->text;
    uint8_t prompts[SERVE_REQUESTS][PROMPT_MAX];
    int lengths[SERVE_REQUESTS], shown = 0, step = 0;
    const double start = wall_seconds();
    for (int i = 0; i < wish->requests; i++) {
        lengths[i] = encode(text, i == 0 ? engine->plan->prompt : others[i], prompts[i], PROMPT_MAX);
        engine->batch.tokens[i] = prompts[i][0];
    }
    engine->batch.count = wish->requests;
    for (; shown < wish->letters || wall_seconds() - start < wish->seconds; step++) {
        for (int i = 0; i < wish->requests; i++)
            engine->batch.positions[i] = step;
        const float *logits = order(engine, STEP);
        if (logits == NULL)
            break;
        for (int i = 0; i < wish->requests; i++, logits += engine->plan->shape.vocab) {
            const double random = random_unit(SEED, (uint64_t)step);
            const uint8_t chosen = choose(logits, text->kinds, wish->temperature, random);
            engine->batch.tokens[i] = step + 1 < lengths[i] ? prompts[i][step + 1] : chosen;
        }
        if (step + 1 < lengths[0] || shown == wish->letters)
            continue;
        const char letter = (char)text->bytes[engine->batch.tokens[0]];
        screen_text(&letter, 1, wish->line_end);
        fflush(stdout);
        if (wish->kept != NULL)
            wish->kept[shown] = letter;
        shown++;
    }
    return step;
}

static void show_prompt(const struct engine *engine, const char *line_end)
{
    fputs(screen_style(FAINT), stdout);
    screen_text(engine->plan->prompt, strlen(engine->plan->prompt), line_end);
    fputs(screen_style(PLAIN), stdout);
}

static void answer(struct engine *engine)
{
    const struct serve_plan *plan = engine->plan;
    struct serve_result *result = engine->result;
    const struct wish likeliest = {SERVE_REQUESTS, SERVE_LETTERS, plan->measure_seconds, 0, " ", result->letters};
    const double start = wall_seconds(), communicating = engine->peers.seconds;
    printf("  %d rank%s  ", plan->ranks, plan->ranks == 1 ? " " : "s");
    show_prompt(engine, " ");
    result->tokens_per_second = generate(engine, &likeliest) * SERVE_REQUESTS;
    const double seconds = wall_seconds() - start;
    result->tokens_per_second /= seconds;
    result->communicating = (engine->peers.seconds - communicating) / seconds;
    printf("\n");
}

static void lead(struct engine *engine)
{
    const struct wish invented = {1, engine->plan->invent_letters, 0, 0.7, "\n  ", NULL};
    if (invented.letters > 0) {
        printf("  ");
        show_prompt(engine, "\n  ");
        generate(engine, &invented);
        printf("\n");
    } else {
        compare_logits(engine);
        answer(engine);
        order(engine, IDLE);
    }
    order(engine, STOP);
}

/* ---- Every rank: */

static weft_status open_engine(struct engine *engine, weft_comm *comm)
{
    const struct model_shape *shape = &engine->plan->shape;
    const size_t count = model_weights(shape);
    float *whole = malloc(count * sizeof *whole);
    if (whole == NULL)
        return WEFT_ERR_MEMORY;
    engine->peers = peers_open(comm);
    if (engine->peers.rank == 0)
        memcpy(whole, engine->plan->weights, count * sizeof *whole);
    peers_broadcast(&engine->peers, whole, count, WEFT_FLOAT32);
    if (engine->peers.status == WEFT_OK)
        engine->model = model_create(shape, &engine->peers, whole, SERVE_REQUESTS, true);
    free(whole);
    if (engine->peers.status != WEFT_OK)
        return engine->peers.status;
    const bool room = engine->peers.rank != 0 || batch_resize(&engine->batch, SERVE_REQUESTS);
    return engine->model != NULL && room ? WEFT_OK : WEFT_ERR_MEMORY;
}

struct assignment {
    const struct serve_plan *plan;
    struct serve_result *result;
};

static weft_status serve_rank(weft_comm *comm, void *argument)
{
    const struct assignment *assignment = argument;
    struct engine engine = {.plan = assignment->plan, .result = assignment->result};
    weft_status status = open_engine(&engine, comm);
    if (status == WEFT_OK) {
        if (engine.peers.rank == 0)
            lead(&engine);
        else
            follow(&engine);
        status = engine.peers.status;
    }
    model_free(engine.model);
    batch_free(&engine.batch);
    return status;
}

weft_status serve(const struct serve_plan *plan, struct serve_result *result)
{
    const weft_config config = {.struct_size = sizeof config, .name = "serving"};
    struct assignment assignment = {plan, result};
    return weft_run(plan->ranks, &config, serve_rank, &assignment);
}

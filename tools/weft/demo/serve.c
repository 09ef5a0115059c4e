// SPDX-License-Identifier: MIT
/* serve.c - an inference engine in small: rank 0 has the requests, the others follow.
 *
 * Each step rank 0 broadcasts a batch, an object that owns its array: one token for each request. All ranks compute their
 * part, meet in the layers' sums, and gather the logits; rank 0 chooses the next tokens. A batch may also say that there
 * is nothing to do, and then everybody sleeps in weft_sync until rank 0 comes, too; or that it is time to stop. */
#include "model.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LETTERS = 64, FREE_LETTERS = 400 };
static const char *const prompts[TEXTS] = {"The ", "I think ", "If you ", "Never "};

/* A step of one rank alone: what its requests had come to, and what followed. */
struct record {
    uint8_t bytes[TEXTS];
    float logits[TEXTS * VOCAB];
};

/* What to serve, and what came of it, which rank 0 writes. */
struct serving {
    const float *weights;
    int ranks;
    struct record *records; /* of the first LETTERS steps: one rank writes, more compare. NULL: a free text instead */

    double apart;                          /* the furthest that any logit was from the recorded one */
    bool parted;                           /* a text became different; logits cannot be compared from there on */
    double lead;                           /* there: of the likelier of the two letters */
    double speed, communicating, idle_use; /* tokens a second; share of the time; processors */
};

enum command { STEP, IDLE, STOP };
struct batch {
    enum command command;
    int count;
    struct token *tokens; /* owned */
};

static weft_status batch_copy(const weft_type *type, const void *source, void *target, size_t count)
{
    (void)type;
    for (size_t i = 0; i < count; i++) {
        const struct batch *from = (const struct batch *)source + i;
        struct batch *to = (struct batch *)target + i;
        struct token *tokens = realloc(to->tokens, (size_t)(from->count + 1) * sizeof *tokens); /* never 0 bytes */
        if (tokens == NULL)
            return WEFT_ERR_MEMORY;
        memcpy(tokens, from->tokens, (size_t)from->count * sizeof *tokens);
        *to = (struct batch){from->command, from->count, tokens};
    }
    return WEFT_OK;
}

static const weft_type batch_type = {.name = "batch", .size = sizeof(struct batch), .copy = batch_copy};

struct engine {
    struct serving *serving;
    struct peers peers;
    struct model *model;
    struct batch batch;
    const float *logits; /* of the last step */
};

/* What a front end would do that waits for its sockets. Meanwhile the other ranks should not take any processor time. */
static void wait_for_requests(struct serving *serving)
{
    const struct timespec settle = {0, 100000000}, pause = {0, 500000000};
    nanosleep(&settle, NULL);
    const double used = seconds(CLOCK_PROCESS_CPUTIME_ID) - seconds(CLOCK_THREAD_CPUTIME_ID);
    nanosleep(&pause, NULL);
    serving->idle_use = 2 * fmax(0, seconds(CLOCK_PROCESS_CPUTIME_ID) - seconds(CLOCK_THREAD_CPUTIME_ID) - used);
}

/* What every rank does with the next batch. False: it was the last. */
static bool act(struct engine *engine)
{
    peers_broadcast(&engine->peers, &engine->batch, 1, &batch_type);
    if (engine->peers.status == WEFT_OK && engine->batch.command == STEP)
        engine->logits = model_forward(engine->model, engine->batch.tokens, engine->batch.count);
    if (engine->peers.status == WEFT_OK && engine->batch.command == IDLE) {
        if (engine->peers.rank == 0)
            wait_for_requests(engine->serving);
        engine->peers.status = weft_sync(engine->peers.world, true);
    }
    return engine->peers.status == WEFT_OK && engine->batch.command != STOP;
}

/* From here to `lead`: rank 0 alone. */
static bool order(struct engine *engine, enum command command)
{
    engine->batch.command = command;
    return act(engine);
}

/* One rank records its steps. More ranks compare theirs, until a text becomes different: the two letters must have been
 * about equally likely. */
static void compare(struct serving *serving, int step, const struct token *tokens, const float *logits)
{
    struct record *record = &serving->records[step];
    if (serving->ranks == 1)
        memcpy(record->logits, logits, sizeof record->logits);
    for (int i = 0; i < TEXTS && !serving->parted; i++) {
        const float *before = record[-(step > 0)].logits + i * VOCAB;
        record->bytes[i] = serving->ranks == 1 ? tokens[i].byte : record->bytes[i];
        serving->parted = tokens[i].byte != record->bytes[i];
        serving->lead = farther(0, (double)before[tokens[i].byte], (double)before[record->bytes[i]]);
    }
    for (int i = 0; i < TEXTS * VOCAB && !serving->parted; i++)
        serving->apart = farther(serving->apart, (double)logits[i], (double)record->logits[i]);
}

/* The likeliest byte; with chance, one at random, the likelier the more often: the best one after noise of a Gumbel
 * distribution was added (C. Maddison, D. Tarlow, T. Minka, "A* Sampling", 2014). */
static uint8_t choose(const float *logits, double chance, int step)
{
    double best = -INFINITY;
    int chosen = 0;
    for (int i = 0; i < VOCAB; i++) {
        const double noise = chance > 0 ? -log(-log(random_unit((uint64_t)step, (uint64_t)i))) : 0;
        const double score = (double)logits[i] + chance * noise;
        chosen = score > best ? i : chosen;
        best = score > best ? score : best;
    }
    return (uint8_t)chosen;
}

/* A byte of the model's, unless it may steer the terminal (in UTF-8, 0xc2 begins the control characters above 127). */
static void print_letter(uint8_t letter, const char *line_end)
{
    if (letter == '\n')
        fputs(line_end, stdout);
    else if (letter >= ' ' && letter != 127 && letter != 0xc2)
        putchar(letter);
    fflush(stdout);
}

/* Steps all requests together: each is fed its prompt, then what was chosen for it. The first one's letters appear as they
 * come; then it goes on until `least` seconds have passed. */
static void generate(struct engine *engine, int letters, double least, double chance, const char *line_end)
{
    struct serving *serving = engine->serving;
    struct token *tokens = engine->batch.tokens;
    const double started = seconds(CLOCK_MONOTONIC), communicated = engine->peers.seconds;
    double spent = 0;
    int step = 0;
    uint8_t next[TEXTS];
    for (; step < letters || spent < least; step++, spent = seconds(CLOCK_MONOTONIC) - started) {
        for (int i = 0; i < TEXTS; i++)
            tokens[i] = (struct token){i, step, step < (int)strlen(prompts[i]) ? (uint8_t)prompts[i][step] : next[i]};
        if (step < letters)
            print_letter(tokens[0].byte, line_end);
        if (!order(engine, STEP))
            return;
        if (step < LETTERS && serving->records != NULL)
            compare(serving, step, tokens, engine->logits);
        for (int i = 0; i < TEXTS; i++)
            next[i] = choose(engine->logits + i * VOCAB, chance, step);
    }
    serving->speed = step * TEXTS / spent;
    serving->communicating = (engine->peers.seconds - communicated) / spent;
}

static void lead(struct engine *engine)
{
    if (engine->serving->records == NULL)
        generate(engine, FREE_LETTERS, 0, 0.7, "\n  ");
    else {
        generate(engine, LETTERS, 1, 0, " ");
        order(engine, IDLE);
    }
    order(engine, STOP);
    printf("\n");
}

static weft_status serve_rank(weft_comm *world, void *argument)
{
    struct engine engine = {.serving = argument, .batch = {.count = TEXTS}};
    engine.batch.tokens = calloc(TEXTS, sizeof *engine.batch.tokens);
    peers_open(&engine.peers, world, weft_comm_size(world));
    engine.model = model_create(&engine.peers, engine.serving->weights);
    if (engine.peers.status == WEFT_OK && engine.batch.tokens == NULL)
        engine.peers.status = WEFT_ERR_MEMORY;
    if (engine.peers.status == WEFT_OK && engine.peers.rank == 0)
        lead(&engine);
    while (engine.peers.status == WEFT_OK && engine.peers.rank > 0 && act(&engine))
        continue;
    free(engine.batch.tokens);
    free(engine.model);
    peers_close(&engine.peers);
    return engine.peers.status;
}

static bool serve(struct serving *serving)
{
    const weft_config config = {.struct_size = sizeof config, .name = "serving"};
    return weft_run(serving->ranks, &config, serve_rank, serving) == WEFT_OK ||
           complain("serving failed: %s", weft_last_error());
}

bool serve_model(const float *weights)
{
    static struct record records[LETTERS];
    struct serving on[3], freely = {.weights = weights, .ranks = 2};
    double apart = 0, lead = 0, idle_use = 0;
    printf("\nServing on 1, 2 and 4 ranks\n\n"
           "  Heads, feed-forward columns and vocabulary are split over the ranks, which step %d requests at a\n"
           "  time. This is the first request, always with the likeliest letter:\n\n",
           TEXTS);
    for (int i = 0; i < 3; i++) {
        on[i] = (struct serving){.weights = weights, .ranks = 1 << i, .records = records};
        printf("  %d rank%s  ", on[i].ranks, i == 0 ? " " : "s");
        if (!serve(&on[i]))
            return false;
        apart = farther(apart, on[i].apart, 0);
        lead = farther(lead, on[i].lead, 0);
        idle_use = farther(idle_use, on[i].idle_use, 0);
    }
    printf("\n  %5s  %10s  %13s  %s\n", "ranks", "tokens/s", "communicating", "while idle");
    for (int i = 0; i < 3; i++)
        printf("  %5d  %10.0f  %11.1f %%  %.2f ms of processor time a second\n", on[i].ranks, on[i].speed,
               100 * on[i].communicating, 1e3 * on[i].idle_use);
    printf("\n");
    const bool right =
        check(apart <= ALLOWED, "the logits of 1, 2 and 4 ranks differ by %.0e at most (allowed: %.0e)", apart,
              ALLOWED) &&
        (lead == 0 ||
         check(lead <= ALLOWED, "texts differ where a letter led by %.0e (allowed: %.0e)", lead, ALLOWED)) &&
        check(idle_use < 0.002, "ranks that idle take %.2f ms of processor time a second (allowed: 2)", 1e3 * idle_use);
    if (right)
        printf("\nAnd freely, with a little chance, on 2 ranks\n\n  ");
    return right && serve(&freely);
}

// SPDX-License-Identifier: MIT
/* train.c - the training loop that every rank runs.
 *
 * Rank 0 draws the weights and broadcasts them. In each step a rank computes the gradient of its share of the batch; one
 * allreduce over the data group adds up all of it, with the loss as its last element; and every rank takes the same Adam
 * step, so that the weights stay equal without being sent again. With several ranks to a model, its shards meet inside
 * every layer besides (model.c), in a group of their own. Which windows make up a batch depends on the step alone. */
#include "train.h"

#include "base.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WINDOWS_AT_ONCE = 4, HELD_WINDOWS = 64, SEED = 20, SHOWN_LINES = 10 };

struct trainer {
    const struct train_plan *plan;
    struct train_result *result; /* rank 0 writes it, the others leave it alone */
    struct peers world, data, shards;
    struct model *model;
    float *weights, *gradients;
    size_t weight_count;
    double started, shown_at, shown_communicating; /* when the progress line was last drawn, and its count then */
    int shown_step;
};

static weft_status open_groups(struct trainer *t, weft_comm *comm)
{
    const int size = t->plan->model_ranks, rank = weft_comm_rank(comm);
    weft_comm *data = NULL, *shards = NULL;
    weft_status status = weft_comm_split(comm, rank % size, rank, &data);
    if (status == WEFT_OK && size > 1)
        status = weft_comm_split(comm, rank / size, rank, &shards);
    t->world = peers_open(comm);
    t->data = peers_open(data);
    t->shards = peers_open(shards);
    return status;
}

static weft_status open_model(struct trainer *t)
{
    const struct model_shape *shape = &t->plan->shape;
    const size_t count = model_weights(shape);
    float *whole = malloc(count * sizeof *whole);
    if (whole == NULL)
        return WEFT_ERR_MEMORY;
    if (t->world.rank == 0)
        model_random(shape, SEED, whole);
    peers_broadcast(&t->world, whole, count, WEFT_FLOAT32);
    if (t->world.status == WEFT_OK)
        t->model = model_create(shape, &t->shards, whole, WINDOWS_AT_ONCE * shape->context, false);
    free(whole);
    if (t->world.status != WEFT_OK || t->model == NULL)
        return t->world.status != WEFT_OK ? t->world.status : WEFT_ERR_MEMORY;
    t->weights = model_own(t->model, &t->gradients, &t->weight_count);
    return WEFT_OK;
}

/* Where window `index` of a step begins; step 0 is the text held out. A window lies within one block. */
static const uint8_t *window(const struct train_plan *plan, int step, int index)
{
    const uint64_t draw = random_bits((uint64_t)step, (uint64_t)index),
                   periods = plan->text->size / TEXT_BLOCK / TEXT_PERIOD;
    uint64_t block = draw % (periods * (TEXT_PERIOD - 1));
    block = step == 0 ? (uint64_t)index % periods * TEXT_PERIOD + TEXT_PERIOD - 1 : block + block / (TEXT_PERIOD - 1);
    return plan->text->symbols + block * TEXT_BLOCK + (draw >> 32) % (uint64_t)(TEXT_BLOCK - plan->shape.context);
}

/* The loss of this rank's share of a step's windows, a few at a time; adds `scale` times its gradient. */
static double share_loss(struct trainer *t, int step, int count, float scale)
{
    const int context = t->plan->shape.context;
    const int first = count * t->data.rank / t->data.count, end = count * (t->data.rank + 1) / t->data.count;
    uint8_t tokens[WINDOWS_AT_ONCE * MODEL_CONTEXT_MAX], targets[WINDOWS_AT_ONCE * MODEL_CONTEXT_MAX];
    double sum = 0;
    for (int i = first; i < end; i += WINDOWS_AT_ONCE) {
        const int windows = end - i < WINDOWS_AT_ONCE ? end - i : WINDOWS_AT_ONCE;
        for (int w = 0; w < windows; w++) {
            memcpy(tokens + w * context, window(t->plan, step, i + w), (size_t)context);
            memcpy(targets + w * context, window(t->plan, step, i + w) + 1, (size_t)context);
        }
        model_forward(t->model, tokens, NULL, windows * context);
        sum += model_loss(t->model, tokens, targets, windows * context, scale);
    }
    return sum;
}

/* Up for the first hundred steps, then down in a straight line to a twentieth. The start does not depend on the end. */
static float learning_rate(int step, int total)
{
    const float peak = 0.004f;
    if (step <= TRAIN_CHECK_STEPS)
        return peak * (float)step / TRAIN_CHECK_STEPS;
    return peak * (1 - 0.95f * (float)(step - TRAIN_CHECK_STEPS) / (float)(total - TRAIN_CHECK_STEPS));
}

static float take_step(struct trainer *t, int step, int total)
{
    const int windows = t->plan->windows;
    const float scale = 1 / (float)(windows * t->plan->shape.context);
    memset(t->gradients, 0, t->weight_count * sizeof(float));
    const double loss = share_loss(t, step, windows, scale);
    t->gradients[t->weight_count] = (float)loss * scale;
    peers_sum(&t->data, t->gradients, t->weight_count + 1);
    model_adam(t->model, step, learning_rate(step, total));
    return t->gradients[t->weight_count];
}

/* Ranks that hold the same shard must hold the same bits. */
static void compare_weights(struct trainer *t, int step)
{
    uint64_t sums[TRAIN_RANKS_MAX];
    struct train_result *result = t->result;
    sums[t->data.rank] = checksum(t->weights, t->weight_count * sizeof(float));
    peers_gather(&t->data, sums, 1, WEFT_UINT64);
    if (t->world.rank != 0 || t->data.status != WEFT_OK)
        return;
    for (int rank = 1; rank < t->data.count && result->difference[0] == '\0'; rank++)
        if (sums[rank] != sums[0])
            snprintf(result->difference, sizeof result->difference,
                     "after step %d rank %d's weights have checksum %016llx, rank 0's %016llx", step, rank,
                     (unsigned long long)sums[rank], (unsigned long long)sums[0]);
    if (result->comparisons++ == 0)
        result->first_checksum = sums[0];
}

static void judge(struct trainer *t)
{
    double loss = share_loss(t, 0, HELD_WINDOWS, 0);
    peers_add_up_at_root(&t->data, &loss, 1);
    if (t->world.rank == 0)
        t->result->held_loss = loss / (HELD_WINDOWS * t->plan->shape.context);
}

/* Rank 0 looks at the clock and tells the others how many steps there will be. */
static int agree_on_total(struct trainer *t, int step)
{
    const double spent = wall_seconds() - t->started;
    int32_t total = t->plan->steps;
    if (total == 0) {
        total = (int32_t)(step * t->plan->seconds / spent) / TRAIN_CHECK_STEPS * TRAIN_CHECK_STEPS;
        total = total < step ? step : total;
    }
    peers_broadcast(&t->world, &total, 1, WEFT_INT32);
    return total;
}

/* One line, drawn over itself on a terminal; it stays where it is at the first step, the last, and about ten between. */
static void show(struct trainer *t, int step, int total, float loss)
{
    const int every = (total / SHOWN_LINES + TRAIN_CHECK_STEPS - 1) / TRAIN_CHECK_STEPS * TRAIN_CHECK_STEPS;
    const bool stays = step == 1 || step == total || step % (every > 0 ? every : 1) == 0;
    const double now = wall_seconds(), passed = now - t->shown_at;
    char number[32], speed[32], held[32] = "";
    if (!stays && (!screen_live() || passed < 0.1))
        return;
    if (step == 1)
        printf("  %s%8s  %8s  %8s  %10s  %13s%s\n", screen_style(FAINT), "step", "loss", "held out", "tokens/s",
               "communicating", screen_style(PLAIN));
    if (t->result->comparisons > 0)
        snprintf(held, sizeof held, "%.3f", t->result->held_loss);
    const double communicating = t->data.seconds + t->shards.seconds,
                 tokens = t->plan->windows * t->plan->shape.context;
    printf("%s  %8s  %8.3f  %8s  %10s  %11.1f %%%s", screen_live() ? "\r" : "", grouped(step, number), (double)loss,
           held, grouped((step - t->shown_step) * tokens / passed, speed),
           100 * (communicating - t->shown_communicating) / passed, stays ? "\n" : "");
    fflush(stdout);
    t->shown_at = now;
    t->shown_step = step;
    t->shown_communicating = communicating;
}

static weft_status first_failure(const struct trainer *t)
{
    if (t->world.status != WEFT_OK || t->data.status != WEFT_OK)
        return t->world.status != WEFT_OK ? t->world.status : t->data.status;
    return t->shards.status;
}

static weft_status take_steps(struct trainer *t)
{
    int total = t->plan->steps > 0 ? t->plan->steps : TRAIN_CHECK_STEPS;
    t->started = t->shown_at = wall_seconds();
    for (int step = 1; step <= total && first_failure(t) == WEFT_OK; step++) {
        const float loss = take_step(t, step, total);
        if (step % TRAIN_CHECK_STEPS == 0 || step == total) {
            compare_weights(t, step);
            judge(t);
            total = agree_on_total(t, step);
        }
        if (t->world.rank != 0)
            continue;
        if (step <= TRAIN_CHECK_STEPS)
            t->result->losses[step - 1] = loss;
        t->result->steps = step;
        if (t->plan->show)
            show(t, step, total, loss);
    }
    if (t->world.rank == 0 && t->plan->model_ranks == 1 && t->result->weights != NULL)
        memcpy(t->result->weights, t->weights, t->weight_count * sizeof(float));
    return first_failure(t);
}

struct assignment {
    const struct train_plan *plan;
    struct train_result *result;
};

static weft_status train_rank(weft_comm *comm, void *argument)
{
    const struct assignment *assignment = argument;
    struct trainer t = {.plan = assignment->plan, .result = assignment->result};
    weft_status status = open_groups(&t, comm);
    if (status == WEFT_OK)
        status = open_model(&t);
    if (status == WEFT_OK)
        status = take_steps(&t);
    model_free(t.model);
    weft_comm_destroy(t.shards.comm);
    weft_comm_destroy(t.data.comm);
    return status;
}

weft_status train(const struct train_plan *plan, struct train_result *result)
{
    const weft_config config = {.struct_size = sizeof config, .name = "training"};
    struct assignment assignment = {plan, result};
    return weft_run(plan->ranks, &config, train_rank, &assignment);
}

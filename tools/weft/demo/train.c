// SPDX-License-Identifier: MIT
/* train.c - the training loop that every rank runs, and what is checked about it.
 *
 * Rank 0 draws the weights and broadcasts them. In each step a rank computes the gradient of its share of the batch; one
 * allreduce over the data group adds up all of it, with the loss as its last element; and every rank takes the same Adam
 * step, so that the weights stay equal without being sent again. With several ranks to a model, its shards meet inside
 * every layer besides (model.c), in a group of their own. Which windows make up a batch depends on the step alone. */
#include "model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { SECONDS = 60, WINDOWS = 32, HELD_WINDOWS = 64, RANKS_MAX = 4 };
enum { STAGE = 100 }; /* after so many steps ranks compare their weights, and look at the text held out */

/* What to do, and what came of it, which rank 0 writes. */
struct training {
    const struct text *text;
    int ranks, shards;
    int steps; /* 0: as many as fit in the seconds; then how many there were */

    bool unequal;        /* ranks that should have the same weights do not */
    uint64_t sum;        /* of the weights after the first steps */
    float losses[STAGE]; /* of these steps */
    double held_loss;
    float *weights; /* a place for rank 0's, or NULL */
};

struct trainer {
    struct training *training;
    struct peers peers;
    struct model *model;
    double started, shown;
};

/* Where window `index` of a step begins. The last sixteenth of the text is held out; step 0 is made of it. */
static const uint8_t *window(const struct text *text, int step, int index)
{
    const size_t first = step > 0 ? 0 : text->size / 16 * 15, end = step > 0 ? text->size / 16 * 15 : text->size;
    return text->bytes + first +
           (size_t)(random_unit((uint64_t)step, (uint64_t)index) * (double)(end - first - CONTEXT));
}

/* The loss of this rank's share of a step's windows, a few at a time; adds `scale` times its gradient. */
static double share_loss(struct trainer *t, int step, int count, float scale)
{
    const int rank = weft_comm_rank(t->peers.data), ranks = weft_comm_size(t->peers.data);
    const int end = count * (rank + 1) / ranks;
    double sum = 0;
    for (int i = count * rank / ranks; i < end; i += TEXTS) {
        const int rows = (end - i < TEXTS ? end - i : TEXTS) * CONTEXT;
        struct token tokens[ROWS];
        uint8_t targets[ROWS];
        for (int j = 0; j < rows; j++) {
            const uint8_t *at = window(t->training->text, step, i + j / CONTEXT) + j % CONTEXT;
            tokens[j] = (struct token){j / CONTEXT, j % CONTEXT, at[0]};
            targets[j] = at[1];
        }
        model_forward(t->model, tokens, rows);
        sum += model_loss(t->model, tokens, targets, rows, scale);
    }
    return sum;
}

/* Returns the loss of the whole batch. The learning rate goes up for the first hundred steps, then down in a straight line
 * to a twentieth, so that the start does not depend on the end. */
static float take_step(struct trainer *t, int step, int total)
{
    const float scale = 1.0f / (WINDOWS * CONTEXT), late = (float)(step - STAGE) / (float)(total - STAGE);
    const float rate = 0.004f * (step <= STAGE ? (float)step / STAGE : 1 - 0.95f * late);
    float *gradients = t->model->gradients;
    memset(gradients, 0, WEIGHTS * sizeof *gradients);
    gradients[WEIGHTS] = scale * (float)share_loss(t, step, WINDOWS, scale);
    peers_sum(&t->peers, t->peers.data, gradients, WEIGHTS + 1);
    model_adam(t->model, step, rate);
    return gradients[WEIGHTS];
}

/* Do ranks with the same shard have the same bits? All ranks get the same answer. */
static bool weights_are_equal(struct trainer *t, int step)
{
    const int ranks = t->training->ranks, shards = t->training->shards;
    uint64_t sums[RANKS_MAX] = {0};
    sums[t->peers.rank] = checksum(t->model->weights, sizeof t->model->weights);
    peers_gather(&t->peers, t->peers.world, sums, 1, WEFT_UINT64);
    if (t->peers.rank == 0 && step <= STAGE)
        t->training->sum = sums[0];
    for (int i = 0; i < ranks && t->peers.status == WEFT_OK; i++)
        if (sums[i] != sums[i % shards]) {
            if (t->peers.rank == 0)
                t->training->unequal =
                    !check(false, "after step %d the weights of ranks %d and %d differ (their checksums: %08x, %08x)",
                           step, i % shards, i, (unsigned)sums[i % shards], (unsigned)sums[i]);
            return false;
        }
    return true;
}

/* Looks at the text held out, and lets rank 0 tell the others by the clock how many steps there will be. */
static int judge(struct trainer *t, int step)
{
    struct training *training = t->training;
    double loss = share_loss(t, 0, HELD_WINDOWS, 0), all = 0;
    int32_t total = 0;
    if (t->peers.status == WEFT_OK)
        t->peers.status = weft_reduce(t->peers.data, &loss, &all, 1, WEFT_FLOAT64, WEFT_SUM, 0);
    if (t->peers.rank == 0) {
        const double spent = seconds(CLOCK_MONOTONIC) - t->started;
        const int fit = step % STAGE == 0 ? (int)(step * SECONDS / spent) : step, least = step > 0 ? step : STAGE;
        training->held_loss = all / (HELD_WINDOWS * CONTEXT);
        total = training->steps > 0 ? training->steps : fit > least ? fit : least;
    }
    peers_broadcast(&t->peers, &total, 1, WEFT_INT32);
    return total;
}

/* A line at the first step, every hundredth and the last; between them one that is drawn over itself or, where there is no
 * terminal that is wide enough, one every two seconds. */
static void show(struct trainer *t, int step, int total, float loss)
{
    struct winsize size;
    const bool live = ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col >= 64;
    const bool stays = step == 1 || step == total || step % STAGE == 0;
    const double now = seconds(CLOCK_MONOTONIC), spent = now - t->started;
    if (!stays && now - t->shown < (live ? 0.1 : 2))
        return;
    if (step == 1)
        printf("  %8s  %8s  %8s  %10s  %13s\n", "step", "loss", "held out", "tokens/s", "communicating");
    printf("%s  %8d  %8.3f  %8.3f  %10.0f  %11.1f %%%s", live ? "\r" : "", step, (double)loss, t->training->held_loss,
           step * WINDOWS * CONTEXT / spent, 100 * t->peers.seconds / spent, stays || !live ? "\n" : "");
    fflush(stdout);
    t->shown = now;
}

static weft_status take_steps(struct trainer *t)
{
    int total = judge(t, 0);
    t->peers.seconds = 0;
    t->started = seconds(CLOCK_MONOTONIC);
    for (int step = 1; step <= total && t->peers.status == WEFT_OK; step++) {
        const float loss = take_step(t, step, total);
        const bool look = step % STAGE == 0 || step == total;
        if (t->peers.rank == 0 && step <= STAGE)
            t->training->losses[step - 1] = loss;
        if (look)
            total = judge(t, step);
        if (t->peers.rank == 0)
            show(t, step, total, loss);
        if (look && !weights_are_equal(t, step))
            return WEFT_OK;
    }
    if (t->peers.rank == 0)
        t->training->steps = total;
    if (t->training->weights != NULL && t->peers.rank == 0)
        memcpy(t->training->weights, t->model->weights, sizeof t->model->weights);
    return t->peers.status;
}

static weft_status train_rank(weft_comm *world, void *argument)
{
    struct trainer t = {.training = argument};
    peers_open(&t.peers, world, t.training->shards);
    t.model = model_create(&t.peers, NULL);
    const weft_status status = t.peers.status == WEFT_OK ? take_steps(&t) : t.peers.status;
    free(t.model);
    peers_close(&t.peers);
    return status;
}

static bool train(struct training *training)
{
    const weft_config config = {.struct_size = sizeof config, .name = "training"};
    const weft_status status = weft_run(training->ranks, &config, train_rank, training);
    printf("\n");
    if (status != WEFT_OK)
        return complain("training failed: %s", weft_last_error());
    return !training->unequal && check(true, "the weights had the same bits on all ranks whenever they were compared");
}

bool train_model(const struct text *text, int steps, float *weights)
{
    printf("\nTraining on 2 ranks\n\n"
           "  In each step the ranks share %d windows of text, and one allreduce of %.1f MB adds up their\n"
           "  gradients. The loss is in nats a letter; held out is text that they do not learn from.\n\n",
           WINDOWS, 1e-6 * (WEIGHTS + 1) * sizeof(float));
    struct training first = {.text = text, .ranks = 2, .shards = 1, .steps = steps, .weights = weights};
    if (!train(&first))
        return false;

    struct training again = {.text = text, .ranks = 2, .shards = 1};
    again.steps = first.steps < STAGE ? first.steps : STAGE;
    printf("\nThe first steps again\n\n");
    if (!train(&again))
        return false;
    const bool same = again.sum == first.sum;
    if (!check(same, "the weights %s the same bits as the first time (their checksums: %08x, %08x)",
               same ? "have" : "do not have", (unsigned)first.sum, (unsigned)again.sum))
        return false;

    struct training crossed = {.text = text, .ranks = 4, .shards = 2, .steps = again.steps};
    printf("\nAnd once more on 2 x 2 ranks, each with half the batch and half the model\n\n");
    if (!train(&crossed))
        return false;
    double apart = farther(0, crossed.held_loss, again.held_loss);
    for (int i = 0; i < again.steps; i++)
        apart = farther(apart, (double)crossed.losses[i], (double)again.losses[i]);
    return check(apart <= ALLOWED, "the losses differ by %.0e at most from those on 2 ranks (allowed: %.0e)", apart,
                 ALLOWED);
}

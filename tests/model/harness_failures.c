// SPDX-License-Identifier: MIT
/* harness_failures.c - what ends a wait that nobody would end: aborts, ranks that leave, ranks that disagree, time that is up.
 *
 * A failing call's buffers are its own again: they are freed at once, so that a peer that is still inside is found. */
#include "model.h"

#include <string.h>

static void run(int n_ranks, const char *algorithms, void (*body)(weft_comm *comm))
{
    weft_config config = model_config(WEFT_WAIT_BLOCK, algorithms);
    model_ranks(n_ranks, &config, body);
}

static void run_leaving(int n_ranks, const char *algorithms, void (*body)(weft_comm *comm))
{
    weft_config config = model_config(WEFT_WAIT_BLOCK, algorithms);
    model_ranks_leaving(n_ranks, &config, body);
}

static void check_says(const char *word)
{
    CHECK(strstr(weft_last_error(), word) != NULL, "expected \"%s\" in \"%s\"", word, weft_last_error());
}

/* OK, or `failure` with its reason. */
static void check_either(weft_status found, weft_status failure, const char *word)
{
    if (found == WEFT_OK)
        return;
    CHECK_STATUS(failure, found);
    check_says(word);
}

/* ---- Aborts */

static void sleep_or_abort(weft_comm *comm)
{
    if (weft_comm_rank(comm) == 1) {
        CHECK_OK(weft_comm_abort(comm, "enough"));
        return;
    }
    CHECK_STATUS(WEFT_ERR_ABORTED, weft_barrier(comm));
    check_says("enough");
}

/* Two sleepers, and two who abort. */
static void sleep_or_abort_twice(weft_comm *comm)
{
    if (weft_comm_rank(comm) >= 1) {
        CHECK_OK(weft_comm_abort(comm, "enough"));
        return;
    }
    CHECK_STATUS(WEFT_ERR_ABORTED, weft_barrier(comm));
    check_says("enough");
}

/* The failure is found when the call begins, or by polling. */
static void meet_or_abort(weft_comm *comm)
{
    int rank = weft_comm_rank(comm);
    check_either(weft_barrier(comm), WEFT_ERR_ABORTED, "enough");
    if (rank == 1)
        CHECK_OK(weft_comm_abort(comm, "enough"));
    CHECK_STATUS(WEFT_ERR_ABORTED, weft_barrier(comm));
    check_says("enough");
}

static void child_or_abort(weft_comm *comm)
{
    weft_comm *child = NULL;
    CHECK_OK(weft_comm_dup(comm, &child));
    if (weft_comm_rank(comm) == 1) {
        CHECK_OK(weft_comm_abort(comm, "enough"));
    } else {
        CHECK_STATUS(WEFT_ERR_ABORTED, weft_barrier(child));
        check_says("enough");
    }
    weft_comm_destroy(child);
}

static void *abort_comm(void *comm)
{
    CHECK_OK(weft_comm_abort(comm, "enough"));
    return NULL;
}

/* Another thread aborts through rank 0's handle while the ranks are at it. */
static void while_aborting(weft_comm *comm, void (*body)(weft_comm *comm))
{
    pthread_t thread;
    if (weft_comm_rank(comm) == 0)
        pthread_create(&thread, NULL, abort_comm, comm);
    body(comm);
    if (weft_comm_rank(comm) == 0)
        pthread_join(thread, NULL);
}

static void gather(weft_comm *comm)
{
    int32_t *mine = malloc(sizeof *mine), *all = malloc((size_t)weft_comm_size(comm) * sizeof *all);
    *mine = weft_comm_rank(comm);
    check_either(weft_allgather(comm, mine, all, 1, WEFT_INT32), WEFT_ERR_ABORTED, "enough");
    free(mine);
    free(all);
}

static void pull_aborted(weft_comm *comm)
{
    while_aborting(comm, gather);
}

static void reduce_all(weft_comm *comm)
{
    enum { COUNT = 20 }; /* two cache lines: one for each rank */
    int32_t *mine = calloc(COUNT, sizeof *mine), *sum = malloc(COUNT * sizeof *sum);
    check_either(weft_allreduce(comm, mine, sum, COUNT, WEFT_INT32, WEFT_SUM), WEFT_ERR_ABORTED, "enough");
    free(mine);
    free(sum);
}

static void reduction_aborted(weft_comm *comm)
{
    while_aborting(comm, reduce_all);
}

/* The root returns with its buffer while rank 1 may be inside, and rank 2 aborts. */
static void broadcast_or_abort(weft_comm *comm)
{
    if (weft_comm_rank(comm) == 2) {
        CHECK_OK(weft_comm_abort(comm, "enough"));
        return;
    }
    int32_t *data = malloc(sizeof *data);
    *data = 1;
    check_either(weft_broadcast(comm, data, 1, WEFT_INT32, 0), WEFT_ERR_ABORTED, "enough");
    free(data);
}

static void split_aborted_body(weft_comm *comm)
{
    weft_comm *child = NULL;
    weft_status status = weft_comm_split(comm, 0, 0, &child);
    check_either(status, WEFT_ERR_ABORTED, "enough");
    CHECK((status == WEFT_OK) == (child != NULL), "a handle and a failure");
    weft_comm_destroy(child);
}

static void split_aborted(weft_comm *comm)
{
    while_aborting(comm, split_aborted_body);
}

/* ---- Ranks that leave */

static void leave_or_wait(weft_comm *comm)
{
    if (weft_comm_rank(comm) != 1) {
        CHECK_STATUS(WEFT_ERR_RANK_LOST, weft_barrier(comm));
        check_says("rank 1 destroyed its handle");
    }
    weft_comm_destroy(comm);
}

/* What a rank said before it left is still heard. */
static void say_and_leave(weft_comm *comm)
{
    int32_t data = weft_comm_rank(comm) == 1 ? 5 : 0;
    CHECK_OK(weft_broadcast(comm, &data, 1, WEFT_INT32, 1));
    CHECK(data == 5, "%d", data);
    weft_comm_destroy(comm);
}

static void meet_and_leave(weft_comm *comm)
{
    CHECK_OK(weft_barrier(comm));
    weft_comm_destroy(comm);
}

/* ---- Ranks that disagree */

static void disagree(weft_comm *comm)
{
    int32_t data = 0;
    weft_status status = weft_comm_rank(comm) == 0
                             ? weft_barrier(comm)
                             : weft_allreduce(comm, WEFT_IN_PLACE, &data, 1, WEFT_INT32, WEFT_SUM);
    CHECK_STATUS(WEFT_ERR_MISMATCH, status);
    check_says("barrier()");
    check_says("allreduce(1 x int32, sum)");
}

/* One writes its line for a gate, the other looks at that line. */
static void gate_or_listen(weft_comm *comm)
{
    int32_t data = 0;
    weft_status status = weft_comm_rank(comm) == 0 ? weft_barrier(comm) : weft_broadcast(comm, &data, 1, WEFT_INT32, 0);
    CHECK_STATUS(WEFT_ERR_MISMATCH, status);
    check_says("barrier()");
    check_says("broadcast(1 x int32, root 0)");
}

/* Each waits for the other to speak. */
static void both_listen(weft_comm *comm)
{
    int32_t data = 0;
    CHECK_STATUS(WEFT_ERR_MISMATCH, weft_broadcast(comm, &data, 1, WEFT_INT32, 1 - weft_comm_rank(comm)));
    check_says("broadcast(1 x int32, root 1)");
    check_says("broadcast(1 x int32, root 0)");
}

/* Both speak, neither listens: the next call finds it. */
static void both_speak(weft_comm *comm)
{
    int32_t data = 0;
    weft_status status = weft_broadcast(comm, &data, 1, WEFT_INT32, weft_comm_rank(comm));
    if (status == WEFT_OK)
        status = weft_barrier(comm);
    CHECK_STATUS(WEFT_ERR_MISMATCH, status);
    check_says("call 1");
    check_says("broadcast(1 x int32, root 1)");
    check_says("broadcast(1 x int32, root 0)");
}

/* ---- Records, read while their writer goes on and begins to write them again */

enum { RECORDS = 64 };

/* A reader that looks round must not find a disagreement in a record that is half of one call and half of another: in its call 64 it looks
 * at the record of the root's call 1, which the root's call 65 writes again. */
static const weft_type number = {.name = "number", .size = sizeof(int32_t)};

static void stream(weft_comm *comm, const weft_type *type)
{
    model_quiet(true);
    for (int round = 0; round < RECORDS + 6; round++) {
        int32_t data = round;
        if (round == RECORDS - 2)
            model_quiet(false);
        CHECK_OK(weft_broadcast(comm, &data, 1, type, 0));
        CHECK(data == round, "round %d: %d", round, data);
    }
}

static void stream_past(weft_comm *comm)
{
    stream(comm, WEFT_INT32);
}

static void stream_names_past(weft_comm *comm)
{
    stream(comm, &number);
}

/* Rank 1 disagrees on call 1. While it puts that into words, rank 0's call 65 writes the record of call 1 again. */
static const weft_type first_type = {.name = "firstfirst", .size = 1}, other_type = {.name = "otherother", .size = 1};

static const weft_op other_op = {.name = "combining", .combine = model_combine_nothing};

static void *disagree_on_first(void *comm)
{
    unsigned char data = 0;
    CHECK_STATUS(WEFT_ERR_MISMATCH, weft_broadcast(comm, &data, 1, WEFT_UINT8, 0));
    const char *text = strstr(weft_last_error(), "rank 0 called ");
    CHECK(text == NULL || strncmp(text + 14, "broadcast(1 x firstfirst, root 0)", 33) == 0, "\"%s\"",
          weft_last_error());
    return NULL;
}

static void mismatch_names(void)
{
    weft_comm *comms[2];
    weft_config config = model_config(WEFT_WAIT_BLOCK, NULL);
    pthread_t thread;
    unsigned char data[2] = {0};
    weft_status status = WEFT_OK;
    CHECK_OK(weft_comm_create_all(2, &config, comms));
    for (int call = 1; call < RECORDS; call++)
        CHECK_OK(weft_broadcast(comms[0], data, 1, &first_type, 0));
    pthread_create(&thread, NULL, disagree_on_first, comms[1]);
    for (int call = RECORDS; call <= RECORDS + 1 && status == WEFT_OK; call++)
        status = weft_reduce(comms[0], data, NULL, 2, &other_type, &other_op, 1);
    CHECK(status == WEFT_OK || status == WEFT_ERR_MISMATCH, "%s", weft_last_error());
    pthread_join(thread, NULL);
    weft_comm_destroy(comms[0]);
    weft_comm_destroy(comms[1]);
}

/* ---- Time */

enum { TIMEOUT_NS = 1500000 };

/* Rank 0 gives up on a rank that is behind, and says where it is. */
static void be_late(weft_comm *comm)
{
    int32_t data = 0;
    CHECK_OK(weft_barrier(comm));
    CHECK_OK(weft_comm_set_timeout(comm, TIMEOUT_NS));
    weft_status status = weft_broadcast(comm, &data, 1, WEFT_INT32, 0);
    if (status == WEFT_OK)
        status = weft_broadcast(comm, &data, 1, WEFT_INT32, 0);
    if (status == WEFT_OK)
        status = weft_barrier(comm);
    if (status == WEFT_OK)
        return;
    CHECK_STATUS(WEFT_ERR_TIMEOUT, status);
    CHECK(strstr(weft_last_error(), "called nothing") == NULL, "\"%s\"", weft_last_error());
}

static void pull_late(weft_comm *comm)
{
    int32_t *data = malloc(sizeof *data);
    *data = 1;
    CHECK_OK(weft_comm_set_timeout(comm, TIMEOUT_NS));
    check_either(weft_broadcast(comm, data, 1, WEFT_INT32, 0), WEFT_ERR_TIMEOUT, "ms");
    free(data);
}

/* Rank 0 gives up while a communicator is made. Whoever has got one must not wait in it for ever. */
static void split_late(weft_comm *comm)
{
    weft_comm *child = NULL;
    if (weft_comm_rank(comm) == 0)
        CHECK_OK(weft_comm_set_timeout(comm, TIMEOUT_NS));
    weft_status status = weft_comm_split(comm, 0, 0, &child);
    if (status == WEFT_OK)
        check_either(weft_barrier(child), WEFT_ERR_TIMEOUT, "ms");
    else
        CHECK_STATUS(WEFT_ERR_TIMEOUT, status);
    weft_comm_destroy(child);
}

/* ---- Callbacks */

static weft_status fail_to_add(const weft_op *op, const weft_type *type, const void *in, void *inout, size_t count)
{
    (void)op;
    (void)type;
    (void)in;
    (void)inout;
    (void)count;
    return WEFT_ERR_CALLBACK;
}
static const weft_op failing = {.name = "failing", .combine = fail_to_add};

static void combine_fails(weft_comm *comm)
{
    int32_t *mine = calloc(20, sizeof *mine), *sum = calloc(20, sizeof *sum);
    CHECK_STATUS(WEFT_ERR_CALLBACK, weft_allreduce(comm, mine, sum, 20, WEFT_INT32, &failing));
    check_says("the combine function of op failing failed on rank");
    free(mine);
    free(sum);
}

#define RUN(name, how, n_ranks, algorithms, body)                                                                      \
    static void name(void)                                                                                             \
    {                                                                                                                  \
        how(n_ranks, algorithms, body);                                                                                \
    }
RUN(abort_sleeper, run, 2, NULL, sleep_or_abort)
RUN(abort_twice, run, 3, NULL, sleep_or_abort_twice)
RUN(abort_later, run, 2, NULL, meet_or_abort)
RUN(abort_parent, run, 2, NULL, child_or_abort)
RUN(abort_pull, run, 2, "allgather:pull", pull_aborted)
RUN(abort_slices, run, 2, "allreduce:slices", reduction_aborted)
RUN(abort_grid, run, 2, "allreduce:grid", reduction_aborted)
RUN(abort_broadcast, run, 3, "broadcast:pull", broadcast_or_abort)
RUN(abort_split, run, 2, NULL, split_aborted)
RUN(lost, run_leaving, 2, NULL, leave_or_wait)
RUN(lost_of_3, run_leaving, 3, NULL, leave_or_wait)
RUN(last_words, run_leaving, 2, NULL, say_and_leave)
RUN(last_words_to_2, run_leaving, 3, NULL, say_and_leave)
RUN(last_barrier, run_leaving, 2, NULL, meet_and_leave)
RUN(last_barrier_of_3, run_leaving, 3, NULL, meet_and_leave)
RUN(mismatch, run, 2, NULL, disagree)
RUN(mismatch_gate, run, 2, NULL, gate_or_listen)
RUN(mismatch_listening, run, 2, NULL, both_listen)
RUN(mismatch_speaking, run, 2, NULL, both_speak)
RUN(records, run, 2, NULL, stream_past)
RUN(records_named, run, 2, NULL, stream_names_past)
RUN(late, run, 2, NULL, be_late)
RUN(late_pull, run, 2, "broadcast:pull", pull_late)
RUN(late_split, run, 2, NULL, split_late)
RUN(callback_lines, run, 2, NULL, combine_fails)
RUN(callback_slices, run, 2, "allreduce:slices", combine_fails)

const struct model_harness model_failures[] = {
    {"abort", "one rank aborts, the other sleeps", abort_sleeper, .processors = 4, .exhaustive = 2},
    {"abort_gated", "the same at a gate", abort_sleeper, .processors = 1, .exhaustive = 2},
    {"abort_twice", "two ranks abort at once", abort_twice, .processors = 4},
    {"abort_later", "an abort after a barrier", abort_later, .processors = 4, .exhaustive = 2},
    {"abort_parent", "the parent of the communicator is aborted", abort_parent, .processors = 4},
    {"abort_pull", "an abort while ranks copy from one another", abort_pull, .processors = 4},
    {"abort_slices", "an abort while ranks write into one another's buffers", abort_slices, .processors = 4},
    {"abort_grid", "the same through the grid", abort_grid, .processors = 4},
    {"abort_broadcast", "an abort while a rank copies from the root", abort_broadcast, .processors = 4},
    {"abort_split", "an abort while a communicator is made", abort_split, .processors = 4},
    {"lost", "one rank leaves, the other sleeps", lost, .processors = 4, .exhaustive = 2},
    {"lost_gated", "the same at a gate", lost, .processors = 1, .exhaustive = 2},
    {"lost_of_3", "one leaves, two sleep", lost_of_3, .processors = 4},
    {"last_words", "the root leaves after it has spoken", last_words, .processors = 4, .exhaustive = 2},
    {"last_words_hasty", "the same, and the reader looks round often", last_words, .processors = 4, .timers = true,
     .hasty = true},
    {"last_words_to_2", "the same with two readers", last_words_to_2, .processors = 4},
    {"last_barrier", "ranks leave after a barrier", last_barrier, .processors = 4, .exhaustive = 2},
    {"last_barrier_gated", "the same at a gate", last_barrier, .processors = 1, .exhaustive = 2},
    {"last_barrier_of_3", "three ranks", last_barrier_of_3, .processors = 4},
    {"mismatch", "ranks in different calls", mismatch, .processors = 4, .timers = true},
    {"mismatch_gated", "the same at a gate", mismatch, .processors = 1, .timers = true},
    {"mismatch_gate", "one goes to a gate, the other waits for its line", mismatch_gate, .processors = 1,
     .timers = true},
    {"mismatch_listening", "each waits for the other to speak", mismatch_listening, .processors = 4, .timers = true,
     .hasty = true},
    {"mismatch_speaking", "two roots pass one another", mismatch_speaking, .processors = 4, .timers = true,
     .hasty = true},
    {"mismatch_names", "records with names are read while written", mismatch_names, .processors = 4},
    {"records", "records are read while written", records, .processors = 4, .timers = true, .hasty = true},
    {"records_named", "the same with a type of the user's", records_named, .processors = 4, .timers = true,
     .hasty = true},
    {"late", "time is up, and the message says who was where", late, .processors = 4, .timers = true, .hasty = true},
    {"late_pull", "time is up while a rank copies", late_pull, .processors = 4, .timers = true, .hasty = true},
    {"late_split", "time is up while a communicator is made", late_split, .processors = 4, .timers = true,
     .hasty = true},
    {"callback_lines", "a combine function fails", callback_lines, .processors = 4},
    {"callback_slices", "the same in slices", callback_slices, .processors = 4},
    {.name = NULL}};

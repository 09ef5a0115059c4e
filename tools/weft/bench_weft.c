// SPDX-License-Identifier: MIT
/* bench_weft.c - a communicator as what the harness measures; the calls are in bench_calls.c. */
#include "bench_weft.h"
#include "bench_calls.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <weft/info.h>

struct weft_subject {
    weft_comm **comms;
    struct bench_call *calls;
    size_t *numbers; /* counts and offsets of each rank's */
    int n_ranks;
};

void weft_require(weft_status status)
{
    if (bench_call_report(status))
        exit(EXIT_FAILURE);
}

bool weft_ranks_create(int n_ranks, weft_wait wait, const char *algorithms, weft_comm **comms)
{
    weft_config config = WEFT_CONFIG_INIT;
    config.name = "bench";
    config.wait = wait;
    config.algorithms = algorithms;
    return bench_call_report(weft_comm_create_all(n_ranks, &config, comms)) == 0;
}

void weft_ranks_destroy(int n_ranks, weft_comm **comms)
{
    for (int r = 0; r < n_ranks; r++)
        weft_comm_destroy(comms[r]);
}

bool weft_subject_knows(int collective)
{
    return bench_calls[collective] != NULL;
}

const char *weft_subject_collective(int collective)
{
    const struct bench_shape *shape = &bench_shapes[collective];
    const bool started = shape->name[0] == 'i';
    return started ? bench_shapes[shape->base].name : shape->name;
}

static bench_operation prepare_objects(struct bench_call *call, const struct bench_rank *rank)
{
    const struct bench_point *point = rank->point;
    if (point->collective != BENCH_BROADCAST && point->collective != BENCH_ALLGATHER)
        return NULL;
    call->type = bench_object_type(point->type);
    call->objects = bench_objects_create(rank);
    if (call->objects == NULL)
        abort(); /* some kilobytes */
    return point->collective == BENCH_BROADCAST ? bench_call_broadcast_objects : bench_call_allgather_objects;
}

static void finish(void *state, const struct bench_rank *rank, void *self)
{
    struct bench_call *call = self;
    (void)state;
    (void)rank;
    if (call->objects != NULL)
        bench_objects_destroy(call->objects);
    call->objects = NULL;
}

static const char *result(void *self, const struct bench_arguments *arguments)
{
    const struct bench_call *call = self;
    return call->objects != NULL ? bench_objects_payload(call->objects) : arguments->recv;
}

static bench_operation prepare(void *state, const struct bench_rank *rank, void **self)
{
    struct weft_subject *subject = state;
    const struct bench_point *point = rank->point;
    struct bench_call *call = &subject->calls[rank->rank];
    call->comm = subject->comms[rank->rank];
    call->count = point->count;
    call->root = point->root;
    call->is_root = rank->rank == point->root;
    call->objects = NULL;
    call->type = weft_info_type_by_name(point->type->name);
    call->op = weft_info_op_by_name(bench_op_names[point->op]);
    call->left = (rank->rank + point->n_ranks - 1) % point->n_ranks;
    call->right = (rank->rank + 1) % point->n_ranks;
    call->other = 1 - rank->rank;
    call->turn = 0;
    for (int r = 0; r < point->n_ranks; r++) {
        call->counts[r] = point->count;
        call->offsets[r] = (size_t)r * point->count;
    }
    *self = call;
    if (point->collective == BENCH_PINGPONG && point->n_ranks < 2)
        return NULL;
    if (point->type->kind == BENCH_OBJECT && bench_base(point) != BENCH_BARRIER)
        return prepare_objects(call, rank);
    if (bench_shapes[point->collective].reduces &&
        (call->type == NULL || call->op == NULL || !weft_op_supports(call->op, call->type)))
        return NULL;
    if (bench_base(point) == BENCH_BROADCAST && rank->rank == point->root)
        return point->collective == BENCH_BROADCAST ? bench_call_broadcast_root : bench_call_ibroadcast_root;
    return bench_calls[point->collective];
}

static void describe(void *state, const struct bench_rank *rank, char *note, size_t size)
{
    const struct weft_subject *subject = state;
    const struct bench_call *call = &subject->calls[rank->rank];
    const char *algorithm = weft_info_choice(call->comm, weft_subject_collective(rank->point->collective), call->count,
                                             call->type, call->op, NULL, 0);
    snprintf(note, size, "%s", algorithm ? algorithm : "-");
}

struct weft_subject *weft_subject_create(const char *name, int n_ranks, weft_wait wait, const char *algorithms,
                                         struct bench_subject *subject)
{
    struct weft_subject *made = calloc(1, sizeof *made);
    if (made == NULL)
        return NULL;
    made->n_ranks = n_ranks;
    made->comms = calloc((size_t)n_ranks, sizeof *made->comms);
    made->calls = aligned_alloc(64, (size_t)n_ranks * sizeof *made->calls);
    made->numbers = calloc(2 * (size_t)n_ranks * (size_t)n_ranks, sizeof *made->numbers);
    if (made->comms == NULL || made->calls == NULL || made->numbers == NULL ||
        !weft_ranks_create(n_ranks, wait, algorithms, made->comms)) {
        made->n_ranks = 0;
        weft_subject_destroy(made);
        return NULL;
    }
    for (int r = 0; r < n_ranks; r++) {
        made->calls[r].counts = made->numbers + 2 * (size_t)r * (size_t)n_ranks;
        made->calls[r].offsets = made->calls[r].counts + n_ranks;
    }
    *subject = (struct bench_subject){
        .name = name, .prepare = prepare, .finish = finish, .describe = describe, .result = result, .state = made};
    return made;
}

void weft_subject_destroy(struct weft_subject *subject)
{
    if (subject == NULL)
        return;
    weft_ranks_destroy(subject->n_ranks, subject->comms);
    free(subject->comms);
    free(subject->calls);
    free(subject->numbers);
    free(subject);
}

static const char *const wait_names[] = {
    [WEFT_WAIT_AUTO] = "auto", [WEFT_WAIT_SPIN] = "spin", [WEFT_WAIT_BLOCK] = "block"};

bool weft_wait_by_name(const char *name, weft_wait *out)
{
    for (int i = 0; i <= WEFT_WAIT_BLOCK; i++) {
        if (strcmp(wait_names[i], name) == 0) {
            *out = (weft_wait)i;
            return true;
        }
    }
    return false;
}

const char *weft_wait_name(weft_wait wait)
{
    return wait_names[wait];
}

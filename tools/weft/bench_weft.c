// SPDX-License-Identifier: MIT
/* bench_weft.c - one small function for each collective, which the harness calls in its timed loop. */
#include "bench_weft.h"
#include "bench_objects.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <weft/info.h>

/* What one rank hands to its calls; written by that rank before each point. */
struct call {
    _Alignas(64) weft_comm *comm;
    size_t count;
    const weft_type *type;
    const weft_op *op;
    int root;
    bool is_root;
    struct bench_objects *objects; /* in place of the buffers, where elements are objects */
};

struct weft_subject {
    weft_comm **comms;
    struct call *calls;
    int n_ranks;
};

static int report(weft_status status)
{
    if (status == WEFT_OK)
        return 0;
    fprintf(stderr, "weft bench: %s: %s\n", weft_status_name(status), weft_last_error());
    return status;
}

void weft_require(weft_status status)
{
    if (report(status))
        exit(EXIT_FAILURE);
}

bool weft_ranks_create(int n_ranks, weft_wait wait, const char *algorithms, weft_comm **comms)
{
    weft_config config = WEFT_CONFIG_INIT;
    config.name = "bench";
    config.wait = wait;
    config.algorithms = algorithms;
    return report(weft_comm_create_all(n_ranks, &config, comms)) == 0;
}

void weft_ranks_destroy(int n_ranks, weft_comm **comms)
{
    for (int r = 0; r < n_ranks; r++)
        weft_comm_destroy(comms[r]);
}

static int run_barrier(void *self, const struct bench_arguments *arguments)
{
    const struct call *call = self;
    (void)arguments;
    return report(weft_barrier(call->comm));
}

static int run_broadcast_root(void *self, const struct bench_arguments *arguments)
{
    const struct call *call = self;
    return report(weft_broadcast(call->comm, (void *)(uintptr_t)arguments->send, call->count, call->type, call->root));
}

static int run_broadcast(void *self, const struct bench_arguments *arguments)
{
    const struct call *call = self;
    return report(weft_broadcast(call->comm, arguments->recv, call->count, call->type, call->root));
}

static int run_allgather(void *self, const struct bench_arguments *arguments)
{
    const struct call *call = self;
    return report(weft_allgather(call->comm, arguments->send, arguments->recv, call->count, call->type));
}

static int run_allreduce(void *self, const struct bench_arguments *arguments)
{
    const struct call *call = self;
    return report(weft_allreduce(call->comm, arguments->send, arguments->recv, call->count, call->type, call->op));
}

static int run_reduce(void *self, const struct bench_arguments *arguments)
{
    const struct call *call = self;
    return report(
        weft_reduce(call->comm, arguments->send, arguments->recv, call->count, call->type, call->op, call->root));
}

static int run_broadcast_objects(void *self, const struct bench_arguments *arguments)
{
    const struct call *call = self;
    void *data = call->is_root ? bench_objects_send(call->objects) : bench_objects_recv(call->objects);
    (void)arguments;
    return report(weft_broadcast(call->comm, data, call->count, call->type, call->root));
}

static int run_allgather_objects(void *self, const struct bench_arguments *arguments)
{
    const struct call *call = self;
    (void)arguments;
    return report(weft_allgather(call->comm, bench_objects_send(call->objects), bench_objects_recv(call->objects),
                                 call->count, call->type));
}

static int run_gather(void *self, const struct bench_arguments *arguments)
{
    const struct call *call = self;
    return report(weft_gather(call->comm, arguments->send, arguments->recv, call->count, call->type, call->root));
}

static int run_scatter(void *self, const struct bench_arguments *arguments)
{
    const struct call *call = self;
    return report(weft_scatter(call->comm, arguments->send, arguments->recv, call->count, call->type, call->root));
}

static int run_alltoall(void *self, const struct bench_arguments *arguments)
{
    const struct call *call = self;
    return report(weft_alltoall(call->comm, arguments->send, arguments->recv, call->count, call->type));
}

static int run_reduce_scatter(void *self, const struct bench_arguments *arguments)
{
    const struct call *call = self;
    return report(weft_reduce_scatter(call->comm, arguments->send, arguments->recv, call->count, call->type, call->op));
}

static int run_scan(void *self, const struct bench_arguments *arguments)
{
    const struct call *call = self;
    return report(weft_scan(call->comm, arguments->send, arguments->recv, call->count, call->type, call->op));
}

static int run_exscan(void *self, const struct bench_arguments *arguments)
{
    const struct call *call = self;
    return report(weft_exscan(call->comm, arguments->send, arguments->recv, call->count, call->type, call->op));
}

static const bench_operation operations[BENCH_COLLECTIVES] = {
    [BENCH_BARRIER] = run_barrier,     [BENCH_BROADCAST] = run_broadcast, [BENCH_ALLGATHER] = run_allgather,
    [BENCH_ALLREDUCE] = run_allreduce, [BENCH_REDUCE] = run_reduce,       [BENCH_GATHER] = run_gather,
    [BENCH_SCATTER] = run_scatter,     [BENCH_ALLTOALL] = run_alltoall,   [BENCH_REDUCE_SCATTER] = run_reduce_scatter,
    [BENCH_SCAN] = run_scan,           [BENCH_EXSCAN] = run_exscan,
};

bool weft_subject_knows(int collective)
{
    return operations[collective] != NULL;
}

static bench_operation prepare_objects(struct call *call, const struct bench_rank *rank)
{
    const struct bench_point *point = rank->point;
    if (point->collective != BENCH_BROADCAST && point->collective != BENCH_ALLGATHER)
        return NULL;
    call->type = bench_object_type(point->type);
    call->objects = bench_objects_create(rank);
    if (call->objects == NULL)
        abort(); /* some kilobytes */
    return point->collective == BENCH_BROADCAST ? run_broadcast_objects : run_allgather_objects;
}

static void finish(void *state, const struct bench_rank *rank, void *self)
{
    struct call *call = self;
    (void)state;
    (void)rank;
    if (call->objects != NULL)
        bench_objects_destroy(call->objects);
    call->objects = NULL;
}

static const char *result(void *self, const struct bench_arguments *arguments)
{
    const struct call *call = self;
    return call->objects != NULL ? bench_objects_payload(call->objects) : arguments->recv;
}

static bench_operation prepare(void *state, const struct bench_rank *rank, void **self)
{
    struct weft_subject *subject = state;
    const struct bench_point *point = rank->point;
    struct call *call = &subject->calls[rank->rank];
    call->comm = subject->comms[rank->rank];
    call->count = point->count;
    call->root = point->root;
    call->is_root = rank->rank == point->root;
    call->objects = NULL;
    call->type = weft_info_type_by_name(point->type->name);
    call->op = weft_info_op_by_name(bench_op_names[point->op]);
    *self = call;
    if (point->type->kind == BENCH_OBJECT && point->collective != BENCH_BARRIER)
        return prepare_objects(call, rank);
    if (bench_shapes[point->collective].reduces &&
        (call->type == NULL || call->op == NULL || !weft_op_supports(call->op, call->type)))
        return NULL;
    if (point->collective == BENCH_BROADCAST && rank->rank == point->root)
        return run_broadcast_root;
    return operations[point->collective];
}

static void describe(void *state, const struct bench_rank *rank, char *note, size_t size)
{
    const struct weft_subject *subject = state;
    const struct call *call = &subject->calls[rank->rank];
    const char *algorithm = weft_info_choice(call->comm, bench_shapes[rank->point->collective].name, call->count,
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
    if (made->comms == NULL || made->calls == NULL || !weft_ranks_create(n_ranks, wait, algorithms, made->comms)) {
        made->n_ranks = 0;
        weft_subject_destroy(made);
        return NULL;
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

// SPDX-License-Identifier: MIT
/* harness_worlds.c - communicators that come and go: group ids, split, dup, weft_run, and the events of threads that end. */
#include "model.h"

#include "core/operation.h"

#include <string.h>

static void run(int n_ranks, void (*body)(weft_comm *comm))
{
    weft_config config = model_config(WEFT_WAIT_BLOCK, NULL);
    model_ranks(n_ranks, &config, body);
}

static void run_leaving(int n_ranks, void (*body)(weft_comm *comm))
{
    weft_config config = model_config(WEFT_WAIT_BLOCK, NULL);
    model_ranks_leaving(n_ranks, &config, body);
}

static void use(weft_comm *comm)
{
    int32_t one = 1, sum = 0;
    CHECK_OK(weft_allreduce(comm, &one, &sum, 1, WEFT_INT32, WEFT_SUM));
    CHECK(sum == weft_comm_size(comm), "%d of %d", sum, weft_comm_size(comm));
}

static void dup_and_use(weft_comm *comm)
{
    weft_comm *child = NULL;
    CHECK_OK(weft_comm_dup(comm, &child));
    use(child);
    weft_comm_destroy(child);
}

/* The parent goes first. */
static void dup_and_outlive(weft_comm *comm)
{
    weft_comm *child = NULL;
    CHECK_OK(weft_comm_dup(comm, &child));
    weft_comm_destroy(comm);
    use(child);
    weft_comm_destroy(child);
}

static void split_and_use(weft_comm *comm)
{
    weft_comm *child = NULL;
    int rank = weft_comm_rank(comm);
    CHECK_OK(weft_comm_split(comm, rank == 2 ? WEFT_NO_COLOR : 0, -rank, &child));
    CHECK((child == NULL) == (rank == 2), "rank %d", rank);
    if (child == NULL)
        return;
    CHECK(weft_comm_rank(child) == 1 - rank, "rank %d became %d", rank, weft_comm_rank(child));
    use(child);
    weft_comm_destroy(child);
}

static void split_apart(weft_comm *comm)
{
    weft_comm *child = NULL;
    CHECK_OK(weft_comm_split(comm, weft_comm_rank(comm) % 2, 0, &child));
    use(child);
    weft_comm_destroy(child);
}

static void dup_2(void)
{
    run(2, dup_and_use);
}

static void dup_outlives(void)
{
    run_leaving(2, dup_and_outlive);
}

static void split_3(void)
{
    run(3, split_and_use);
}

static void split_colors(void)
{
    run(3, split_apart);
}

/* ---- Ranks that agree on who is left */

static void shrink_and_use(weft_comm *comm)
{
    weft_comm *child = NULL;
    CHECK_OK(weft_comm_shrink(comm, &child));
    use(child);
    weft_comm_destroy(child);
}

/* Rank 1 leaves, before the others have come or after. */
static void leave_or_shrink(weft_comm *comm)
{
    if (weft_comm_rank(comm) != 1)
        shrink_and_use(comm);
    weft_comm_destroy(comm);
}

/* Where rank 0 waits already, rank 1, which neither comes nor leaves, aborts what the communicator was made from. */
static weft_comm *children[2];
static bool aborted;

static bool somebody_shrinks(weft_comm *comm)
{
    pthread_mutex_lock(&comm->world->lock);
    bool shrinks = comm->world->shrinkers != NULL;
    pthread_mutex_unlock(&comm->world->lock);
    return shrinks;
}

static void abort_or_shrink(weft_comm *comm)
{
    weft_comm *less = NULL;
    int rank = weft_comm_rank(comm);
    CHECK_OK(weft_comm_dup(comm, &children[rank]));
    if (rank == 0) {
        weft_status status = weft_comm_shrink(children[0], &less);
        CHECK(status == (less == NULL ? WEFT_ERR_ABORTED : WEFT_OK), "%s", weft_last_error());
        weft_comm_destroy(less);
        return;
    }
    aborted = somebody_shrinks(children[1]);
    if (aborted)
        CHECK_OK(weft_comm_abort(comm, "enough"));
    else
        weft_comm_destroy(children[1]);
}

static void shrink(void)
{
    run(2, shrink_and_use);
}

static void shrink_lost(void)
{
    run_leaving(3, leave_or_shrink);
}

static void shrink_aborted(void)
{
    run(2, abort_or_shrink);
    weft_comm_destroy(children[0]);
    if (aborted)
        weft_comm_destroy(children[1]);
}

/* ---- Joining by id, each on its own thread */

static weft_group_id id;
static weft_comm *joined[3];

static void *join_and_use(void *rank)
{
    weft_comm *comm = NULL;
    weft_config config = model_config(WEFT_WAIT_BLOCK, NULL);
    CHECK_OK(weft_comm_create(&id, 2, WEFT_ANY_RANK, &config, &comm));
    use(comm);
    joined[*(const int *)rank] = comm;
    return NULL;
}

static void join_by_id(void)
{
    static const int ranks[2] = {0, 1};
    pthread_t thread;
    CHECK_OK(weft_group_id_create(&id));
    pthread_create(&thread, NULL, join_and_use, (void *)(uintptr_t)&ranks[1]);
    join_and_use((void *)(uintptr_t)&ranks[0]);
    pthread_join(thread, NULL);
    weft_comm_destroy(joined[0]);
    weft_comm_destroy(joined[1]);
}

/* One rank has joined and waits; the group is given up. */
static void *join_in_vain(void *unused)
{
    weft_comm *comm = NULL;
    weft_config config = model_config(WEFT_WAIT_BLOCK, NULL);
    weft_status status = weft_comm_create(&id, 2, 0, &config, &comm);
    if (status == WEFT_OK) {
        CHECK_STATUS(WEFT_ERR_RANK_LOST, weft_barrier(comm));
        CHECK(strstr(weft_last_error(), "before rank 1 joined") != NULL, "\"%s\"", weft_last_error());
        weft_comm_destroy(comm);
    } else {
        CHECK_STATUS(WEFT_ERR_GROUP, status);
    }
    return unused;
}

static void id_destroyed(void)
{
    pthread_t thread;
    CHECK_OK(weft_group_id_create(&id));
    pthread_create(&thread, NULL, join_in_vain, NULL);
    CHECK_OK(weft_group_id_destroy(&id));
    pthread_join(thread, NULL);
}

/* ---- weft_run */

static weft_status run_body(weft_comm *comm, void *arg)
{
    use(comm);
    *(int *)arg += weft_comm_rank(comm); /* rank 1 alone changes it */
    return WEFT_OK;
}

static weft_status run_failing(weft_comm *comm, void *arg)
{
    (void)arg;
    return weft_comm_rank(comm) == 1 ? WEFT_ERR_SYSTEM : weft_barrier(comm);
}

static weft_status only_rank_1(weft_comm *comm, void *arg)
{
    return weft_comm_rank(comm) == 1 ? run_body(comm, arg) : (use(comm), WEFT_OK);
}

static void run_well(void)
{
    int sum = 0;
    weft_config config = model_config(WEFT_WAIT_BLOCK, NULL);
    CHECK_OK(weft_run(2, &config, only_rank_1, &sum));
    CHECK(sum == 1, "%d", sum);
}

static void run_badly(void)
{
    weft_config config = model_config(WEFT_WAIT_BLOCK, NULL);
    weft_status status = weft_run(2, &config, run_failing, NULL);
    CHECK(status == WEFT_ERR_SYSTEM || status == WEFT_ERR_ABORTED, "%s", weft_status_name(status));
}

/* ---- Events: a thread ends and gives its event back, another takes it, a third rings them all. */

static void *wait_in_turn(void *comm)
{
    use(comm);
    return NULL;
}

static void threads_in_turn(weft_comm *comm)
{
    for (int round = 0; round < 2; round++) {
        pthread_t thread; /* the handle goes from thread to thread */
        pthread_create(&thread, NULL, wait_in_turn, comm);
        pthread_join(thread, NULL);
    }
}

static void events_again(void)
{
    run(2, threads_in_turn);
}

const struct model_harness model_worlds[] = {
    {"dup", "a second communicator, used and destroyed", dup_2, .processors = 4},
    {"dup_gated", "the same with more ranks than processors", dup_2, .processors = 1},
    {"dup_outlives", "the parent is destroyed first", dup_outlives, .processors = 4},
    {"split", "one communicator of two of three ranks", split_3, .processors = 4},
    {"split_colors", "two communicators at once", split_colors, .processors = 4},
    {"shrink", "two ranks agree that both are there", shrink, .processors = 4, .exhaustive = 1},
    {"shrink_lost", "two agree while a third leaves", shrink_lost, .processors = 4},
    {"shrink_aborted", "one waits for another to agree, and that aborts above", shrink_aborted, .processors = 4},

    {"join", "ranks join by id, on threads of their own", join_by_id, .processors = 4},
    {"id_destroyed", "the group is given up while a rank joins and waits", id_destroyed, .processors = 4},
    {"run", "weft_run", run_well, .processors = 4},
    {"run_badly", "weft_run with a body that fails", run_badly, .processors = 4},
    {"events_again", "threads that end give their events back", events_again, .processors = 4},
    {.name = NULL}};

// SPDX-License-Identifier: MIT
/* shrink.c - the living ranks of a communicator, failed or not, agree on a new one.
 *
 * Ranks that come put themselves on a list of the old world, under its lock. Whoever finds that each living rank is on it (the last to come,
 * or one that learns that a rank has left) decides for all: makes the new world, numbers the ranks in order, takes them off the list. So all
 * get the same outcome, whoever dies meanwhile: who died before the decision is not in the new communicator, who dies after it is lost there.
 * A rank whose time is over decides without those that have not come; they are left out for good. Nothing here needs the old communicator
 * to be healthy: neither lines nor gates, and memory is taken before a rank counts as come. After: the agreement of ULFM (W. Bland et al.,
 * "Post-failure recovery of MPI communication capability", 2013), which a lock makes simple between threads. */
#include "core/departure.h"
#include "core/drive.h"
#include "core/wait.h"
#include "group/group.h"

/* A rank that has come. On its stack; in the world's list, by rank, and changed under the world's lock. */
struct weft_shrinker {
    struct weft_shrinker *next;
    struct weft_comm *comm, *made; /* NULL: there was no memory for it */
    struct weft_world *world;      /* of the new communicator, with a place in it taken, */
    int rank;                      /* and the rank there */
    int size;
    weft_status status;
    bool decided;
};

/* ---- Under the world's lock */

static void enlist(struct weft_shrinker *shrinker)
{
    struct weft_shrinker **at = &shrinker->comm->world->shrinkers;
    while (*at != NULL && (*at)->comm->rank < shrinker->comm->rank)
        at = &(*at)->next;
    shrinker->next = *at;
    *at = shrinker;
    shrinker->comm->slot->shrinks = true;
}

static void delist(const struct weft_shrinker *shrinker)
{
    struct weft_shrinker **at = &shrinker->comm->world->shrinkers;
    while (*at != shrinker)
        at = &(*at)->next;
    *at = shrinker->next;
    shrinker->comm->slot->shrinks = false;
}

static bool left(const struct weft_world *world, int rank)
{
    /* D2, relaxed: nothing of that rank is read behind it. One that leaves later changes the count, which is looked at before this and
     * again before a sleep (D4). */
    return atomic_load_explicit(&world->slots[rank].left, memory_order_relaxed) != WEFT_STAYED;
}

/* One that lives, has not come, and is not left out. */
static bool is_missing(const struct weft_world *world, int rank)
{
    const struct weft_slot *slot = &world->slots[rank];
    return !slot->shrinks && slot->left_out == 0 && !left(world, rank);
}

static bool somebody_missing(const struct weft_world *world)
{
    for (int rank = 0; rank < world->n_ranks; rank++)
        if (is_missing(world, rank))
            return true;
    return false;
}

/* The time of `by` is over: the others are not waited for any more. A communicator that was healthy is so no longer, since they may wait for
 * those who go on without them. */
static void leave_out_missing(const struct weft_shrinker *shrinker)
{
    const struct weft_comm *by = shrinker->comm;
    struct weft_world *world = by->world;
    bool *late = shrinker->made != NULL ? (bool *)shrinker->made->destinations : NULL; /* its scratch */
    char ranks[256] = "a rank";
    if (!somebody_missing(world))
        return;
    for (int rank = 0; rank < world->n_ranks; rank++) {
        bool missing = is_missing(world, rank);
        if (missing)
            world->slots[rank].left_out = by->rank + 1;
        if (late != NULL)
            late[rank] = missing;
    }
    if (late != NULL)
        weft_text_ranks(late, world->n_ranks, ranks, sizeof ranks);
    weft_world_fail(world, by->rank, WEFT_ERR_RANK_LOST,
                    "%s had not come to weft_comm_shrink when the %lld ms of rank %d were over", ranks,
                    (long long)(by->timeout_ns / 1000000), by->rank);
}

/* The nearest that can still be aborted: an abort there counts for the new communicator. */
static struct weft_world *healthy_ancestor(struct weft_world *world)
{
    while (world != NULL && weft_world_status(world) != WEFT_OK)
        world = world->parent;
    return world;
}

/* With a place for each of `size`; NULL when memory is short. */
static struct weft_world *make_world(struct weft_world *old, int size)
{
    struct weft_world_config config = weft_world_config_of(old);
    struct weft_world *world = weft_world_create(size, &config);
    if (world == NULL)
        return NULL;
    world->members = size;
    world->parent = healthy_ancestor(old);
    if (world->parent == old)
        old->members++;
    else if (world->parent != NULL)
        weft_world_join(world->parent);
    return world;
}

/* Gives all that have come their outcome. */
static void decide(struct weft_world *old)
{
    struct weft_world *world = NULL;
    int size = 0, rank = 0;
    bool memory = true;
    for (struct weft_shrinker *each = old->shrinkers; each != NULL; each = each->next)
        if (!left(old, each->comm->rank)) {
            size++;
            memory = memory && each->made != NULL;
            each->status = WEFT_OK;
        } else
            each->status = WEFT_ERR_RANK_LOST;
    if (size > 0 && memory)
        world = make_world(old, size);
    while (old->shrinkers != NULL) {
        struct weft_shrinker *each = old->shrinkers;
        if (each->status == WEFT_OK) {
            each->world = world;
            each->rank = rank++;
            each->size = size;
            each->status = world != NULL ? WEFT_OK : WEFT_ERR_MEMORY;
        }
        each->decided = true;
        delist(each);
    }
    weft_tell_agreed(old);
}

static void settle(const struct weft_shrinker *shrinker, bool expired)
{
    if (expired)
        leave_out_missing(shrinker);
    if (!somebody_missing(shrinker->comm->world))
        decide(shrinker->comm->world);
}

/* ---- One rank's call */

/* Until it is decided. The communicator may fail meanwhile: then the others will come, too. Where one is aborted that it was made from, they
 * may not, and this rank takes itself back. */
static void agree(struct weft_shrinker *shrinker)
{
    weft_comm *comm = shrinker->comm;
    struct weft_world *world = comm->world;
    int64_t deadline_ns = comm->timeout_ns > 0 ? weft_now_ns() + comm->timeout_ns : INT64_MAX;
    uint32_t aborts = weft_news_of(world).aborts;
    bool expired = false;
    pthread_mutex_lock(&world->lock);
    if (comm->slot->left_out == 0 && !left(world, comm->rank))
        enlist(shrinker);
    else {
        shrinker->status = WEFT_ERR_RANK_LOST;
        shrinker->decided = true;
    }
    while (!shrinker->decided) {
        struct weft_news news = weft_news_of(world);
        settle(shrinker, expired);
        if (shrinker->decided)
            break;
        if (news.aborts != aborts) {
            delist(shrinker);
            break;
        }
        pthread_mutex_unlock(&world->lock);
        weft_wait_news(comm, &news, deadline_ns);
        expired = weft_now_ns() >= deadline_ns;
        pthread_mutex_lock(&world->lock);
    }
    pthread_mutex_unlock(&world->lock);
}

/* While the communicator is healthy this is a call like others, and ranks that are in another are found to disagree: by them, or, where they
 * have looked round and sleep, here. */
static void begin(weft_comm *comm, struct weft_operation *operation, const struct weft_call *call)
{
    weft_requests_lock(comm);
    weft_operation_begin(operation, comm, call, 0, 0);
    weft_look_for_others(operation);
    weft_requests_unlock(comm);
}

static weft_status no_memory(const weft_comm *comm)
{
    return weft_error(WEFT_ERR_MEMORY, "weft_comm_shrink", comm,
                      "some rank had no memory for the new communicator; no rank got one, and all may try again");
}

static weft_status interrupted(weft_comm *comm)
{
    weft_world_inherit(comm->world);
    return weft_error(WEFT_ERR_ABORTED, "weft_comm_shrink", comm,
                      "a communicator that this one was made from was aborted meanwhile");
}

static weft_status rank_lost(const weft_comm *comm)
{
    if (comm->slot->left_out == 0)
        return weft_error(WEFT_ERR_RANK_LOST, "weft_comm_shrink", comm,
                          "the thread that this rank was bound to has ended");
    return weft_error(WEFT_ERR_RANK_LOST, "weft_comm_shrink", comm,
                      "this rank had not come when the time of rank %d was over, and was left out",
                      comm->slot->left_out - 1);
}

weft_status weft_comm_shrink_perform(weft_comm *comm, weft_comm **out)
{
    struct weft_call call = {.collective = WEFT_COLLECTIVE_shrink,
                             .shape = (uint32_t)WEFT_COLLECTIVE_shrink * 0x9e3779b1u};
    struct weft_operation operation = {.comm = NULL};
    bool healthy = weft_world_inherit(comm->world) == WEFT_OK;
    if (healthy)
        begin(comm, &operation, &call);
    struct weft_shrinker shrinker = {.comm = comm, .made = weft_handle_create(comm->n_ranks)};
    agree(&shrinker);
    if (healthy && operation.number == comm->calls)
        weft_record_end(&operation);
    if (shrinker.world != NULL) {
        *out = shrinker.made;
        shrinker.made->n_ranks = shrinker.size;
        weft_handle_attach_from(comm, shrinker.made, shrinker.world, shrinker.rank);
        return WEFT_OK;
    }
    if (shrinker.made != NULL)
        weft_handle_free(shrinker.made);
    if (!shrinker.decided)
        return interrupted(comm);
    return shrinker.status == WEFT_ERR_MEMORY ? no_memory(comm) : rank_lost(comm);
}

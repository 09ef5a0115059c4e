// SPDX-License-Identifier: MIT
/* derive.c - communicators made from communicators: split and dup.
 *
 * The ranks exchange color and key; each computes its new rank for itself. The first of a color to look makes the new world and leaves it with the
 * old one, the others find it there. Then all agree that everybody has one: all ranks get their communicator, or none. */
#include "collectives/collectives.h"
#include "core/domains.h"
#include "core/failure.h"
#include "core/wait.h"
#include "group/group.h"
#include "reduce/reduce.h"

#include <stdlib.h>

/* A world that not all of its ranks have found yet. In the old world's list, under its lock. */
struct weft_birth {
    struct weft_birth *next;
    uint64_t number; /* of the call that makes it */
    int color;
    int missing;
    struct weft_world *world;
};

struct place {
    int32_t color, key;
};

static int new_rank_of(const struct place *places, int n_ranks, int rank, int *size)
{
    const struct place *mine = &places[rank];
    int before = 0;
    *size = 0;
    for (int other = 0; other < n_ranks; other++) {
        if (places[other].color != mine->color)
            continue;
        ++*size;
        before += places[other].key < mine->key || (places[other].key == mine->key && other < rank);
    }
    return before;
}

static struct weft_birth **find(struct weft_world *parent, uint64_t number, int color)
{
    struct weft_birth **at = &parent->births;
    while (*at != NULL && ((*at)->number != number || (*at)->color != color))
        at = &(*at)->next;
    return at;
}

static bool unfinished(struct weft_world *parent, uint64_t number, int color)
{
    pthread_mutex_lock(&parent->lock);
    bool found = *find(parent, number, color) != NULL;
    pthread_mutex_unlock(&parent->lock);
    return found;
}

struct weft_world_config weft_world_config_of(const struct weft_world *from)
{
    struct weft_world_config config = {.name = from->name,
                                       .with_grid = weft_algorithms_use(from->forced, "grid"),
                                       .with_domains = weft_algorithms_use(from->forced, "domains"),
                                       .tuning = from->tuning,
                                       .stall_ns = from->stall_ns};
    memcpy(config.forced, from->forced, sizeof config.forced);
    return config;
}

void weft_handle_attach_from(const struct weft_comm *from, struct weft_comm *made, struct weft_world *world, int rank)
{
    weft_handle_attach(made, world, rank);
    weft_wait_setup(made, from->wait);
    made->timeout_ns = from->timeout_ns;
    made->place = from->place;
    weft_domains_enter(made);
}

static struct weft_world *make(struct weft_world *parent, int size)
{
    struct weft_world_config config = weft_world_config_of(parent);
    config.parent = parent;
    pthread_mutex_unlock(&parent->lock); /* making a world takes a place in its parent */
    struct weft_world *world = weft_world_create(size, &config);
    pthread_mutex_lock(&parent->lock);
    return world;
}

/* A place in the world of this color, made if this rank is the first. NULL when memory is short. */
static struct weft_world *claim(struct weft_world *parent, uint64_t number, int color, int size)
{
    struct weft_birth *spare = calloc(1, sizeof *spare);
    struct weft_world *world = NULL, *unused = NULL;
    pthread_mutex_lock(&parent->lock);
    struct weft_birth **at = find(parent, number, color);
    if (*at == NULL && spare != NULL) {
        unused = make(parent, size);
        at = find(parent, number, color); /* the lock was open: others may have been faster, or have left the list */
        if (*at == NULL && unused != NULL) {
            *spare = (struct weft_birth){
                .next = parent->births, .number = number, .color = color, .missing = size, .world = unused};
            parent->births = spare;
            at = &parent->births;
            weft_world_join(unused); /* the list's own place */
            spare = NULL;
        }
    }
    struct weft_birth *done = NULL;
    if (*at != NULL) {
        world = (*at)->world;
        weft_world_join(world);
        if (--(*at)->missing == 0) {
            done = *at;
            *at = done->next;
        }
    }
    pthread_mutex_unlock(&parent->lock);
    if (unused != NULL)
        weft_world_leave(unused);
    if (done != NULL)
        weft_world_leave(done->world);
    free(done);
    free(spare);
    return world;
}

/* The call failed on this rank: nobody is to find the world any more, and who has it is not to wait there for this rank. */
static void give_up(struct weft_comm *comm, uint64_t number, int color, struct weft_world *world)
{
    struct weft_world *parent = comm->world;
    weft_status status = weft_world_status(parent);
    if (status != WEFT_OK)
        weft_world_fail(world, -1, status, "the communicator that this one was made from failed meanwhile: %s",
                        parent->cause.text);
    pthread_mutex_lock(&parent->lock);
    struct weft_birth **at = find(parent, number, color), *birth = *at;
    if (birth != NULL)
        *at = birth->next;
    pthread_mutex_unlock(&parent->lock);
    if (birth != NULL)
        weft_world_leave(birth->world);
    free(birth);
    weft_world_leave(world);
}

static weft_status exchange_places(weft_comm *comm, struct weft_call *call, const struct place *mine,
                                   struct place *places)
{
    call->send = mine;
    call->recv = places;
    call->count = 2;
    call->bytes = sizeof *mine;
    return weft_allgather_perform(comm, call);
}

/* True on all ranks or on none: every rank has what it needs. */
static weft_status agree(weft_comm *comm, struct weft_call *call, int32_t mine, int32_t *all)
{
    struct weft_reduction reduction;
    weft_reduction_init(&reduction, WEFT_INT32, WEFT_MIN, comm->n_ranks);
    call->send = &mine;
    call->recv = all;
    call->count = 1;
    call->bytes = sizeof mine;
    call->op = WEFT_MIN;
    call->op_index = WEFT_OP_min;
    call->reduction = &reduction;
    return weft_allreduce_perform(comm, call);
}

weft_status weft_comm_derive(weft_comm *comm, enum weft_collective collective, int domain, int color, int key,
                             weft_comm **out)
{
    struct weft_call call = {.collective = collective,
                             .root = domain,
                             .type = WEFT_INT32,
                             .type_index = WEFT_TYPE_int32,
                             .shape = (uint32_t)collective * 0x9e3779b1u};
    const char *name = collective == WEFT_COLLECTIVE_dup        ? "weft_comm_dup"
                       : collective == WEFT_COLLECTIVE_split_by ? "weft_comm_split_by"
                                                                : "weft_comm_split";
    struct place mine = {color, key}, *places = malloc((size_t)comm->n_ranks * sizeof *places);
    weft_comm *made = NULL;
    struct weft_world *world = NULL;
    int32_t all = 0;
    int size = 0, rank = 0;
    /* Without memory of its own a rank still takes part, in its scratch. */
    weft_status status =
        exchange_places(comm, &call, &mine, places != NULL ? places : (struct place *)comm->destinations);
    uint64_t number = comm->calls;
    if (status != WEFT_OK)
        goto done;
    if (color != WEFT_NO_COLOR && places != NULL) {
        rank = new_rank_of(places, comm->n_ranks, comm->rank, &size);
        made = weft_handle_create(size);
        world = made != NULL ? claim(comm->world, number, color, size) : NULL;
    }
    status = agree(comm, &call, color == WEFT_NO_COLOR || world != NULL, &all);
    /* All ranks have taken their places, but not all in this world: a peer whose own call failed gave up the first, and this rank came too
     * late to find that. (The lock of the list handed the failure on, so it is visible.) */
    if (status == WEFT_OK && world != NULL && all != 0 && unfinished(comm->world, number, color))
        status = weft_call_refused(comm, name);
    else if (status == WEFT_OK && all == 0)
        status = weft_error(WEFT_ERR_MEMORY, name, comm,
                            "some rank had no memory for the new communicator; no rank got one, and this one goes on");
    if (status == WEFT_OK) {
        *out = made;
        if (made != NULL)
            weft_handle_attach_from(comm, made, world, rank);
        made = NULL;
    } else if (world != NULL) {
        give_up(comm, number, color, world);
    }
done:
    if (made != NULL)
        weft_handle_free(made);
    free(places);
    return status;
}

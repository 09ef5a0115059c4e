// SPDX-License-Identifier: MIT
/* registry.c - group ids, and the table in which their ranks meet.
 *
 * An id is a plain value without a pointer: a mark, the process it belongs to, a random key, and a checksum. The key is looked up in a table of the
 * process, so that a forged, stale or foreign id is an error and not a crash. A group leaves the table when its last rank has
 * joined, or when it is given up. */
#include "collectives/collectives.h"
#include "core/departure.h"
#include "core/domains.h"
#include "core/failure.h"
#include "core/fork.h"
#include "core/record.h"
#include "core/wait.h"
#include "group/group.h"

#include <stdio.h>
#include <stdlib.h>

struct id_layout {
    char mark[8];
    uint64_t process;  /* weft_process_id */
    uint64_t nonce[2]; /* of the process's table: a later process with the same number differs */
    uint64_t key[2];
    unsigned char zero[WEFT_GROUP_ID_SIZE - 56];
    uint64_t checksum; /* of all before it */
};
static_assert(sizeof(struct id_layout) == WEFT_GROUP_ID_SIZE, "an id has the size that the header states");
static const char MARK[8] = {'w', 'e', 'f', 't', '-', 'i', 'd', '1'};

struct group {
    struct group *next;
    uint64_t key[2];
    int n_ranks; /* 0: nobody has joined */
    int joined;
    bool *taken;              /* by rank */
    struct weft_world *world; /* of which the group is a member until it leaves the table */
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct group *groups;
static uint64_t nonce[2], nonce_process;

/* FNV-1a, 64 bits. */
static uint64_t checksum(const struct id_layout *layout)
{
    const unsigned char *bytes = (const unsigned char *)layout;
    uint64_t hash = 14695981039346656037u;
    for (size_t i = 0; i < offsetof(struct id_layout, checksum); i++)
        hash = (hash ^ bytes[i]) * 1099511628211u;
    return hash;
}

/* ---- While the process forks */

static void before_fork(void)
{
    pthread_mutex_lock(&lock);
    weft_topology_hold();
}

static void after_fork(void)
{
    weft_topology_let_go();
    pthread_mutex_unlock(&lock);
}

static bool fork_ready(void)
{
    static pthread_mutex_t install = PTHREAD_MUTEX_INITIALIZER;
    static bool installed;
    pthread_mutex_lock(&install);
    installed = installed || (weft_fork_ready() && pthread_atfork(before_fork, after_fork, after_fork) == 0);
    bool ready = installed;
    pthread_mutex_unlock(&install);
    return ready;
}

/* ---- The table; all under its lock */

static bool make_nonce(void)
{
    if (nonce_process == weft_process_id())
        return true;
    if (!weft_random_bytes(nonce, sizeof nonce))
        return false;
    nonce_process = weft_process_id();
    return true;
}

static struct group **find(const uint64_t key[2])
{
    struct group **at = &groups;
    while (*at != NULL && memcmp((*at)->key, key, sizeof(*at)->key) != 0)
        at = &(*at)->next;
    return at;
}

static void leave_table(struct group **at)
{
    struct group *group = *at;
    *at = group->next;
    if (group->world != NULL)
        weft_world_leave(group->world);
    free(group->taken);
    free(group);
}

/* The group has failed: who has not joined never will, and is not to be waited for. */
static void vacate(struct weft_world *world, const bool *places, bool flag)
{
    for (int rank = 0; rank < world->n_ranks; rank++)
        if (places[rank] == flag)
            weft_place_vacant(world, rank);
}

/* The group of an id, or NULL and the error is set. */
static struct group **look_up(const weft_group_id *id, const char *call)
{
    struct id_layout layout;
    memcpy(&layout, id, sizeof layout);
    if (memcmp(layout.mark, MARK, sizeof MARK) != 0 || layout.checksum != checksum(&layout)) {
        weft_error(WEFT_ERR_GROUP, call, NULL, "the group id is corrupt: its checksum does not hold");
        return NULL;
    }
    if (layout.process != weft_process_id() || memcmp(layout.nonce, nonce, sizeof nonce) != 0) {
        weft_error(WEFT_ERR_GROUP, call, NULL, "the group id belongs to another process (%llu; this is %llu)",
                   (unsigned long long)layout.process, (unsigned long long)weft_process_id());
        return NULL;
    }
    struct group **at = find(layout.key);
    if (*at == NULL) {
        weft_error(WEFT_ERR_GROUP, call, NULL,
                   "the group is no more: all its ranks have joined, or it was destroyed or failed");
        return NULL;
    }
    return at;
}

/* ---- Ids */

weft_status weft_group_create(const char *call, weft_group_id *id)
{
    struct id_layout layout = {.process = weft_process_id()};
    if (id == NULL)
        return weft_error(WEFT_ERR_ARGUMENT, call, NULL, "id is NULL");
    struct group *group = fork_ready() ? calloc(1, sizeof *group) : NULL;
    if (group == NULL)
        return weft_error(WEFT_ERR_MEMORY, call, NULL, "no memory for a group");
    pthread_mutex_lock(&lock);
    bool random = make_nonce() && weft_random_bytes(group->key, sizeof group->key);
    if (random) {
        memcpy(layout.mark, MARK, sizeof MARK);
        memcpy(layout.nonce, nonce, sizeof nonce);
        memcpy(layout.key, group->key, sizeof group->key);
        layout.checksum = checksum(&layout);
        group->next = groups;
        groups = group;
    }
    pthread_mutex_unlock(&lock);
    if (!random) {
        free(group);
        return weft_error(WEFT_ERR_SYSTEM, call, NULL, "the system gives no random bytes");
    }
    memcpy(id, &layout, sizeof layout);
    return WEFT_OK;
}

weft_status weft_group_id_create(weft_group_id *id)
{
    return weft_group_create("weft_group_id_create", id);
}

weft_status weft_group_id_destroy(const weft_group_id *id)
{
    const char *call = "weft_group_id_destroy";
    if (id == NULL)
        return weft_error(WEFT_ERR_ARGUMENT, call, NULL, "id is NULL");
    pthread_mutex_lock(&lock);
    struct group **at = look_up(id, call);
    if (at != NULL) {
        if ((*at)->world != NULL) {
            bool *missing = (*at)->taken;
            char ranks[256];
            for (int rank = 0; rank < (*at)->n_ranks; rank++)
                missing[rank] = !missing[rank];
            weft_text_ranks(missing, (*at)->n_ranks, ranks, sizeof ranks);
            weft_world_fail((*at)->world, -1, WEFT_ERR_RANK_LOST, "the group was destroyed before %s joined", ranks);
            vacate((*at)->world, missing, true);
        }
        leave_table(at);
    }
    pthread_mutex_unlock(&lock);
    return at != NULL ? WEFT_OK : WEFT_ERR_GROUP;
}

weft_status weft_group_id_to_text(const weft_group_id *id, char text[WEFT_GROUP_ID_TEXT_SIZE])
{
    static const char digits[] = "0123456789abcdef";
    if (id == NULL || text == NULL)
        return weft_error(WEFT_ERR_ARGUMENT, "weft_group_id_to_text", NULL, "%s is NULL", id == NULL ? "id" : "text");
    for (int i = 0; i < WEFT_GROUP_ID_SIZE; i++) {
        text[2 * i] = digits[id->bytes[i] >> 4];
        text[2 * i + 1] = digits[id->bytes[i] & 15];
    }
    text[2 * WEFT_GROUP_ID_SIZE] = 0;
    return WEFT_OK;
}

static int digit_value(char digit)
{
    if (digit >= '0' && digit <= '9')
        return digit - '0';
    if (digit >= 'a' && digit <= 'f')
        return digit - 'a' + 10;
    return digit >= 'A' && digit <= 'F' ? digit - 'A' + 10 : -1;
}

weft_status weft_group_id_from_text(const char *text, weft_group_id *id)
{
    const char *call = "weft_group_id_from_text";
    weft_group_id parsed;
    struct id_layout layout;
    if (text == NULL || id == NULL)
        return weft_error(WEFT_ERR_ARGUMENT, call, NULL, "%s is NULL", text == NULL ? "text" : "id");
    for (int i = 0; i < 2 * WEFT_GROUP_ID_SIZE; i++) {
        int value = digit_value(text[i]); /* also stops at the end of a short text */
        if (value < 0)
            return weft_error(WEFT_ERR_GROUP, call, NULL, "expected %d hexadecimal digits, found %d%s",
                              2 * WEFT_GROUP_ID_SIZE, i, text[i] == 0 ? "" : " and then something else");
        parsed.bytes[i / 2] = (unsigned char)(i % 2 == 0 ? value << 4 : parsed.bytes[i / 2] | value);
    }
    if (text[2 * WEFT_GROUP_ID_SIZE] != 0)
        return weft_error(WEFT_ERR_GROUP, call, NULL, "expected %d hexadecimal digits, found more",
                          2 * WEFT_GROUP_ID_SIZE);
    memcpy(&layout, &parsed, sizeof layout);
    if (memcmp(layout.mark, MARK, sizeof MARK) != 0 || layout.checksum != checksum(&layout))
        return weft_error(WEFT_ERR_GROUP, call, NULL, "the group id is corrupt: its checksum does not hold");
    *id = parsed;
    return WEFT_OK;
}

/* ---- Joining */

#define STALL_NS INT64_C(10000000000) /* unless WEFT_STALL_MS says otherwise */

/* What a rank brings. */
struct join {
    const char *call;
    int n_ranks, rank;
    struct weft_world_config config;
    weft_comm *comm;
};

static weft_status open_group(struct group *group, struct join *join)
{
    char where[WEFT_TUNING_TEXT];
    if (weft_tuning_read(&join->config.tuning, where) != WEFT_OK)
        return weft_error(WEFT_ERR_ARGUMENT, join->call, NULL, "the table of tuning makes no sense: %s", where);
    group->taken = calloc((size_t)join->n_ranks, sizeof *group->taken);
    group->world = group->taken != NULL ? weft_world_create(join->n_ranks, &join->config) : NULL;
    if (group->world == NULL) {
        free(group->taken);
        group->taken = NULL;
        return weft_error(WEFT_ERR_MEMORY, join->call, NULL, "no memory for a communicator of %d ranks", join->n_ranks);
    }
    group->n_ranks = join->n_ranks;
    return WEFT_OK;
}

/* "allreduce:grid", or "nothing for allreduce" */
static void forced_text(const uint8_t *forced, int collective, char *text, size_t size)
{
    const struct weft_algorithm *list = weft_algorithms_of((enum weft_collective)collective)->list;
    const char *name = weft_text_collective((enum weft_collective)collective);
    if (forced[collective] == 0)
        snprintf(text, size, "nothing for %s", name);
    else
        snprintf(text, size, "%s:%s", name, list[forced[collective] - 1].name);
}

/* Two configurations force different algorithms. */
static weft_status differing_algorithms(struct weft_world *world, const struct join *join)
{
    char here[64], first[64];
    int at = 0;
    while (join->config.forced[at] == world->forced[at])
        at++;
    forced_text(join->config.forced, at, here, sizeof here);
    forced_text(world->forced, at, first, sizeof first);
    weft_world_fail(world, -1, WEFT_ERR_MISMATCH,
                    "a rank joined with config.algorithms that force %s, but those of the first to join force %s", here,
                    first);
    return weft_error(WEFT_ERR_MISMATCH, join->call, NULL,
                      "config.algorithms force %s, but those of the first to join the group force %s", here, first);
}

static weft_status check_join(const struct group *group, struct join *join)
{
    if (join->n_ranks != group->n_ranks) {
        weft_world_fail(group->world, -1, WEFT_ERR_MISMATCH,
                        "a rank joined with n_ranks %d, but the first to join with %d", join->n_ranks, group->n_ranks);
        return weft_error(WEFT_ERR_MISMATCH, join->call, NULL, "n_ranks is %d, but the first to join the group said %d",
                          join->n_ranks, group->n_ranks);
    }
    if (memcmp(join->config.forced, group->world->forced, sizeof join->config.forced) != 0)
        return differing_algorithms(group->world, join);
    if (join->rank == WEFT_ANY_RANK)
        for (join->rank = 0; group->taken[join->rank]; join->rank++) {}
    if (group->taken[join->rank])
        return weft_error(WEFT_ERR_ARGUMENT, join->call, NULL, "rank %d of %d has joined the group before", join->rank,
                          join->n_ranks);
    return WEFT_OK;
}

static weft_status join_group(const weft_group_id *id, struct join *join)
{
    struct group **at = look_up(id, join->call);
    if (at == NULL)
        return WEFT_ERR_GROUP;
    struct group *group = *at;
    weft_status status = group->world == NULL ? open_group(group, join) : WEFT_OK;
    if (status == WEFT_OK)
        status = check_join(group, join);
    if (status == WEFT_OK) {
        group->taken[join->rank] = true;
        weft_world_join(group->world);
        weft_handle_attach(join->comm, group->world, join->rank);
    }
    if (status == WEFT_ERR_MISMATCH)
        vacate(group->world, group->taken, false);
    if (status == WEFT_ERR_MISMATCH || (status == WEFT_OK && ++group->joined == group->n_ranks))
        leave_table(at);
    return status;
}

/* A setting of the environment, where it is set. */
static weft_status read_milliseconds(const char *call, const char *name, int64_t *ns)
{
    const char *text = getenv(name);
    char *end;
    if (text == NULL || text[0] == 0)
        return WEFT_OK;
    long long value = strtoll(text, &end, 10);
    if (*end != 0 || value < 0 || value > INT64_MAX / 1000000)
        return weft_error(WEFT_ERR_ARGUMENT, call, NULL, "%s is \"%s\", expected a number of milliseconds", name, text);
    *ns = (int64_t)value * 1000000;
    return WEFT_OK;
}

/* Fills in what the config says, NULL where it is not given. */
static weft_status read_config(struct join *join, const weft_config *config, weft_wait *wait, int64_t *timeout_ns)
{
    const char *algorithms = getenv("WEFT_ALGORITHMS");
    const char *source = "WEFT_ALGORITHMS";
    char error[300];
    if (config != NULL) {
        if (config->struct_size < offsetof(weft_config, reserved))
            return weft_error(WEFT_ERR_ARGUMENT, join->call, NULL,
                              "config.struct_size is %zu, expected at least %zu: initialise with WEFT_CONFIG_INIT",
                              config->struct_size, offsetof(weft_config, reserved));
        if ((int)config->wait < WEFT_WAIT_AUTO || (int)config->wait > WEFT_WAIT_BLOCK)
            return weft_error(WEFT_ERR_ARGUMENT, join->call, NULL,
                              "config.wait is %d, expected WEFT_WAIT_AUTO, _SPIN or _BLOCK (%d to %d)",
                              (int)config->wait, WEFT_WAIT_AUTO, WEFT_WAIT_BLOCK);
        if (config->timeout_ns < 0)
            return weft_error(WEFT_ERR_ARGUMENT, join->call, NULL,
                              "config.timeout_ns is %lld, expected 0, for ever, or more",
                              (long long)config->timeout_ns);
        if (algorithms == NULL || algorithms[0] == 0) {
            algorithms = config->algorithms;
            source = "config.algorithms";
        }
        *wait = config->wait;
        *timeout_ns = config->timeout_ns;
        join->config.name = config->name;
    }
    weft_status status = *timeout_ns == 0 ? read_milliseconds(join->call, "WEFT_TIMEOUT_MS", timeout_ns) : WEFT_OK;
    join->config.stall_ns = STALL_NS;
    if (status == WEFT_OK)
        status = read_milliseconds(join->call, "WEFT_STALL_MS", &join->config.stall_ns);
    if (status != WEFT_OK)
        return status;
    if (!weft_algorithms_parse(algorithms, join->config.forced, error, sizeof error))
        return weft_error(WEFT_ERR_ARGUMENT, join->call, NULL, "%s: %s", source, error);
    join->config.with_grid = weft_algorithms_use(join->config.forced, "grid");
    join->config.with_domains = weft_algorithms_use(join->config.forced, "domains");
    return WEFT_OK;
}

weft_status weft_group_join(const char *call, const weft_group_id *id, int n_ranks, int rank, const weft_config *config,
                            weft_comm **comm)
{
    struct join join = {.call = call, .n_ranks = n_ranks, .rank = rank};
    weft_wait wait = WEFT_WAIT_AUTO;
    int64_t timeout_ns = 0;
    if (id == NULL || comm == NULL)
        return weft_error(WEFT_ERR_ARGUMENT, join.call, NULL, "%s is NULL", id == NULL ? "id" : "comm");
    if (n_ranks < 1)
        return weft_error(WEFT_ERR_ARGUMENT, join.call, NULL, "n_ranks is %d, expected at least 1", n_ranks);
    if (rank != WEFT_ANY_RANK && (rank < 0 || rank >= n_ranks))
        return weft_error(WEFT_ERR_ARGUMENT, join.call, NULL, "rank is %d, expected 0 to %d or WEFT_ANY_RANK", rank,
                          n_ranks - 1);
    weft_status status = read_config(&join, config, &wait, &timeout_ns);
    if (status != WEFT_OK)
        return status;
    join.comm = weft_handle_create(n_ranks);
    if (join.comm == NULL)
        return weft_error(WEFT_ERR_MEMORY, join.call, NULL, "no memory for a handle of a communicator of %d ranks",
                          n_ranks);
    pthread_mutex_lock(&lock);
    status = join_group(id, &join);
    pthread_mutex_unlock(&lock);
    if (status != WEFT_OK) {
        weft_handle_free(join.comm);
        return status;
    }
    weft_wait_setup(join.comm, wait);
    join.comm->timeout_ns = timeout_ns;
    weft_domains_enter(join.comm);
    *comm = join.comm;
    return WEFT_OK;
}

weft_status weft_comm_create(const weft_group_id *id, int n_ranks, int rank, const weft_config *config,
                             weft_comm **comm)
{
    return weft_group_join("weft_comm_create", id, n_ranks, rank, config, comm);
}

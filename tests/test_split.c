// SPDX-License-Identifier: MIT
/* Communicators made from communicators: the order that split gives, nesting, dup, and lifetimes: any number alive at once,
 * freed in any order, used from several threads, outliving their parents and the threads that made them. */
#include "support.h"

#include <limits.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include <weft/info.h>

static weft_comm *const untouched = (weft_comm *)(uintptr_t)0x10;

/* Does an allreduce over comm give the sum of `value` over the ranks that have it? */
static void check_sum(weft_comm *comm, int value, int expected, const char *what)
{
    int sum = -1;
    CHECK_OK(weft_allreduce(comm, &value, &sum, 1, WEFT_INT32, WEFT_SUM));
    CHECK(sum == expected, "%s: sum %d, expected %d", what, sum, expected);
}

/* ---- Order ---- */

enum { MAX_RANKS = 40 };

struct plan {
    int n_ranks;
    int colors[MAX_RANKS], keys[MAX_RANKS];
    int members[MAX_RANKS][MAX_RANKS], sizes[MAX_RANKS]; /* what each rank's communicator must be, by old rank */
};

/* For each rank: those of its color, by key, then by old rank: a stable insertion. */
static void plan_members(struct plan *plan)
{
    for (int r = 0; r < plan->n_ranks; r++) {
        int n = 0, *members = plan->members[r];
        for (int k = 0; k < plan->n_ranks; k++) {
            if (plan->colors[k] != plan->colors[r])
                continue;
            int at = n++;
            for (; at > 0 && plan->keys[members[at - 1]] > plan->keys[k]; at--)
                members[at] = members[at - 1];
            members[at] = k;
        }
        plan->sizes[r] = n;
    }
}

static void split_and_check(weft_comm *comm, void *arg)
{
    const struct plan *plan = arg;
    int old_rank = weft_comm_rank(comm), ranks[MAX_RANKS];
    const int *members = plan->members[old_rank];
    weft_comm *part = untouched;
    CHECK_OK(weft_comm_split(comm, plan->colors[old_rank], plan->keys[old_rank], &part));
    if (plan->colors[old_rank] == WEFT_NO_COLOR) {
        CHECK(part == NULL, "rank %d has no color, and a communicator", old_rank);
    } else if (CHECK(weft_comm_size(part) == plan->sizes[old_rank], "rank %d: size %d, expected %d", old_rank,
                     weft_comm_size(part), plan->sizes[old_rank])) {
        CHECK(members[weft_comm_rank(part)] == old_rank, "old rank %d became %d", old_rank, weft_comm_rank(part));
        CHECK_OK(weft_allgather(part, &old_rank, ranks, 1, WEFT_INT32));
        for (int i = 0; i < plan->sizes[old_rank]; i++)
            CHECK(ranks[i] == members[i], "place %d: old rank %d, expected %d", i, ranks[i], members[i]);
    }
    check_sum(comm, 1, plan->n_ranks, "the parent afterwards");
    CHECK_OK(weft_comm_destroy(part));
}

static void split_orders_by_key_then_old_rank(void **unused)
{
    (void)unused;
    static const int colors[] = {0, 1, 2, WEFT_NO_COLOR, INT_MAX, INT_MAX - 1, 1 << 30};
    static const int keys[] = {0, 0, 1, -1, INT_MIN, INT_MAX, 7, -7};
    uint64_t state = test_seed();
    for (int i = 0; i < scaled(60); i++) {
        struct plan plan = {.n_ranks = i < 20 ? 1 + i / 2 : 1 + (int)random_below(&state, MAX_RANKS)};
        int n_colors = 1 + (int)random_below(&state, 7);
        for (int r = 0; r < plan.n_ranks; r++) {
            plan.colors[r] = colors[random_below(&state, (uint64_t)n_colors)];
            plan.keys[r] = i % 3 == 0 ? 0 : i % 3 == 1 ? -r : keys[random_below(&state, 8)];
        }
        plan_members(&plan);
        test_case("split %d: %d ranks, up to %d colors", i, plan.n_ranks, n_colors);
        run_ranks(plan.n_ranks, NULL, split_and_check, &plan);
    }
}

static void nobody_may_have_a_color(void **unused)
{
    (void)unused;
    struct plan plan = {.n_ranks = 5};
    for (int r = 0; r < 5; r++)
        plan.colors[r] = WEFT_NO_COLOR;
    test_case("no color at all");
    run_ranks(5, NULL, split_and_check, &plan);
}

/* Halves until each is alone, and reverses the order at each level; then all levels are used, from the inside out. */
static void nest(weft_comm *comm, void *arg)
{
    (void)arg;
    weft_comm *levels[10] = {comm};
    int depth = 0;
    while (weft_comm_size(levels[depth]) > 1) {
        int rank = weft_comm_rank(levels[depth]);
        if (!CHECK_OK(weft_comm_split(levels[depth], rank % 2, -rank, &levels[depth + 1])))
            return;
        depth++;
    }
    CHECK(depth == 5, "depth %d", depth);
    for (int round = 0; round < 3; round++)
        for (int d = depth; d >= 0; d--)
            check_sum(levels[d], 1, 32 >> d, "a level");
    for (int d = 1; d <= depth; d++)
        CHECK_OK(weft_comm_destroy(levels[d]));
}

static void splits_nest(void **unused)
{
    (void)unused;
    test_case("32 ranks in halves");
    run_ranks(32, NULL, nest, NULL);
}

/* A chain of communicators, each made from the one before, which is destroyed at once. */
static void chain(weft_comm *comm, void *arg)
{
    (void)arg;
    weft_comm *link = NULL, *next = NULL;
    CHECK_OK(weft_comm_dup(comm, &link));
    for (int i = 0; i < 200; i++) {
        int rank = weft_comm_rank(link);
        CHECK_OK(i % 2 ? weft_comm_dup(link, &next) : weft_comm_split(link, 7, -rank, &next));
        CHECK_OK(weft_comm_destroy(link));
        link = next;
    }
    check_sum(link, weft_comm_rank(link), 3, "the end of the chain");
    CHECK_OK(weft_comm_destroy(link));
}

static void children_live_on_without_their_parents(void **unused)
{
    (void)unused;
    test_case("a chain of 200");
    run_ranks(3, NULL, chain, NULL);
}

/* ---- dup ---- */

static void dup_and_check(weft_comm *comm, void *arg)
{
    (void)arg;
    weft_comm *twin = NULL;
    int rank = weft_comm_rank(comm);
    CHECK_OK(weft_comm_dup(comm, &twin));
    CHECK(weft_comm_rank(twin) == rank && weft_comm_size(twin) == weft_comm_size(comm), "another shape");
    for (int i = 0; i < 100; i++) { /* messages of one are never taken for the other's */
        check_sum(i % 3 ? comm : twin, i + rank, 4 * i + 6, "one");
        check_sum(i % 3 ? twin : comm, i * rank, 6 * i, "the other");
    }
    CHECK_OK(weft_comm_destroy(twin));
}

static void dup_is_another_world(void **unused)
{
    (void)unused;
    test_case("4 ranks, both in turn");
    run_ranks(4, NULL, dup_and_check, NULL);
}

static void check_inheritance(weft_comm *comm, void *arg)
{
    atomic_bool *done = arg;
    weft_comm *children[2] = {NULL, NULL};
    CHECK_OK(weft_comm_dup(comm, &children[0]));
    CHECK_OK(weft_comm_split(comm, 0, 0, &children[1]));
    for (int i = 0; i < 2; i++) {
        const char *choice = weft_info_choice(children[i], "allreduce", 1, WEFT_INT32, WEFT_SUM, NULL, 0);
        CHECK(choice && strcmp(choice, "grid") == 0, "child %d: allreduce by %s", i, choice ? choice : "?");
        CHECK(weft_info_wait(children[i], NULL, 0) == WEFT_WAIT_BLOCK, "child %d: the wait policy", i);
        if (weft_comm_rank(comm) == 0) { /* the timeout, too: the other rank is not coming */
            CHECK_STATUS(WEFT_ERR_TIMEOUT, weft_barrier(children[i]));
            CHECK_ERROR_SAYS("trainer", 1);
        }
    }
    if (weft_comm_rank(comm) == 0)
        atomic_store(done, true);
    while (!atomic_load(done))
        sleep_us(1000);
    CHECK_OK(weft_comm_destroy(children[0]));
    CHECK_OK(weft_comm_destroy(children[1]));
}

static void dup_and_split_hand_the_config_on(void **unused)
{
    (void)unused;
    weft_config config = WEFT_CONFIG_INIT;
    config.name = "trainer";
    config.algorithms = "allreduce:grid";
    config.wait = WEFT_WAIT_BLOCK;
    config.timeout_ns = 50 * 1000000;
    test_case("name, wait, timeout, algorithms");
    atomic_bool done = false;
    run_ranks(2, &config, check_inheritance, &done);
}

/* ---- Lifetimes ---- */

/* Every rank makes the same communicators and frees them in an order of its own, using those that all still have. */
static void free_in_any_order(weft_comm *comm, void *arg)
{
    enum { MANY = 40 };
    uint64_t shared = *(uint64_t *)arg, own;
    int rank = weft_comm_rank(comm), order[MANY];
    weft_comm *made[MANY];
    own = shared + (uint64_t)rank;
    for (int i = 0; i < MANY; i++) {
        weft_comm *from = i == 0 ? comm : made[random_below(&shared, (uint64_t)i)];
        CHECK_OK(random_below(&shared, 2) ? weft_comm_dup(from, &made[i]) : weft_comm_split(from, 3, rank, &made[i]));
        order[i] = i;
    }
    for (int i = MANY - 1; i > 0; i--) {
        int k = (int)random_below(&own, (uint64_t)i + 1), swap = order[i];
        order[i] = order[k];
        order[k] = swap;
    }
    for (int i = 0; i < MANY; i++)
        check_sum(made[i], 1, weft_comm_size(comm), "one of 40");
    for (int i = 0; i < MANY; i++) {
        CHECK_OK(weft_comm_destroy(made[order[i]]));
        check_sum(comm, i, i * weft_comm_size(comm), "the first, between");
    }
}

static void communicators_are_freed_in_any_order(void **unused)
{
    (void)unused;
    uint64_t state = test_seed();
    for (int n = 1; n <= 6; n++) {
        test_case("40 communicators of %d ranks", n);
        run_ranks(n, NULL, free_in_any_order, &state);
        random_next(&state);
    }
}

/* What a rank published stays readable: it may leave while others still read its last call. */
static void leave_at_once(weft_comm *comm, void *arg)
{
    size_t count = *(size_t *)arg;
    int *data = test_alloc(count * sizeof *data);
    for (int i = 0; i < 50; i++) {
        weft_comm *twin = NULL;
        int rank = weft_comm_rank(comm), root = i % 3;
        for (size_t k = 0; k < count; k++)
            data[k] = rank == root ? i + (int)k : -1;
        CHECK_OK(weft_comm_dup(comm, &twin));
        if (rank != root)
            sleep_us((unsigned)i % 5 * 100);
        CHECK_OK(weft_broadcast(twin, data, count, WEFT_INT32, root));
        CHECK_OK(weft_comm_destroy(twin));
        for (size_t k = 0; k < count; k++)
            CHECK(data[k] == i + (int)k, "element %zu is %d, expected %d", k, data[k], i + (int)k);
    }
    free(data);
}

static void root_may_leave_before_receivers_read(void **unused)
{
    (void)unused;
    static size_t counts[] = {1, 14, 100, 288, 5000};
    for (int i = 0; i < 5; i++) {
        test_case("broadcast of %zu int32, then destroy", counts[i]);
        run_ranks(3, NULL, leave_at_once, &counts[i]);
    }
}

static void make_and_break(int index, void *arg)
{
    (void)arg;
    for (int i = 0; i < 50; i++) {
        weft_comm *comms[3] = {untouched, untouched, untouched};
        weft_config config = WEFT_CONFIG_INIT;
        config.algorithms = i % 2 ? "allreduce:grid" : NULL;
        CHECK_OK(weft_comm_create_all(3, &config, comms));
        for (int r = 0; r < 3; r++)
            CHECK(weft_comm_rank(comms[r]) == r && weft_comm_size(comms[r]) == 3, "thread %d: rank %d", index, r);
        for (int r = 0; r < 3; r++)
            CHECK_OK(weft_comm_destroy(comms[(r + index) % 3]));
    }
}

static void worlds_come_and_go_unused(void **unused)
{
    (void)unused;
    test_case("4 threads, 50 worlds each");
    run_threads(4, make_and_break, NULL);
}

/* ---- Threads ---- */

enum { HANDLES = 4 };
struct handles {
    weft_comm *a[HANDLES], *b[HANDLES];
};

static void use_one_of_two(int index, void *arg)
{
    struct handles *handles = arg;
    int rank = index % HANDLES;
    weft_comm *comm = index < HANDLES ? handles->a[rank] : handles->b[rank];
    for (int i = 0; i < scaled(500); i++) {
        if (index < HANDLES && i % 50 == 0)
            CHECK_OK(weft_sync(comm, true));
        else
            check_sum(comm, rank + i, 6 + 4 * i, index < HANDLES ? "first" : "second");
        if (index < HANDLES && i % 50 == 1)
            CHECK_OK(weft_barrier(comm));
    }
}

/* A rank is two threads, each on a communicator of its own, and they never wait for one another. */
static void two_threads_use_two_communicators(void **unused)
{
    (void)unused;
    struct handles handles;
    test_case("4 ranks of two threads");
    CHECK_OK(weft_comm_create_all(HANDLES, NULL, handles.a));
    CHECK_OK(weft_comm_create_all(HANDLES, NULL, handles.b));
    run_threads(2 * HANDLES, use_one_of_two, &handles);
    for (int r = 0; r < HANDLES; r++) {
        CHECK_OK(weft_comm_destroy(handles.a[r]));
        CHECK_OK(weft_comm_destroy(handles.b[r]));
    }
}

static void split_in_passing(int rank, void *arg)
{
    struct handles *handles = arg;
    CHECK_OK(weft_comm_split(handles->a[rank], rank % 2, 0, &handles->b[rank]));
}

static void use_both(int rank, void *arg)
{
    struct handles *handles = arg;
    check_sum(handles->b[rank], rank, rank % 2 ? 4 : 2, "made by a thread that is gone");
    check_sum(handles->a[rank], rank, 6, "the parent");
}

/* Handles made, split, used and destroyed each time in threads that end right after; and by other threads in between. */
static void handles_change_threads(void **unused)
{
    (void)unused;
    struct handles handles;
    test_case("a thread for each step");
    CHECK_OK(weft_comm_create_all(HANDLES, NULL, handles.a));
    for (int i = 0; i < 20; i++) {
        run_threads(HANDLES, split_in_passing, &handles);
        run_threads(HANDLES, use_both, &handles);
        run_threads(HANDLES, use_both, &handles);
        for (int r = 0; r < HANDLES; r++)
            CHECK_OK(weft_comm_destroy(handles.b[r]));
    }
    for (int r = 0; r < HANDLES; r++)
        CHECK_OK(weft_comm_destroy(handles.a[r]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(split_orders_by_key_then_old_rank),
        TEST(nobody_may_have_a_color),
        TEST(splits_nest),
        TEST(children_live_on_without_their_parents),
        TEST(dup_is_another_world),
        TEST(dup_and_split_hand_the_config_on),
        TEST(communicators_are_freed_in_any_order),
        TEST(root_may_leave_before_receivers_read),
        TEST(worlds_come_and_go_unused),
        TEST(two_threads_use_two_communicators),
        TEST(handles_change_threads),
    };
    return RUN_TESTS("split", tests);
}

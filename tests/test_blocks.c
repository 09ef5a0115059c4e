// SPDX-License-Identifier: MIT
/* The collectives of blocks, where the conformance suite does not look: counts of two ranks that do not meet, objects, copies that
 * fail, what in place leaves behind, and what no call may touch. */
#include "support.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_RANKS = 8 };

/* One call of any kind that moves blocks. Each rank's blocks are of counts[from][to] elements. */
enum kind { GATHER, GATHERV, SCATTER, SCATTERV, ALLGATHERV, ALLTOALL, ALLTOALLV, KINDS };
static const char *const names[KINDS] = {"gather",     "gatherv",  "scatter",  "scatterv",
                                         "allgatherv", "alltoall", "alltoallv"};

/* What a rank hands in: blocks to each rank, and room for one from each, `stride` elements apart. */
struct hand {
    const void *send;
    void *recv;
    size_t stride;
    size_t sends[MOST_RANKS], receives[MOST_RANKS]; /* elements to and from each */
};

static weft_status call(weft_comm *comm, enum kind kind, const struct hand *hand, const weft_type *type, int root)
{
    int rank = weft_comm_rank(comm), n = weft_comm_size(comm);
    size_t offsets[MOST_RANKS];
    for (int r = 0; r < n; r++)
        offsets[r] = (size_t)r * hand->stride;
    switch (kind) {
    case GATHER:
        return weft_gather(comm, hand->send, hand->recv, hand->stride, type, root);
    case GATHERV:
        return weft_gatherv(comm, hand->send, hand->sends[root], hand->recv, rank == root ? hand->receives : NULL,
                            rank == root ? offsets : NULL, type, root);
    case SCATTER:
        return weft_scatter(comm, hand->send, hand->recv, hand->stride, type, root);
    case SCATTERV:
        return weft_scatterv(comm, hand->send, rank == root ? hand->sends : NULL, rank == root ? offsets : NULL,
                             hand->recv, hand->receives[root], type, root);
    case ALLGATHERV:
        return weft_allgatherv(comm, hand->send, hand->sends[rank], hand->recv, hand->receives, offsets, type);
    case ALLTOALL:
        return weft_alltoall(comm, hand->send, hand->recv, hand->stride, type);
    default:
        return weft_alltoallv(comm, hand->send, hand->sends, offsets, hand->recv, hand->receives, offsets, type);
    }
}

/* ---- Counts that do not meet */

struct quarrel {
    enum kind kind;
    int sender, receiver; /* one of them the root, where there is one */
    size_t has, expects;  /* of this block; all others are of `has` elements */
};

static void quarrel(weft_comm *comm, void *arg)
{
    const struct quarrel *it = arg;
    int rank = weft_comm_rank(comm), n = weft_comm_size(comm);
    size_t most = it->has > it->expects ? it->has : it->expects;
    char *send = calloc((size_t)n * most + 1, 4), *recv = calloc((size_t)n * most + 1, 4), text[20];
    struct hand hand = {.send = send, .recv = recv, .stride = most};
    for (int r = 0; r < n; r++)
        hand.sends[r] = hand.receives[r] = it->has;
    if (rank == it->receiver)
        hand.receives[it->sender] = it->expects;
    weft_status status = call(comm, it->kind, &hand, WEFT_INT32, it->kind == GATHERV ? it->receiver : it->sender);
    if (status == WEFT_OK) /* who had no part in it */
        status = weft_barrier(comm);
    CHECK_STATUS(WEFT_ERR_MISMATCH, status);
    CHECK_ERROR_SAYS(names[it->kind], -1);
    snprintf(text, sizeof text, "rank %d sends %zu", it->sender, it->has);
    CHECK_ERROR_SAYS(text, -1);
    snprintf(text, sizeof text, "to rank %d", it->receiver);
    CHECK_ERROR_SAYS(text, -1);
    CHECK_ERROR_SAYS("expects", (int)it->expects);
    CHECK_STATUS(WEFT_ERR_MISMATCH, weft_comm_status(comm));
    free(send);
    free(recv);
}

static void counts_that_do_not_meet_are_told_with_both_ranks(void **unused)
{
    (void)unused;
    static const enum kind kinds[] = {GATHERV, SCATTERV, ALLTOALLV};
    static const size_t counts[][2] = {{3, 4},     {4, 3},     {0, 1},       {1, 0},         {3, 5000},
                                       {5000, 3},  {0, 40000}, {40000, 0},   {40000, 39999}, {270, 288},
                                       {278, 279}, {100, 300}, {40000, 270}, {1, 2}};
    static const char *const algorithms[] = {NULL, "gatherv:mixed,scatterv:mixed,alltoallv:mixed",
                                             "gatherv:pull,scatterv:pull,alltoallv:pull"};
    uint64_t state = test_seed();
    for (size_t k = 0; k < 3; k++)
        for (size_t c = 0; c < sizeof counts / sizeof counts[0]; c++)
            for (int n = 2; n <= MOST_RANKS; n += 1 + (int)random_below(&state, 3)) {
                struct quarrel it = {.kind = kinds[k], .has = counts[c][0], .expects = counts[c][1]};
                weft_config config = WEFT_CONFIG_INIT;
                config.algorithms = algorithms[random_below(&state, 3)];
                config.wait = random_below(&state, 2) ? WEFT_WAIT_BLOCK : WEFT_WAIT_AUTO;
                it.sender = (int)random_below(&state, (uint64_t)n);
                it.receiver = (it.sender + 1 + (int)random_below(&state, (uint64_t)n - 1)) % n;
                test_case("%s, %d ranks, rank %d sends %zu, rank %d expects %zu, algorithms %s", names[it.kind], n,
                          it.sender, it.has, it.receiver, it.expects, config.algorithms ? config.algorithms : "-");
                run_ranks(n, &config, quarrel, &it);
            }
}

/* Counts and offsets that all must have alike. */
static void layouts_differ(weft_comm *comm, void *arg)
{
    const int *which = arg;
    int rank = weft_comm_rank(comm), data[16] = {0}, out[64] = {0};
    size_t counts[3] = {2, 1, 3}, offsets[3] = {0, 2, 3};
    weft_status status;
    if (rank == 1 && *which == 0)
        counts[0] = 3, counts[2] = 2, offsets[1] = 3, offsets[2] = 4; /* the same sum */
    if (rank == 1 && *which == 1)
        offsets[2] = 9;
    if (rank == 1 && *which == 2)
        counts[0] = 3, counts[2] = 2;
    status = *which < 2 ? weft_allgatherv(comm, data, counts[rank], out, counts, offsets, WEFT_INT32)
                        : weft_reduce_scatterv(comm, data, out, counts, WEFT_INT32, WEFT_SUM);
    CHECK_STATUS(WEFT_ERR_MISMATCH, status);
    CHECK_ERROR_SAYS(*which < 2 ? "allgatherv(6 x int32 in blocks #" : "reduce_scatterv(6 x int32 in blocks #", -1);
    CHECK_ERROR_SAYS("rank 1", -1);
}

static void layouts_that_differ_are_found(void **unused)
{
    (void)unused;
    static const char *const algorithms[] = {NULL, "allgatherv:flat,reduce_scatterv:flat",
                                             "allgatherv:gate,reduce_scatterv:gate",
                                             "allgatherv:pull,reduce_scatterv:slices"};
    for (int which = 0; which < 3; which++)
        for (int a = 0; a < 4; a++) {
            weft_config config = WEFT_CONFIG_INIT;
            config.algorithms = algorithms[a];
            test_case("case %d, algorithms %s", which, algorithms[a] ? algorithms[a] : "-");
            run_ranks(3, &config, layouts_differ, &which);
        }
}

/* ---- What stays as it is */

static void in_front_and_behind(weft_comm *comm, void *arg)
{
    size_t count = *(const size_t *)arg;
    int rank = weft_comm_rank(comm), n = weft_comm_size(comm);
    int *data = test_alloc(sizeof *data * count * (size_t)n);
    for (size_t i = 0; i < count; i++)
        data[i] = rank + 1;
    /* exscan writes nothing on rank 0, in place or not, and may have nowhere to write to. */
    CHECK_OK(weft_exscan(comm, WEFT_IN_PLACE, data, count, WEFT_INT32, WEFT_SUM));
    for (size_t i = 0; i < count; i++)
        CHECK(data[i] == (rank == 0 ? 1 : rank * (rank + 1) / 2), "rank %d, element %zu: %d", rank, i, data[i]);
    int *other = test_alloc(sizeof *other * count);
    memset(other, 0x11, sizeof *other * count);
    CHECK_OK(weft_exscan(comm, data, rank == 0 ? NULL : other, count, WEFT_INT32, WEFT_MAX));
    CHECK(rank != 0 || other[count - 1] == 0x11111111, "rank 0: %x", (unsigned)other[count - 1]);
    /* reduce_scatter in place: the result in front, whatever stood there for others to read. */
    for (size_t i = 0; i < count * (size_t)n; i++)
        data[i] = (int)(i / count) * 100 + rank;
    CHECK_OK(weft_reduce_scatter(comm, WEFT_IN_PLACE, data, count, WEFT_INT32, WEFT_SUM));
    for (size_t i = 0; i < count; i++)
        CHECK(data[i] == n * rank * 100 + n * (n - 1) / 2, "rank %d, element %zu: %d", rank, i, data[i]);
    free(data);
    free(other);
}

static void in_place_leaves_what_it_should(void **unused)
{
    (void)unused;
    static const size_t counts[] = {1, 14, 100, 3000, 50000};
    for (int n = 1; n <= 9; n += 2)
        for (size_t c = 0; c < 5; c++) {
            size_t count = counts[c];
            test_case("%d ranks, count %zu", n, count);
            run_ranks(n, NULL, in_front_and_behind, &count);
        }
}

/* alltoallv from one end of a buffer to the other: the bases are the same, and it is not in place. */
static void from_one_end_to_the_other(weft_comm *comm, void *arg)
{
    (void)arg;
    int rank = weft_comm_rank(comm), n = weft_comm_size(comm), data[2 * MOST_RANKS * 4];
    size_t counts[MOST_RANKS], here[MOST_RANKS], there[MOST_RANKS];
    for (int r = 0; r < n; r++) {
        counts[r] = 4;
        here[r] = (size_t)r * 4;
        there[r] = (size_t)(n + r) * 4;
        for (int i = 0; i < 4; i++)
            data[4 * r + i] = 100 * rank + r, data[4 * (n + r) + i] = -1;
    }
    CHECK_OK(weft_alltoallv(comm, data, counts, here, data, counts, there, WEFT_INT32));
    for (int r = 0; r < n; r++)
        CHECK(data[4 * r] == 100 * rank + r && data[4 * (n + r) + 3] == 100 * r + rank, "rank %d, block %d: %d, %d",
              rank, r, data[4 * r], data[4 * (n + r) + 3]);
}

static void blocks_may_go_from_one_end_of_a_buffer_to_the_other(void **unused)
{
    (void)unused;
    for (int n = 1; n <= MOST_RANKS; n++) {
        test_case("%d ranks", n);
        run_ranks(n, NULL, from_one_end_to_the_other, NULL);
    }
}

/* ---- Objects */

/* A counted pointer, whose copies share what it points to; a copy to rank `context` fails where the value is one that this rank
 * dislikes. */
struct shared {
    atomic_int owners;
    int value;
};
static atomic_int alive;

static void release(struct shared **pointer)
{
    if (*pointer && atomic_fetch_sub(&(*pointer)->owners, 1) == 1) {
        free(*pointer);
        atomic_fetch_sub(&alive, 1);
    }
    *pointer = NULL;
}

static void renew(struct shared **pointer, int value)
{
    release(pointer);
    *pointer = test_alloc(sizeof **pointer);
    atomic_init(&(*pointer)->owners, 1);
    (*pointer)->value = value;
    atomic_fetch_add(&alive, 1);
}

static weft_status pointer_copy(const weft_type *type, const void *source, void *target, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct shared *from = ((struct shared *const *)source)[i], **to = (struct shared **)target + i;
        if (from->value < 0 && -from->value - 1 == *(const int *)type->context)
            return WEFT_ERR_MEMORY; /* whatever it says: the call reports WEFT_ERR_CALLBACK */
        atomic_fetch_add(&from->owners, 1);
        release(to);
        *to = from;
    }
    return WEFT_OK;
}

static bool is_sender(enum kind kind, int rank, int root)
{
    return (kind != SCATTER && kind != SCATTERV) || rank == root;
}

static bool is_receiver(enum kind kind, int rank, int root)
{
    return (kind != GATHER && kind != GATHERV) || rank == root;
}

/* Blocks of `stride` elements, in the v-forms of fewer for higher senders. */
static size_t block_count(enum kind kind, size_t stride, int from)
{
    bool differ = kind == GATHERV || kind == ALLGATHERV || kind == ALLTOALLV;
    return differ ? (stride * (size_t)(MOST_RANKS - from) + MOST_RANKS - 1) / MOST_RANKS : stride;
}

static void fill_hand(struct hand *hand, enum kind kind, int rank, int n)
{
    for (int r = 0; r < n; r++) {
        hand->sends[r] = block_count(kind, hand->stride, rank);
        hand->receives[r] = block_count(kind, hand->stride, r);
    }
}

struct objects {
    size_t stride;
    bool fails;
};

/* All kinds in a row, each with its own root; in every second round one rank cannot copy what one other gives. */
static void move_objects(weft_comm *comm, void *arg)
{
    const struct objects *it = arg;
    int rank = weft_comm_rank(comm), n = weft_comm_size(comm);
    weft_type type = {.name = "counted", .size = sizeof(struct shared *), .copy = pointer_copy, .context = &rank};
    size_t room = (size_t)n * it->stride;
    struct shared **send = calloc(room, sizeof *send), **recv = calloc(room, sizeof *recv);
    struct hand hand = {.send = send, .recv = recv, .stride = it->stride};
    for (int round = 0; round < 2 * KINDS; round++) {
        enum kind kind = (enum kind)(round % KINDS);
        int root = round % n, giver = kind == SCATTER || kind == SCATTERV ? root : (root + 1) % n;
        int victim = kind == SCATTER || kind == SCATTERV ? (root + 1) % n : root;
        bool fails = it->fails && round >= KINDS;
        fill_hand(&hand, kind, rank, n);
        for (size_t i = 0; i < room; i++)
            renew(&send[i], fails && rank == giver ? -1 - victim : 1000 * rank + round);
        weft_status status = call(comm, kind, &hand, &type, root);
        CHECK_STATUS(fails ? WEFT_ERR_CALLBACK : WEFT_OK, status);
        if (fails)
            CHECK_ERROR_SAYS(names[kind], -1);
        for (int r = 0; r < n && !fails && is_receiver(kind, rank, root); r++)
            if (is_sender(kind, r, root) && hand.receives[r] > 0) {
                size_t at = kind == SCATTER || kind == SCATTERV ? 0 : (size_t)r * it->stride;
                CHECK(recv[at]->value == 1000 * r + round, "%s: rank %d has %d from rank %d", names[kind], rank,
                      recv[at]->value, r);
                CHECK(recv[at + hand.receives[r] - 1]->value == 1000 * r + round, "the last of them");
            }
        CHECK_OK(weft_comm_status(comm));
    }
    CHECK_OK(weft_barrier(comm)); /* others may still hold what is ours */
    for (size_t i = 0; i < room; i++) {
        release(&send[i]);
        release(&recv[i]);
    }
    free(send);
    free(recv);
}

static void objects_move_by_their_copy_function(void **unused)
{
    (void)unused;
    static const size_t strides[] = {1, 3, 40, 700};
    for (int fails = 0; fails < 2; fails++)
        for (int n = 1 + fails; n <= MOST_RANKS; n++)
            for (size_t s = 0; s < 4; s++) {
                struct objects it = {strides[s], fails};
                weft_config config = WEFT_CONFIG_INIT;
                config.wait = s % 2 ? WEFT_WAIT_BLOCK : WEFT_WAIT_AUTO;
                test_case("%zu objects, %d ranks%s", it.stride, n, fails ? ", some copies fail" : "");
                run_ranks(n, &config, move_objects, &it);
                CHECK(alive == 0, "%d objects are left over", alive);
            }
}

/* Objects can be copied, and not swapped; all else works in place. */
static void swap_objects(weft_comm *comm, void *arg)
{
    bool v = *(const bool *)arg;
    int rank = weft_comm_rank(comm);
    weft_type type = {.name = "counted", .size = sizeof(struct shared *), .copy = pointer_copy, .context = &rank};
    struct shared *data[2] = {NULL, NULL};
    size_t counts[2] = {1, 1}, offsets[2] = {0, 1};
    renew(&data[0], 1);
    renew(&data[1], 2);
    CHECK_STATUS(WEFT_ERR_UNSUPPORTED, v ? weft_alltoallv(comm, WEFT_IN_PLACE, NULL, NULL, data, counts, offsets, &type)
                                         : weft_alltoall(comm, WEFT_IN_PLACE, data, 1, &type));
    CHECK_ERROR_SAYS("counted", -1);
    CHECK_ERROR_SAYS("in place", -1);
    CHECK(data[0]->value == 1 && data[1]->value == 2, "objects have changed");
    release(&data[0]);
    release(&data[1]);
}

static void objects_are_not_swapped(void **unused)
{
    (void)unused;
    for (int v = 0; v < 2; v++) {
        bool differ = v;
        test_case("%s", v ? "alltoallv" : "alltoall");
        run_ranks(2, NULL, swap_objects, &differ);
    }
}

/* Where nothing is sent and nothing received, buffers may be NULL; that they are the same is no swap. */
static void exchange_no_objects(weft_comm *comm, void *arg)
{
    (void)arg;
    weft_type type = {.name = "counted", .size = sizeof(struct shared *), .copy = pointer_copy};
    size_t none[3] = {0, 0, 0};
    CHECK_OK(weft_alltoallv(comm, NULL, none, none, NULL, none, none, &type));
    CHECK_OK(weft_alltoallv(comm, WEFT_IN_PLACE, NULL, NULL, NULL, none, none, &type));
    CHECK_OK(weft_alltoall(comm, NULL, NULL, 0, &type));
}

static void no_objects_are_exchanged_without_buffers(void **unused)
{
    (void)unused;
    for (int n = 1; n <= 3; n++) {
        test_case("%d ranks", n);
        run_ranks(n, NULL, exchange_no_objects, NULL);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(counts_that_do_not_meet_are_told_with_both_ranks),
        TEST(layouts_that_differ_are_found),
        TEST(in_place_leaves_what_it_should),
        TEST(blocks_may_go_from_one_end_of_a_buffer_to_the_other),
        TEST(objects_move_by_their_copy_function),
        TEST(objects_are_not_swapped),
        TEST(no_objects_are_exchanged_without_buffers),
    };
    return RUN_TESTS("blocks", tests);
}

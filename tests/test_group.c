// SPDX-License-Identifier: MIT
/* Group ids: plain values that can be copied, printed, sent and parsed; forged, stale and foreign ones are errors and never
 * crashes. Joining: by rank or by WEFT_ANY_RANK, in any order, without waiting; what happens when ranks disagree. */
#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static weft_comm *const untouched = (weft_comm *)(uintptr_t)0x10;

/* Creates with rank 0 of 2, which must fail like this and leave the handle alone. */
static void refuse(const weft_group_id *id, weft_status expected)
{
    weft_comm *comm = untouched;
    CHECK_STATUS(expected, weft_comm_create(id, 2, 0, NULL, &comm));
    CHECK(comm == untouched, "a failed create has changed the handle");
    CHECK_ERROR_SAYS("weft_comm_create", -1);
}

/* ---- Values ---- */

static void text_gives_the_same_id_back(void **unused)
{
    (void)unused;
    test_case("text");
    weft_group_id id, parsed;
    char text[WEFT_GROUP_ID_TEXT_SIZE];
    memset(text, 'x', sizeof text);
    CHECK_OK(weft_group_id_create(&id));
    CHECK_OK(weft_group_id_to_text(&id, text));
    CHECK(memchr(text, 0, sizeof text) == text + 2 * WEFT_GROUP_ID_SIZE, "length %zu", strnlen(text, sizeof text));
    CHECK(strspn(text, "0123456789abcdefABCDEF") == 2 * WEFT_GROUP_ID_SIZE, "not hexadecimal: %s", text);
    CHECK_OK(weft_group_id_from_text(text, &parsed));
    CHECK(memcmp(&id, &parsed, sizeof id) == 0, "another id came back");
    CHECK_OK(weft_group_id_destroy(&parsed));
    refuse(&id, WEFT_ERR_GROUP);
}

static void malformed_text_is_refused(void **unused)
{
    (void)unused;
    char texts[6][WEFT_GROUP_ID_TEXT_SIZE + 8];
    weft_group_id id;
    CHECK_OK(weft_group_id_create(&id));
    for (int i = 0; i < 6; i++)
        CHECK_OK(weft_group_id_to_text(&id, texts[i]));
    texts[0][0] = 0;
    texts[1][2 * WEFT_GROUP_ID_SIZE - 1] = 0;
    strcat(texts[2], "0");
    texts[3][100] = 'g';
    texts[4][0] = ' ';
    strcat(texts[5], "\n");
    for (int i = 0; i < 6; i++) {
        test_case("malformed text %d", i);
        weft_group_id parsed, before;
        memset(&parsed, 0x5a, sizeof parsed);
        before = parsed;
        weft_status status = weft_group_id_from_text(texts[i], &parsed);
        CHECK(status == WEFT_ERR_GROUP || status == WEFT_ERR_ARGUMENT, "status %s", weft_status_name(status));
        CHECK(memcmp(&parsed, &before, sizeof parsed) == 0, "a failed parse has changed the id");
        CHECK_ERROR_SAYS("weft_group_id_from_text", -1);
    }
    CHECK_OK(weft_group_id_destroy(&id));
}

static void ids_differ(void **unused)
{
    (void)unused;
    test_case("64 ids");
    weft_group_id ids[64];
    for (int i = 0; i < 64; i++) {
        CHECK_OK(weft_group_id_create(&ids[i]));
        for (int k = 0; k < i; k++)
            CHECK(memcmp(&ids[i], &ids[k], sizeof ids[i]) != 0, "%d and %d", i, k);
    }
    for (int i = 0; i < 64; i++)
        CHECK_OK(weft_group_id_destroy(&ids[i]));
}

/* One bit flipped in each byte in turn, whatever the byte means. The id itself stays good. */
static void every_corrupt_byte_is_found(void **unused)
{
    (void)unused;
    uint64_t state = test_seed();
    weft_group_id id;
    CHECK_OK(weft_group_id_create(&id));
    for (int i = 0; i < WEFT_GROUP_ID_SIZE; i++) {
        weft_group_id corrupt = id;
        int bit = (int)random_below(&state, 8);
        test_case("byte %d, bit %d", i, bit);
        corrupt.bytes[i] ^= (unsigned char)(1 << bit);
        refuse(&corrupt, WEFT_ERR_GROUP);
        CHECK_STATUS(WEFT_ERR_GROUP, weft_group_id_destroy(&corrupt));
    }
    weft_comm *comm = NULL;
    CHECK_OK(weft_comm_create(&id, 1, 0, NULL, &comm));
    CHECK_OK(weft_barrier(comm));
    CHECK_OK(weft_comm_destroy(comm));
}

static void invented_ids_are_refused(void **unused)
{
    (void)unused;
    uint64_t state = test_seed();
    weft_group_id id;
    test_case("zeros and random bytes");
    memset(&id, 0, sizeof id);
    refuse(&id, WEFT_ERR_GROUP);
    for (int i = 0; i < 200; i++) {
        for (int k = 0; k < WEFT_GROUP_ID_SIZE; k++)
            id.bytes[k] = (unsigned char)random_next(&state);
        refuse(&id, WEFT_ERR_GROUP);
    }
}

/* A child makes an id and sends it here; and the child tries ours. Both belong to another process. */
static void ids_of_other_processes_are_refused(void **unused)
{
    (void)unused;
    test_case("fork");
    weft_group_id ours, theirs;
    int channel[2];
    CHECK_OK(weft_group_id_create(&ours));
    assert_int_equal(pipe(channel), 0);
    pid_t child = fork();
    if (child == 0) {
        weft_comm *comm = untouched;
        weft_group_id id;
        bool good = weft_group_id_create(&id) == WEFT_OK && write(channel[1], &id, sizeof id) == sizeof id;
        bool refused = weft_comm_create(&ours, 1, 0, NULL, &comm) == WEFT_ERR_GROUP && comm == untouched;
        _exit(!good ? 2 : !refused ? 3 : 0);
    }
    int status = -1;
    CHECK(read(channel[0], &theirs, sizeof theirs) == sizeof theirs, "nothing came from the child");
    waitpid(child, &status, 0);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0, "the child ended with %d (3: it joined our group)", status);
    refuse(&theirs, WEFT_ERR_GROUP);
    CHECK_STATUS(WEFT_ERR_GROUP, weft_group_id_destroy(&theirs));
    CHECK_OK(weft_group_id_destroy(&ours));
    close(channel[0]);
    close(channel[1]);
}

/* ---- Joining ---- */

struct joining {
    weft_group_id id;
    char text[WEFT_GROUP_ID_TEXT_SIZE];
    int n_ranks;
    int ranks[64]; /* what each thread got, or asks for */
    unsigned delay_us;
    weft_status statuses[64];
};

/* Joins with a copy of the id, half of the threads through its text, and allgathers the ranks. */
static void join_anywhere(int index, void *arg)
{
    struct joining *joining = arg;
    weft_group_id id = joining->id;
    weft_comm *comm = NULL;
    if (index % 2)
        CHECK_OK(weft_group_id_from_text(joining->text, &id));
    if (!CHECK_OK(weft_comm_create(&id, joining->n_ranks, joining->ranks[index], NULL, &comm)))
        return;
    int rank = weft_comm_rank(comm), all[64];
    CHECK(weft_comm_size(comm) == joining->n_ranks && weft_comm_same_process(comm), "size or process");
    CHECK(joining->ranks[index] == WEFT_ANY_RANK || joining->ranks[index] == rank, "asked %d, got %d",
          joining->ranks[index], rank);
    CHECK_OK(weft_allgather(comm, &rank, all, sizeof rank, WEFT_BYTE));
    for (int r = 0; r < joining->n_ranks; r++)
        CHECK(all[r] == r, "rank %d says it is %d", r, all[r]);
    CHECK_OK(weft_comm_destroy(comm));
}

static void any_rank_gives_each_rank_once(void **unused)
{
    (void)unused;
    static const int counts[] = {1, 2, 7, 40};
    for (int c = 0; c < 4; c++)
        for (int mixed = 0; mixed < 2; mixed++) {
            struct joining joining = {.n_ranks = counts[c]};
            test_case("%d ranks, %s", counts[c], mixed ? "all by number, from the last" : "all by WEFT_ANY_RANK");
            CHECK_OK(weft_group_id_create(&joining.id));
            CHECK_OK(weft_group_id_to_text(&joining.id, joining.text));
            for (int i = 0; i < counts[c]; i++)
                joining.ranks[i] = mixed ? counts[c] - 1 - i : WEFT_ANY_RANK;
            run_threads(counts[c], join_anywhere, &joining);
            refuse(&joining.id, WEFT_ERR_GROUP);
        }
}

static void any_rank_is_the_lowest_free_one(void **unused)
{
    (void)unused;
    static const int asked[] = {1, WEFT_ANY_RANK, 4, WEFT_ANY_RANK, WEFT_ANY_RANK}, given[] = {1, 0, 4, 2, 3};
    weft_comm *comms[5];
    weft_group_id id;
    test_case("1, any, 4, any, any of 5");
    CHECK_OK(weft_group_id_create(&id));
    for (int i = 0; i < 5; i++) {
        CHECK_OK(weft_comm_create(&id, 5, asked[i], NULL, &comms[i]));
        CHECK(weft_comm_rank(comms[i]) == given[i], "got %d instead of %d", weft_comm_rank(comms[i]), given[i]);
    }
    for (int i = 0; i < 5; i++)
        CHECK_OK(weft_comm_destroy(comms[i]));
}

static void taken_rank_changes_nothing(void **unused)
{
    (void)unused;
    weft_comm *first = NULL, *second = NULL, *taken = untouched;
    weft_group_id id;
    test_case("rank 1 of 2, twice");
    CHECK_OK(weft_group_id_create(&id));
    CHECK_OK(weft_comm_create(&id, 2, 1, NULL, &first));
    CHECK_STATUS(WEFT_ERR_ARGUMENT, weft_comm_create(&id, 2, 1, NULL, &taken));
    CHECK_ERROR_SAYS("weft_comm_create", 1);
    CHECK(taken == untouched, "a failed create has changed the handle");
    CHECK_OK(weft_comm_status(first));
    CHECK_OK(weft_comm_create(&id, 2, 0, NULL, &second));
    CHECK(weft_comm_rank(first) == 1 && weft_comm_rank(second) == 0, "ranks");
    CHECK_OK(weft_comm_destroy(first));
    CHECK_OK(weft_comm_destroy(second));
}

/* ---- Groups that do not come about ---- */

static void wait_in_group(int index, void *arg)
{
    struct joining *joining = arg;
    weft_comm *comm = NULL;
    if (index == joining->n_ranks - 1) { /* the one that spoils it for the others */
        sleep_us(joining->delay_us);
        if (joining->ranks[index] < 0) {
            CHECK_OK(weft_group_id_destroy(&joining->id));
            return;
        }
        comm = untouched;
        CHECK_STATUS(WEFT_ERR_MISMATCH, weft_comm_create(&joining->id, joining->n_ranks + 5, index, NULL, &comm));
        CHECK(comm == untouched, "a failed create has changed the handle");
        CHECK_ERROR_SAYS("weft_comm_create", joining->n_ranks + 5);
        CHECK_ERROR_SAYS("weft_comm_create", joining->n_ranks);
        return;
    }
    CHECK_OK(weft_comm_create(&joining->id, joining->n_ranks, index, NULL, &comm));
    joining->statuses[index] = weft_barrier(comm);
    CHECK_ERROR_SAYS("barrier", joining->ranks[joining->n_ranks - 1] < 0 ? joining->n_ranks - 1 : joining->n_ranks + 5);
    CHECK(weft_comm_status(comm) == joining->statuses[index], "status %s", weft_status_name(weft_comm_status(comm)));
    CHECK_OK(weft_comm_destroy(comm));
}

/* The last of four says that there are nine: all fail with both numbers. */
static void disagreement_on_n_ranks_fails_the_group(void **unused)
{
    (void)unused;
    for (int late = 0; late < 2; late++) {
        struct joining joining = {.n_ranks = 4, .ranks = {0, 1, 2, 3}, .delay_us = late ? 50000 : 20000};
        test_case("4 or 9 ranks, %s", late ? "late" : "early");
        CHECK_OK(weft_group_id_create(&joining.id));
        run_threads(4, wait_in_group, &joining);
        for (int i = 0; i < 3; i++)
            CHECK_STATUS(WEFT_ERR_MISMATCH, joining.statuses[i]);
        weft_comm *comm = untouched;
        CHECK(weft_comm_create(&joining.id, 4, 3, NULL, &comm) < 0 && comm == untouched, "a failed group was joined");
    }
}

static void given_up_group_loses_the_missing_ranks(void **unused)
{
    (void)unused;
    struct joining joining = {.n_ranks = 4, .ranks = {0, 1, 2, -1}, .delay_us = 30000};
    test_case("3 of 4 ranks wait, the id is destroyed");
    CHECK_OK(weft_group_id_create(&joining.id));
    run_threads(4, wait_in_group, &joining);
    for (int i = 0; i < 3; i++)
        CHECK_STATUS(WEFT_ERR_RANK_LOST, joining.statuses[i]);
    refuse(&joining.id, WEFT_ERR_GROUP);
    CHECK_STATUS(WEFT_ERR_GROUP, weft_group_id_destroy(&joining.id));
}

/* ---- Time: joining does not wait; early calls wait for who joins late ---- */

static void join_late(int index, void *arg)
{
    struct joining *joining = arg;
    weft_comm *comm = NULL;
    int one = 1, sum = 0;
    sleep_us((unsigned)index * joining->delay_us);
    CHECK_OK(weft_comm_create(&joining->id, joining->n_ranks, index, NULL, &comm));
    CHECK_OK(weft_allreduce(comm, &one, &sum, 1, WEFT_INT32, WEFT_SUM));
    CHECK(sum == joining->n_ranks, "sum %d", sum);
    CHECK_OK(weft_comm_destroy(comm));
}

static void calls_wait_for_ranks_that_join_late(void **unused)
{
    (void)unused;
    struct joining joining = {.n_ranks = 5, .delay_us = 15000};
    test_case("one every 15 ms");
    CHECK_OK(weft_group_id_create(&joining.id));
    run_threads(5, join_late, &joining);
}

/* Joins every group as this thread's rank, in an order of its own, then uses all of them. */
static void join_many(int index, void *arg)
{
    enum { GROUPS = 32 };
    struct joining *all = arg;
    weft_comm *comms[GROUPS];
    for (int i = 0; i < GROUPS; i++) {
        int g = (i * 5 + index * 7) % GROUPS;
        CHECK_OK(weft_comm_create(&all[g].id, 4, index, NULL, &comms[g]));
    }
    for (int g = 0; g < GROUPS; g++) {
        int sum = 0, value = g + index;
        CHECK_OK(weft_allreduce(comms[g], &value, &sum, 1, WEFT_INT32, WEFT_SUM));
        CHECK(sum == 4 * g + 6, "group %d: sum %d", g, sum);
    }
    for (int i = 0; i < GROUPS; i++)
        CHECK_OK(weft_comm_destroy(comms[(i * 3 + index) % GROUPS]));
}

static void many_groups_form_at_once(void **unused)
{
    (void)unused;
    struct joining *all = test_alloc(sizeof *all * 32);
    test_case("32 groups of 4");
    for (int g = 0; g < 32; g++)
        CHECK_OK(weft_group_id_create(&all[g].id));
    run_threads(4, join_many, all);
    free(all);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(text_gives_the_same_id_back),
        TEST(malformed_text_is_refused),
        TEST(ids_differ),
        TEST(every_corrupt_byte_is_found),
        TEST(invented_ids_are_refused),
        TEST(ids_of_other_processes_are_refused),
        TEST(any_rank_gives_each_rank_once),
        TEST(any_rank_is_the_lowest_free_one),
        TEST(taken_rank_changes_nothing),
        TEST(disagreement_on_n_ranks_fails_the_group),
        TEST(given_up_group_loses_the_missing_ranks),
        TEST(calls_wait_for_ranks_that_join_late),
        TEST(many_groups_form_at_once),
    };
    return RUN_TESTS("group", tests);
}

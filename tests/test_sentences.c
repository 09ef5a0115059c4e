// SPDX-License-Identifier: MIT
/* What weft_last_error() says, word for word: who, which call, what was expected and what was found, and nothing twice. Each
 * case is a call that fails in one way on a communicator of three ranks, and the clause that all ranks get as its cause. */
#include "support.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

static int32_t input[40000], output[3][120000];

/* ---- Calls that fail */

static weft_status fail_to_combine(const weft_op *op, const weft_type *type, const void *in, void *inout, size_t count)
{
    (void)op, (void)type, (void)in, (void)inout, (void)count;
    return WEFT_ERR_SYSTEM;
}
static weft_status fail_to_copy(const weft_type *type, const void *source, void *target, size_t count)
{
    (void)type, (void)source, (void)target, (void)count;
    return WEFT_ERR_MEMORY;
}
static weft_status copy_slowly(const weft_type *type, const void *source, void *target, size_t count)
{
    (void)type, (void)source, (void)target, (void)count;
    sleep_us(300000); /* much longer than the timeout, or a root put aside meanwhile finds it done */
    return WEFT_OK;
}
static const weft_op failing = {.name = "merge", .combine = fail_to_combine},
                     commuting = {.name = "merge", .combine = fail_to_combine, .commutative = true},
                     empty = {.name = "idle"};
static const weft_type pair = {.name = "pair", .size = 8}, own_int32 = {.name = "int32", .size = 8},
                       wide_pair = {.name = "pair", .size = 16},
                       request = {.name = "request", .size = 24, .copy = fail_to_copy},
                       other_request = {.name = "request", .size = 24},
                       slow = {.name = "page", .size = 8, .copy = copy_slowly},
                       long_name = {.name = "position_and_speed", .size = 8},
                       long_name_too = {.name = "position_and_spin", .size = 8};

#define ALLREDUCE(count, type, op) weft_allreduce(comm, input, output[rank], count, type, op)
#define BROADCAST(count, type, root) weft_broadcast(comm, output[rank], count, type, root)
#define ALLGATHER(count, type) weft_allgather(comm, input, output[rank], count, type)

/* Rank 1 makes the first call, the others the second. */
#define CASE(name, of_rank_1, of_others)                                                                               \
    static weft_status name(weft_comm *comm, int rank)                                                                 \
    {                                                                                                                  \
        return rank == 1 ? (of_rank_1) : (of_others);                                                                  \
    }
CASE(other_collective, weft_barrier(comm), ALLREDUCE(4, WEFT_INT32, WEFT_SUM))
CASE(other_count, ALLREDUCE(5, WEFT_INT32, WEFT_SUM), ALLREDUCE(4, WEFT_INT32, WEFT_SUM))
CASE(other_size, ALLGATHER(2, &pair), ALLGATHER(2, &wide_pair))
CASE(other_kind, ALLGATHER(2, &other_request), ALLGATHER(2, &request))
CASE(own_type, ALLGATHER(1, &own_int32), ALLGATHER(1, WEFT_INT32))
CASE(other_commutative, ALLREDUCE(2, WEFT_INT32, &commuting), ALLREDUCE(2, WEFT_INT32, &failing))
CASE(other_long_name, ALLGATHER(2, &long_name), ALLGATHER(2, &long_name_too))
CASE(failing_combine, ALLREDUCE(1, WEFT_INT32, &failing), ALLREDUCE(1, WEFT_INT32, &failing))
CASE(null_send, weft_allreduce(comm, NULL, output[1], 4, WEFT_INT32, WEFT_SUM), weft_barrier(comm))
CASE(overlap, weft_allreduce(comm, output[1] + 1, output[1], 4, WEFT_INT32, WEFT_SUM), weft_barrier(comm))
CASE(root_above, BROADCAST(4, WEFT_INT32, 7), weft_barrier(comm))
CASE(overflow, BROADCAST(SIZE_MAX / 2, WEFT_INT32, 0), weft_barrier(comm))
CASE(blocks_overflow, ALLGATHER(SIZE_MAX / 16, WEFT_INT32), weft_barrier(comm))
CASE(not_defined, ALLREDUCE(4, WEFT_FLOAT32, WEFT_BAND), weft_barrier(comm))
CASE(not_built_in, ALLREDUCE(4, &pair, WEFT_SUM), weft_barrier(comm))
CASE(no_combine, ALLREDUCE(4, WEFT_INT32, &empty), weft_barrier(comm))
CASE(objects_reduced, ALLREDUCE(4, &request, WEFT_SUM), weft_barrier(comm))
CASE(bad_color, weft_comm_split(comm, -7, 0, &(weft_comm *){NULL}), weft_barrier(comm))

static weft_status wait_for_rank_1(weft_comm *comm, int rank)
{
    return rank == 1 ? WEFT_OK : ALLREDUCE(4, WEFT_INT32, WEFT_SUM);
}
static weft_status wait_for_all(weft_comm *comm, int rank)
{
    weft_status status = weft_barrier(comm);
    return rank == 0 && status == WEFT_OK ? ALLREDUCE(4, WEFT_INT32, WEFT_SUM) : status;
}
static weft_status wait_for_a_copy(weft_comm *comm, int rank)
{
    return BROADCAST(1, &slow, 0);
}
static weft_status abort_with_a_reason(weft_comm *comm, int rank)
{
    return rank == 1 ? weft_comm_abort(comm, "the disk is full") : weft_barrier(comm);
}
static weft_status abort_without(weft_comm *comm, int rank)
{
    return rank == 1 ? weft_comm_abort(comm, NULL) : weft_barrier(comm);
}

#define MS INT64_C(1000000)
static const struct sentence {
    const char *what;
    weft_status (*call)(weft_comm *comm, int rank);
    weft_status expected;
    int n_ranks;
    int64_t timeout_ns;
    const char *cause; /* as its finder and its peers read it */
} sentences[] = {
#define DISAGREE(name, cause)                                                                                          \
    {                                                                                                                  \
#name, name, WEFT_ERR_MISMATCH, 2, 0, "ranks disagree on call 1: " cause                                       \
    }
#define REFUSED(name, call, why)                                                                                       \
    {                                                                                                                  \
#name, name, WEFT_ERR_ARGUMENT, 3, 0, call " by rank 1 was refused: " why                                      \
    }
#define UNDEFINED(name, why)                                                                                           \
    {                                                                                                                  \
#name, name, WEFT_ERR_UNSUPPORTED, 3, 0, "weft_allreduce by rank 1 was refused: " why                          \
    }
    DISAGREE(other_collective, "rank 0 called allreduce(4 x int32, sum); rank 1 called barrier()"),
    DISAGREE(other_count, "rank 0 called allreduce(4 x int32, sum); rank 1 called allreduce(5 x int32, sum)"),
    DISAGREE(other_size, "rank 0 called allgather(2 x pair (16 bytes)); rank 1 called allgather(2 x pair (8 bytes))"),
    DISAGREE(other_kind, "rank 0 called allgather(2 x request (objects of 24 bytes)); rank 1 called allgather(2 x "
                         "request (24 bytes))"),
    DISAGREE(own_type, "rank 0 called allgather(1 x int32 (built in)); rank 1 called allgather(1 x int32 (8 bytes))"),
    DISAGREE(other_commutative, "rank 0 called allreduce(2 x int32 (built in), merge (not commutative)); rank 1 "
                                "called allreduce(2 x int32 (built in), merge (commutative))"),
    DISAGREE(other_long_name,
             "rank 0 called allgather(2 x position_and_sp (8 bytes)); rank 1 called allgather(2 x "
             "position_and_sp (8 bytes)) (names that differ behind their 15th character, or ranks that "
             "went apart more than 64 calls ago)"),
    REFUSED(null_send, "weft_allreduce", "send is NULL with a count of 4"),
    REFUSED(overlap, "weft_allreduce", "send and recv overlap, and are not the same"),
    REFUSED(root_above, "weft_broadcast", "root is 7, expected 0 to 2"),
    REFUSED(overflow, "weft_broadcast", "count is 9223372036854775807; that many elements of 4 bytes overflow"),
    REFUSED(blocks_overflow, "weft_allgather",
            "count is 1152921504606846975; that many elements of 4 bytes from each of 3 ranks overflow"),
    REFUSED(bad_color, "weft_comm_split", "color is -7, expected WEFT_NO_COLOR, or 0 or more"),
    UNDEFINED(not_defined, "op band is not defined for type float32"),
    UNDEFINED(not_built_in, "op sum is not defined for type pair, which is not built in"),
    UNDEFINED(no_combine, "op idle has no combine function"),
    UNDEFINED(objects_reduced, "type request has a copy function; reductions take plain types"),
    {"late", wait_for_rank_1, WEFT_ERR_TIMEOUT, 2, 20 * MS,
     "rank 0 timed out after 20 ms in call 1, allreduce(4 x int32, sum), waiting for rank 1, which has called nothing "
     "yet"},
    {"late_by_a_moment", wait_for_rank_1, WEFT_ERR_TIMEOUT, 2, 200000,
     "rank 0 timed out after 200000 ns in call 1, allreduce(4 x int32, sum), waiting for rank 1, which has called "
     "nothing yet"},
    {"all_late", wait_for_all, WEFT_ERR_TIMEOUT, 3, 500 * MS,
     "rank 0 timed out after 500 ms in call 2, allreduce(4 x int32, sum), waiting for ranks 1-2 (rank 1 last completed "
     "call 1, barrier(); rank 2 last completed call 1, barrier())"},
    {"abort", abort_with_a_reason, WEFT_ERR_ABORTED, 3, 0, "rank 1 aborted: the disk is full"},
    {"abort_without", abort_without, WEFT_ERR_ABORTED, 3, 0, "rank 1 aborted: no reason given"},
};

__attribute__((format(printf, 1, 2))) static void says(const char *format, ...)
{
    char sentence[2000];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(sentence, sizeof sentence, format, arguments);
    va_end(arguments);
    CHECK(strcmp(weft_last_error(), sentence) == 0, "expected \"%s\", found \"%s\"", sentence, weft_last_error());
}

/* All that a rank is told once the communicator has failed is the cause, as it stands. */
static void fail_and_read(weft_comm *comm, void *arg)
{
    const struct sentence *it = arg;
    int rank = weft_comm_rank(comm);
    weft_status status = it->call(comm, rank);
    const char *why = strstr(it->cause, "rank 1 was refused: ");
    if (rank == 1 && why != NULL) { /* who is refused reads of his own call */
        CHECK_STATUS(it->expected, status);
        says("%.*s on \"train\" by rank 1 of 3%s", (int)strcspn(it->cause, " "), it->cause, strstr(why, ": "));
    }
    for (int64_t begin = clock_now_ns(); weft_comm_status(comm) == WEFT_OK && clock_now_ns() - begin < 10000 * MS;)
        sleep_us(1000);
    CHECK_STATUS(it->expected, weft_barrier(comm));
    says("weft_barrier on \"train\" by rank %d of %d: the communicator has failed: %s", rank, it->n_ranks, it->cause);
}

static void failures_are_told_in_full(void **unused)
{
    (void)unused;
    weft_config config = WEFT_CONFIG_INIT;
    config.name = "train";
    for (size_t i = 0; i < sizeof sentences / sizeof sentences[0]; i++) {
        test_case("%s", sentences[i].what);
        config.timeout_ns = sentences[i].timeout_ns;
        run_ranks(sentences[i].n_ranks, &config, fail_and_read, (void *)&sentences[i]);
    }
}

/* A call that the failure interrupts is named once, with what it was called with where the cause does not say so. */
static void interrupted(weft_comm *comm, void *arg)
{
    int rank = weft_comm_rank(comm);
    const struct sentence *it = arg;
    CHECK_OK(weft_barrier(comm));
    if (rank == 1)
        sleep_us(50000);
    CHECK_STATUS(it->expected, it->call(comm, rank) == WEFT_OK ? it->expected : weft_comm_status(comm));
    if (rank == 0)
        CHECK(strcmp(weft_last_error(), it->cause) == 0, "expected \"%s\", found \"%s\"", it->cause, weft_last_error());
}

static weft_status abort_late(weft_comm *comm, int rank)
{
    return rank == 1 ? weft_comm_abort(comm, "the disk is full") : ALLREDUCE(4, WEFT_INT32, WEFT_SUM);
}

static void interrupted_calls_are_named_once(void **unused)
{
    (void)unused;
    static const struct sentence table[] = {
        {"abort", abort_late, WEFT_ERR_ABORTED, 3, 0,
         "weft_allreduce(4 x int32, sum) on \"weft\" by rank 0 of 3: rank 1 aborted: the disk is full"},
        {"disagree", other_collective, WEFT_ERR_MISMATCH, 2, 0,
         "weft_allreduce on \"weft\" by rank 0 of 2: ranks disagree on call 2: rank 0 called allreduce(4 x int32, "
         "sum); rank 1 called barrier()"},
        {"refused", root_above, WEFT_ERR_ARGUMENT, 3, 0,
         "weft_barrier on \"weft\" by rank 0 of 3: weft_broadcast by rank 1 was refused: root is 7, expected 0 to 2"},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        test_case("%s", table[i].what);
        run_ranks(table[i].n_ranks, NULL, interrupted, (void *)&table[i]);
    }
}

/* ---- Copies and combinations that fail, copies that last */

static void object_calls(weft_comm *comm, void *arg)
{
    (void)arg;
    int rank = weft_comm_rank(comm);
    CHECK_STATUS(WEFT_ERR_CALLBACK, weft_broadcast(comm, output[rank], 2, &request, 1));
    CHECK(strstr(weft_last_error(), "weft_broadcast(2 x request, root 1) on \"weft\" by rank ") != NULL &&
              strstr(weft_last_error(),
                     "of 3: the copy function of type request failed on rank 0 (WEFT_ERR_MEMORY); the "
                     "communicator goes on") != NULL,
          "\"%s\"", weft_last_error());
    CHECK_OK(weft_barrier(comm));
    CHECK_STATUS(WEFT_ERR_CALLBACK, failing_combine(comm, rank));
    const char *failed = strstr(weft_last_error(), "the combine function of op merge failed on rank ");
    CHECK(failed != NULL && strstr(failed, " in allreduce(1 x int32, merge)") != NULL, "\"%s\"", weft_last_error());
}

static void callbacks_are_named(void **unused)
{
    (void)unused;
    test_case("copy and combine");
    run_ranks(3, NULL, object_calls, NULL);
}

static void read_of_a_long_copy(weft_comm *comm, void *arg)
{
    (void)arg;
    int rank = weft_comm_rank(comm);
    weft_status status = wait_for_a_copy(comm, rank);
    if (rank == 0) {
        CHECK_STATUS(WEFT_ERR_TIMEOUT, status);
        const char *waits = strstr(weft_last_error(), "in call 1, broadcast(1 x page, root 0), waiting for rank");
        CHECK(waits != NULL && strstr(waits, " come and ha") && strstr(waits, " not done ") && !strstr(waits, "rank 3"),
              "\"%s\"", weft_last_error());
    }
}

static void ranks_that_have_come_are_not_called_missing(void **unused)
{
    (void)unused;
    weft_config config = WEFT_CONFIG_INIT;
    config.timeout_ns = 20 * MS;
    test_case("a copy that lasts");
    run_ranks(3, &config, read_of_a_long_copy, NULL);
}

/* ---- Communicators made from others: an abort tells whose it was */

static void abort_the_parent(weft_comm *comm, void *arg)
{
    (void)arg;
    int rank = weft_comm_rank(comm);
    weft_comm *half = NULL, *quarter = NULL;
    CHECK_OK(weft_comm_split(comm, rank == 2, 0, &half));
    CHECK_OK(weft_comm_dup(half, &quarter));
    CHECK_OK(weft_barrier(comm));
    if (rank == 2) {
        CHECK_OK(weft_comm_abort(comm, "enough"));
    } else {
        while (rank == 1 && weft_comm_status(half) == WEFT_OK) /* so that rank 0 waits in vain */
            sleep_us(1000);
        CHECK_STATUS(WEFT_ERR_ABORTED, weft_sync(half, true));
        CHECK_STATUS(WEFT_ERR_ABORTED, weft_barrier(quarter));
        CHECK(strstr(weft_last_error(),
                     "of 2: the communicator has failed: rank 2 aborted: enough (in the communicator of 3 "
                     "ranks that this one was made from)") != NULL,
              "\"%s\"", weft_last_error());
    }
    CHECK_OK(weft_comm_destroy(quarter));
    CHECK_OK(weft_comm_destroy(half));
}

static void inherited_aborts_say_whose_they_are(void **unused)
{
    (void)unused;
    test_case("split, dup, abort");
    run_ranks(3, NULL, abort_the_parent, NULL);
}

/* ---- weft_run */

static weft_status fail_by_itself(weft_comm *comm, void *arg)
{
    (void)arg;
    int32_t data[4];
    /* An old failure, which has nothing to do with what the body returns. */
    CHECK_STATUS(WEFT_ERR_CALLBACK, weft_broadcast(comm, data, 1, &request, 0));
    return weft_comm_rank(comm) == 1 ? WEFT_ERR_MEMORY : weft_barrier(comm);
}

static weft_status fail_in_a_call(weft_comm *comm, void *arg)
{
    (void)arg;
    return weft_comm_rank(comm) == 1 ? root_above(comm, 1) : WEFT_OK; /* nobody else fails, let alone before */
}

static weft_status run_another(weft_comm *comm, void *arg)
{
    return weft_comm_rank(comm) == 1 ? weft_run(2, NULL, fail_in_a_call, arg) : WEFT_OK;
}

static void runs_say_whose_body_failed(void **unused)
{
    (void)unused;
    weft_config config = WEFT_CONFIG_INIT;
    test_case("a status of its own");
    CHECK_STATUS(WEFT_ERR_MEMORY, weft_run(3, NULL, fail_by_itself, NULL));
    says("weft_run: the body of rank 1 of 3 returned WEFT_ERR_MEMORY");
    test_case("a call that fails");
    CHECK_STATUS(WEFT_ERR_ARGUMENT, weft_run(3, NULL, fail_in_a_call, NULL));
    says("weft_run: the body of rank 1 failed: weft_broadcast on \"weft\" by rank 1 of 3: root is 7, expected 0 to 2");
    test_case("a run in a run");
    CHECK_STATUS(WEFT_ERR_ARGUMENT, weft_run(3, NULL, run_another, NULL));
    says("weft_run: the body of rank 1 failed: weft_run: the body of rank 1 failed: weft_broadcast on \"weft\" by rank "
         "1 of 2: "
         "root is 7, expected 0 to 1");
    test_case("no communicator");
    config.algorithms = "allreduce:nosuch";
    CHECK_STATUS(WEFT_ERR_ARGUMENT, weft_run(3, &config, fail_in_a_call, NULL));
    CHECK(strncmp(weft_last_error(), "weft_run: config.algorithms: allreduce has no algorithm \"nosuch\"; it has ",
                  72) == 0,
          "\"%s\"", weft_last_error());
}

/* ---- Groups */

static void groups_say_what_is_wrong(void **unused)
{
    (void)unused;
    weft_group_id id;
    weft_comm *first = NULL, *second = NULL;
    weft_config config = WEFT_CONFIG_INIT;
    test_case("ids");
    CHECK_STATUS(WEFT_ERR_GROUP, weft_group_id_from_text("abc", &id));
    says("weft_group_id_from_text: expected 256 hexadecimal digits, found 3");
    CHECK_STATUS(WEFT_ERR_GROUP, weft_group_id_from_text("ab c", &id));
    says("weft_group_id_from_text: expected 256 hexadecimal digits, found 2 and then something else");
    test_case("joining");
    CHECK_OK(weft_group_id_create(&id));
    CHECK_OK(weft_comm_create(&id, 2, 0, NULL, &first));
    CHECK_STATUS(WEFT_ERR_ARGUMENT, weft_comm_create(&id, 2, 0, NULL, &second));
    says("weft_comm_create: rank 0 of 2 has joined the group before");
    config.algorithms = "allreduce:grid";
    CHECK_STATUS(WEFT_ERR_MISMATCH, weft_comm_create(&id, 2, 1, &config, &second));
    says("weft_comm_create: config.algorithms force allreduce:grid, but those of the first to join the group force "
         "nothing for "
         "allreduce");
    CHECK_STATUS(WEFT_ERR_MISMATCH, weft_barrier(first));
    says("weft_barrier on \"weft\" by rank 0 of 2: the communicator has failed: a rank joined with config.algorithms "
         "that force "
         "allreduce:grid, but those of the first to join force nothing for allreduce");
    CHECK_OK(weft_comm_destroy(first));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(failures_are_told_in_full),
        TEST(interrupted_calls_are_named_once),
        TEST(callbacks_are_named),
        TEST(ranks_that_have_come_are_not_called_missing),
        TEST(inherited_aborts_say_whose_they_are),
        TEST(runs_say_whose_body_failed),
        TEST(groups_say_what_is_wrong),
    };
    return RUN_TESTS("sentences", tests);
}

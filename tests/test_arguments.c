// SPDX-License-Identifier: MIT
/* Bad arguments of every call. The caller gets the status and a sentence with the call, its rank and what was wrong; the
 * peers, who called rightly, do not hang but get the same status and a sentence that names the rank; the communicator
 * stays failed with that cause. */
#include "support.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include <weft/info.h>

static weft_comm *const untouched = (weft_comm *)(uintptr_t)0x10;

static weft_status copy_nothing(const weft_type *type, const void *source, void *target, size_t count)
{
    (void)type, (void)source, (void)target, (void)count;
    return WEFT_OK;
}

static const weft_type empty_type = {.name = "empty", .size = 0};
static const weft_type nameless_type = {.name = NULL, .size = 4};
static const weft_type plain_type = {.name = "plain", .size = 4};
static const weft_type object_type = {.name = "object", .size = 4, .copy = copy_nothing};
static const weft_op idle_op = {.name = "idle", .combine = NULL};

/* Room for 8 elements of 4 bytes for each of three ranks. */
struct room {
    int send[8], recv[24];
};

/* ---- Calls on a communicator of n ranks that are wrong, each beside the right one of its peers ---- */

#define CALL(name, expression)                                                                                         \
    static weft_status name(weft_comm *comm, struct room *room, int n)                                                 \
    {                                                                                                                  \
        (void)room, (void)n;                                                                                           \
        return expression;                                                                                             \
    }

CALL(broadcast_right, weft_broadcast(comm, room->recv, 4, WEFT_INT32, n - 1))
CALL(broadcast_null_data, weft_broadcast(comm, NULL, 4, WEFT_INT32, n - 1))
CALL(broadcast_null_type, weft_broadcast(comm, room->recv, 4, NULL, n - 1))
CALL(broadcast_empty_type, weft_broadcast(comm, room->recv, 4, &empty_type, n - 1))
CALL(broadcast_nameless_type, weft_broadcast(comm, room->recv, 4, &nameless_type, n - 1))
CALL(broadcast_root_below, weft_broadcast(comm, room->recv, 4, WEFT_INT32, -1))
CALL(broadcast_root_above, weft_broadcast(comm, room->recv, 4, WEFT_INT32, n + 57))
CALL(broadcast_overflow, weft_broadcast(comm, room->recv, SIZE_MAX / 2, WEFT_INT32, n - 1))
CALL(broadcast_root_min, weft_broadcast(comm, NULL, 0, WEFT_INT32, INT_MIN))

CALL(allgather_right, weft_allgather(comm, room->send, room->recv, 4, WEFT_INT32))
CALL(allgather_null_send, weft_allgather(comm, NULL, room->recv, 4, WEFT_INT32))
CALL(allgather_null_recv, weft_allgather(comm, room->send, NULL, 4, WEFT_INT32))
CALL(allgather_null_type, weft_allgather(comm, room->send, room->recv, 4, NULL))
CALL(allgather_overflow, weft_allgather(comm, room->send, room->recv, SIZE_MAX / 2, WEFT_INT32))
CALL(allgather_blocks_overflow, weft_allgather(comm, room->send, room->recv, SIZE_MAX / 4, WEFT_INT32))
CALL(allgather_half_overlap, weft_allgather(comm, (char *)room->recv + 8, room->recv, 4, WEFT_INT32))
CALL(allgather_before_overlap, weft_allgather(comm, &room->send[5], room->recv, 4, WEFT_INT32))

CALL(allreduce_right, weft_allreduce(comm, room->send, room->recv, 4, WEFT_INT32, WEFT_SUM))
CALL(allreduce_null_send, weft_allreduce(comm, NULL, room->recv, 4, WEFT_INT32, WEFT_SUM))
CALL(allreduce_null_recv, weft_allreduce(comm, room->send, NULL, 4, WEFT_INT32, WEFT_SUM))
CALL(allreduce_null_recv_in_place, weft_allreduce(comm, WEFT_IN_PLACE, NULL, 4, WEFT_INT32, WEFT_SUM))
CALL(allreduce_null_type, weft_allreduce(comm, room->send, room->recv, 4, NULL, WEFT_SUM))
CALL(allreduce_null_op, weft_allreduce(comm, room->send, room->recv, 4, WEFT_INT32, NULL))
CALL(allreduce_overflow, weft_allreduce(comm, room->send, room->recv, SIZE_MAX / 3, WEFT_INT32, WEFT_SUM))
CALL(allreduce_overlap, weft_allreduce(comm, &room->recv[1], room->recv, 4, WEFT_INT32, WEFT_SUM))
CALL(allreduce_overlap_byte, weft_allreduce(comm, (char *)room->recv + 15, room->recv, 4, WEFT_INT32, WEFT_SUM))
CALL(allreduce_float_bits, weft_allreduce(comm, room->send, room->recv, 4, WEFT_FLOAT32, WEFT_BAND))
CALL(allreduce_float_logic, weft_allreduce(comm, room->send, room->recv, 4, WEFT_BFLOAT16, WEFT_LOR))
CALL(allreduce_place_of_number, weft_allreduce(comm, room->send, room->recv, 4, WEFT_INT32, WEFT_MINLOC))
CALL(allreduce_sum_of_places, weft_allreduce(comm, room->send, room->recv, 2, WEFT_INT32_INDEX, WEFT_SUM))
CALL(allreduce_sum_of_plain, weft_allreduce(comm, room->send, room->recv, 4, &plain_type, WEFT_SUM))
CALL(allreduce_sum_of_objects, weft_allreduce(comm, room->send, room->recv, 4, &object_type, WEFT_SUM))
CALL(allreduce_without_combine, weft_allreduce(comm, room->send, room->recv, 4, WEFT_INT32, &idle_op))

CALL(reduce_right, weft_reduce(comm, room->send, room->recv, 4, WEFT_INT32, WEFT_SUM, n / 2))
CALL(reduce_root_below, weft_reduce(comm, room->send, room->recv, 4, WEFT_INT32, WEFT_SUM, -1))
CALL(reduce_root_above, weft_reduce(comm, room->send, room->recv, 4, WEFT_INT32, WEFT_SUM, n + 57))
CALL(reduce_null_send, weft_reduce(comm, NULL, room->recv, 4, WEFT_INT32, WEFT_SUM, n / 2))
CALL(reduce_null_recv_at_root, weft_reduce(comm, room->send, NULL, 4, WEFT_INT32, WEFT_SUM, n / 2))
CALL(reduce_null_type, weft_reduce(comm, room->send, room->recv, 4, NULL, WEFT_SUM, n / 2))
CALL(reduce_null_op, weft_reduce(comm, room->send, room->recv, 4, WEFT_INT32, NULL, n / 2))
CALL(reduce_overlap, weft_reduce(comm, &room->recv[2], room->recv, 4, WEFT_INT32, WEFT_SUM, n / 2))
CALL(reduce_unsupported, weft_reduce(comm, room->send, room->recv, 4, WEFT_FLOAT16, WEFT_BXOR, n / 2))

static weft_comm *ignored;
CALL(dup_right, weft_comm_dup(comm, &ignored))
CALL(dup_null_out, weft_comm_dup(comm, NULL))
CALL(split_null_out, weft_comm_split(comm, 0, 0, NULL))
CALL(split_color_below, weft_comm_split(comm, -57, 0, &ignored))
CALL(barrier_right, weft_barrier(comm))

static const struct bad_call {
    const char *what;
    weft_status (*wrong)(weft_comm *comm, struct room *room, int n);
    weft_status (*right)(weft_comm *comm, struct room *room, int n);
    weft_status expected;
    const char *call, *says; /* words of the sentence */
    int number;
} bad_calls[] = {
#define BAD(call, wrong, says, number)                                                                                 \
    {                                                                                                                  \
#call "_" #wrong, call##_##wrong, call##_right, WEFT_ERR_ARGUMENT, "weft_" #call, says, number                 \
    }
#define UNSUPPORTED(call, wrong, says)                                                                                 \
    {                                                                                                                  \
#call "_" #wrong, call##_##wrong, call##_right, WEFT_ERR_UNSUPPORTED, "weft_" #call, says, -1                  \
    }
    BAD(broadcast, null_data, "NULL", -1),
    BAD(broadcast, null_type, "type", -1),
    BAD(broadcast, empty_type, "empty", -1),
    BAD(broadcast, nameless_type, "name", -1),
    BAD(broadcast, root_below, "root", -1),
    BAD(broadcast, root_above, "root", 60),
    BAD(broadcast, overflow, "overflow", -1),
    BAD(broadcast, root_min, "root", -1),
    BAD(allgather, null_send, "send", -1),
    BAD(allgather, null_recv, "recv", -1),
    BAD(allgather, null_type, "type", -1),
    BAD(allgather, overflow, "overflow", -1),
    BAD(allgather, blocks_overflow, "overflow", -1),
    BAD(allgather, half_overlap, "overlap", -1),
    BAD(allgather, before_overlap, "overlap", -1),
    BAD(allreduce, null_send, "send", -1),
    BAD(allreduce, null_recv, "recv", -1),
    BAD(allreduce, null_recv_in_place, "recv", -1),
    BAD(allreduce, null_type, "type", -1),
    BAD(allreduce, null_op, "op", -1),
    BAD(allreduce, overflow, "overflow", -1),
    BAD(allreduce, overlap, "overlap", -1),
    BAD(allreduce, overlap_byte, "overlap", -1),
    UNSUPPORTED(allreduce, float_bits, "band"),
    UNSUPPORTED(allreduce, float_bits, "float32"),
    UNSUPPORTED(allreduce, float_logic, "lor"),
    UNSUPPORTED(allreduce, place_of_number, "minloc"),
    UNSUPPORTED(allreduce, sum_of_places, "int32_index"),
    UNSUPPORTED(allreduce, sum_of_plain, "plain"),
    UNSUPPORTED(allreduce, sum_of_objects, "object"),
    UNSUPPORTED(allreduce, without_combine, "idle"),
    BAD(reduce, root_below, "root", -1),
    BAD(reduce, root_above, "root", 60),
    BAD(reduce, null_send, "send", -1),
    BAD(reduce, null_recv_at_root, "recv", -1),
    BAD(reduce, null_type, "type", -1),
    BAD(reduce, null_op, "op", -1),
    BAD(reduce, overlap, "overlap", -1),
    UNSUPPORTED(reduce, unsupported, "bxor"),
    {"dup_null_out", dup_null_out, dup_right, WEFT_ERR_ARGUMENT, "weft_comm_dup", "NULL", -1},
    {"split_null_out", split_null_out, dup_right, WEFT_ERR_ARGUMENT, "weft_comm_split", "NULL", -1},
    {"split_color_below", split_color_below, barrier_right, WEFT_ERR_ARGUMENT, "weft_comm_split", "color", 57},
};

/* Rank 1 of 3 (or the only one) calls wrongly, the others rightly; what needed nobody else may have succeeded, the next call
 * does not. reduce is wrong at its root. */
static void call_badly(weft_comm *comm, void *arg)
{
    const struct bad_call *bad = arg;
    struct room *room = test_alloc(sizeof *room);
    memset(room, 0, sizeof *room);
    int n = weft_comm_size(comm), rank = weft_comm_rank(comm), culprit = n / 2;
    weft_status status;
    if (rank == culprit) {
        CHECK_STATUS(bad->expected, bad->wrong(comm, room, n));
        CHECK_ERROR_SAYS(bad->call, culprit);
        CHECK_ERROR_SAYS(bad->says, n == 3 ? bad->number : -1);
    } else {
        status = bad->right(comm, room, n);
        if (status == WEFT_OK)
            status = weft_barrier(comm);
        CHECK_STATUS(bad->expected, status);
        CHECK_ERROR_SAYS("rank 1", -1);
        CHECK_ERROR_SAYS(bad->says, bad->number);
    }
    CHECK_STATUS(bad->expected, weft_comm_status(comm));
    CHECK_STATUS(bad->expected, weft_barrier(comm));
    CHECK_ERROR_SAYS(bad->says, -1);
    free(room);
}

static void wrong_calls_fail_for_all(void **unused)
{
    (void)unused;
    static const weft_wait waits[] = {WEFT_WAIT_AUTO, WEFT_WAIT_BLOCK, WEFT_WAIT_SPIN};
    for (size_t i = 0; i < sizeof bad_calls / sizeof bad_calls[0]; i++)
        for (int n = 1; n <= 3; n += 2) {
            struct bad_call bad = bad_calls[i];
            weft_config config = WEFT_CONFIG_INIT;
            config.wait = waits[i % 3];
            test_case("%s, %d rank(s)", bad.what, n);
            run_ranks(n, &config, call_badly, &bad);
        }
}

/* With a count of 0 pointers may be NULL, and nothing overlaps. */
static void call_with_nothing(weft_comm *comm, void *arg)
{
    (void)arg;
    CHECK_OK(weft_broadcast(comm, NULL, 0, WEFT_INT32, 0));
    CHECK_OK(weft_allgather(comm, NULL, NULL, 0, WEFT_INT32));
    CHECK_OK(weft_allreduce(comm, NULL, NULL, 0, WEFT_INT32, WEFT_SUM));
    CHECK_OK(weft_allreduce(comm, WEFT_IN_PLACE, NULL, 0, WEFT_INT32, WEFT_SUM));
    CHECK_OK(weft_reduce(comm, NULL, NULL, 0, WEFT_INT32, WEFT_SUM, 0));
    int same[4] = {0};
    CHECK_OK(weft_allgather(comm, same, same, 0, WEFT_INT32));
}

static void nothing_may_stand_nowhere(void **unused)
{
    (void)unused;
    test_case("count 0");
    run_ranks(3, NULL, call_with_nothing, NULL);
    run_ranks(1, NULL, call_with_nothing, NULL);
}

/* Buffers that touch do not overlap; the caller's own block is in place. */
static void call_side_by_side(weft_comm *comm, void *arg)
{
    (void)arg;
    int rank = weft_comm_rank(comm), data[8] = {rank, rank, 9, 9, 9, 9, 9, 9};
    CHECK_OK(weft_allreduce(comm, data, data + 2, 2, WEFT_INT32, WEFT_SUM));
    CHECK(data[2] == 3 && data[3] == 3 && data[4] == 9, "%d %d %d", data[2], data[3], data[4]);
    CHECK_OK(weft_allgather(comm, data, data + 2, 2, WEFT_INT32));
    CHECK(data[2] == 0 && data[7] == 2, "%d %d", data[2], data[7]);
    data[2 * rank] = data[2 * rank + 1] = rank + 5;
    CHECK_OK(weft_allgather(comm, data + 2 * rank, data, 2, WEFT_INT32));
    CHECK(data[0] == 5 && data[5] == 7, "%d %d", data[0], data[5]);
}

static void buffers_may_touch(void **unused)
{
    (void)unused;
    test_case("send ends where recv begins");
    run_ranks(3, NULL, call_side_by_side, NULL);
}

/* ---- Without a communicator ---- */

static void null_communicators_are_refused(void **unused)
{
    (void)unused;
    test_case("comm NULL");
    struct room room;
    weft_comm *out = untouched;
#define REFUSED(name, ...) (CHECK_STATUS(WEFT_ERR_ARGUMENT, name(NULL, __VA_ARGS__)), CHECK_ERROR_SAYS(#name, -1))
    CHECK_STATUS(WEFT_ERR_ARGUMENT, weft_barrier(NULL));
    CHECK_ERROR_SAYS("weft_barrier", -1);
    REFUSED(weft_sync, true);
    REFUSED(weft_broadcast, room.recv, 1, WEFT_INT32, 0);
    REFUSED(weft_allgather, room.send, room.recv, 1, WEFT_INT32);
    REFUSED(weft_allreduce, room.send, room.recv, 1, WEFT_INT32, WEFT_SUM);
    REFUSED(weft_reduce, room.send, room.recv, 1, WEFT_INT32, WEFT_SUM, 0);
    REFUSED(weft_comm_dup, &out);
    REFUSED(weft_comm_split, 0, 0, &out);
    REFUSED(weft_comm_set_timeout, 1);
    CHECK(out == untouched, "a failed call has changed a handle");
    CHECK_OK(weft_comm_destroy(NULL));
    CHECK(weft_comm_rank(NULL) == -1 && weft_comm_size(NULL) == -1, "%d of %d", weft_comm_rank(NULL),
          weft_comm_size(NULL));
    CHECK(!weft_comm_same_process(NULL), "same process");
    CHECK_STATUS(WEFT_ERR_ARGUMENT, weft_comm_status(NULL));
}

static weft_status never_called(weft_comm *comm, void *arg)
{
    (void)comm, (void)arg;
    CHECK(!"body", "weft_run has called the body");
    return WEFT_OK;
}

/* Every way to make a communicator, with the same bad numbers and configurations. */
static void refuse_creation(int n_ranks, int rank, const weft_config *config, const char *says)
{
    weft_group_id id;
    weft_comm *comms[4] = {untouched, untouched, untouched, untouched};
    CHECK_OK(weft_group_id_create(&id));
    CHECK_STATUS(WEFT_ERR_ARGUMENT, weft_comm_create(&id, n_ranks, rank, config, comms));
    CHECK_ERROR_SAYS("weft_comm_create", -1);
    CHECK_ERROR_SAYS(says, -1);
    if (config || n_ranks < 1) {
        CHECK_STATUS(WEFT_ERR_ARGUMENT, weft_comm_create_all(n_ranks, config, comms));
        CHECK_ERROR_SAYS("weft_comm_create_all", -1);
        CHECK_ERROR_SAYS(says, -1);
        CHECK_STATUS(WEFT_ERR_ARGUMENT, weft_run(n_ranks, config, never_called, NULL));
        CHECK_ERROR_SAYS("weft_run", -1);
        CHECK_ERROR_SAYS(says, -1);
    }
    CHECK(comms[0] == untouched && comms[3] == untouched, "a failed create has changed a handle");
    CHECK_OK(weft_comm_create(&id, 1, 0, NULL, comms)); /* the id is as good as before */
    CHECK_OK(weft_comm_destroy(comms[0]));
}

static void bad_numbers_are_refused(void **unused)
{
    (void)unused;
    weft_comm *comm = untouched;
    weft_group_id id;
    test_case("numbers of ranks, and ranks");
    refuse_creation(0, 0, NULL, "0");
    refuse_creation(-3, 0, NULL, "-3");
    refuse_creation(INT_MIN, 0, NULL, "n_ranks");
    refuse_creation(4, 4, NULL, "4");
    refuse_creation(4, -2, NULL, "-2");
    refuse_creation(4, INT_MAX, NULL, "rank");
    test_case("NULL");
    CHECK_OK(weft_group_id_create(&id));
    CHECK_STATUS(WEFT_ERR_ARGUMENT, weft_comm_create(NULL, 2, 0, NULL, &comm));
    CHECK_STATUS(WEFT_ERR_ARGUMENT, weft_comm_create(&id, 2, 0, NULL, NULL));
    CHECK_STATUS(WEFT_ERR_ARGUMENT, weft_comm_create_all(2, NULL, NULL));
    CHECK_STATUS(WEFT_ERR_ARGUMENT, weft_run(2, NULL, NULL, NULL));
    CHECK_STATUS(WEFT_ERR_ARGUMENT, weft_group_id_create(NULL));
    CHECK_STATUS(WEFT_ERR_ARGUMENT, weft_group_id_destroy(NULL));
    char text[WEFT_GROUP_ID_TEXT_SIZE];
    CHECK_STATUS(WEFT_ERR_ARGUMENT, weft_group_id_to_text(NULL, text));
    CHECK_STATUS(WEFT_ERR_ARGUMENT, weft_group_id_from_text(NULL, &id));
    CHECK_OK(weft_group_id_to_text(&id, text));
    CHECK_STATUS(WEFT_ERR_ARGUMENT, weft_group_id_from_text(text, NULL));
    CHECK_OK(weft_group_id_destroy(&id));
    CHECK(comm == untouched, "a failed create has changed the handle");
}

static void bad_configurations_are_refused(void **unused)
{
    (void)unused;
    static const struct {
        const char *algorithms, *says;
    } table[] = {
        {"allreduce:nosuch", "nosuch"},
        {"allreduce:nosuch", "grid"}, /* there is that one */
        {"nosuch:grid", "nosuch"},
        {"allreduce", "allreduce"},
        {"broadcast:grid,allreduce:", "allreduce"},
        {":grid", "grid"},
        {"broadcast:grid,,", ","},
        {"allreduce:GRID", "GRID"},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        weft_config config = WEFT_CONFIG_INIT;
        test_case("algorithms \"%s\"", table[i].algorithms);
        config.algorithms = table[i].algorithms;
        refuse_creation(3, 0, &config, table[i].says);
    }
    weft_config config = WEFT_CONFIG_INIT;
    test_case("wait 99");
    config.wait = (weft_wait)99;
    refuse_creation(3, 0, &config, "99");
    test_case("timeout -1");
    config = (weft_config)WEFT_CONFIG_INIT;
    config.timeout_ns = -1;
    refuse_creation(3, 0, &config, "timeout");
    test_case("struct_size 0");
    config = (weft_config)WEFT_CONFIG_INIT;
    config.struct_size = 0;
    refuse_creation(3, 0, &config, "struct_size");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(wrong_calls_fail_for_all),       TEST(nothing_may_stand_nowhere), TEST(buffers_may_touch),
        TEST(null_communicators_are_refused), TEST(bad_numbers_are_refused),   TEST(bad_configurations_are_refused),
    };
    return RUN_TESTS("arguments", tests);
}

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
    int send[24], recv[24];
};

/* Blocks of two elements, one behind the other; with holes; overlapping; beyond what can be addressed. */
static const size_t twos[] = {2, 2, 2}, in_a_row[] = {0, 2, 4}, apart[] = {0, 3, 6}, crossing[] = {0, 1, 4},
                    threes[] = {3, 3, 3}, huge[] = {SIZE_MAX / 2, SIZE_MAX / 2, SIZE_MAX / 2},
                    far[] = {SIZE_MAX, SIZE_MAX, SIZE_MAX};

/* ---- Calls on a communicator of n ranks that are wrong, each beside the right one of its peers ---- */

#define CALL(name, expression)                                                                                         \
    static weft_status name(weft_comm *comm, struct room *room, int n)                                                 \
    {                                                                                                                  \
        (void)room, (void)n;                                                                                           \
        return expression;                                                                                             \
    }

CALL(broadcast_right, weft_broadcast(comm, room->recv, 4, WEFT_INT32, n - 1))
CALL(broadcast_null_data, weft_broadcast(comm, NULL, 4, WEFT_INT32, n - 1))
CALL(broadcast_in_place_of_nothing, weft_broadcast(comm, WEFT_IN_PLACE, 4, WEFT_INT32, n - 1))
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
CALL(allgather_in_place_of_nothing, weft_allgather(comm, room->send, WEFT_IN_PLACE, 4, WEFT_INT32))
CALL(allgather_null_type, weft_allgather(comm, room->send, room->recv, 4, NULL))
CALL(allgather_overflow, weft_allgather(comm, room->send, room->recv, SIZE_MAX / 2, WEFT_INT32))
CALL(allgather_blocks_overflow, weft_allgather(comm, room->send, room->recv, SIZE_MAX / 4, WEFT_INT32))
CALL(allgather_half_overlap, weft_allgather(comm, (char *)room->recv + 8, room->recv, 4, WEFT_INT32))
CALL(allgather_before_overlap, weft_allgather(comm, &room->send[21], room->recv, 4, WEFT_INT32))

CALL(allreduce_right, weft_allreduce(comm, room->send, room->recv, 4, WEFT_INT32, WEFT_SUM))
CALL(allreduce_null_send, weft_allreduce(comm, NULL, room->recv, 4, WEFT_INT32, WEFT_SUM))
CALL(allreduce_null_recv, weft_allreduce(comm, room->send, NULL, 4, WEFT_INT32, WEFT_SUM))
CALL(allreduce_null_recv_in_place, weft_allreduce(comm, WEFT_IN_PLACE, NULL, 4, WEFT_INT32, WEFT_SUM))
CALL(allreduce_in_place_of_nothing, weft_allreduce(comm, WEFT_IN_PLACE, WEFT_IN_PLACE, 4, WEFT_INT32, WEFT_SUM))
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

/* The root is the one that calls wrongly. */
CALL(gather_right, weft_gather(comm, room->send, room->recv, 2, WEFT_INT32, n / 2))
CALL(gather_null_send, weft_gather(comm, NULL, room->recv, 2, WEFT_INT32, n / 2))
CALL(gather_null_recv, weft_gather(comm, room->send, NULL, 2, WEFT_INT32, n / 2))
CALL(gather_in_place_of_nothing, weft_gather(comm, room->send, WEFT_IN_PLACE, 2, WEFT_INT32, n / 2))
CALL(gather_null_type, weft_gather(comm, room->send, room->recv, 2, NULL, n / 2))
CALL(gather_root_above, weft_gather(comm, room->send, room->recv, 2, WEFT_INT32, n + 57))
CALL(gather_overflow, weft_gather(comm, room->send, room->recv, SIZE_MAX / 2, WEFT_INT32, n / 2))
CALL(gather_overlap, weft_gather(comm, room->recv + 1 + n / 2 * 2, room->recv, 2, WEFT_INT32, n / 2))

CALL(gatherv_right, weft_gatherv(comm, room->send, 2, room->recv, twos, in_a_row, WEFT_INT32, n / 2))
CALL(gatherv_null_counts, weft_gatherv(comm, room->send, 2, room->recv, NULL, in_a_row, WEFT_INT32, n / 2))
CALL(gatherv_null_offsets, weft_gatherv(comm, room->send, 2, room->recv, twos, NULL, WEFT_INT32, n / 2))
CALL(gatherv_null_send, weft_gatherv(comm, NULL, 2, room->recv, twos, in_a_row, WEFT_INT32, n / 2))
CALL(gatherv_null_recv, weft_gatherv(comm, room->send, 2, NULL, twos, in_a_row, WEFT_INT32, n / 2))
CALL(gatherv_null_type, weft_gatherv(comm, room->send, 2, room->recv, twos, in_a_row, NULL, n / 2))
CALL(gatherv_own_count, weft_gatherv(comm, room->send, 3, room->recv, twos, in_a_row, WEFT_INT32, n / 2))
CALL(gatherv_root_below, weft_gatherv(comm, room->send, 2, room->recv, twos, in_a_row, WEFT_INT32, -1))
CALL(gatherv_overflow, weft_gatherv(comm, room->send, 2, room->recv, huge, in_a_row, WEFT_INT32, n / 2))
CALL(gatherv_offset_overflow, weft_gatherv(comm, room->send, 2, room->recv, twos, far, WEFT_INT32, n / 2))
CALL(gatherv_overlap, weft_gatherv(comm, room->recv + 1, 2, room->recv, twos, in_a_row, WEFT_INT32, n / 2))
CALL(gatherv_crossing, weft_gatherv(comm, room->send, 2, room->recv, twos, crossing, WEFT_INT32, n / 2))

CALL(scatter_right, weft_scatter(comm, room->send, room->recv, 2, WEFT_INT32, n / 2))
CALL(scatter_null_send, weft_scatter(comm, NULL, room->recv, 2, WEFT_INT32, n / 2))
CALL(scatter_in_place_of_nothing, weft_scatter(comm, WEFT_IN_PLACE, room->recv, 2, WEFT_INT32, n / 2))
CALL(scatter_null_recv, weft_scatter(comm, room->send, NULL, 2, WEFT_INT32, n / 2))
CALL(scatter_null_type, weft_scatter(comm, room->send, room->recv, 2, NULL, n / 2))
CALL(scatter_root_above, weft_scatter(comm, room->send, room->recv, 2, WEFT_INT32, n + 57))
CALL(scatter_overflow, weft_scatter(comm, room->send, room->recv, SIZE_MAX / 2, WEFT_INT32, n / 2))
CALL(scatter_overlap, weft_scatter(comm, room->recv, room->recv + 1 + n / 2 * 2, 2, WEFT_INT32, n / 2))

CALL(scatterv_right, weft_scatterv(comm, room->send, twos, in_a_row, room->recv, 2, WEFT_INT32, n / 2))
CALL(scatterv_null_counts, weft_scatterv(comm, room->send, NULL, in_a_row, room->recv, 2, WEFT_INT32, n / 2))
CALL(scatterv_null_offsets, weft_scatterv(comm, room->send, twos, NULL, room->recv, 2, WEFT_INT32, n / 2))
CALL(scatterv_null_send, weft_scatterv(comm, NULL, twos, in_a_row, room->recv, 2, WEFT_INT32, n / 2))
CALL(scatterv_null_recv, weft_scatterv(comm, room->send, twos, in_a_row, NULL, 2, WEFT_INT32, n / 2))
CALL(scatterv_own_count, weft_scatterv(comm, room->send, twos, in_a_row, room->recv, 3, WEFT_INT32, n / 2))
CALL(scatterv_overflow, weft_scatterv(comm, room->send, huge, in_a_row, room->recv, 2, WEFT_INT32, n / 2))
CALL(scatterv_overlap, weft_scatterv(comm, room->recv, twos, in_a_row, room->recv + 1, 2, WEFT_INT32, n / 2))

CALL(allgatherv_right, weft_allgatherv(comm, room->send, 2, room->recv, twos, in_a_row, WEFT_INT32))
CALL(allgatherv_null_counts, weft_allgatherv(comm, room->send, 2, room->recv, NULL, in_a_row, WEFT_INT32))
CALL(allgatherv_null_offsets, weft_allgatherv(comm, room->send, 2, room->recv, twos, NULL, WEFT_INT32))
CALL(allgatherv_null_send, weft_allgatherv(comm, NULL, 2, room->recv, twos, in_a_row, WEFT_INT32))
CALL(allgatherv_null_recv, weft_allgatherv(comm, room->send, 2, NULL, twos, in_a_row, WEFT_INT32))
CALL(allgatherv_null_type, weft_allgatherv(comm, room->send, 2, room->recv, twos, in_a_row, NULL))
CALL(allgatherv_own_count, weft_allgatherv(comm, room->send, 1, room->recv, twos, in_a_row, WEFT_INT32))
CALL(allgatherv_overflow, weft_allgatherv(comm, room->send, 2, room->recv, twos, far, WEFT_INT32))
CALL(allgatherv_overlap, weft_allgatherv(comm, room->recv + 1, 2, room->recv, twos, in_a_row, WEFT_INT32))
CALL(allgatherv_crossing, weft_allgatherv(comm, room->send, 2, room->recv, twos, crossing, WEFT_INT32))

CALL(alltoall_right, weft_alltoall(comm, room->send, room->recv, 4, WEFT_INT32))
CALL(alltoall_null_send, weft_alltoall(comm, NULL, room->recv, 4, WEFT_INT32))
CALL(alltoall_null_recv, weft_alltoall(comm, room->send, NULL, 4, WEFT_INT32))
CALL(alltoall_in_place_of_nothing, weft_alltoall(comm, room->send, WEFT_IN_PLACE, 4, WEFT_INT32))
CALL(alltoall_null_type, weft_alltoall(comm, room->send, room->recv, 4, NULL))
CALL(alltoall_overflow, weft_alltoall(comm, room->send, room->recv, SIZE_MAX / 2, WEFT_INT32))
CALL(alltoall_overlap, weft_alltoall(comm, room->recv + 1, room->recv, 4, WEFT_INT32))
CALL(alltoall_swapped_objects, weft_alltoall(comm, WEFT_IN_PLACE, room->recv, 4, &object_type))

#define ALLTOALLV(send, send_counts, send_offsets, recv, recv_counts, recv_offsets, type)                              \
    weft_alltoallv(comm, send, send_counts, send_offsets, recv, recv_counts, recv_offsets, type)
CALL(alltoallv_right, ALLTOALLV(room->send, twos, in_a_row, room->recv, twos, apart, WEFT_INT32))
CALL(alltoallv_null_send, ALLTOALLV(NULL, twos, in_a_row, room->recv, twos, apart, WEFT_INT32))
CALL(alltoallv_null_recv, ALLTOALLV(room->send, twos, in_a_row, NULL, twos, apart, WEFT_INT32))
CALL(alltoallv_null_send_counts, ALLTOALLV(room->send, NULL, in_a_row, room->recv, twos, apart, WEFT_INT32))
CALL(alltoallv_null_send_offsets, ALLTOALLV(room->send, twos, NULL, room->recv, twos, apart, WEFT_INT32))
CALL(alltoallv_null_recv_counts, ALLTOALLV(room->send, twos, in_a_row, room->recv, NULL, apart, WEFT_INT32))
CALL(alltoallv_null_recv_offsets, ALLTOALLV(room->send, twos, in_a_row, room->recv, twos, NULL, WEFT_INT32))
CALL(alltoallv_null_type, ALLTOALLV(room->send, twos, in_a_row, room->recv, twos, apart, NULL))
CALL(alltoallv_own_count, ALLTOALLV(room->send, threes, in_a_row, room->recv, twos, apart, WEFT_INT32))
CALL(alltoallv_overflow, ALLTOALLV(room->send, twos, far, room->recv, twos, apart, WEFT_INT32))
CALL(alltoallv_overlap, ALLTOALLV(room->recv + 1, twos, in_a_row, room->recv, twos, apart, WEFT_INT32))
CALL(alltoallv_crossing, ALLTOALLV(room->send, twos, in_a_row, room->recv, twos, crossing, WEFT_INT32))
CALL(alltoallv_swapped_objects, ALLTOALLV(WEFT_IN_PLACE, NULL, NULL, room->recv, twos, apart, &object_type))

CALL(reduce_scatter_right, weft_reduce_scatter(comm, room->send, room->recv, 4, WEFT_INT32, WEFT_SUM))
CALL(reduce_scatter_null_send, weft_reduce_scatter(comm, NULL, room->recv, 4, WEFT_INT32, WEFT_SUM))
CALL(reduce_scatter_null_recv, weft_reduce_scatter(comm, room->send, NULL, 4, WEFT_INT32, WEFT_SUM))
CALL(reduce_scatter_null_in_place, weft_reduce_scatter(comm, WEFT_IN_PLACE, NULL, 4, WEFT_INT32, WEFT_SUM))
CALL(reduce_scatter_in_place_of_nothing,
     weft_reduce_scatter(comm, WEFT_IN_PLACE, WEFT_IN_PLACE, 4, WEFT_INT32, WEFT_SUM))
CALL(reduce_scatter_null_type, weft_reduce_scatter(comm, room->send, room->recv, 4, NULL, WEFT_SUM))
CALL(reduce_scatter_null_op, weft_reduce_scatter(comm, room->send, room->recv, 4, WEFT_INT32, NULL))
CALL(reduce_scatter_overflow, weft_reduce_scatter(comm, room->send, room->recv, SIZE_MAX / 3, WEFT_INT32, WEFT_SUM))
CALL(reduce_scatter_overlap, weft_reduce_scatter(comm, room->recv, room->recv + 1, 4, WEFT_INT32, WEFT_SUM))
CALL(reduce_scatter_unsupported, weft_reduce_scatter(comm, room->send, room->recv, 4, WEFT_FLOAT16, WEFT_BXOR))

CALL(reduce_scatterv_right, weft_reduce_scatterv(comm, room->send, room->recv, twos, WEFT_INT32, WEFT_SUM))
CALL(reduce_scatterv_null_send, weft_reduce_scatterv(comm, NULL, room->recv, twos, WEFT_INT32, WEFT_SUM))
CALL(reduce_scatterv_null_recv, weft_reduce_scatterv(comm, room->send, NULL, twos, WEFT_INT32, WEFT_SUM))
CALL(reduce_scatterv_null_counts, weft_reduce_scatterv(comm, room->send, room->recv, NULL, WEFT_INT32, WEFT_SUM))
CALL(reduce_scatterv_overflow, weft_reduce_scatterv(comm, room->send, room->recv, huge, WEFT_INT32, WEFT_SUM))
CALL(reduce_scatterv_overlap, weft_reduce_scatterv(comm, room->recv, room->recv + 1, twos, WEFT_INT32, WEFT_SUM))
CALL(reduce_scatterv_unsupported, weft_reduce_scatterv(comm, room->send, room->recv, twos, &plain_type, WEFT_SUM))

CALL(scan_right, weft_scan(comm, room->send, room->recv, 4, WEFT_INT32, WEFT_SUM))
CALL(scan_null_send, weft_scan(comm, NULL, room->recv, 4, WEFT_INT32, WEFT_SUM))
CALL(scan_null_recv, weft_scan(comm, room->send, NULL, 4, WEFT_INT32, WEFT_SUM))
CALL(scan_null_op, weft_scan(comm, room->send, room->recv, 4, WEFT_INT32, NULL))
CALL(scan_overlap, weft_scan(comm, room->recv + 1, room->recv, 4, WEFT_INT32, WEFT_SUM))
CALL(scan_avg, weft_scan(comm, room->send, room->recv, 4, WEFT_INT32, WEFT_AVG))
CALL(scan_objects, weft_scan(comm, room->send, room->recv, 4, &object_type, WEFT_SUM))

CALL(exscan_right, weft_exscan(comm, room->send, room->recv, 4, WEFT_INT32, WEFT_SUM))
CALL(exscan_null_send, weft_exscan(comm, NULL, room->recv, 4, WEFT_INT32, WEFT_SUM))
CALL(exscan_null_recv, weft_exscan(comm, room->send, NULL, 4, WEFT_INT32, WEFT_SUM))
CALL(exscan_null_type, weft_exscan(comm, room->send, room->recv, 4, NULL, WEFT_SUM))
CALL(exscan_avg, weft_exscan(comm, room->send, room->recv, 4, WEFT_FLOAT32, WEFT_AVG))

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
    bool among; /* others: a rank alone could call so */
} bad_calls[] = {
#define BAD(call, wrong, says, number)                                                                                 \
    {                                                                                                                  \
#call "_" #wrong, call##_##wrong, call##_right, WEFT_ERR_ARGUMENT, "weft_" #call, says, number, false          \
    }
#define AMONG(call, wrong, says)                                                                                       \
    {                                                                                                                  \
#call "_" #wrong, call##_##wrong, call##_right, WEFT_ERR_ARGUMENT, "weft_" #call, says, -1, true               \
    }
#define UNSUPPORTED(call, wrong, says)                                                                                 \
    {                                                                                                                  \
#call "_" #wrong, call##_##wrong, call##_right, WEFT_ERR_UNSUPPORTED, "weft_" #call, says, -1, false           \
    }
    BAD(broadcast, null_data, "NULL", -1),
    BAD(broadcast, in_place_of_nothing, "WEFT_IN_PLACE", -1),
    BAD(broadcast, null_type, "type", -1),
    BAD(broadcast, empty_type, "empty", -1),
    BAD(broadcast, nameless_type, "name", -1),
    BAD(broadcast, root_below, "root", -1),
    BAD(broadcast, root_above, "root", 60),
    BAD(broadcast, overflow, "overflow", -1),
    BAD(broadcast, root_min, "root", -1),
    BAD(allgather, null_send, "send", -1),
    BAD(allgather, null_recv, "recv", -1),
    BAD(allgather, in_place_of_nothing, "WEFT_IN_PLACE", -1),
    BAD(allgather, null_type, "type", -1),
    BAD(allgather, overflow, "overflow", -1),
    BAD(allgather, blocks_overflow, "overflow", -1),
    BAD(allgather, half_overlap, "overlap", -1),
    BAD(allgather, before_overlap, "overlap", -1),
    BAD(allreduce, null_send, "send", -1),
    BAD(allreduce, null_recv, "recv", -1),
    BAD(allreduce, null_recv_in_place, "recv", -1),
    BAD(allreduce, in_place_of_nothing, "WEFT_IN_PLACE", -1),
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
    BAD(gather, null_send, "send", -1),
    BAD(gather, null_recv, "recv", -1),
    BAD(gather, in_place_of_nothing, "WEFT_IN_PLACE", -1),
    BAD(gather, null_type, "type", -1),
    BAD(gather, root_above, "root", 60),
    BAD(gather, overflow, "overflow", -1),
    BAD(gather, overlap, "overlap", -1),
    BAD(gatherv, null_counts, "counts", -1),
    BAD(gatherv, null_offsets, "offsets", -1),
    BAD(gatherv, null_send, "send", -1),
    BAD(gatherv, null_recv, "recv", -1),
    BAD(gatherv, null_type, "type", -1),
    BAD(gatherv, own_count, "send_count", 3),
    BAD(gatherv, root_below, "root", -1),
    BAD(gatherv, overflow, "overflow", -1),
    BAD(gatherv, offset_overflow, "overflow", -1),
    BAD(gatherv, overlap, "overlap", -1),
    AMONG(gatherv, crossing, "blocks 0 and 1 of recv overlap"),
    BAD(scatter, null_send, "send", -1),
    BAD(scatter, in_place_of_nothing, "WEFT_IN_PLACE", -1),
    BAD(scatter, null_recv, "recv", -1),
    BAD(scatter, null_type, "type", -1),
    BAD(scatter, root_above, "root", 60),
    BAD(scatter, overflow, "overflow", -1),
    BAD(scatter, overlap, "overlap", -1),
    BAD(scatterv, null_counts, "counts", -1),
    BAD(scatterv, null_offsets, "offsets", -1),
    BAD(scatterv, null_send, "send", -1),
    BAD(scatterv, null_recv, "recv", -1),
    BAD(scatterv, own_count, "recv_count", 3),
    BAD(scatterv, overflow, "overflow", -1),
    BAD(scatterv, overlap, "overlap", -1),
    BAD(allgatherv, null_counts, "counts", -1),
    BAD(allgatherv, null_offsets, "offsets", -1),
    BAD(allgatherv, null_send, "send", -1),
    BAD(allgatherv, null_recv, "recv", -1),
    BAD(allgatherv, null_type, "type", -1),
    BAD(allgatherv, own_count, "send_count", 1),
    BAD(allgatherv, overflow, "overflow", -1),
    BAD(allgatherv, overlap, "overlap", -1),
    AMONG(allgatherv, crossing, "blocks 0 and 1 of recv overlap"),
    BAD(alltoall, null_send, "send", -1),
    BAD(alltoall, null_recv, "recv", -1),
    BAD(alltoall, in_place_of_nothing, "WEFT_IN_PLACE", -1),
    BAD(alltoall, null_type, "type", -1),
    BAD(alltoall, overflow, "overflow", -1),
    BAD(alltoall, overlap, "overlap", -1),
    UNSUPPORTED(alltoall, swapped_objects, "in place"),
    BAD(alltoallv, null_send, "send", -1),
    BAD(alltoallv, null_recv, "recv", -1),
    BAD(alltoallv, null_send_counts, "send_counts", -1),
    BAD(alltoallv, null_send_offsets, "send_offsets", -1),
    BAD(alltoallv, null_recv_counts, "recv_counts", -1),
    BAD(alltoallv, null_recv_offsets, "recv_offsets", -1),
    BAD(alltoallv, null_type, "type", -1),
    BAD(alltoallv, own_count, "send_counts", 2),
    BAD(alltoallv, overflow, "overflow", -1),
    BAD(alltoallv, overlap, "overlap", -1),
    AMONG(alltoallv, crossing, "blocks 0 and 1 of recv overlap"),
    UNSUPPORTED(alltoallv, swapped_objects, "in place"),
    BAD(reduce_scatter, null_send, "send", -1),
    BAD(reduce_scatter, null_recv, "recv", -1),
    BAD(reduce_scatter, null_in_place, "recv", -1),
    BAD(reduce_scatter, in_place_of_nothing, "WEFT_IN_PLACE", -1),
    BAD(reduce_scatter, null_type, "type", -1),
    BAD(reduce_scatter, null_op, "op", -1),
    BAD(reduce_scatter, overflow, "overflow", -1),
    BAD(reduce_scatter, overlap, "overlap", -1),
    UNSUPPORTED(reduce_scatter, unsupported, "bxor"),
    BAD(reduce_scatterv, null_send, "send", -1),
    BAD(reduce_scatterv, null_recv, "recv", -1),
    BAD(reduce_scatterv, null_counts, "counts", -1),
    BAD(reduce_scatterv, overflow, "overflow", -1),
    BAD(reduce_scatterv, overlap, "overlap", -1),
    UNSUPPORTED(reduce_scatterv, unsupported, "plain"),
    BAD(scan, null_send, "send", -1),
    BAD(scan, null_recv, "recv", -1),
    BAD(scan, null_op, "op", -1),
    BAD(scan, overlap, "overlap", -1),
    UNSUPPORTED(scan, avg, "avg"),
    UNSUPPORTED(scan, objects, "object"),
    BAD(exscan, null_send, "send", -1),
    AMONG(exscan, null_recv, "recv"),
    BAD(exscan, null_type, "type", -1),
    UNSUPPORTED(exscan, avg, "avg"),
    {"dup_null_out", dup_null_out, dup_right, WEFT_ERR_ARGUMENT, "weft_comm_dup", "NULL", -1, false},
    {"split_null_out", split_null_out, dup_right, WEFT_ERR_ARGUMENT, "weft_comm_split", "NULL", -1, false},
    {"split_color_below", split_color_below, barrier_right, WEFT_ERR_ARGUMENT, "weft_comm_split", "color", 57, false},
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
        for (int n = bad_calls[i].among ? 3 : 1; n <= 3; n += 2) {
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
    static const size_t none[3], anywhere[3] = {7, 0, SIZE_MAX / 8};
    CHECK_OK(weft_gather(comm, NULL, NULL, 0, WEFT_INT32, 0));
    CHECK_OK(weft_gatherv(comm, NULL, 0, NULL, none, anywhere, WEFT_INT32, 0));
    CHECK_OK(weft_scatter(comm, NULL, NULL, 0, WEFT_INT32, 0));
    CHECK_OK(weft_scatterv(comm, NULL, none, anywhere, NULL, 0, WEFT_INT32, 0));
    CHECK_OK(weft_allgatherv(comm, NULL, 0, NULL, none, anywhere, WEFT_INT32));
    CHECK_OK(weft_alltoall(comm, NULL, NULL, 0, WEFT_INT32));
    CHECK_OK(weft_alltoallv(comm, NULL, none, anywhere, NULL, none, anywhere, WEFT_INT32));
    CHECK_OK(weft_alltoallv(comm, WEFT_IN_PLACE, NULL, NULL, NULL, none, anywhere, WEFT_INT32));
    CHECK_OK(weft_reduce_scatter(comm, NULL, NULL, 0, WEFT_INT32, WEFT_SUM));
    CHECK_OK(weft_reduce_scatterv(comm, NULL, NULL, none, WEFT_INT32, WEFT_SUM));
    CHECK_OK(weft_scan(comm, NULL, NULL, 0, WEFT_INT32, WEFT_SUM));
    CHECK_OK(weft_exscan(comm, WEFT_IN_PLACE, NULL, 0, WEFT_INT32, WEFT_SUM));
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

/* In place is for the root: the others have no block of the root's buffer. */
static void be_in_place_elsewhere(weft_comm *comm, void *arg)
{
    int which = *(const int *)arg, data[6] = {0}, root = 2;
    const void *send = data;
    void *recv = data + 2;
    if (weft_comm_rank(comm) == 1 && which < 2)
        send = WEFT_IN_PLACE;
    if (weft_comm_rank(comm) == 1 && which >= 2)
        recv = WEFT_IN_PLACE;
    if (weft_comm_rank(comm) == root && which >= 2)
        recv = WEFT_IN_PLACE;
    if (weft_comm_rank(comm) == root && which < 2)
        send = WEFT_IN_PLACE, recv = data;
    weft_status status = which == 0   ? weft_gather(comm, send, recv, 2, WEFT_INT32, root)
                         : which == 1 ? weft_gatherv(comm, send, 2, recv, twos, in_a_row, WEFT_INT32, root)
                         : which == 2 ? weft_scatter(comm, send, recv, 2, WEFT_INT32, root)
                                      : weft_scatterv(comm, send, twos, in_a_row, recv, 2, WEFT_INT32, root);
    if (status == WEFT_OK)
        status = weft_barrier(comm);
    CHECK_STATUS(WEFT_ERR_ARGUMENT, status);
    CHECK_ERROR_SAYS("WEFT_IN_PLACE", -1);
    CHECK_ERROR_SAYS("rank 1", -1);
}

static void in_place_is_for_the_root(void **unused)
{
    (void)unused;
    for (int which = 0; which < 4; which++) {
        test_case("call %d", which);
        run_ranks(3, NULL, be_in_place_elsewhere, &which);
    }
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
    REFUSED(weft_gather, room.send, room.recv, 1, WEFT_INT32, 0);
    REFUSED(weft_gatherv, room.send, 2, room.recv, twos, in_a_row, WEFT_INT32, 0);
    REFUSED(weft_scatter, room.send, room.recv, 1, WEFT_INT32, 0);
    REFUSED(weft_scatterv, room.send, twos, in_a_row, room.recv, 2, WEFT_INT32, 0);
    REFUSED(weft_allgatherv, room.send, 2, room.recv, twos, in_a_row, WEFT_INT32);
    REFUSED(weft_alltoall, room.send, room.recv, 1, WEFT_INT32);
    REFUSED(weft_alltoallv, room.send, twos, in_a_row, room.recv, twos, in_a_row, WEFT_INT32);
    REFUSED(weft_reduce_scatter, room.send, room.recv, 1, WEFT_INT32, WEFT_SUM);
    REFUSED(weft_reduce_scatterv, room.send, room.recv, twos, WEFT_INT32, WEFT_SUM);
    REFUSED(weft_scan, room.send, room.recv, 1, WEFT_INT32, WEFT_SUM);
    REFUSED(weft_exscan, room.send, room.recv, 1, WEFT_INT32, WEFT_SUM);
    REFUSED(weft_comm_split_by, WEFT_DOMAIN_NUMA, 0, &out);
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
        TEST(wrong_calls_fail_for_all),       TEST(nothing_may_stand_nowhere),      TEST(buffers_may_touch),
        TEST(in_place_is_for_the_root),       TEST(null_communicators_are_refused), TEST(bad_numbers_are_refused),
        TEST(bad_configurations_are_refused),
    };
    return RUN_TESTS("arguments", tests);
}

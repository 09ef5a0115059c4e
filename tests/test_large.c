// SPDX-License-Identifier: MIT
/* Counts beyond 2^31 bytes, where an int somewhere would overflow, between two ranks: a broadcast, an allreduce, an alltoall, a gatherv and
 * a scan. Needs 8 GiB
 * of free memory, and is skipped, visibly, where there is less or under sanitizers. */
#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

static const size_t large = ((size_t)1 << 31) + 4099;

static uint64_t available_bytes(void)
{
    FILE *file = fopen("/proc/meminfo", "r");
    char line[200];
    unsigned long long kilobytes = 0;
    while (file && fgets(line, sizeof line, file))
        if (sscanf(line, "MemAvailable: %llu kB", &kilobytes) == 1)
            break;
    if (file)
        fclose(file);
    return kilobytes * 1024;
}

static void skip_unless_there_is_room(void)
{
    uint64_t available = available_bytes();
    if (TEST_SANITIZED || available < (uint64_t)8 << 30) {
        print_message("skipped: %s (%.1f GiB available, 8 needed)\n",
                      TEST_SANITIZED ? "a sanitizer build" : "not enough memory", (double)available / (1 << 30));
        skip();
    }
}

/* Words that tell their place: everywhere near the ends and the middle, where counts pass 2^30 and 2^31; one in each 4,096
 * bytes elsewhere, so that the test takes seconds. */
static size_t next_place(size_t i)
{
    const size_t dense = (size_t)1 << 20, corners[] = {0, (size_t)1 << 30, (size_t)1 << 31, large};
    for (int k = 0; k < 4; k++)
        if (i + dense >= corners[k] && i <= corners[k] + dense)
            return i + 8;
    return (i / 4096 + 1) * 4096;
}

static uint64_t place_word(size_t i)
{
    return i * 0x9e3779b97f4a7c15u;
}

static void fill_places(char *data, uint64_t salt)
{
    for (size_t i = 0; i + 8 <= large; i = next_place(i)) {
        uint64_t word = place_word(i) + salt;
        memcpy(data + i, &word, 8);
    }
    memset(data + large / 8 * 8, 0x77, large % 8);
}

static void check_places(const char *data, uint64_t salt, uint64_t factor)
{
    for (size_t i = 0; i + 8 <= large; i = next_place(i)) {
        uint64_t word, expected = place_word(i) * factor + salt;
        memcpy(&word, data + i, 8);
        if (!CHECK(word == expected, "at byte %zu of %zu", i, large))
            return;
    }
}

static char *map_large(void)
{
    char *data = pages_map(large);
    madvise(data, large, MADV_HUGEPAGE); /* fewer faults, where it can be had */
    return data;
}

static void broadcast_large(weft_comm *comm, void *arg)
{
    (void)arg;
    int rank = weft_comm_rank(comm);
    char *data = map_large();
    if (rank == 1)
        fill_places(data, 5);
    CHECK_OK(weft_broadcast(comm, data, large, WEFT_BYTE, 1));
    if (rank == 0) {
        check_places(data, 5, 1);
        for (size_t i = large / 8 * 8; i < large; i++)
            CHECK(data[i] == 0x77, "at byte %zu of %zu", i, large);
    }
    pages_unmap(data, large);
}

static void broadcast_of_more_than_two_gigabytes(void **unused)
{
    (void)unused;
    test_case("broadcast of %zu bytes", large);
    skip_unless_there_is_room();
    run_ranks(2, NULL, broadcast_large, NULL);
}

static void allreduce_large(weft_comm *comm, void *arg)
{
    (void)arg;
    char *data = map_large();
    fill_places(data, (uint64_t)weft_comm_rank(comm));
    CHECK_OK(weft_allreduce(comm, WEFT_IN_PLACE, data, large / 8, WEFT_UINT64, WEFT_SUM));
    check_places(data, 1, 2);
    pages_unmap(data, large);
}

static void allreduce_of_more_than_two_gigabytes(void **unused)
{
    (void)unused;
    test_case("allreduce of %zu bytes", large);
    skip_unless_there_is_room();
    run_ranks(2, NULL, allreduce_large, NULL);
}

/* Each rank's buffer is two blocks of more than a gigabyte; in place, so both halves of a block are swapped beyond 2^30 elements. */
static void alltoall_large(weft_comm *comm, void *arg)
{
    (void)arg;
    int rank = weft_comm_rank(comm);
    char *data = map_large();
    fill_places(data, (uint64_t)rank);
    size_t half = large / 16 * 8; /* bytes of a block */
    CHECK_OK(weft_alltoall(comm, WEFT_IN_PLACE, data, half, WEFT_BYTE));
    for (size_t i = 0; i + 8 <= half; i += 4096 * 8) { /* places of the other rank's other block */
        size_t there = rank == 0 ? i : half + i;
        uint64_t word;
        memcpy(&word, data + (rank == 0 ? half + i : i), 8);
        CHECK(there % 4096 != 0 || word == place_word(there) + (uint64_t)(1 - rank), "rank %d, at byte %zu", rank, i);
    }
    pages_unmap(data, large);
}

static void alltoall_of_more_than_two_gigabytes(void **unused)
{
    (void)unused;
    test_case("alltoall of %zu bytes, in place", large);
    skip_unless_there_is_room();
    run_ranks(2, NULL, alltoall_large, NULL);
}

/* Rank 1's block is all but the first byte of the root's buffer. */
static void gatherv_large(weft_comm *comm, void *arg)
{
    (void)arg;
    char *data = map_large();
    size_t counts[] = {1, large - 1}, offsets[] = {0, 1};
    if (weft_comm_rank(comm) == 1)
        fill_places(data, 7);
    CHECK_OK(weft_gatherv(comm, weft_comm_rank(comm) == 0 ? WEFT_IN_PLACE : data + 1, large - 1, data, counts, offsets,
                          WEFT_BYTE, 0));
    if (weft_comm_rank(comm) == 0) {
        uint64_t first = place_word(0) + 7;
        memcpy(data, &first, 1);
        check_places(data, 7, 1);
    }
    pages_unmap(data, large);
}

static void gatherv_of_more_than_two_gigabytes(void **unused)
{
    (void)unused;
    test_case("gatherv of %zu bytes", large);
    skip_unless_there_is_room();
    run_ranks(2, NULL, gatherv_large, NULL);
}

static void scan_large(weft_comm *comm, void *arg)
{
    (void)arg;
    char *data = map_large();
    fill_places(data, (uint64_t)weft_comm_rank(comm));
    CHECK_OK(weft_scan(comm, WEFT_IN_PLACE, data, large / 8, WEFT_UINT64, WEFT_SUM));
    check_places(data, (uint64_t)weft_comm_rank(comm), 1 + (uint64_t)weft_comm_rank(comm));
    pages_unmap(data, large);
}

static void scan_of_more_than_two_gigabytes(void **unused)
{
    (void)unused;
    test_case("scan of %zu bytes", large);
    skip_unless_there_is_room();
    run_ranks(2, NULL, scan_large, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(alltoall_of_more_than_two_gigabytes),  TEST(gatherv_of_more_than_two_gigabytes),
        TEST(scan_of_more_than_two_gigabytes),      TEST(broadcast_of_more_than_two_gigabytes),
        TEST(allreduce_of_more_than_two_gigabytes),
    };
    return RUN_TESTS("large", tests);
}

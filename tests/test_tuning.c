// SPDX-License-Identifier: MIT
/* The table of figures: what stands in it is followed, what makes no sense is told with file and line, and a table of another machine
 * is left alone. */
#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <weft/info.h>

static char path[] = "/tmp/weft-tuning-XXXXXX";

static void write_table(const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    assert_int_equal(fclose(file), 0);
}

static int64_t figure_of(const weft_comm *comm, const char *name)
{
    weft_info_figure figure;
    for (size_t i = 0; weft_info_tuning(comm, i, &figure) != NULL; i++)
        if (strcmp(figure.name, name) == 0)
            return figure.value;
    CHECK(false, "there is no %s", name);
    return -1;
}

static const char *choice(const weft_comm *comm, const char *collective, size_t count)
{
    return weft_info_choice(comm, collective, count, WEFT_INT32, WEFT_SUM, NULL, 0);
}

static void figures_are_followed(void **unused)
{
    (void)unused;
    weft_comm *comms[2];
    write_table("# a comment\n\n  allreduce_lines\t128   # behind a figure\nallgather_lines 8\r\nbroadcast_lines "
                "1152\nspin_ns 0");
    assert_int_equal(weft_comm_create_all(2, NULL, comms), WEFT_OK);
    CHECK(figure_of(comms[0], "allreduce_lines") == 128, "%lld", (long long)figure_of(comms[0], "allreduce_lines"));
    CHECK(figure_of(comms[0], "spin_ns") == 0, "%lld", (long long)figure_of(comms[0], "spin_ns"));
    CHECK(figure_of(comms[0], "flat_ranks") == 16, "not named, so as without a table");
    CHECK(strcmp(choice(comms[0], "allreduce", 16), "flat") == 0, "up to the figure");
    CHECK(strcmp(choice(comms[0], "allreduce", 17), "slices") == 0, "beyond the figure");
    CHECK(strcmp(choice(comms[0], "allgather", 3), "pull") == 0, "beyond the figure");
    CHECK(strcmp(choice(comms[0], "broadcast", 17), "stream") == 0, "up to the figure");
    write_table("allreduce_lines 8\n");
    CHECK(figure_of(comms[0], "allreduce_lines") == 128, "a communicator keeps its figures");
    CHECK(figure_of(NULL, "allreduce_lines") == 8, "communicators made now");
    weft_comm_destroy(comms[0]);
    weft_comm_destroy(comms[1]);
}

static void make_and_use(weft_comm *comm, void *arg)
{
    weft_comm *copy = NULL;
    int32_t one = 1, sum = 0, vector[32] = {0};
    (void)arg;
    CHECK_OK(weft_comm_dup(comm, &copy));
    CHECK(figure_of(copy, "allreduce_lines") == 0, "a copy has the figures of its original");
    CHECK_OK(weft_allreduce(copy, &one, &sum, 1, WEFT_INT32, WEFT_SUM));
    CHECK(sum == weft_comm_size(comm), "%d", sum);
    CHECK_OK(weft_barrier(copy));
    CHECK_OK(weft_allgather(copy, &one, vector, 1, WEFT_INT32));
    CHECK(vector[weft_comm_size(comm) - 1] == 1, "%d", vector[weft_comm_size(comm) - 1]);
    CHECK_OK(weft_broadcast(copy, vector, 32, WEFT_INT32, 0));
    weft_comm_destroy(copy);
}

static void copies_inherit(void **unused)
{
    (void)unused;
    write_table("allreduce_lines 0\nbroadcast_lines 0\nallgather_lines 0\nflat_ranks 1\ngate_bytes 0\n");
    run_ranks(2, NULL, make_and_use, NULL);
    run_ranks(5, NULL, make_and_use, NULL);
    write_table("allreduce_lines 0\nflat_ranks 1\ngate_bytes 0\n"); /* what fits a line goes by caches, at once */
    run_ranks(2, NULL, make_and_use, NULL);
    run_ranks(5, NULL, make_and_use, NULL);
}

static void refused(const char *table, const char *word, int number)
{
    weft_comm *comms[2] = {NULL, NULL};
    test_case("\"%s\"", table);
    write_table(table);
    CHECK_STATUS(WEFT_ERR_ARGUMENT, weft_comm_create_all(2, NULL, comms));
    CHECK_ERROR_SAYS(word, number);
    CHECK_STATUS(WEFT_ERR_ARGUMENT, weft_info_tuning_source(NULL, 0));
}

static void what_makes_no_sense_is_told(void **unused)
{
    (void)unused;
    char longest[700];
    refused("flat_ranks 8\nflat_rank 8\n", "flat_rank", 2);
    refused("flat_ranks eight\n", "eight", 1);
    refused("flat_ranks\n", "flat_ranks", 1);
    refused("flat_ranks 0\n", "flat_ranks", 1024);
    refused("\n\nallreduce_lines 1179649\n", "allreduce_lines", 3);
    refused("gate_bytes 99999999999999999999\n", "gate_bytes", 1);
    refused("gate_bytes 1 2\n", "1 2", 1);
    memset(longest, 'x', sizeof longest - 1);
    longest[sizeof longest - 1] = 0;
    refused(longest, "longer", 1);
}

static void other_machines_are_left_alone(void **unused)
{
    (void)unused;
    char text[600], machine[128];
    write_table("spin_ns 1\nmachine PDP-11, 1 processors\nspin_ns 2\n");
    CHECK(figure_of(NULL, "spin_ns") == 20000, "%lld", (long long)figure_of(NULL, "spin_ns"));
    CHECK_OK(weft_info_tuning_source(text, sizeof text));
    CHECK(strstr(text, "PDP-11") != NULL, "%s", text);
    weft_info_machine(machine, sizeof machine);
    snprintf(text, sizeof text, "machine   %s  # this one\nspin_ns 2\n", machine);
    write_table(text);
    CHECK(figure_of(NULL, "spin_ns") == 2, "%lld", (long long)figure_of(NULL, "spin_ns"));
}

static void files_that_are_not_there(void **unused)
{
    (void)unused;
    weft_comm *comm;
    setenv("WEFT_TUNING", "/nonexistent/table", 1);
    CHECK_STATUS(WEFT_ERR_ARGUMENT, weft_comm_create_all(1, NULL, &comm));
    CHECK_ERROR_SAYS("/nonexistent/table", -1);
    setenv("WEFT_TUNING", "/tmp", 1); /* a folder */
    CHECK_STATUS(WEFT_ERR_ARGUMENT, weft_comm_create_all(1, NULL, &comm));
    unsetenv("WEFT_TUNING");
    setenv("XDG_CONFIG_HOME", "/nonexistent", 1);
    CHECK_OK(weft_comm_create_all(1, NULL, &comm));
    weft_comm_destroy(comm);
    setenv("WEFT_TUNING", path, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(figures_are_followed),          TEST(copies_inherit),           TEST(what_makes_no_sense_is_told),
        TEST(other_machines_are_left_alone), TEST(files_that_are_not_there),
    };
    int file = mkstemp(path);
    if (file < 0)
        return EXIT_FAILURE;
    close(file);
    setenv("WEFT_TUNING", path, 1);
    int failed = RUN_TESTS("tuning", tests);
    unlink(path);
    return failed;
}

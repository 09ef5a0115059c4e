// SPDX-License-Identifier: MIT
/* Traces: the file holds an event of every operation of every rank, with times in order and the waits where they were; arrows go from the
 * last to come; communicators that were destroyed are in it, and so are those that were not; names are quoted. */
#include "cases.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char path[64];

/* To be freed; "" if there is none. */
static char *read_trace(void)
{
    FILE *file = fopen(path, "r");
    char *text = calloc(1, 1 << 24);
    if (file != NULL) {
        text[fread(text, 1, (1 << 24) - 1, file)] = 0;
        fclose(file);
    }
    unlink(path);
    return text;
}

/* Not by strstr: sanitizers look at the whole rest of the text for each find. */
static int count_of(const char *text, const char *part)
{
    size_t length = strlen(part);
    int count = 0;
    for (; *text != 0; text++)
        count += *text == *part && strncmp(text, part, length) == 0;
    return count;
}

/* A number behind `name` in the line that holds both parts; -1: there is none. */
static double number_in(const char *text, const char *part, const char *other, const char *name)
{
    for (const char *line = text; line != NULL; line = strchr(line + 1, '\n')) {
        char one[1000];
        snprintf(one, sizeof one, "%.*s", (int)strcspn(line + 1, "\n"), line + 1);
        const char *at = strstr(one, name);
        if (strstr(one, part) != NULL && strstr(one, other) != NULL && at != NULL)
            return atof(at + strlen(name));
    }
    return -1;
}

enum { LATE_US = 20000 };

static void late_in_the_second_call(weft_comm *comm, void *unused)
{
    (void)unused;
    int32_t mine = 1, sum;
    CHECK_OK(weft_barrier(comm));
    if (weft_comm_rank(comm) == 1)
        sleep_us(LATE_US);
    CHECK_OK(weft_allreduce(comm, &mine, &sum, 1, WEFT_INT32, WEFT_SUM));
    CHECK_OK(weft_barrier(comm));
}

static void waits_and_arrows_stand_where_they_were(void **unused)
{
    (void)unused;
    for (int n = 2; n <= 9; n += n == 2 ? 1 : 6) {
        weft_config config = WEFT_CONFIG_INIT;
        config.name = "a \"quoted\" \\ name";
        test_case("%d ranks", n);
        CHECK_OK(weft_trace_start(path));
        CHECK_STATUS(WEFT_ERR_ARGUMENT, weft_trace_start(path));
        run_ranks(n, &config, late_in_the_second_call, NULL);
        CHECK_OK(weft_trace_stop());
        CHECK_STATUS(WEFT_ERR_ARGUMENT, weft_trace_stop());
        char *text = read_trace();
        CHECK(text[0] == '[' && strcmp(text + strlen(text) - 3, "\n]\n") == 0, "no array: %.100s", text);
        CHECK(count_of(text, "\"ph\":\"X\"") == 3 * n, "%d events: %s", count_of(text, "\"ph\":\"X\""), text);
        CHECK(count_of(text, "a \\\"quoted\\\" \\\\ name") == 1, "%.300s", text);
        CHECK(count_of(text, "\"call\":\"allreduce(1 x int32, sum)\"") == n, "%s", text);
        CHECK(count_of(text, "\"number\":2,") == n, "%s", text);
        for (int rank = 0; rank < n; rank++) {
            char track[24];
            snprintf(track, sizeof track, "\"tid\":%d,", rank);
            double waited = number_in(text, "\"number\":2,", track, "\"waited_us\":");
            double took = number_in(text, "\"number\":2,", track, "\"dur\":");
            CHECK(rank == 1 || waited > LATE_US / 2, "rank %d waited %f us", rank, waited);
            CHECK(took >= waited, "rank %d took %f us and waited %f", rank, took, waited);
            CHECK(number_in(text, "\"number\":2,", track, "\"last\":") == 1, "rank %d: another was last", rank);
            double arrow = number_in(text, "\"ph\":\"f\"", track, "\"ts\":");
            CHECK(rank == 1 || arrow > 0, "no arrow to rank %d: %s", rank, text);
            double first = number_in(text, "\"number\":1,", track, "\"ts\":");
            double third = number_in(text, "\"number\":3,", track, "\"ts\":");
            CHECK(first >= 0 && third > first + LATE_US, "times of rank %d: %f, %f", rank, first, third);
        }
        CHECK(number_in(text, "\"ph\":\"s\"", "\"tid\":1,", "\"ts\":") > 0, "no arrow from rank 1: %s", text);
        CHECK(count_of(text, "\"ph\":\"s\"") == count_of(text, "\"ph\":\"f\""), "arrows have two ends");
        free(text);
        finish_case();
    }
}

static weft_status add_first(const weft_op *op, const weft_type *type, const void *in, void *inout, size_t count)
{
    (void)op;
    for (size_t i = 0; i < count * type->size; i++)
        ((unsigned char *)inout)[i] = (unsigned char)(((unsigned char *)inout)[i] + ((const unsigned char *)in)[i]);
    return WEFT_OK;
}

enum { MANY = 20000 };

static void many_kinds(weft_comm *comm, void *unused)
{
    (void)unused;
    static const weft_type mine = {.name = "my \"own\" type", .size = 3};
    static const weft_op op = {.name = "op", .commutative = true, .combine = add_first};
    static char large[2][1 << 17];
    unsigned char send[3] = {1, 2, 3}, recv[3];
    weft_request *requests[2];
    weft_comm *copy = NULL;
    int32_t value = 1, sums[2];
    CHECK_OK(weft_allreduce(comm, send, recv, 1, &mine, &op));
    CHECK_OK(weft_broadcast(comm, large[weft_comm_rank(comm)], sizeof large[0], WEFT_BYTE, 0));
    for (int i = 0; i < 2; i++)
        CHECK_OK(weft_iallreduce(comm, &value, &sums[i], 1, WEFT_INT32, WEFT_SUM, &requests[i]));
    CHECK_OK(weft_wait_all(requests, 2));
    CHECK_OK(weft_comm_dup(comm, &copy));
    for (int i = 0; i < MANY; i++)
        CHECK_OK(weft_barrier(copy));
    CHECK_OK(weft_comm_destroy(copy));
}

static void memory_is_bounded_and_nothing_recent_is_lost(void **unused)
{
    (void)unused;
    CHECK_OK(weft_trace_start(path));
    run_ranks(2, NULL, many_kinds, NULL);
    CHECK_OK(weft_trace_stop());
    char *text = read_trace();
    CHECK(count_of(text, "\"call\":\"barrier()\"") == 2 * 16384, "%d", count_of(text, "\"call\":\"barrier()\""));
    CHECK(count_of(text, "from call 3617 on") == 1, "%.300s", text);
    CHECK(count_of(text, "\"call\":\"allreduce(1 x my \\\"own, op)\"") == 2, "%s", "a user's type is named");
    CHECK(count_of(text, "\"ph\":\"b\"") == 4 && count_of(text, "\"ph\":\"e\"") == 4, "%d nonblocking",
          count_of(text, "\"ph\":\"b\""));
    CHECK(count_of(text, "\"call\":\"dup()\"") == 4, "%d", count_of(text, "\"call\":\"dup()\""));
    free(text);
}

struct reader {
    weft_comm *comms[2];
    int calls;
};

static void barriers(int index, void *arg)
{
    struct reader *reader = arg;
    if (index == 2) {
        sleep_us(20000);
        CHECK_OK(weft_trace_stop());
        return;
    }
    for (int i = 0; i < reader->calls; i++)
        CHECK_OK(weft_barrier(reader->comms[index]));
}

/* Other ranks go on while it is written. */
static void it_may_be_stopped_at_any_time(void **unused)
{
    (void)unused;
    for (int i = 0; i < 3; i++) {
        struct reader reader = {.calls = scaled(60000)};
        CHECK_OK(weft_trace_start(path));
        CHECK_OK(weft_comm_create_all(2, NULL, reader.comms));
        run_threads(3, barriers, &reader);
        char *text = read_trace();
        CHECK(strcmp(text + strlen(text) - 3, "\n]\n") == 0, "it has no end");
        free(text);
        for (int rank = 0; rank < 2; rank++)
            weft_comm_destroy(reader.comms[rank]);
        finish_case();
    }
    CHECK_STATUS(WEFT_ERR_SYSTEM, weft_trace_start("/nowhere/at/all"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(waits_and_arrows_stand_where_they_were),
        TEST(memory_is_bounded_and_nothing_recent_is_lost),
        TEST(it_may_be_stopped_at_any_time),
    };
    snprintf(path, sizeof path, "/tmp/weft-test-trace-%d", (int)getpid());
    return RUN_TESTS("trace", tests);
}

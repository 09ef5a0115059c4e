// SPDX-License-Identifier: MIT
/* harness_seeing.c - who looks at ranks from outside while they go on: reports, traces, and the table of communicators that both walk. */
#include "model.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* ---- Reports */

/* What weft_comm_report says of a rank, in one line. */
static void report_rank(weft_comm *comm, int rank, char *line, size_t size)
{
    char text[4096] = "", head[16];
    FILE *out = fmemopen(text, sizeof text, "w");
    CHECK_OK(weft_comm_report(comm, out));
    fclose(out);
    snprintf(head, sizeof head, "  rank %d: ", rank);
    const char *at = strstr(text, head), *end = at != NULL ? strchr(at, '\n') : NULL;
    CHECK(end != NULL, "nothing of rank %d in \"%s\"", rank, text);
    snprintf(line, size, "%.*s", (int)(end - at), at);
}

/* Rank 1 waits for tag 5; that wait is over when rank 0 looks, and another may have begun. */
static void report_second_wait(weft_comm *comm)
{
    char line[1024];
    int32_t data = 0;
    if (weft_comm_rank(comm) == 1) {
        CHECK_OK(weft_recv(comm, &data, 1, WEFT_INT32, 0, 5, NULL));
        CHECK_OK(weft_send(comm, &data, 1, WEFT_INT32, 0, 6));
        CHECK_OK(weft_recv(comm, &data, 1, WEFT_INT32, 0, 7, NULL));
        return;
    }
    CHECK_OK(weft_send(comm, &data, 1, WEFT_INT32, 1, 5));
    CHECK_OK(weft_recv(comm, &data, 1, WEFT_INT32, 1, 6, NULL));
    report_rank(comm, 1, line, sizeof line);
    CHECK(strstr(line, "waiting") == NULL || strstr(line, "waiting for rank 0 with tag 7") != NULL, "\"%s\"", line);
    CHECK_OK(weft_send(comm, &data, 1, WEFT_INT32, 1, 7));
}

/* Where a rank is said to have left, all that it did is known. */
static void report_who_left(weft_comm *comm)
{
    char line[1024];
    int32_t data = 1;
    if (weft_comm_rank(comm) == 0) {
        report_rank(comm, 1, line, sizeof line);
        CHECK(strstr(line, "has destroyed") == NULL ||
                  strstr(line, "last finished call 1, broadcast(1 x int32, root 1)") != NULL,
              "\"%s\"", line);
    }
    CHECK_OK(weft_broadcast(comm, &data, 1, WEFT_INT32, 1));
    weft_comm_destroy(comm);
}

static void report_wait(void)
{
    weft_config config = model_config(WEFT_WAIT_BLOCK, NULL);
    model_ranks(2, &config, report_second_wait);
}

static void report_left(void)
{
    weft_config config = model_config(WEFT_WAIT_BLOCK, NULL);
    model_ranks_leaving(2, &config, report_who_left);
}

/* ---- Traces. The model's rings hold two events, so that the writer is soon behind the reader again. */

enum { CALLS = 5 };

static const weft_type odd = {.name = "odd", .size = 4}, even = {.name = "even", .size = 4};

/* Each differs from the one two calls on, whose event stands in the same place, in everything that an event tells. */
static const weft_type *type_of(int call)
{
    return call / 2 % 2 == 0 ? &odd : &even;
}

static const weft_op plus = {.name = "plus", .combine = model_combine_nothing},
                     minus = {.name = "minus", .combine = model_combine_nothing};

static void traced_calls(weft_comm *comm)
{
    int32_t data[2 * CALLS] = {0};
    for (int call = 1; call <= CALLS; call++)
        CHECK_OK(weft_reduce(comm, data, data + CALLS, (size_t)call, type_of(call),
                             type_of(call) == &odd ? &plus : &minus, call / 2 % 2));
}

static void *stop_trace(void *unused)
{
    CHECK_OK(weft_trace_stop());
    return unused;
}

static void while_stopping(weft_comm *comm, void (*body)(weft_comm *comm))
{
    pthread_t thread;
    if (weft_comm_rank(comm) == 0)
        pthread_create(&thread, NULL, stop_trace, NULL);
    body(comm);
    if (weft_comm_rank(comm) == 0)
        pthread_join(thread, NULL);
}

static void stopped_meanwhile(weft_comm *comm)
{
    while_stopping(comm, traced_calls);
}

static double number_after(const char *at, const char *name)
{
    double number = -1;
    at = strstr(at, name);
    CHECK(at != NULL && sscanf(at + strlen(name), "%lf", &number) == 1, "no %s", name);
    return number;
}

/* An event is that of one call, whole: what it was, and its times, which come before those of the rank's next. */
static void check_trace(const char *text)
{
    double ends_us[2] = {0, 0};
    for (const char *at = text; (at = strstr(at, "\"cat\":\"blocking\"")) != NULL; at++) {
        char expected[96];
        int call = (int)number_after(at, "\"number\":"), rank = (int)number_after(at, "\"tid\":");
        double begin_us = number_after(at, "\"ts\":"), lasts_us = number_after(at, "\"dur\":");
        snprintf(expected, sizeof expected, "\"call\":\"reduce(%d x %s, %s, root %d)\"", call, type_of(call)->name,
                 type_of(call) == &odd ? "plus" : "minus", call / 2 % 2);
        CHECK(strncmp(strstr(at, "\"call\":"), expected, strlen(expected)) == 0, "call %d of rank %d: %.300s", call,
              rank, at);
        CHECK(begin_us >= ends_us[rank] - 0.002, "call %d of rank %d begins before the one before ends: %s", call, rank,
              text);
        CHECK(lasts_us > 0 && number_after(at, "\"waited_us\":") <= lasts_us + 0.002, "call %d of rank %d: %.300s",
              call, rank, at);
        ends_us[rank] = begin_us + lasts_us;
    }
}

/* Runs the ranks with a trace, which another thread ends meanwhile. */
static void with_trace(void (*body)(weft_comm *comm), char *text, size_t size)
{
    char path[32];
    weft_config config = model_config(WEFT_WAIT_BLOCK, NULL);
    int file = memfd_create("trace", MFD_CLOEXEC);
    snprintf(path, sizeof path, "/proc/self/fd/%d", file);
    CHECK_OK(weft_trace_start(path));
    model_ranks(2, &config, body);
    ssize_t length = pread(file, text, size - 1, 0);
    CHECK(length > 2, "%zd bytes", length);
    text[length > 0 ? length : 0] = 0;
    close(file);
}

static void trace(void)
{
    char text[16384];
    with_trace(stopped_meanwhile, text, sizeof text);
    check_trace(text);
}

/* ---- The table of communicators, walked while one comes and goes */

static void come_and_go(weft_comm *comm)
{
    weft_comm *child = NULL;
    CHECK_OK(weft_comm_dup(comm, &child));
    weft_comm_destroy(child);
}

static void stopped_while_they_go(weft_comm *comm)
{
    while_stopping(comm, come_and_go);
}

static void trace_worlds(void)
{
    char text[16384];
    with_trace(stopped_while_they_go, text, sizeof text);
}

/* A report on all communicators takes no lock that would tell it of those that come and go. */
static void *come_and_go_alone(void *unused)
{
    weft_config config = model_config(WEFT_WAIT_BLOCK, NULL);
    for (int i = 0; i < 2; i++) {
        weft_comm *comm = NULL;
        CHECK_OK(weft_comm_create_all(1, &config, &comm));
        weft_comm_destroy(comm);
    }
    return unused;
}

static void report_worlds(void)
{
    pthread_t thread;
    CHECK_OK(weft_report_on_signal(SIGUSR2));
    pthread_create(&thread, NULL, come_and_go_alone, NULL);
    model_raise(SIGUSR2);
    pthread_join(thread, NULL);
}

const struct model_harness model_seeing[] = {
    {"report_wait", "a report on a rank that waits, and waited before", report_wait, .processors = 4},
    {"report_left", "a report on a rank that leaves", report_left, .processors = 4},
    {"trace", "a trace is written while ranks write it again", trace, .processors = 4},
    {"trace_worlds", "the same while a communicator is made and destroyed", trace_worlds, .processors = 4},
    {"report_worlds", "a report on all communicators while some are made and destroyed", report_worlds,
     .processors = 4},
    {.name = NULL}};

// SPDX-License-Identifier: MIT
/* Reports: who is where, whom each rank waits for and who waits for it, on communicators that hang, have failed, or are busy; of one
 * communicator through a stream, and of the process on a signal. */
#include "cases.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const weft_wait waits[] = {WEFT_WAIT_AUTO, WEFT_WAIT_BLOCK, WEFT_WAIT_SPIN};
static char report_file[64];

/* To be freed. */
__attribute__((noinline)) static char *report_of(const weft_comm *comm)
{
    char *text = NULL;
    size_t size = 0;
    FILE *stream = open_memstream(&text, &size);
    CHECK_OK(weft_comm_report(comm, stream));
    fclose(stream);
    return text;
}

/* The line of a rank; "" if there is none. */
static void line_of(const char *report, int rank, char line[400])
{
    char head[32];
    snprintf(head, sizeof head, "\n  rank %d: ", rank);
    const char *at = strstr(report, head);
    line[0] = 0;
    if (at != NULL)
        snprintf(line, 400, "%.*s", (int)strcspn(at + 1, "\n"), at + 1);
}

static int count_of(const char *text, const char *part)
{
    int count = 0;
    for (; (text = strstr(text, part)) != NULL; text++)
        count++;
    return count;
}

/* A report taken when so many ranks wait in the call that `part` names. */
static char *report_with_waits(const weft_comm *comm, const char *part, int count)
{
    for (;;) {
        char *text = report_of(comm);
        bool all = count_of(text, part) == count;
        free(text);
        if (all)
            return report_of(comm);
        sleep_us(2000);
    }
}

struct hang {
    int calls_before, late;
    bool nonblocking;
};

static weft_status reduce(weft_comm *comm, bool nonblocking)
{
    int32_t mine[4] = {1, 2, 3, 4}, sum[4];
    weft_request *request;
    if (!nonblocking)
        return weft_allreduce(comm, mine, sum, 4, WEFT_INT32, WEFT_SUM);
    weft_status status = weft_iallreduce(comm, mine, sum, 4, WEFT_INT32, WEFT_SUM, &request);
    return status == WEFT_OK ? weft_wait_one(&request) : status;
}

static void hang(weft_comm *comm, void *arg)
{
    const struct hang *hang = arg;
    int rank = weft_comm_rank(comm), n = weft_comm_size(comm);
    char line[400], text[100];
    for (int i = 0; i < hang->calls_before; i++)
        CHECK_OK(weft_barrier(comm));
    if (rank != hang->late) {
        CHECK_OK(reduce(comm, hang->nonblocking));
        return;
    }
    snprintf(text, sizeof text, "in call %d, %s(4 x int32, sum), waiting for ", hang->calls_before + 1,
             hang->nonblocking ? "iallreduce" : "allreduce");
    char *report = report_with_waits(comm, text, n - 1);
    snprintf(text, sizeof text, "\"hung\", of %d ranks\n", n);
    CHECK(strstr(report, text) != NULL, "%s", report);
    for (int other = 0; other < n; other++) {
        line_of(report, other, line);
        snprintf(text, sizeof text, "in call %d, %s(4 x int32, sum), waiting for rank %d for at least ",
                 hang->calls_before + 1, hang->nonblocking ? "iallreduce" : "allreduce", hang->late);
        if (other != hang->late) {
            CHECK(strstr(line, text) != NULL, "rank %d: '%s' is not in '%s'", other, text, line);
            CHECK(strstr(line, "; thread ") != NULL && strstr(line, " on processor ") != NULL, "%s", line);
            CHECK(strstr(line, "awaited") == NULL, "%s", line);
            continue;
        }
        if (hang->calls_before > 0)
            snprintf(text, sizeof text, "last finished call %d, barrier(); awaited by ranks ", hang->calls_before);
        else
            snprintf(text, sizeof text, "no collective yet; awaited by ranks ");
        CHECK(n == 2 || strstr(line, text) != NULL, "'%s' is not in '%s'", text, line);
        CHECK(strstr(line, "awaited by rank") != NULL, "%s", line);
    }
    free(report);
    CHECK_OK(reduce(comm, hang->nonblocking));
    report = report_of(comm);
    line_of(report, rank, line);
    CHECK(strstr(line, "last finished call") != NULL && strstr(line, "waiting") == NULL, "%s", line);
    free(report);
}

static void late_ranks_are_named(void **unused)
{
    (void)unused;
    static const int sizes[] = {2, 3, 5, 23};
    for (int i = 0; i < 24; i++) {
        int n = sizes[i % 4];
        struct hang how = {i % 5 * 20, i % n, i % 2 == 0};
        weft_config config = WEFT_CONFIG_INIT;
        config.name = "hung";
        config.wait = n == 23 ? waits[i / 4 % 2] : waits[i / 4 % 3];
        test_case("%d ranks, rank %d late after %d calls, %s, wait %s", n, how.late, how.calls_before,
                  how.nonblocking ? "nonblocking" : "blocking", wait_name(config.wait));
        run_ranks(n, &config, hang, &how);
        finish_case();
    }
}

static void hang_in_messages(weft_comm *comm, void *unused)
{
    (void)unused;
    int rank = weft_comm_rank(comm);
    char line[400];
    int32_t value = 7;
    CHECK_OK(weft_barrier(comm));
    if (rank == 1)
        CHECK_OK(weft_recv(comm, &value, 1, WEFT_INT32, 0, 5, NULL));
    else if (rank == 2)
        CHECK_OK(weft_recv(comm, &value, 1, WEFT_INT32, WEFT_ANY_SOURCE, WEFT_ANY_TAG, NULL));
    if (rank != 0)
        return;
    char *report = report_with_waits(comm, "in weft_recv, waiting for ", 2);
    line_of(report, 1, line);
    CHECK(strstr(line, "in weft_recv, waiting for rank 0 with tag 5 for at least ") != NULL, "%s", line);
    CHECK(strstr(line, "; last finished call 1, barrier()") != NULL, "%s", line);
    line_of(report, 2, line);
    CHECK(strstr(line, "in weft_recv, waiting for any rank for at least ") != NULL, "%s", line);
    line_of(report, 0, line);
    CHECK(strstr(line, "awaited by rank 1 for at least ") != NULL, "%s", line);
    free(report);
    CHECK_OK(weft_send(comm, &value, 1, WEFT_INT32, 1, 5));
    CHECK_OK(weft_send(comm, &value, 1, WEFT_INT32, 2, 6));
}

static void receives_say_whom_they_wait_for(void **unused)
{
    (void)unused;
    for (int i = 0; i < 3; i++) {
        weft_config config = WEFT_CONFIG_INIT;
        config.wait = waits[i];
        test_case("wait %s", wait_name(config.wait));
        run_ranks(3, &config, hang_in_messages, NULL);
        finish_case();
    }
}

static void failures_and_departures_are_told(void **unused)
{
    (void)unused;
    weft_comm *comms[3];
    char line[400];
    CHECK_OK(weft_comm_create_all(3, NULL, comms));
    CHECK_STATUS(WEFT_ERR_ARGUMENT, weft_comm_report(NULL, stdout));
    CHECK_STATUS(WEFT_ERR_ARGUMENT, weft_comm_report(comms[0], NULL));
    weft_comm_destroy(comms[1]);
    CHECK_OK(weft_comm_abort(comms[2], "no more"));
    char *report = report_of(comms[0]);
    CHECK(strstr(report, "of 3 ranks, failed with WEFT_ERR_ABORTED: rank 2 aborted: no more\n") != NULL, "%s", report);
    line_of(report, 1, line);
    CHECK(strstr(line, "has destroyed its handle; no collective yet") != NULL, "%s", line);
    free(report);
    FILE *full = fopen("/dev/full", "w");
    if (full != NULL) {
        CHECK_STATUS(WEFT_ERR_SYSTEM, weft_comm_report(comms[0], full));
        fclose(full);
    }
    weft_comm_destroy(comms[0]);
    weft_comm_destroy(comms[2]);
}

/* ---- The whole process */

static char *read_and_remove(const char *path)
{
    char *text = calloc(1, 1 << 20);
    FILE *file = fopen(path, "r");
    if (file != NULL) {
        text[fread(text, 1, (1 << 20) - 1, file)] = 0;
        fclose(file);
    }
    unlink(path);
    return text;
}

static void signals_report_on_all_communicators(void **unused)
{
    (void)unused;
    weft_comm *first[2], *second[3];
    weft_config config = WEFT_CONFIG_INIT;
    config.name = "one";
    CHECK_OK(weft_comm_create_all(2, &config, first));
    config.name = "other";
    CHECK_OK(weft_comm_create_all(3, &config, second));
    CHECK_STATUS(WEFT_ERR_ARGUMENT, weft_report_on_signal(SIGKILL));
    CHECK_STATUS(WEFT_ERR_ARGUMENT, weft_report_on_signal(-3));
    CHECK_OK(weft_report_on_signal(SIGUSR2));
    static const int signals[] = {SIGUSR1 /* the environment asked for it */, SIGUSR2};
    for (int i = 0; i < 2; i++) {
        errno = 12345;
        raise(signals[i]);
        CHECK(errno == 12345, "errno is %d", errno);
        char *report = read_and_remove(report_file);
        CHECK(strstr(report, "\"one\", of 2 ranks\n") != NULL, "%s", report);
        CHECK(strstr(report, "\"other\", of 3 ranks\n") != NULL, "%s", report);
        CHECK(count_of(report, "\n  rank ") == 5, "%s", report);
        free(report);
    }
    for (int rank = 0; rank < 2; rank++)
        weft_comm_destroy(first[rank]);
    raise(SIGUSR2);
    char *report = read_and_remove(report_file);
    CHECK(count_of(report, "\n  rank ") == 3, "%s", report);
    free(report);
    for (int rank = 0; rank < 3; rank++)
        weft_comm_destroy(second[rank]);
}

struct busy {
    pthread_barrier_t begun;
    int rounds;
};

static void work_and_split(weft_comm *comm, void *arg)
{
    const struct busy *busy = arg;
    for (int i = 0; i < busy->rounds; i++) {
        weft_comm *part = NULL, *copy = NULL;
        CHECK_OK(reduce(comm, i % 3 == 0));
        CHECK_OK(weft_comm_split(comm, weft_comm_rank(comm) % 2, 0, &part));
        CHECK_OK(weft_barrier(part));
        CHECK_OK(weft_comm_dup(part, &copy));
        CHECK_OK(reduce(copy, false));
        if (weft_comm_rank(comm) == 0 && i % 4 == 0) {
            raise(SIGUSR2);
            char *report = report_of(comm);
            CHECK(count_of(report, "\n  rank ") == weft_comm_size(comm), "%s", report);
            free(report);
        }
        weft_comm_destroy(part);
        weft_comm_destroy(copy);
    }
}

static void *signal_on_and_on(void *arg)
{
    bool *over = arg;
    while (!__atomic_load_n(over, __ATOMIC_ACQUIRE)) {
        kill(getpid(), SIGUSR2);
        sleep_us(3000);
        free(read_and_remove(report_file));
    }
    return NULL;
}

/* Worlds come and go under the reports. */
static void reports_may_come_at_any_time(void **unused)
{
    (void)unused;
    pthread_t thread;
    bool over = false;
    struct busy busy = {.rounds = scaled(150)};
    CHECK_OK(weft_report_on_signal(SIGUSR2));
    pthread_create(&thread, NULL, signal_on_and_on, &over);
    run_ranks(5, NULL, work_and_split, &busy);
    __atomic_store_n(&over, true, __ATOMIC_RELEASE);
    pthread_join(thread, NULL);
    free(read_and_remove(report_file));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(late_ranks_are_named),
        TEST(receives_say_whom_they_wait_for),
        TEST(failures_and_departures_are_told),
        TEST(signals_report_on_all_communicators),
        TEST(reports_may_come_at_any_time),
    };
    snprintf(report_file, sizeof report_file, "/tmp/weft-test-report-%d", (int)getpid());
    setenv("WEFT_REPORT", report_file, 1);
    return RUN_TESTS("report", tests);
}

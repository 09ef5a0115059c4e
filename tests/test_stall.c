// SPDX-License-Identifier: MIT
/* Stall warnings: the log hook gets one report of an operation that takes too long, whichever ranks wait in whatever way; none of an idle
 * wait, none after the hook was taken away, and none where they are off. */
#include "cases.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const weft_wait waits[] = {WEFT_WAIT_AUTO, WEFT_WAIT_BLOCK, WEFT_WAIT_SPIN};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int warnings; /* under lock, as the text */
static char last[8192];

static void take(const char *text, void *context)
{
    pthread_mutex_lock(&lock);
    CHECK(context == &warnings, "another context");
    warnings++;
    snprintf(last, sizeof last, "%s", text);
    pthread_mutex_unlock(&lock);
}

static int warnings_so_far(void)
{
    pthread_mutex_lock(&lock);
    int count = warnings;
    pthread_mutex_unlock(&lock);
    return count;
}

static void begin(const char *stall_ms)
{
    setenv("WEFT_STALL_MS", stall_ms, 1);
    weft_log_set(take, &warnings);
    warnings = 0;
    last[0] = 0;
}

enum kind { BLOCKING, NONBLOCKING, BESIDE, MESSAGE, IDLE };
static const char *const kinds[] = {"blocking", "nonblocking", "beside a request", "message", "idle"};

/* Rank 0 is late until it was warned of, and then for two more of the times that a second warning would need. */
static void hang(weft_comm *comm, void *arg)
{
    enum kind kind = *(enum kind *)arg;
    int32_t mine = 1, sum = 0;
    weft_request *request = NULL, *receive = NULL;
    if (weft_comm_rank(comm) == 0) {
        for (int i = 0; kind != IDLE && warnings_so_far() == 0 && i < 5000; i++)
            sleep_us(2000);
        sleep_us(60000);
    }
    switch (kind) {
    case NONBLOCKING:
        CHECK_OK(weft_iallreduce(comm, &mine, &sum, 1, WEFT_INT32, WEFT_SUM, &request));
        CHECK_OK(weft_wait_one(&request));
        break;
    case BESIDE: /* the wait is that of a thread with a request elsewhere */
        CHECK_OK(weft_irecv(comm, &sum, 1, WEFT_INT32, weft_comm_rank(comm), 1, NULL, &receive));
        CHECK_OK(weft_allreduce(comm, &mine, &sum, 1, WEFT_INT32, WEFT_SUM));
        CHECK_OK(weft_cancel(&receive));
        break;
    case MESSAGE:
        if (weft_comm_rank(comm) == 0)
            CHECK_OK(weft_send(comm, &mine, 1, WEFT_INT32, 1, 3));
        else if (weft_comm_rank(comm) == 1)
            CHECK_OK(weft_recv(comm, &sum, 1, WEFT_INT32, 0, 3, NULL));
        break;
    case IDLE:
        CHECK_OK(weft_sync(comm, true));
        break;
    default:
        CHECK_OK(weft_allreduce(comm, &mine, &sum, 1, WEFT_INT32, WEFT_SUM));
    }
}

static void a_stall_is_told_of_once(void **unused)
{
    (void)unused;
    for (int i = 0; i < 36; i++) {
        enum kind kind = (enum kind)(i % 4);
        int n = i % 3 == 0 ? 2 : i % 3 == 1 ? 3 : 9;
        weft_config config = WEFT_CONFIG_INIT;
        config.wait = waits[i / 4 % 3];
        test_case("%d ranks, %s, wait %s", n, kinds[kind], wait_name(config.wait));
        begin("20");
        run_ranks(n, &config, hang, &kind);
        CHECK(warnings == 1, "%d warnings; the last: %s", warnings, last);
        CHECK(strncmp(last, "weft: rank ", 11) == 0 && strstr(last, " has waited for ") != NULL, "%s", last);
        CHECK(strstr(last, kind == MESSAGE ? " in weft_recv\n" : " in call 1, ") != NULL, "%s", last);
        CHECK(strstr(last, "\n  rank 0: ") != NULL && strstr(last, "; awaited by rank") != NULL, "%s", last);
        finish_case();
    }
}

static void nothing_is_said_of_idle_waits_or_where_it_is_off(void **unused)
{
    (void)unused;
    enum kind idle = IDLE;
    begin("20");
    run_ranks(3, NULL, hang, &idle);
    CHECK(warnings == 0, "of an idle wait: %s", last);
    finish_case();
    weft_log_set(NULL, NULL);
    setenv("WEFT_STALL_MS", "soon", 1);
    weft_comm *comms[2];
    CHECK_STATUS(WEFT_ERR_ARGUMENT, weft_comm_create_all(2, NULL, comms));
    CHECK(strstr(weft_last_error(), "WEFT_STALL_MS is \"soon\"") != NULL, "%s", weft_last_error());
}

static void hang_in_a_shrunk_one(weft_comm *comm, void *arg)
{
    weft_comm *made = NULL;
    CHECK_OK(weft_comm_abort(comm, "to be shrunk"));
    CHECK_OK(weft_comm_shrink(comm, &made));
    hang(made, arg);
    CHECK_OK(weft_comm_destroy(made));
}

static void a_shrunk_communicator_warns_too(void **unused)
{
    (void)unused;
    enum kind kind = BLOCKING;
    begin("20");
    run_ranks(3, NULL, hang_in_a_shrunk_one, &kind);
    CHECK(warnings == 1, "%d warnings; the last: %s", warnings, last);
    finish_case();
}

struct lateness {
    unsigned us;
};

static void come_late(weft_comm *comm, void *arg)
{
    if (weft_comm_rank(comm) == 0)
        sleep_us(((struct lateness *)arg)->us);
    CHECK_OK(weft_barrier(comm));
}

static void no_hook_no_warning(void **unused)
{
    (void)unused;
    struct lateness late = {100000};
    begin("0");
    run_ranks(3, NULL, come_late, &late);
    CHECK(warnings == 0, "they are off: %s", last);
    begin("10");
    weft_log_set(NULL, NULL);
    run_ranks(3, NULL, come_late, &late);
    CHECK(warnings == 0, "the hook was taken away: %s", last);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_stall_is_told_of_once),
        TEST(nothing_is_said_of_idle_waits_or_where_it_is_off),
        TEST(a_shrunk_communicator_warns_too),
        TEST(no_hook_no_warning),
    };
    return RUN_TESTS("stall", tests);
}

// SPDX-License-Identifier: MIT
/* Point to point: every size around the switch from buffered to direct, tags and wildcards, order between two ranks, probes, objects, and
 * what fails: a message too long, of another type, a rank that has left, a receive taken back. */
#include "cases.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const weft_wait waits[] = {WEFT_WAIT_AUTO, WEFT_WAIT_BLOCK, WEFT_WAIT_SPIN};
static const size_t sizes[] = {0, 1, 8, 31, 32, 33, 56, 88, 89, 479, 480, 481, 1000, 65536, 65537, 300001};

static void fill(unsigned char *bytes, size_t count, unsigned seed)
{
    for (size_t i = 0; i < count; i++)
        bytes[i] = (unsigned char)(i * 7 + seed + (i >> 8));
}

static bool filled(const unsigned char *bytes, size_t count, unsigned seed)
{
    for (size_t i = 0; i < count; i++)
        if (bytes[i] != (unsigned char)(i * 7 + seed + (i >> 8)))
            return false;
    return true;
}

static void ping_pong(weft_comm *comm, void *arg)
{
    (void)arg;
    int rank = weft_comm_rank(comm);
    size_t most = sizes[sizeof sizes / sizeof sizes[0] - 1];
    unsigned char *bytes = test_alloc(most + 1);
    for (int round = 0; round < 4; round++)
        for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; s++) {
            weft_message message = {0};
            if (rank == 0) {
                fill(bytes, sizes[s], (unsigned)s);
                CHECK_OK(weft_send(comm, bytes, sizes[s], WEFT_BYTE, 1, 3));
                memset(bytes, 0, most);
                CHECK_OK(weft_recv(comm, bytes, most, WEFT_BYTE, 1, 4, &message));
                CHECK(filled(bytes, sizes[s], (unsigned)s + 1), "%zu bytes on their way back", sizes[s]);
            } else if (rank == 1) {
                memset(bytes, 0, most + 1);
                CHECK_OK(weft_recv(comm, bytes, most, WEFT_BYTE, round % 2 ? WEFT_ANY_SOURCE : 0,
                                   round % 3 ? WEFT_ANY_TAG : 3, &message));
                CHECK(filled(bytes, sizes[s], (unsigned)s), "%zu bytes", sizes[s]);
                CHECK(bytes[sizes[s]] == 0, "more than %zu bytes", sizes[s]);
                CHECK(message.source == 0 && message.tag == 3, "source %d, tag %d", message.source, message.tag);
                fill(bytes, sizes[s], (unsigned)s + 1);
                CHECK_OK(weft_send(comm, bytes, sizes[s], WEFT_BYTE, 0, 4));
                continue;
            } else
                continue;
            CHECK(message.count == sizes[s] && message.source == 1 && message.tag == 4, "%zu of %zu from %d",
                  message.count, sizes[s], message.source);
        }
    free(bytes);
}

static void all_sizes_come_whole(void **unused)
{
    (void)unused;
    for (int i = 0; i < 6; i++) {
        weft_config config = WEFT_CONFIG_INIT;
        config.wait = waits[i % 3];
        config.timeout_ns = 30000000000;
        test_case("wait %s, %d ranks", wait_name(config.wait), i < 3 ? 2 : 5);
        run_ranks(i < 3 ? 2 : 5, &config, ping_pong, NULL);
    }
}

/* Many messages of three tags from each rank to each; received by tag, or as they come, in any order of tags. */
static void in_order(weft_comm *comm, void *arg)
{
    uint64_t own = *(uint64_t *)arg + (uint64_t)weft_comm_rank(comm);
    int rank = weft_comm_rank(comm), n = weft_comm_size(comm), per = 40;
    int total = n * 3 * per, next[3][64] = {{0}}, got = 0, sent[64][3] = {{0}};
    weft_request **requests = test_alloc((size_t)total * sizeof *requests);
    struct message {
        int number, tag;
        char padding[1000];
    } *out = test_alloc((size_t)total * sizeof *out);
    int started = 0;
    while (got < total) {
        if (started < total) {
            int to = (int)random_below(&own, (uint64_t)n), tag = (int)random_below(&own, 3);
            if (sent[to][tag] < per) {
                out[started] = (struct message){.number = sent[to][tag]++, .tag = tag};
                size_t bytes = random_below(&own, 3) ? 8 : sizeof out[0];
                CHECK_OK(weft_isend(comm, &out[started], bytes, WEFT_BYTE, to, tag, &requests[started]));
                started++;
                if (random_below(&own, 3))
                    continue;
            } else
                continue;
        }
        struct message in;
        weft_message message;
        weft_status status = WEFT_OK;
        int source = WEFT_ANY_SOURCE, tag = (int)random_below(&own, 4) - 1;
        if (started < total) { /* something may be there */
            status = weft_iprobe(comm, source, tag, &message);
            if (status == WEFT_PENDING)
                continue;
            CHECK_OK(status);
            source = message.source;
            tag = message.tag;
        } else
            tag = WEFT_ANY_TAG;
        if (!CHECK_OK(weft_recv(comm, &in, sizeof in, WEFT_BYTE, source, tag, &message)))
            break;
        got++;
        CHECK(message.tag == in.tag, "tag %d holds %d", message.tag, in.tag);
        CHECK(in.number == next[in.tag][message.source]++, "message %d of tag %d from rank %d overtook", in.number,
              in.tag, message.source);
    }
    CHECK_OK(weft_wait_all(requests, (size_t)started));
    CHECK(rank >= 0, "rank");
    free(requests);
    free(out);
}

static void messages_do_not_overtake_one_another(void **unused)
{
    (void)unused;
    uint64_t state = test_seed();
    for (int i = 0; i < scaled(12); i++) {
        weft_config config = WEFT_CONFIG_INIT;
        uint64_t seed = random_next(&state);
        static const int ranks[] = {2, 1, 4, 9};
        config.wait = waits[i % 2];
        config.timeout_ns = 30000000000;
        test_case("%d ranks, wait %s", ranks[i % 4], wait_name(config.wait));
        run_ranks(ranks[i % 4], &config, in_order, &seed);
    }
}

/* Receives are served in the order in which they were posted, wildcards among them. */
static void posted(weft_comm *comm, void *arg)
{
    (void)arg;
    int got[4] = {0}, values[4] = {10, 11, 12, 13};
    weft_request *requests[4];
    if (weft_comm_rank(comm) == 1) {
        CHECK_OK(weft_irecv(comm, &got[0], 1, WEFT_INT32, 0, 5, NULL, &requests[0]));
        CHECK_OK(weft_irecv(comm, &got[1], 1, WEFT_INT32, WEFT_ANY_SOURCE, WEFT_ANY_TAG, NULL, &requests[1]));
        CHECK_OK(weft_irecv(comm, &got[2], 1, WEFT_INT32, 0, WEFT_ANY_TAG, NULL, &requests[2]));
        CHECK_OK(weft_irecv(comm, &got[3], 1, WEFT_INT32, WEFT_ANY_SOURCE, 5, NULL, &requests[3]));
        CHECK_OK(weft_barrier(comm));
        CHECK_OK(weft_wait_one(&requests[3]));
        CHECK_OK(weft_wait_all(requests, 4));
        CHECK(got[0] == 10 && got[1] == 11 && got[2] == 12 && got[3] == 13, "%d %d %d %d", got[0], got[1], got[2],
              got[3]);
    } else {
        CHECK_OK(weft_barrier(comm));
        for (int i = 0; i < 4; i++)
            CHECK_OK(weft_send(comm, &values[i], 1, WEFT_INT32, 1, 5));
    }
}

static void receives_are_served_in_order(void **unused)
{
    (void)unused;
    test_case("four receives of different width");
    run_ranks(2, NULL, posted, NULL);
}

static void ring_around(weft_comm *comm, void *arg)
{
    size_t count = *(size_t *)arg;
    int rank = weft_comm_rank(comm), n = weft_comm_size(comm);
    int *out = test_alloc(count * sizeof *out), *in = test_alloc(count * sizeof *in);
    for (int i = 0; i < 20; i++) {
        weft_message message;
        for (size_t k = 0; k < count; k++)
            out[k] = rank * 100 + i;
        CHECK_OK(
            weft_sendrecv(comm, out, count, (rank + 1) % n, i, in, count, (rank + n - 1) % n, i, WEFT_INT32, &message));
        CHECK(in[count - 1] == (rank + n - 1) % n * 100 + i, "%d", in[count - 1]);
        CHECK_OK(weft_sendrecv(comm, out, count, rank > 0 ? rank - 1 : WEFT_NO_RANK, 1, in, count,
                               rank + 1 < n ? rank + 1 : WEFT_NO_RANK, 1, WEFT_INT32, &message));
        CHECK(message.source == (rank + 1 < n ? rank + 1 : WEFT_NO_RANK), "from %d", message.source);
    }
    free(out);
    free(in);
}

static void neighbours_exchange(void **unused)
{
    (void)unused;
    static const size_t counts[] = {1, 100, 5000};
    static const int ranks[] = {1, 2, 8, 64};
    for (int i = 0; i < 12; i++) {
        test_case("%zu elements, %d ranks", counts[i % 3], ranks[i / 3]);
        run_ranks(ranks[i / 3], NULL, ring_around, (void *)&counts[i % 3]);
    }
}

static void fails(weft_comm *comm, void *arg)
{
    pthread_barrier_t *met = arg;
    int rank = weft_comm_rank(comm), in[8] = {7, 7, 7, 7, 7, 7, 7, 7}, big[5000] = {0};
    weft_request *request = NULL;
    weft_message message;
    if (rank == 0) {
        CHECK_OK(weft_send(comm, big, 4, WEFT_INT32, 1, 0));
        CHECK_OK(weft_send(comm, big, 5000, WEFT_INT32, 1, 0));
        CHECK_OK(weft_send(comm, big, 2, WEFT_INT32, 1, 1));
        CHECK_OK(weft_send(comm, big, 1, WEFT_INT32, 1, 2));
        CHECK_STATUS(WEFT_ERR_ARGUMENT, weft_send(comm, big, 1, WEFT_INT32, 2, 2));
        CHECK_STATUS(WEFT_ERR_ARGUMENT, weft_send(comm, big, 1, WEFT_INT32, 1, -1));
        CHECK_STATUS(WEFT_ERR_ARGUMENT, weft_send(comm, NULL, 1, WEFT_INT32, 1, 2));
        CHECK_STATUS(WEFT_ERR_ARGUMENT, weft_send(comm, WEFT_IN_PLACE, 1, WEFT_INT32, 1, 2));
        CHECK_OK(weft_comm_set_timeout(comm, 20000000));
        CHECK_STATUS(WEFT_ERR_TIMEOUT, weft_recv(comm, in, 1, WEFT_INT32, 1, 9, NULL));
        CHECK_STATUS(WEFT_ERR_TIMEOUT, weft_send(comm, big, 5000, WEFT_INT32, 1, 9));
        CHECK_OK(weft_comm_set_timeout(comm, 0));
    } else {
        CHECK_STATUS(WEFT_ERR_TRUNCATED, weft_recv(comm, in, 3, WEFT_INT32, 0, 0, NULL));
        CHECK_STATUS(WEFT_ERR_TRUNCATED, weft_recv(comm, in, 3, WEFT_INT32, 0, 0, &message));
        CHECK(in[3] == 7 && message.count == 5000, "%d, %zu", in[3], message.count);
        CHECK_STATUS(WEFT_ERR_MISMATCH, weft_recv(comm, in, 8, WEFT_FLOAT32, 0, 1, NULL));
        CHECK_OK(weft_irecv(comm, in, 1, WEFT_INT32, 0, 7, NULL, &request));
        CHECK_OK(weft_cancel(&request));
        CHECK(request == NULL, "the request is still there");
        CHECK_OK(weft_probe(comm, 0, 2, &message));
        CHECK_OK(weft_irecv(comm, in, 1, WEFT_INT32, 0, 2, NULL, &request));
        CHECK_STATUS(WEFT_PENDING, weft_cancel(&request));
        CHECK_OK(weft_wait_one(&request));
    }
    pthread_barrier_wait(met);
    CHECK_OK(weft_barrier(comm)); /* the communicator goes on */
    if (rank == 1) {              /* what timed out is not received later */
        CHECK_STATUS(WEFT_PENDING, weft_iprobe(comm, 0, 3, &message));
        CHECK_STATUS(WEFT_PENDING, weft_iprobe(comm, 0, 9, &message));
        CHECK_OK(weft_irecv(comm, in, 8, WEFT_INT32, 0, 9, NULL, &request));
        CHECK_STATUS(WEFT_PENDING, weft_test(&request));
        CHECK_OK(weft_cancel(&request));
    }
    weft_comm *other;
    CHECK_OK(weft_comm_dup(comm, &other));
    if (rank == 0)
        CHECK_OK(weft_send(other, big, 1, WEFT_INT32, 1, 0)); /* is received after this rank has left */
    else {
        CHECK_STATUS(WEFT_ERR_RANK_LOST, weft_recv(other, in, 1, WEFT_INT32, 0, 1, NULL));
        CHECK_OK(weft_recv(other, in, 1, WEFT_INT32, 0, 0, NULL));
        CHECK_STATUS(WEFT_ERR_RANK_LOST, weft_recv(other, in, 1, WEFT_INT32, WEFT_ANY_SOURCE, 0, NULL));
        CHECK_STATUS(WEFT_ERR_RANK_LOST, weft_send(other, big, 5000, WEFT_INT32, 0, 0));
    }
    CHECK_OK(weft_comm_destroy(other));
}

static void failures_fail_the_call_alone(void **unused)
{
    (void)unused;
    for (int i = 0; i < 3; i++) {
        pthread_barrier_t met;
        weft_config config = WEFT_CONFIG_INIT;
        config.wait = waits[i];
        test_case("wait %s", wait_name(config.wait));
        pthread_barrier_init(&met, NULL, 2);
        run_ranks(2, &config, fails, &met);
        pthread_barrier_destroy(&met);
    }
}

/* Ends the wait of a receive, and of a send that nobody takes; takes away what is under way. */
static void abort_all(weft_comm *comm, void *arg)
{
    (void)arg;
    static int big[100000];
    int in;
    weft_request *request = NULL;
    switch (weft_comm_rank(comm)) {
    case 0:
        CHECK_STATUS(WEFT_ERR_ABORTED, weft_recv(comm, &in, 1, WEFT_INT32, 1, 0, NULL));
        break;
    case 1:
        CHECK_STATUS(WEFT_ERR_ABORTED, weft_send(comm, big, 100000, WEFT_INT32, 2, 0));
        break;
    case 2:
        CHECK_OK(weft_irecv(comm, &in, 1, WEFT_INT32, 0, 0, NULL, &request));
        sleep_us(20000);
        CHECK_OK(weft_comm_abort(comm, "enough"));
        CHECK_STATUS(WEFT_ERR_ABORTED, weft_wait_one(&request));
        break;
    default:
        CHECK_STATUS(WEFT_ERR_ABORTED, weft_probe(comm, WEFT_ANY_SOURCE, 1, NULL));
    }
}

static void an_abort_ends_all_messages(void **unused)
{
    (void)unused;
    for (int i = 0; i < 3; i++) {
        weft_config config = WEFT_CONFIG_INIT;
        config.wait = waits[i];
        test_case("wait %s", wait_name(config.wait));
        run_ranks(4, &config, abort_all, NULL);
    }
}

/* A handle goes with receives and sends in flight, and messages that nobody has taken. */
static void leave_much(weft_comm *comm, void *arg)
{
    (void)arg;
    static int big[2][5000];
    int rank = weft_comm_rank(comm), in;
    weft_request *requests[8];
    weft_comm *other;
    CHECK_OK(weft_comm_dup(comm, &other));
    for (int i = 0; i < 8; i++)
        if (i % 2)
            CHECK_OK(weft_isend(other, big[rank], 5000, WEFT_INT32, 1 - rank, 0, &requests[i]));
        else
            CHECK_OK(weft_irecv(other, &in, 1, WEFT_INT32, 1 - rank, 1, NULL, &requests[i]));
    CHECK_OK(weft_send(other, big[rank], 10, WEFT_INT32, 1 - rank, 0));
    CHECK_OK(weft_barrier(other));
    CHECK_OK(weft_comm_destroy(other));
    for (int i = 0; i < 8; i++)
        CHECK_STATUS(WEFT_ERR_RANK_LOST, weft_wait_one(&requests[i]));
}

static void handles_go_with_messages_under_way(void **unused)
{
    (void)unused;
    for (int i = 0; i < 10; i++) {
        test_case("receives and sends that nobody meets");
        run_ranks(2, NULL, leave_much, NULL);
    }
}

/* When all others have left, what they have sent is still received, and what this rank has sent itself; then nothing can come. */
static void stay_behind(weft_comm *comm, void *arg)
{
    (void)arg;
    int rank = weft_comm_rank(comm), data = rank;
    weft_request *request = NULL, *sending = NULL;
    weft_message message;
    weft_comm *other;
    CHECK_OK(weft_comm_dup(comm, &other));
    if (rank > 0)
        CHECK_OK(weft_send(other, &data, 1, WEFT_INT32, 0, rank));
    else
        CHECK_OK(weft_isend(other, &data, 1, WEFT_INT32, 0, 7, &sending));
    if (rank > 0)
        CHECK_OK(weft_comm_destroy(other));
    CHECK_OK(weft_barrier(comm)); /* all but rank 0 have left the other one */
    if (rank > 0)
        return;
    for (int i = 0; i < weft_comm_size(comm); i++) {
        CHECK_OK(weft_iprobe(other, WEFT_ANY_SOURCE, WEFT_ANY_TAG, &message));
        CHECK_OK(weft_recv(other, &data, 1, WEFT_INT32, WEFT_ANY_SOURCE, message.tag, NULL));
        CHECK(data == message.source, "%d from rank %d", data, message.source);
    }
    CHECK_OK(weft_wait_one(&sending));
    CHECK_STATUS(WEFT_ERR_RANK_LOST, weft_iprobe(other, WEFT_ANY_SOURCE, WEFT_ANY_TAG, &message));
    CHECK_STATUS(WEFT_ERR_RANK_LOST, weft_probe(other, WEFT_ANY_SOURCE, 3, &message));
    CHECK_OK(weft_irecv(other, &data, 1, WEFT_INT32, WEFT_ANY_SOURCE, 3, NULL, &request));
    CHECK_STATUS(WEFT_ERR_RANK_LOST, weft_wait_one(&request));
    CHECK_STATUS(WEFT_PENDING, weft_iprobe(other, 0, 3, &message)); /* this rank is still there */
    CHECK_OK(weft_send(other, &data, 1, WEFT_INT32, 0, 3));
    CHECK_OK(weft_recv(other, &data, 1, WEFT_INT32, WEFT_ANY_SOURCE, 3, NULL));
    CHECK_OK(weft_comm_destroy(other));
}

static void any_source_is_lost_when_all_others_have_left(void **unused)
{
    (void)unused;
    for (int n = 2; n < 6; n++) {
        test_case("%d ranks", n);
        run_ranks(n, NULL, stay_behind, NULL);
    }
}

/* A rank makes its rings with its first message, while the receiver looks for it all the time. */
static void first_messages(weft_comm *comm, void *arg)
{
    (void)arg;
    int rank = weft_comm_rank(comm), data = rank;
    for (int i = 0; i < scaled(1000); i++) {
        weft_comm *other;
        weft_message message;
        weft_status status = WEFT_PENDING;
        CHECK_OK(weft_comm_dup(comm, &other));
        if (rank == 0)
            CHECK_OK(weft_send(other, &data, 1, WEFT_INT32, 1, 0));
        while (rank == 1 && status == WEFT_PENDING)
            status = weft_iprobe(other, 0, 0, &message);
        if (rank == 1) {
            CHECK_OK(status);
            CHECK_OK(weft_recv(other, &data, 1, WEFT_INT32, 0, 0, NULL));
        }
        CHECK_OK(weft_comm_destroy(other));
    }
}

static void a_first_message_may_come_while_it_is_looked_for(void **unused)
{
    (void)unused;
    test_case("first messages");
    run_ranks(2, NULL, first_messages, NULL);
}

/* ---- Objects */

static weft_status copy_string(const weft_type *type, const void *source, void *target, size_t count)
{
    (void)type;
    for (size_t i = 0; i < count; i++) {
        free(((char **)target)[i]);
        ((char **)target)[i] = strdup(((char *const *)source)[i]);
    }
    return count == 3 ? WEFT_ERR_CALLBACK : WEFT_OK;
}

static const weft_type string_type = {.name = "string", .size = sizeof(char *), .copy = copy_string};

static void send_objects(weft_comm *comm, void *arg)
{
    (void)arg;
    char *strings[4];
    for (int i = 0; i < 4; i++)
        strings[i] = strdup(weft_comm_rank(comm) ? "nothing" : "something");
    if (weft_comm_rank(comm) == 0) {
        CHECK_OK(weft_send(comm, strings, 4, &string_type, 1, 0));
        CHECK_STATUS(WEFT_ERR_CALLBACK, weft_send(comm, strings, 3, &string_type, 1, 0));
    } else {
        CHECK_OK(weft_recv(comm, strings, 4, &string_type, 0, 0, NULL));
        CHECK(strcmp(strings[3], "something") == 0, "%s", strings[3]);
        CHECK_STATUS(WEFT_ERR_CALLBACK, weft_recv(comm, strings, 4, &string_type, 0, 0, NULL));
    }
    CHECK_OK(weft_barrier(comm));
    for (int i = 0; i < 4; i++)
        free(strings[i]);
}

static void objects_are_copied_by_their_function(void **unused)
{
    (void)unused;
    test_case("strings");
    run_ranks(2, NULL, send_objects, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(all_sizes_come_whole),
        TEST(messages_do_not_overtake_one_another),
        TEST(receives_are_served_in_order),
        TEST(neighbours_exchange),
        TEST(failures_fail_the_call_alone),
        TEST(an_abort_ends_all_messages),
        TEST(handles_go_with_messages_under_way),
        TEST(any_source_is_lost_when_all_others_have_left),
        TEST(a_first_message_may_come_while_it_is_looked_for),
        TEST(objects_are_copied_by_their_function),
    };
    return RUN_TESTS("messages", tests);
}

// SPDX-License-Identifier: MIT
/* session.c - the ranks of a session, each on a thread of the runtime's, and what may come of their calls.
 *
 * While nothing goes wrong each call must give what the oracle says. Otherwise it may also fail with the one status that goes with the fault;
 * whoever has seen that gets it from each later call, and buffers of failed calls are watched to the end: nobody may write there any
 * more. Who needs what never comes must not wait for ever: the scheduler finds that. */
#include "session.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/world.h"

enum { GONE = 0x5a };

const char *const session_fault_names[SESSION_FAULTS] = {"well", "abort", "leaves", "ends", "late"};
const weft_status session_causes[SESSION_FAULTS] = {WEFT_OK, WEFT_ERR_ABORTED, WEFT_ERR_RANK_LOST, WEFT_ERR_RANK_LOST,
                                                    WEFT_ERR_TIMEOUT};

bool test_check(const char *file, int line, bool held, const char *condition, const char *format, ...)
{
    char text[400];
    va_list arguments;
    if (held)
        return true;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    model_check(false, condition, file, line, "%s", text);
    return false;
}

bool test_check_status(const char *file, int line, weft_status expected, weft_status found, const char *call)
{
    model_check_status(expected, found, call, file, line);
    return true;
}

void *test_alloc(size_t bytes)
{
    return calloc(1, bytes > 0 ? bytes : 1);
}

/* Sessions begin in cases.c only for tests on real threads. */
void run_ranks(int n_ranks, const weft_config *config, rank_body body, void *arg)
{
    (void)n_ranks, (void)config, (void)body, (void)arg;
    abort();
}

static struct session *session(void)
{
    return (struct session *)(uintptr_t)model->harness;
}

/* ---- One rank */

bool session_breathe(void)
{
    if (!model_choosing_all())
        model_point(NULL);
    return true;
}

/* The flight has ended so. */
static void judge(struct rank *rank, struct flight *flight, weft_status status, bool began_failed)
{
    weft_status cause = session_causes[rank->session->fault];
    char text[200];
    if (status == WEFT_OK && !began_failed) {
        flight_check(flight, rank->index);
        flight_free(flight);
        return;
    }
    CHECK(status == cause && cause != WEFT_OK, "%s: rank %d: %s (%s) in a session that goes %s%s",
          item_describe(flight->item, text, sizeof text), rank->index, weft_status_name(status), weft_last_error(),
          session_fault_names[rank->session->fault], began_failed ? ", begun after a failure" : "");
    rank->failed = status;
    rank->session->failed++;
    memset(flight->recv.base, GONE, (size_t)(flight->recv.data - flight->recv.base) + flight->recv.bytes);
    rank->dead[rank->n_dead++] = *flight;
}

static void watch_dead(const struct rank *rank)
{
    for (size_t i = 0; i < rank->n_dead; i++) {
        const struct flight *flight = &rank->dead[i];
        for (const unsigned char *p = flight->recv.base; p < flight->recv.data + flight->recv.bytes; p++)
            CHECK(*p == GONE, "%s: rank %d: somebody writes to a buffer after the call has failed",
                  flight->item->call.collective->name, rank->index);
    }
}

static void land(struct rank *rank, size_t which, uint64_t looks)
{
    struct flight flight = rank->flights[which];
    weft_status status = WEFT_PENDING;
    for (; looks > 0 && status == WEFT_PENDING; looks--) {
        status = weft_test(&flight.request);
        session_breathe();
    }
    if (status == WEFT_PENDING)
        status = weft_wait_one(&flight.request);
    CHECK(flight.request == NULL, "rank %d: a request is left after %s", rank->index, weft_status_name(status));
    rank->flights[which] = rank->flights[--rank->flying];
    judge(rank, &flight, status, false);
}

static void take_off(struct rank *rank, const struct item *item)
{
    struct flight flight;
    bool failed = rank->failed != WEFT_OK;
    weft_status status = flight_begin(&flight, item, rank->comm);
    if (status == WEFT_OK && flight.request != NULL) {
        /* One that is started on a failed communicator may tell when it is waited for. */
        rank->flights[rank->flying++] = flight;
        return;
    }
    judge(rank, &flight, status, failed);
}

static bool is_victim(const struct rank *rank, size_t at)
{
    const struct session *in = rank->session;
    return rank->index == in->victim && in->when <= at && !rank->suffered && in->fault >= SESSION_LEAVES;
}

static void destroy(weft_comm **comm)
{
    weft_comm *destroyed = *comm;
    *comm = NULL;
    if (destroyed != NULL)
        CHECK_OK(weft_comm_destroy(destroyed));
}

static void leave(struct rank *rank)
{
    destroy(&rank->session->comms[rank->index]);
    destroy(&rank->session->other_comms[rank->index]);
}

/* The victim's moment has come. True: it makes no more calls. */
static bool suffer(struct rank *rank)
{
    rank->suffered = true;
    if (rank->session->fault == SESSION_LATE) {
        model_block("being late", &rank->thread, model->now_ns + rank->session->late_ns);
        return false;
    }
    if (rank->session->fault == SESSION_LEAVES)
        leave(rank);
    return true;
}

bool session_suffers(struct rank *rank, size_t at)
{
    return is_victim(rank, at) && suffer(rank);
}

/* A new communicator of those who live, and a call on it. */
static void shrink(struct rank *rank)
{
    weft_comm *comm = NULL;
    int64_t one = 1, sum = 0, living = rank->session->n_ranks - (rank->session->fault >= SESSION_LEAVES);
    CHECK_OK(weft_comm_shrink(rank->comm, &comm));
    CHECK(weft_comm_size(comm) == living, "%d ranks live", weft_comm_size(comm));
    CHECK_OK(weft_allreduce(comm, &one, &sum, 1, WEFT_INT64, WEFT_SUM));
    CHECK(sum == living, "the sum is %d", (int)sum);
    weft_comm_destroy(comm);
}

/* A rank's part of a session of calls. False: it has left meanwhile. */
static bool calls_run(struct rank *rank)
{
    struct session *in = rank->session;
    uint64_t state = in->seed + (uint64_t)rank->index;
    rank->dead = test_alloc(in->n_items * sizeof *rank->dead);
    for (size_t i = 0; session_breathe() && (i < in->n_items || rank->flying > 0);) {
        if ((rank->flying == 0 || random_below(&state, 2) == 0) && session_suffers(rank, i))
            return false;
        if (rank->flying == SESSION_FLIGHTS || i == in->n_items || (rank->flying > 0 && random_below(&state, 3) == 0))
            land(rank, random_below(&state, rank->flying), random_below(&state, 4));
        else
            take_off(rank, &in->items[i++]);
    }
    return !session_suffers(rank, in->n_items);
}

static void *run_rank(void *rank_)
{
    struct rank *rank = rank_;
    struct session *in = rank->session;
    if (in->fault == SESSION_ENDS && rank->index == in->victim) {
        CHECK_OK(weft_comm_bind_thread(rank->comm));
        if (in->others)
            CHECK_OK(weft_comm_bind_thread(rank->other));
    }
    bool stays = in->n_letters > 0 ? letters_run(rank) : calls_run(rank);
    if (stays && in->shrinks)
        shrink(rank);
    return NULL;
}

/* ---- All of them */

static void make_comms(const struct session *in, const weft_config *config, weft_comm **comms)
{
    CHECK_OK(weft_comm_create_all(in->n_ranks, config, comms));
    for (int r = 0; r < in->n_ranks; r++)
        if (comms[r]->polls > 1)
            comms[r]->polls = 1; /* nothing comes while it polls */
}

static void start_ranks(struct session *in)
{
    weft_config config = WEFT_CONFIG_INIT;
    config.wait = in->wait;
    config.timeout_ns = in->timeout_ns;
    config.algorithms = in->algorithms[0] != 0 ? in->algorithms : NULL;
    make_comms(in, &config, in->comms);
    if (in->others)
        make_comms(in, &config, in->other_comms);
    for (int r = 0; r < in->n_ranks; r++) {
        struct rank *rank = &in->ranks[r];
        *rank = (struct rank){.session = in, .comm = in->comms[r], .other = in->other_comms[r], .index = r};
    }
    for (int r = 0; r < in->n_ranks; r++)
        in->ranks[r].thread = model_thread_create(run_rank, &in->ranks[r]);
}

static void end_rank(struct rank *rank)
{
    leave(rank);
    while (rank->flying > 0)
        land(rank, rank->flying - 1, 0);
    watch_dead(rank);
    while (rank->n_dead > 0)
        flight_free(&rank->dead[--rank->n_dead]);
    free(rank->dead);
    rank->dead = NULL;
    letters_end(rank);
}

void session_run(void)
{
    struct session *in = session();
    in->failed = 0;
    in->comms = test_alloc((size_t)in->n_ranks * sizeof(weft_comm *));
    in->other_comms = test_alloc((size_t)in->n_ranks * sizeof(weft_comm *));
    in->ranks = test_alloc((size_t)in->n_ranks * sizeof *in->ranks);
    model_quiet(true);
    start_ranks(in);
    model_quiet(false);
    if (in->fault == SESSION_ABORT) {
        for (size_t turn = 0; turn < in->when; turn++)
            model_give_way();
        model_point(NULL);
        CHECK_OK(weft_comm_abort(in->comms[in->victim], "as the session says"));
    }
    for (int r = 0; r < in->n_ranks; r++)
        model_thread_join(in->ranks[r].thread, NULL);
    model_quiet(true);
    for (int r = 0; r < in->n_ranks; r++)
        end_rank(&in->ranks[r]);
    letters_check(in);
    free(in->comms);
    free(in->other_comms);
    free(in->ranks);
}

void session_free(struct session *in)
{
    for (size_t i = 0; i < in->n_items; i++)
        item_free(&in->items[i]);
    free(in->items);
    letters_free(in);
}

// SPDX-License-Identifier: MIT
/* report.c - tells who is where, from what each rank says of itself: its records, and what it notes when a wait becomes long.
 *
 * All of it is read while its writers go on. A rank that moves meanwhile may be shown with one foot in two calls; one that hangs, which is
 * what reports are for, is shown as it is. */
#include "core/report.h"

#include "core/departure.h"
#include "core/failure.h"
#include "core/observe.h"
#include "core/record.h"
#include "core/text.h"
#include "core/worlds.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

/* ---- What a rank notes */

void weft_report_thread(const weft_comm *comm)
{
    /* W1, relaxed: each tells something for itself. */
    atomic_store_explicit(&comm->slot->processor, weft_processor(), memory_order_relaxed);
    atomic_store_explicit(&comm->slot->thread, weft_thread_id(), memory_order_relaxed);
}

void weft_report_waits(const weft_comm *comm, const char *call, int target, int tag, int64_t since_ns)
{
    struct weft_slot *slot = comm->slot;
    weft_report_thread(comm);
    /* W1, relaxed: published by W2. */
    atomic_store_explicit(&slot->waits_in, call, memory_order_relaxed);
    atomic_store_explicit(&slot->waits_for, target, memory_order_relaxed);
    atomic_store_explicit(&slot->waits_tag, tag, memory_order_relaxed);
    /* W2, release: who sees that the rank waits (W3) sees for what. */
    atomic_store_explicit(&slot->waits_since_ns, since_ns, memory_order_release);
}

void weft_report_goes_on(const weft_comm *comm)
{
    /* W2, relaxed: the end of the wait says nothing else. */
    atomic_store_explicit(&comm->slot->waits_since_ns, 0, memory_order_relaxed);
}

/* ---- Writing */

static void flush(struct weft_report *report)
{
    if (!report->failed && report->used > 0)
        report->failed = !report->write(report->to, report->piece, report->used);
    report->used = 0;
}

/* One piece is less than half of the buffer. */
__attribute__((format(printf, 2, 3))) static void say(struct weft_report *report, const char *format, ...)
{
    va_list arguments;
    if (report->used > sizeof report->piece / 2)
        flush(report);
    va_start(arguments, format);
    report->used +=
        weft_text_format(report->piece + report->used, sizeof report->piece - report->used, format, arguments);
    va_end(arguments);
}

static void say_long(struct weft_report *report, const char *text)
{
    size_t length = strlen(text);
    flush(report);
    if (!report->failed && length > 0)
        report->failed = !report->write(report->to, text, length);
}

static void say_duration(struct weft_report *report, int64_t ns)
{
    char text[WEFT_DURATION_TEXT];
    weft_text_duration(ns, text);
    say(report, " for at least %s", text);
}

/* ---- One rank */

/* What it says of itself. */
struct state {
    uint64_t number; /* of the call that it is in or was in last; 0: none */
    bool in_call;
    enum weft_departure left;
    int64_t since_ns; /* 0: it does not wait, or not for long */
    const char *message;
    int target, tag, processor, thread;
};

static struct state state_of(const struct weft_world *world, int rank)
{
    const struct weft_slot *slot = &world->slots[rank];
    struct state state;
    /* W3, acquire: pairs with W2. */
    state.since_ns = atomic_load_explicit(&slot->waits_since_ns, memory_order_acquire);
    /* W1, relaxed: see above. */
    state.message = atomic_load_explicit(&slot->waits_in, memory_order_relaxed);
    state.target = atomic_load_explicit(&slot->waits_for, memory_order_relaxed);
    state.tag = atomic_load_explicit(&slot->waits_tag, memory_order_relaxed);
    /* W1, relaxed: see above. */
    state.processor = atomic_load_explicit(&slot->processor, memory_order_relaxed);
    state.thread = atomic_load_explicit(&slot->thread, memory_order_relaxed);
    /* D2, acquire: pairs with D1. */
    state.left = (enum weft_departure)atomic_load_explicit(&slot->left, memory_order_acquire);
    /* R7, relaxed: the record says itself whether it is of this call (R4). */
    uint64_t calls = atomic_load_explicit(&slot->calls, memory_order_relaxed);
    state.number = weft_calls_begun(calls);
    state.in_call = calls & 1;
    return state;
}

static bool waits_for(const struct weft_world *world, const struct state *state, int rank)
{
    if (state->since_ns == 0 || state->left != WEFT_STAYED)
        return false;
    if (state->target != world->n_ranks || state->message != NULL)
        return state->target == rank;
    return state_of(world, rank).number < state->number;
}

/* "rank 3", "ranks 1-2, 5": those that it waits for; or, `by`, those that wait for it. Returns how many. */
static int say_ranks(struct weft_report *report, const struct weft_world *world, int rank, bool by)
{
    int count = 0, listed = 0, first = -1;
    for (int pass = 0; pass < 2; pass++)
        for (int other = 0; other <= world->n_ranks && (pass == 0 || count > 0); other++) {
            int waiting = by ? other : rank, awaited = by ? rank : other;
            struct state state;
            bool set = other < world->n_ranks && (state = state_of(world, waiting), waits_for(world, &state, awaited));
            count += pass == 0 && set;
            if (pass == 1 && set && first < 0) {
                first = other;
                say(report, "%s%d", listed++ > 0 ? ", " : count > 1 ? "ranks " : "rank ", first);
            } else if (pass == 1 && !set && first >= 0) {
                if (other - 1 > first)
                    say(report, "-%d", other - 1);
                first = -1;
            }
        }
    return count;
}

static void say_wait(struct weft_report *report, const struct weft_world *world, int rank, const struct state *state,
                     int64_t now_ns)
{
    say(report, ", waiting for ");
    if (state->message != NULL && state->target > world->n_ranks)
        say(report, "any rank");
    else if (say_ranks(report, world, rank, false) == 0)
        say(report, state->target == world->n_ranks ? "ranks that have come and have not done their part" : "itself");
    if (state->message != NULL && state->tag >= 0)
        say(report, " with tag %d", state->tag);
    say_duration(report, now_ns - state->since_ns);
}

static void say_call(struct weft_report *report, const struct weft_world *world, int rank, uint64_t number)
{
    char call[WEFT_CALL_TEXT];
    say(report, "call %llu", (unsigned long long)number);
    if (weft_record_read(&world->slots[rank], number, false, call, NULL))
        say(report, ", %s", call);
}

static void say_place(struct weft_report *report, const struct weft_world *world, int rank, const struct state *state,
                      int64_t now_ns)
{
    static const char *const departures[] = {[WEFT_DESTROYED] = "has destroyed its handle; ",
                                             [WEFT_RETURNED] = "has returned from its body; ",
                                             [WEFT_THREAD_ENDED] = "its thread has ended; "};
    bool waits = state->since_ns != 0 && state->left == WEFT_STAYED;
    if (state->left != WEFT_STAYED)
        say(report, "%s", departures[state->left]);
    if (waits && state->message != NULL) {
        say(report, "in %s", state->message);
        say_wait(report, world, rank, state, now_ns);
        say(report, "; ");
    }
    if (state->number == 0) {
        say(report, "no collective yet");
        return;
    }
    say(report, state->in_call ? "in " : "last finished ");
    say_call(report, world, rank, state->number);
    if (state->in_call && waits && state->message == NULL)
        say_wait(report, world, rank, state, now_ns);
}

/* For how long the first of those that wait for it has waited; 0: nobody does, or not for long. */
static int64_t awaited_ns(const struct weft_world *world, int rank, int64_t now_ns)
{
    int64_t longest = 0;
    for (int other = 0; other < world->n_ranks; other++) {
        struct state state = state_of(world, other);
        if (other != rank && waits_for(world, &state, rank) && now_ns - state.since_ns > longest)
            longest = now_ns - state.since_ns;
    }
    return longest;
}

static void say_thread(struct weft_report *report, const struct state *state)
{
    int processor = state->processor;
    char running = 0;
    if (state->thread == 0 || state->left != WEFT_STAYED)
        return;
    bool found = weft_thread_look(state->thread, &processor, &running);
    say(report, "; thread %d", state->thread);
    if (processor >= 0)
        say(report, " on processor %d", processor);
    say(report, !found ? ", which has ended" : running == 'R' ? ", running" : ", asleep");
}

static void say_rank(struct weft_report *report, const struct weft_world *world, int rank, int64_t now_ns)
{
    struct state state = state_of(world, rank);
    say(report, "  rank %d: ", rank);
    say_place(report, world, rank, &state, now_ns);
    int64_t awaited = awaited_ns(world, rank, now_ns);
    if (awaited > 0) {
        say(report, "; awaited by ");
        say_ranks(report, world, rank, true);
        say_duration(report, awaited);
    }
    say_thread(report, &state);
    say(report, "\n");
}

/* ---- One communicator, and all */

void weft_report_world(struct weft_report *report, const struct weft_world *world)
{
    weft_status status = weft_world_status(world);
    int64_t now_ns = weft_now_ns();
    say(report, "weft: communicator %llu, \"%s\", of %d ranks", (unsigned long long)world->serial, world->name,
        world->n_ranks);
    if (world->parent != NULL)
        say(report, ", made from %llu", (unsigned long long)world->parent->serial);
    if (status != WEFT_OK) {
        weft_observe_acquire(&world->cause.status);
        say(report, ", failed with %s: ", weft_status_name(status));
        say_long(report, world->cause.text);
    }
    say(report, "\n");
    for (int rank = 0; rank < world->n_ranks; rank++)
        say_rank(report, world, rank, now_ns);
    flush(report);
}

static void visit(struct weft_world *world, void *report)
{
    weft_report_world(report, world);
}

void weft_report_process(struct weft_report *report)
{
    say(report, "weft: process %llu\n", (unsigned long long)weft_process_id());
    weft_worlds_visit(visit, report);
    flush(report);
}

/* ---- On a signal */

static char report_path[4096]; /* of WEFT_REPORT; "": the error output */
static pthread_once_t path_once = PTHREAD_ONCE_INIT, setup_once = PTHREAD_ONCE_INIT;
static _Atomic uint32_t reporting;

static bool write_file(void *file, const char *text, size_t bytes)
{
    return weft_file_write(*(int *)file, text, bytes);
}

static void report_signal(int signo)
{
    int error = errno, file = 2;
    (void)signo;
    /* W4, relaxed: only keeps two reports out of each other's lines. */
    if (atomic_exchange_explicit(&reporting, 1, memory_order_relaxed) == 0) {
        if (report_path[0] != 0)
            file = weft_file_append(report_path);
        if (file >= 0) {
            struct weft_report report = {.write = write_file, .to = &file};
            weft_report_process(&report);
        }
        if (file > 2)
            weft_file_close(file);
        /* W4, relaxed: as above. */
        atomic_store_explicit(&reporting, 0, memory_order_relaxed);
    }
    errno = error;
}

static void read_path(void)
{
    const char *path = getenv("WEFT_REPORT");
    if (path != NULL && strlen(path) < sizeof report_path)
        memcpy(report_path, path, strlen(path) + 1);
}

static void setup(void)
{
    pthread_once(&path_once, read_path);
    if (report_path[0] != 0)
        weft_signal_handle(SIGUSR1, report_signal, true);
}

void weft_report_setup(void)
{
    pthread_once(&setup_once, setup);
}

weft_status weft_report_on_signal(int signo)
{
    pthread_once(&path_once, read_path);
    if (!weft_signal_handle(signo, report_signal, false))
        return weft_error(WEFT_ERR_ARGUMENT, "weft_report_on_signal", NULL, "signal %d has no handler: %s", signo,
                          strerror(errno));
    return WEFT_OK;
}

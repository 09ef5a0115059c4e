// SPDX-License-Identifier: MIT
/* trace_write.c - writes traces as Chrome trace JSON: each communicator a process, each rank a thread of it.
 *
 * Events are read while their writers go on, and dropped where they change meanwhile. The file is an array of events; its end is written
 * last, and viewers do without it. Clock readings become times by the two clocks' course from the beginning of the trace until they are
 * written. After: "Trace Event Format" (Google, 2016). */
#include "core/failure.h"
#include "core/record.h"
#include "core/stall.h"
#include "core/trace.h"
#include "core/worlds.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t setup_once = PTHREAD_ONCE_INIT;
static struct {
    FILE *file;       /* NULL: no trace is kept */
    uint64_t process; /* that keeps it, and not its children */
    bool any;         /* event is written */
    uint64_t begin_ticks;
    int64_t begin_ns;
    double ns_per_tick; /* as of the last look */
    uint64_t arrows;
} trace; /* under the lock */

/* An event, read. */
struct event {
    uint64_t number;
    struct weft_trace_told told;
};

/* ---- Reading */

static bool read_event(const struct weft_trace *of, uint64_t number, struct event *event)
{
    const struct weft_trace_event *from = &of->events[number & (WEFT_TRACE_EVENTS - 1)];
    /* T4, acquire: pairs with T3. */
    if (atomic_load_explicit(&from->number, memory_order_acquire) != number)
        return false;
    uint64_t words[WEFT_TRACE_WORDS];
    for (size_t i = 0; i < WEFT_TRACE_WORDS; i++)
        /* T5, acquire: keeps the second look at the number behind these. */
        words[i] = atomic_load_explicit(&from->words[i], memory_order_acquire);
    event->number = number;
    memcpy(&event->told, words, sizeof words);
    /* T4, relaxed: the loads above are acquires, so this one comes after them. */
    return atomic_load_explicit(&from->number, memory_order_relaxed) == number &&
           event->told.arrival >= trace.begin_ticks;
}

static bool nonblocking(const struct event *event)
{
    return (event->told.what & 0x80) != 0;
}

/* The calls begun by any rank. */
static uint64_t last_call(const struct weft_world *world)
{
    uint64_t last = 0;
    for (int rank = 0; rank < world->n_ranks; rank++) {
        /* R7, relaxed: an event says itself of which call it is (T4). */
        uint64_t calls = atomic_load_explicit(&world->slots[rank].calls, memory_order_relaxed);
        if (weft_calls_begun(calls) > last)
            last = weft_calls_begun(calls);
    }
    return last;
}

/* ---- Writing; under the lock */

static void begin_event(void)
{
    fputs(trace.any ? ",\n" : "\n", trace.file);
    trace.any = true;
}

static void put_string(const char *text)
{
    fputc('"', trace.file);
    for (; *text != 0; text++)
        if (*text == '"' || *text == '\\')
            fprintf(trace.file, "\\%c", *text);
        else if ((unsigned char)*text < 0x20)
            fprintf(trace.file, "\\u%04x", *text);
        else
            fputc(*text, trace.file);
    fputc('"', trace.file);
}

/* In microseconds, as the format has it; not by %f, whose comma depends on the locale. */
static void put_time(const char *name, double ns)
{
    uint64_t whole = ns > 0 ? (uint64_t)ns : 0;
    fprintf(trace.file, ",\"%s\":%llu.%03llu", name, (unsigned long long)(whole / 1000),
            (unsigned long long)(whole % 1000));
}

static double ns_of(uint64_t ticks)
{
    return (double)(ticks - trace.begin_ticks) * trace.ns_per_tick;
}

static void look_at_clocks(void)
{
    uint64_t ticks = weft_cycles() - trace.begin_ticks;
    int64_t ns = weft_now_ns() - trace.begin_ns;
    trace.ns_per_tick = ticks > 0 ? (double)ns / (double)ticks : 0;
}

static void put_head(char phase, const struct weft_world *world, int rank)
{
    fprintf(trace.file, ",\"ph\":\"%c\",\"pid\":%llu,\"tid\":%d", phase, (unsigned long long)world->serial, rank);
}

static void put_names(const struct weft_world *world, uint64_t first)
{
    char label[96];
    begin_event();
    fputs("{\"name\":\"process_name\"", trace.file);
    put_head('M', world, 0);
    fputs(",\"args\":{\"name\":", trace.file);
    put_string(world->name);
    fputs("}}", trace.file);
    for (int rank = 0; rank < world->n_ranks; rank++) {
        begin_event();
        fputs("{\"name\":\"thread_name\"", trace.file);
        put_head('M', world, rank);
        fprintf(trace.file, ",\"args\":{\"name\":\"rank %d\"}}", rank);
    }
    snprintf(label, sizeof label, "%d ranks", world->n_ranks);
    if (first > 1)
        snprintf(label, sizeof label, "%d ranks, from call %llu on", world->n_ranks, (unsigned long long)first);
    begin_event();
    fputs("{\"name\":\"process_labels\"", trace.file);
    put_head('M', world, 0);
    fprintf(trace.file, ",\"args\":{\"labels\":\"%s\"}}", label);
}

static void put_args(const struct event *event, int last)
{
    char call[WEFT_CALL_TEXT];
    const uint64_t names[4] = {event->told.names[0], 0, event->told.names[1], 0};
    weft_text_record(event->told.what, event->told.count, names, call);
    fprintf(trace.file, ",\"args\":{\"number\":%llu,\"call\":", (unsigned long long)event->number);
    put_string(call);
    put_time("waited_us", (double)event->told.waited * trace.ns_per_tick);
    fprintf(trace.file, ",\"last\":%d}}", last);
}

static void put_event(const struct weft_world *world, int rank, const struct event *event, int last)
{
    const char *name = weft_text_collective((enum weft_collective)(event->told.what & 0x7f));
    if (nonblocking(event)) { /* several may be in flight: their times overlap */
        for (int end = 0; end < 2; end++) {
            begin_event();
            fprintf(trace.file, "{\"name\":\"i%s\",\"cat\":\"nonblocking\",\"id\":\"%llu.%d.%llu\"", name,
                    (unsigned long long)world->serial, rank, (unsigned long long)event->number);
            put_head(end ? 'e' : 'b', world, rank);
            put_time("ts", ns_of(end ? event->told.departure : event->told.arrival));
            put_args(event, last);
        }
        return;
    }
    begin_event();
    fprintf(trace.file, "{\"name\":\"%s\",\"cat\":\"blocking\"", name);
    put_head('X', world, rank);
    put_time("ts", ns_of(event->told.arrival));
    put_time("dur", ns_of(event->told.departure) - ns_of(event->told.arrival));
    put_args(event, last);
}

/* From the last to come, where it came, to the end of who waited for it. */
static void put_arrow(const struct weft_world *world, int last, double from_ns, int rank, double to_ns)
{
    for (int end = 0; end < 2; end++) {
        begin_event();
        fprintf(trace.file, "{\"name\":\"waited for\",\"cat\":\"arrow\",\"id\":%llu%s",
                (unsigned long long)trace.arrows, end ? ",\"bp\":\"e\"" : "");
        put_head(end ? 'f' : 's', world, end ? rank : last);
        put_time("ts", end ? to_ns : from_ns);
        fputc('}', trace.file);
    }
    trace.arrows++;
}

static void put_call(const struct weft_world *world, uint64_t number)
{
    enum { SHORT_NS = 1000 }; /* a wait that nobody would look for */
    struct event event, latest = {.number = 0};
    int last = -1;
    for (int rank = 0; rank < world->n_ranks; rank++)
        if (read_event(&world->traces[rank], number, &event) && event.told.arrival >= latest.told.arrival) {
            latest = event;
            last = rank;
        }
    for (int rank = 0; rank < world->n_ranks; rank++) {
        if (!read_event(&world->traces[rank], number, &event))
            continue;
        put_event(world, rank, &event, last);
        double waited_ns = (double)event.told.waited * trace.ns_per_tick;
        if (rank != last && !nonblocking(&event) && waited_ns >= SHORT_NS && event.told.arrival < latest.told.arrival &&
            event.told.departure >= latest.told.arrival)
            put_arrow(world, last, ns_of(latest.told.arrival), rank, ns_of(event.told.departure) - 1);
    }
}

static void write_world(const struct weft_world *world)
{
    uint64_t last = last_call(world), first = last >= WEFT_TRACE_EVENTS ? last - WEFT_TRACE_EVENTS + 1 : 1;
    if (last == 0)
        return;
    look_at_clocks();
    put_names(world, first);
    for (uint64_t number = first; number <= last; number++)
        put_call(world, number);
    fflush(trace.file); /* nothing is left in memory that a child of fork would write again */
}

static void visit(struct weft_world *world, void *unused)
{
    (void)unused;
    if (world->traces != NULL)
        write_world(world);
}

/* ---- Beginning and end */

static bool kept(void)
{
    return trace.file != NULL && trace.process == weft_process_id();
}

static weft_status start(const char *path)
{
    if (kept())
        return WEFT_ERR_ARGUMENT;
    FILE *file = fopen(path, "we");
    if (file == NULL)
        return WEFT_ERR_SYSTEM;
    trace.file = file;
    trace.process = weft_process_id();
    trace.any = false;
    trace.begin_ns = weft_now_ns();
    trace.begin_ticks = weft_cycles();
    fputc('[', file);
    fflush(file);
    return WEFT_OK;
}

static bool stop(void)
{
    weft_worlds_visit(visit, NULL);
    fputs("\n]\n", trace.file);
    bool failed = ferror(trace.file) != 0;
    failed = fclose(trace.file) != 0 || failed;
    trace.file = NULL;
    return !failed;
}

weft_status weft_trace_start(const char *path)
{
    const char *call = "weft_trace_start";
    if (path == NULL)
        return weft_error(WEFT_ERR_ARGUMENT, call, NULL, "path is NULL");
    pthread_mutex_lock(&lock);
    weft_status status = start(path);
    int error = errno;
    pthread_mutex_unlock(&lock);
    if (status == WEFT_ERR_ARGUMENT)
        return weft_error(status, call, NULL, "a trace is being kept already: weft_trace_stop ends it");
    if (status != WEFT_OK)
        return weft_error(status, call, NULL, "%s cannot be written: %s", path, strerror(error));
    return WEFT_OK;
}

weft_status weft_trace_stop(void)
{
    pthread_mutex_lock(&lock);
    bool any = kept(), written = !any || stop();
    pthread_mutex_unlock(&lock);
    if (!any)
        return weft_error(WEFT_ERR_ARGUMENT, "weft_trace_stop", NULL, "no trace is being kept");
    return written ? WEFT_OK
                   : weft_error(WEFT_ERR_SYSTEM, "weft_trace_stop", NULL, "the trace could not be written whole");
}

static void setup(void)
{
    const char *path = getenv("WEFT_TRACE");
    char text[4200];
    if (path == NULL || path[0] == 0)
        return;
    pthread_mutex_lock(&lock);
    weft_status status = kept() ? WEFT_OK : start(path);
    int error = errno;
    pthread_mutex_unlock(&lock);
    if (status == WEFT_OK)
        return;
    snprintf(text, sizeof text, "weft: WEFT_TRACE: %s cannot be written: %s\n", path, strerror(error));
    weft_log(text);
}

void weft_trace_setup(void)
{
    pthread_once(&setup_once, setup);
}

/* At the end of the process, whether or not its communicators were destroyed. */
__attribute__((destructor)) static void process_ends(void)
{
    if (trace.process != weft_process_id()) /* a child of fork: the lock may have been taken where it was made */
        return;
    pthread_mutex_lock(&lock);
    if (kept())
        stop();
    pthread_mutex_unlock(&lock);
}

struct weft_trace *weft_traces_make(int n_ranks)
{
    pthread_mutex_lock(&lock);
    bool wanted = kept();
    pthread_mutex_unlock(&lock);
    return wanted ? weft_pages_allocate((size_t)n_ranks * sizeof(struct weft_trace)) : NULL;
}

void weft_traces_end(struct weft_world *world)
{
    if (world->traces == NULL)
        return;
    pthread_mutex_lock(&lock);
    if (kept() && world->slots != NULL)
        write_world(world);
    pthread_mutex_unlock(&lock);
    weft_pages_free(world->traces, (size_t)world->n_ranks * sizeof *world->traces);
}

void weft_traces_hold(bool hold)
{
    if (hold)
        pthread_mutex_lock(&lock);
    else
        pthread_mutex_unlock(&lock);
}

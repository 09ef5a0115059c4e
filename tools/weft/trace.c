// SPDX-License-Identifier: MIT
/* trace.c (of the command) - reads a trace that the library wrote, and tells who kept the others waiting.
 *
 * A rank kept another waiting in a call if it was the last to come, and the other came before it and left after: for the time between the
 * two arrivals, as far as the other waited at all. */
#include "trace.h"

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One operation of one rank; times in microseconds. */
struct event {
    int communicator, rank;
    double number, arrival, departure, waited;
    const char *name; /* in the JSON */
};

/* What is summed up, for a rank or for a kind of call. */
struct sum {
    const char *name; /* of the kind */
    int calls, last;  /* last: how often it was */
    double inside, waited, kept;
    double worst; /* of one call, what it kept others waiting in all, */
    double number;
    int worst_rank;
};

struct trace {
    cJSON *json;
    struct event *events;
    size_t count;
};

/* ---- Reading */

static char *read_file(const char *path)
{
    FILE *file = fopen(path, "r");
    size_t used = 0, size = 1 << 20;
    char *text = file != NULL ? malloc(size) : NULL;
    while (text != NULL) {
        used += fread(text + used, 1, size - used - 2, file);
        if (feof(file) || ferror(file))
            break;
        char *more = realloc(text, size *= 2);
        if (more == NULL)
            free(text);
        text = more;
    }
    if (file != NULL)
        fclose(file);
    if (text != NULL)
        text[used] = 0;
    return text;
}

/* A trace whose process was killed has no end. */
static cJSON *parse(char *text)
{
    cJSON *json = cJSON_Parse(text);
    if (json == NULL && text[0] == '[') {
        strcat(text, "]");
        json = cJSON_Parse(text);
    }
    return json;
}

static double number_of(const cJSON *object, const char *name)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, name);
    return cJSON_IsNumber(item) ? item->valuedouble : 0;
}

static const char *string_of(const cJSON *object, const char *name)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, name);
    return cJSON_IsString(item) ? item->valuestring : "";
}

/* Blocking ones are one event each; nonblocking ones two, of which the first becomes the operation. */
static bool read_event(const cJSON *from, struct event *event)
{
    const char *phase = string_of(from, "ph");
    const cJSON *args = cJSON_GetObjectItemCaseSensitive(from, "args");
    if (strcmp(phase, "X") != 0 && strcmp(phase, "b") != 0)
        return false;
    *event = (struct event){.communicator = (int)number_of(from, "pid"),
                            .rank = (int)number_of(from, "tid"),
                            .number = number_of(args, "number"),
                            .arrival = number_of(from, "ts"),
                            .waited = number_of(args, "waited_us"),
                            .name = string_of(from, "name")};
    event->departure = event->arrival + number_of(from, "dur");
    if (strcmp(phase, "b") == 0) {
        const cJSON *end = from->next;
        event->departure = end != NULL ? number_of(end, "ts") : event->arrival;
    }
    return event->rank >= 0;
}

static int compare(const void *a_, const void *b_)
{
    const struct event *a = a_, *b = b_;
    if (a->communicator != b->communicator)
        return a->communicator < b->communicator ? -1 : 1;
    if (a->number != b->number)
        return a->number < b->number ? -1 : 1;
    return a->rank - b->rank;
}

static bool read_trace(const char *path, struct trace *trace)
{
    const cJSON *each;
    char *text = read_file(path);
    if (text == NULL) {
        fprintf(stderr, "weft trace: %s cannot be read\n", path);
        return false;
    }
    trace->json = parse(text);
    free(text);
    if (!cJSON_IsArray(trace->json)) {
        fprintf(stderr, "weft trace: %s is no trace of weft: an array of events is expected\n", path);
        cJSON_Delete(trace->json);
        return false;
    }
    trace->events = calloc((size_t)cJSON_GetArraySize(trace->json) + 1, sizeof *trace->events);
    if (trace->events == NULL) {
        cJSON_Delete(trace->json);
        return false;
    }
    cJSON_ArrayForEach(each, trace->json)
    {
        if (read_event(each, &trace->events[trace->count]))
            trace->count++;
    }
    qsort(trace->events, trace->count, sizeof *trace->events, compare);
    return true;
}

static const char *communicator_name(const struct trace *trace, int communicator)
{
    const cJSON *each;
    cJSON_ArrayForEach(each, trace->json)
    {
        if (strcmp(string_of(each, "name"), "process_name") == 0 && (int)number_of(each, "pid") == communicator)
            return string_of(cJSON_GetObjectItemCaseSensitive(each, "args"), "name");
    }
    return "";
}

/* ---- Summing up */

struct sums {
    struct sum *ranks;
    int n_ranks;
    struct sum kinds[64];
    int n_kinds;
};

static struct sum *kind_of(struct sums *sums, const char *name)
{
    int kind = 0;
    while (kind < sums->n_kinds && strcmp(sums->kinds[kind].name, name) != 0)
        kind++;
    if (kind == sums->n_kinds) {
        if (kind == sizeof sums->kinds / sizeof sums->kinds[0])
            return &sums->kinds[kind - 1];
        sums->kinds[sums->n_kinds++] = (struct sum){.name = name, .worst_rank = -1};
    }
    return &sums->kinds[kind];
}

static double least(double a, double b)
{
    return a < b ? a : b;
}

static void add_kept(struct sum *sum, double kept, const struct event *last)
{
    sum->kept += kept;
    if (kept > sum->worst) {
        sum->worst = kept;
        sum->number = last->number;
        sum->worst_rank = last->rank;
    }
}

/* The events of one call. */
static void add_call(struct sums *sums, const struct event *events, size_t count)
{
    const struct event *last = events;
    struct sum *kind = kind_of(sums, events->name);
    double kept = 0;
    for (size_t i = 1; i < count; i++)
        if (events[i].arrival > last->arrival)
            last = &events[i];
    for (size_t i = 0; i < count; i++) {
        const struct event *event = &events[i];
        struct sum *rank = &sums->ranks[event->rank];
        rank->calls++;
        rank->inside += event->departure - event->arrival;
        rank->waited += event->waited;
        kind->waited += event->waited;
        kind->inside += event->departure - event->arrival;
        if (event != last && event->departure >= last->arrival)
            kept += least(event->waited, last->arrival - event->arrival);
    }
    kind->calls++;
    sums->ranks[last->rank].last++;
    add_kept(&sums->ranks[last->rank], kept, last);
    add_kept(kind, kept, last);
}

/* ---- Printing */

static void time_text(double us, char text[32])
{
    if (us >= 1e6)
        snprintf(text, 32, "%.2f s", us / 1e6);
    else if (us >= 1e3)
        snprintf(text, 32, "%.2f ms", us / 1e3);
    else
        snprintf(text, 32, "%.2f us", us);
}

static void print_times(const struct sum *sum)
{
    char inside[32], waited[32], kept[32];
    time_text(sum->inside, inside);
    time_text(sum->waited, waited);
    time_text(sum->kept, kept);
    printf("%11s %11s %11s", inside, waited, kept);
}

static void print_sums(const struct sums *sums)
{
    char worst[32];
    printf("%-18s %9s %11s %11s %11s %9s  %s\n", "", "calls", "inside", "waited", "kept others", "last",
           "at its worst");
    for (int rank = 0; rank < sums->n_ranks; rank++) {
        const struct sum *sum = &sums->ranks[rank];
        printf("rank %-13d %9d ", rank, sum->calls);
        print_times(sum);
        time_text(sum->worst, worst);
        printf(" %9d", sum->last);
        printf(sum->worst > 0 ? "  %s in call %.0f\n" : "\n", worst, sum->number);
    }
    for (int kind = 0; kind < sums->n_kinds; kind++) {
        const struct sum *sum = &sums->kinds[kind];
        printf("%-18s %9d ", sum->name, sum->calls);
        print_times(sum);
        time_text(sum->worst, worst);
        printf(" %9s", "");
        printf(sum->worst > 0 ? "  %s in call %.0f, by rank %d\n" : "\n", worst, sum->number, sum->worst_rank);
    }
}

/* The events of one communicator. */
static bool print_communicator(const struct trace *trace, const struct event *events, size_t count)
{
    struct sums sums = {.n_ranks = 0};
    for (size_t i = 0; i < count; i++)
        if (events[i].rank >= sums.n_ranks)
            sums.n_ranks = events[i].rank + 1;
    sums.ranks = calloc((size_t)sums.n_ranks, sizeof *sums.ranks);
    if (sums.ranks == NULL)
        return false;
    for (size_t first = 0, next; first < count; first = next) {
        for (next = first; next < count && events[next].number == events[first].number; next++) {}
        add_call(&sums, events + first, next - first);
    }
    printf("communicator %d, \"%s\", %d ranks\n", events->communicator, communicator_name(trace, events->communicator),
           sums.n_ranks);
    print_sums(&sums);
    free(sums.ranks);
    return true;
}

int weft_trace_main(int argc, char **argv)
{
    struct trace trace = {.count = 0};
    bool fine = true;
    if (argc == 2 && strcmp(argv[1], "--help") == 0) {
        printf("Usage: weft trace FILE\nTells of a trace (WEFT_TRACE=FILE, weft_trace_start) who kept the others "
               "waiting: for "
               "each communicator a line for each\nrank and for each kind of call.\n\n"
               "  calls         how many are in the trace\n"
               "  inside        time spent in them\n"
               "  waited        of it, time spent waiting for others\n"
               "  kept others   how long those who were there waited for the last to come, added up\n"
               "  last          how often it came last\n"
               "  at its worst  the call in which it kept others waiting longest, all of them together\n\n"
               "https://ui.perfetto.dev shows the file itself.\n");
        return EXIT_SUCCESS;
    }
    if (argc != 2) {
        fprintf(stderr, "weft trace: expected the name of one file; see weft trace --help\n");
        return 2;
    }
    if (!read_trace(argv[1], &trace))
        return EXIT_FAILURE;
    if (trace.count == 0)
        printf("no operations\n");
    for (size_t first = 0, next; fine && first < trace.count; first = next) {
        for (next = first; next < trace.count && trace.events[next].communicator == trace.events[first].communicator;
             next++) {}
        if (first > 0)
            printf("\n");
        fine = print_communicator(&trace, trace.events + first, next - first);
    }
    free(trace.events);
    cJSON_Delete(trace.json);
    return fine ? EXIT_SUCCESS : EXIT_FAILURE;
}

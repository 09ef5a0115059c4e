// SPDX-License-Identifier: MIT
/* info.c - `weft info`: what the library sees of the machine, and what it makes of it. All of it comes from
 * weft/info.h; the choices are those of communicators made for the purpose. */
#include "info.h"
#include "bench_weft.h"
#include "harness_options.h"

#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>
#include <weft/info.h>

enum { REASON_BYTES = 200, MOST_LEVELS = 32 };

struct query {
    struct bench_options options; /* ranks, sizes, type and op of the choices */
    weft_wait wait;
    bool json;
    bool algorithms;
    bool help;
};

static bool set_json(void *target, const char *value)
{
    (void)value;
    return ((struct query *)target)->json = true;
}

static bool set_algorithms(void *target, const char *value)
{
    (void)value;
    return ((struct query *)target)->algorithms = true;
}

static bool set_wait(void *target, const char *value)
{
    return weft_wait_by_name(value, &((struct query *)target)->wait);
}

static bool set_help(void *target, const char *value)
{
    (void)value;
    return ((struct query *)target)->help = true;
}

static const struct bench_option options[] = {
    {"wait", "POLICY", "the wait policy asked for: auto, spin or block (auto)", set_wait},
    {"algorithms", NULL, "all algorithms of each collective, and what they do", set_algorithms},
    {"json", NULL, "everything as JSON", set_json},
    {"help", NULL, "this text", set_help},
    {NULL, NULL, NULL, NULL},
};

static void add_processors(cJSON *root)
{
    weft_info_processors seen;
    if (weft_info_count_processors(&seen) != WEFT_OK)
        return;
    cJSON *object = cJSON_AddObjectToObject(root, "processors");
    cJSON_AddNumberToObject(object, "online", seen.online);
    cJSON_AddNumberToObject(object, "affinity", seen.affinity);
    cJSON_AddNumberToObject(object, "cgroup_quota", seen.cgroup_quota);
    cJSON_AddNumberToObject(object, "usable", seen.usable);
}

static void add_topology(cJSON *root)
{
    weft_info_level levels[MOST_LEVELS];
    size_t count = 0;
    cJSON *array = cJSON_AddArrayToObject(root, "topology");
    if (weft_info_topology(levels, MOST_LEVELS, &count) != WEFT_OK)
        return;
    for (size_t i = 0; i < count && i < MOST_LEVELS; i++) {
        cJSON *level = cJSON_CreateObject();
        cJSON_AddItemToArray(array, level);
        cJSON_AddStringToObject(level, "name", levels[i].name);
        cJSON_AddNumberToObject(level, "count", levels[i].count);
        cJSON_AddNumberToObject(level, "bytes", (double)levels[i].bytes);
        cJSON_AddNumberToObject(level, "processors_each", levels[i].processors_each);
    }
}

static void add_tuning(cJSON *root)
{
    char text[600];
    weft_info_figure figure;
    cJSON *object = cJSON_AddObjectToObject(root, "tuning");
    weft_info_machine(text, sizeof text);
    cJSON_AddStringToObject(object, "machine", text);
    weft_info_tuning_source(text, sizeof text);
    cJSON_AddStringToObject(object, "source", text);
    cJSON *array = cJSON_AddArrayToObject(object, "figures");
    for (size_t i = 0; weft_info_tuning(NULL, i, &figure) != NULL; i++) {
        cJSON *each = cJSON_CreateObject();
        cJSON_AddItemToArray(array, each);
        cJSON_AddStringToObject(each, "name", figure.name);
        cJSON_AddNumberToObject(each, "value", (double)figure.value);
        cJSON_AddNumberToObject(each, "initial", (double)figure.initial);
        cJSON_AddStringToObject(each, "help", figure.help);
    }
}

static void add_choice(cJSON *array, const weft_comm *comm, const struct bench_point *point)
{
    char reason[REASON_BYTES] = "";
    const weft_type *type = bench_base(point) == BENCH_BARRIER ? NULL : weft_info_type_by_name(point->type->name);
    const weft_op *op =
        bench_shapes[point->collective].reduces ? weft_info_op_by_name(bench_op_names[point->op]) : NULL;
    const char *name = weft_info_choice(comm, weft_subject_collective(point->collective), point->count, type, op,
                                        reason, sizeof reason);
    if (name == NULL)
        return;
    cJSON *choice = cJSON_CreateObject();
    cJSON_AddItemToArray(array, choice);
    cJSON_AddStringToObject(choice, "collective", bench_shapes[point->collective].name);
    cJSON_AddNumberToObject(choice, "bytes", (double)point->bytes);
    cJSON_AddStringToObject(choice, "algorithm", name);
    cJSON_AddStringToObject(choice, "reason", reason);
}

/* What a communicator of this many ranks would do. */
static bool add_ranks(cJSON *array, const struct query *query, int n_ranks)
{
    weft_config config = WEFT_CONFIG_INIT;
    config.wait = query->wait;
    weft_comm **comms = calloc((size_t)n_ranks, sizeof *comms);
    if (comms == NULL || weft_comm_create_all(n_ranks, &config, comms) != WEFT_OK) {
        fprintf(stderr, "weft info: %s\n", weft_last_error());
        free(comms);
        return false;
    }
    char reason[REASON_BYTES] = "";
    struct bench_point point;
    cJSON *object = cJSON_CreateObject();
    cJSON_AddItemToArray(array, object);
    cJSON_AddNumberToObject(object, "ranks", n_ranks);
    cJSON_AddStringToObject(object, "wait", weft_wait_name(weft_info_wait(comms[0], reason, sizeof reason)));
    cJSON_AddStringToObject(object, "wait_reason", reason);
    cJSON *choices = cJSON_AddArrayToObject(object, "choices");
    for (size_t i = 0; bench_point_at(&query->options, n_ranks, i, &point); i++)
        add_choice(choices, comms[0], &point);
    for (int r = 0; r < n_ranks; r++)
        weft_comm_destroy(comms[r]);
    free(comms);
    return true;
}

static void add_algorithms(cJSON *root)
{
    const char *collective, *name;
    cJSON *object = cJSON_AddObjectToObject(root, "algorithms");
    for (size_t c = 0; (collective = weft_info_collective(c)) != NULL; c++) {
        cJSON *each = cJSON_AddObjectToObject(object, collective);
        for (size_t i = 0; (name = weft_info_algorithm(collective, i)) != NULL; i++) {
            const char *help = weft_info_algorithm_help(collective, name);
            cJSON_AddStringToObject(each, name, help ? help : "");
        }
    }
}

static const char *text_of(const cJSON *object, const char *name)
{
    const char *text = cJSON_GetStringValue(cJSON_GetObjectItem(object, name));
    return text ? text : "";
}

static double number_of(const cJSON *object, const char *name)
{
    return cJSON_GetNumberValue(cJSON_GetObjectItem(object, name));
}

/* Bytes as people write them. */
static const char *size_text(double bytes, char out[32])
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
    size_t unit = 0;
    for (; bytes >= 1024 && unit < 4; unit++)
        bytes /= 1024;
    snprintf(out, 32, "%.4g %s", bytes, units[unit]);
    return out;
}

static void print_machine(const cJSON *root)
{
    const cJSON *seen = cJSON_GetObjectItem(root, "processors"), *level;
    printf("weft %s\n\nProcessors\n", text_of(root, "version"));
    printf("  %.0f online, %.0f in this process's affinity mask, ", number_of(seen, "online"),
           number_of(seen, "affinity"));
    if (number_of(seen, "cgroup_quota") > 0)
        printf("%.2f granted by the control group: ", number_of(seen, "cgroup_quota"));
    else
        printf("no limit by a control group: ");
    printf("%.0f counted\n\nTopology\n", number_of(seen, "usable"));
    cJSON_ArrayForEach(level, cJSON_GetObjectItem(root, "topology"))
    {
        char size[32] = "";
        if (number_of(level, "bytes") > 0)
            size_text(number_of(level, "bytes"), size);
        printf("  %4.0f x %-9s %10s  shared by %.0f\n", number_of(level, "count"), text_of(level, "name"), size,
               number_of(level, "processors_each"));
    }
}

static void print_tuning(const cJSON *tuning)
{
    const cJSON *each;
    printf("\nTuning (weft tune), from %s\n", text_of(tuning, "source"));
    cJSON_ArrayForEach(each, cJSON_GetObjectItem(tuning, "figures"))
        printf("  %-16s %8.0f  %s\n", text_of(each, "name"), number_of(each, "value"), text_of(each, "help"));
}

/* Rows that follow one another with the same choice become one. */
static void print_choices(const cJSON *choices)
{
    char from[32], to[32], range[72];
    for (const cJSON *first = choices->child, *next; first != NULL; first = next) {
        const cJSON *last = first;
        for (next = first->next; next != NULL; last = next, next = next->next)
            if (strcmp(text_of(first, "collective"), text_of(next, "collective")) != 0 ||
                strcmp(text_of(first, "algorithm"), text_of(next, "algorithm")) != 0 ||
                strcmp(text_of(first, "reason"), text_of(next, "reason")) != 0)
                break;
        size_text(number_of(first, "bytes"), from);
        size_text(number_of(last, "bytes"), to);
        snprintf(range, sizeof range, first == last ? "%s" : "%s to %s", from, to);
        printf("  %-12s %-18s %-10s %s\n", text_of(first, "collective"), number_of(last, "bytes") > 0 ? range : "",
               text_of(first, "algorithm"), text_of(first, "reason"));
    }
}

static void print_text(const cJSON *root)
{
    const cJSON *each, *algorithm;
    print_machine(root);
    print_tuning(cJSON_GetObjectItem(root, "tuning"));
    cJSON_ArrayForEach(each, cJSON_GetObjectItem(root, "communicators"))
    {
        printf("\n%.0f ranks: wait %s; %s\n", number_of(each, "ranks"), text_of(each, "wait"),
               text_of(each, "wait_reason"));
        print_choices(cJSON_GetObjectItem(each, "choices"));
    }
    if (cJSON_GetObjectItem(root, "algorithms") != NULL)
        printf("\nAlgorithms (config.algorithms, WEFT_ALGORITHMS)\n");
    cJSON_ArrayForEach(each, cJSON_GetObjectItem(root, "algorithms")) cJSON_ArrayForEach(algorithm, each)
        printf("  %s:%s\n      %s\n", each->string, algorithm->string, algorithm->valuestring);
}

static int report(const struct query *query)
{
    cJSON *root = cJSON_CreateObject();
    bool fine = true;
    cJSON_AddStringToObject(root, "version", weft_version());
    add_processors(root);
    add_topology(root);
    add_tuning(root);
    cJSON *communicators = cJSON_AddArrayToObject(root, "communicators");
    for (size_t i = 0; fine && i < query->options.n_ranks; i++)
        fine = add_ranks(communicators, query, query->options.ranks[i]);
    if (query->algorithms || query->json)
        add_algorithms(root);
    if (query->json) {
        char *text = cJSON_Print(root);
        puts(text ? text : "");
        free(text);
    } else {
        print_text(root);
    }
    cJSON_Delete(root);
    return fine ? EXIT_SUCCESS : EXIT_FAILURE;
}

int weft_info_main(int argc, char **argv)
{
    struct query query = {.wait = WEFT_WAIT_AUTO};
    bench_options_default(&query.options);
    const struct bench_option_table tables[] = {
        {bench_point_options, &query.options, NULL},
        {options, &query, NULL},
    };
    for (int c = BENCH_BARRIER; c <= BENCH_REDUCE; c++)
        query.options.collectives[c] = true;
    query.options.ranks[1] = 8;
    query.options.n_ranks = 2;
    if (!bench_options_parse("weft info", argc, argv, tables, sizeof tables / sizeof tables[0]))
        return 2;
    if (!query.help)
        return report(&query);
    printf(
        "Usage: weft info [OPTION...]\nPrints the version, the processors, caches and NUMA domains as the library sees "
        "them, and, for communicators of\nsome sizes, the wait policy and the algorithms in force, and "
        "why.\n\nOptions:\n");
    bench_options_help(bench_point_options, stdout);
    bench_options_help(options, stdout);
    return EXIT_SUCCESS;
}

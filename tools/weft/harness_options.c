// SPDX-License-Identifier: MIT
/* harness_options.c - a table-driven command line, and the list of points that it asks for. */
#include "harness_options.h"

#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

bool bench_parse_size(const char *text, size_t *out)
{
    char *end;
    if (*text < '0' || *text > '9')
        return false;
    const unsigned long long number = strtoull(text, &end, 10);
    const char *const units = "KMG";
    const char *unit = *end ? strchr(units, *end & ~0x20) : NULL;
    const unsigned shift = unit ? 10 * (unsigned)(unit - units + 1) : 0;
    end += unit != NULL;
    *out = (size_t)number << shift;
    return *end == '\0' && *out >> shift == number;
}

static bool parse_int(const char *text, int least, int most, int *out)
{
    char *end;
    const long value = strtol(text, &end, 10);
    if (end == text || *end != '\0' || value < least || value > most)
        return false;
    *out = (int)value;
    return true;
}

static bool add_size(struct bench_options *options, size_t size)
{
    if (options->n_sizes == BENCH_MOST_SIZES || size == 0)
        return false;
    options->sizes[options->n_sizes++] = size;
    return true;
}

/* "8", or "8:4M", or "8:4M:4": from, to, and the factor between them. */
static bool add_sizes(struct bench_options *options, char *item)
{
    size_t from, to, factor = 2;
    char *colon = strchr(item, ':'), *second = colon ? strchr(colon + 1, ':') : NULL;
    if (colon)
        *colon = '\0';
    if (second)
        *second = '\0';
    if (!bench_parse_size(item, &from) || (second && (!bench_parse_size(second + 1, &factor) || factor < 2)))
        return false;
    if (!colon)
        return add_size(options, from);
    if (!bench_parse_size(colon + 1, &to) || from == 0)
        return false;
    for (size_t size = from; size <= to; size *= factor)
        if (!add_size(options, size) || size > SIZE_MAX / factor)
            return false;
    return true;
}

static bool set_sizes(void *target, const char *value)
{
    struct bench_options *options = target;
    char *copy = strdup(value), *rest = copy, *item;
    bool fine = copy != NULL;
    options->n_sizes = 0;
    while (fine && (item = strsep(&rest, ",")) != NULL)
        fine = add_sizes(options, item);
    free(copy);
    return fine && options->n_sizes != 0;
}

static bool set_ranks(void *target, const char *value)
{
    struct bench_options *options = target;
    char *copy = strdup(value), *rest = copy, *item;
    bool fine = copy != NULL;
    options->n_ranks = 0;
    while (fine && (item = strsep(&rest, ",")) != NULL)
        fine = options->n_ranks < BENCH_MOST_COUNTS &&
               parse_int(item, 1, BENCH_MAX_RANKS, &options->ranks[options->n_ranks++]);
    free(copy);
    return fine;
}

static bool set_type(void *target, const char *value)
{
    struct bench_options *options = target;
    options->type = bench_type_by_name(value);
    return options->type != NULL;
}

static bool set_op(void *target, const char *value)
{
    struct bench_options *options = target;
    const int op = bench_op_by_name(value);
    options->op = (enum bench_op)op;
    return op >= 0;
}

static bool set_root(void *target, const char *value)
{
    return parse_int(value, 0, BENCH_MAX_RANKS - 1, &((struct bench_options *)target)->root);
}

static bool set_choice(bool *flag, const char *value, const char *no, const char *yes)
{
    *flag = strcmp(value, yes) == 0;
    return *flag || strcmp(value, no) == 0;
}

static bool set_buffers(void *target, const char *value)
{
    return set_choice(&((struct bench_options *)target)->rotating, value, "cached", "rotating");
}

static bool set_cadence(void *target, const char *value)
{
    return set_choice(&((struct bench_options *)target)->settings.deadline, value, "back-to-back", "deadline");
}

static bool set_rewrite(void *target, const char *value)
{
    (void)value;
    ((struct bench_options *)target)->rewrite = 1;
    return true;
}

static bool set_no_rewrite(void *target, const char *value)
{
    (void)value;
    ((struct bench_options *)target)->rewrite = 0;
    return true;
}

static bool set_cache(void *target, const char *value)
{
    return bench_parse_size(value, &((struct bench_options *)target)->cache_bytes);
}

static bool set_pin(void *target, const char *value)
{
    (void)value;
    ((struct bench_options *)target)->pin = 1;
    return true;
}

static bool set_no_pin(void *target, const char *value)
{
    (void)value;
    ((struct bench_options *)target)->pin = 0;
    return true;
}

static bool set_repeat(void *target, const char *value)
{
    return parse_int(value, 1, 1000000, &((struct bench_options *)target)->settings.windows);
}

static bool set_window(void *target, const char *value)
{
    int microseconds;
    if (!parse_int(value, 0, INT_MAX, &microseconds))
        return false;
    ((struct bench_options *)target)->settings.window_ns = (int64_t)microseconds * 1000;
    return true;
}

static bool set_seconds(void *target, const char *value)
{
    char *end;
    const double seconds = strtod(value, &end);
    ((struct bench_options *)target)->settings.seconds = seconds;
    return end != value && *end == '\0' && seconds > 0;
}

const struct bench_option bench_point_options[] = {
    {"ranks", "LIST", "numbers of ranks, such as 2,4,8 (2)", set_ranks},
    {"sizes", "LIST", "bytes: 8,1K, or from 8 to 64M doubling 8:64M, or times four 8:64M:4 (8:16M:4)", set_sizes},
    {"type", "NAME", "element type: int32, float16, ... (int32); objects: counted, tuple", set_type},
    {"op", "NAME", "reduction: sum, max, ... (sum)", set_op},
    {"root", "RANK", "root of rooted collectives (0)", set_root},
    {NULL, NULL, NULL, NULL},
};

const struct bench_option bench_method_options[] = {
    {"cadence", "NAME", "back-to-back: windows of many operations; deadline: each starts from a common deadline",
     set_cadence},
    {"buffers", "NAME", "cached: the same ones each time; rotating: through more than the last-level cache",
     set_buffers},
    {"rewrite", NULL, "owners rewrite their sources before each operation, outside the timed part", set_rewrite},
    {"no-rewrite", NULL, "sources are left alone (default: above 4 KiB each row comes in both ways)", set_no_rewrite},
    {"cache", "BYTES", "size of the last-level cache (as the system says)", set_cache},
    {"pin", NULL, "bind each rank to a processor, round robin", set_pin},
    {"no-pin", NULL, "bind no rank (default: bind where each rank has a processor of its own)", set_no_pin},
    {"repeat", "N", "windows recorded for each row, at most (200)", set_repeat},
    {"window", "US", "the least that a window lasts (0: 200; 10000 for more ranks than processors)", set_window},
    {"seconds", "S", "end a row after so long, once it has five windows (1; of several launches each 0.05)",
     set_seconds},
    {NULL, NULL, NULL, NULL},
};

bool bench_set_collective(void *target, const char *word)
{
    struct bench_options *options = target;
    const int collective = bench_collective_by_name(word);
    if (collective < 0)
        return false;
    options->any_collective = options->collectives[collective] = true;
    return true;
}

void bench_options_default(struct bench_options *options)
{
    *options = (struct bench_options){
        .type = bench_type_by_name("int32"),
        .op = BENCH_SUM,
        .rewrite = -1,
        .pin = -1,
        .cache_bytes = bench_last_level_bytes(),
        .settings = {.windows = 200},
    };
    set_ranks(options, "2");
    set_sizes(options, "8:16M:4");
    options->n_processors = bench_processors(options->processors, BENCH_MOST_PROCESSORS);
}

void bench_options_settle(struct bench_options *options)
{
    options->settings.rotate_bytes = options->rotating ? 2 * options->cache_bytes : 0;
    if (options->settings.seconds == 0)
        options->settings.seconds = 1;
}

static bool apply(const char *program, const struct bench_option *option, void *target, const char *value)
{
    if (option->set(target, value))
        return true;
    fprintf(stderr, "%s: --%s: '%s' makes no sense: %s\n", program, option->name, value, option->help);
    return false;
}

static const struct bench_option *find(const struct bench_option_table *tables, size_t n_tables, const char *name,
                                       size_t length, void **target)
{
    for (size_t t = 0; t < n_tables; t++) {
        for (const struct bench_option *option = tables[t].options; option->name != NULL; option++) {
            if (strlen(option->name) == length && memcmp(option->name, name, length) == 0) {
                *target = tables[t].target;
                return option;
            }
        }
    }
    return NULL;
}

static bool parse_word(const char *program, const char *word, const struct bench_option_table *tables, size_t n_tables)
{
    for (size_t t = 0; t < n_tables; t++)
        if (tables[t].positional != NULL && tables[t].positional(tables[t].target, word))
            return true;
    fprintf(stderr, "%s: '%s' is not known; see --help\n", program, word);
    return false;
}

bool bench_options_parse(const char *program, int argc, char **argv, const struct bench_option_table *tables,
                         size_t n_tables)
{
    for (int i = 1; i < argc; i++) {
        if (strncmp(argv[i], "--", 2) != 0) {
            if (!parse_word(program, argv[i], tables, n_tables))
                return false;
            continue;
        }
        void *target = NULL;
        const char *name = argv[i] + 2, *equals = strchr(name, '=');
        const size_t length = equals ? (size_t)(equals - name) : strlen(name);
        const struct bench_option *option = find(tables, n_tables, name, length, &target);
        if (option == NULL)
            return parse_word(program, argv[i], tables, 0);
        const char *value = "";
        if (option->value_name != NULL)
            value = equals ? equals + 1 : ++i < argc ? argv[i] : "";
        if (!apply(program, option, target, value))
            return false;
    }
    return true;
}

bool bench_options_read(const char *program, char *line, struct bench_options *options)
{
    char *words[BENCH_MOST_WORDS + 1] = {(char *)(uintptr_t)program}, *rest = line, *word;
    int count = 1;
    while ((word = strsep(&rest, " \n")) != NULL && count < BENCH_MOST_WORDS)
        if (*word != '\0')
            words[count++] = word;
    const struct bench_option_table tables[] = {{bench_point_options, options, bench_set_collective},
                                                {bench_method_options, options, NULL}};
    if (!bench_options_parse(program, count, words, tables, sizeof tables / sizeof tables[0]))
        return false;
    bench_options_settle(options);
    return true;
}

void bench_options_help(const struct bench_option *options, FILE *out)
{
    for (; options->name != NULL; options++) {
        char left[40];
        snprintf(left, sizeof left, "--%s %s", options->name, options->value_name ? options->value_name : "");
        fprintf(out, "  %-18s %s\n", left, options->help);
    }
}

bool bench_pins(const struct bench_options *options, int n_ranks)
{
    return options->pin >= 0 ? options->pin : n_ranks <= options->n_processors;
}

static void fill_point(const struct bench_options *options, struct bench_point *point, size_t bytes)
{
    point->type = options->type;
    point->op = options->op;
    point->count = (bytes + point->type->size - 1) / point->type->size;
    point->bytes = point->count * point->type->size;
    point->root = options->root < point->n_ranks ? options->root : 0;
}

bool bench_point_at(const struct bench_options *options, int n_ranks, size_t index, struct bench_point *point)
{
    for (int c = 0; c < BENCH_COLLECTIVES; c++) {
        const size_t sizes = !options->collectives[c]                ? 0
                             : bench_shapes[c].base == BENCH_BARRIER ? 1
                                                                     : options->n_sizes;
        for (size_t i = 0; i < sizes; i++) {
            const size_t bytes = bench_shapes[c].base == BENCH_BARRIER ? 0 : options->sizes[i];
            const bool both = options->rewrite < 0 && bytes > BENCH_LATENCY_BYTES;
            const size_t ways = both ? 2 : 1;
            if (index < ways) {
                *point = (struct bench_point){.collective = (enum bench_collective)c, .n_ranks = n_ranks};
                point->rewritten = bench_shapes[c].base != BENCH_BARRIER && (both ? index == 1 : options->rewrite > 0);
                fill_point(options, point, bytes);
                return true;
            }
            index -= ways;
        }
    }
    return false;
}

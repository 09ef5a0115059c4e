// SPDX-License-Identifier: MIT
/* harness_options.h - the command line: what to measure and how, the same for the library and its peers. */
#ifndef WEFT_HARNESS_OPTIONS_H
#define WEFT_HARNESS_OPTIONS_H

#include "harness_timing.h"

enum { BENCH_MOST_SIZES = 64, BENCH_MOST_COUNTS = 16, BENCH_MOST_PROCESSORS = 1024, BENCH_MOST_WORDS = 64 };

struct bench_options {
    bool collectives[BENCH_COLLECTIVES];
    bool any_collective; /* one was named */
    int ranks[BENCH_MOST_COUNTS];
    size_t n_ranks;
    size_t sizes[BENCH_MOST_SIZES];
    size_t n_sizes;
    const struct bench_type *type;
    enum bench_op op;
    int root;
    int rewrite; /* 1: sources are rewritten, 0: left alone, -1: above BENCH_LATENCY_BYTES both, one after the other */
    int pin;     /* 1: always, 0: never, -1: where each rank has a processor of its own */
    bool rotating;
    size_t cache_bytes; /* of the last-level cache */
    struct bench_settings settings;
    int processors[BENCH_MOST_PROCESSORS]; /* that this process may use */
    int n_processors;
};

/* One option: `--name`, or `--name VALUE` where value_name is set. */
struct bench_option {
    const char *name;
    const char *value_name;
    const char *help;
    bool (*set)(void *target, const char *value); /* false: the value makes no sense */
};
/* A table of them, ended by a name of NULL, and what its setters fill. */
struct bench_option_table {
    const struct bench_option *options;
    void *target;
    bool (*positional)(void *target, const char *word); /* NULL: no words are expected */
};

/* The options that set struct bench_options: what is measured, and how. */
extern const struct bench_option bench_point_options[];
extern const struct bench_option bench_method_options[];
bool bench_set_collective(void *target, const char *word);

void bench_options_default(struct bench_options *options);
/* Fills in what follows from the rest, after parsing. */
void bench_options_settle(struct bench_options *options);
/* Reads argv[1] and on. On a mistake prints one sentence to stderr, `program` first, and returns false. */
bool bench_options_parse(const char *program, int argc, char **argv, const struct bench_option_table *tables,
                         size_t n_tables);
void bench_options_help(const struct bench_option *options, FILE *out);

/* Splits a line of options at its blanks, in place, and adds it to *options, which has been set to the defaults. */
bool bench_options_read(const char *program, char *line, struct bench_options *options);

/* "64", "8K", "4M", "1G" (powers of 1024). */
bool bench_parse_size(const char *text, size_t *out);

/* The index-th point of this number of ranks: collectives in order, each with all sizes. False past the last. */
bool bench_point_at(const struct bench_options *options, int n_ranks, size_t index, struct bench_point *point);
/* Whether ranks are bound to processors. */
bool bench_pins(const struct bench_options *options, int n_ranks);

#endif

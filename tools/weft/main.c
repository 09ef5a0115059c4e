// SPDX-License-Identifier: MIT
/* main.c - the command `weft`: hands the rest of the command line to one of its parts. */
#include "bench.h"
#include "demo/demo.h"
#include "info.h"
#include "trace.h"
#include "tune.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <weft/weft.h>

static int print_help(int argc, char **argv);

static int print_version(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    printf("weft %s\n", weft_version());
    return EXIT_SUCCESS;
}

static const struct part {
    const char *name;
    int (*main)(int argc, char **argv);
    const char *help;
} parts[] = {
    {"demo", weft_demo_main, "train a small language model on threads that are ranks, then serve it"},
    {"bench", weft_bench_main, "time collectives, beside what the machine allows and what others reach"},
    {"info", weft_info_main, "the machine as the library sees it, and which algorithm serves what, and why"},
    {"tune", weft_tune_main, "measure this machine, and write the figures by which the library chooses"},
    {"trace", weft_trace_main, "of a trace that a program kept: who kept the others waiting"},
    {"--help", print_help, "this text; each part has its own --help"},
    {"--version", print_version, "the library's version"},
};

static int print_help(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    printf("Usage: weft PART [OPTION...]\nCollectives between the threads of one process.\n\n");
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
        printf("  weft %-10s %s\n", parts[i].name, parts[i].help);
    return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
    if (argc < 2)
        return print_help(argc, argv), 2;
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
        if (strcmp(argv[1], parts[i].name) == 0)
            return parts[i].main(argc - 1, argv + 1);
    fprintf(stderr, "weft: '%s' is not known; see weft --help\n", argv[1]);
    return 2;
}

// SPDX-License-Identifier: MIT
/* bench_special.h - rows of the benchmark that do not time one collective over and over: `weft bench wakeup` and so on. */
#ifndef WEFT_BENCH_SPECIAL_H
#define WEFT_BENCH_SPECIAL_H

#include "bench_report.h"

enum special { SPECIAL_WAKEUP, SPECIAL_IDLE, SPECIAL_LOAD, SPECIAL_CREATE, SPECIALS };
extern const char *const special_names[SPECIALS];
extern const char *const special_help[SPECIALS];

/* Measures one for each number of ranks that the options name, and adds its figures to the report. */
bool special_run(enum special special, const struct bench_options *options, weft_wait wait,
                 struct bench_report *report);

/* "allreduce of 8 B, 4 ranks" */
void special_name_point(const struct bench_point *point, char *text, size_t size);

#endif

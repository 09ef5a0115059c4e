// SPDX-License-Identifier: MIT
/* lines.h - counts what a protocol costs, by a small model of cache coherence. docs/scaling.md says what is in it. */
#ifndef WEFT_TESTS_LINES_H
#define WEFT_TESTS_LINES_H

#include "runtime.h"

enum { LINES_TENTHS = 10, LINES_OVERLAP = 10 };

/* Which cores are near one another: this many share a cache, so many a package. A transfer takes one hop within a cache, */
struct lines_machine {
    int cores_cache, cores_package;
    int between_caches, between_packages; /* and so many tenths of a hop */
};

void lines_count(const struct lines_machine *machine); /* from now on; NULL: no longer */
/* All cores have come to the same time. */
void lines_rest(void);
int64_t lines_time(void); /* of the latest core, in tenths of a hop */
int64_t lines_moved(void);
/* For model_choose_by: the core goes on that is earliest. */
int lines_choose(enum model_choice kind, int alternatives);

#endif

// SPDX-License-Identifier: MIT
/* files.h - what the demo reads and writes: the text to learn from, and the weights it has learnt. */
#ifndef WEFT_DEMO_FILES_H
#define WEFT_DEMO_FILES_H

#include "model.h"

/* Of every TEXT_PERIOD blocks the last is held out: both parts then have some of everything. */
enum { TEXT_BLOCK = 1024, TEXT_PERIOD = 16 };

struct text {
    uint8_t *symbols; /* owned; symbol s stands for the byte bytes[s] */
    size_t size;
    int kinds; /* how many different bytes occur */
    uint8_t bytes[256];
    int symbol_of[256]; /* -1: the byte does not occur */
    uint64_t checksum;
};

/* From one file, or with `path` NULL from Debian's fortunes. False: `why` says what is missing and what would help. */
bool text_load(struct text *text, const char *path, char *why, size_t why_size);

/* demo.weights in $XDG_CACHE_HOME/weft or ~/.cache/weft; "" if the environment names neither. */
void weights_default_path(char *path, size_t size);

/* STALE: of another text or another model, or damaged. FOREIGN: not ours, or not readable, so better left alone. */
enum weights_state { WEIGHTS_GOOD, WEIGHTS_ABSENT, WEIGHTS_STALE, WEIGHTS_FOREIGN };
enum weights_state weights_load(const char *path, const struct model_shape *shape, uint64_t text, float *whole);
/* Replaces the file at once or not at all, and makes the folders above it. False: errno says why. */
bool weights_save(const char *path, const struct model_shape *shape, uint64_t text, const float *whole);

#endif

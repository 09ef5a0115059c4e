// SPDX-License-Identifier: MIT
/* fuzz.h - what the fuzz targets share. A target is a program of libFuzzer: LLVMFuzzerTestOneInput makes something of some bytes,
 * and whatever they are, the library neither crashes nor hangs, reads or writes where it may not, leaks, or breaks what
 * EXPECT says. Bytes that have run out are zeros. */
#ifndef WEFT_TESTS_FUZZ_H
#define WEFT_TESTS_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <weft/weft.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define EXPECT(condition)                                                                                              \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            fprintf(stderr, "%s:%d: %s (last error: %s)\n", __FILE__, __LINE__, #condition, weft_last_error());        \
            abort();                                                                                                   \
        }                                                                                                              \
    } while (0)

struct bytes {
    const uint8_t *at;
    size_t left;
};

static inline uint8_t take(struct bytes *bytes)
{
    if (bytes->left == 0)
        return 0;
    bytes->left--;
    return *bytes->at++;
}

static inline unsigned take_below(struct bytes *bytes, unsigned limit)
{
    return take(bytes) % limit;
}

/* A string up to the next zero byte, and that byte; to be freed. */
static inline char *take_string(struct bytes *bytes)
{
    const uint8_t *end = bytes->left ? memchr(bytes->at, 0, bytes->left) : NULL;
    size_t length = end != NULL ? (size_t)(end - bytes->at) : bytes->left;
    char *text = malloc(length + 1);
    if (text == NULL)
        abort();
    if (length > 0)
        memcpy(text, bytes->at, length);
    text[length] = 0;
    bytes->at += length + (end != NULL);
    bytes->left -= length + (end != NULL);
    return text;
}

/* A failure is one of those that the contract names, with a sentence. */
static inline void expect_status(weft_status status)
{
    EXPECT(status <= WEFT_PENDING && status >= WEFT_ERR_SYSTEM);
    EXPECT(status >= WEFT_OK || weft_last_error()[0] != 0);
}

#endif

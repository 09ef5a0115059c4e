// SPDX-License-Identifier: MIT
/* line.h - the cache line in which a rank speaks: a sequence number, a signature, and up to 56 bytes of payload.
 *
 * Each rank owns one ring of lines per communicator. Every operation takes the same number of lines on every rank, so the position of
 * a line in the ring is known to all without a word about it, and the low half of a line's word is that position plus one:
 * a line is there when its word says so. The high half is the signature of the call, chained with that of the call before;
 * a reader compares the whole word, and ranks that disagree are found by the comparison it makes anyhow.
 * After: NCCL's LL128 protocol (payload and flag in one line). */
#ifndef WEFT_CORE_LINE_H
#define WEFT_CORE_LINE_H

#include "platform/platform.h"

#include <assert.h>
#include <string.h>

#define WEFT_LINE_PAYLOAD 56
#define WEFT_RING_LINES 64    /* a power of two */
#define WEFT_MESSAGE_LINES 18 /* the longest message that travels so, see weft_message_of */
#define WEFT_MESSAGE_BYTES (WEFT_MESSAGE_LINES * WEFT_CACHE_LINE)

struct weft_line {
    _Alignas(WEFT_CACHE_LINE) _Atomic uint64_t word;
    union {
        unsigned char payload[WEFT_LINE_PAYLOAD];
        _Atomic uint64_t counters[WEFT_LINE_PAYLOAD / 8]; /* where several ranks count in one line */
    };
};
static_assert(sizeof(struct weft_line) == WEFT_CACHE_LINE, "a line fills a cache line and has one writer");

WEFT_INLINE uint64_t weft_line_word(uint64_t position, uint32_t signature)
{
    return (uint64_t)signature << 32 | (uint32_t)(position + 1);
}

WEFT_INLINE struct weft_line *weft_ring_line(struct weft_line *ring, uint64_t position)
{
    return &ring[position & (WEFT_RING_LINES - 1)];
}

#endif

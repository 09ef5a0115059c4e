// SPDX-License-Identifier: MIT
/* operation.h - one collective in progress on one rank, and how an algorithm moves it.
 *
 * An algorithm is one resumable function: it moves the operation as far as it can go and returns WEFT_MOVE_DONE, or sets
 * `until` to what it waits for and returns WEFT_MOVE_WAIT; called again, it goes on where it stopped. It never waits by itself.
 * weft_drive (drive.h) runs it to its end for a blocking call; whatever else moves operations drives the same function. */
#ifndef WEFT_CORE_OPERATION_H
#define WEFT_CORE_OPERATION_H

#include "core/world.h"

enum weft_move {
    WEFT_MOVE_DONE,
    WEFT_MOVE_WAIT,
    WEFT_MOVE_FAIL /* status says why; the communicator has failed, or the call alone */
};

/* A condition on one word that another rank writes. */
struct weft_until {
    enum weft_until_kind {
        WEFT_UNTIL_LINE,     /* low half equal: a line, or a gate's release */
        WEFT_UNTIL_AT_LEAST, /* a count has reached value */
        WEFT_UNTIL_CLEAR,    /* zero: a channel of the grid was emptied */
        WEFT_UNTIL_SET       /* not zero: a channel was filled */
    } kind;
    int target; /* rank whose publishing ends it; n_ranks: a gate */
    const _Atomic uint64_t *word;
    uint64_t value;
};

struct weft_operation {
    struct weft_comm *comm;
    const struct weft_call *call;
    uint64_t position; /* of its first line */
    uint64_t number;   /* of the call */
    uint64_t gate;     /* of its first gate */
    uint32_t signature;
    uint32_t lines; /* that it takes in the ring */
    /* Where the algorithm stands; what these mean is the algorithm's own affair. */
    int state;
    int peer;
    uint32_t line;
    size_t progress;
    bool hurry; /* a short poll was in vain: the algorithm may take over what others have not begun */
    struct weft_until until;
    weft_status status;  /* of the call, once it is done */
    weft_status outcome; /* of a copy callback on this rank: told to the others, and fails the call alone */
    int64_t started_ns;  /* when it first had to wait; 0: it has not */
};

typedef enum weft_move weft_algorithm_move(struct weft_operation *operation);

WEFT_INLINE bool weft_until_met(const struct weft_until *until, uint64_t word)
{
    switch (until->kind) {
    case WEFT_UNTIL_LINE:
        return (uint32_t)word == (uint32_t)until->value;
    case WEFT_UNTIL_AT_LEAST:
        return word >= until->value;
    case WEFT_UNTIL_CLEAR:
        return word == 0;
    default:
        return word != 0;
    }
}

#endif

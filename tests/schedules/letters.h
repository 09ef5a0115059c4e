// SPDX-License-Identifier: MIT
/* letters.h - what a session of messages is made of. */
#ifndef WEFT_TESTS_LETTERS_H
#define WEFT_TESTS_LETTERS_H

#include "session.h"

enum {
    LETTERS_TAGS = 3,
    LETTERS_ALL = -1,
    LETTERS_STRIDE = 1 << 16 /* more than a letter has elements */
};

enum how { BLOCKING, STARTED, CANCELLED, PROBED, LOOKED_FOR, HOWS };

struct letter {
    int from, to, tag;  /* all of them LETTERS_ALL: a sum of all ranks, in between */
    size_t count, room; /* elements of it, and of the buffer that receives it */
    enum how sent, received;
    bool other;    /* it goes by the other communicator */
    bool answered; /* by the next, which goes back: both are one exchange */
};

/* How a rank takes its letters. */
struct ear {
    bool any_source, any_tag;
};

#endif

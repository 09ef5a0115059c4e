// SPDX-License-Identifier: MIT
/* cases.h - calls with random inputs and the oracle's answer, made and checked by every rank.
 *
 * An item is one call: inputs and expected outputs are prepared by the main thread, then each rank makes the call on
 * buffers of its own choosing (in place or not, aligned or not, with guard bytes around) and compares bits. Many items run
 * one after the other on one communicator without anything between them, as in a program. Half of them are nonblocking
 * calls; several are in flight at once, with blocking ones in between, and each rank finishes them in an order of its own. */
#ifndef WEFT_TESTS_CASES_H
#define WEFT_TESTS_CASES_H

#include "oracle.h"
#include "support.h"

struct item {
    struct oracle_call call;
    uint64_t seed;       /* of each rank's own choices */
    bool shared_send;    /* all ranks send from one and the same buffer */
    bool aligned;        /* no odd addresses (types of the user may need it) */
    bool nonblocking;    /* the call is started, and waited for */
    void **inputs;       /* by rank */
    void **expected;     /* by rank; only [0] where the collective gives the same everywhere */
    uint64_t inputs_sum; /* of a shared send buffer: nobody may write to it */
};

/* Random inputs (or the caller's fill, for types of its own), and what the oracle says. */
typedef void (*item_fill)(uint64_t *state, const weft_type *type, void *data, size_t count);
void item_make(struct item *item, uint64_t *state, const struct oracle_call *call, item_fill fill);
void item_free(struct item *item);
/* One rank's part: the call, a wait for it if it is nonblocking, and all checks. Any thread. */
void item_run(const struct item *item, weft_comm *comm);
/* "allreduce count 7 of float32, sum, root 0" for messages. */
const char *item_describe(const struct item *item, char *text, size_t size);

/* One rank's part of many items in a row. Any thread. */
void items_run(const struct item *items, size_t count, weft_comm *comm);
/* The same in parts. One rank's part of an item, from the call until it is checked. */
struct guarded {
    unsigned char *base, *data;
    size_t bytes;
};
struct flight {
    const struct item *item;
    struct guarded send, recv;
    size_t *numbers, give, own;
    weft_request *request;
    bool in_place, keeps;
    char how[80];
};
/* Prepares the buffers and makes the call, or starts it. */
weft_status flight_begin(struct flight *flight, const struct item *item, weft_comm *comm);
/* Once it has finished well: what has come, and that nothing else has changed. */
void flight_check(const struct flight *flight, int rank);
void flight_free(struct flight *flight);

/* All items in a row on a new communicator; frees them; fails the test if a rank noted anything. */
void run_items(int n_ranks, const weft_config *config, struct item *items, size_t count);

/* A random call for so many ranks that moves at most max_bytes in all; sizes near the switch points. */
struct oracle_call random_call(uint64_t *state, int n_ranks, size_t max_bytes);
/* A random op that is defined for a random type. */
void random_type_and_op(uint64_t *state, const weft_type **type, const weft_op **op);
/* The number of bytes that a call moves in all, for limits. */
size_t call_bytes(const struct oracle_call *call);

/* Writes "broadcast:x,allreduce:y" with an algorithm of each collective's, or none, at random. */
void random_algorithms(uint64_t *state, char *text, size_t size);

/* Message sizes, in bytes, around every place where an algorithm might change. */
extern const size_t switch_sizes[];
extern const size_t switch_sizes_count;

const char *wait_name(weft_wait wait);

#endif

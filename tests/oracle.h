// SPDX-License-Identifier: MIT
/* oracle.h - what every collective must give, worked out one element after the other on one thread.
 *
 * It shares nothing with the library but the public header: its own conversions of 16-bit floats by plain arithmetic, its
 * own combination tree by recursion, its own rules for NaN, signed zeros, wrapping and averages. Expected bits are
 * compared, never approximations. A collective is one line in the table of oracle_collectives.c. */
#ifndef WEFT_TESTS_ORACLE_H
#define WEFT_TESTS_ORACLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <weft/weft.h>

/* One call as all ranks make it. type is NULL for collectives without data, op for those that do not reduce. */
struct oracle_call {
    const struct oracle_collective *collective;
    int n_ranks;
    size_t count;
    const weft_type *type;
    const weft_op *op;
    int root; /* 0 for collectives without one */
};

struct oracle_collective {
    const char *name;
    bool has_data, has_op, has_root;
    bool one_buffer; /* broadcast: what is sent and what is received stand in the same buffer */
    bool prefixes;   /* scan and exscan: AVG is not defined for them */
    bool root_keeps; /* scatter: in place means that the root says WEFT_IN_PLACE as recv, and nothing moves there */
    bool everywhere; /* every rank receives the same: expect() for rank 0 serves all */
    /* Elements that a rank gives and receives (gaps between blocks counted), whether it may say WEFT_IN_PLACE, and where in
     * the received ones its own stand then. */
    size_t (*gives)(const struct oracle_call *call, int rank);
    size_t (*receives)(const struct oracle_call *call, int rank);
    bool (*in_place)(const struct oracle_call *call, int rank);
    size_t (*own_offset)(const struct oracle_call *call, int rank);
    /* inputs[r] is what rank r gives; writes what `rank` must receive, and leaves gaps as they are. */
    void (*expect)(const struct oracle_call *call, const void *const *inputs, int rank, void *output);
    /* Makes the call to the library, or, with a request, starts it. send may be WEFT_IN_PLACE, with root_keeps recv; with
     * one_buffer only recv counts. Counts and offsets are written to numbers, which stays until the call has finished. */
    weft_status (*perform)(const struct oracle_call *call, weft_comm *comm, const void *send, void *recv,
                           size_t *numbers, weft_request **request);
};

size_t oracle_numbers_bytes(const struct oracle_call *call);
/* The blocking call. */
weft_status oracle_perform(const struct oracle_call *call, weft_comm *comm, const void *send, void *recv);

/* The collectives by index (NULL past the last) and by name. */
const struct oracle_collective *oracle_collective(size_t index);
const struct oracle_collective *oracle_collective_by_name(const char *name);

/* Does the contract define this built-in op for this built-in type, and for this collective? */
bool oracle_supports(const weft_op *op, const weft_type *type);
bool oracle_performs(const struct oracle_collective *collective, const weft_op *op, const weft_type *type);
/* The built-in types and ops the oracle knows, NULL past the last. */
const weft_type *oracle_type(size_t index);
const weft_op *oracle_op(size_t index);

/* tree(lo, hi) over inputs[lo .. hi-1], rounded and finished (AVG divided by `divisor`) as an allreduce would. */
void oracle_tree(const weft_type *type, const weft_op *op, const void *const *inputs, int lo, int hi, int divisor,
                 size_t count, void *output);

/* A float format's bits to its value and back: nearest, ties to even; every NaN to the canonical one. */
double oracle_widen(uint64_t bits, unsigned exponent_bits, unsigned mantissa_bits);
uint64_t oracle_narrow(double value, unsigned exponent_bits, unsigned mantissa_bits);

#endif

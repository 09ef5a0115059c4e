// SPDX-License-Identifier: MIT
/* program.h - a random program: all ranks execute the same sequence of blocking collectives, nonblocking ones, messages and splits
 * on random communicators, and finish what is in flight in orders of their own; every element that comes is checked. */
#ifndef WEFT_TESTS_PROGRAM_H
#define WEFT_TESTS_PROGRAM_H

#include <stdint.h>

#include <weft/weft.h>

/* The program follows from its seed. At most 16 ranks. */
struct program {
    uint64_t seed;
    int steps;
};

/* One rank's part; arg is the program. Notes what is wrong by CHECK. */
void run_program(weft_comm *comm, void *arg);

#endif

// SPDX-License-Identifier: MIT
/* bench_noise.h - how quiet the machine was while something was measured. */
#ifndef WEFT_BENCH_NOISE_H
#define WEFT_BENCH_NOISE_H

struct bench_noise {
    double busy_s, stolen_s; /* of all processors together */
    double own_s;
    double at_s;
};

/* The state of all counters now. */
struct bench_noise bench_noise_now(void);
/* Between two of them: the shares of the machine's processor time that other programs took, and that the hypervisor gave to
 * others. Children must have ended by then. 0 where the system does not tell. */
void bench_noise_between(const struct bench_noise *before, const struct bench_noise *after, double *foreign,
                         double *stolen);

#endif

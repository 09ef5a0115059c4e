// SPDX-License-Identifier: MIT
/* harness_clock.h - the two clocks of the benchmark.
 *
 * Elapsed time is CLOCK_MONOTONIC, which all threads and processes of a machine share. Processor time is the calling
 * thread's (or, for peers whose ranks are processes, the calling process's, so that helper threads count). */
#ifndef WEFT_HARNESS_CLOCK_H
#define WEFT_HARNESS_CLOCK_H

#include <stdint.h>
#include <time.h>

static inline int64_t bench_read_clock(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static inline int64_t bench_now_ns(void)
{
    return bench_read_clock(CLOCK_MONOTONIC);
}

/* One step of a polling loop. */
static inline void bench_pause(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ __volatile__("isb" ::: "memory");
#endif
}

#endif

// SPDX-License-Identifier: MIT
/* platform.h - all that Weft asks of an operating system and a processor; a port provides what stands here.
 *
 * The inline part is what a polling loop needs; linux.c, processors.c and topology.c hold the rest. */
#ifndef WEFT_PLATFORM_PLATFORM_H
#define WEFT_PLATFORM_PLATFORM_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#if defined(__x86_64__) || defined(__i386__)
#include <immintrin.h>
#elif !defined(__aarch64__)
#include <fenv.h>
#endif

#define WEFT_CACHE_LINE 64
#define weft_likely(condition) __builtin_expect(!!(condition), 1)
#define weft_unlikely(condition) __builtin_expect(!!(condition), 0)
#define WEFT_COLD __attribute__((cold, noinline))
#define WEFT_INLINE static inline __attribute__((always_inline))

/* Tells the processor that this is a polling loop: frees the sibling hyperthread and leaves the loop faster. */
WEFT_INLINE void weft_pause(void)
{
#if defined(__x86_64__) || defined(__i386__)
    _mm_pause();
#elif defined(__aarch64__)
    __asm__ __volatile__("isb" ::: "memory");
#endif
}

/* Keeps the compiler from moving a store behind a load; the processor still may, until weft_fence_all. */
WEFT_INLINE void weft_compiler_order(void)
{
    __asm__ __volatile__("" ::: "memory");
}

/* Stores past the caches (weft_spread) come before what this thread publishes next. */
WEFT_INLINE void weft_stream_end(void)
{
#if defined(__x86_64__)
    _mm_sfence();
#endif
}

/* Fetches the line at `address` for writing, so that a later store finds it here. (For x86-64 without further options the compiler's builtin
 * fetches for reading only.) */
WEFT_INLINE void weft_prefetch_write(const void *address)
{
#if defined(__x86_64__)
    __asm__ __volatile__("prefetchw %0" ::"m"(*(const char *)address));
#else
    __builtin_prefetch(address, 1);
#endif
}

/* Rounding to nearest and denormals kept, whatever the calling thread has chosen: a kernel may run on any rank's thread,
 * and its bits must not depend on which. Returns what weft_float_leave restores. */
WEFT_INLINE uint64_t weft_float_enter(void)
{
#if defined(__x86_64__)
    unsigned mode = _mm_getcsr();
    if (weft_unlikely((mode & 0xE040u) != 0)) /* rounding control, flush to zero, denormals are zero */
        _mm_setcsr(mode & ~0xE040u);
    return mode;
#elif defined(__aarch64__)
    uint64_t mode;
    __asm__ __volatile__("mrs %0, fpcr" : "=r"(mode));
    if (weft_unlikely((mode & 0x3C80000u) != 0)) /* default NaN apart: rounding, flush to zero, FZ16 */
        __asm__ __volatile__("msr fpcr, %0" ::"r"(mode & ~(uint64_t)0x3C80000u));
    return mode;
#else
    int mode = fegetround();
    if (weft_unlikely(mode != FE_TONEAREST))
        fesetround(FE_TONEAREST);
    return (uint64_t)mode;
#endif
}

WEFT_INLINE void weft_float_leave(uint64_t mode)
{
#if defined(__x86_64__)
    if (weft_unlikely((mode & 0xE040u) != 0))
        _mm_setcsr((unsigned)mode);
#elif defined(__aarch64__)
    if (weft_unlikely((mode & 0x3C80000u) != 0))
        __asm__ __volatile__("msr fpcr, %0" ::"r"(mode));
#else
    if (weft_unlikely(mode != FE_TONEAREST))
        fesetround((int)mode);
#endif
}

/* Nanoseconds of a clock that never goes back. */
int64_t weft_now_ns(void);

/* The same clock as the scheduler last saw it, some milliseconds old, and for a fifth of the price. */
int64_t weft_tick(void);

/* A clock that costs little to read, the same on all processors, of a steady rate that is not told. */
WEFT_INLINE uint64_t weft_cycles(void)
{
#if defined(__x86_64__) || defined(__i386__)
    return __builtin_ia32_rdtsc();
#elif defined(__aarch64__)
    uint64_t ticks;
    __asm__ __volatile__("mrs %0, cntvct_el0" : "=r"(ticks));
    return ticks;
#else
    return (uint64_t)weft_now_ns();
#endif
}

/* Lets another runnable thread have this processor. */
void weft_yield(void);

/* Sleeps while *word == expected, until woken for one of the kinds (a bit each) or until deadline_ns of weft_now_ns's clock
 * (INT64_MAX: no deadline). May return early for no reason; the caller looks again. */
void weft_futex_wait(_Atomic uint32_t *word, uint32_t expected, uint32_t kinds, int64_t deadline_ns);
/* Wakes all who sleep there for one of the kinds. */
void weft_futex_wake(_Atomic uint32_t *word, uint32_t kinds);

/* May weft_fence_all be called, and does it save anything? Where a store with seq_cst costs no more than one with release, it does not. */
bool weft_fence_all_ready(void);
/* Every running thread of the process comes to a full fence, as if it had stood in its program just there: what each stored before is
 * visible to all, and what it loads after is not older than this call. */
void weft_fence_all(void);

/* Zeroed memory, aligned to a page and untouched: each page goes to the memory of whoever writes it first. NULL: none. */
void *weft_pages_allocate(size_t bytes);
void weft_pages_free(void *pages, size_t bytes);

/* Bytes that nobody can guess; false when the system has none to give. */
bool weft_random_bytes(void *bytes, size_t count);

/* A number that differs between a process and its children by fork, and between two processes alive at once. */
uint64_t weft_process_id(void);

struct weft_processors {
    int online, affinity, usable;
    double cgroup_quota;
};
/* The processors this process may use: the union of its threads' affinity masks, and the control group's quota. */
void weft_processors_count(struct weft_processors *out);

/* What kind of machine this is, "AMD EPYC, 2 processors": equal for machines that measure alike. */
#define WEFT_MACHINE_TEXT 128
void weft_machine_name(char name[WEFT_MACHINE_TEXT]);

struct weft_level {
    const char *name;
    int count;
    size_t bytes;
    int processors_each;
};
/* The levels of the machine, outermost first, at most `capacity`; returns how many there are, negative on failure. */
int weft_topology_levels(struct weft_level *levels, int capacity);
/* No thread is in the midst of loading a topology between these two: for a fork. */
void weft_topology_hold(void);
void weft_topology_let_go(void);

/* ---- For reports: safe in a signal handler, as weft_now_ns is. */

/* Numbers of the processor that the calling thread runs on (negative: not known), and of the thread, as the system's tools show it. */
int weft_processor(void);
int weft_thread_id(void);
/* Where a thread of this process runs, or last did, and whether it does: 'R', or 'S' and others where it does not. False: there is none. */
bool weft_thread_look(int thread, int *processor, char *state);
/* Opens a file to write behind what stands there; negative: refused. */
int weft_file_append(const char *path);
bool weft_file_write(int file, const char *text, size_t bytes);
void weft_file_close(int file);
/* From now on the handler gets the signal, in any thread; `unclaimed`: only if nobody has asked for it. False: refused. */
bool weft_signal_handle(int signo, void (*handler)(int signo), bool unclaimed);

enum weft_vicinity { WEFT_VICINITY_NUMA, WEFT_VICINITY_L3, WEFT_VICINITY_CORE };
/* A number for the memory node, the last-level cache or the core of the processor that the calling thread runs on, the
 * same for all that share it. Where WEFT_TOPOLOGY describes a machine, the processor is that of number `place`, modulo
 * how many there are. Negative: `why` says why not. */
int weft_topology_vicinity(enum weft_vicinity vicinity, int place, char *why, size_t why_size);

/* How many last-level caches the machine has, and how many processors share one; negative where hwloc refuses. */
int weft_topology_caches(int *processors_each);
/* A number for the last-level cache below which the calling thread is bound to run, and how many processors share that; negative: it
 * may run below several. Where WEFT_TOPOLOGY describes a machine, as above. */
int weft_topology_home(int place, int *processors);

#endif

// SPDX-License-Identifier: MIT
/* linux.c - clock, scheduler, futex, pages and randomness, straight from Linux.
 *
 * After: U. Drepper, "Futexes Are Tricky"; futex(2), getrandom(2), membarrier(2). */
#include "platform/platform.h"

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <linux/membarrier.h>
#include <sched.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

int64_t weft_now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

int64_t weft_tick(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

void weft_yield(void)
{
    sched_yield();
}

void weft_futex_wait(_Atomic uint32_t *word, uint32_t expected, uint32_t kinds, int64_t deadline_ns)
{
    struct timespec deadline;
    struct timespec *until = NULL;
    if (deadline_ns != INT64_MAX) {
        deadline.tv_sec = (time_t)(deadline_ns / 1000000000);
        deadline.tv_nsec = (long)(deadline_ns % 1000000000);
        until = &deadline;
    }
    /* The bitset form takes an absolute time of CLOCK_MONOTONIC, so an interrupted sleep does not grow. */
    syscall(SYS_futex, word, FUTEX_WAIT_BITSET_PRIVATE, expected, until, NULL, kinds);
}

void weft_futex_wake(_Atomic uint32_t *word, uint32_t kinds)
{
    syscall(SYS_futex, word, FUTEX_WAKE_BITSET_PRIVATE, INT_MAX, NULL, NULL, kinds);
}

#if defined(__x86_64__) || defined(__i386__)
static bool register_fences(void)
{
    long commands = syscall(SYS_membarrier, MEMBARRIER_CMD_QUERY, 0, 0);
    return commands >= 0 && (commands & MEMBARRIER_CMD_PRIVATE_EXPEDITED) != 0 &&
           syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0) == 0;
}

bool weft_fence_all_ready(void)
{
    static _Atomic uint64_t registered, refused; /* the process that asked */
    uint64_t process = weft_process_id();
    /* P1, relaxed: an answer of the system's, the same for whoever asks. */
    if (atomic_load_explicit(&registered, memory_order_relaxed) == process)
        return true;
    if (atomic_load_explicit(&refused, memory_order_relaxed) == process)
        return false;
    bool ready = register_fences();
    /* P1, relaxed: as above. */
    atomic_store_explicit(ready ? &registered : &refused, process, memory_order_relaxed);
    return ready;
}
#else
bool weft_fence_all_ready(void)
{
    return false;
}
#endif

void weft_fence_all(void)
{
    syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0);
}

void *weft_pages_allocate(size_t bytes)
{
    void *pages = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return pages == MAP_FAILED ? NULL : pages;
}

void weft_pages_free(void *pages, size_t bytes)
{
    if (pages != NULL)
        munmap(pages, bytes);
}

bool weft_random_bytes(void *bytes, size_t count)
{
    unsigned char *at = bytes;
    while (count > 0) {
        ssize_t got = getrandom(at, count > 256 ? 256 : count, 0);
        if (got < 0 && errno == EINTR) /* soon after the machine has started */
            continue;
        if (got <= 0)
            return false;
        at += got;
        count -= (size_t)got;
    }
    return true;
}

uint64_t weft_process_id(void)
{
    return (uint64_t)getpid();
}

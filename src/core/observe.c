// SPDX-License-Identifier: MIT
/* observe.c - finds the ThreadSanitizer of the program, if there is one, and talks to it (its tsan_interface.h). */
#include "core/observe.h"

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define SEEN_ITSELF 1
#endif
#endif
#if defined(__SANITIZE_THREAD__)
#define SEEN_ITSELF 1
#endif

#ifdef SEEN_ITSELF
bool weft_observed(void)
{
    return false;
}

void weft_observe_release(const void *word)
{
    (void)word;
}

void weft_observe_acquire(const void *word)
{
    (void)word;
}
#else
extern void __tsan_acquire(void *address) __attribute__((weak, visibility("default")));
extern void __tsan_release(void *address) __attribute__((weak, visibility("default")));

bool weft_observed(void)
{
    return __tsan_acquire != NULL && __tsan_release != NULL;
}

void weft_observe_release(const void *word)
{
    if (__tsan_release != NULL)
        __tsan_release((void *)(uintptr_t)word);
}

void weft_observe_acquire(const void *word)
{
    if (__tsan_acquire != NULL)
        __tsan_acquire((void *)(uintptr_t)word);
}
#endif

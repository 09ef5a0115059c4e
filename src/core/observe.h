// SPDX-License-Identifier: MIT
/* observe.h - tells the ThreadSanitizer of a program what this library's atomics order.
 *
 * A program may be built with ThreadSanitizer and linked to a library that is not. It sees the library's calls of memcpy and the program's own
 * accesses, and none of the atomics between them. So wherever the library publishes and awaits, it says so: the order is that of the word
 * itself, no more, so that what a program forgets is still found. Where there is no ThreadSanitizer the two functions are not there, and
 * the short path has one test (weft_world.observed). A library that is itself built with it says nothing, so that its own atomics are judged. */
#ifndef WEFT_CORE_OBSERVE_H
#define WEFT_CORE_OBSERVE_H

#include "platform/platform.h"

/* Is there one that sees the program and not this library? */
bool weft_observed(void);

/* Before the word is published; and after it was found. Off the short path they may be called in any case. */
WEFT_COLD void weft_observe_release(const void *word);
WEFT_COLD void weft_observe_acquire(const void *word);

#endif

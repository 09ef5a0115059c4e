// SPDX-License-Identifier: MIT
/* text.h - puts words and numbers together without the C library, so in a signal handler, too. */
#ifndef WEFT_CORE_TEXT_H
#define WEFT_CORE_TEXT_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

/* As vsnprintf, for %s, %d, %u, %llu, %lld and %08x; what does not fit is cut. Returns how much stands there. */
__attribute__((format(printf, 3, 0))) size_t weft_text_format(char *text, size_t size, const char *format,
                                                              va_list arguments);

/* The same behind the `at` characters that stand there; returns the new end. */
__attribute__((format(printf, 4, 5))) size_t weft_text_add(char *text, size_t size, size_t at, const char *format, ...);

#define WEFT_DURATION_TEXT 32
/* "840 ns", "12.3 ms", "5.2 s" */
void weft_text_duration(int64_t ns, char text[WEFT_DURATION_TEXT]);

#endif

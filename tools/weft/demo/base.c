// SPDX-License-Identifier: MIT
/* base.c - clocks, checksums, random numbers, and the screen.
 *
 * The checksum is FNV-1a (G. Fowler, L. C. Noll, K.-P. Vo), the random numbers are the output function of SplitMix64
 * (G. Steele, D. Lea, C. Flood, "Fast Splittable Pseudorandom Number Generators", 2014). Colours appear on a terminal
 * alone, and never where NO_COLOR is set (no-color.org). */
#define _POSIX_C_SOURCE 200809L
#include "base.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static double read_clock(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

double wall_seconds(void)
{
    return read_clock(CLOCK_MONOTONIC);
}

double processor_seconds(void)
{
    return read_clock(CLOCK_PROCESS_CPUTIME_ID);
}

uint64_t checksum(const void *data, size_t bytes)
{
    uint64_t sum = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < bytes; i++)
        sum = (sum ^ ((const unsigned char *)data)[i]) * UINT64_C(0x100000001b3);
    return sum;
}

uint64_t random_bits(uint64_t seed, uint64_t index)
{
    uint64_t z = seed * UINT64_C(0xd1342543de82ef95) + (index + 1) * UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

double random_unit(uint64_t seed, uint64_t index)
{
    return (double)(random_bits(seed, index) >> 11) * 0x1p-53;
}

bool screen_live(void)
{
    const char *terminal = getenv("TERM");
    return isatty(STDOUT_FILENO) && terminal != NULL && strcmp(terminal, "dumb") != 0;
}

const char *screen_style(enum style style)
{
    static const char *const codes[STYLES] = {"\033[0m", "\033[1m", "\033[2m", "\033[32m", "\033[1;31m"};
    const char *refused = getenv("NO_COLOR");
    return screen_live() && (refused == NULL || *refused == '\0') ? codes[style] : "";
}

void screen_heading(const char *title)
{
    printf("\n%s%s%s\n\n", screen_style(BOLD), title, screen_style(PLAIN));
}

void screen_wait(const char *what)
{
    if (screen_live())
        printf("  ...     %s", what);
    fflush(stdout);
}

bool screen_check(bool ok, const char *format, ...)
{
    va_list values;
    printf("%s  %s%-6s%s  ", screen_live() ? "\r\033[K" : "", screen_style(ok ? GREEN : RED), ok ? "ok" : "FAILED",
           screen_style(PLAIN));
    va_start(values, format);
    vprintf(format, values);
    va_end(values);
    printf("\n");
    fflush(stdout);
    return ok;
}

void screen_text(const char *text, size_t size, const char *line_end)
{
    for (size_t i = 0; i < size; i++) {
        const unsigned char c = (unsigned char)text[i];
        if (c == '\n')
            fputs(line_end, stdout);
        else if (c == '\t')
            fputs("    ", stdout);
        else if (c >= ' ' && c != 127)
            putchar(c);
    }
}

char *grouped(double number, char out[32])
{
    char digits[24];
    const int length = snprintf(digits, sizeof digits, "%.0f", number);
    int used = 0;
    for (int i = 0; i < length; i++) {
        if (i > 0 && (length - i) % 3 == 0)
            out[used++] = ',';
        out[used++] = digits[i];
    }
    out[used] = '\0';
    return out;
}

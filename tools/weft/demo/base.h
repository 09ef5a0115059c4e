// SPDX-License-Identifier: MIT
/* base.h - what every part of the demo uses: clocks, checksums, random numbers, and the screen. */
#ifndef WEFT_DEMO_BASE_H
#define WEFT_DEMO_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

double wall_seconds(void);
double processor_seconds(void); /* of all threads of this process together */

uint64_t checksum(const void *data, size_t bytes);

/* Numbers that depend on nothing but their name: random_bits(seed, index) is the same on every rank. */
uint64_t random_bits(uint64_t seed, uint64_t index);
double random_unit(uint64_t seed, uint64_t index); /* 0 <= x < 1 */

enum style { PLAIN, BOLD, FAINT, GREEN, RED, STYLES };
bool screen_live(void);                     /* is standard output a terminal, where a line can be redrawn? */
const char *screen_style(enum style style); /* "" where colours are not wanted */
void screen_heading(const char *title);
/* Says on a terminal what is going on, until the next screen_check takes the line; that returns `ok`. */
void screen_wait(const char *what);
__attribute__((format(printf, 2, 3))) bool screen_check(bool ok, const char *format, ...);
/* Text that came from the model or the user, with the bytes left out that would steer a terminal. Line ends become
 * `line_end`. */
void screen_text(const char *text, size_t size, const char *line_end);
/* 1234567 as "1,234,567"; returns `out`. */
char *grouped(double number, char out[32]);

#endif

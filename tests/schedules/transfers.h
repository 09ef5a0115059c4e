// SPDX-License-Identifier: MIT
/* transfers.h - what each algorithm costs in transfers of lines, at many rank counts. */
#ifndef WEFT_TESTS_TRANSFERS_H
#define WEFT_TESTS_TRANSFERS_H

#include <stdbool.h>

/* Prints the tables of docs/scaling.md. False: something was found. */
/* collective: of that alone; NULL: of all. */
bool transfers_print(const char *collective);

#endif

// SPDX-License-Identifier: MIT
/* transfers.h - what each algorithm costs in transfers of lines, at many rank counts. */
#ifndef WEFT_TESTS_TRANSFERS_H
#define WEFT_TESTS_TRANSFERS_H

#include <stdbool.h>

/* Prints the tables of docs/scaling.md. False: something was found. */
bool transfers_print(void);

#endif

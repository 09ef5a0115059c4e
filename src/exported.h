// SPDX-License-Identifier: MIT
/* exported.h - put in front of every source of the library by the build (-include). Everything is compiled hidden; what
 * the public headers declare is visible. weft.map lists the same names for the linker, and a check compares the two. */
#ifndef WEFT_EXPORTED_H
#define WEFT_EXPORTED_H

#pragma GCC visibility push(default)
#include <weft/info.h>
#include <weft/weft.h>
#pragma GCC visibility pop

#endif

// SPDX-License-Identifier: MIT
/* trace.h (of the command) - `weft trace`. */
#ifndef WEFT_COMMAND_TRACE_H
#define WEFT_COMMAND_TRACE_H

int weft_trace_main(int argc, char **argv);

#endif

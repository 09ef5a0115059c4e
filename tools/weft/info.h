// SPDX-License-Identifier: MIT
/* info.h (of the command) - `weft info`. */
#ifndef WEFT_COMMAND_INFO_H
#define WEFT_COMMAND_INFO_H

int weft_info_main(int argc, char **argv);

#endif

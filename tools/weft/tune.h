// SPDX-License-Identifier: MIT
/* tune.h - `weft tune`: measures the figures by which the library chooses, and writes them into its table. */
#ifndef WEFT_TOOLS_TUNE_H
#define WEFT_TOOLS_TUNE_H

int weft_tune_main(int argc, char **argv);

#endif

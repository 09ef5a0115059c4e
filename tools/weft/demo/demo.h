// SPDX-License-Identifier: MIT
/* demo.h - `weft demo`: trains a small language model data-parallel on real text, then serves it tensor-parallel. */
#ifndef WEFT_DEMO_DEMO_H
#define WEFT_DEMO_DEMO_H

/* Runs the demo with the arguments that follow the word "demo" (argv[0] is that word) and returns the exit code: 0, 1 if
 * something failed or a check found a difference, 2 for arguments that make no sense. */
int weft_demo_main(int argc, char **argv);

#endif

// SPDX-License-Identifier: MIT
/* bench.h - `weft bench`. */
#ifndef WEFT_BENCH_H
#define WEFT_BENCH_H

int weft_bench_main(int argc, char **argv);

#endif

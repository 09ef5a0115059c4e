// SPDX-License-Identifier: MIT
/* Conformance of every algorithm: each is forced by name and gives what the oracle says, bit by bit, over rank counts and over sizes
 * around every place where something changes: beside the flag or not, one line or several, a block, a slice, a page. */
#include "cases.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <weft/info.h>

enum { MAX_ITEMS = 64 };

static const int rank_counts[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 16, 17, 33};
enum { N_RANK_COUNTS = sizeof rank_counts / sizeof rank_counts[0] };

/* One communicator: one algorithm of one collective forced, all sizes around the switch points, two types. */
static void run_algorithm(const struct oracle_collective *collective, const char *algorithm, int n_ranks,
                          weft_wait wait, uint64_t *state)
{
    test_watchdog(60);
    static const weft_type *const types[] = {&weft_uint8, &weft_int32, &weft_float32, &weft_bfloat16, &weft_float64};
    struct item items[MAX_ITEMS];
    size_t count = 0, max_bytes = n_ranks <= 3 ? (size_t)12 << 20 : n_ranks <= 9 ? (size_t)3 << 20 : (size_t)2 << 20;
    char algorithms[100];
    max_bytes = test_scale() < 1 ? max_bytes / 6 : max_bytes;
    snprintf(algorithms, sizeof algorithms, "%s:%s", collective->name, algorithm);
    weft_config config = WEFT_CONFIG_INIT;
    config.wait = wait;
    config.algorithms = algorithms;
    test_case("%s, %d ranks, wait %s", algorithms, n_ranks, wait_name(wait));
    struct oracle_call call = {.collective = collective, .n_ranks = n_ranks};
    for (size_t s = 0; s < switch_sizes_count; s++) {
        if (collective->has_data) {
            call.type = types[random_below(state, sizeof types / sizeof types[0])];
            call.count = switch_sizes[s] / call.type->size + (random_below(state, 4) == 0);
            call.op = collective->has_op ? WEFT_SUM : NULL;
            call.root = collective->has_root ? (int)random_below(state, (uint64_t)n_ranks) : 0;
        }
        if (call_bytes(&call) <= max_bytes)
            item_make(&items[count++], state, &call, NULL);
    }
    run_items(n_ranks, &config, items, count);
}

static void every_algorithm_at_every_switch_point(void **unused)
{
    (void)unused;
    uint64_t state = test_seed();
    const char *algorithm;
    for (size_t c = 0; oracle_collective(c); c++)
        for (size_t a = 0; (algorithm = weft_info_algorithm(oracle_collective(c)->name, a)) != NULL; a++)
            for (size_t n = 0; n < N_RANK_COUNTS; n++) {
                bool spin = rank_counts[n] <= 3 && random_below(&state, 3) == 0;
                weft_wait wait = spin                           ? WEFT_WAIT_SPIN
                                 : random_below(&state, 3) == 0 ? WEFT_WAIT_BLOCK
                                                                : WEFT_WAIT_AUTO;
                if (n == 1 || sampled(&state))
                    run_algorithm(oracle_collective(c), algorithm, rank_counts[n], wait, &state);
            }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(every_algorithm_at_every_switch_point),
    };
    return RUN_TESTS("algorithms", tests);
}

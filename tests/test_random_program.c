// SPDX-License-Identifier: MIT
/* Random programs (program.h) on several numbers of ranks, wait policies and algorithms. They follow from a seed, which stands in
 * the messages; WEFT_TEST_SCALE=140 runs a million operations (make fuzz). */
#include "cases.h"
#include "program.h"

static void random_programs_compute_what_they_should(void **unused)
{
    (void)unused;
    static const int ranks[] = {2, 3, 8, 1, 5, 16};
    uint64_t state = test_seed();
    for (int i = 0; i < scaled(24); i++) {
        struct program program = {random_next(&state), 300};
        weft_config config = WEFT_CONFIG_INIT;
        char algorithms[400];
        random_algorithms(&state, algorithms, sizeof algorithms);
        config.algorithms = i % 2 ? algorithms : NULL;
        config.wait = i % 3 ? WEFT_WAIT_AUTO : WEFT_WAIT_BLOCK;
        config.timeout_ns = 40000000000;
        int n = ranks[i % 6];
        test_watchdog(120);
        test_case("program %d, %d ranks, wait %s, algorithms %s", i, n, wait_name(config.wait),
                  config.algorithms ? algorithms : "(chosen)");
        run_ranks(n, &config, run_program, &program);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(random_programs_compute_what_they_should)};
    return RUN_TESTS("random_program", tests);
}

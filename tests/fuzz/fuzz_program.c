// SPDX-License-Identifier: MIT
/* Random programs whose every result is checked (tests/program.h): the bytes choose the seed, how many ranks there are, how they
 * wait, and the algorithms. */
#include "cases.h"
#include "fuzz.h"
#include "program.h"

static weft_status run(weft_comm *comm, void *program)
{
    run_program(comm, program);
    return WEFT_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes bytes = {data, size};
    struct program program = {.steps = 1 + (int)take_below(&bytes, 60)};
    weft_config config = WEFT_CONFIG_INIT;
    char algorithms[400];
    int n = 1 + (int)take_below(&bytes, 6);
    unsigned how = take(&bytes);
    for (int i = 0; i < 8; i++)
        program.seed = program.seed << 8 | take(&bytes);
    uint64_t state = program.seed;
    random_algorithms(&state, algorithms, sizeof algorithms);
    config.algorithms = how & 4 ? algorithms : NULL;
    config.wait = how & 1 ? WEFT_WAIT_BLOCK : WEFT_WAIT_AUTO;
    config.timeout_ns = 60000000000;
    start_process();
    EXPECT(weft_run(n, &config, run, &program) == WEFT_OK);
    EXPECT(finish_process() == 0);
    return 0;
}

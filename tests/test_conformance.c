// SPDX-License-Identifier: MIT
/* Conformance: every collective gives what the oracle says, bit by bit, on every rank: over rank counts, sizes, types,
 * operations, wait policies, algorithms by name, in place and not, aligned and not. Directed cases first; then a random
 * sample of the whole product, each communicator with a seed that replays it. */
#include "cases.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <weft/info.h>

enum { MAX_ITEMS = 512 };

/* The oracle knows all that the library says it has, and the other way round: what one forgets is found here. */
static void lists_agree_with_oracle(void **state)
{
    (void)state;
    test_case("lists");
    const char *name;
    size_t i;
    for (i = 0; (name = weft_info_collective(i)) != NULL; i++)
        CHECK(oracle_collective_by_name(name), "the oracle does not know the collective %s", name);
    for (i = 0; oracle_collective(i); i++)
        CHECK(weft_info_algorithm(oracle_collective(i)->name, 0), "no algorithm of %s", oracle_collective(i)->name);
    for (i = 0; weft_info_type(i); i++)
        CHECK(oracle_type(i) != NULL, "the oracle does not know the type %s", weft_info_type(i)->name);
    for (i = 0; oracle_type(i); i++)
        CHECK(weft_info_type_by_name(oracle_type(i)->name) == oracle_type(i), "type %s", oracle_type(i)->name);
    for (i = 0; weft_info_op(i); i++)
        CHECK(oracle_op(i) != NULL, "the oracle does not know the op %s", weft_info_op(i)->name);
    for (i = 0; oracle_op(i); i++)
        CHECK(weft_info_op_by_name(oracle_op(i)->name) == oracle_op(i), "op %s", oracle_op(i)->name);
}

static void supports_what_the_contract_defines(void **state)
{
    (void)state;
    test_case("weft_op_supports");
    for (size_t t = 0; oracle_type(t); t++)
        for (size_t o = 0; oracle_op(o); o++)
            CHECK(weft_op_supports(oracle_op(o), oracle_type(t)) == oracle_supports(oracle_op(o), oracle_type(t)),
                  "op %s on type %s", oracle_op(o)->name, oracle_type(t)->name);
    CHECK(!weft_op_supports(NULL, WEFT_INT8) && !weft_op_supports(WEFT_SUM, NULL), "NULL");
}

static void types_have_the_sizes_of_their_names(void **state)
{
    (void)state;
    test_case("sizes");
    static const size_t sizes[] = {1, 2, 4, 8, 1, 2, 4, 8, 2, 2, 4, 8, 8, 16, 8, 16};
    for (size_t t = 0; oracle_type(t); t++)
        CHECK(oracle_type(t)->size == sizes[t] && !oracle_type(t)->copy, "%s", oracle_type(t)->name);
}

/* Every op on every type, on few elements (which travel beside the flags) and on some hundred. */
static void reductions_of_every_type_and_op(void **unused)
{
    (void)unused;
    static const int ranks[] = {1, 2, 3, 5, 8, 13};
    uint64_t state = test_seed();
    struct item *items = test_alloc(sizeof *items * MAX_ITEMS * 16);
    for (size_t n = 0; n < sizeof ranks / sizeof ranks[0]; n++) {
        size_t count = 0, turn = test_seed() % 8;
        test_case("every type and op, %d ranks", ranks[n]);
        test_watchdog(60);
        for (size_t t = 0; oracle_type(t); t++)
            for (size_t o = 0; oracle_op(o); o++)
                for (size_t c = 0; oracle_collective(c); c++)
                    for (int k = 0; k < 2 && oracle_collective(c)->has_op &&
                                    oracle_performs(oracle_collective(c), oracle_op(o), oracle_type(t));
                         k++) {
                        if (test_scale() < 1 && turn++ % (sizeof ranks / sizeof ranks[0]) != n)
                            continue; /* each on some number of ranks, at least */
                        struct oracle_call call = {oracle_collective(c), ranks[n],     k == 1 ? 401 : 3,
                                                   oracle_type(t),       oracle_op(o), 0};
                        if (call.collective->has_root)
                            call.root = (int)random_below(&state, (uint64_t)ranks[n]);
                        item_make(&items[count++], &state, &call, NULL);
                    }
        run_items(ranks[n], NULL, items, count);
    }
    free(items);
}

/* The same inputs under each wait policy, as the library chooses the algorithms. */
static void every_wait_policy(void **unused)
{
    (void)unused;
    static const weft_wait waits[] = {WEFT_WAIT_AUTO, WEFT_WAIT_SPIN, WEFT_WAIT_BLOCK};
    for (size_t w = 0; w < 3; w++)
        for (int n = 1; n <= 4; n++) {
            uint64_t state = test_seed() + (uint64_t)n;
            struct item items[60];
            weft_config config = WEFT_CONFIG_INIT;
            config.wait = waits[w];
            test_case("wait %s, %d ranks", wait_name(waits[w]), n);
            for (size_t i = 0; i < 60; i++) {
                struct oracle_call call = random_call(&state, n, (size_t)1 << 20);
                item_make(&items[i], &state, &call, NULL);
            }
            run_items(n, &config, items, 60);
        }
}

static void random_session(uint64_t seed)
{
    uint64_t state = seed;
    char algorithms[400];
    struct item items[24];
    int n_ranks = random_below(&state, 4) ? 1 + (int)random_below(&state, 9) : 1 + (int)random_below(&state, 40);
    weft_config config = WEFT_CONFIG_INIT;
    uint64_t wait = random_below(&state, 6);
    config.wait = wait == 0 && n_ranks <= 5 ? WEFT_WAIT_SPIN : wait == 1 ? WEFT_WAIT_BLOCK : WEFT_WAIT_AUTO;
    random_algorithms(&state, algorithms, sizeof algorithms);
    config.algorithms = random_below(&state, 2) ? algorithms : NULL;
    test_watchdog(60);
    test_case("session %#llx: %d ranks, wait %s, algorithms %s", (unsigned long long)seed, n_ranks,
              wait_name(config.wait), config.algorithms ? config.algorithms : "(the library's choice)");
    size_t max_bytes = random_below(&state, 8) == 0 ? (size_t)4 << 20 : (size_t)512 << 10;
    for (size_t i = 0; i < 24; i++) {
        struct oracle_call call = random_call(&state, n_ranks, max_bytes);
        item_make(&items[i], &state, &call, NULL);
    }
    run_items(n_ranks, &config, items, 24);
}

/* A sample of everything at once. WEFT_TEST_SEED replays it all; the message names the session that failed. */
static void random_sample_of_the_product(void **unused)
{
    (void)unused;
    uint64_t state = test_seed();
    for (int i = 0; i < scaled(300); i++)
        random_session(random_next(&state));
}

/* Megabytes, where slices and blocks are many, on few ranks. */
static void megabytes(void **unused)
{
    (void)unused;
    uint64_t state = test_seed();
    static const size_t sizes[] = {(1u << 20) + 24, 2u << 20, (5u << 20) + 8};
    for (int n = test_scale() < 1 ? 2 : 1; n <= (test_scale() < 1 ? 3 : 5); n++)
        for (size_t s = 0; s < (test_scale() < 1 ? 1 : 3) && (size_t)n * sizes[s] < (size_t)12 << 20; s++) {
            struct item items[32];
            test_case("%zu bytes, %d ranks", sizes[s], n);
            test_watchdog(60);
            size_t count = 0;
            for (size_t c = 0; oracle_collective(c); c++) {
                struct oracle_call call = {.collective = oracle_collective(c), .n_ranks = n, .type = WEFT_FLOAT32};
                call.count = sizes[s] / 4;
                call.op = call.collective->has_op ? WEFT_SUM : NULL;
                call.root = call.collective->has_root ? n / 2 : 0;
                while (call_bytes(&call) > 3 * (size_t)n * sizes[s])
                    call.count = call.count / 2 + 1;
                if (call.collective->has_data)
                    item_make(&items[count++], &state, &call, NULL);
            }
            run_items(n, NULL, items, count);
        }
}

/* Ranks far beyond the processors: 64, then 1,024, with few elements; the reductions on trees of every depth. */
static void hundreds_of_ranks(void **unused)
{
    (void)unused;
    uint64_t state = test_seed();
    const int ranks[] = {64, 100, scaled_ranks(257), scaled_ranks(1024)};
    for (size_t n = 0; n < 4; n++) {
        struct item items[100];
        size_t count = 0;
        test_case("%d ranks", ranks[n]);
        test_watchdog(60);
        for (size_t i = 0; i < 4; i++)
            for (size_t c = 0; oracle_collective(c); c++) {
                struct oracle_call call = {.collective = oracle_collective(c), .n_ranks = ranks[n]};
                if (call.collective->has_data) {
                    do
                        random_type_and_op(&state, &call.type, &call.op);
                    while (!oracle_performs(call.collective, call.op, call.type));
                    call.op = call.collective->has_op ? call.op : NULL;
                    call.count = i == 3 ? (ranks[n] <= 100 ? 1000 : 65) : i;
                }
                call.root = call.collective->has_root ? (int)random_below(&state, (uint64_t)ranks[n]) : 0;
                if (call_bytes(&call) <= (size_t)(test_scale() < 1 ? 4 : 64) << 20)
                    item_make(&items[count++], &state, &call, NULL);
            }
        run_items(ranks[n], NULL, items, count);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(lists_agree_with_oracle),
        TEST(supports_what_the_contract_defines),
        TEST(types_have_the_sizes_of_their_names),
        TEST(reductions_of_every_type_and_op),
        TEST(every_wait_policy),
        TEST(megabytes),
        TEST(hundreds_of_ranks),
        TEST(random_sample_of_the_product),
    };
    return RUN_TESTS("conformance", tests);
}

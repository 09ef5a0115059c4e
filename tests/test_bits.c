// SPDX-License-Identifier: MIT
/* The same bits everywhere: sums of floats whose order shows are the same on every rank, by every algorithm, under every wait
 * policy, in whatever order the ranks arrive, in place or not, at any offset of a larger vector, and in every repetition; and
 * they are those of the contract's tree, which is checked against numbers worked out by hand. */
#include "cases.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <weft/info.h>

enum { MAX_COUNT = 30000 };

/* 2^24 on rank 0 and 1 on all others: each addition of a lone 1 may be lost or rounded up, so the sum tells the tree.
 * n = 5: (2^24 + 1 -> 2^24) + (1 + 1) = 2^24 + 2; + 1 is half way, to even: 2^24 + 4. */
static const uint32_t sums_by_hand[] = {0, 0, 0, 0, 2, 4, 4, 4, 6, 8, 8, 8, 10, 12, 12, 12, 14, 16, 16, 16, 18};

struct vector {
    const weft_type *type;
    const weft_op *op;
    size_t count;
    void *inputs[64];
    void *result; /* of the first run; all others must give the same */
    bool have_result;
    uint64_t seed;
    bool in_place, late;
};

static void reduce_vector(weft_comm *comm, void *arg)
{
    const struct vector *vector = arg;
    int rank = weft_comm_rank(comm), root = weft_comm_size(comm) / 2;
    size_t bytes = vector->count * vector->type->size;
    uint64_t state = vector->seed + (uint64_t)rank;
    char *send = test_alloc(bytes), *recv = test_alloc(bytes);
    for (int rooted = 0; rooted < 2; rooted++) {
        const void *from = vector->in_place && (!rooted || rank == root) ? WEFT_IN_PLACE : send;
        memcpy(send, vector->inputs[rank], bytes);
        memcpy(recv, vector->inputs[rank], bytes);
        if (vector->late)
            sleep_us((unsigned)random_below(&state, 1500));
        CHECK_OK(rooted ? weft_reduce(comm, from, recv, vector->count, vector->type, vector->op, root)
                        : weft_allreduce(comm, from, recv, vector->count, vector->type, vector->op));
        if (!rooted && rank == 0 && !vector->have_result)
            memcpy(vector->result, recv, bytes);
        CHECK_OK(weft_barrier(comm)); /* rank 0 has set the result */
        CHECK((rooted && rank != root) || memcmp(recv, vector->result, bytes) == 0, "rank %d, %s: other bits", rank,
              rooted ? "reduce" : "allreduce");
    }
    free(send);
    free(recv);
}

static void run_vector(struct vector *vector, int n_ranks, const weft_config *config, const char *how)
{
    test_case("%s of %zu x %s, %d ranks, %s, wait %s, algorithms %s", vector->op->name, vector->count,
              vector->type->name, n_ranks, how, wait_name(config->wait),
              config->algorithms ? config->algorithms : "(chosen)");
    run_ranks(n_ranks, config, reduce_vector, vector);
    vector->have_result = true;
}

static void run_everywhere(struct vector *vector, int n_ranks, uint64_t *state)
{
    static const weft_wait waits[] = {WEFT_WAIT_AUTO, WEFT_WAIT_BLOCK, WEFT_WAIT_SPIN};
    weft_config config = WEFT_CONFIG_INIT;
    char forced[100];
    const char *names[2] = {NULL, NULL};
    vector->have_result = false;
    vector->result = test_alloc(vector->count * vector->type->size);
    for (int w = 0; w < (n_ranks <= 4 ? 3 : 2); w++) {
        config.wait = waits[w];
        run_vector(vector, n_ranks, &config, "as it comes");
    }
    config.wait = WEFT_WAIT_AUTO;
    for (size_t a = 0; a < 16; a++) {
        for (int rooted = 0; rooted < 2; rooted++)
            if (weft_info_algorithm(rooted ? "reduce" : "allreduce", a))
                names[rooted] = weft_info_algorithm(rooted ? "reduce" : "allreduce", a);
        snprintf(forced, sizeof forced, "allreduce:%s,reduce:%s", names[0], names[1]);
        config.algorithms = forced;
        vector->seed = random_next(state);
        vector->late = a % 2;
        vector->in_place = random_below(state, 2);
        run_vector(vector, n_ranks, &config, vector->late ? "in random order" : "as it comes");
        if (!weft_info_algorithm("allreduce", a + 1) && !weft_info_algorithm("reduce", a + 1))
            break;
    }
}

static void sums_are_those_worked_out_by_hand(void **unused)
{
    (void)unused;
    uint64_t state = test_seed();
    static const size_t counts[] = {1, 100, 20000};
    for (int n = 2; n <= 20; n++)
        for (size_t c = 0; c < 3; c++) {
            struct vector vector = {.type = WEFT_FLOAT32, .op = WEFT_SUM, .count = counts[c]};
            for (int r = 0; r < n; r++) {
                vector.inputs[r] = test_alloc(counts[c] * sizeof(float));
                for (size_t i = 0; i < counts[c]; i++)
                    ((float *)vector.inputs[r])[i] = r == 0 ? 16777216.0f : 1.0f;
            }
            run_everywhere(&vector, n, &state);
            float expected = (float)(16777216 + sums_by_hand[n]);
            for (size_t i = 0; i < counts[c]; i++)
                if (!CHECK(((float *)vector.result)[i] == expected, "%d ranks, element %zu: %.1f, expected %.1f", n, i,
                           (double)((float *)vector.result)[i], (double)expected))
                    break;
            free(vector.result);
            for (int r = 0; r < n; r++)
                free(vector.inputs[r]);
        }
}

static void bits_do_not_depend_on_how(void **unused)
{
    (void)unused;
    static const weft_type *const types[] = {&weft_float32, &weft_float64, &weft_bfloat16, &weft_float16};
    static const weft_op *const ops[] = {&weft_sum, &weft_prod, &weft_avg};
    uint64_t state = test_seed();
    for (int i = 0; i < scaled(60); i++) {
        int n = i % 3 == 0 ? 2 + i / 3 % 7 : 2 + (int)random_below(&state, 32);
        size_t count = 1 + random_below(&state, n < 9 ? MAX_COUNT : 3000);
        struct vector vector = {.type = types[i % 4], .op = ops[i % 3], .count = i % 5 == 0 ? count % 28 + 1 : count};
        for (int r = 0; r < n; r++) {
            vector.inputs[r] = test_alloc(vector.count * vector.type->size);
            random_fill(&state, vector.type, vector.inputs[r], vector.count);
        }
        run_everywhere(&vector, n, &state);
        free(vector.result);
        for (int r = 0; r < n; r++)
            free(vector.inputs[r]);
    }
}

/* An element's bits do not depend on where it stands, or on how many stand beside it. */
struct window {
    const float *inputs[8];
    float *whole;
};

static void reduce_windows(weft_comm *comm, void *arg)
{
    const struct window *window = arg;
    int rank = weft_comm_rank(comm);
    float *part = test_alloc(MAX_COUNT * sizeof *part);
    CHECK_OK(weft_allreduce(comm, window->inputs[rank], part, MAX_COUNT, WEFT_FLOAT32, WEFT_SUM));
    if (rank == 0)
        memcpy(window->whole, part, MAX_COUNT * sizeof *part);
    CHECK_OK(weft_barrier(comm));
    for (size_t count = 1; count < MAX_COUNT; count = count * 3 + 1)
        for (size_t at = 0; at + count <= MAX_COUNT; at += 7777) {
            CHECK_OK(weft_allreduce(comm, window->inputs[rank] + at, part, count, WEFT_FLOAT32, WEFT_SUM));
            CHECK(memcmp(part, window->whole + at, count * sizeof *part) == 0, "%zu elements from %zu", count, at);
        }
    free(part);
}

static void bits_do_not_depend_on_where_an_element_stands(void **unused)
{
    (void)unused;
    uint64_t state = test_seed();
    for (int n = 2; n <= 8; n++) {
        struct window window = {.whole = test_alloc(MAX_COUNT * sizeof(float))};
        for (int r = 0; r < n; r++) {
            float *input = test_alloc(MAX_COUNT * sizeof *input);
            random_fill(&state, WEFT_FLOAT32, input, MAX_COUNT);
            window.inputs[r] = input;
        }
        test_case("windows of a vector, %d ranks", n);
        run_ranks(n, NULL, reduce_windows, &window);
        for (int r = 0; r < n; r++)
            free((void *)(uintptr_t)window.inputs[r]);
        free(window.whole);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(sums_are_those_worked_out_by_hand),
        TEST(bits_do_not_depend_on_how),
        TEST(bits_do_not_depend_on_where_an_element_stands),
    };
    return RUN_TESTS("bits", tests);
}

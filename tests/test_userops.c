// SPDX-License-Identifier: MIT
/* User-defined operations, also those that do not commute: products of matrices, concatenation. Every element is combined
 * along the contract's tree with the lower ranks on the left; elements may be larger than a cache line, a page or a
 * block; a combine function that fails fails the communicator for all, and says so. */
#include "cases.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- 2 x 2 matrices modulo 2^32: associative, not commutative ---- */

struct matrix {
    uint32_t at[2][2];
};

static weft_status multiply(const weft_op *op, const weft_type *type, const void *in, void *inout, size_t count)
{
    (void)op, (void)type;
    for (size_t i = 0; i < count; i++) {
        const struct matrix *left = (const struct matrix *)in + i;
        struct matrix *right = (struct matrix *)inout + i, product;
        for (int r = 0; r < 2; r++)
            for (int c = 0; c < 2; c++)
                product.at[r][c] = left->at[r][0] * right->at[0][c] + left->at[r][1] * right->at[1][c];
        *right = product;
    }
    return WEFT_OK;
}

static const weft_type matrix_type = {.name = "matrix", .size = sizeof(struct matrix)};
static const weft_op multiply_op = {.name = "multiply", .combine = multiply};

static void fill_matrices(uint64_t *state, const weft_type *type, void *data, size_t count)
{
    (void)type;
    for (size_t i = 0; i < count; i++)
        for (int k = 0; k < 4; k++)
            ((struct matrix *)data)[i].at[k / 2][k % 2] = (uint32_t)random_next(state);
}

/* ---- Floats that are subtracted: neither associative nor commutative, so the whole shape of the tree shows ---- */

static weft_status subtract_half(const weft_op *op, const weft_type *type, const void *in, void *inout, size_t count)
{
    float factor = *(const float *)op->context;
    (void)type;
    for (size_t i = 0; i < count; i++)
        ((float *)inout)[i] = ((const float *)in)[i] - factor * ((float *)inout)[i];
    return WEFT_OK;
}

static float half = 0.5f;
static const weft_op subtract_op = {.name = "subtract half", .combine = subtract_half, .context = &half};

static void fill_floats(uint64_t *state, const weft_type *type, void *data, size_t count)
{
    (void)type;
    for (size_t i = 0; i < count; i++)
        ((float *)data)[i] = (float)(int64_t)random_below(state, 2000001) / 1000.0f - 1000.0f;
}

/* ---- Texts in a fixed space, joined in brackets; the size of the space is the type's ---- */

static weft_status join(const weft_op *op, const weft_type *type, const void *in, void *inout, size_t count)
{
    (void)op;
    char *joined = malloc(type->size);
    for (size_t i = 0; joined && i < count; i++) {
        const char *left = (const char *)in + i * type->size;
        char *right = (char *)inout + i * type->size;
        memset(joined, 0, type->size);
        snprintf(joined, type->size, "(%s%s)", left, right);
        memcpy(right, joined, type->size);
    }
    free(joined);
    return joined ? WEFT_OK : WEFT_ERR_MEMORY;
}

static const weft_op join_op = {.name = "join", .combine = join};
static const weft_type texts[] = {{.name = "text48", .size = 48},      {.name = "text56", .size = 56},
                                  {.name = "text65", .size = 65},      {.name = "text200", .size = 200},
                                  {.name = "text1121", .size = 1121},  {.name = "text4104", .size = 4104},
                                  {.name = "text70000", .size = 70000}};

static void fill_texts(uint64_t *state, const weft_type *type, void *data, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        char *text = (char *)data + i * type->size;
        memset(text, 0, type->size);
        text[0] = (char)('a' + (char)random_below(state, 26));
    }
}

/* ---- */

/* Each collective that reduces, of each count, on every algorithm in turn. */
static void try_op(const weft_type *type, const weft_op *op, item_fill fill, int n_ranks, const size_t *counts,
                   size_t n_counts, uint64_t *state)
{
    for (int forced = 0; forced < 4; forced++) {
        if (!sampled(state))
            continue;
        struct item items[100];
        size_t count = 0;
        char algorithms[400];
        weft_config config = WEFT_CONFIG_INIT;
        random_algorithms(state, algorithms, sizeof algorithms);
        config.algorithms = forced ? algorithms : NULL;
        test_watchdog(60);
        test_case("%s of %s, %d ranks, algorithms %s", op->name, type->name, n_ranks, forced ? algorithms : "(chosen)");
        for (size_t c = 0; c < n_counts; c++)
            for (size_t k = 0; oracle_collective(k); k++) {
                struct oracle_call call = {
                    .collective = oracle_collective(k), .n_ranks = n_ranks, .count = counts[c], .type = type, .op = op};
                if (!call.collective->has_op || call_bytes(&call) > (size_t)8 << 20)
                    continue;
                if (call.collective->has_root)
                    call.root = (int)random_below(state, (uint64_t)n_ranks);
                else if (forced > 1 && random_below(state, 2)) /* a sample is enough */
                    continue;
                item_make(&items[count], state, &call, fill);
                items[count++].aligned = true;
            }
        run_items(n_ranks, &config, items, count);
    }
}

static void matrices_multiply_in_rank_order(void **unused)
{
    (void)unused;
    static const size_t counts[] = {0, 1, 3, 4, 70, 71, 500, 8191, 40001};
    static const int ranks[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 13, 17, 33};
    uint64_t state = test_seed();
    for (size_t n = 0; n < 12; n++)
        try_op(&matrix_type, &multiply_op, fill_matrices, ranks[n], counts, n < 5 ? 9 : 7, &state);
}

static void every_bracket_stands_where_the_contract_puts_it(void **unused)
{
    (void)unused;
    static const size_t counts[] = {1, 14, 300, 5000, 70001};
    uint64_t state = test_seed();
    for (int n = 2; n <= 20; n++)
        try_op(WEFT_FLOAT32, &subtract_op, fill_floats, n, counts, n < 6 ? 5 : 4, &state);
}

static void elements_may_be_larger_than_lines_pages_and_blocks(void **unused)
{
    (void)unused;
    static const size_t counts[] = {1, 2, 17};
    static const int ranks[] = {2, 3, 5, 8, 11};
    uint64_t state = test_seed();
    for (size_t t = 0; t < sizeof texts / sizeof texts[0]; t++)
        for (size_t n = 0; n < 5; n++)
            try_op(&texts[t], &join_op, fill_texts, ranks[n], counts, texts[t].size > 60000 ? 2 : 3, &state);
}

/* ---- Operands stand where their type may need it, wherever lines and the ranks' buffers are ---- */

static atomic_bool checking; /* the oracle's own calls are not looked at */

static weft_status add_bytes(const weft_op *op, const weft_type *type, const void *in, void *inout, size_t count)
{
    size_t alignment = type->size & -type->size;
    (void)op;
    alignment = alignment > 64 ? 64 : alignment;
    CHECK(!checking || (uintptr_t)in % alignment == 0, "in stands at %p", in);
    CHECK(!checking || (uintptr_t)inout % alignment == 0, "inout stands at %p", inout);
    for (size_t i = 0; i < count * type->size; i++)
        ((unsigned char *)inout)[i] = (unsigned char)(((const unsigned char *)in)[i] + 3 * ((unsigned char *)inout)[i]);
    return WEFT_OK;
}

static const weft_op add_bytes_op = {.name = "add bytes", .combine = add_bytes};

static void fill_bytes(uint64_t *state, const weft_type *type, void *data, size_t count)
{
    for (size_t i = 0; i < count * type->size; i += sizeof(uint64_t)) {
        uint64_t word = random_next(state);
        memcpy((char *)data + i, &word, count * type->size - i < sizeof word ? count * type->size - i : sizeof word);
    }
}

static void operands_are_aligned(void **unused)
{
    (void)unused;
    static const size_t sizes[] = {2, 6, 8, 16, 24, 32, 48, 64, 80, 160, 4096}, counts[] = {1, 2, 3, 9, 60, 1500};
    static const int ranks[] = {2, 3, 4, 5, 8, 9, 17};
    uint64_t state = test_seed();
    for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; s++)
        for (size_t n = 0; n < sizeof ranks / sizeof ranks[0]; n++) {
            if (!sampled(&state))
                continue;
            weft_type type = {.name = "bytes", .size = sizes[s]};
            checking = false;
            struct item items[36];
            char algorithms[400];
            weft_config config = WEFT_CONFIG_INIT;
            random_algorithms(&state, algorithms, sizeof algorithms);
            config.algorithms = (s + n) % 2 ? algorithms : NULL;
            test_case("%zu bytes an element, %d ranks, algorithms %s", sizes[s], ranks[n],
                      config.algorithms ? algorithms : "(chosen)");
            for (size_t c = 0; c < 36; c++) {
                static const char *const reducing[] = {"reduce", "allreduce", "reduce_scatter",
                                                       "scan",   "exscan",    "reduce_scatterv"};
                size_t count = sizes[s] > 1000 && c / 6 > 2 ? 3 : counts[c / 6];
                struct oracle_call call = {
                    oracle_collective_by_name(reducing[c % 6]), ranks[n], count, &type, &add_bytes_op, 0};
                while (call.count > 3 && call_bytes(&call) > (size_t)(test_scale() < 1 ? 1 : 8) << 20)
                    call.count /= 2;
                item_make(&items[c], &state, &call, fill_bytes); /* on buffers at even and odd addresses */
            }
            checking = true;
            run_items(ranks[n], &config, items, 36);
        }
}

/* ---- Addresses and contexts of the ranks' ops may differ, where the names agree ---- */

static weft_status add(const weft_op *op, const weft_type *type, const void *in, void *inout, size_t count)
{
    (void)op, (void)type;
    for (size_t i = 0; i < count; i++)
        ((int *)inout)[i] += ((const int *)in)[i];
    return WEFT_OK;
}

static void reduce_with_own_op(weft_comm *comm, void *arg)
{
    (void)arg;
    int own = weft_comm_rank(comm);
    char type_name[] = "own int", op_name[] = "own sum";
    weft_type type = {.name = type_name, .size = 4};
    weft_op op = {.name = op_name, .combine = add, .commutative = true, .context = &own};
    int n = weft_comm_size(comm), data[100], sum[100];
    for (int i = 0; i < 100; i++)
        data[i] = weft_comm_rank(comm) + i;
    for (int k = 0; k < 20; k++) {
        CHECK_OK(weft_allreduce(comm, data, sum, 100, &type, &op));
        CHECK(sum[99] == n * (n - 1) / 2 + 99 * n, "sum %d", sum[99]);
    }
    CHECK_OK(weft_barrier(comm)); /* others may run our combine until here */
}

static void ops_match_by_name(void **unused)
{
    (void)unused;
    for (int n = 1; n <= 6; n++) {
        test_case("%d ranks, types and ops on their stacks", n);
        run_ranks(n, NULL, reduce_with_own_op, NULL);
    }
}

/* ---- Failing ---- */

static weft_status fail_on_thirteen(const weft_op *op, const weft_type *type, const void *in, void *inout, size_t count)
{
    (void)op, (void)type;
    for (size_t i = 0; i < count; i++)
        if (((const int *)in)[i] == 13 || ((int *)inout)[i] == 13)
            return WEFT_ERR_TRUNCATED;
    return WEFT_OK;
}
static const weft_op superstitious = {.name = "superstitious", .combine = fail_on_thirteen};

struct superstition {
    const char *name;
    size_t count;
    pthread_barrier_t met;
};

static weft_status reduce_somehow(weft_comm *comm, const struct superstition *it, const int *send, int *recv)
{
    struct oracle_call call = {
        oracle_collective_by_name(it->name), weft_comm_size(comm), it->count, WEFT_INT32, &superstitious, 0};
    call.root = call.collective->has_root ? 1 : 0;
    return oracle_perform(&call, comm, send, recv);
}

static void meet_thirteen(weft_comm *comm, void *arg)
{
    struct superstition *it = arg;
    size_t n = (size_t)weft_comm_size(comm), most = 3 * n * it->count;
    int *send = calloc(most, sizeof *send), *recv = calloc(most, sizeof *recv);
    CHECK_OK(reduce_somehow(comm, it, send, recv));
    pthread_barrier_wait(&it->met); /* a rank that is ahead would fail the others' first call, or a barrier by a grid */
    if (weft_comm_rank(comm) == 0)
        for (size_t i = it->count - 1; i < most; i += it->count)
            send[i] = 13;
    weft_status status = reduce_somehow(comm, it, send, recv);
    if (status == WEFT_OK) /* not at the root of a reduce, perhaps, or on the lowest rank of a scan */
        status = weft_barrier(comm);
    CHECK_STATUS(WEFT_ERR_CALLBACK, status);
    CHECK_ERROR_SAYS("superstitious", -1);
    CHECK_STATUS(WEFT_ERR_CALLBACK, weft_comm_status(comm));
    CHECK_STATUS(WEFT_ERR_CALLBACK, weft_barrier(comm));
    free(send);
    free(recv);
}

static void failing_combine_fails_the_communicator(void **unused)
{
    (void)unused;
    uint64_t state = test_seed();
    static const size_t counts[] = {1, 200, 3000, 90000};
    static const char *const reducing[] = {"reduce", "allreduce", "reduce_scatter", "scan", "exscan"};
    for (int i = 0; i < scaled(100); i++) {
        struct superstition it = {.name = reducing[i % 5], .count = counts[i % 4]};
        int n = 3 + i % 6; /* an exscan of two ranks combines nothing */
        char algorithms[400];
        weft_config config = WEFT_CONFIG_INIT;
        random_algorithms(&state, algorithms, sizeof algorithms);
        config.algorithms = i % 2 ? algorithms : NULL;
        test_case("%s of %zu, %d ranks, algorithms %s", it.name, it.count, n,
                  config.algorithms ? algorithms : "(chosen)");
        pthread_barrier_init(&it.met, NULL, (unsigned)n);
        run_ranks(n, &config, meet_thirteen, &it);
        pthread_barrier_destroy(&it.met);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(matrices_multiply_in_rank_order),
        TEST(every_bracket_stands_where_the_contract_puts_it),
        TEST(elements_may_be_larger_than_lines_pages_and_blocks),
        TEST(operands_are_aligned),
        TEST(ops_match_by_name),
        TEST(failing_combine_fails_the_communicator),
    };
    return RUN_TESTS("userops", tests);
}

// SPDX-License-Identifier: MIT
/* The same bits on all processors: what every operation makes of fixed inputs, in every type, is told by a digest that stands
 * here, and is the same on x86-64, aarch64 and s390x (big-endian); whatever rounding the calling threads have chosen, which
 * they keep. */
#include "support.h"

#include <fenv.h>
#include <stdlib.h>
#include <string.h>

enum { COUNT = 1000, MOST_RANKS = 9 };

static const struct {
    const weft_type *type;
    uint64_t digest;
} expected[] = {
    {&weft_int8, 0xa1ff6cfa0aa45d80},          {&weft_int16, 0x0c7ed35c4c82e943},
    {&weft_int32, 0x8b6e10830f57efa4},         {&weft_int64, 0xc5f2ecc1624c0a5b},
    {&weft_uint8, 0xeaba360573532eb9},         {&weft_uint16, 0x45f937613df257bc},
    {&weft_uint32, 0x852e0e2a796d9058},        {&weft_uint64, 0x96c2e2a1a9fb8ee2},
    {&weft_float16, 0x24d6c046fd8963b8},       {&weft_bfloat16, 0x94f40c735368beaf},
    {&weft_float32, 0x8690dc7434389c53},       {&weft_float64, 0xfe434fd378241ffd},
    {&weft_int32_index, 0x50f158437bf8561d},   {&weft_int64_index, 0x23c9d1ccbc7563b9},
    {&weft_float32_index, 0xac33cb24bb799c26}, {&weft_float64_index, 0x7315723d0e9b1955},
};

static const weft_op *const ops[] = {&weft_sum,  &weft_prod,   &weft_min,   &weft_max,  &weft_avg,
                                     &weft_band, &weft_bor,    &weft_bxor,  &weft_land, &weft_lor,
                                     &weft_lxor, &weft_minloc, &weft_maxloc};

struct reduction {
    const weft_type *type;
    const weft_op *op;
    void *inputs[MOST_RANKS];
    void *result;
    int rounding;
};

static void reduce(weft_comm *comm, void *arg)
{
    const struct reduction *reduction = arg;
    int rank = weft_comm_rank(comm);
    void *recv = test_alloc(COUNT * reduction->type->size);
    fesetround(reduction->rounding);
    CHECK_OK(weft_allreduce(comm, reduction->inputs[rank], recv, COUNT, reduction->type, reduction->op));
    CHECK(fegetround() == reduction->rounding, "the call left rounding mode %d, and found %d", fegetround(),
          reduction->rounding);
    fesetround(FE_TONEAREST);
    if (rank == 0)
        memcpy(reduction->result, recv, COUNT * reduction->type->size);
    free(recv);
}

/* FNV-1a over numbers, not over bytes: the order of bytes is the processor's own. */
static uint64_t digest_of(uint64_t hash, const weft_type *type, const void *data)
{
    bool indexed = strstr(type->name, "_index") != NULL;
    size_t size = indexed ? type->size / 2 : type->size;
    for (size_t at = 0; at < COUNT * type->size; at += size)
        hash = (hash ^ bits_load((const char *)data + at, size)) * 1099511628211u;
    return hash;
}

static uint64_t digest_with(const weft_type *type, int rounding)
{
    static const int ranks[] = {2, 3, 5, MOST_RANKS};
    uint64_t state = 20240229, digest = 14695981039346656037u;
    for (size_t o = 0; o < sizeof ops / sizeof ops[0]; o++)
        for (size_t n = 0; n < sizeof ranks / sizeof ranks[0] && weft_op_supports(ops[o], type); n++) {
            struct reduction reduction = {.type = type, .op = ops[o], .rounding = rounding};
            reduction.result = test_alloc(COUNT * type->size);
            for (int r = 0; r < ranks[n]; r++) {
                reduction.inputs[r] = test_alloc(COUNT * type->size);
                random_fill(&state, type, reduction.inputs[r], COUNT);
            }
            test_case("%s of %s, %d ranks, rounding mode %d", ops[o]->name, type->name, ranks[n], rounding);
            run_ranks(ranks[n], NULL, reduce, &reduction);
            digest = digest_of(digest, type, reduction.result);
            for (int r = 0; r < ranks[n]; r++)
                free(reduction.inputs[r]);
            free(reduction.result);
        }
    return digest;
}

static void bits_are_those_of_every_processor(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
        uint64_t digest = digest_with(expected[i].type, FE_TONEAREST);
        CHECK(digest == expected[i].digest, "%s: 0x%016llx", expected[i].type->name, (unsigned long long)digest);
    }
}

static void the_callers_rounding_does_not_show(void **unused)
{
    (void)unused;
    static const int roundings[] = {FE_UPWARD, FE_DOWNWARD, FE_TOWARDZERO};
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++)
        if (strstr(expected[i].type->name, "float") != NULL) {
            uint64_t digest = digest_with(expected[i].type, roundings[i % 3]);
            CHECK(digest == expected[i].digest, "%s: 0x%016llx", expected[i].type->name, (unsigned long long)digest);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(bits_are_those_of_every_processor),
        TEST(the_callers_rounding_does_not_show),
    };
    return RUN_TESTS("processors", tests);
}

// SPDX-License-Identifier: MIT
/* types.c - the built-in types and operations as constant objects, and how a pointer to one is known.
 *
 * A built-in object points to itself through `reserved`, so that one load and one comparison know it; a user's copy of it does not. */
#include "reduce/reduce.h"

#include <string.h>

#define BUILT_IN(object, index)                                                                                        \
    {                                                                                                                  \
        &object, (const void *)(uintptr_t)(index)                                                                      \
    }
#define DEFINE_TYPE(tag, bytes)                                                                                        \
    const weft_type weft_##tag = {.name = #tag, .size = bytes, .reserved = BUILT_IN(weft_##tag, WEFT_TYPE_##tag)};
#define WEFT_INTEGER(tag, ctype, unsigned_type) DEFINE_TYPE(tag, sizeof(ctype))
#define WEFT_FLOAT(tag, ctype) DEFINE_TYPE(tag, sizeof(ctype))
#define WEFT_HALF(tag) DEFINE_TYPE(tag, 2)
#define WEFT_INDEXED(tag, ctype, value_type) DEFINE_TYPE(tag, sizeof(ctype))
#include "lists/types.def"
#undef WEFT_INTEGER
#undef WEFT_FLOAT
#undef WEFT_HALF
#undef WEFT_INDEXED

/* The library finds a built-in op's kernels by its address; `combine` is for a user's op that calls it. */
#define WEFT_OP(tag, kind)                                                                                             \
    const weft_op weft_##tag = {.name = #tag,                                                                          \
                                .commutative = true,                                                                   \
                                .combine = weft_combine_built_in,                                                      \
                                .reserved = BUILT_IN(weft_##tag, WEFT_OP_##tag)};
#include "lists/ops.def"
#undef WEFT_OP

static const weft_type *const types[] = {
#define WEFT_INTEGER(tag, ctype, unsigned_type) &weft_##tag,
#define WEFT_FLOAT(tag, ctype) &weft_##tag,
#define WEFT_HALF(tag) &weft_##tag,
#define WEFT_INDEXED(tag, ctype, value_type) &weft_##tag,
#include "lists/types.def"
#undef WEFT_INTEGER
#undef WEFT_FLOAT
#undef WEFT_HALF
#undef WEFT_INDEXED
};

static const weft_op *const ops[] = {
#define WEFT_OP(tag, kind) &weft_##tag,
#include "lists/ops.def"
#undef WEFT_OP
};

const weft_type *weft_type_at(size_t index)
{
    return index < WEFT_TYPES ? types[index] : NULL;
}

const weft_op *weft_op_at(size_t index)
{
    return index < WEFT_OPS ? ops[index] : NULL;
}

/* FNV-1a. */
static uint32_t hash_text(const char *text)
{
    uint32_t hash = 2166136261u;
    for (; *text != 0; text++)
        hash = (hash ^ (unsigned char)*text) * 16777619u;
    return hash;
}

uint32_t weft_user_type_hash(const weft_type *type)
{
    uint32_t kind = type->copy != NULL ? 0x9e3779b9u : 0;
    return (hash_text(type->name) ^ kind) * 0x85ebca6bu + (uint32_t)type->size * 0xc2b2ae35u;
}

uint32_t weft_user_op_hash(const weft_op *op)
{
    return hash_text(op->name) ^ (op->commutative ? 0x27d4eb2fu : 0);
}

uint32_t weft_type_hashes[WEFT_TYPES], weft_op_hashes[WEFT_OPS];

__attribute__((constructor)) static void hash_built_in(void)
{
    for (size_t i = 0; i < WEFT_TYPES; i++)
        weft_type_hashes[i] = weft_user_type_hash(types[i]);
    for (size_t i = 0; i < WEFT_OPS; i++)
        weft_op_hashes[i] = weft_user_op_hash(ops[i]);
}

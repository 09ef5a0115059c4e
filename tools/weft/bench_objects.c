// SPDX-License-Identifier: MIT
/* bench_objects.c - a control block holds a count of references and the place of the payload, which stays in its owner's
 * send buffer. Copying an object releases what the target held and retains what it gets, as a shared pointer of C++ does;
 * both are atomic, since ranks copy one source at once. */
#include "bench_objects.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

struct block {
    atomic_int references;
    const char *payload;
};

struct tuple {
    int32_t id;
    double weight;
    char name[16];
    struct block *shared;
};

struct bench_objects {
    const weft_type *type;
    size_t given, taken; /* how many */
    char *send, *recv;   /* objects */
    char *payload;       /* scratch for bench_objects_payload */
};

static void replace(struct block **target, struct block *source)
{
    /* Relaxed: whoever counts up holds a reference already. */
    atomic_fetch_add_explicit(&source->references, 1, memory_order_relaxed);
    /* Release and acquire: who frees comes after all who used it. */
    if (*target != NULL && atomic_fetch_sub_explicit(&(*target)->references, 1, memory_order_acq_rel) == 1)
        free(*target);
    *target = source;
}

static void drop(struct block *block)
{
    if (block != NULL && atomic_fetch_sub_explicit(&block->references, 1, memory_order_acq_rel) == 1)
        free(block);
}

static weft_status copy_counted(const weft_type *type, const void *source, void *target, size_t count)
{
    (void)type;
    for (size_t i = 0; i < count; i++)
        replace((struct block **)target + i, ((struct block *const *)source)[i]);
    return WEFT_OK;
}

static weft_status copy_tuple(const weft_type *type, const void *source, void *target, size_t count)
{
    const struct tuple *from = source;
    struct tuple *to = target;
    (void)type;
    for (size_t i = 0; i < count; i++) {
        to[i].id = from[i].id;
        to[i].weight = from[i].weight;
        memcpy(to[i].name, from[i].name, sizeof to[i].name);
        replace(&to[i].shared, from[i].shared);
    }
    return WEFT_OK;
}

static const weft_type counted_type = {.name = "counted", .size = sizeof(struct block *), .copy = copy_counted};
static const weft_type tuple_type = {.name = "tuple", .size = sizeof(struct tuple), .copy = copy_tuple};

const weft_type *bench_object_type(const struct bench_type *type)
{
    if (type->kind != BENCH_OBJECT)
        return NULL;
    return strcmp(type->name, counted_type.name) == 0 ? &counted_type : &tuple_type;
}

/* The block of the i-th object at `at`. */
static struct block **block_at(const struct bench_objects *objects, char *at, size_t i)
{
    if (objects->type == &counted_type)
        return (struct block **)(void *)at + i;
    return &((struct tuple *)(void *)at)[i].shared;
}

static bool make_given(struct bench_objects *objects, const char *payload)
{
    for (size_t i = 0; i < objects->given; i++) {
        struct block *block = malloc(sizeof *block);
        if (block == NULL)
            return false;
        atomic_init(&block->references, 1);
        block->payload = payload + 8 * i;
        *block_at(objects, objects->send, i) = block;
        if (objects->type == &tuple_type)
            ((struct tuple *)(void *)objects->send)[i].id = (int32_t)i;
    }
    return true;
}

struct bench_objects *bench_objects_create(const struct bench_rank *rank)
{
    const struct bench_point *point = rank->point;
    struct bench_objects *made = calloc(1, sizeof *made);
    if (made == NULL)
        return NULL;
    made->type = bench_object_type(point->type);
    made->given = point->collective == BENCH_BROADCAST && rank->rank != point->root ? 0 : point->count;
    made->taken = bench_recv_bytes(point) / point->type->size;
    made->send = calloc(point->count, made->type->size);
    made->recv = calloc(made->taken, made->type->size);
    made->payload = malloc(made->taken * 8);
    if (made->send == NULL || made->recv == NULL || made->payload == NULL || !make_given(made, rank->buffers.send)) {
        bench_objects_destroy(made);
        return NULL;
    }
    return made;
}

void bench_objects_destroy(struct bench_objects *objects)
{
    for (size_t i = 0; objects->send != NULL && i < objects->given; i++)
        drop(*block_at(objects, objects->send, i));
    for (size_t i = 0; objects->recv != NULL && i < objects->taken; i++)
        drop(*block_at(objects, objects->recv, i));
    free(objects->send);
    free(objects->recv);
    free(objects->payload);
    free(objects);
}

void *bench_objects_send(struct bench_objects *objects)
{
    return objects->send;
}

void *bench_objects_recv(struct bench_objects *objects)
{
    return objects->recv;
}

const char *bench_objects_payload(struct bench_objects *objects)
{
    for (size_t i = 0; i < objects->taken; i++) {
        const struct block *block = *block_at(objects, objects->recv, i);
        if (block == NULL)
            memset(objects->payload + 8 * i, 0xA5, 8);
        else
            memcpy(objects->payload + 8 * i, block->payload, 8);
    }
    return objects->payload;
}

// SPDX-License-Identifier: MIT
/* objects.c - a list that owns its memory goes to every rank, and matrices are multiplied in the order of ranks.
 *
 *     cc -std=c11 objects.c $(pkg-config --cflags --libs weft) -o objects && ./objects
 *
 * Shows a type with a copy function, and an operation of the program's own that is not commutative. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <weft/weft.h>

struct list {
    int *items;
    size_t count;
};

/* Targets hold lists already, if empty ones; what they owned before is theirs to give back. */
static weft_status copy_lists(const weft_type *type, const void *source, void *target, size_t count)
{
    (void)type;
    for (size_t i = 0; i < count; i++) {
        const struct list *from = (const struct list *)source + i;
        struct list *to = (struct list *)target + i;
        int *items = malloc(from->count * sizeof *items + 1);
        if (items == NULL)
            return WEFT_ERR_MEMORY;
        if (from->count > 0)
            memcpy(items, from->items, from->count * sizeof *items);
        free(to->items);
        *to = (struct list){items, from->count};
    }
    return WEFT_OK;
}
static const weft_type list_type = {.name = "list", .size = sizeof(struct list), .copy = copy_lists};

struct matrix {
    int64_t at[4]; /* row by row */
};
static const weft_type matrix_type = {.name = "matrix", .size = sizeof(struct matrix)};

/* inout = in * inout: `in` is from the lower ranks, and stands on the left. */
static weft_status multiply(const weft_op *op, const weft_type *type, const void *in, void *inout, size_t count)
{
    (void)op;
    (void)type;
    for (size_t i = 0; i < count; i++) {
        const int64_t *a = ((const struct matrix *)in)[i].at;
        int64_t *b = ((struct matrix *)inout)[i].at;
        struct matrix product = {{a[0] * b[0] + a[1] * b[2], a[0] * b[1] + a[1] * b[3], a[2] * b[0] + a[3] * b[2],
                                  a[2] * b[1] + a[3] * b[3]}};
        ((struct matrix *)inout)[i] = product;
    }
    return WEFT_OK;
}
static const weft_op product = {.name = "matrix product", .commutative = false, .combine = multiply};

static weft_status body(weft_comm *comm, void *arg)
{
    struct list primes = {NULL, 0};
    int first[] = {2, 3, 5, 7};
    (void)arg;
    if (weft_comm_rank(comm) == 0) {
        struct list from = {first, sizeof first / sizeof first[0]};
        if (copy_lists(&list_type, &from, &primes, 1) != WEFT_OK)
            return WEFT_ERR_MEMORY;
    }
    weft_status status = weft_broadcast(comm, &primes, 1, &list_type, 0);
    if (status == WEFT_OK) {
        struct matrix mine = {{1, primes.items[weft_comm_rank(comm)], 1, 0}}, all;
        status = weft_reduce(comm, &mine, &all, 1, &matrix_type, &product, 0);
        if (status == WEFT_OK && weft_comm_rank(comm) == 0)
            printf("%zu items arrived; the product is %d %d / %d %d\n", primes.count, (int)all.at[0], (int)all.at[1],
                   (int)all.at[2], (int)all.at[3]);
    }
    free(primes.items);
    return status;
}

int main(void)
{
    if (weft_run(4, NULL, body, NULL) == WEFT_OK)
        return 0;
    fprintf(stderr, "objects: %s\n", weft_last_error());
    return 1;
}

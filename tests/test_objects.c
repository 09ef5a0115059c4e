// SPDX-License-Identifier: MIT
/* Objects: elements with a copy function. Strings that own their memory, counted pointers and vectors are broadcast and
 * gathered; each copy is made once for each receiver, by the type's own function, into constructed elements. A copy that
 * fails gives WEFT_ERR_CALLBACK on every rank, and the communicator goes on. The other three functions make a round trip. */
#include "support.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- A string that owns its text ---- */

struct string {
    char *text;
    size_t length;
};

static void string_set(struct string *string, const char *text, size_t length)
{
    char *copy = test_alloc(length + 1);
    memcpy(copy, text, length);
    copy[length] = 0;
    free(string->text);
    *string = (struct string){copy, length};
}

static weft_status string_copy(const weft_type *type, const void *source, void *target, size_t count)
{
    (void)type;
    for (size_t i = 0; i < count; i++) {
        const struct string *from = (const struct string *)source + i;
        string_set((struct string *)target + i, from->text, from->length);
    }
    return WEFT_OK;
}

static weft_status string_serialized_size(const weft_type *type, const void *source, size_t count, size_t *size)
{
    (void)type;
    *size = 0;
    for (size_t i = 0; i < count; i++)
        *size += sizeof(size_t) + ((const struct string *)source)[i].length;
    return WEFT_OK;
}

static weft_status string_serialize(const weft_type *type, const void *source, size_t count, void *bytes, size_t size)
{
    (void)type;
    unsigned char *at = bytes, *end = at + size;
    for (size_t i = 0; i < count; i++) {
        const struct string *from = (const struct string *)source + i;
        if ((size_t)(end - at) < sizeof(size_t) + from->length)
            return WEFT_ERR_CALLBACK;
        memcpy(at, &from->length, sizeof(size_t));
        memcpy(at + sizeof(size_t), from->text, from->length);
        at += sizeof(size_t) + from->length;
    }
    return at == end ? WEFT_OK : WEFT_ERR_CALLBACK;
}

static weft_status string_deserialize(const weft_type *type, const void *bytes, size_t size, void *target, size_t count)
{
    (void)type;
    const unsigned char *at = bytes, *end = at + size;
    for (size_t i = 0; i < count; i++) {
        size_t length;
        if ((size_t)(end - at) < sizeof length)
            return WEFT_ERR_CALLBACK;
        memcpy(&length, at, sizeof length);
        if ((size_t)(end - at) - sizeof length < length)
            return WEFT_ERR_CALLBACK;
        string_set((struct string *)target + i, (const char *)at + sizeof length, length);
        at += sizeof length + length;
    }
    return at == end ? WEFT_OK : WEFT_ERR_CALLBACK;
}

static const weft_type string_type = {.name = "string",
                                      .size = sizeof(struct string),
                                      .copy = string_copy,
                                      .serialized_size = string_serialized_size,
                                      .serialize = string_serialize,
                                      .deserialize = string_deserialize};

/* "rank 3, string 17" followed by as many characters as its number says. */
static void string_make(struct string *string, int rank, size_t i)
{
    char text[300];
    int length = snprintf(text, sizeof text, "rank %d, string %zu", rank, i);
    memset(text + length, 'a' + (int)(i % 26), i % 200);
    string_set(string, text, (size_t)length + i % 200);
}

static bool string_is(const struct string *string, int rank, size_t i)
{
    struct string expected = {NULL, 0};
    string_make(&expected, rank, i);
    bool same = string->length == expected.length && strcmp(string->text, expected.text) == 0;
    free(expected.text);
    return same;
}

struct amount {
    size_t count;
};

static void exchange_strings(weft_comm *comm, void *arg)
{
    size_t count = ((struct amount *)arg)->count;
    int rank = weft_comm_rank(comm), n = weft_comm_size(comm);
    struct string *own = calloc(count + 1, sizeof *own), *all = calloc((size_t)n * count + 1, sizeof *all);
    for (int root = 0; root < n; root++) {
        for (size_t i = 0; i < count; i++)
            string_make(&own[i], rank == root ? root : -1, i);
        CHECK_OK(weft_broadcast(comm, own, count, &string_type, root));
        for (size_t i = 0; i < count; i++)
            CHECK(string_is(&own[i], root, i), "rank %d, root %d, string %zu: %s", rank, root, i, own[i].text);
    }
    for (int in_place = 0; in_place < 2; in_place++) {
        struct string *mine = in_place ? all + (size_t)rank * count : own;
        for (size_t i = 0; i < count; i++)
            string_make(&mine[i], rank + 100 * in_place, i);
        CHECK_OK(weft_allgather(comm, in_place ? WEFT_IN_PLACE : own, all, count, &string_type));
        for (size_t i = 0; i < (size_t)n * count; i++)
            CHECK(string_is(&all[i], (int)(i / count) + 100 * in_place, i % count), "rank %d, string %zu: %s", rank, i,
                  all[i].text);
    }
    for (size_t i = 0; i < count; i++)
        free(own[i].text);
    for (size_t i = 0; i < (size_t)n * count; i++)
        free(all[i].text);
    free(own);
    free(all);
}

static void strings_arrive_whole(void **unused)
{
    (void)unused;
    static const int ranks[] = {1, 2, 3, 5, 9, 17};
    static const size_t counts[] = {0, 1, 3, 70, 400};
    for (size_t n = 0; n < 6; n++)
        for (size_t c = 0; c < 5 && ranks[n] * counts[c] < 4000; c++)
            for (int grid = 0; grid < 2; grid++) {
                struct amount amount = {counts[c]};
                weft_config config = WEFT_CONFIG_INIT;
                config.algorithms = grid ? "broadcast:grid,allgather:grid" : NULL;
                test_case("%zu strings on %d ranks%s", counts[c], ranks[n], grid ? ", grid" : "");
                run_ranks(ranks[n], &config, exchange_strings, &amount);
            }
}

/* ---- A counted pointer: copies share what they point to ---- */

struct shared {
    atomic_int owners;
    int value;
};
static atomic_int alive;

static void release(struct shared **pointer)
{
    if (*pointer && atomic_fetch_sub(&(*pointer)->owners, 1) == 1) {
        free(*pointer);
        atomic_fetch_sub(&alive, 1);
    }
    *pointer = NULL;
}

static struct shared *make_shared(int value)
{
    struct shared *made = test_alloc(sizeof *made);
    atomic_init(&made->owners, 1);
    made->value = value;
    atomic_fetch_add(&alive, 1);
    return made;
}

static weft_status pointer_copy(const weft_type *type, const void *source, void *target, size_t count)
{
    (void)type;
    for (size_t i = 0; i < count; i++) {
        struct shared *from = ((struct shared *const *)source)[i], **to = (struct shared **)target + i;
        atomic_fetch_add(&from->owners, 1);
        release(to);
        *to = from;
    }
    return WEFT_OK;
}

static const weft_type pointer_type = {
    .name = "counted pointer", .size = sizeof(struct shared *), .copy = pointer_copy};

/* As an engine sends requests: the receivers hold the root's object while the root goes on and lets go of it. */
static void pass_pointers(weft_comm *comm, void *arg)
{
    (void)arg;
    enum { KEPT = 8 };
    int rank = weft_comm_rank(comm), n = weft_comm_size(comm);
    struct shared *kept[KEPT] = {NULL}, *gathered[16] = {NULL};
    for (int i = 0; i < scaled(300); i++) {
        int root = i % n;
        release(&kept[i % KEPT]);
        if (rank == root)
            kept[i % KEPT] = make_shared(1000 * root + i);
        CHECK_OK(weft_broadcast(comm, &kept[i % KEPT], 1, &pointer_type, root));
        CHECK(kept[i % KEPT] && kept[i % KEPT]->value == 1000 * root + i, "rank %d, pass %d", rank, i);
        if (i % 10 == 0) {
            CHECK_OK(weft_allgather(comm, &kept[i % KEPT], gathered, 1, &pointer_type));
            for (int r = 0; r < n; r++)
                CHECK(gathered[r] == kept[i % KEPT], "rank %d has another object than %d", r, rank);
        }
    }
    for (int k = 0; k < KEPT; k++)
        release(&kept[k]);
    for (int r = 0; r < n; r++)
        release(&gathered[r]);
}

static void counted_pointers_are_counted_right(void **unused)
{
    (void)unused;
    for (int n = 1; n <= 5; n++) {
        test_case("%d ranks", n);
        run_ranks(n, NULL, pass_pointers, NULL);
        CHECK(alive == 0, "%d objects are left over", alive);
    }
}

/* ---- A copy that fails now and then ---- */

/* Fails on rank `context` (each rank's type has one of its own) where the value is one that this rank dislikes. */
static weft_status moody_copy(const weft_type *type, const void *source, void *target, size_t count)
{
    int rank = *(const int *)type->context;
    for (size_t i = 0; i < count; i++) {
        int value = ((const int *)source)[i];
        if (value % 8 == rank && value >= 800)
            return WEFT_ERR_MEMORY; /* whatever it says: the call reports WEFT_ERR_CALLBACK */
        ((int *)target)[i] = value;
    }
    return WEFT_OK;
}

/* Every second call holds an element that some rank cannot copy: all are told, and the next call is as good as ever. */
static void fail_now_and_then(weft_comm *comm, void *arg)
{
    size_t count = ((struct amount *)arg)->count;
    int rank = weft_comm_rank(comm), n = weft_comm_size(comm);
    weft_type type = {.name = "moody", .size = sizeof(int), .copy = moody_copy, .context = &rank};
    int *own = calloc(count, sizeof *own), *all = calloc(count * (size_t)n, sizeof *all);
    for (int i = 0; i < 16; i++) {
        int root = i % n, victim = (root + 1) % n; /* the root copies nothing, so nothing fails there */
        bool fails = i % 2 == 1;
        for (size_t k = 0; k < count; k++)
            own[k] = rank == root ? i : -1;
        if (rank == root && fails)
            own[count - 1] = 800 + victim;
        CHECK_STATUS(fails && n > 1 ? WEFT_ERR_CALLBACK : WEFT_OK, weft_broadcast(comm, own, count, &type, root));
        if (fails && n > 1)
            CHECK_ERROR_SAYS("broadcast", victim);
        CHECK(fails || own[count - 1] == i, "rank %d: %d instead of %d", rank, own[count - 1], i);
        for (size_t k = 0; k < count; k++)
            own[k] = rank + 16 * i;
        if (rank == root && fails)
            own[0] = 800 + victim;
        CHECK_STATUS(fails && n > 1 ? WEFT_ERR_CALLBACK : WEFT_OK, weft_allgather(comm, own, all, count, &type));
        for (int r = 0; r < n && !fails; r++)
            CHECK(all[count * (size_t)r] == r + 16 * i, "rank %d: %d from rank %d", rank, all[count * (size_t)r], r);
        CHECK_OK(weft_comm_status(comm));
    }
    int one = 1, sum = 0;
    CHECK_OK(weft_allreduce(comm, &one, &sum, 1, WEFT_INT32, WEFT_SUM));
    CHECK(sum == n, "sum %d", sum);
    free(own);
    free(all);
}

static void failing_copies_fail_the_call_alone(void **unused)
{
    (void)unused;
    static const int ranks[] = {2, 3, 5, 8};
    static const char *const algorithms[] = {NULL, "broadcast:grid,allgather:grid"};
    for (size_t n = 0; n < 4; n++)
        for (size_t count = 1; count <= 2001; count += 500)
            for (int a = 0; a < 2; a++) {
                struct amount amount = {count};
                weft_config config = WEFT_CONFIG_INIT;
                config.algorithms = algorithms[a];
                config.wait = count % 2 ? WEFT_WAIT_AUTO : WEFT_WAIT_BLOCK;
                test_case("%d ranks, %zu elements%s", ranks[n], count, a ? ", grid" : "");
                run_ranks(ranks[n], &config, fail_now_and_then, &amount);
            }
}

/* ---- Serialising ---- */

static void serialising_makes_a_round_trip(void **unused)
{
    (void)unused;
    for (size_t count = 0; count <= 300; count += 100) {
        struct string *from = calloc(count + 1, sizeof *from), *to = calloc(count + 1, sizeof *to);
        size_t size = 12345;
        test_case("%zu strings", count);
        for (size_t i = 0; i < count; i++)
            string_make(&from[i], 7, i);
        CHECK_OK(string_type.serialized_size(&string_type, from, count, &size));
        unsigned char *bytes = test_alloc(size);
        CHECK_OK(string_type.serialize(&string_type, from, count, bytes, size));
        CHECK_OK(string_type.deserialize(&string_type, bytes, size, to, count));
        for (size_t i = 0; i < count; i++)
            CHECK(string_is(&to[i], 7, i) && to[i].text != from[i].text, "string %zu: %s", i, to[i].text);
        if (count > 0) /* cut short: refused */
            CHECK(string_type.deserialize(&string_type, bytes, size - 1, to, count) != WEFT_OK, "%zu bytes", size - 1);
        for (size_t i = 0; i < count; i++) {
            free(from[i].text);
            free(to[i].text);
        }
        free(from);
        free(to);
        free(bytes);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(strings_arrive_whole),
        TEST(counted_pointers_are_counted_right),
        TEST(failing_copies_fail_the_call_alone),
        TEST(serialising_makes_a_round_trip),
    };
    return RUN_TESTS("objects", tests);
}

// SPDX-License-Identifier: MIT
/* algorithms.c - finds algorithms by name. */
#include "collectives/collectives.h"

#include <stdio.h>

static const char *const names[] = {
#define WEFT_COLLECTIVE(name, elements, reduces, root) #name,
#include "lists/collectives.def"
#undef WEFT_COLLECTIVE
};

const struct weft_collective_algorithms *weft_algorithms_of(enum weft_collective collective)
{
    static const struct weft_algorithm none = {NULL, NULL};
    static const struct weft_collective_algorithms nothing = {&none, NULL};
    switch (collective) {
    case WEFT_COLLECTIVE_barrier:
        return &weft_barrier_algorithms;
    case WEFT_COLLECTIVE_broadcast:
        return &weft_broadcast_algorithms;
    case WEFT_COLLECTIVE_allgather:
        return &weft_allgather_algorithms;
    case WEFT_COLLECTIVE_allreduce:
        return &weft_allreduce_algorithms;
    case WEFT_COLLECTIVE_reduce:
        return &weft_reduce_algorithms;
    case WEFT_COLLECTIVE_gather:
        return &weft_gather_algorithms;
    case WEFT_COLLECTIVE_gatherv:
        return &weft_gatherv_algorithms;
    case WEFT_COLLECTIVE_scatter:
        return &weft_scatter_algorithms;
    case WEFT_COLLECTIVE_scatterv:
        return &weft_scatterv_algorithms;
    case WEFT_COLLECTIVE_allgatherv:
        return &weft_allgatherv_algorithms;
    case WEFT_COLLECTIVE_alltoall:
        return &weft_alltoall_algorithms;
    case WEFT_COLLECTIVE_alltoallv:
        return &weft_alltoallv_algorithms;
    case WEFT_COLLECTIVE_reduce_scatter:
    case WEFT_COLLECTIVE_reduce_scatterv:
        return &weft_reduce_scatter_algorithms;
    case WEFT_COLLECTIVE_scan:
    case WEFT_COLLECTIVE_exscan:
        return &weft_scan_algorithms;
    default:
        return &nothing;
    }
}

static size_t add(char *text, size_t size, size_t at, const char *piece, const char *separator)
{
    int length = snprintf(text + at, size - at, "%s%s", separator, piece);
    return length < 0 || at + (size_t)length >= size ? size - 1 : at + (size_t)length;
}

/* All collectives that have algorithms, or all algorithms of one. */
static void list_names(char *text, size_t size, size_t at, int collective)
{
    const char *separator = "";
    if (collective >= 0) {
        for (const struct weft_algorithm *each = weft_algorithms_of((enum weft_collective)collective)->list; each->name;
             each++, separator = ", ")
            at = add(text, size, at, each->name, separator);
        return;
    }
    for (int each = 0; each < WEFT_COLLECTIVES; each++)
        if (weft_algorithms_of((enum weft_collective)each)->list->name != NULL) {
            at = add(text, size, at, names[each], separator);
            separator = ", ";
        }
}

/* "collective:algorithm" of `length` characters. */
static bool parse_one(const char *text, size_t length, uint8_t forced[WEFT_COLLECTIVES], char *error, size_t error_size)
{
    const char *colon = memchr(text, ':', length);
    size_t first = colon != NULL ? (size_t)(colon - text) : length;
    int found = -1;
    for (int each = 0; each < WEFT_COLLECTIVES; each++)
        if (strlen(names[each]) == first && memcmp(names[each], text, first) == 0 &&
            weft_algorithms_of((enum weft_collective)each)->list->name != NULL)
            found = each;
    if (colon == NULL || found < 0) {
        int written = snprintf(error, error_size, "\"%.*s\" is not COLLECTIVE:ALGORITHM with one of the collectives ",
                               (int)length, text);
        list_names(error, error_size, (size_t)written < error_size ? (size_t)written : error_size - 1, -1);
        return false;
    }
    const struct weft_algorithm *list = weft_algorithms_of((enum weft_collective)found)->list;
    for (int each = 0; list[each].name != NULL; each++)
        if (strlen(list[each].name) == length - first - 1 &&
            memcmp(list[each].name, colon + 1, length - first - 1) == 0) {
            forced[found] = (uint8_t)(each + 1);
            return true;
        }
    int written = snprintf(error, error_size, "%s has no algorithm \"%.*s\"; it has ", names[found],
                           (int)(length - first - 1), colon + 1);
    list_names(error, error_size, (size_t)written < error_size ? (size_t)written : error_size - 1, found);
    return false;
}

bool weft_algorithms_parse(const char *text, uint8_t forced[WEFT_COLLECTIVES], char *error, size_t error_size)
{
    memset(forced, 0, WEFT_COLLECTIVES);
    while (text != NULL && *text != 0) {
        size_t length = strcspn(text, ",");
        if (!parse_one(text, length, forced, error, error_size))
            return false;
        text += length + (text[length] == ',');
    }
    return true;
}

bool weft_algorithms_use(const uint8_t forced[WEFT_COLLECTIVES], const char *name)
{
    for (int each = 0; each < WEFT_COLLECTIVES; each++)
        if (forced[each] != 0 &&
            strcmp(weft_algorithms_of((enum weft_collective)each)->list[forced[each] - 1].name, name) == 0)
            return true;
    return false;
}

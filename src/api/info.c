// SPDX-License-Identifier: MIT
/* info.c - what the library tells of itself: names, algorithms, reasons, and the machine. */
#include "api/check.h"

#include <weft/info.h>

#include <stdio.h>

static const char *const names[] = {
#define WEFT_COLLECTIVE(name, elements, reduces, root) #name,
#include "lists/collectives.def"
#undef WEFT_COLLECTIVE
};

const weft_type *weft_info_type(size_t index)
{
    return weft_type_at(index);
}

const weft_type *weft_info_type_by_name(const char *name)
{
    size_t index = 0;
    while (name != NULL && weft_type_at(index) != NULL && strcmp(weft_type_at(index)->name, name) != 0)
        index++;
    return name != NULL ? weft_type_at(index) : NULL;
}

const weft_op *weft_info_op(size_t index)
{
    return weft_op_at(index);
}

const weft_op *weft_info_op_by_name(const char *name)
{
    size_t index = 0;
    while (name != NULL && weft_op_at(index) != NULL && strcmp(weft_op_at(index)->name, name) != 0)
        index++;
    return name != NULL ? weft_op_at(index) : NULL;
}

/* Those with algorithms of their own stand first in the list. */
const char *weft_info_collective(size_t index)
{
    return index < WEFT_COLLECTIVES && weft_algorithms_of((enum weft_collective)index)->choose != NULL ? names[index]
                                                                                                       : NULL;
}

static int collective_by_name(const char *name)
{
    for (int index = 0; name != NULL && weft_info_collective((size_t)index) != NULL; index++)
        if (strcmp(names[index], name) == 0)
            return index;
    return -1;
}

static const struct weft_algorithm *algorithm_at(const char *collective, size_t index)
{
    int found = collective_by_name(collective);
    if (found < 0)
        return NULL;
    const struct weft_algorithm *list = weft_algorithms_of((enum weft_collective)found)->list;
    for (size_t i = 0; list[i].name != NULL; i++)
        if (i == index)
            return &list[i];
    return NULL;
}

const char *weft_info_algorithm(const char *collective, size_t index)
{
    const struct weft_algorithm *algorithm = algorithm_at(collective, index);
    return algorithm != NULL ? algorithm->name : NULL;
}

const char *weft_info_algorithm_help(const char *collective, const char *algorithm)
{
    const struct weft_algorithm *each;
    for (size_t i = 0; (each = algorithm_at(collective, i)) != NULL; i++)
        if (algorithm != NULL && strcmp(each->name, algorithm) == 0)
            return each->help;
    return NULL;
}

const char *weft_info_choice(const weft_comm *comm, const char *collective, size_t count, const weft_type *type,
                             const weft_op *op, char *reason, size_t reason_size)
{
    int found = collective_by_name(collective);
    if (comm == NULL || found < 0 || (type == NULL && found != WEFT_COLLECTIVE_barrier))
        return NULL;
    const struct weft_collective_algorithms *algorithms = weft_algorithms_of((enum weft_collective)found);
    struct weft_call call = {.collective = (enum weft_collective)found, .count = count, .type = type, .op = op};
    if (type != NULL && __builtin_mul_overflow(count, type->size, &call.bytes))
        return NULL;
    struct weft_choice choice = algorithms->choose(comm, &call);
    if (reason != NULL && reason_size > 0)
        snprintf(reason, reason_size, "%s",
                 comm->n_ranks == 1 ? "one rank alone has nothing to wait for" : choice.reason);
    return algorithms->list[choice.algorithm].name;
}

weft_wait weft_info_wait(const weft_comm *comm, char *reason, size_t reason_size)
{
    static const char *const spin = "asked for: never sleeps", *const block = "asked for: sleeps at once",
                             *const crowded = "more ranks than processors: yields, then sleeps",
                             *const roomy =
                                 "a processor for each rank: spins for as long as a sleep would cost, then sleeps";
    if (comm == NULL)
        return WEFT_WAIT_AUTO;
    const char *why = comm->wait == WEFT_WAIT_SPIN    ? spin
                      : comm->wait == WEFT_WAIT_BLOCK ? block
                      : comm->world->crowded          ? crowded
                                                      : roomy;
    if (reason != NULL && reason_size > 0)
        snprintf(reason, reason_size, "%s", why);
    return comm->wait;
}

const char *weft_info_tuning(const weft_comm *comm, size_t index, weft_info_figure *figure)
{
    char where[WEFT_TUNING_TEXT];
    struct weft_tuning now;
    if (index >= weft_tuning_count || figure == NULL)
        return NULL;
    if (comm != NULL)
        now = comm->world->tuning;
    else if (weft_tuning_read(&now, where) != WEFT_OK)
        weft_tuning_default(&now);
    const struct weft_tuning_entry *entry = &weft_tuning_entries[index];
    *figure = (weft_info_figure){entry->name,    entry->help,  weft_tuning_value(&now, index),
                                 entry->initial, entry->least, entry->most};
    return entry->name;
}

weft_status weft_info_tuning_source(char *text, size_t text_size)
{
    char where[WEFT_TUNING_TEXT];
    struct weft_tuning now;
    weft_status status = weft_tuning_read(&now, where);
    if (text != NULL && text_size > 0)
        snprintf(text, text_size, "%s", where);
    return status == WEFT_OK ? WEFT_OK : weft_error(status, "weft_info_tuning_source", NULL, "%s", where);
}

void weft_info_tuning_path(char *text, size_t text_size)
{
    char path[WEFT_TUNING_PATH];
    weft_tuning_path(path);
    if (text != NULL && text_size > 0)
        snprintf(text, text_size, "%s", path);
}

void weft_info_machine(char *text, size_t text_size)
{
    char name[WEFT_MACHINE_TEXT];
    weft_machine_name(name);
    if (text != NULL && text_size > 0)
        snprintf(text, text_size, "%s", name);
}

weft_status weft_info_count_processors(weft_info_processors *out)
{
    struct weft_processors processors;
    if (out == NULL)
        return weft_error(WEFT_ERR_ARGUMENT, "weft_info_count_processors", NULL, "out is NULL");
    weft_processors_count(&processors);
    *out = (weft_info_processors){processors.online, processors.affinity, processors.cgroup_quota, processors.usable};
    return WEFT_OK;
}

weft_status weft_info_topology(weft_info_level *levels, size_t capacity, size_t *count)
{
    const char *call = "weft_info_topology";
    struct weft_level found[16];
    if (count == NULL || (levels == NULL && capacity > 0))
        return weft_error(WEFT_ERR_ARGUMENT, call, NULL, "%s is NULL", count == NULL ? "count" : "levels");
    int total = weft_topology_levels(found, 16);
    if (total < 0)
        return weft_error(WEFT_ERR_SYSTEM, call, NULL, "hwloc could not read the topology");
    for (size_t i = 0; i < capacity && i < (size_t)total; i++)
        levels[i] = (weft_info_level){found[i].name, found[i].count, found[i].bytes, found[i].processors_each};
    *count = (size_t)total;
    return WEFT_OK;
}

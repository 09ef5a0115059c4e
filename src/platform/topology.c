// SPDX-License-Identifier: MIT
/* topology.c - the machine's packages, memories, caches and cores, as hwloc sees them.
 *
 * Loaded when first asked for and kept: loading costs milliseconds, and nobody needs it to communicate. Where
 * WEFT_TOPOLOGY describes another machine, in hwloc's synthetic form ("package:2 l3:2 core:4 pu:2"), that one counts; it
 * is for tests. */
#include "platform/platform.h"

#include <hwloc.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Each machine that was asked for: at most one a text of WEFT_TOPOLOGY. */
struct machine {
    struct machine *next;
    hwloc_topology_t topology;
    char text[]; /* "": the one that this runs on */
};
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct machine *machines;

/* NULL when hwloc refuses. */
static hwloc_topology_t load(const char *text)
{
    hwloc_topology_t topology;
    if (hwloc_topology_init(&topology) != 0)
        return NULL;
    hwloc_topology_set_all_types_filter(topology, HWLOC_TYPE_FILTER_KEEP_ALL);
    hwloc_topology_set_io_types_filter(topology, HWLOC_TYPE_FILTER_KEEP_NONE);
    if ((text[0] != 0 && hwloc_topology_set_synthetic(topology, text) != 0) || hwloc_topology_load(topology) != 0) {
        hwloc_topology_destroy(topology);
        return NULL;
    }
    return topology;
}

static struct machine *add(const char *text)
{
    struct machine *machine = malloc(sizeof *machine + strlen(text) + 1);
    if (machine == NULL)
        return NULL;
    machine->topology = load(text);
    if (machine->topology == NULL) {
        free(machine);
        return NULL;
    }
    strcpy(machine->text, text);
    machine->next = machines;
    machines = machine;
    return machine;
}

__attribute__((destructor)) static void unload(void)
{
    while (machines != NULL) {
        struct machine *machine = machines;
        machines = machine->next;
        hwloc_topology_destroy(machine->topology);
        free(machine);
    }
}

void weft_topology_hold(void)
{
    pthread_mutex_lock(&lock);
}

void weft_topology_let_go(void)
{
    pthread_mutex_unlock(&lock);
}

/* "": this machine, and not WEFT_TOPOLOGY's. */
static const char *described(void)
{
    const char *text = getenv("WEFT_TOPOLOGY");
    return text != NULL ? text : "";
}

/* NULL when there is no memory, or hwloc refuses. */
static hwloc_topology_t topology_of(const char *text)
{
    pthread_mutex_lock(&lock);
    struct machine *machine = machines;
    while (machine != NULL && strcmp(machine->text, text) != 0)
        machine = machine->next;
    if (machine == NULL)
        machine = add(text);
    pthread_mutex_unlock(&lock);
    return machine != NULL ? machine->topology : NULL;
}

/* ---- Levels */

static size_t object_bytes(hwloc_obj_t object)
{
    if (hwloc_obj_type_is_cache(object->type))
        return (size_t)object->attr->cache.size;
    return object->type == HWLOC_OBJ_NUMANODE ? (size_t)object->attr->numanode.local_memory : 0;
}

static int levels_of(hwloc_topology_t topology, struct weft_level *levels, int capacity)
{
    static const struct {
        hwloc_obj_type_t type;
        const char *name;
    } known[] = {{HWLOC_OBJ_PACKAGE, "Package"},
                 {HWLOC_OBJ_NUMANODE, "NUMANode"},
                 {HWLOC_OBJ_L3CACHE, "L3"},
                 {HWLOC_OBJ_L2CACHE, "L2"},
                 {HWLOC_OBJ_L1CACHE, "L1d"},
                 {HWLOC_OBJ_CORE, "Core"},
                 {HWLOC_OBJ_PU, "PU"}};
    int found = 0;
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        int count = hwloc_get_nbobjs_by_type(topology, known[i].type);
        hwloc_obj_t first = count > 0 ? hwloc_get_obj_by_type(topology, known[i].type, 0) : NULL;
        if (first == NULL)
            continue;
        if (found < capacity)
            levels[found] = (struct weft_level){.name = known[i].name,
                                                .count = count,
                                                .bytes = object_bytes(first),
                                                .processors_each = hwloc_bitmap_weight(first->cpuset)};
        found++;
    }
    return found;
}

int weft_topology_levels(struct weft_level *levels, int capacity)
{
    hwloc_topology_t topology = topology_of(described());
    return topology != NULL ? levels_of(topology, levels, capacity) : -1;
}

/* ---- Who is near whom */

/* Memory stands beside the tree, not in it. Of several nodes that a processor reaches as fast, the first. */
static hwloc_obj_t node_of(hwloc_topology_t topology, hwloc_obj_t processor)
{
    hwloc_obj_t node = NULL;
    while ((node = hwloc_get_next_obj_by_type(topology, HWLOC_OBJ_NUMANODE, node)) != NULL)
        if (hwloc_bitmap_isincluded(processor->cpuset, node->cpuset))
            return node;
    return hwloc_get_root_obj(topology);
}

/* The L3, or the outermost cache where there is none; the package, or the machine, where no cache is known. */
static hwloc_obj_t cache_of(hwloc_topology_t topology, hwloc_obj_t processor)
{
    hwloc_obj_t outermost = NULL;
    for (hwloc_obj_t each = processor; each != NULL; each = each->parent) {
        if (each->type == HWLOC_OBJ_L3CACHE)
            return each;
        if (hwloc_obj_type_is_dcache(each->type))
            outermost = each;
    }
    if (outermost == NULL)
        outermost = hwloc_get_ancestor_obj_by_type(topology, HWLOC_OBJ_PACKAGE, processor);
    return outermost != NULL ? outermost : hwloc_get_root_obj(topology);
}

static hwloc_obj_t core_of(hwloc_topology_t topology, hwloc_obj_t processor)
{
    hwloc_obj_t core = hwloc_get_ancestor_obj_by_type(topology, HWLOC_OBJ_CORE, processor);
    return core != NULL ? core : processor;
}

static hwloc_obj_t processor_at(hwloc_topology_t topology, const char *text, int place)
{
    if (text[0] == 0)
        return hwloc_get_pu_obj_by_os_index(topology, (unsigned)sched_getcpu());
    int count = hwloc_get_nbobjs_by_type(topology, HWLOC_OBJ_PU);
    return count > 0 ? hwloc_get_obj_by_type(topology, HWLOC_OBJ_PU, (unsigned)(place % count)) : NULL;
}

int weft_topology_vicinity(enum weft_vicinity vicinity, int place, char *why, size_t why_size)
{
    const char *text = described();
    hwloc_topology_t topology = topology_of(text);
    hwloc_obj_t processor = topology != NULL ? processor_at(topology, text, place) : NULL, found = NULL;
    if (topology == NULL && text[0] != 0)
        snprintf(why, why_size, "hwloc makes no machine of WEFT_TOPOLOGY, \"%s\"", text);
    else if (topology == NULL)
        snprintf(why, why_size, "hwloc could not read the topology");
    else if (processor == NULL)
        snprintf(why, why_size, "hwloc does not know the processor that this thread runs on");
    else if (vicinity == WEFT_VICINITY_NUMA)
        found = node_of(topology, processor);
    else
        found = vicinity == WEFT_VICINITY_L3 ? cache_of(topology, processor) : core_of(topology, processor);
    return found != NULL ? (int)(found->gp_index & INT_MAX) : -1;
}

/* ---- Caches, and the one below which a thread stays */

int weft_topology_caches(int *processors_each)
{
    hwloc_topology_t topology = topology_of(described());
    hwloc_obj_t processor = topology != NULL ? hwloc_get_obj_by_type(topology, HWLOC_OBJ_PU, 0) : NULL;
    hwloc_obj_t cache = processor != NULL ? cache_of(topology, processor) : NULL;
    *processors_each = cache != NULL ? hwloc_bitmap_weight(cache->cpuset) : 0;
    return cache != NULL ? (int)hwloc_get_nbobjs_by_depth(topology, cache->depth) : -1;
}

static hwloc_obj_t home_of(hwloc_topology_t topology, const char *text, int place)
{
    hwloc_obj_t processor = processor_at(topology, text, place);
    hwloc_obj_t cache = processor != NULL ? cache_of(topology, processor) : NULL;
    if (cache == NULL || text[0] != 0)
        return cache;
    hwloc_bitmap_t mask = hwloc_bitmap_alloc();
    bool stays = mask != NULL && hwloc_get_cpubind(topology, mask, HWLOC_CPUBIND_THREAD) == 0 &&
                 hwloc_bitmap_isincluded(mask, cache->cpuset);
    hwloc_bitmap_free(mask);
    return stays ? cache : NULL;
}

int weft_topology_home(int place, int *processors)
{
    const char *text = described();
    hwloc_topology_t topology = topology_of(text);
    hwloc_obj_t home = topology != NULL ? home_of(topology, text, place) : NULL;
    *processors = home != NULL ? hwloc_bitmap_weight(home->cpuset) : 0;
    return home != NULL ? (int)(home->gp_index & INT_MAX) : -1;
}

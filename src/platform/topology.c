// SPDX-License-Identifier: MIT
/* topology.c - the machine's packages, memories, caches and cores, as hwloc sees them.
 *
 * Loaded when first asked for and kept: loading costs milliseconds, and nobody needs it to communicate. */
#include "platform/platform.h"

#include <hwloc.h>
#include <pthread.h>

static pthread_once_t once = PTHREAD_ONCE_INIT;
static hwloc_topology_t topology;

static void load(void)
{
    if (hwloc_topology_init(&topology) != 0) {
        topology = NULL;
        return;
    }
    hwloc_topology_set_all_types_filter(topology, HWLOC_TYPE_FILTER_KEEP_ALL);
    hwloc_topology_set_io_types_filter(topology, HWLOC_TYPE_FILTER_KEEP_NONE);
    if (hwloc_topology_load(topology) != 0) {
        hwloc_topology_destroy(topology);
        topology = NULL;
    }
}

__attribute__((destructor)) static void unload(void)
{
    if (topology != NULL)
        hwloc_topology_destroy(topology);
}

static size_t object_bytes(hwloc_obj_t object)
{
    if (hwloc_obj_type_is_cache(object->type))
        return (size_t)object->attr->cache.size;
    return object->type == HWLOC_OBJ_NUMANODE ? (size_t)object->attr->numanode.local_memory : 0;
}

int weft_topology_levels(struct weft_level *levels, int capacity)
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
    pthread_once(&once, load);
    if (topology == NULL)
        return -1;
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

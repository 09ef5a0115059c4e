// SPDX-License-Identifier: MIT
/* info.h - what the library knows: its types, operations, collectives and algorithms, the machine it runs on, and which
 * algorithm serves a call and why. For tools, tests and the curious; a program that only communicates needs weft.h
 * alone.
 *
 * All strings are owned by the library and live as long as it is loaded. No call here communicates. */
#ifndef WEFT_INFO_H
#define WEFT_INFO_H

#include <weft/weft.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The built-in types and operations, by index (NULL past the last) and by name (NULL if there is none): "int32",
 * "float32", "int64_index"; "sum", "minloc". */
const weft_type *weft_info_type(size_t index);
const weft_type *weft_info_type_by_name(const char *name);
const weft_op *weft_info_op(size_t index);
const weft_op *weft_info_op_by_name(const char *name);

/* The collectives' names by index, "barrier", "broadcast", ...; NULL past the last. */
const char *weft_info_collective(size_t index);
/* The names of a collective's algorithms by index, each with one sentence on what it does; NULL past the last, or for
 * an unknown collective. Any of them may stand in config.algorithms as "collective:algorithm". */
const char *weft_info_algorithm(const char *collective, size_t index);
const char *weft_info_algorithm_help(const char *collective, const char *algorithm);

/* Which algorithm a call of this shape takes on this communicator. The reason, a clause, is written to `reason`, at
 * most reason_size bytes with the final NUL; NULL is fine. type may be NULL for a barrier, op NULL for what does not
 * reduce. Returns NULL for an unknown collective or a NULL communicator. Local: any thread, any time. */
const char *weft_info_choice(const weft_comm *comm, const char *collective, size_t count, const weft_type *type,
                             const weft_op *op, char *reason, size_t reason_size);

/* The wait policy in force on this rank's handle. The reason is written as above: processors against ranks,
 * WEFT_WAIT_SPIN asked for, ... */
weft_wait weft_info_wait(const weft_comm *comm, char *reason, size_t reason_size);

/* The figures by which algorithms and waits are chosen. `weft tune` measures them and writes a table, which is read when a group's first
 * rank joins: see WEFT_TUNING in weft.h. */
typedef struct weft_info_figure {
    const char *name; /* as in tables: "gate_bytes" */
    const char *help; /* what it says, with its unit */
    int64_t value;    /* of this communicator */
    int64_t initial;  /* where there is no table */
    int64_t least, most;
} weft_info_figure;
/* By index: fills *figure and returns its name; NULL past the last, or if figure is NULL. comm NULL: of communicators made now. */
const char *weft_info_tuning(const weft_comm *comm, size_t index, weft_info_figure *figure);
/* Where the figures of communicators made now come from: a path, or a sentence, written as reasons are above. ARGUMENT where the table
 * cannot be read or makes no sense; the sentence then says why, and no group can be joined. */
weft_status weft_info_tuning_source(char *text, size_t text_size);
/* The file that is looked for, written as reasons are above; empty: none, since neither WEFT_TUNING nor HOME is set. */
void weft_info_tuning_path(char *text, size_t text_size);
/* This machine as tables name it, "AMD EPYC, 2 processors"; written as reasons are above. */
void weft_info_machine(char *text, size_t text_size);

/* The processors that this process may use, as counted for choosing algorithms. */
typedef struct weft_info_processors {
    int online;          /* processors of the machine */
    int affinity;        /* in the union of the affinity masks of the process's threads */
    double cgroup_quota; /* processors' worth of time the control group grants; 0: no limit */
    int usable;          /* what counts: the lesser of the two above, rounded up, at least 1 */
} weft_info_processors;
weft_status weft_info_count_processors(weft_info_processors *out);

/* One level of the machine's memory hierarchy, as hwloc sees it: "L1d", "L2", "L3", "NUMANode", "Package", "Core" or
 * "PU". */
typedef struct weft_info_level {
    const char *name;
    int count;           /* how many of them the machine has */
    size_t bytes;        /* size of one, caches and NUMA nodes; otherwise 0 */
    int processors_each; /* processors that share one */
} weft_info_level;
/* The levels of the machine, from the outermost in: fills at most `capacity`, and sets *count to how many there are.
 * SYSTEM when hwloc refuses. */
weft_status weft_info_topology(weft_info_level *levels, size_t capacity, size_t *count);

#ifdef __cplusplus
}
#endif
#endif

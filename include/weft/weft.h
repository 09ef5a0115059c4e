// SPDX-License-Identifier: MIT
/* The public contract of Weft: names, types and meanings that other people's code may rely on. Later versions may add
 * to it; they do not rename, reorder or drop. It compiles alone, as C11 and as C++17.
 *
 * Weft gives the threads of one process what MPI gives processes: ranks, communicators and collectives.
 *
 *     static weft_status body(weft_comm *comm, void *arg)        // runs on four threads at once
 *     {
 *         int32_t mine = weft_comm_rank(comm), sum;
 *         return weft_allreduce(comm, &mine, &sum, 1, WEFT_INT32, WEFT_SUM);
 *     }
 *     ... weft_run(4, NULL, body, NULL) ...
 *
 * Sections: status; groups; communicators; types and operations; collectives; nonblocking; point to point. What is said
 * at the head of a section holds for each of its functions. Programs: examples/groups.c (threads of the program's own,
 * split), examples/heat.c (allgather and allreduce in a loop), examples/objects.c (a type with a copy function, an
 * operation of the program's own), examples/errors.c (what failures look like), examples/openmp.c (threads of OpenMP).
 *
 * All ranks of a communicator live in one process. The serialise functions of a weft_type are carried and not called
 * yet.
 *
 * In a child by fork every handle that the parent had gives WEFT_ERR_GROUP, and is to be destroyed or forgotten; the child
 * may make groups of its own. The parent goes on. A child by _Fork, vfork or clone may call nothing of this library.
 *
 * ---- Environment, read when a communicator is created, not by dup and split:
 *
 *     WEFT_ALGORITHMS   "allreduce:grid,broadcast:pull": where set and not empty, replaces config.algorithms
 *     WEFT_TIMEOUT_MS   the timeout of handles whose config.timeout_ns is 0, in milliseconds
 *     WEFT_STALL_MS     after how long an operation is warned of, 0: never; see weft_log_set
 *     WEFT_TRACE        a file for a trace: see weft_trace_start
 *     WEFT_REPORT       a file for reports: see weft_report_on_signal
 *
 *     WEFT_TUNING       a table of figures for this machine, which `weft tune` writes and a person may edit: by them algorithms and
 *                       waits are chosen. Where it is not set, the file weft/tuning in $XDG_CONFIG_HOME or ~/.config, if it is there.
 *                       A table of another machine is left alone; one that makes no sense is ARGUMENT
 *
 *     WEFT_CHECK        1: calls of two threads on one handle at once, calls after weft_comm_destroy and a second destroy
 *                       are ARGUMENT, as far as they can be told apart: the last 1,024 handles destroyed are known. For
 *                       debugging; also read by dup, split and shrink. Builds with assertions always check so
 *
 * and, for tests, when weft_comm_split_by or weft_info_topology is called, and when a communicator is made whose algorithms go by
 * caches (eight ranks or more, or "domains" forced):
 *
 *     WEFT_TOPOLOGY     "package:2 l3:2 core:4 pu:2": where set and not empty, the machine, in hwloc's synthetic form.
 *                       Rank r of a group stands on processor r of it, modulo how many there are, in hwloc's logical
 *                       order, and stays there in all communicators that are made from the group's
 *
 * ---- Memory: a communicator takes about 15 KiB a rank, and 32 bytes for each pair of ranks; the algorithm "grid",
 * where it is forced, 64 bytes more for each pair. After that only these allocate: dup, split and shrink,
 * nonblocking calls, a rank's first message, sends of more than 480 bytes and messages that are put aside, a thread's
 * first sleep, "grid" when it reduces, and user-defined operations on large elements or on more than 127 ranks.
 */
#ifndef WEFT_WEFT_H
#define WEFT_WEFT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#ifdef __cplusplus
extern "C" {
#endif

#define WEFT_VERSION_MAJOR 0
#define WEFT_VERSION_MINOR 1
#define WEFT_VERSION_PATCH 0
/* The version of the library that runs, "0.1.0", which may be newer than that of the header (WEFT_VERSION_...). Any
 * thread, any time; the string is the library's and lives as long as it is loaded. */
const char *weft_version(void);

/* ---- Status: 0 is success, positive is pending, negative is failure.
 *
 * WEFT_OK means that this rank's own result is right, not that its peers succeeded: a rank whose part did not need the
 * others (the root of a small broadcast, a sender) learns of their failure from its next call.
 *
 * These fail the communicator for ever, with one cause for all ranks: MISMATCH, TIMEOUT and RANK_LOST in a collective,
 * ABORTED anywhere, SYSTEM, MEMORY in a collective or in starting one, CALLBACK from combine, and ARGUMENT or
 * UNSUPPORTED found by a rank in a collective on a valid handle (its peers get that status and its sentence).
 * These fail only the call: CALLBACK in an object collective (every rank gets it), MEMORY in dup, split and shrink (all
 * ranks or none), and in point to point everything but ABORTED.
 * After a failure handles and scalars are untouched; data buffers are undefined, but no other rank touches them any
 * more: a failing call returns only once no peer is inside its caller's buffers.
 *
 * Every call that returns a status may return ARGUMENT, for a NULL handle or pointer; every collective on a
 * communicator that has failed returns the status that it failed with. Below, functions name what else is to be
 * expected. ---- */

typedef enum weft_status {
    WEFT_OK = 0,
    WEFT_PENDING = 1,          /* weft_test, weft_iprobe: nothing yet */
    WEFT_ERR_ARGUMENT = -1,    /* null pointer, rank or root out of range, count * size overflows, buffers overlap */
    WEFT_ERR_GROUP = -2,       /* group id corrupt, from another process, complete, or destroyed */
    WEFT_ERR_MISMATCH = -3,    /* ranks disagree on the collective, count, type, op, root or number of ranks */
    WEFT_ERR_TIMEOUT = -4,     /* config.timeout_ns passed and the call was not finished */
    WEFT_ERR_ABORTED = -5,     /* some rank called weft_comm_abort */
    WEFT_ERR_RANK_LOST = -6,   /* a rank that others wait for destroyed its handle, or the thread ended that was inside
                                 * its call or that it is bound to */
    WEFT_ERR_UNSUPPORTED = -7, /* this op is not defined for this type */
    WEFT_ERR_TRUNCATED = -8,   /* the message is longer than the receive buffer */
    WEFT_ERR_CALLBACK = -9,    /* a user's copy, serialise, deserialise or combine function failed */
    WEFT_ERR_MEMORY = -10,
    WEFT_ERR_SYSTEM = -11 /* the operating system or MPI refused */
} weft_status;

/* The name of a status: "WEFT_OK", "WEFT_ERR_TIMEOUT", ...; "unknown status" for any other number. Any thread, any
 * time; the string is the library's. */
const char *weft_status_name(weft_status status);
/* The calling thread's last failure in one sentence: which call, on which communicator, by which rank,
 * what was expected and what was found. "" if there was none. Calls that succeed leave it alone, so it is worth reading
 * after a failure only. The text belongs to the thread, and changes with its next failure: copy what is to be kept.
 * weft_run leaves the sentence of the rank that failed first with its caller. See examples/errors.c. */
const char *weft_last_error(void);

/* ---- Groups: how ranks find each other. A plain value: copy it, send it, print it. It holds a random key that is
 *      looked up, and a checksum, but no address: an id that is forged, stale or of another process is an error
 *      (GROUP) and no crash. weft_run and weft_comm_create_all need none. Example: examples/groups.c. Any thread, any
 *      time. ---- */

#define WEFT_GROUP_ID_SIZE 128
#define WEFT_GROUP_ID_TEXT_SIZE 257 /* two hexadecimal digits a byte, and the final NUL */
typedef struct weft_group_id {
    unsigned char bytes[WEFT_GROUP_ID_SIZE];
} weft_group_id;

/* Makes a new group, which nobody has joined yet, and writes its id. One thread calls it, and hands the id to all that
 * are to be ranks. The group is for one communicator: when its last rank has joined, it is complete, its id is of no
 * more use, and nothing is left to free. SYSTEM: no random bytes. MEMORY. */
weft_status weft_group_id_create(weft_group_id *id);
/* Gives up a group that not every rank has joined; those who did get RANK_LOST, naming the missing. For a program that
 * finds it cannot start all its ranks. GROUP: the group is complete, or given up already: there is nothing to do. */
weft_status weft_group_id_destroy(const weft_group_id *id);
/* Writes the id as 256 hexadecimal digits and a NUL: for logs, files, environment variables, other languages. */
weft_status weft_group_id_to_text(const weft_group_id *id, char text[WEFT_GROUP_ID_TEXT_SIZE]);
/* Reads what weft_group_id_to_text wrote, in either case of letters, and nothing behind it. GROUP: another length,
 * other characters, or a checksum that does not hold; *id is untouched then. Whether there is such a group shows when
 * a rank joins. */
weft_status weft_group_id_from_text(const char *text, weft_group_id *id);

/* ---- Communicators: one handle per rank. A handle belongs to no thread: any thread may use it, one at a time (abort,
 *      status and report: any, at any time), and it may outlive the thread that made it. Two communicators, also of the
 *      same ranks, know nothing of each other and may be used at the same time from different threads. ---- */

/* One rank's handle on one communicator. */
typedef struct weft_comm weft_comm;

/* How a rank waits for others. With more ranks than processors AUTO does not spin but yields, then sleeps. SPIN
 * yields between two looks once a wait is long, and takes what processor time there is. */
typedef enum weft_wait {
    WEFT_WAIT_AUTO = 0, /* spin while that pays, then sleep */
    WEFT_WAIT_SPIN,     /* never sleep: lowest latency, a core for each rank */
    WEFT_WAIT_BLOCK     /* sleep at once: no processor time while waiting */
} weft_wait;

/* Settings of a communicator: weft_config config = WEFT_CONFIG_INIT; then what is to differ. Strings need to live only
 * for the call that takes them; of the name 63 bytes are kept. */
typedef struct weft_config {
    size_t struct_size; /* set by WEFT_CONFIG_INIT */
    const char *name;   /* shown in messages, reports and traces */
    weft_wait wait;
    int64_t timeout_ns; /* 0: WEFT_TIMEOUT_MS if set, else wait for ever; counts from a rank's own arrival in a call */
    /* "allreduce:grid,broadcast:pull" forces by name; NULL: the library chooses. The same on all ranks (else MISMATCH);
     * WEFT_ALGORITHMS, where set, replaces it; an unknown name is ARGUMENT, listing those there are. wait and
     * timeout_ns are each rank's own. */
    const char *algorithms;
    const void *reserved[8];
} weft_config;
#ifdef __cplusplus
#define WEFT_CONFIG_INIT                                                                                               \
    {                                                                                                                  \
        sizeof(weft_config), nullptr, WEFT_WAIT_AUTO, 0, nullptr, {}                                                   \
    }
#else
#define WEFT_CONFIG_INIT                                                                                               \
    {                                                                                                                  \
        .struct_size = sizeof(weft_config)                                                                             \
    }
#endif

#define WEFT_ANY_RANK (-1)
/* Joins `rank` of `n_ranks` to the group; WEFT_ANY_RANK: the lowest one still free. Does not wait for the others.
 * config may be NULL. A rank that is taken: ARGUMENT, and nothing changes. Another n_ranks than the first joiner's:
 * MISMATCH, and the group fails for all who joined. dup and split hand the config on. Each rank calls it once, from
 * any thread, in any order; one thread may do so for several ranks. GROUP: the id is corrupt, of another process,
 * complete or destroyed. MEMORY. *comm is to be destroyed by weft_comm_destroy. Example: examples/groups.c. */
weft_status weft_comm_create(const weft_group_id *id, int n_ranks, int rank, const weft_config *config,
                             weft_comm **comm);
/* All ranks of a new group at once, for a caller that hands each to a thread of its own: comms[r] is the handle of
 * rank r, of n_ranks. Called by one thread. All are made or none: on failure comms is untouched. Each is destroyed for
 * itself. */
weft_status weft_comm_create_all(int n_ranks, const weft_config *config, weft_comm **comms);
/* Leaves the communicator, and frees the handle. May be called at any time; NULL is fine. Leaving is no failure: what
 * this rank published stays readable, and its peers get WEFT_ERR_RANK_LOST only when they need something it never
 * published. Does not wait; no thread may be inside a call on the handle, or use it later. Communicators made from this
 * one stay, and memory that ranks share goes with the last of them. Always WEFT_OK. */
weft_status weft_comm_destroy(weft_comm *comm);
/* From now on this rank is lost when the calling thread ends without having destroyed the handle. weft_run binds.
 * However the thread ends (return, pthread_exit, cancellation): peers that need what this rank never published get
 * RANK_LOST, "the thread of rank 3 ended before call 7". The handle is still to be destroyed, by any thread, and good
 * for nothing else. One that has moved to another thread is bound anew there, which ends the first binding; handles
 * that dup and split make are bound for themselves. Local. RANK_LOST: the thread that it was bound to has ended.
 * MEMORY, SYSTEM: no room for thread-specific data. */
weft_status weft_comm_bind_thread(weft_comm *comm);
/* How long this rank's calls may take, in nanoseconds, from its next call on; 0: for ever. Local: peers keep their own
 * timeout, though one that runs out fails the communicator for all. ARGUMENT for a negative one. */
weft_status weft_comm_set_timeout(weft_comm *comm, int64_t timeout_ns);

/* This rank's number, from 0. Local, like the three below. */
int weft_comm_rank(const weft_comm *comm); /* -1 for NULL, and so below */
/* How many ranks the communicator has, joined or not. */
int weft_comm_size(const weft_comm *comm);
/* Whether objects need a copy function only, and no serialise functions. */
bool weft_comm_same_process(const weft_comm *comm); /* true: every rank lives in this process */
/* Whether the communicator has failed, so that a program can ask without making a call. Any thread, any time; never
 * waits. Also tells of the abort of a communicator that this one was made from. ARGUMENT for NULL. */
weft_status weft_comm_status(const weft_comm *comm); /* WEFT_OK, or why it failed: a failed communicator stays failed */

#define WEFT_NO_COLOR (-1)
/* A new communicator of the same ranks with the same settings, for a library or a thread that is to talk undisturbed
 * by what goes on in this one. Collective: every rank calls it, in the same order as other collectives. Either all
 * ranks get one or none: MEMORY leaves this communicator as it was. Both live independently, but an abort here reaches
 * the new one. */
weft_status weft_comm_dup(weft_comm *comm, weft_comm **out);
/* Ranks of one color form a communicator, ordered by key, then by old rank. WEFT_NO_COLOR: *out = NULL. Collective like
 * dup, and the same holds of failures and of aborts; also those take part who get none. Colors are 0 or more; keys any
 * int. A part may be split again, to any depth. ARGUMENT: another negative color. Example: examples/groups.c. */
weft_status weft_comm_split(weft_comm *comm, int color, int key, weft_comm **out);
typedef enum weft_domain { WEFT_DOMAIN_PROCESS = 0, WEFT_DOMAIN_NUMA, WEFT_DOMAIN_L3, WEFT_DOMAIN_CORE } weft_domain;
/* split, with a color that the machine gives: ranks of one process (at present all), or ranks that run on processors
 * that share a memory node, a last-level cache (the L3, or the outermost cache where there is none) or a core. A rank
 * counts where its thread runs at the call, so threads should be bound to processors before. Otherwise as split; every
 * rank gets a communicator, and all ask for the same domain (MISMATCH). ARGUMENT: no such domain. SYSTEM: hwloc does not
 * know the machine. */
weft_status weft_comm_split_by(weft_comm *comm, weft_domain domain, int key, weft_comm **out);

/* Every rank of this communicator and of those made from it by dup and split gets WEFT_ERR_ABORTED, waiting or not.
 * From any thread, also from a signal handler, through any rank's handle that stays valid meanwhile: it takes no lock,
 * allocates nothing, and leaves errno alone. First reason wins. Does not wait: the peers are woken, finish the block
 * they are copying (at most 64 KiB, or one callback), and return. `reason` stands in their sentences, and is copied,
 * about 1,000 bytes of it; NULL is fine. On a communicator that has failed it changes nothing. Handles are still to be
 * destroyed. */
weft_status weft_comm_abort(weft_comm *comm, const char *reason);
/* The living ranks, in order, after a failure. Each calls it; one that has not after timeout_ns is left out and gets
 * WEFT_ERR_RANK_LOST. After an abort all may come back; on a healthy communicator it is dup. A rank lives until its
 * handle is destroyed or the thread ends that it is bound to. All that come get the same outcome, whoever dies
 * meanwhile: a rank that dies later is lost in the new communicator, which can shrink in turn. A living rank that never
 * calls it makes the others wait: set a timeout. Whoever's timeout runs out decides for all, without those that are
 * late; a healthy communicator fails then, with RANK_LOST, which names them. The settings are those of the old one,
 * whose handle is still to be destroyed. ABORTED: one that this one was made from was aborted while this
 * rank waited; it may call again. MEMORY: no rank gets one, and all may try again.
 * Example: examples/shrink.c. */
weft_status weft_comm_shrink(weft_comm *comm, weft_comm **out);
/* Writes who is where, a line for each rank: the collective that it is in or finished last, with its number; if it waits,
 * for whom and for how long; who waits for it; its thread, and the processor that this runs on or ran on last. Any thread,
 * any time, also on a communicator that hangs or has failed. Takes no lock of the library and waits for no rank. Times are
 * lower bounds: a wait counts from when it was no longer a short one, and so does what is known of a rank's thread. SYSTEM:
 * `out` takes no more. See docs/seeing.md, and scripts/weft-gdb.py for a core file. */
weft_status weft_comm_report(const weft_comm *comm, FILE *out); /* who is where: any thread, any time, never waits */
/* From now on this signal makes the process report on all its communicators: behind what stands in the file that WEFT_REPORT
 * names (where it is set when this is first called, or the first communicator is made), else on the error output. Replaces
 * the signal's handler. It may come at any time and to any thread, uses write() alone, and leaves errno as it was. With
 * WEFT_REPORT set, SIGUSR1 does so without a call, unless the program has a handler for it when the first communicator is
 * made. ARGUMENT: no signal, or one that takes no handler. */
weft_status weft_report_on_signal(int signo);

/* Gets what the library has to say, in lines that end with a newline: at present warnings of operations that take very
 * long. Called on the thread that found it, which is inside a call on a communicator; by one thread at a time. It makes no
 * calls of the library, and comes back soon. */
typedef void weft_log_hook(const char *text, void *context);
/* From now on the hook gets it; NULL: nobody, as at first. The library prints nothing itself. When this has returned, the
 * hook before is called no more. Any thread, any time.
 *
 * A collective that has kept a rank waiting for WEFT_STALL_MS milliseconds (10000 where it is not set, 0: never) is told of
 * once, whichever rank finds it first, with the text of weft_comm_report; and so a wait for a message. The idle wait
 * weft_sync(comm, true) is not. */
void weft_log_set(weft_log_hook *hook, void *context);

/* From now on, communicators that are created, and those made from them, keep a trace: of each rank the last 16,384
 * collectives, when it came, when it left, and how long it waited in between. 1 MiB a rank of each communicator, touched
 * as it fills. What a communicator has kept is written to the file when the last rank has destroyed its handle, or at
 * weft_trace_stop, or when the process exits: as Chrome trace JSON, which Perfetto opens, with a track for each rank and
 * arrows from the last to come to those who waited for it. `weft trace FILE` tells who kept whom waiting. WEFT_TRACE=FILE
 * in the environment starts it when the first communicator is created. Any thread. ARGUMENT: a trace is being kept already.
 * SYSTEM: the file cannot be written. See docs/seeing.md. */
weft_status weft_trace_start(const char *path);
/* Writes what there is, and ends the trace. Ranks may be in calls meanwhile. ARGUMENT: none is kept. SYSTEM: not
 * all could be written. */
weft_status weft_trace_stop(void);

/* Starts n_ranks threads, calls body(comm, arg) on each, joins them, and returns the first failure. A body that fails
 * aborts the others. All threads get the same arg. The handle is destroyed when the body returns: the body neither
 * destroys nor keeps it, but destroys what it made from it. config may be NULL. First is meant in time;
 * weft_last_error() then says which rank's body failed, and why. SYSTEM: a thread was refused; those that had started
 * get ABORTED. RANK_LOST: a thread ended inside its body. Example: examples/heat.c. */
weft_status weft_run(int n_ranks, const weft_config *config, weft_status (*body)(weft_comm *comm, void *arg),
                     void *arg);

/* ---- Types and operations. Constant objects: built in, or defined by the user and never registered. Ranks' types
 *      match by name, size and kind, ops by name and commutative; addresses and contexts may differ. Reductions take
 *      plain types (no copy function): a built-in op on a built-in type, or a user's op on any plain type.
 *
 *      A type or an op, and what its context points to, must stay as it is while any rank is in a call with it.
 *
 *      Objects need copy: elements that own something (memory, a counted reference) are copied by it, to targets that
 *      hold constructed elements, by the rank that receives and on its thread, while the rank that gives is held in
 *      the call. If a copy fails anywhere, every rank's call returns CALLBACK, and the communicator goes on. Without a
 *      copy function bytes are copied: fine for plain data, wrong for anything that owns. Example:
 *      examples/objects.c.
 *
 *      Callbacks report failure by their status. They do not jump out, and make no calls on the communicator that they
 *      serve: such a call does nothing and returns CALLBACK, and the callback has failed, whatever it returns. A thread that ends inside one fails the communicator with RANK_LOST. (The library's own waits are no
 *      cancellation points; asynchronous cancellation is not for threads that call it.) ---- */

/* A kind of element: WEFT_INT32 and so on, or the user's own: a constant with at least a name and a size; the rest
 * zero. */
typedef struct weft_type weft_type;
struct weft_type {
    const char *name;
    size_t size; /* bytes an element */
    /* All NULL: plain bytes. copy alone: an object that lives in one process (a C++ class, a counted pointer).
     * The other three: how it crosses to another process. `target` holds constructed elements. Called on any rank's
     * thread, and by several at once on one source. */
    weft_status (*copy)(const weft_type *type, const void *source, void *target, size_t count);
    weft_status (*serialized_size)(const weft_type *type, const void *source, size_t count, size_t *size);
    weft_status (*serialize)(const weft_type *type, const void *source, size_t count, void *bytes, size_t size);
    weft_status (*deserialize)(const weft_type *type, const void *bytes, size_t size, void *target, size_t count);
    void *context; /* the user's own */
    const void *reserved[4];
};

/* The built-in types. Programs use the macros below; float16 and bfloat16 are IEEE binary16 and its sibling with
 * float32's exponent, two bytes each, whatever type the compiler has for them. */
extern const weft_type weft_int8, weft_int16, weft_int32, weft_int64;
extern const weft_type weft_uint8, weft_uint16, weft_uint32, weft_uint64;
extern const weft_type weft_float16, weft_bfloat16, weft_float32, weft_float64;
extern const weft_type weft_int32_index, weft_int64_index, weft_float32_index, weft_float64_index;
#define WEFT_INT8 (&weft_int8)
#define WEFT_INT16 (&weft_int16)
#define WEFT_INT32 (&weft_int32)
#define WEFT_INT64 (&weft_int64)
#define WEFT_UINT8 (&weft_uint8)
#define WEFT_UINT16 (&weft_uint16)
#define WEFT_UINT32 (&weft_uint32)
#define WEFT_UINT64 (&weft_uint64)
#define WEFT_BYTE (&weft_uint8)
#define WEFT_FLOAT16 (&weft_float16)
#define WEFT_BFLOAT16 (&weft_bfloat16)
#define WEFT_FLOAT32 (&weft_float32)
#define WEFT_FLOAT64 (&weft_float64)
/* A value and the index it came from, for WEFT_MINLOC and WEFT_MAXLOC; ties go to the lower index. */
typedef struct weft_int32_indexed {
    int32_t value;
    int32_t index;
} weft_int32_indexed;
typedef struct weft_int64_indexed {
    int64_t value;
    int64_t index;
} weft_int64_indexed;
typedef struct weft_float32_indexed {
    float value;
    int32_t index;
} weft_float32_indexed;
typedef struct weft_float64_indexed {
    double value;
    int64_t index;
} weft_float64_indexed;
#define WEFT_INT32_INDEX (&weft_int32_index)
#define WEFT_INT64_INDEX (&weft_int64_index)
#define WEFT_FLOAT32_INDEX (&weft_float32_index)
#define WEFT_FLOAT64_INDEX (&weft_float64_index)

/* A way of combining two elements. A user's own: a constant with a name and a combine function, which must be
 * associative enough for its purpose and may be called by several threads at once. It gets `count` pairs at a time,
 * aligned as their type may need, wherever the ranks' buffers stand: to the largest power of two that divides its size,
 * and to 64 bytes at most. If it fails anywhere, the communicator fails with CALLBACK. Built-in ops have combine, too,
 * so a user's op can call WEFT_SUM->combine(WEFT_SUM, WEFT_FLOAT32, in, inout, count). Example: examples/objects.c. */
typedef struct weft_op weft_op;
struct weft_op {
    const char *name;
    bool commutative; /* false: operands never swap; the tree is the same, associativity is assumed */
    /* inout[i] = in[i] op inout[i], in from the lower rank. Called from any rank's thread. */
    weft_status (*combine)(const weft_op *op, const weft_type *type, const void *in, void *inout, size_t count);
    void *context;
    const void *reserved[4];
};

/* The built-in operations, and the types they are defined for:
 *
 *     sum, prod, min, max, avg               integers and floats of all sizes
 *     band, bor, bxor, land, lor, lxor       integers; the logical ones give 0 or 1
 *     minloc, maxloc                         a value with its index (WEFT_INT32_INDEX and so on)
 *
 * NaN: if any operand of sum, prod, min, max or avg is NaN, or the arithmetic makes one, the result is the one quiet
 * NaN, 0x7fc00000 in float32, 0x7ff8000000000000 in float64, 0x7e00 in float16, 0x7fc0 in bfloat16. Signed zero: min
 * and max hold -0 to be less than +0. minloc and maxloc: a NaN wins over every number; ties, also between NaNs, go to
 * the lower index. All of it holds from two ranks on; see below for one rank alone. */
extern const weft_op weft_sum, weft_prod, weft_min, weft_max, weft_avg;
extern const weft_op weft_band, weft_bor, weft_bxor, weft_land, weft_lor, weft_lxor, weft_minloc, weft_maxloc;
#define WEFT_SUM (&weft_sum)
#define WEFT_PROD (&weft_prod)
#define WEFT_MIN (&weft_min)
#define WEFT_MAX (&weft_max)
#define WEFT_AVG (&weft_avg)
#define WEFT_BAND (&weft_band)
#define WEFT_BOR (&weft_bor)
#define WEFT_BXOR (&weft_bxor)
#define WEFT_LAND (&weft_land)
#define WEFT_LOR (&weft_lor)
#define WEFT_LXOR (&weft_lxor)
#define WEFT_MINLOC (&weft_minloc)
#define WEFT_MAXLOC (&weft_maxloc)
/* Whether reductions take this op with this type; where not, they fail with UNSUPPORTED. Local: any thread, any time.
 * false for NULL. A user's op supports every plain type. */
bool weft_op_supports(const weft_op *op, const weft_type *type);

/* ---- Collectives. Every rank calls them in the same order. Counts are in elements; with a count of 0 pointers may be
 *      NULL. `recv` may be NULL on ranks that receive nothing, `send` on ranks that send nothing. When one returns, the
 *      caller's buffers are its own again. Ranks may share send buffers, never receive buffers.
 *
 *      What a call makes visible: after barrier, sync, allgather, allreduce, alltoall and reduce_scatter everything
 *      each rank wrote before is visible to every rank; after broadcast and scatter the root's writes to the
 *      receivers; after gather and reduce the senders' to the root; after a receive the sender's. Nothing else: a
 *      broadcast is no barrier.
 *
 *      In place: WEFT_IN_PLACE as `send`, or send equal to where the input stands. reduce, allreduce, scan, exscan:
 *      input in recv. allgather and, at the root, gather: in the caller's own block of recv. reduce_scatter: all
 *      blocks in recv, the result in the first. alltoall: blocks swapped in recv. scatter: the root passes
 *      WEFT_IN_PLACE as `recv` and keeps its block. Any other overlap of send and recv is WEFT_ERR_ARGUMENT. Each rank
 *      chooses for itself whether it is in place.
 *
 *      Blocks that differ (the calls whose names end in v): counts[r] elements stand at offsets[r], both in elements,
 *      in any order and with any gaps, which stay as they are; blocks that are received must not overlap (ARGUMENT).
 *      What a rank says twice of its own block, as send_count and as counts[own rank], must be the same (ARGUMENT); so
 *      must what two ranks say of the block between them (MISMATCH, with a sentence that names both and their numbers).
 *
 *      Floating-point results have the same bits on every rank and for every algorithm, wait policy, topology and
 *      instruction set: tree(lo, hi) over ranks lo to hi - 1 splits at the largest power of two below its length;
 *      allreduce is tree(0, n), scan at rank r tree(0, r + 1), exscan tree(0, r). 16-bit floats under built-in ops
 *      travel as float32 between combinations and round once; user ops use the same tree. Integers wrap. AVG is SUM,
 *      then a division (integers: toward zero), and is not defined for scan and exscan. One rank alone: the result of
 *      a reduction is its input bit for bit; nothing is combined, divided or made canonical. Built-in ops run rounding
 *      to nearest and without flush-to-zero, whatever mode the calling thread has set, and leave that mode as it was;
 *      a user's op runs in the mode of the thread that it happens to run on.
 *
 *      Sizes: up to 1,152 bytes, all that a rank hands out in a call, may travel inside the cache lines that ranks
 *      signal with. More is copied or combined once, straight from buffer to buffer, so every rank is held in the call
 *      until nobody needs its buffers.
 *
 *      Errors that any of them may return: ARGUMENT and UNSUPPORTED for what one rank can see to be wrong by itself;
 *      MISMATCH for what ranks do not agree on, in this call or an earlier one; TIMEOUT, RANK_LOST, ABORTED. Each
 *      fails the communicator for all ranks. ---- */

#define WEFT_IN_PLACE ((void *)-1)

/* Returns when every rank has called it. What any rank wrote before is visible to all after. Example:
 * docs/adopting.md. */
weft_status weft_barrier(weft_comm *comm);
/* A barrier that a rank may sleep through. blocking: this one does, whatever config.wait says. Each rank chooses for
 * itself; both meet weft_barrier, and sentences call them so. weft_sync(comm, true) is how a rank idles: timeout and
 * stall warnings do not apply to it; loss, abort and mismatch do. It takes no measurable processor time while it lasts.
 * Ranks in a call beside it have their own timeouts. Example: examples/host_comm.cpp (Sync). */
weft_status weft_sync(weft_comm *comm, bool blocking);
/* Everyone's `data`, of `count` elements, become the root's. Every rank calls it with the same count, type and root.
 * Up to 1,152 bytes the root goes on at once, running ahead of its readers by what its ring of 64 lines holds; with
 * more, or with objects, it waits until all have copied. Either way `data` is its own again on return. Objects:
 * CALLBACK if a copy failed; then what the other ranks hold is undefined in value, but constructed. Examples:
 * examples/objects.c, examples/word_count.cpp. */
weft_status weft_broadcast(weft_comm *comm, void *data, size_t count, const weft_type *type, int root);
/* Every rank's `count` elements of send to the root: its recv holds size() blocks of count, and block r is rank r's.
 * Every rank calls it with the same count, type and root; only the root needs recv. Up to 1,152 bytes a block travels
 * in lines, and all but the root go on at once; longer ones are copied by all ranks side by side, each its own,
 * straight into the root's recv. Objects are copied by the root, while the others wait; CALLBACK as in broadcast. */
weft_status weft_gather(weft_comm *comm, const void *send, void *recv, size_t count, const weft_type *type, int root);
/* gather of blocks that differ: rank r's send_count elements become counts[r] elements at recv + offsets[r] of the
 * root. recv, counts and offsets are looked at on the root alone. Each rank calls it with the same type and root;
 * where a send_count is not the root's count for that rank, MISMATCH. In place, which the root may be, send_count is
 * not looked at. Each block goes the way that suits its length, as in gather. */
weft_status weft_gatherv(weft_comm *comm, const void *send, size_t send_count, void *recv, const size_t *counts,
                         const size_t *offsets, const weft_type *type, int root);
/* Block r of the root's send, which holds size() blocks of `count` elements, to rank r's recv. Every rank calls it with
 * the same count, type and root; only the root needs send. Up to 1,152 bytes for all ranks but the root, the blocks
 * travel in lines, and the root goes on at once; otherwise each rank copies its block from the root's send, and the
 * root waits until all have. Objects: CALLBACK as in broadcast. */
weft_status weft_scatter(weft_comm *comm, const void *send, void *recv, size_t count, const weft_type *type, int root);
/* scatter of blocks that differ: counts[r] elements at send + offsets[r] of the root go to rank r, whose recv_count is
 * the same number (else MISMATCH). send, counts and offsets are looked at on the root alone; blocks may overlap. In
 * place, which the root may be, recv_count is not looked at. */
weft_status weft_scatterv(weft_comm *comm, const void *send, const size_t *counts, const size_t *offsets, void *recv,
                          size_t recv_count, const weft_type *type, int root);
/* Every rank's `count` elements of send to every rank: recv holds size() blocks of count, and block r is rank r's.
 * Every rank calls it with the same count and type. In place: the own block of recv is filled in before. Up to 1,152
 * bytes a block travels in lines; longer ones are pulled by each rank from each, and all leave together. Objects: as
 * in broadcast. Example: examples/heat.c. */
weft_status weft_allgather(weft_comm *comm, const void *send, void *recv, size_t count, const weft_type *type);
/* allgather of blocks that differ: rank r's send_count elements become counts[r] elements at recv + offsets[r] of every
 * rank. Counts and offsets are the same on all ranks (MISMATCH). In place: the own block of recv is filled in before,
 * and send_count is not looked at. Long blocks are copied by all ranks together, each byte once for each receiver.
 * Objects: as in broadcast. */
weft_status weft_allgatherv(weft_comm *comm, const void *send, size_t send_count, void *recv, const size_t *counts,
                            const size_t *offsets, const weft_type *type);
/* Block r of this rank's send to rank r, where it becomes block `this rank` of recv; both hold size() blocks of `count`
 * elements. Every rank calls it with the same count and type. In place the blocks of two ranks change places; objects
 * cannot (UNSUPPORTED), since they can only be copied. Up to 512 bytes for all others a rank's blocks travel in lines;
 * longer ones are copied once, and all leave together. Objects: CALLBACK as in broadcast. */
weft_status weft_alltoall(weft_comm *comm, const void *send, void *recv, size_t count, const weft_type *type);
/* alltoall of blocks that differ: send_counts[r] elements at send + send_offsets[r] go to rank r, and recv_counts[r]
 * elements at recv + recv_offsets[r] come from it. What two ranks say of the block between them must agree
 * (MISMATCH). In place recv_counts and recv_offsets describe both what goes and what comes, and send_counts and
 * send_offsets are not looked at; so two ranks' blocks for each other are of one length. Else as alltoall. Example:
 * examples/sample_sort.cpp. */
weft_status weft_alltoallv(weft_comm *comm, const void *send, const size_t *send_counts, const size_t *send_offsets,
                           void *recv, const size_t *recv_counts, const size_t *recv_offsets, const weft_type *type);
/* recv[i] on the root = the combination of all ranks' send[i], for i below count. Every rank calls it with the same
 * count, type, op and root; only the root needs recv, others may pass NULL. Up to 1,152 bytes all but the root go on
 * at once; with more, every rank combines a slice into the root's recv, and all leave together. UNSUPPORTED; CALLBACK
 * if a user's op failed. Examples: examples/objects.c; docs/adopting.md. */
weft_status weft_reduce(weft_comm *comm, const void *send, void *recv, size_t count, const weft_type *type,
                        const weft_op *op, int root);
/* As weft_reduce, with the result on every rank, the same bits on each; every rank needs recv. Long vectors are cut
 * into slices, one a rank; each rank combines its slice of all inputs and writes it to all results in one pass, and
 * one that is done takes over what another has not begun. So a user's op may run on any rank's thread. UNSUPPORTED;
 * CALLBACK if a user's op failed. Examples: examples/heat.c, examples/groups.c. */
weft_status weft_allreduce(weft_comm *comm, const void *send, void *recv, size_t count, const weft_type *type,
                           const weft_op *op);
/* Rank r gets block r of the allreduce of send, which holds size() blocks of recv_count elements. Every rank calls it
 * with the same recv_count, type and op. Long vectors are read once: each rank combines its block from all ranks' send,
 * and one that is done takes over what another has not begun. In place recv holds all blocks, and the result stands in
 * front; what follows it is undefined. UNSUPPORTED; CALLBACK if a user's op failed. */
weft_status weft_reduce_scatter(weft_comm *comm, const void *send, void *recv, size_t recv_count, const weft_type *type,
                                const weft_op *op);
/* reduce_scatter of blocks that differ: send holds blocks of counts[0], counts[1], ... elements, one behind the other,
 * and rank r gets the counts[r] elements of block r. Counts are the same on all ranks (MISMATCH). */
weft_status weft_reduce_scatterv(weft_comm *comm, const void *send, void *recv, const size_t *counts,
                                 const weft_type *type, const weft_op *op);
/* recv[i] on rank r = the combination of send[i] of ranks 0 to r, on rank 0 its own input bit for bit. Every rank calls
 * it with the same count, type and op. Ranks hear of those below: up to 512 bytes, on up to 16 ranks, they go on
 * without those above. Longer vectors are cut into slices, one a rank, which sweeps it once through all inputs and
 * writes all results. UNSUPPORTED, also for WEFT_AVG; CALLBACK if a user's op failed. */
weft_status weft_scan(weft_comm *comm, const void *send, void *recv, size_t count, const weft_type *type,
                      const weft_op *op);
/* The same of ranks 0 to r - 1. Rank 0's recv is left as it was, and may be NULL unless it is in place. Example:
 * examples/prefix_sums.c. */
weft_status weft_exscan(weft_comm *comm, const void *send, void *recv, size_t count, const weft_type *type,
                        const weft_op *op);

/* ---- Nonblocking: weft_iNAME takes NAME's parameters and a request, and is finished by one of the waits. The waits set
 *      *request to NULL and return the operation's own status; wait_all finishes all and returns the first failure by
 *      index; wait_any on NULLs alone gives index = count. A nonblocking call meets only nonblocking ones of its kind.
 *      Ranks may finish requests in different orders, with other calls in between, and always get on: whoever waits
 *      moves every request that its thread has started, on any communicator, and all requests of the communicator it
 *      waits on. Counts and offsets of a nonblocking call stay unchanged until it finishes, and so do type and op.
 *
 *      No thread is started: between calls nothing moves, and a start moves its operation once. The waits follow the
 *      wait policy; timeouts count from the start. A request may be waited on by another thread than started it, as
 *      long as one thread at a time uses the handle, or a request of its; a thread that merely waits for something
 *      else does not count. A handle that is destroyed ends its requests with RANK_LOST: they are still to be waited
 *      on, and the communicator fails if a collective was among them. Starting one allocates.
 *      Example: examples/overlap.c. ---- */

typedef struct weft_request weft_request;
/* Each starts its collective and returns at once; buffers are the library's until a wait has finished the request. */
weft_status weft_ibarrier(weft_comm *comm, weft_request **request);
weft_status weft_ibroadcast(weft_comm *comm, void *data, size_t count, const weft_type *type, int root,
                            weft_request **request);
weft_status weft_iallgather(weft_comm *comm, const void *send, void *recv, size_t count, const weft_type *type,
                            weft_request **request);
weft_status weft_iallreduce(weft_comm *comm, const void *send, void *recv, size_t count, const weft_type *type,
                            const weft_op *op, weft_request **request);
weft_status weft_ireduce(weft_comm *comm, const void *send, void *recv, size_t count, const weft_type *type,
                         const weft_op *op, int root, weft_request **request);
weft_status weft_igather(weft_comm *comm, const void *send, void *recv, size_t count, const weft_type *type, int root,
                         weft_request **request);
weft_status weft_igatherv(weft_comm *comm, const void *send, size_t send_count, void *recv, const size_t *counts,
                          const size_t *offsets, const weft_type *type, int root, weft_request **request);
weft_status weft_iscatter(weft_comm *comm, const void *send, void *recv, size_t count, const weft_type *type, int root,
                          weft_request **request);
weft_status weft_iscatterv(weft_comm *comm, const void *send, const size_t *counts, const size_t *offsets, void *recv,
                           size_t recv_count, const weft_type *type, int root, weft_request **request);
weft_status weft_iallgatherv(weft_comm *comm, const void *send, size_t send_count, void *recv, const size_t *counts,
                             const size_t *offsets, const weft_type *type, weft_request **request);
weft_status weft_ialltoall(weft_comm *comm, const void *send, void *recv, size_t count, const weft_type *type,
                           weft_request **request);
weft_status weft_ialltoallv(weft_comm *comm, const void *send, const size_t *send_counts, const size_t *send_offsets,
                            void *recv, const size_t *recv_counts, const size_t *recv_offsets, const weft_type *type,
                            weft_request **request);
weft_status weft_ireduce_scatter(weft_comm *comm, const void *send, void *recv, size_t recv_count,
                                 const weft_type *type, const weft_op *op, weft_request **request);
weft_status weft_ireduce_scatterv(weft_comm *comm, const void *send, void *recv, const size_t *counts,
                                  const weft_type *type, const weft_op *op, weft_request **request);
weft_status weft_iscan(weft_comm *comm, const void *send, void *recv, size_t count, const weft_type *type,
                       const weft_op *op, weft_request **request);
weft_status weft_iexscan(weft_comm *comm, const void *send, void *recv, size_t count, const weft_type *type,
                         const weft_op *op, weft_request **request);
/* Waits for one, for all, or for any of the requests; test looks without waiting. NULL requests are finished ones. */
weft_status weft_wait_one(weft_request **request);
weft_status weft_wait_all(weft_request **requests, size_t count);
weft_status weft_wait_any(weft_request **requests, size_t count, size_t *index);
weft_status weft_test(weft_request **request); /* WEFT_PENDING, or finished */
/* Gives up a receive that has not matched; otherwise WEFT_PENDING, and it goes on. */
weft_status weft_cancel(weft_request **request);

/* ---- Point to point: messages between two ranks do not overtake one another. Types must match (MISMATCH to the
 *      receiver). To or from WEFT_NO_RANK, at the edge of a grid, nothing happens at once. Objects are never buffered:
 *      their send waits for the receive.
 *
 *      Messages up to 480 bytes are buffered: from one rank to another up to 32 lines, of which a message takes one up to
 *      32 bytes, and one more for each 56 bytes beyond; a send that finds no room waits. Longer ones are copied once,
 *      from buffer to buffer, by the receiver, and their send waits for that. What a receiver comes across in looking
 *      for something else is put aside in memory of its own. A rank's first message takes 2 KiB for each rank of the
 *      communicator, as untouched pages. Failures end the call alone, but for ABORTED: ARGUMENT, TRUNCATED, MISMATCH,
 *      TIMEOUT, RANK_LOST when the other side has left (of WEFT_ANY_SOURCE: all other ranks), MEMORY, CALLBACK to both
 *      sides.
 *      Examples: examples/halo.c, examples/work_pool.c. ---- */

#define WEFT_NO_RANK (-2)

#define WEFT_ANY_SOURCE (-1)
#define WEFT_ANY_TAG (-1)
/* What arrived: filled in by recv, sendrecv, probe and iprobe, and by irecv when it finishes. */
typedef struct weft_message {
    int source;
    int tag;
    size_t count; /* in elements of the sender's type */
} weft_message;
/* send: `count` elements to rank dest, under a tag. recv: at most `count` elements, from a rank or WEFT_ANY_SOURCE, of
 * a tag or WEFT_ANY_TAG; TRUNCATED: the message is longer. */
weft_status weft_send(weft_comm *comm, const void *data, size_t count, const weft_type *type, int dest, int tag);
weft_status weft_recv(weft_comm *comm, void *data, size_t count, const weft_type *type, int source, int tag,
                      weft_message *message); /* message may be NULL */
/* A send and a receive at once, so that neighbours in a ring do not wait for each other. */
weft_status weft_sendrecv(weft_comm *comm, const void *send, size_t send_count, int dest, int send_tag, void *recv,
                          size_t recv_count, int source, int recv_tag, const weft_type *type, weft_message *message);
/* The same as requests: see the section before. message may be NULL; filled when it finishes. */
weft_status weft_isend(weft_comm *comm, const void *data, size_t count, const weft_type *type, int dest, int tag,
                       weft_request **request);
weft_status weft_irecv(weft_comm *comm, void *data, size_t count, const weft_type *type, int source, int tag,
                       weft_message *message, weft_request **request);
/* Says which message a receive would get, without taking it; iprobe gives PENDING where there is none yet. */
weft_status weft_probe(weft_comm *comm, int source, int tag, weft_message *message);
weft_status weft_iprobe(weft_comm *comm, int source, int tag, weft_message *message);

#ifdef __cplusplus
}
#endif
#endif

// SPDX-License-Identifier: MIT
/* The public contract of Weft: names, types and meanings that other people's code may rely on.
 *
 * The project's own headers declare at least this, with the same names, parameter order and meaning,
 * and document it in full. They may add to it; they do not rename, reorder or drop. It compiles as C11
 * and as C++17, so that a test can include it alone to check that a program fits the contract.
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
const char *weft_version(void); /* of the library that runs, "0.1.0" */

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
 * more: a failing call returns only once no peer is inside its caller's buffers. ---- */

typedef enum weft_status {
    WEFT_OK = 0,
    WEFT_PENDING = 1,           /* weft_test, weft_iprobe: nothing yet */
    WEFT_ERR_ARGUMENT = -1,     /* null pointer, rank or root out of range, count * size overflows, buffers overlap */
    WEFT_ERR_GROUP = -2,        /* group id corrupt, from another process, complete, or destroyed */
    WEFT_ERR_MISMATCH = -3,     /* ranks disagree on the collective, count, type, op, root or number of ranks */
    WEFT_ERR_TIMEOUT = -4,      /* config.timeout_ns passed and the call was not finished */
    WEFT_ERR_ABORTED = -5,      /* some rank called weft_comm_abort */
    WEFT_ERR_RANK_LOST = -6,    /* a rank that others wait for destroyed its handle, or the thread ended that was inside
                                 * its call or that it is bound to */
    WEFT_ERR_UNSUPPORTED = -7,  /* this op is not defined for this type */
    WEFT_ERR_TRUNCATED = -8,    /* the message is longer than the receive buffer */
    WEFT_ERR_CALLBACK = -9,     /* a user's copy, serialise, deserialise or combine function failed */
    WEFT_ERR_MEMORY = -10,
    WEFT_ERR_SYSTEM = -11       /* the operating system or MPI refused */
} weft_status;

const char *weft_status_name(weft_status status);
/* The calling thread's last failure in one sentence: which call, on which communicator, by which rank,
 * what was expected and what was found. "" if there was none. */
const char *weft_last_error(void);

/* ---- Groups: how ranks find each other. A plain value: copy it, send it, print it. ---- */

#define WEFT_GROUP_ID_SIZE 128
#define WEFT_GROUP_ID_TEXT_SIZE 257 /* two hexadecimal digits a byte, and the final NUL */
typedef struct weft_group_id {
    unsigned char bytes[WEFT_GROUP_ID_SIZE];
} weft_group_id;

weft_status weft_group_id_create(weft_group_id *id);
/* Gives up a group that not every rank has joined; those who did get RANK_LOST, naming the missing. */
weft_status weft_group_id_destroy(const weft_group_id *id);
weft_status weft_group_id_to_text(const weft_group_id *id, char text[WEFT_GROUP_ID_TEXT_SIZE]);
weft_status weft_group_id_from_text(const char *text, weft_group_id *id);

/* ---- Communicators: one handle per rank. A handle belongs to no thread: any thread may use it, one at a time (abort,
 *      status and report: any, at any time), and it may outlive the thread that made it. ---- */

typedef struct weft_comm weft_comm;

typedef enum weft_wait {
    WEFT_WAIT_AUTO = 0, /* spin while that pays, then sleep */
    WEFT_WAIT_SPIN,     /* never sleep: lowest latency, a core for each rank */
    WEFT_WAIT_BLOCK     /* sleep at once: no processor time while waiting */
} weft_wait;

typedef struct weft_config {
    size_t struct_size;  /* set by WEFT_CONFIG_INIT */
    const char *name;    /* shown in messages, reports and traces */
    weft_wait wait;
    int64_t timeout_ns;  /* 0: WEFT_TIMEOUT_MS if set, else wait for ever; counts from a rank's own arrival in a call */
    const char *algorithms; /* "allreduce:grid,broadcast:tree" forces by name; NULL: the library chooses. The same on all
                             * ranks (else MISMATCH); WEFT_ALGORITHMS, where set, replaces it; an unknown name is
                             * ARGUMENT, listing those there are. wait and timeout_ns are each rank's own. */
    const void *reserved[8];
} weft_config;
#ifdef __cplusplus
#define WEFT_CONFIG_INIT {sizeof(weft_config), nullptr, WEFT_WAIT_AUTO, 0, nullptr, {}}
#else
#define WEFT_CONFIG_INIT {.struct_size = sizeof(weft_config)}
#endif

#define WEFT_ANY_RANK (-1)
/* Joins `rank` of `n_ranks` to the group; WEFT_ANY_RANK: the lowest one still free. Does not wait for the others.
 * config may be NULL. A rank that is taken: ARGUMENT, and nothing changes. Another n_ranks than the first joiner's:
 * MISMATCH, and the group fails for all who joined. dup and split hand the config on. */
weft_status weft_comm_create(const weft_group_id *id, int n_ranks, int rank, const weft_config *config,
                             weft_comm **comm);
/* All ranks of a new group at once, for a caller that hands each to a thread of its own. */
weft_status weft_comm_create_all(int n_ranks, const weft_config *config, weft_comm **comms);
/* May be called at any time; NULL is fine. Leaving is no failure: what this rank published stays readable, and its peers
 * get WEFT_ERR_RANK_LOST only when they need something it never published. */
weft_status weft_comm_destroy(weft_comm *comm);
/* From now on this rank is lost when the calling thread ends without having destroyed the handle. weft_run binds. */
weft_status weft_comm_bind_thread(weft_comm *comm);
weft_status weft_comm_set_timeout(weft_comm *comm, int64_t timeout_ns); /* this rank's, from its next call on */

int weft_comm_rank(const weft_comm *comm); /* -1 for NULL, and so below */
int weft_comm_size(const weft_comm *comm);
bool weft_comm_same_process(const weft_comm *comm); /* true: every rank lives in this process */
weft_status weft_comm_status(const weft_comm *comm); /* WEFT_OK, or why it failed: a failed communicator stays failed */

#define WEFT_NO_COLOR (-1)
weft_status weft_comm_dup(weft_comm *comm, weft_comm **out);
/* Ranks of one color form a communicator, ordered by key, then by old rank. WEFT_NO_COLOR: *out = NULL. */
weft_status weft_comm_split(weft_comm *comm, int color, int key, weft_comm **out);
typedef enum weft_domain { WEFT_DOMAIN_PROCESS = 0, WEFT_DOMAIN_NUMA, WEFT_DOMAIN_L3, WEFT_DOMAIN_CORE } weft_domain;
weft_status weft_comm_split_by(weft_comm *comm, weft_domain domain, int key, weft_comm **out);

/* Every rank of this communicator and of those made from it by dup and split gets WEFT_ERR_ABORTED, waiting or not. From
 * any thread, also from a signal handler, through any rank's handle that stays valid meanwhile. First reason wins. */
weft_status weft_comm_abort(weft_comm *comm, const char *reason);
/* The living ranks, in order, after a failure. Each calls it; one that has not after timeout_ns is left out and gets
 * WEFT_ERR_RANK_LOST. After an abort all may come back; on a healthy communicator it is dup. */
weft_status weft_comm_shrink(weft_comm *comm, weft_comm **out);
weft_status weft_comm_report(const weft_comm *comm, FILE *out);   /* who is where: any thread, any time, never waits */

/* Starts n_ranks threads, calls body(comm, arg) on each, joins them, and returns the first failure. A body that
 * fails aborts the others. */
weft_status weft_run(int n_ranks, const weft_config *config, weft_status (*body)(weft_comm *comm, void *arg), void *arg);

/* ---- Types and operations. Constant objects: built in, or defined by the user and never registered. Ranks' types match by
 *      name, size and kind, ops by name and commutative; addresses and contexts may differ. Reductions take plain types
 *      (no copy function): a built-in op on a built-in type, or a user's op on any plain type. ---- */

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
typedef struct weft_int32_indexed { int32_t value; int32_t index; } weft_int32_indexed;
typedef struct weft_int64_indexed { int64_t value; int64_t index; } weft_int64_indexed;
typedef struct weft_float32_indexed { float value; int32_t index; } weft_float32_indexed;
typedef struct weft_float64_indexed { double value; int64_t index; } weft_float64_indexed;
#define WEFT_INT32_INDEX (&weft_int32_index)
#define WEFT_INT64_INDEX (&weft_int64_index)
#define WEFT_FLOAT32_INDEX (&weft_float32_index)
#define WEFT_FLOAT64_INDEX (&weft_float64_index)

typedef struct weft_op weft_op;
struct weft_op {
    const char *name;
    bool commutative; /* false: operands never swap; the tree is the same, associativity is assumed */
    /* inout[i] = in[i] op inout[i], in from the lower rank. Called from any rank's thread. */
    weft_status (*combine)(const weft_op *op, const weft_type *type, const void *in, void *inout, size_t count);
    void *context;
    const void *reserved[4];
};

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
bool weft_op_supports(const weft_op *op, const weft_type *type);

/* ---- Collectives. Every rank calls them in the same order. Counts are in elements; with a count of 0 pointers may be
 *      NULL. `recv` may be NULL on ranks that receive nothing, `send` on ranks that send nothing. When one returns, the
 *      caller's buffers are its own again. Ranks may share send buffers, never receive buffers.
 *
 *      What a call makes visible: after barrier, sync, allgather, allreduce, alltoall and reduce_scatter everything each rank
 *      wrote before is visible to every rank; after broadcast and scatter the root's writes to the receivers; after
 *      gather and reduce the senders' to the root; after a receive the sender's. Nothing else: a broadcast is no barrier.
 *
 *      In place: WEFT_IN_PLACE as `send`, or send equal to where the input stands. reduce, allreduce, scan, exscan: input in
 *      recv. allgather and, at the root, gather: in the caller's own block of recv. reduce_scatter: all blocks in recv, the
 *      result in the first. alltoall: blocks swapped in recv. scatter: the root passes WEFT_IN_PLACE as `recv` and keeps
 *      its block. Any other overlap of send and recv is WEFT_ERR_ARGUMENT.
 *
 *      Floating-point results have the same bits on every rank and for every algorithm, wait policy, topology and instruction
 *      set: tree(lo, hi) over ranks lo to hi - 1 splits at the largest power of two below its length; allreduce is tree(0, n),
 *      scan at rank r tree(0, r + 1), exscan tree(0, r). 16-bit floats under built-in ops travel as float32 between
 *      combinations and round once; user ops use the same tree. Integers wrap. AVG is SUM, then a
 *      division (integers: toward zero), and is not defined for scan and exscan. ---- */

#define WEFT_IN_PLACE ((void *)-1)

weft_status weft_barrier(weft_comm *comm);
/* A barrier; blocking: this rank sleeps, whatever config.wait says. Each rank chooses for itself; both meet weft_barrier.
 * weft_sync(comm, true) is how a rank idles: timeout and stall warnings do not apply to it; loss, abort and mismatch do. */
weft_status weft_sync(weft_comm *comm, bool blocking);
weft_status weft_broadcast(weft_comm *comm, void *data, size_t count, const weft_type *type, int root);
weft_status weft_gather(weft_comm *comm, const void *send, void *recv, size_t count, const weft_type *type, int root);
weft_status weft_gatherv(weft_comm *comm, const void *send, size_t send_count, void *recv, const size_t *counts,
                         const size_t *offsets, const weft_type *type, int root);
weft_status weft_scatter(weft_comm *comm, const void *send, void *recv, size_t count, const weft_type *type, int root);
weft_status weft_scatterv(weft_comm *comm, const void *send, const size_t *counts, const size_t *offsets, void *recv,
                          size_t recv_count, const weft_type *type, int root);
weft_status weft_allgather(weft_comm *comm, const void *send, void *recv, size_t count, const weft_type *type);
weft_status weft_allgatherv(weft_comm *comm, const void *send, size_t send_count, void *recv, const size_t *counts,
                            const size_t *offsets, const weft_type *type);
weft_status weft_alltoall(weft_comm *comm, const void *send, void *recv, size_t count, const weft_type *type);
weft_status weft_alltoallv(weft_comm *comm, const void *send, const size_t *send_counts, const size_t *send_offsets,
                           void *recv, const size_t *recv_counts, const size_t *recv_offsets, const weft_type *type);
weft_status weft_reduce(weft_comm *comm, const void *send, void *recv, size_t count, const weft_type *type,
                        const weft_op *op, int root);
weft_status weft_allreduce(weft_comm *comm, const void *send, void *recv, size_t count, const weft_type *type,
                           const weft_op *op);
weft_status weft_reduce_scatter(weft_comm *comm, const void *send, void *recv, size_t recv_count,
                                const weft_type *type, const weft_op *op); /* send: size() blocks of recv_count */
weft_status weft_reduce_scatterv(weft_comm *comm, const void *send, void *recv, const size_t *counts,
                                 const weft_type *type, const weft_op *op);
weft_status weft_scan(weft_comm *comm, const void *send, void *recv, size_t count, const weft_type *type,
                      const weft_op *op);
weft_status weft_exscan(weft_comm *comm, const void *send, void *recv, size_t count, const weft_type *type,
                        const weft_op *op); /* rank 0's recv is left as it was */

/* ---- Nonblocking: weft_iNAME takes NAME's parameters and a request, and is finished by one of the waits. The waits set
 *      *request to NULL and return the operation's own status; wait_all finishes all and returns the first failure by
 *      index; wait_any on NULLs alone gives index = count. A nonblocking call meets only nonblocking ones of its kind.
 *      Ranks may finish requests in different orders, with other calls in between, and always get on: whoever waits moves
 *      every request that its thread has started, on any communicator, and all requests of the communicator it waits on.
 *      Counts and offsets of a nonblocking call stay unchanged until it finishes. ---- */

typedef struct weft_request weft_request;
weft_status weft_ibarrier(weft_comm *comm, weft_request **request);
weft_status weft_ibroadcast(weft_comm *comm, void *data, size_t count, const weft_type *type, int root,
                            weft_request **request);
weft_status weft_iallgather(weft_comm *comm, const void *send, void *recv, size_t count, const weft_type *type,
                            weft_request **request);
weft_status weft_iallreduce(weft_comm *comm, const void *send, void *recv, size_t count, const weft_type *type,
                            const weft_op *op, weft_request **request);
/* ... and so for each collective above. */
weft_status weft_wait_one(weft_request **request);
weft_status weft_wait_all(weft_request **requests, size_t count);
weft_status weft_wait_any(weft_request **requests, size_t count, size_t *index);
weft_status weft_test(weft_request **request); /* WEFT_PENDING, or finished */
weft_status weft_cancel(weft_request **request); /* a receive that has not matched; otherwise WEFT_PENDING, and it goes on */

/* ---- Point to point: messages between two ranks do not overtake one another. Types must match (MISMATCH to the
 *      receiver). To or from WEFT_NO_RANK, at the edge of a grid, nothing happens at once. Objects are never buffered: their
 *      send waits for the receive. ---- */

#define WEFT_NO_RANK (-2)

#define WEFT_ANY_SOURCE (-1)
#define WEFT_ANY_TAG (-1)
typedef struct weft_message {
    int source;
    int tag;
    size_t count; /* in elements of the sender's type */
} weft_message;
weft_status weft_send(weft_comm *comm, const void *data, size_t count, const weft_type *type, int dest, int tag);
weft_status weft_recv(weft_comm *comm, void *data, size_t count, const weft_type *type, int source, int tag,
                      weft_message *message); /* message may be NULL */
weft_status weft_sendrecv(weft_comm *comm, const void *send, size_t send_count, int dest, int send_tag, void *recv,
                          size_t recv_count, int source, int recv_tag, const weft_type *type, weft_message *message);
weft_status weft_isend(weft_comm *comm, const void *data, size_t count, const weft_type *type, int dest, int tag,
                       weft_request **request);
weft_status weft_irecv(weft_comm *comm, void *data, size_t count, const weft_type *type, int source, int tag,
                       weft_message *message, weft_request **request); /* message may be NULL; filled when it finishes */
weft_status weft_probe(weft_comm *comm, int source, int tag, weft_message *message);
weft_status weft_iprobe(weft_comm *comm, int source, int tag, weft_message *message);

#ifdef __cplusplus
}
#endif
#endif

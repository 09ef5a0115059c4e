// SPDX-License-Identifier: MIT
/* world.h - what the ranks of one communicator share, and the handle of each.
 *
 * A world holds a slot for each rank: what this rank publishes, on cache lines that it alone writes; beside it, on a line of
 * its own, the count of those who sleep for it. A world lives until the last rank has left it. */
#ifndef WEFT_CORE_WORLD_H
#define WEFT_CORE_WORLD_H

#include "core/call.h"
#include "core/line.h"
#include "core/tuning.h"

#include <pthread.h>

struct weft_domains;
struct weft_event;
struct weft_trace;
struct weft_pair;
struct weft_worlds_place;

/* What a rank says of a call for those who compare or report. Written by its rank at each call, read by anyone at any
 * time: so every word is atomic, and `number` is 0 while the others change. */
struct weft_record {
    _Alignas(WEFT_CACHE_LINE) _Atomic uint64_t number; /* of the call, from 1 */
    _Atomic uint64_t what;                             /* collective, type, op, root: see record.c */
    _Atomic uint64_t count;
    _Atomic uint64_t signature;
    _Atomic uint64_t names[4]; /* of a user's type and op, cut to 15 characters */
};
static_assert(sizeof(struct weft_record) == WEFT_CACHE_LINE, "a record fills a cache line");

struct weft_slot {
    /* Written by the owner; read by others when they look around. */
    _Alignas(WEFT_CACHE_LINE) _Atomic uint64_t consumed; /* this rank has read all lines before this position */
    _Atomic uint64_t calls;                              /* calls begun */
    _Atomic uint32_t inside;                             /* this rank reads or writes other ranks' buffers */
    _Atomic uint32_t left;                               /* enum weft_departure, see departure.h */
    /* What it waits for, noted when a wait has become long: for reports alone, see report.h. */
    _Atomic int64_t waits_since_ns;    /* 0: it does not, or not for long */
    const char *_Atomic waits_in;      /* the call, of a message; NULL: the collective that it is in */
    _Atomic int32_t waits_for;         /* as weft_until.target */
    _Atomic int32_t waits_tag;         /* of a message */
    _Atomic int32_t processor, thread; /* where it began to wait, or was bound; thread 0: not known */
    /* Written by others. */
    _Alignas(WEFT_CACHE_LINE) _Atomic uint32_t sleepers; /* ranks asleep for this one */
    /* Written by the owner before it sleeps, taken back by who wakes it. */
    _Alignas(WEFT_CACHE_LINE) struct weft_event *_Atomic event; /* while it sleeps for several words */
    _Atomic int32_t target; /* 1 + the rank it sleeps for, or 1 + n_ranks for a gate; 0: awake */
    /* Under the world's lock. */
    bool shrinks; /* it has come to weft_comm_shrink, and nothing is decided */
    int left_out; /* 1 + the rank that decided without it; 0: none */
    _Alignas(WEFT_CACHE_LINE) struct weft_record records[WEFT_RING_LINES];
    struct weft_line ring[WEFT_RING_LINES];
    /* Messages that a line does not hold, each in one piece. They go with the positions in the ring; one that begins near its end
     * stands beyond it. */
    unsigned char bodies[WEFT_RING_LINES + WEFT_MESSAGE_LINES][WEFT_CACHE_LINE];
};
static_assert(offsetof(struct weft_slot, bodies) % WEFT_CACHE_LINE == 0, "bodies are whole cache lines");
static_assert(offsetof(struct weft_slot, sleepers) == WEFT_CACHE_LINE, "what the owner publishes fits a line");
static_assert(offsetof(struct weft_slot, sleepers) % WEFT_CACHE_LINE == 0, "others write on a line of its own");
static_assert(offsetof(struct weft_slot, event) % WEFT_CACHE_LINE == 0, "the owner's part stands on its own");

/* Where all ranks meet by counting: the last to arrive acts for all and opens the gate. */
struct weft_gate {
    _Alignas(WEFT_CACHE_LINE) _Atomic uint64_t arrived; /* over all uses */
    struct weft_line release;
};
#define WEFT_GATES 8 /* used in turn */

/* Why a communicator failed; first cause wins, and does not change afterwards. */
struct weft_cause {
    _Atomic uint32_t taken;
    _Atomic int32_t status; /* weft_status; not WEFT_OK: the text is complete */
    int rank;               /* that found it */
    char text[1024];
};

struct weft_world {
    int n_ranks;
    bool crowded;  /* more ranks than processors */
    bool gated;    /* ranks meet at gates rather than each looking at each */
    bool unfenced; /* publishing takes no fence: who is about to sleep makes one for all threads */
    bool observed; /* a ThreadSanitizer is to be told what publishing orders: see observe.h; then not unfenced */
    struct weft_slot *slots;
    uint8_t forced[WEFT_COLLECTIVES]; /* 1 + the index of the algorithm that the user asks for; 0: none */
    struct weft_tuning tuning;
    struct weft_world *parent; /* that this one was made from by dup or split: an abort there counts here; kept alive */
    struct weft_worlds_place *place; /* in the table of all worlds */
    uint64_t serial;                 /* of worlds made in this process, from 1 */
    int64_t stall_ns;                /* an operation that takes as long is warned of; 0: none */
    _Atomic uint64_t stalled;        /* the highest call that was warned of */
    char name[64];
    _Atomic uint32_t departures; /* ranks that have left: who waits looks round when it changes */
    _Atomic uint32_t agreements; /* of those who shrink */
    struct weft_cause cause;
    struct weft_event *event; /* that ranks sleep on who wait for one of them, or for a gate */
    _Alignas(WEFT_CACHE_LINE) _Atomic uint32_t gate_sleepers;
    struct weft_gate gates[WEFT_GATES];
    struct weft_pair *_Atomic *rows;             /* by sender: its rings to all ranks; NULL before its first message */
    void (*free_rows)(struct weft_world *world); /* NULL: there are none */
    struct weft_trace *traces;                   /* by rank; NULL: none are kept */
    struct weft_domains *domains;                /* which ranks share a cache; NULL: nobody asks */
    struct weft_line *channels; /* n_ranks * n_ranks, from * n_ranks + to; only where the algorithm `grid` is forced */

    /* From here on under `lock`. */
    pthread_mutex_t lock;
    int members;                     /* handles, and others that keep the world alive; the last to go frees it */
    struct weft_birth *births;       /* communicators being made from this one */
    struct weft_shrinker *shrinkers; /* ranks in weft_comm_shrink, by rank */
};

/* Operations in flight, in order of start. */
struct weft_requests {
    struct weft_request *first, *last;
};

/* What large results took of late, written one way and the other (collectives/stores.c): of combining, of copying. */
enum weft_stores_use { WEFT_STORES_COMBINE, WEFT_STORES_COPY, WEFT_STORES_USES };
#define WEFT_STORE_CLASSES 6 /* from 2 MiB, each twice the one before */
struct weft_stores {
    uint32_t operations;
    double ns_per_mib[2]; /* through the caches, past them; 0: not known */
};

struct weft_comm {
    struct weft_world *world;
    struct weft_slot *slot; /* this rank's own */
    int rank, n_ranks;
    _Atomic uint32_t guarded; /* 0, or each call is looked at more closely: see guard.h */
    int place;         /* its rank in the communicator that this one was made from first: see WEFT_TOPOLOGY in weft.h */
    uint64_t position; /* of the next line */
    uint64_t free;     /* all ranks have consumed what lies before */
    uint64_t announced; /* what `consumed` says */
    uint64_t calls;
    uint64_t gate; /* uses of gates so far */
    uint32_t chain;
    struct weft_request *starting; /* by the nonblocking call that this handle is in; NULL: it blocks */
    struct weft_trace *trace;      /* that this rank keeps; NULL: none */
    bool asynchronous; /* something was in flight during an operation: `consumed` alone tells what ranks have read */
    _Atomic uint32_t in_flight; /* operations that are begun and not finished, but for a blocking one alone */
    weft_wait wait;
    int64_t timeout_ns;      /* 0: none */
    int polls;               /* looks of the inlined poll */
    int64_t usual_ns;        /* what recent waits took, averaged */
    int fast_yields;         /* since a slow one */
    int patience;            /* sleeps to come where this rank would yield */
    int patience_next;       /* as many after the next slow yield */
    const void **sources;    /* scratch of n_ranks addresses: where the ranks' input stands, */
    const void **sources_at; /* the same at some offset, */
    void **destinations;     /* where results go, */
    void **destinations_at;  /* and these at some offset */
    struct weft_stores stores[WEFT_STORES_USES][WEFT_STORE_CLASSES];
    _Atomic uintptr_t owner, caller; /* threads: in a call, where checking is on; in a callback */
    bool called_back;                /* the callback made a call on this handle */
    void *grid_scratch;
    size_t grid_scratch_bytes;
    struct weft_mail *mail;                   /* point to point; NULL before the first message, */
    void (*end_mail)(struct weft_comm *comm); /* and what ends it */

    /* From here on under `lock`, which guards the rest, too, while requests are in flight. */
    pthread_mutex_t lock;
    _Atomic uintptr_t holder;          /* the thread that has it; 0: none */
    struct weft_requests collectives;  /* in flight */
    struct weft_requests others;       /* messages, and what takes no lines */
    struct weft_mover *sleeper;        /* thread that sleeps for the requests of this handle */
    struct weft_comm *next_registered; /* for which that thread sleeps */
    _Atomic uint32_t pins;             /* threads that are about to take the lock */

    /* Under the lock of departure.c. */
    bool departed;                            /* the peers know that this rank has left */
    struct weft_comm *next_bound, **bound_at; /* among those bound to one thread; NULL: bound to none */
};

/* What worlds are made with. */
struct weft_world_config {
    const char *name;
    uint8_t forced[WEFT_COLLECTIVES];
    bool with_grid, with_domains;
    struct weft_tuning tuning;
    int64_t stall_ns;
    struct weft_world *parent;
};
/* With one member, its maker; NULL when memory is short. */
struct weft_world *weft_world_create(int n_ranks, const struct weft_world_config *config);
void weft_world_join(struct weft_world *world);
void weft_world_leave(struct weft_world *world);

/* A rank's handle; takes no place in the world. NULL when memory is short. */
struct weft_comm *weft_handle_create(int n_ranks);
void weft_handle_free(struct weft_comm *comm); /* one that has left, or never had a place */
/* Makes the handle that of `rank`; the place that the caller took in the world is now the handle's. */
void weft_handle_attach(struct weft_comm *comm, struct weft_world *world, int rank);

WEFT_INLINE struct weft_slot *weft_slot_of(const struct weft_comm *comm, int rank)
{
    return &comm->world->slots[rank];
}

WEFT_INLINE struct weft_line *weft_line_of(const struct weft_comm *comm, int rank, uint64_t position)
{
    return weft_ring_line(comm->world->slots[rank].ring, position);
}

WEFT_INLINE unsigned char *weft_body_of(const struct weft_comm *comm, int rank, uint64_t position)
{
    return comm->world->slots[rank].bodies[position & (WEFT_RING_LINES - 1)];
}

#endif

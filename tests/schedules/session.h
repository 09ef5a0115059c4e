// SPDX-License-Identifier: MIT
/* session.h - one communicator's life as a schedule plays it: its ranks, their calls or their messages, and what goes wrong. */
#ifndef WEFT_TESTS_SESSION_H
#define WEFT_TESTS_SESSION_H

#include "cases.h"

#include "runtime.h"

#define SESSION_ALL (1 << 20) /* preemptions: as many as there can be */
#define SESSION_FLIGHTS 5     /* of a rank at a time */

enum session_fault {
    SESSION_WELL,
    SESSION_ABORT,  /* another thread aborts, whenever it comes to it */
    SESSION_LEAVES, /* the victim destroys its handle */
    SESSION_ENDS,   /* the victim's thread ends, to which its handle is bound */
    SESSION_LATE,   /* the victim comes late, some look at the clock takes long, and there is a timeout */
    SESSION_FAULTS
};
extern const char *const session_fault_names[SESSION_FAULTS];
extern const weft_status session_causes[SESSION_FAULTS]; /* what calls may fail with */

struct session {
    struct model_harness harness; /* first: model->harness is the session */
    char name[120], algorithms[800];
    int n_ranks;
    weft_wait wait;
    struct item *items;
    size_t n_items;
    struct letter *letters; /* of a session of messages: then there are no items */
    size_t n_letters;
    struct ear *ears; /* by rank */
    bool any_source;  /* some rank takes letters from any */
    bool objects;     /* messages are copied by a function */
    bool others;      /* there are two communicators */
    bool helped;      /* a second thread of each rank waits for requests, too */
    bool sums;        /* there may be collectives among the letters */
    uint64_t seed;    /* of what each rank draws */
    enum session_fault fault;
    int victim;
    size_t when;     /* the victim's call, or the aborting thread's turn */
    int64_t late_ns; /* SESSION_LATE */
    int64_t timeout_ns;
    int preemptions; /* of a small session, at most */
    bool shrinks;    /* who lives makes a new communicator at the end */
    /* While it runs */
    weft_comm **comms, **other_comms; /* by rank; NULL: destroyed, or never made */
    struct rank *ranks;
    int failed; /* calls that did */
};

/* One of its ranks. */
struct rank {
    struct session *session;
    weft_comm *comm, *other; /* the latter in some sessions of messages */
    int index, thread;
    weft_status failed; /* WEFT_OK: nothing has */
    bool suffered;      /* the victim, once */
    struct flight flights[SESSION_FLIGHTS];
    size_t flying;
    struct flight *dead; /* failed: their buffers are nobody's but this rank's */
    size_t n_dead;
    struct delivery *deliveries; /* of a session of messages, in the order in which they were begun */
    size_t n_deliveries;
};

/* Another rank may go on. True. */
bool session_breathe(void);
/* The moment of the victim may have come: at the latest before this call or letter. True: it makes no more calls. */
bool session_suffers(struct rank *rank, size_t at);

/* ---- letters.c, letters_draw.c */

void letters_draw(struct session *session, uint64_t *state);
#define LETTERS_SMALL 40
void letters_small(struct session *session, int number);
void letters_free(struct session *session);
/* A rank's part. False: it has left meanwhile. */
bool letters_run(struct rank *rank);
/* What is still in flight when the handle is destroyed has an end. */
void letters_end(struct rank *rank);
/* Of all ranks, once they have ended; frees what they kept. */
void letters_check(struct session *session);

/* ---- session.c, draw.c */

/* What harness.run is. */
void session_run(void);
void session_free(struct session *session);

/* A session by its seed; and the small ones of which all schedules are tried, by number. False: no more. */
void session_draw(struct session *session, uint64_t seed, int ranks_most);
bool session_small(struct session *session, int number);

#endif

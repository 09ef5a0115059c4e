// SPDX-License-Identifier: MIT
/* session.h - one communicator's life as a schedule plays it: its ranks, their calls, and what goes wrong. */
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

struct session {
    struct model_harness harness; /* first: model->harness is the session */
    char name[120], algorithms[800];
    int n_ranks;
    weft_wait wait;
    struct item *items;
    size_t n_items;
    enum session_fault fault;
    int victim;
    size_t when;     /* the victim's call, or the aborting thread's turn */
    int64_t late_ns; /* SESSION_LATE */
    int64_t timeout_ns;
    int preemptions; /* of a small session, at most */
    bool shrinks;    /* who lives makes a new communicator at the end */
    /* While it runs */
    weft_comm **comms;
    struct rank *ranks;
    int failed; /* calls that did */
};

/* What harness.run is. */
void session_run(void);
void session_free(struct session *session);

/* A session by its seed; and the small ones of which all schedules are tried, by number. False: no more. */
void session_draw(struct session *session, uint64_t seed, int ranks_most);
bool session_small(struct session *session, int number);

#endif

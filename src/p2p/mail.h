// SPDX-License-Identifier: MIT
/* mail.h - messages from rank to rank: where they stand, and how they are matched.
 *
 * Each pair (from, to) has a ring of lines of its own, allocated with the sender's row when it first sends. A short message travels in the
 * line that tells of it, a longer one in the lines behind, and the sender goes on; a long one stands in the sender's buffer, and its line
 * holds the address of a parcel, from which the receiver copies. The receiver looks at the rings of those ranks that it receives from, and
 * gives each message to the receive that was posted first among those that match; what matches none is put aside, in order.
 * After: the two-queue matching of MPI implementations; line and payload as in core/line.h. */
#ifndef WEFT_P2P_MAIL_H
#define WEFT_P2P_MAIL_H

#include "core/request.h"
#include "core/slot.h"

#define WEFT_PAIR_LINES 32 /* a power of two; what is on its way from one rank to another and not looked at */
#define WEFT_LETTER_HEAD 32
#define WEFT_LETTER_BYTES (WEFT_LETTER_HEAD + 8 * WEFT_LINE_PAYLOAD) /* the longest message that is buffered */

/* A message in its sender's buffer. Freed by the second of sender and receiver to let go. */
struct weft_parcel {
    _Atomic uint64_t state;
    const void *data;
    const weft_type *type;
    weft_status status; /* of the copy, once it is delivered: tells the sender, too */
    _Atomic uint32_t holders;
};
enum { WEFT_PARCEL_OFFERED, WEFT_PARCEL_TAKEN, WEFT_PARCEL_WITHDRAWN, WEFT_PARCEL_DELIVERED };
void weft_parcel_release(struct weft_parcel *parcel);

/* What stands in a message's first line. */
struct weft_letter_head {
    int32_t tag;
    uint32_t type;  /* its hash */
    uint32_t bytes; /* that travel with it */
    uint32_t lines;
    uint64_t count;
    union {
        unsigned char data[WEFT_LETTER_HEAD];
        struct weft_parcel *parcel;
    };
};
static_assert(sizeof(struct weft_letter_head) == WEFT_LINE_PAYLOAD, "it fills the payload");

/* lines == 1 and bytes == 0 with a count and a parcel: told apart by this bit of `lines`. */
#define WEFT_LETTER_PARCEL 0x80000000u

struct weft_pair {
    _Alignas(WEFT_CACHE_LINE) _Atomic uint64_t taken; /* lines that the receiver has read; written by him */
    struct weft_line ring[WEFT_PAIR_LINES];
};

WEFT_INLINE struct weft_line *weft_pair_line(struct weft_pair *pair, uint64_t position)
{
    return &pair->ring[position & (WEFT_PAIR_LINES - 1)];
}

/* A message that has come and matched nothing. */
struct weft_letter {
    struct weft_letter *next;
    struct weft_letter_head head;
    unsigned char more[]; /* what does not fit the head, gathered */
};

/* A receive, posted. Stays where it is until it has finished. */
struct weft_receive {
    struct weft_request request;
    const char *name; /* of the call */
    void *data;
    size_t count;
    const weft_type *type;
    int source, tag;
    weft_message *message; /* may be NULL */
    bool probes, matched;
    uint64_t sequence; /* among posted receives */
    struct weft_receive *next, **at;
};

struct weft_sending {
    struct weft_request request;
    const char *name;
    const void *data;
    size_t count, bytes;
    const weft_type *type;
    int dest, tag;
    struct weft_parcel *parcel; /* of a long one, once it is on its way */
    bool written;
    struct weft_sending *next; /* to the same rank, and not yet written */
};

struct weft_correspondent {
    uint64_t sent, room;          /* lines to him; of them he has taken so many, or more */
    uint64_t received, announced; /* lines from him; he knows of so many */
    struct weft_sending *unsent, **unsent_end;
    struct weft_letter *letters, **letters_end;
    struct weft_receive *posted, **posted_end;
};

/* A handle's part. */
struct weft_mail {
    struct weft_receive *posted, **posted_end; /* from any rank */
    uint64_t posts;
    struct weft_correspondent with[];
};

/* The handle's mail, made when first asked for; NULL: no memory. */
struct weft_mail *weft_mail_of(weft_comm *comm);
/* The ring from one rank to another; NULL: the sender has sent nothing. */
struct weft_pair *weft_pair_at(const weft_comm *comm, int from, int to);
/* This rank's ring to another, made when first asked for; NULL: no memory. */
struct weft_pair *weft_pair_to(weft_comm *comm, int to);

/* Is there something in the ring from this rank that has not been looked at? */
bool weft_mail_came(const weft_comm *comm, int source);

/* Writes the message into the ring; the caller has seen that there is room. */
void weft_mail_write(weft_comm *comm, struct weft_pair *pair, const struct weft_sending *sending);
uint32_t weft_mail_lines(const struct weft_sending *sending);

/* Looks at all that has come from a rank: gives it to receives, or puts it aside. False: there is no memory for that; the rest stays where
 * it is. */
bool weft_mail_drain(weft_comm *comm, int source);
/* Posts a receive, unless a message that was put aside, or has come, serves it. */
void weft_mail_post(weft_comm *comm, struct weft_receive *receive);
void weft_mail_unpost(struct weft_receive *receive);
/* For a probe: is there a message, put aside? */
bool weft_mail_find(const weft_comm *comm, const struct weft_receive *receive);

WEFT_INLINE bool weft_receive_matches(const struct weft_receive *receive, int source, int tag)
{
    return (receive->source == source || receive->source == WEFT_ANY_SOURCE) &&
           (receive->tag == tag || receive->tag == WEFT_ANY_TAG);
}

#endif

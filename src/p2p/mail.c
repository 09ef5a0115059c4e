// SPDX-License-Identifier: MIT
/* mail.c - rings, parcels and matching. */
#include "p2p/mail.h"

#include "core/departure.h"
#include "core/guard.h"
#include "reduce/reduce.h"

#include <stdlib.h>
#include <string.h>

enum { COPY_BLOCK = 65536 }; /* bytes between two looks whether the communicator has failed */

/* ---- Where messages stand */

static size_t row_bytes(const struct weft_world *world)
{
    return (size_t)world->n_ranks * sizeof(struct weft_pair);
}

void weft_parcel_release(struct weft_parcel *parcel)
{
    weft_observe_release(&parcel->holders);
    /* M3, acq_rel: the last to let go has the other's last words behind it. */
    if (atomic_fetch_sub_explicit(&parcel->holders, 1, memory_order_acq_rel) != 1)
        return;
    weft_observe_acquire(&parcel->holders);
    free(parcel);
}

/* The world's end: all handles are gone, and what they have not taken out of the rings is given up. */
static void free_rows(struct weft_world *world)
{
    for (int from = 0; from < world->n_ranks; from++) {
        /* M1, relaxed: nobody else is there any more. */
        struct weft_pair *row = atomic_load_explicit(&world->rows[from], memory_order_relaxed);
        for (int to = 0; row != NULL && to < world->n_ranks; to++) {
            struct weft_letter_head head;
            /* S3, relaxed: as above. */
            uint64_t at = atomic_load_explicit(&row[to].taken, memory_order_relaxed);
            /* S3, relaxed: as above. */
            for (; atomic_load_explicit(&weft_pair_line(&row[to], at)->word, memory_order_relaxed) == at + 1;
                 at += head.lines & ~WEFT_LETTER_PARCEL) {
                memcpy(&head, weft_pair_line(&row[to], at)->payload, sizeof head);
                if (head.lines & WEFT_LETTER_PARCEL)
                    weft_parcel_release(head.parcel);
            }
        }
        weft_pages_free(row, row_bytes(world));
    }
}

struct weft_pair *weft_pair_at(const weft_comm *comm, int from, int to)
{
    /* M1, seq_cst: pairs with M1 below; after S4 where a sleep follows. */
    struct weft_pair *row = atomic_load_explicit(&comm->world->rows[from], memory_order_seq_cst);
    return row != NULL ? &row[to] : NULL;
}

struct weft_pair *weft_pair_to(weft_comm *comm, int to)
{
    struct weft_world *world = comm->world;
    struct weft_pair *pair = weft_pair_at(comm, comm->rank, to);
    if (pair != NULL)
        return pair;
    struct weft_pair *row = weft_pages_allocate(row_bytes(world));
    if (row == NULL)
        return NULL;
    pthread_mutex_lock(&world->lock);
    world->free_rows = free_rows;
    pthread_mutex_unlock(&world->lock);
    /* M1, seq_cst: before S1, so that a sleeper who misses this is not missed by S2. */
    atomic_store_explicit(&world->rows[comm->rank], row, memory_order_seq_cst);
    return &row[to];
}

/* ---- This rank's part */

static void drop_letter(struct weft_letter *letter)
{
    if (letter->head.lines & WEFT_LETTER_PARCEL)
        weft_parcel_release(letter->head.parcel);
    free(letter);
}

/* The handle's end. */
static void end_mail(weft_comm *comm)
{
    for (int rank = 0; rank < comm->n_ranks; rank++) {
        struct weft_correspondent *with = &comm->mail->with[rank];
        while (with->letters != NULL) {
            struct weft_letter *letter = with->letters;
            with->letters = letter->next;
            drop_letter(letter);
        }
        struct weft_pair *pair = weft_pair_at(comm, rank, comm->rank);
        if (pair != NULL) /* S1: for free_rows; who waits for room learns that this rank has left */
            weft_publish_word(comm->world, comm->rank, &pair->taken, with->received, &comm->slot->sleepers);
    }
    free(comm->mail);
    comm->mail = NULL;
}

struct weft_mail *weft_mail_of(weft_comm *comm)
{
    struct weft_mail *mail = comm->mail;
    if (weft_likely(mail != NULL))
        return mail;
    mail = calloc(1, sizeof *mail + (size_t)comm->n_ranks * sizeof mail->with[0]);
    if (mail == NULL)
        return NULL;
    mail->posted_end = &mail->posted;
    for (int rank = 0; rank < comm->n_ranks; rank++) {
        struct weft_correspondent *with = &mail->with[rank];
        with->unsent_end = &with->unsent;
        with->letters_end = &with->letters;
        with->posted_end = &with->posted;
    }
    comm->end_mail = end_mail;
    return comm->mail = mail;
}

/* ---- Sending */

uint32_t weft_mail_lines(const struct weft_sending *sending)
{
    if (sending->type->copy != NULL || sending->bytes > WEFT_LETTER_BYTES)
        return 1 | WEFT_LETTER_PARCEL;
    if (sending->bytes <= WEFT_LETTER_HEAD)
        return 1;
    return 1 + (uint32_t)((sending->bytes - WEFT_LETTER_HEAD + WEFT_LINE_PAYLOAD - 1) / WEFT_LINE_PAYLOAD);
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

void weft_mail_write(weft_comm *comm, struct weft_pair *pair, const struct weft_sending *sending)
{
    struct weft_correspondent *with = &comm->mail->with[sending->dest];
    struct weft_line *first = weft_pair_line(pair, with->sent);
    struct weft_letter_head head = {.tag = sending->tag,
                                    .type = weft_type_hash(sending->type),
                                    .lines = weft_mail_lines(sending),
                                    .count = sending->count};
    if (head.lines & WEFT_LETTER_PARCEL)
        head.parcel = sending->parcel;
    else {
        const unsigned char *from = sending->data;
        size_t bytes = sending->bytes, now = least(bytes, WEFT_LETTER_HEAD);
        head.bytes = (uint32_t)bytes;
        if (bytes > 0)
            memcpy(head.data, from, now);
        for (uint64_t at = with->sent + 1; (from += now, bytes -= now) > 0; at++) {
            now = least(bytes, WEFT_LINE_PAYLOAD);
            memcpy(weft_pair_line(pair, at)->payload, from, now);
        }
    }
    memcpy(first->payload, &head, sizeof head);
    weft_publish_word(comm->world, comm->rank, &first->word, with->sent + 1, &comm->slot->sleepers);
    with->sent += head.lines & ~WEFT_LETTER_PARCEL;
}

/* ---- Receiving */

bool weft_mail_came(const weft_comm *comm, int source)
{
    struct weft_pair *pair = weft_pair_at(comm, source, comm->rank);
    uint64_t at = comm->mail->with[source].received;
    /* S5, seq_cst: also S3, where no sleep follows; pairs with S1 in weft_mail_write. */
    bool came = pair != NULL && atomic_load_explicit(&weft_pair_line(pair, at)->word, memory_order_seq_cst) == at + 1;
    if (weft_unlikely(came && comm->world->observed))
        weft_observe_acquire(&weft_pair_line(pair, at)->word);
    return came;
}

/* By the type's function. */
static weft_status copy_objects(weft_comm *comm, const struct weft_parcel *parcel, const struct weft_receive *receive,
                                size_t count)
{
    weft_status status = WEFT_OK;
    if (!weft_inside_enter(comm)) {
        weft_inside_leave(comm);
        return weft_world_status(comm->world);
    }
    if (count > 0) {
        pthread_cleanup_push(weft_handle_abandon, comm);
        weft_callback_begin(comm);
        status = receive->type->copy(receive->type, parcel->data, receive->data, count);
        pthread_cleanup_pop(0);
        if (!weft_callback_end(comm))
            status = WEFT_ERR_CALLBACK;
    }
    weft_inside_leave(comm);
    return status == WEFT_OK ? WEFT_OK : WEFT_ERR_CALLBACK;
}

/* WEFT_OK, CALLBACK, or why the communicator has failed meanwhile. */
static weft_status copy_parcel(weft_comm *comm, const struct weft_parcel *parcel, const struct weft_receive *receive,
                               size_t count)
{
    size_t bytes = count * receive->type->size;
    if (receive->type->copy != NULL)
        return copy_objects(comm, parcel, receive, count);
    for (size_t done = 0; done < bytes; done += COPY_BLOCK) {
        bool healthy = weft_inside_enter(comm);
        if (healthy)
            memcpy((char *)receive->data + done, (const char *)parcel->data + done, least(COPY_BLOCK, bytes - done));
        weft_inside_leave(comm);
        if (!healthy)
            return weft_world_status(comm->world);
    }
    return WEFT_OK;
}

static weft_status refuse(const weft_comm *comm, const struct weft_receive *receive, int source,
                          const struct weft_letter_head *head)
{
    if (head->type != weft_type_hash(receive->type))
        return weft_error(WEFT_ERR_MISMATCH, receive->name, comm,
                          "the message from rank %d with tag %d is of another type than %s", source, (int)head->tag,
                          receive->type->name);
    return weft_error(WEFT_ERR_TRUNCATED, receive->name, comm,
                      "the message from rank %d with tag %d has %llu elements, and the buffer takes %llu", source,
                      (int)head->tag, (unsigned long long)head->count, (unsigned long long)receive->count);
}

/* What the parcel's sender learns. */
static void hand_in(weft_comm *comm, struct weft_parcel *parcel, weft_status status)
{
    parcel->status = status;
    weft_publish_word(comm->world, comm->rank, &parcel->state, WEFT_PARCEL_DELIVERED, &comm->slot->sleepers);
    weft_parcel_release(parcel);
}

static void gather(void *target, const struct weft_letter_head *head, struct weft_pair *pair, uint64_t at,
                   const unsigned char *more)
{
    unsigned char *to = target;
    size_t bytes = head->bytes, now = least(bytes, WEFT_LETTER_HEAD);
    if (bytes > 0)
        memcpy(to, head->data, now);
    to += now;
    bytes -= now;
    if (pair == NULL) {
        if (bytes > 0)
            memcpy(to, more, bytes);
        return;
    }
    for (at++; bytes > 0; at++, to += now, bytes -= now) {
        now = least(bytes, WEFT_LINE_PAYLOAD);
        memcpy(to, weft_pair_line(pair, at)->payload, now);
    }
}

/* The message, which stands in the ring at a position or was put aside, goes to the receive. False: its sender has taken it back. */
static bool deliver(weft_comm *comm, struct weft_receive *receive, int source, const struct weft_letter_head *head,
                    struct weft_pair *pair, uint64_t at, const unsigned char *more)
{
    struct weft_parcel *parcel = head->lines & WEFT_LETTER_PARCEL ? head->parcel : NULL;
    uint64_t offered = WEFT_PARCEL_OFFERED;
    /* M2, relaxed: only decides whether receiver or sender has it. The line published what it holds (S1, S3); a sender who comes too late
     * waits until it is delivered (S3), and who finds it withdrawn reads nothing of it. */
    if (parcel != NULL && !atomic_compare_exchange_strong_explicit(&parcel->state, &offered, WEFT_PARCEL_TAKEN,
                                                                   memory_order_relaxed, memory_order_relaxed)) {
        weft_parcel_release(parcel);
        return false;
    }
    weft_status status = WEFT_OK, told = WEFT_OK;
    if (head->type != weft_type_hash(receive->type) || head->count > receive->count)
        status = refuse(comm, receive, source, head);
    else if (parcel == NULL)
        gather(receive->data, head, pair, at, more);
    else if ((told = copy_parcel(comm, parcel, receive, head->count)) != WEFT_OK)
        status = told == WEFT_ERR_CALLBACK
                     ? weft_error(told, receive->name, comm, "the copy function of type %s failed", receive->type->name)
                     : weft_call_refused(comm, receive->name);
    if (parcel != NULL)
        hand_in(comm, parcel, told);
    if (receive->message != NULL)
        *receive->message = (weft_message){.source = source, .tag = head->tag, .count = head->count};
    receive->request.operation.status = status;
    receive->request.why = status != WEFT_OK ? strdup(weft_last_error()) : NULL;
    receive->matched = true;
    weft_mail_unpost(receive);
    return true;
}

static struct weft_receive *first_match(struct weft_receive *posted, int source, int tag)
{
    while (posted != NULL && !weft_receive_matches(posted, source, tag))
        posted = posted->next;
    return posted;
}

/* The receive that was posted first of those that match. */
static struct weft_receive *find_receive(const struct weft_mail *mail, int source, int tag)
{
    struct weft_receive *own = first_match(mail->with[source].posted, source, tag);
    struct weft_receive *any = first_match(mail->posted, source, tag);
    if (own == NULL || any == NULL)
        return own != NULL ? own : any;
    return own->sequence < any->sequence ? own : any;
}

static bool put_aside(struct weft_correspondent *with, const struct weft_letter_head *head, struct weft_pair *pair,
                      uint64_t at)
{
    size_t more = head->bytes > WEFT_LETTER_HEAD ? head->bytes - WEFT_LETTER_HEAD : 0;
    struct weft_letter *letter = malloc(sizeof *letter + more);
    if (letter == NULL)
        return false;
    letter->next = NULL;
    letter->head = *head;
    for (size_t done = 0, now; done < more; done += now) {
        now = least(more - done, WEFT_LINE_PAYLOAD);
        memcpy(letter->more + done, weft_pair_line(pair, ++at)->payload, now);
    }
    *with->letters_end = letter;
    with->letters_end = &letter->next;
    return true;
}

bool weft_mail_drain(weft_comm *comm, int source)
{
    struct weft_correspondent *with = &comm->mail->with[source];
    while (weft_mail_came(comm, source)) {
        struct weft_pair *pair = weft_pair_at(comm, source, comm->rank); /* there by now */
        struct weft_letter_head head;
        memcpy(&head, weft_pair_line(pair, with->received)->payload, sizeof head);
        struct weft_receive *receive = find_receive(comm->mail, source, head.tag);
        if (receive != NULL)
            deliver(comm, receive, source, &head, pair, with->received, NULL);
        else if (!put_aside(with, &head, pair, with->received))
            return false;
        with->received += head.lines & ~WEFT_LETTER_PARCEL;
        if (with->received - with->announced >= WEFT_PAIR_LINES / 4) {
            with->announced = with->received;
            weft_publish_word(comm->world, comm->rank, &pair->taken, with->received, &comm->slot->sleepers);
        }
    }
    return true;
}

/* The first of the messages put aside that the receive matches. */
static struct weft_letter **find_letter(struct weft_correspondent *with, const struct weft_receive *receive, int source)
{
    struct weft_letter **at = &with->letters;
    while (*at != NULL && !weft_receive_matches(receive, source, (*at)->head.tag))
        at = &(*at)->next;
    return at;
}

static void take_letter(weft_comm *comm, struct weft_receive *receive, int source)
{
    struct weft_correspondent *with = &comm->mail->with[source];
    for (struct weft_letter **at = find_letter(with, receive, source), *letter;
         (letter = *at) != NULL && !receive->matched; at = find_letter(with, receive, source)) {
        deliver(comm, receive, source, &letter->head, NULL, 0,
                letter->more); /* where the thread may end, in a copy function */
        *at = letter->next;
        if (letter->next == NULL)
            with->letters_end = at;
        free(letter);
    }
}

/* A receive would find that its sender has it back. */
static bool withdrawn(const struct weft_letter *letter)
{
    /* M2, relaxed: as in deliver. */
    return letter->head.lines & WEFT_LETTER_PARCEL &&
           atomic_load_explicit(&letter->head.parcel->state, memory_order_relaxed) == WEFT_PARCEL_WITHDRAWN;
}

bool weft_mail_find(const weft_comm *comm, const struct weft_receive *receive)
{
    int first = receive->source == WEFT_ANY_SOURCE ? 0 : receive->source;
    int last = receive->source == WEFT_ANY_SOURCE ? comm->n_ranks - 1 : receive->source;
    for (int source = first; source <= last; source++) {
        const struct weft_letter *letter = comm->mail->with[source].letters;
        while (letter != NULL && (!weft_receive_matches(receive, source, letter->head.tag) || withdrawn(letter)))
            letter = letter->next;
        if (letter == NULL)
            continue;
        if (receive->message != NULL)
            *receive->message = (weft_message){source, letter->head.tag, letter->head.count};
        return true;
    }
    return false;
}

void weft_mail_post(weft_comm *comm, struct weft_receive *receive)
{
    struct weft_mail *mail = comm->mail;
    bool any = receive->source == WEFT_ANY_SOURCE;
    for (int source = any ? 0 : receive->source; source < comm->n_ranks && !receive->matched; source++) {
        take_letter(comm, receive, source);
        if (!any)
            break;
    }
    if (receive->matched)
        return;
    struct weft_receive ***end = any ? &mail->posted_end : &mail->with[receive->source].posted_end;
    receive->sequence = mail->posts++;
    receive->at = *end;
    receive->next = NULL;
    **end = receive;
    *end = &receive->next;
}

void weft_mail_unpost(struct weft_receive *receive)
{
    struct weft_mail *mail = receive->request.operation.comm->mail;
    if (receive->at == NULL)
        return;
    *receive->at = receive->next;
    if (receive->next != NULL)
        receive->next->at = receive->at;
    else
        *(receive->source == WEFT_ANY_SOURCE ? &mail->posted_end : &mail->with[receive->source].posted_end) =
            receive->at;
    receive->at = NULL;
}

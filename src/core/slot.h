// SPDX-License-Identifier: MIT
/* slot.h - a rank publishes, its peers look: the hot path of every collective.
 *
 * A rank writes its payload, then the line's word; a peer that sees the word may read the payload. A peer that gave up polling
 * counts itself in `sleepers` and looks once more before it sleeps. S1, S2, S4 and S5 make sure that neither misses the other. While
 * nobody sleeps, publishing costs one line. After: U. Drepper, "Futexes Are Tricky", section 8. */
#ifndef WEFT_CORE_SLOT_H
#define WEFT_CORE_SLOT_H

#include "core/failure.h"
#include "core/observe.h"
#include "core/operation.h"
#include "core/wait.h"

WEFT_INLINE uint64_t weft_expected(const struct weft_operation *operation, uint32_t line)
{
    return weft_line_word(operation->position + line, operation->signature);
}

WEFT_INLINE struct weft_line *weft_own_line(const struct weft_operation *operation, uint32_t line)
{
    return weft_ring_line(operation->comm->slot->ring, operation->position + line);
}

WEFT_INLINE struct weft_line *weft_peer_line(const struct weft_operation *operation, int peer, uint32_t line)
{
    return weft_line_of(operation->comm, peer, operation->position + line);
}

/* A store that ends somebody's wait, and wakes who sleeps for it. */
WEFT_INLINE void weft_publish_word(struct weft_world *world, int target, _Atomic uint64_t *word, uint64_t value,
                                   const _Atomic uint32_t *sleepers)
{
    if (weft_likely(world->unfenced)) {
        /* S12, release: releases the payload to S3. S2 may be done before it is visible; then the sleeper's fence, which comes between S4
         * and S5, makes it visible to S5. */
        atomic_store_explicit(word, value, memory_order_release);
        weft_compiler_order();
    } else {
        if (weft_unlikely(world->observed))
            weft_observe_release(word);
        /* S1, seq_cst: releases the payload to S3; ordered before S2, so that S2 and S4 cannot both miss. */
        atomic_store_explicit(word, value, memory_order_seq_cst);
    }
    /* S2, seq_cst: 0 only if S4 comes later, and then the sleeper's last look (S5) sees S1 or S12. */
    if (weft_unlikely(atomic_load_explicit(sleepers, memory_order_seq_cst) != 0))
        weft_wake(world, target);
}

/* Writes into the lines that the next call fills if it is like this one: they come from the peers' caches, half an exchange's time,
 * while this rank waits, and not then. All ranks have consumed what stood there. */
WEFT_INLINE void weft_fetch_next(const struct weft_operation *operation)
{
    const struct weft_comm *comm = operation->comm;
    if (weft_unlikely(comm->position + operation->lines - comm->free > WEFT_RING_LINES))
        return;
    memset(weft_ring_line(comm->slot->ring, comm->position)->payload, 0, 8);
    if (operation->lines == 1)
        return;
    /* Beyond a message's length there may be no body, where it begins near the end of the ring. */
    uint32_t lines = operation->lines < WEFT_MESSAGE_LINES ? operation->lines : WEFT_MESSAGE_LINES;
    for (uint32_t line = 0; line < lines; line++)
        memset(weft_body_of(comm, comm->rank, comm->position) + line * WEFT_CACHE_LINE, 0, 8);
}

/* Publishes this rank's line; its payload stands in it already. */
WEFT_INLINE void weft_publish(const struct weft_operation *operation, uint32_t line)
{
    const struct weft_comm *comm = operation->comm;
    weft_publish_word(comm->world, comm->rank, &weft_own_line(operation, line)->word, weft_expected(operation, line),
                      &comm->slot->sleepers);
    weft_fetch_next(operation);
    weft_pause(); /* a peer that publishes at the same time need not give its line away before it has written it */
}

/* The same without waking anybody, where a gate follows. */
WEFT_INLINE void weft_publish_quietly(const struct weft_operation *operation, uint32_t line)
{
    if (weft_unlikely(operation->comm->world->observed))
        weft_observe_release(&weft_own_line(operation, line)->word);
    /* S6, release: pairs with S3. Who sleeps does so for the gate. */
    atomic_store_explicit(&weft_own_line(operation, line)->word, weft_expected(operation, line), memory_order_release);
}

WEFT_COLD enum weft_move weft_line_differs(struct weft_operation *operation, int peer);

/* Is the peer's line there? WEFT_MOVE_DONE, or what the algorithm is to return. */
WEFT_INLINE enum weft_move weft_look(struct weft_operation *operation, int peer, uint32_t line)
{
    uint64_t expected = weft_expected(operation, line);
    struct weft_line *at = weft_peer_line(operation, peer, line);
    /* S3, acquire: pairs with S1 and S6. */
    uint64_t word = atomic_load_explicit(&at->word, memory_order_acquire);
    if (weft_likely(word == expected)) {
        if (weft_unlikely(operation->comm->world->observed))
            weft_observe_acquire(&at->word);
        return WEFT_MOVE_DONE;
    }
    if (weft_unlikely((uint32_t)word == (uint32_t)expected))
        return weft_line_differs(operation, peer);
    operation->until =
        (struct weft_until){.kind = WEFT_UNTIL_LINE, .target = peer, .word = &at->word, .value = expected};
    return WEFT_MOVE_WAIT;
}

/* Waits on a count that `target` publishes. */
WEFT_INLINE enum weft_move weft_look_count(struct weft_operation *operation, int target, const _Atomic uint64_t *count,
                                           uint64_t least)
{
    /* S3, acquire: pairs with what raises the count. */
    if (weft_likely(atomic_load_explicit(count, memory_order_acquire) >= least)) {
        if (weft_unlikely(operation->comm->world->observed))
            weft_observe_acquire(count);
        return WEFT_MOVE_DONE;
    }
    operation->until =
        (struct weft_until){.kind = WEFT_UNTIL_AT_LEAST, .target = target, .word = count, .value = least};
    return WEFT_MOVE_WAIT;
}

/* ---- The ring: what may be written again */

WEFT_COLD enum weft_move weft_ring_look(struct weft_operation *operation);

/* Are this rank's lines for the operation consumed by all? To be asked before the first is written. */
WEFT_INLINE enum weft_move weft_ring_room(struct weft_operation *operation)
{
    if (weft_likely(operation->position + operation->lines - operation->comm->free <= WEFT_RING_LINES))
        return WEFT_MOVE_DONE;
    return weft_ring_look(operation);
}

WEFT_COLD void weft_announce(weft_comm *comm);
/* The same for an operation in flight, which is off the list. */
void weft_ring_finished(weft_comm *comm);

/* The operation is over: this rank has read all that it will read of the lines before comm->position. `symmetric`: it heard from every
 * rank, and so knows that all have consumed what came before this operation; unless they may have begun it with others unfinished. (Others may
 * not know: one with a message in flight goes by what is announced.) */
WEFT_INLINE void weft_ring_done(const struct weft_operation *operation, bool symmetric)
{
    weft_comm *comm = operation->comm;
    if (symmetric && weft_likely(!comm->asynchronous))
        comm->free = operation->position;
    if (weft_unlikely(comm->position - comm->announced >= WEFT_RING_LINES / 4))
        weft_announce(comm);
}

/* ---- Going inside other ranks' buffers, a block at a time */

/* False: the communicator has failed, and nothing may be touched. */
WEFT_INLINE bool weft_inside_enter(const weft_comm *comm)
{
    /* I1, seq_cst: before I2, so that this rank sees the failure or the failing rank sees this (I3). */
    atomic_store_explicit(&comm->slot->inside, 1, memory_order_seq_cst);
    /* I2, seq_cst: pairs with F2. */
    return weft_likely(atomic_load_explicit(&comm->world->cause.status, memory_order_seq_cst) == WEFT_OK);
}

WEFT_INLINE void weft_inside_leave(const weft_comm *comm)
{
    if (weft_unlikely(comm->world->observed))
        weft_observe_release(&comm->slot->inside);
    /* I4, release: what was done inside is done before I3 sees this rank outside. */
    atomic_store_explicit(&comm->slot->inside, 0, memory_order_release);
}

/* ---- Gates */

WEFT_INLINE struct weft_gate *weft_gate_at(const struct weft_operation *operation, uint32_t step)
{
    return &operation->comm->world->gates[(operation->gate + step) % WEFT_GATES];
}

/* Counts this rank in. True: it is the last, and is to open the gate. */
WEFT_INLINE bool weft_gate_arrive(const struct weft_operation *operation, uint32_t step)
{
    uint64_t all = ((operation->gate + step) / WEFT_GATES + 1) * (uint64_t)operation->comm->n_ranks;
    _Atomic uint64_t *count = &weft_gate_at(operation, step)->arrived;
    if (weft_unlikely(operation->comm->world->observed))
        weft_observe_release(count);
    /* G1, acq_rel: hands on what this rank published, and to the last to arrive all that the others did. */
    uint64_t arrived = atomic_fetch_add_explicit(count, 1, memory_order_acq_rel) + 1;
    if (weft_unlikely(operation->comm->world->observed))
        weft_observe_acquire(count);
    return weft_assert(operation->comm->world, arrived <= all) && arrived == all;
}

/* The payload of the release line stands in it already. */
WEFT_INLINE void weft_gate_open(const struct weft_operation *operation, uint32_t step)
{
    struct weft_world *world = operation->comm->world;
    weft_publish_word(world, world->n_ranks, &weft_gate_at(operation, step)->release.word,
                      weft_expected(operation, step), &world->gate_sleepers);
}

WEFT_INLINE enum weft_move weft_gate_look(struct weft_operation *operation, uint32_t step)
{
    uint64_t expected = weft_expected(operation, step);
    struct weft_gate *gate = weft_gate_at(operation, step);
    /* S3, acquire: pairs with S1 in weft_gate_open. */
    uint64_t word = atomic_load_explicit(&gate->release.word, memory_order_acquire);
    if (weft_likely(word == expected)) {
        if (weft_unlikely(operation->comm->world->observed))
            weft_observe_acquire(&gate->release.word);
        return WEFT_MOVE_DONE;
    }
    operation->until = (struct weft_until){
        .kind = WEFT_UNTIL_LINE, .target = operation->comm->n_ranks, .word = &gate->release.word, .value = expected};
    return WEFT_MOVE_WAIT;
}

#endif

// SPDX-License-Identifier: MIT
/* harness_litmus.c - what shows that the checker itself knows C11: small programs whose outcomes the standard allows or forbids.
 *
 * Those with `finds` must be found guilty of it, the others must not. The names are the usual ones of the literature: J. Alglave, L. Maranget,
 * M. Tautschnig, "Herding Cats", TOPLAS 2014; M. Batty et al., "Mathematizing C++ Concurrency", POPL 2011. */
#include "model.h"

#include <stdatomic.h>

static _Atomic int x, y;
static int plain, seen[4];

static void *(*const nobody)(void *) = NULL;

/* Runs up to four threads and joins them. */
static void run(void *(*a)(void *), void *(*b)(void *), void *(*c)(void *), void *(*d)(void *))
{
    void *(*const bodies[4])(void *) = {a, b, c, d};
    pthread_t threads[4];
    for (int i = 0; i < 4; i++)
        if (bodies[i] != NULL)
            pthread_create(&threads[i], NULL, bodies[i], NULL);
    for (int i = 0; i < 4; i++)
        if (bodies[i] != NULL)
            pthread_join(threads[i], NULL);
}

/* Functions for threads: a list of statements each. */
#define THREAD(name, ...)                                                                                              \
    static void *name(void *unused)                                                                                    \
    {                                                                                                                  \
        __VA_ARGS__;                                                                                                   \
        return unused;                                                                                                 \
    }
#define STORE(at, value, order) atomic_store_explicit(&(at), value, memory_order_##order)
#define LOAD(at, order) atomic_load_explicit(&(at), memory_order_##order)
#define ADD(at, value, order) atomic_fetch_add_explicit(&(at), value, memory_order_##order)

/* Message passing: who sees the flag sees the message. */
THREAD(mp_writes, plain = 1; STORE(x, 1, release))
THREAD(mp_reads, if (LOAD(x, acquire) == 1) CHECK(plain == 1, "%d", plain))
THREAD(mp_writes_relaxed, plain = 1; STORE(x, 1, relaxed))
THREAD(mp_reads_relaxed, if (LOAD(x, relaxed) == 1) CHECK(plain == 1, "%d", plain))

static void mp(void)
{
    run(mp_writes, mp_reads, nobody, nobody);
}
static void mp_no_release(void)
{
    run(mp_writes_relaxed, mp_reads, nobody, nobody);
}
static void mp_no_acquire(void)
{
    run(mp_writes, mp_reads_relaxed, nobody, nobody);
}

/* Store buffering: of two that write and then read what the other wrote, one sees the other. */
THREAD(sb_x, STORE(x, 1, seq_cst); seen[0] = LOAD(y, seq_cst))
THREAD(sb_y, STORE(y, 1, seq_cst); seen[1] = LOAD(x, seq_cst))
THREAD(sb_x_release, STORE(x, 1, release); seen[0] = LOAD(y, seq_cst))
THREAD(sb_y_acquire, STORE(y, 1, seq_cst); seen[1] = LOAD(x, acquire))
THREAD(sb_x_update, ADD(x, 1, seq_cst); seen[0] = LOAD(y, seq_cst))

static void sb_check(void)
{
    CHECK(seen[0] == 1 || seen[1] == 1, "neither saw the other");
}
static void sb(void)
{
    run(sb_x, sb_y, nobody, nobody);
    sb_check();
}
static void sb_with_update(void)
{
    run(sb_x_update, sb_y, nobody, nobody);
    sb_check();
}
static void sb_release(void)
{
    run(sb_x_release, sb_y, nobody, nobody);
    sb_check();
}
static void sb_acquire(void)
{
    run(sb_x, sb_y_acquire, nobody, nobody);
    sb_check();
}

/* Independent reads of independent writes: with seq_cst all agree which came first. */
THREAD(iriw_x, STORE(x, 1, seq_cst))
THREAD(iriw_y, STORE(y, 1, seq_cst))
THREAD(iriw_xy, seen[0] = LOAD(x, seq_cst); seen[1] = LOAD(y, seq_cst))
THREAD(iriw_yx, seen[2] = LOAD(y, seq_cst); seen[3] = LOAD(x, seq_cst))
THREAD(iriw_xy_acquire, seen[0] = LOAD(x, acquire); seen[1] = LOAD(y, acquire))
THREAD(iriw_yx_acquire, seen[2] = LOAD(y, acquire); seen[3] = LOAD(x, acquire))

static void iriw_check(void)
{
    CHECK(!(seen[0] == 1 && seen[1] == 0 && seen[2] == 1 && seen[3] == 0), "the readers disagree on what came first");
}
static void iriw(void)
{
    run(iriw_x, iriw_y, iriw_xy, iriw_yx);
    iriw_check();
}
static void iriw_acquire(void)
{
    run(iriw_x, iriw_y, iriw_xy_acquire, iriw_yx_acquire);
    iriw_check();
}

/* Write to read causality: a message handed on by a third. */
THREAD(wrc_hands_on, if (LOAD(x, acquire) == 1) STORE(y, 1, release))
THREAD(wrc_hands_on_relaxed, if (LOAD(x, relaxed) == 1) STORE(y, 1, release))
THREAD(wrc_reads, if (LOAD(y, acquire) == 1) CHECK(plain == 1, "%d", plain))

static void wrc(void)
{
    run(mp_writes, wrc_hands_on, wrc_reads, nobody);
}
static void wrc_relaxed(void)
{
    run(mp_writes, wrc_hands_on_relaxed, wrc_reads, nobody);
}

/* Coherence: whoever has seen a value sees none before it. */
THREAD(co_writes, STORE(x, 1, relaxed); STORE(x, 2, relaxed))
THREAD(co_reads, int first = LOAD(x, relaxed); int second = LOAD(x, relaxed);
       CHECK(second >= first, "%d after %d", second, first))

static void coherence(void)
{
    run(co_writes, co_reads, nobody, nobody);
}

/* Updates: atomic in any order; and what a release began goes on through them. */
THREAD(adds, ADD(x, 1, relaxed))
THREAD(sequence_reads, if (LOAD(x, acquire) == 2) CHECK(plain == 1, "%d", plain))

static void updates(void)
{
    run(adds, adds, nobody, nobody);
    CHECK(LOAD(x, relaxed) == 2, "%d", LOAD(x, relaxed));
}
static void release_sequence(void)
{
    run(mp_writes, sequence_reads, adds, nobody); /* 2: added to after the release, or before, and overwritten */
}

/* Locks, and what is found without them */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int *block;
THREAD(counts, pthread_mutex_lock(&lock); plain++; pthread_mutex_unlock(&lock))
THREAD(counts_without, plain++)
THREAD(deadlocks, pthread_mutex_lock(&lock); pthread_mutex_lock(&lock))
THREAD(frees, free(block))
THREAD(reads, plain = *block)

static void locked(void)
{
    run(counts, counts, nobody, nobody);
    CHECK(plain == 2, "%d", plain);
}
static void unlocked(void)
{
    run(counts_without, counts_without, nobody, nobody);
}
static void deadlock(void)
{
    run(deadlocks, nobody, nobody, nobody);
}
static void use_after_free(void)
{
    block = malloc(sizeof *block);
    *block = 1;
    run(frees, reads, nobody, nobody);
}

#define CLEAN(name, says)                                                                                              \
    {                                                                                                                  \
#name, says, name, .exhaustive = 3                                                                             \
    }
#define GUILTY(name, says, of)                                                                                         \
    {                                                                                                                  \
#name, says, name, .exhaustive = 2, .finds = of                                                                \
    }
const struct model_harness model_litmus[] = {CLEAN(mp, "message passing by release and acquire"),
                                             GUILTY(mp_no_release, "without release", "data race"),
                                             GUILTY(mp_no_acquire, "without acquire", "data race"),
                                             CLEAN(sb, "store buffering with seq_cst"),
                                             CLEAN(sb_with_update, "with an update in place of a store"),
                                             GUILTY(sb_release, "one store is a release", "neither saw the other"),
                                             GUILTY(sb_acquire, "one load is an acquire", "neither saw the other"),
                                             CLEAN(iriw, "independent reads of independent writes with seq_cst"),
                                             GUILTY(iriw_acquire, "the reads are acquires", "the readers disagree"),
                                             CLEAN(wrc, "causality through a third thread"),
                                             GUILTY(wrc_relaxed, "the third does not acquire", "data race"),
                                             CLEAN(coherence, "two reads of one location"),
                                             CLEAN(updates, "two updates of one location"),
                                             CLEAN(release_sequence, "an update goes on with a release"),
                                             CLEAN(locked, "a count under a lock"),
                                             GUILTY(unlocked, "and without", "data race"),
                                             GUILTY(deadlock, "a lock taken twice", "all threads wait"),
                                             GUILTY(use_after_free, "memory freed while it is read", "thread"),
                                             {.name = NULL}};

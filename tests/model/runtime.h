// SPDX-License-Identifier: MIT
/* runtime.h - what the parts of the checker share.
 *
 * The library's sources are compiled with -fsanitize=thread, which turns every access to memory into a call, and linked against this
 * runtime in place of the sanitizer's. One real thread runs everything: threads are fibers (scheduler.c), atomics read and write a model of C11's
 * memory in which a load may find an old value (memory.c), plain accesses are compared by vector clocks (races.c), and every
 * decision that the standard or the system leaves open is a numbered choice (explore.c), made at random from a seed, or one
 * after the other until all are tried.
 * After: M. Musuvathi, S. Qadeer, "Iterative Context Bounding for Systematic Testing of Multithreaded Programs", PLDI 2007;
 * J. Kang et al., "A Promising Semantics for Relaxed-Memory Concurrency", POPL 2017 (views; no promises here);
 * C. Flanagan, S. Freund, "FastTrack: Efficient and Precise Dynamic Race Detection", PLDI 2009; the crate loom. */
#ifndef WEFT_TESTS_MODEL_RUNTIME_H
#define WEFT_TESTS_MODEL_RUNTIME_H

#include "model.h"

/* Another program may ask for other sizes; see tests/schedules. */
#ifndef MODEL_THREADS
#define MODEL_THREADS 6
#define MODEL_HEAPS MODEL_THREADS /* thread t allocates from heap t modulo as many */
#define MODEL_HEAP_BYTES (1024 * 1024)
#define MODEL_LOCKS 64
#define MODEL_CLOCKS MODEL_THREADS /* threads of which memory is ordered at all, */
#define MODEL_LOCATIONS 4096       /* and words used as atomics in one schedule */
#endif

enum {
    MODEL_KEYS = 4,
    MODEL_STACK_BYTES = 128 * 1024,
    MODEL_TICK_NS = 50000 /* that a look at the clock takes, as a rule */
};

typedef int16_t model_index; /* of a store to a location, in the order of its modifications */

/* What happened before, by thread. */
struct model_clock {
    uint32_t of[MODEL_CLOCKS];
};

enum model_state { MODEL_UNUSED, MODEL_READY, MODEL_BLOCKED, MODEL_ENDED };

struct model_thread {
    void *stack_pointer; /* while another runs */
    enum model_state state;
    const void *blocked_on; /* word, lock or thread */
    uint32_t sleeps_for;    /* kinds, in a sleep */
    const char *blocked_in;
    int64_t deadline_ns;
    void *(*start)(void *argument);
    void *argument, *result;
    struct model_clock clock;
    void *keys[MODEL_KEYS];
    model_index view[MODEL_LOCATIONS]; /* the oldest store to each location that this thread may still read */
    uint8_t stale[MODEL_LOCATIONS];    /* old values read one after the other */
};

/* A store to a location: what a load that acquires takes over from it. */
struct model_store {
    uint64_t value;
    struct model_clock clock;
    int view_length;
    model_index view[];
};

struct model_location {
    uintptr_t address;
    int size, count;
    struct model_store **stores;
    model_index last_sequential; /* the last store with seq_cst */
    model_index oldest;          /* readable at all: after a plain write */
    model_index kernel;          /* what the kernel saw of it last */
    bool overwritten;            /* by a plain write */
    bool stale_used;             /* exhaustive: an old value was read once */
    struct model_clock read, written;
};

/* Four bytes of memory. Of another generation: not touched in this schedule. */
struct model_cell {
    uint32_t generation;
    uint16_t location; /* 1 + its index, where the bytes are an atomic */
    uint8_t writer;
    uint8_t users; /* bit by thread: whoever accessed it, plainly or not */
    uint32_t written;
    struct model_clock read;
};

/* A cache line of memory: the generation in which it was touched at all, and in which it was freed. */
struct model_area {
    uint32_t touched, freed;
};

struct model_lock {
    bool held, done; /* done: of a pthread_once */
    struct model_clock clock;
    model_index *view;
    int view_length;
};

struct model {
    const struct model_harness *harness;
    struct model_thread threads[MODEL_THREADS];
    int n_threads, n_ready, current;
    void *explorer; /* stack pointer of the explorer while a schedule runs */
    int64_t now_ns;
    bool coarse;   /* no other thread goes on between a look and the sleep that follows, or a ring and the wake-up */
    bool timeless; /* the clock stands; a look at it lets another thread go on */
    long steps, steps_most;         /* more is a loop that does not end */
    long pages, pages_most, blocks; /* of worlds, of memory: allocated and not freed */
    size_t heap_used[MODEL_HEAPS];
    struct model_lock locks[MODEL_LOCKS];
    int locks_free[MODEL_LOCKS], n_locks_free; /* destroyed */
    int n_locks, n_keys;
    void (*key_destructors[MODEL_KEYS])(void *);
    /* memory.c */
    struct model_location locations[MODEL_LOCATIONS];
    int n_locations;
    unsigned char *pool, *pool_at; /* of stores and what else one schedule needs */
    /* races.c */
    uint32_t generation;
    unsigned char *arena; /* heaps, then stacks */
    struct model_cell *cells;
    struct model_area *areas;
    unsigned char *shared; /* by cell, bit by thread: touched as an atomic in any schedule of this harness */
    bool shared_grew;
    bool tracing, quiet;
    const void *caller; /* where the library's last access stands */
    /* what went wrong */
    bool failed;
    char why[1024];
};
extern struct model *model;

/* ---- choices.c */

enum model_choice {
    MODEL_PREEMPT, /* 0: the current thread goes on */
    MODEL_YIELD,   /* who goes on after a thread that yields */
    MODEL_NEXT,    /* who goes on, since the current thread cannot */
    MODEL_STALE,   /* 0: the newest value */
    MODEL_TIME,    /* 0: as always; 1: a long time passes, or a sleep ends for no reason */
    MODEL_FENCE    /* 0: the system makes a fence for all threads; 1: it does not */
};
/* A number below `alternatives`. */
int model_choose(enum model_choice kind, int alternatives);

void model_choices_setup(void);
void model_choose_randomly(uint64_t seed);
/* All schedules, one after the other, with at most so many preemptions. */
void model_choose_all(int preemptions);
/* As the function says, which knows the kinds and what is current. */
void model_choose_by(int (*choose)(enum model_choice kind, int alternatives));
/* To be asked after each: is there another one? */
bool model_choose_next(void);
bool model_choosing_all(void);
/* What was chosen other than 0: "12:1,40:2", and the same again. */
void model_choices_text(char *text, size_t size);
bool model_choose_again(const char *text);

/* ---- schedule.c */

void model_schedules_setup(void);
/* One schedule of model->harness, by the choices that were set up. model->failed and why say what was found. */
void model_schedule(void);

/* Ends the schedule with a finding. */
__attribute__((format(printf, 1, 2), noreturn)) void model_fail(const char *format, ...);

/* ---- fiber.c */

void model_switch(void **save_stack_pointer, void *stack_pointer);
void *model_fiber(unsigned char *stack, size_t bytes, void (*entry)(void));
void model_fibers_setup(void); /* the variables that each thread has one of */
void model_locals_swap(int from, int to);
void model_locals_reset(int thread);

/* ---- scheduler.c */

static inline struct model_thread *model_self(void)
{
    return &model->threads[model->current];
}
static inline bool model_running(void) /* a harness runs, not the explorer */
{
    return model != NULL && model->explorer != NULL;
}
void model_begin(void);                /* a new schedule with one thread */
void model_point(const void *address); /* another thread may go on here; address: of an atomic, or NULL */
void model_give_way(void);             /* another thread goes on, if any can */
void model_block(const char *in, const void *on, int64_t deadline_ns);
void model_wake(int thread);
void model_pass_time(int64_t ns); /* and whose deadline has come wakes */
int model_thread_create(void *(*start)(void *), void *argument);
void model_thread_join(int thread, void **result);

/* ---- memory.c: what schedules see of memory; tests/schedules has another */

void model_memory_setup(void);
void model_memory_begin(void);
void model_memory_thread(int thread); /* made by the current one, or the first */
void model_memory_joined(int thread);
void model_memory_locked(struct model_lock *lock);
void model_memory_unlocked(struct model_lock *lock);
uint64_t model_load(const void *address, int size, int order);
void model_store(void *address, int size, uint64_t value, int order);
/* Reads the newest value, and stores `value` in its place. Returns what it read. */
enum model_update { MODEL_EXCHANGE, MODEL_ADD, MODEL_SUBTRACT, MODEL_AND, MODEL_OR, MODEL_XOR };
uint64_t model_update(void *address, int size, enum model_update update, uint64_t value, int order);
bool model_compare_exchange(void *address, int size, uint64_t *expected, uint64_t value, int order, int failure_order);
/* The kernel's look at a futex: may be old, but not older than what it saw when it last woke somebody. */
uint64_t model_kernel_load(const void *address);
void model_kernel_seen(const void *address);
/* Every thread comes to a seq_cst fence here. */
void model_fence_all(void);

/* ---- races.c */

void model_races_setup(void);
void model_races_begin(void);
/* The place of an address among the cells, negative: not memory that threads share. */
long model_cell_of(uintptr_t address);
void model_plain(uintptr_t address, size_t bytes, bool write);
/* An atomic access against plain ones before it. */
void model_check_cells(long cell, uintptr_t address, int count, bool write);
void model_free_cells(uintptr_t address, size_t bytes);
void model_forget_shared(void);

/* ---- posix.c: memory that is set back, or at least is to be freed */

void *model_aligned_alloc(size_t alignment, size_t bytes);
void model_free(void *block);

/* ---- trace.c: what is written down while a finding is replayed */

void model_trace_setup(void);
void model_trace_on(void);
static inline bool model_tracing(void)
{
    return model->tracing;
}
__attribute__((format(printf, 1, 2))) void model_trace_step(const char *format, ...);
#define model_trace(...)                                                                                               \
    do {                                                                                                               \
        if (model_tracing())                                                                                           \
            model_trace_step(__VA_ARGS__);                                                                             \
    } while (0)
void model_trace_plain(uintptr_t address, size_t bytes, bool write);
void model_trace_print(void);

#endif

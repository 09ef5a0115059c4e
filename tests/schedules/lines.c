// SPDX-License-Identifier: MIT
/* lines.c - memory as schedules see it: plain, and the same for all; and what it costs in transfers of lines, where they are counted.
 *
 * Each line knows which cores hold it, who wrote it last, and when that became visible. A core that reads a line it does not hold fetches it;
 * one that writes takes it from all others. Loads of one look overlap, as in a core that runs ahead, up to LINES_OVERLAP; a store goes to a
 * buffer, so its core goes on, and becomes visible in order; an update waits. A core that looked in vain stands still until a line
 * that it holds is taken away. Hops are counted along the longest chain. After: L. Lamport, "Time, Clocks, and the Ordering of Events in a
 * Distributed System", CACM 21(7), 1978; S. Ramos, T. Hoefler, "Modeling Communication in Cache-Coherent SMP Systems", HPDC 2013. */
#include "lines.h"
#include "runtime.h"

#include <string.h>
#include <sys/mman.h>

enum { LINE = 64, WORDS = (MODEL_THREADS + 63) / 64, ACQUIRE = 2, SEQ_CST = 5 };

struct line {
    int64_t ready; /* what was written last is visible */
    int owner;     /* 1 + who wrote last; 0: nobody has */
    uint64_t holders[WORDS];
};

struct core {
    int64_t time, issue;             /* of now, and of the loads that it may have begun */
    int64_t buffered;                /* its last store is visible */
    int64_t arrivals[LINES_OVERLAP]; /* of the last fetches */
    unsigned fetches;
    bool waits; /* looked in vain, and nothing was taken away since */
};

static struct {
    bool on;
    struct lines_machine machine;
    int64_t moved;
    struct core cores[MODEL_THREADS];
    struct line *lines;
} * counting;

/* ---- Cost */

static bool holds(const struct line *line, int core)
{
    return line->holders[core / 64] >> core % 64 & 1;
}

static int64_t distance(int from, int to)
{
    const struct lines_machine *machine = &counting->machine;
    from--, to--; /* the first thread is no rank */
    if (from / machine->cores_package != to / machine->cores_package)
        return machine->between_packages;
    return from / machine->cores_cache != to / machine->cores_cache ? machine->between_caches : LINES_TENTHS;
}

static int64_t later(int64_t one, int64_t other)
{
    return one > other ? one : other;
}

static void fetch(struct line *line, int core)
{
    struct core *at = &counting->cores[core];
    int64_t *slot = &at->arrivals[at->fetches++ % LINES_OVERLAP];
    *slot = later(later(at->issue, *slot), line->ready) + distance(line->owner - 1, core);
    at->time = later(at->time, *slot);
    counting->moved++;
}

static void read_line(struct line *line, int core)
{
    if (!holds(line, core) && line->owner != 0)
        fetch(line, core);
    line->holders[core / 64] |= (uint64_t)1 << core % 64;
}

/* Takes the line from all others. Returns how far the farthest is; 0: there are none. */
static int64_t take(struct line *line, int core)
{
    int64_t farthest = 0;
    for (int word = 0; word < WORDS; word++) {
        uint64_t holders = line->holders[word];
        line->holders[word] = 0;
        for (; holders != 0; holders &= holders - 1) {
            int other = word * 64 + __builtin_ctzll(holders);
            if (other == core)
                continue;
            farthest = later(farthest, distance(core, other));
            counting->cores[other].waits = false;
        }
    }
    line->holders[core / 64] = (uint64_t)1 << core % 64;
    counting->moved += farthest > 0;
    return farthest;
}

static void write_line(struct line *line, int core, bool waits)
{
    struct core *at = &counting->cores[core];
    int64_t from = waits ? later(at->time, at->buffered) : at->time;
    int64_t visible = later(from, line->ready) + take(line, core);
    visible = later(visible, at->buffered); /* stores become visible in order */
    line->ready = at->buffered = visible;
    line->owner = core + 1;
    if (waits)
        at->time = at->issue = visible;
}

/* Only what is on heaps is shared. */
static void touch(uintptr_t address, size_t bytes, bool write, bool waits)
{
    uintptr_t begin = address - (uintptr_t)model->arena;
    if (begin >= (size_t)MODEL_HEAPS * MODEL_HEAP_BYTES || bytes == 0)
        return;
    for (uintptr_t at = begin / LINE; at <= (begin + bytes - 1) / LINE; at++) {
        if (write)
            write_line(&counting->lines[at], model->current, waits);
        else
            read_line(&counting->lines[at], model->current);
    }
}

static inline void note(const void *address, size_t bytes, bool write, bool waits)
{
    if (counting->on)
        touch((uintptr_t)address, bytes, write, waits);
}

void lines_count(const struct lines_machine *machine)
{
    counting->on = machine != NULL;
    if (machine == NULL)
        return;
    counting->machine = *machine;
    counting->moved = 0;
    memset(counting->cores, 0, sizeof counting->cores);
    madvise(counting->lines, (size_t)MODEL_HEAPS * MODEL_HEAP_BYTES / LINE * sizeof(struct line), MADV_DONTNEED);
}

int64_t lines_time(void)
{
    int64_t latest = 0;
    for (int core = 0; core < model->n_threads; core++)
        latest = later(latest, later(counting->cores[core].time, counting->cores[core].buffered));
    return latest;
}

void lines_rest(void)
{
    int64_t now = lines_time();
    for (int core = 0; core < model->n_threads; core++) {
        struct core *at = &counting->cores[core];
        at->time = at->issue = at->buffered = now;
        at->waits = false;
    }
}

int64_t lines_moved(void)
{
    return counting->moved;
}

/* The order in which model_choose offers the threads: from the one after the current. */
int lines_choose(enum model_choice kind, int alternatives)
{
    int best = 0, offered = 0;
    bool best_waits = true;
    struct core *self = &counting->cores[model->current];
    if (kind != MODEL_YIELD && kind != MODEL_NEXT)
        return 0;
    self->issue = self->time;
    self->waits = kind == MODEL_YIELD;
    int64_t best_time = INT64_MAX;
    for (int step = 1; step < model->n_threads && offered < alternatives; step++) {
        int thread = (model->current + step) % model->n_threads;
        if (model->threads[thread].state != MODEL_READY)
            continue;
        const struct core *core = &counting->cores[thread];
        if (core->waits < best_waits || (core->waits == best_waits && core->time < best_time)) {
            best = offered;
            best_waits = core->waits;
            best_time = core->time;
        }
        offered++;
    }
    return best;
}

/* ---- What the hooks ask for */

static uint64_t get(const void *address, int size)
{
    uint64_t value = 0;
    memcpy(&value, address, (size_t)size); /* little-endian */
    return value;
}

uint64_t model_load(const void *address, int size, int order)
{
    (void)order;
    note(address, (size_t)size, false, false);
    return get(address, size);
}

void model_store(void *address, int size, uint64_t value, int order)
{
    note(address, (size_t)size, true, order == SEQ_CST);
    memcpy(address, &value, (size_t)size);
}

uint64_t model_update(void *address, int size, enum model_update update, uint64_t value, int order)
{
    (void)order;
    note(address, (size_t)size, true, true);
    uint64_t old = get(address, size);
    uint64_t made = update == MODEL_EXCHANGE   ? value
                    : update == MODEL_ADD      ? old + value
                    : update == MODEL_SUBTRACT ? old - value
                    : update == MODEL_AND      ? (old & value)
                    : update == MODEL_OR       ? (old | value)
                                               : (old ^ value);
    memcpy(address, &made, (size_t)size);
    return old;
}

bool model_compare_exchange(void *address, int size, uint64_t *expected, uint64_t value, int order, int failure_order)
{
    (void)order, (void)failure_order;
    note(address, (size_t)size, true, true);
    uint64_t old = get(address, size);
    if (old != *expected) {
        *expected = old;
        return false;
    }
    memcpy(address, &value, (size_t)size);
    return true;
}

void model_plain(uintptr_t address, size_t bytes, bool write)
{
    note((const void *)address, bytes, write, false);
}

uint64_t model_kernel_load(const void *address)
{
    return get(address, 4);
}

/* ---- What a memory with views and clocks needs, and this one does not */

void model_memory_setup(void)
{
    size_t bytes = (size_t)MODEL_HEAPS * MODEL_HEAP_BYTES / LINE * sizeof(struct line);
    counting = mmap(NULL, sizeof *counting, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    counting->lines = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
}

void model_races_setup(void)
{
    size_t bytes = (size_t)MODEL_HEAPS * MODEL_HEAP_BYTES + (size_t)MODEL_THREADS * MODEL_STACK_BYTES;
    model->arena = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
}

void model_memory_begin(void) {}
void model_races_begin(void) {}
void model_memory_thread(int thread)
{
    (void)thread;
}
void model_memory_joined(int thread)
{
    (void)thread;
}
void model_memory_locked(struct model_lock *lock)
{
    (void)lock;
}
void model_memory_unlocked(struct model_lock *lock)
{
    (void)lock;
}
void model_kernel_seen(const void *address)
{
    (void)address;
}
void model_fence_all(void) {}
void model_free_cells(uintptr_t address, size_t bytes)
{
    (void)address;
    (void)bytes;
}
long model_cell_of(uintptr_t address)
{
    (void)address;
    return -1;
}

// SPDX-License-Identifier: MIT
/* races.c - plain accesses that no order keeps apart.
 *
 * For every four bytes of heap, stack and variables stands who wrote them last, and when each thread last read them, by vector clocks;
 * an access is compared with those before it. Two neighbours within four bytes count as one. Freed memory counts as written by
 * whoever freed it, and as gone. */
#include "runtime.h"

#include <string.h>
#include <sys/mman.h>

extern unsigned char __data_start[], _end[];

enum { CELL = 4, AREA_CELLS = 16 };
static const size_t ARENA_BYTES = (size_t)MODEL_HEAPS * MODEL_HEAP_BYTES + (size_t)MODEL_THREADS * MODEL_STACK_BYTES;

static uintptr_t data_begin(void)
{
    return (uintptr_t)__data_start & ~(uintptr_t)(CELL - 1);
}

static size_t data_bytes(void)
{
    return (uintptr_t)_end - data_begin();
}

/* The arena's, and behind them those of the variables. */
static size_t cells(void)
{
    return (ARENA_BYTES + data_bytes()) / CELL + AREA_CELLS;
}

static void *map(size_t bytes)
{
    return mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
}

void model_races_setup(void)
{
    model->arena = map(ARENA_BYTES);
    model->cells = map(cells() * sizeof *model->cells);
    model->areas = map(cells() / AREA_CELLS * sizeof *model->areas);
    model->shared = map(cells());
}

void model_races_begin(void)
{
    model->generation++;
}

void model_forget_shared(void)
{
    madvise(model->shared, cells(), MADV_DONTNEED); /* zeros again */
}

long model_cell_of(uintptr_t address)
{
    uintptr_t in_arena = address - (uintptr_t)model->arena, in_data = address - data_begin();
    if (in_arena < ARENA_BYTES)
        return (long)(in_arena / CELL);
    return in_data < data_bytes() ? (long)((ARENA_BYTES + in_data) / CELL) : -1;
}

/* A cell on its first use in a schedule is empty. */
static inline struct model_cell *fresh(long index)
{
    struct model_cell *cell = &model->cells[index];
    model->areas[index / AREA_CELLS].touched = model->generation;
    if (cell->generation != model->generation) {
        memset(cell, 0, sizeof *cell);
        cell->generation = model->generation;
    }
    return cell;
}

__attribute__((noreturn, cold)) static void race(uintptr_t address, const char *here, const char *there, int other)
{
    model_trace("%s %#lx", here, (unsigned long)address);
    model_fail("a data race at %#lx: thread %d %s what thread %d %s", (unsigned long)address, model->current, here,
               other, there);
}

static inline void check_cell(const struct model_cell *cell, uintptr_t address, bool write, const char *here)
{
    const struct model_clock *clock = &model_self()->clock;
    if (cell->written > clock->of[cell->writer] && cell->writer != model->current)
        race(address, here, "wrote", cell->writer);
    for (int thread = 0; write && thread < model->n_threads; thread++)
        if (cell->read.of[thread] > clock->of[thread] && thread != model->current)
            race(address, here, "read", thread);
}

static inline void check_area(long index, uintptr_t address, const char *here)
{
    if (model->areas[index / AREA_CELLS].freed == model->generation)
        model_fail("thread %d %s memory at %#lx that is freed", model->current, here, (unsigned long)address);
}

void model_check_cells(long index, uintptr_t address, int count, bool write)
{
    const char *here = write ? "writes atomically" : "reads atomically";
    check_area(index, address, here);
    for (int i = 0; i < count; i++) {
        struct model_cell *cell = fresh(index + i);
        cell->users |= (uint8_t)(1 << model->current);
        check_cell(cell, address, write, here);
    }
}

/* A plain access to what was an atomic: all atomic accesses must lie before it. */
static void check_location(const struct model_cell *cell, uintptr_t address, bool write)
{
    struct model_location *location = &model->locations[cell->location - 1];
    const struct model_clock *clock = &model_self()->clock;
    for (int thread = 0; thread < model->n_threads; thread++) {
        if (thread == model->current)
            continue;
        if (location->written.of[thread] > clock->of[thread])
            race(address, write ? "writes" : "reads", "wrote atomically", thread);
        if (write && location->read.of[thread] > clock->of[thread])
            race(address, "writes", "read atomically", thread);
    }
    if (write)
        location->overwritten = true;
}

static inline void access_cell(long index, uintptr_t address, bool write)
{
    struct model_cell *cell = fresh(index);
    uint32_t now = model_self()->clock.of[model->current];
    uint8_t me = (uint8_t)(1 << model->current);
    if (cell->users & ~me) /* else it is this thread's alone, so far */
        check_cell(cell, address, write, write ? "writes" : "reads");
    cell->users |= me;
    if (cell->location != 0)
        check_location(cell, address, write);
    if (write) {
        cell->writer = (uint8_t)model->current;
        cell->written = now;
    } else {
        cell->read.of[model->current] = now;
    }
}

void model_plain(uintptr_t address, size_t bytes, bool write)
{
    long index = model_cell_of(address);
    if (index < 0 || bytes == 0)
        return;
    if (model_tracing())
        model_trace_plain(address, bytes, write);
    long end = index + (long)((address % CELL + bytes + CELL - 1) / CELL);
    for (check_area(index, address, write ? "writes" : "reads"); index < end; index++, address += CELL)
        access_cell(index, address, write);
}

/* Heap blocks begin on lines of their own. What was touched of them must lie before; then they are gone. */
void model_free_cells(uintptr_t address, size_t bytes)
{
    long index = model_cell_of(address), end = index + (long)((bytes + CELL - 1) / CELL);
    check_area(index, address, "frees");
    for (; index < end; index += AREA_CELLS, address += AREA_CELLS * CELL) {
        struct model_area *area = &model->areas[index / AREA_CELLS];
        for (int i = 0; i < AREA_CELLS && area->touched == model->generation && index + i < end; i++)
            access_cell(index + i, address + (uintptr_t)i * CELL, true);
        area->freed = model->generation;
    }
}

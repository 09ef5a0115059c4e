// SPDX-License-Identifier: MIT
/* scheduler.c - who runs: threads as fibers, switched at the points where another thread could make a difference.
 *
 * These are the accesses to atomics that several threads touch, locks, the clock and the futex. A thread that yields lets another go on,
 * so a loop that polls and yields ends. When nobody can go on, either time passes until a deadline comes, or a wake-up was lost. */
#include "runtime.h"

#include <stdio.h>
#include <string.h>

struct model *model;

static void switch_to(int thread)
{
    int from = model->current;
    if (thread == from)
        return;
    model->current = thread;
    model_locals_swap(from, thread);
    model_trace("goes on");
    model_switch(&model->threads[from].stack_pointer, model->threads[thread].stack_pointer);
}

static void set_state(int thread, enum model_state state)
{
    struct model_thread *at = &model->threads[thread];
    model->n_ready += (state == MODEL_READY) - (at->state == MODEL_READY);
    at->state = state;
}

static int others_ready(void)
{
    return model->n_ready - (model_self()->state == MODEL_READY);
}

/* Of the threads that can go on, counted from the one after the current, without it. */
static int other(int index)
{
    int thread = model->current;
    for (index++; index > 0; index -= model->threads[thread].state == MODEL_READY)
        thread = thread + 1 < model->n_threads ? thread + 1 : 0;
    return thread;
}

static void count_step(void)
{
    if (++model->steps > model->steps_most)
        model_fail("after %ld steps there is no end in sight: a loop waits for what never comes", model->steps_most);
}

void model_point(const void *address)
{
    int count = others_ready();
    count_step();
    if (count == 0)
        return;
    if (address != NULL && model_choosing_all()) {
        long cell = model_cell_of((uintptr_t)address);
        if (cell >= 0 && (model->shared[cell] & ~(1 << model->current)) == 0)
            count = 0; /* nobody else ever looks at it: a choice without alternatives */
    }
    int chosen = model_choose(MODEL_PREEMPT, count + 1);
    if (chosen > 0)
        switch_to(other(chosen - 1));
}

void model_give_way(void)
{
    int count = others_ready();
    count_step();
    if (count > 0)
        switch_to(other(model_choose(MODEL_YIELD, count)));
}

/* ---- Blocking */

static void describe_blocked(char *text, size_t size)
{
    size_t at = 0;
    for (int thread = 0; thread < model->n_threads && at < size; thread++)
        if (model->threads[thread].state == MODEL_BLOCKED)
            at += (size_t)snprintf(text + at, size - at, "%sthread %d in %s", at > 0 ? ", " : "", thread,
                                   model->threads[thread].blocked_in);
}

static void time_out_first(void)
{
    int64_t first = INT64_MAX;
    for (int thread = 0; thread < model->n_threads; thread++)
        if (model->threads[thread].state == MODEL_BLOCKED && model->threads[thread].deadline_ns < first)
            first = model->threads[thread].deadline_ns;
    if (first == INT64_MAX || !model->harness->timers) {
        char who[400];
        describe_blocked(who, sizeof who);
        model_fail("all threads wait, and nobody is left to wake them: %s", who);
    }
    model_pass_time(first - model->now_ns);
}

void model_block(const char *in, const void *on, int64_t deadline_ns)
{
    struct model_thread *self = model_self();
    int count;
    set_state(model->current, MODEL_BLOCKED);
    self->blocked_in = in;
    self->blocked_on = on;
    self->deadline_ns = deadline_ns;
    model_trace("blocks in %s", in);
    while ((count = others_ready()) == 0 && self->state == MODEL_BLOCKED)
        time_out_first();
    if (count > 0)
        switch_to(other(model_choose(MODEL_NEXT, count)));
}

void model_wake(int thread)
{
    set_state(thread, MODEL_READY);
    model->threads[thread].blocked_on = NULL;
}

void model_pass_time(int64_t ns)
{
    model->now_ns += ns;
    for (int thread = 0; thread < model->n_threads && model->harness->timers; thread++)
        if (model->threads[thread].state == MODEL_BLOCKED && model->threads[thread].deadline_ns <= model->now_ns)
            model_wake(thread);
}

void model_quiet(bool quiet)
{
    model->quiet = quiet;
}

/* ---- Threads */

static unsigned char *stack_of(int thread)
{
    return model->arena + (size_t)MODEL_HEAPS * MODEL_HEAP_BYTES + (size_t)thread * MODEL_STACK_BYTES;
}

/* A destructor may set a key again. */
static void run_key_destructors(void)
{
    struct model_thread *self = model_self();
    for (int key = 0; key < model->n_keys; key++) {
        void *value = self->keys[key];
        self->keys[key] = NULL;
        if (value == NULL || model->key_destructors[key] == NULL)
            continue;
        model->key_destructors[key](value);
        key = -1;
    }
}

static void thread_main(void)
{
    struct model_thread *self = model_self();
    void *result = self->start(self->argument);
    int count;
    run_key_destructors();
    self = model_self();
    self->result = result;
    set_state(model->current, MODEL_ENDED);
    for (int thread = 0; thread < model->n_threads; thread++)
        if (model->threads[thread].state == MODEL_BLOCKED && model->threads[thread].blocked_on == self)
            model_wake(thread);
    if (self == &model->threads[0]) {
        void *explorer = model->explorer;
        for (int thread = 1; thread < model->n_threads; thread++)
            if (model->threads[thread].state != MODEL_ENDED)
                model_fail("thread %d is left behind", thread);
        model_switch(&self->stack_pointer, explorer);
    }
    while ((count = others_ready()) == 0)
        time_out_first();
    switch_to(other(model_choose(MODEL_NEXT, count)));
    __builtin_unreachable();
}

static void thread_make(int thread, void *(*start)(void *), void *argument)
{
    struct model_thread *made = &model->threads[thread];
    made->state = MODEL_UNUSED;
    set_state(thread, MODEL_READY);
    made->start = start;
    made->argument = argument;
    made->deadline_ns = INT64_MAX;
    memset(made->keys, 0, sizeof made->keys);
    model_memory_thread(thread);
    model_locals_reset(thread);
    made->stack_pointer = model_fiber(stack_of(thread), MODEL_STACK_BYTES, thread_main);
}

static void *run_harness(void *unused)
{
    model->harness->run();
    return unused;
}

void model_begin(void)
{
    model->n_threads = 1;
    model->n_ready = 0;
    model->current = 0;
    model->now_ns = 1000000000;
    model->steps = model->pages = model->pages_most = model->blocks = 0;
    model->n_locks = model->n_locks_free = model->n_keys = 0;
    model->failed = model->quiet = false;
    thread_make(0, run_harness, NULL);
}

int model_thread_create(void *(*start)(void *), void *argument)
{
    int thread = model->n_threads;
    if (thread == MODEL_THREADS)
        model_fail("more than %d threads", MODEL_THREADS);
    model->n_threads++;
    thread_make(thread, start, argument);
    model_point(NULL);
    return thread;
}

void model_thread_join(int thread, void **result)
{
    struct model_thread *other = &model->threads[thread];
    if (other->state != MODEL_ENDED)
        model_block("pthread_join", other, INT64_MAX);
    model_memory_joined(thread);
    if (result != NULL)
        *result = other->result;
}

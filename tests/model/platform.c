// SPDX-License-Identifier: MIT
/* platform.c - the checker as the operating system that the library is ported to: what platform.h asks for. */
#include "platform/platform.h"

#include "redirect.h"
#undef memset
#include "runtime.h"

int64_t weft_now_ns(void)
{
    if (model->timeless) {
        model_give_way();
        return model->now_ns;
    }
    model_point(NULL);
    model_pass_time(model->harness->timers && model_choose(MODEL_TIME, 2) == 1 ? 40 * MODEL_TICK_NS : MODEL_TICK_NS);
    return model->now_ns;
}

int64_t weft_tick(void)
{
    return model->now_ns;
}

void weft_yield(void)
{
    model_trace("yields");
    model_give_way();
}

void weft_futex_wait(_Atomic uint32_t *word, uint32_t expected, uint32_t kinds, int64_t deadline_ns)
{
    if (!model->coarse)
        model_point(NULL);
    if (model_kernel_load(word) != expected)
        return;
    if (model_choose(MODEL_TIME, 2) == 1)
        return; /* for no reason */
    model_self()->sleeps_for = kinds;
    model_block("a sleep", word, deadline_ns);
}

void weft_futex_wake(_Atomic uint32_t *word, uint32_t kinds)
{
    if (!model->coarse)
        model_point(NULL);
    model_kernel_seen(word);
    for (int thread = 0; thread < model->n_threads; thread++)
        if (model->threads[thread].blocked_on == word && model->threads[thread].state == MODEL_BLOCKED &&
            (model->threads[thread].sleeps_for & kinds) != 0) {
            model_trace("wakes thread %d", thread);
            model_wake(thread);
        }
}

/* Worlds that are not crowded leave their fences to who sleeps, or do not: in random schedules half of them each. */
bool weft_fence_all_ready(void)
{
    return !model->harness->fenced && model_choose(MODEL_FENCE, 2) == 0;
}

void weft_fence_all(void)
{
    model_point(NULL);
    model_trace("fences all threads");
    model_fence_all();
}

void *weft_pages_allocate(size_t bytes)
{
    if (++model->pages > model->pages_most)
        model->pages_most = model->pages;
    return model_aligned_alloc(4096, bytes);
}

void weft_pages_free(void *pages, size_t bytes)
{
    (void)bytes;
    if (pages == NULL)
        return;
    model->pages--;
    model_free(pages);
}

bool weft_random_bytes(void *bytes, size_t count)
{
    static unsigned char next; /* set back before every schedule */
    unsigned char *at = bytes;
    model_plain((uintptr_t)bytes, count, true);
    for (size_t i = 0; i < count; i++)
        at[i] = next++;
    return true;
}

uint64_t weft_process_id(void)
{
    return 1;
}

void weft_processors_count(struct weft_processors *out)
{
    int processors = model->harness->processors;
    *out = (struct weft_processors){processors, processors, processors, 0};
    model_plain((uintptr_t)out, sizeof *out, true);
}

int weft_processor(void)
{
    return 0;
}

int weft_thread_id(void)
{
    return 1;
}

bool weft_thread_look(int thread, int *processor, char *state)
{
    (void)thread;
    (void)processor;
    (void)state;
    return false;
}

int weft_file_append(const char *path)
{
    (void)path;
    return -1;
}

/* Nobody reads what is written. */
bool weft_file_write(int file, const char *text, size_t bytes)
{
    (void)file;
    (void)text;
    (void)bytes;
    return true;
}

void weft_file_close(int file)
{
    (void)file;
}

static void (*handler_of_signals)(int signo);

bool weft_signal_handle(int signo, void (*handler)(int signo), bool unclaimed)
{
    (void)signo;
    (void)unclaimed;
    handler_of_signals = handler;
    return true;
}

void model_raise(int signo)
{
    handler_of_signals(signo);
}

int weft_topology_levels(struct weft_level *levels, int capacity)
{
    (void)levels;
    (void)capacity;
    return 0;
}

int weft_topology_vicinity(enum weft_vicinity vicinity, int place, char *why, size_t why_size)
{
    (void)vicinity;
    (void)why;
    (void)why_size;
    return place;
}

void weft_topology_hold(void) {}

void weft_topology_let_go(void) {}

int weft_topology_caches(int *processors_each)
{
    return weft_topology_home(0, processors_each) + 2; /* several */
}

int weft_topology_home(int place, int *processors)
{
    *processors = model->harness->cache > 0 ? model->harness->cache : 2;
    return place / *processors;
}

void weft_machine_name(char name[WEFT_MACHINE_TEXT])
{
    memcpy(name, "model", sizeof "model");
}

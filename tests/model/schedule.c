// SPDX-License-Identifier: MIT
/* schedule.c - one schedule of a harness, from a program that is set back to its end or a finding.
 *
 * Before each schedule the program's variables and heaps are set back, so that every one begins alike. What must outlive a schedule stands
 * on pages of its own. */
#include "runtime.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

extern unsigned char __data_start[], _end[];

static void set_back(void)
{
    size_t bytes = (size_t)(_end - __data_start);
    static unsigned char *image; /* set before the image is taken */
    if (image == NULL) {
        image = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        memcpy(image, __data_start, bytes);
    } else {
        memcpy(__data_start, image, bytes);
    }
    for (int heap = 0; heap < MODEL_HEAPS; heap++) {
        memset(model->arena + (size_t)heap * MODEL_HEAP_BYTES, 0, model->heap_used[heap]);
        model->heap_used[heap] = 0;
    }
}

void model_schedule(void)
{
    set_back();
    model_memory_begin();
    model_races_begin();
    model_begin();
    model_switch(&model->explorer, model->threads[0].stack_pointer);
    model->explorer = NULL;
    if (!model->failed && model->pages != 0) {
        model->failed = true;
        snprintf(model->why, sizeof model->why, "%ld worlds are left behind", model->pages);
    }
    /* The table of worlds keeps a place for each that there was at once. */
    if (!model->failed && model->blocks > model->pages_most) {
        model->failed = true;
        snprintf(model->why, sizeof model->why, "%ld blocks of memory are left behind",
                 model->blocks - model->pages_most);
    }
}

__attribute__((noreturn)) static void end_schedule(void)
{
    void *explorer = model->explorer;
    model->failed = true;
    model_switch(&model_self()->stack_pointer, explorer);
    __builtin_unreachable();
}

void model_fail(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(model->why, sizeof model->why, format, arguments);
    va_end(arguments);
    if (!model_running()) {
        fprintf(stderr, "%s\n", model->why);
        abort();
    }
    end_schedule();
}

void model_check(bool held, const char *condition, const char *file, int line, const char *format, ...)
{
    char text[300];
    va_list arguments;
    if (held)
        return;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    model_fail("%s:%d: thread %d: %s does not hold: %s", file, line, model->current, condition, text);
}

void model_check_status(weft_status expected, weft_status found, const char *call, const char *file, int line)
{
    if (expected == found)
        return;
    model_fail("%s:%d: thread %d: %s returned %s, expected %s: %s", file, line, model->current, call,
               weft_status_name(found), weft_status_name(expected), weft_last_error());
}

static void on_signal(int signal, siginfo_t *info, void *context)
{
    (void)context;
    if (!model_running()) {
        fprintf(stderr, "signal %d outside of a schedule\n", signal);
        _exit(2);
    }
    snprintf(model->why, sizeof model->why, "thread %d crashed with signal %d at address %p", model->current, signal,
             info->si_addr);
    end_schedule();
}

static void catch_crashes(void)
{
    static const int signals[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL};
    stack_t stack = {.ss_sp = malloc(65536), .ss_size = 65536};
    struct sigaction action = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER};
    sigaltstack(&stack, NULL);
    for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++)
        sigaction(signals[i], &action, NULL);
}

void model_schedules_setup(void)
{
    model = mmap(NULL, sizeof *model, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    model->steps_most = 100000;
    model_memory_setup();
    model_races_setup();
    model_choices_setup();
    model_trace_setup();
    model_fibers_setup();
    catch_crashes();
}

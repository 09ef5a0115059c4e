// SPDX-License-Identifier: MIT
/* trace.c - what happened, step by step, written down only while a finding is replayed; with places in the source by addr2line. */
#include "runtime.h"

#include <link.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { STEPS = 1 << 16 };

struct step {
    int thread;
    bool plain, write;
    const void *caller;
    uintptr_t address;
    size_t bytes;
    char text[80];
};

/* On pages of its own, since variables are set back before every schedule. */
static struct steps {
    int count;
    struct step steps[STEPS]; /* a ring */
} * steps;

void model_trace_setup(void)
{
    steps = mmap(NULL, sizeof *steps, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
}

void model_trace_on(void)
{
    model->tracing = true;
    steps->count = 0;
}

static struct step *next(void)
{
    struct step *step = &steps->steps[steps->count++ % STEPS];
    *step = (struct step){.thread = model->current, .caller = model->caller};
    return step;
}

void model_trace_step(const char *format, ...)
{
    struct step *step = next();
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(step->text, sizeof step->text, format, arguments);
    va_end(arguments);
}

void model_trace_plain(uintptr_t address, size_t bytes, bool write)
{
    struct step *step = next();
    step->plain = true;
    step->write = write;
    step->address = address;
    step->bytes = bytes;
}

/* ---- Printing */

static int find_base(struct dl_phdr_info *info, size_t size, void *base)
{
    (void)size;
    *(uintptr_t *)base = info->dlpi_addr;
    return 1;
}

/* "wait.c:96, of weft_await": the innermost place of a call that returns to `caller`. */
static void place_of(const void *caller, char *text, size_t size)
{
    uintptr_t base = 0;
    char command[4300], function[200] = "", file[4096] = "";
    dl_iterate_phdr(find_base, &base);
    snprintf(command, sizeof command, "addr2line -f -e /proc/%d/exe %#lx 2>/dev/null", (int)getpid(),
             (unsigned long)((uintptr_t)caller - base - 1));
    FILE *pipe = popen(command, "r");
    if (pipe != NULL) {
        if (fgets(function, sizeof function, pipe) == NULL || fgets(file, sizeof file, pipe) == NULL)
            file[0] = 0;
        pclose(pipe);
    }
    function[strcspn(function, "\n")] = 0;
    file[strcspn(file, " \n")] = 0;
    const char *name = strrchr(file, '/');
    snprintf(text, size, "%s (%s)", name != NULL ? name + 1 : file, function);
}

static void print(const struct step *step)
{
    char place[300];
    place_of(step->caller, place, sizeof place);
    if (step->plain)
        printf("    thread %d  %s %zu bytes at %#lx", step->thread, step->write ? "writes" : "reads", step->bytes,
               (unsigned long)step->address);
    else
        printf("    thread %d  %s", step->thread, step->text);
    printf("  %s\n", place);
}

/* Of plain accesses only those to what the last one touched. */
static bool worth_it(const struct step *step, const struct step *last)
{
    return !step->plain ||
           (last->plain && step->address < last->address + last->bytes && last->address < step->address + step->bytes);
}

void model_trace_print(void)
{
    const struct step *last = NULL;
    int lines = 0, from = steps->count;
    model->tracing = false;
    if (steps->count > 0)
        last = &steps->steps[(steps->count - 1) % STEPS];
    for (int i = steps->count - 1; i >= 0 && i > steps->count - STEPS && lines < 60; i--) {
        lines += worth_it(&steps->steps[i % STEPS], last);
        from = i;
    }
    printf("  The last steps:\n");
    for (int i = from; i < steps->count; i++)
        if (worth_it(&steps->steps[i % STEPS], last))
            print(&steps->steps[i % STEPS]);
}

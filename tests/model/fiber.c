// SPDX-License-Identifier: MIT
/* fiber.c - several stacks on one thread, and the thread-local variables that belong to each.
 *
 * On x86-64 a switch is the few pushes that the calling convention asks for; elsewhere it is swapcontext, which also saves the signal
 * mask and is several times slower. The program's block of thread-local variables is copied out and in at each switch. */
#include "runtime.h"

#include <link.h>
#include <string.h>
#include <sys/mman.h>

#if defined(__x86_64__)
__asm__(".text\n"
        ".globl model_switch\n"
        ".type model_switch, @function\n"
        "model_switch:\n"
        "  pushq %rbp\n"
        "  pushq %rbx\n"
        "  pushq %r12\n"
        "  pushq %r13\n"
        "  pushq %r14\n"
        "  pushq %r15\n"
        "  movq %rsp, (%rdi)\n"
        "  movq %rsi, %rsp\n"
        "  popq %r15\n"
        "  popq %r14\n"
        "  popq %r13\n"
        "  popq %r12\n"
        "  popq %rbx\n"
        "  popq %rbp\n"
        "  ret\n"
        ".size model_switch, . - model_switch\n");

void *model_fiber(unsigned char *stack, size_t bytes, void (*entry)(void))
{
    uint64_t *top = (uint64_t *)(stack + bytes) - 1; /* aligned as after a call */
    *--top = (uint64_t)(uintptr_t)entry;
    for (int i = 0; i < 6; i++)
        *--top = 0;
    return top;
}
#else
#include <ucontext.h>

/* The context stands on the stack that it describes. */
void model_switch(void **save_stack_pointer, void *stack_pointer)
{
    ucontext_t context;
    *save_stack_pointer = &context;
    swapcontext(&context, stack_pointer);
}

void *model_fiber(unsigned char *stack, size_t bytes, void (*entry)(void))
{
    ucontext_t *context = (ucontext_t *)(stack + bytes) - 1;
    getcontext(context);
    context->uc_stack.ss_sp = stack;
    context->uc_stack.ss_size = bytes - sizeof *context;
    context->uc_link = NULL;
    makecontext(context, entry, 0);
    return context;
}
#endif

/* ---- Thread-local variables */

static struct locals {
    unsigned char *block, *initial, *saved;
    size_t bytes;
} * locals;

static int find_block(struct dl_phdr_info *info, size_t size, void *locals_)
{
    struct locals *found = locals_;
    (void)size;
    for (int i = 0; i < info->dlpi_phnum; i++)
        if (info->dlpi_phdr[i].p_type == PT_TLS && info->dlpi_tls_data != NULL) {
            found->block = info->dlpi_tls_data;
            found->bytes = info->dlpi_phdr[i].p_memsz;
        }
    return 1; /* the first is the program itself */
}

void model_fibers_setup(void)
{
    struct locals found = {0};
    dl_iterate_phdr(find_block, &found);
    size_t all = sizeof found + (1 + MODEL_THREADS) * found.bytes;
    unsigned char *memory = mmap(NULL, all, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    locals = (struct locals *)memory;
    *locals = found;
    locals->initial = memory + sizeof found;
    locals->saved = locals->initial + found.bytes;
    memcpy(locals->initial, found.block, found.bytes);
}

void model_locals_swap(int from, int to)
{
    memcpy(locals->saved + (size_t)from * locals->bytes, locals->block, locals->bytes);
    memcpy(locals->block, locals->saved + (size_t)to * locals->bytes, locals->bytes);
}

void model_locals_reset(int thread)
{
    memcpy(thread == model->current ? locals->block : locals->saved + (size_t)thread * locals->bytes, locals->initial,
           locals->bytes);
}

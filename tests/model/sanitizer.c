// SPDX-License-Identifier: MIT
/* sanitizer.c - the calls that compilers put in for -fsanitize=thread: gcc's and clang's.
 *
 * They are called before a plain access, and in place of an atomic one. */
#include "runtime.h"

#include <string.h>

void __tsan_init(void);
void __tsan_func_entry(void *caller);
void __tsan_func_exit(void);
void __tsan_init(void) {}
void __tsan_func_entry(void *caller)
{
    (void)caller;
}
void __tsan_func_exit(void) {}

#define CALLER() (model->caller = __builtin_return_address(0))

/* Outside of a schedule, in constructors, nothing is noted. */
#define plain(address, bytes, write)                                                                                   \
    do {                                                                                                               \
        if (model_running()) {                                                                                         \
            CALLER();                                                                                                  \
            model_plain((uintptr_t)(address), bytes, write);                                                           \
        }                                                                                                              \
    } while (0)

#define PLAIN(name, bytes, write)                                                                                      \
    void __tsan_##name(void *address);                                                                                 \
    void __tsan_##name(void *address)                                                                                  \
    {                                                                                                                  \
        plain(address, bytes, write);                                                                                  \
    }
#define PLAIN_SIZE(bytes)                                                                                              \
    PLAIN(read##bytes, bytes, false)                                                                                   \
    PLAIN(write##bytes, bytes, true)                                                                                   \
    PLAIN(unaligned_read##bytes, bytes, false)                                                                         \
    PLAIN(unaligned_write##bytes, bytes, true)                                                                         \
    PLAIN(read_write##bytes, bytes, true)                                                                              \
    PLAIN(unaligned_read_write##bytes, bytes, true)
PLAIN_SIZE(1)
PLAIN_SIZE(2)
PLAIN_SIZE(4)
PLAIN_SIZE(8)
PLAIN_SIZE(16)

void __tsan_read_range(void *address, unsigned long bytes);
void __tsan_read_range(void *address, unsigned long bytes)
{
    plain(address, bytes, false);
}

void __tsan_write_range(void *address, unsigned long bytes);
void __tsan_write_range(void *address, unsigned long bytes)
{
    plain(address, bytes, true);
}

void *__tsan_memcpy(void *target, const void *source, size_t bytes);
void *__tsan_memcpy(void *target, const void *source, size_t bytes)
{
    plain((void *)(uintptr_t)source, bytes, false);
    plain(target, bytes, true);
    return memmove(target, source, bytes);
}

void *__tsan_memmove(void *target, const void *source, size_t bytes);
void *__tsan_memmove(void *target, const void *source, size_t bytes)
{
    return __tsan_memcpy(target, source, bytes);
}

void *__tsan_memset(void *target, int value, size_t bytes);
void *__tsan_memset(void *target, int value, size_t bytes)
{
    plain(target, bytes, true);
    return memset(target, value, bytes);
}

/* ---- Atomics */

#define UPDATE(bits, type, name, update)                                                                               \
    type __tsan_atomic##bits##_##name(type *address, type value, int order);                                           \
    type __tsan_atomic##bits##_##name(type *address, type value, int order)                                            \
    {                                                                                                                  \
        CALLER();                                                                                                      \
        return (type)model_update(address, sizeof *address, update, value, order);                                     \
    }
#define EXCHANGE(bits, type, name)                                                                                     \
    int __tsan_atomic##bits##_##name(type *address, type *expected, type value, int order, int failure_order);         \
    int __tsan_atomic##bits##_##name(type *address, type *expected, type value, int order, int failure_order)          \
    {                                                                                                                  \
        CALLER();                                                                                                      \
        uint64_t found = *expected;                                                                                    \
        bool exchanged = model_compare_exchange(address, sizeof *address, &found, value, order, failure_order);        \
        *expected = (type)found;                                                                                       \
        return exchanged;                                                                                              \
    }
#define ATOMIC(bits, type)                                                                                             \
    type __tsan_atomic##bits##_load(const type *address, int order);                                                   \
    type __tsan_atomic##bits##_load(const type *address, int order)                                                    \
    {                                                                                                                  \
        CALLER();                                                                                                      \
        return (type)model_load(address, sizeof *address, order);                                                      \
    }                                                                                                                  \
    void __tsan_atomic##bits##_store(type *address, type value, int order);                                            \
    void __tsan_atomic##bits##_store(type *address, type value, int order)                                             \
    {                                                                                                                  \
        CALLER();                                                                                                      \
        model_store(address, sizeof *address, value, order);                                                           \
    }                                                                                                                  \
    UPDATE(bits, type, exchange, MODEL_EXCHANGE)                                                                       \
    UPDATE(bits, type, fetch_add, MODEL_ADD)                                                                           \
    UPDATE(bits, type, fetch_sub, MODEL_SUBTRACT)                                                                      \
    UPDATE(bits, type, fetch_and, MODEL_AND)                                                                           \
    UPDATE(bits, type, fetch_or, MODEL_OR)                                                                             \
    UPDATE(bits, type, fetch_xor, MODEL_XOR)                                                                           \
    EXCHANGE(bits, type, compare_exchange_strong)                                                                      \
    EXCHANGE(bits, type, compare_exchange_weak)                                                                        \
    type __tsan_atomic##bits##_compare_exchange_val(type *address, type expected, type value, int order, int failure); \
    type __tsan_atomic##bits##_compare_exchange_val(type *address, type expected, type value, int order, int failure)  \
    {                                                                                                                  \
        __tsan_atomic##bits##_compare_exchange_strong(address, &expected, value, order, failure);                      \
        return expected;                                                                                               \
    }
ATOMIC(8, uint8_t)
ATOMIC(16, uint16_t)
ATOMIC(32, uint32_t)
ATOMIC(64, uint64_t)

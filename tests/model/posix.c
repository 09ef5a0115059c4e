// SPDX-License-Identifier: MIT
/* posix.c - threads, locks, memory and text, for those whose calls redirect.h sends here.
 *
 * Each thread allocates from a heap of its own, so that addresses do not depend on the schedule; nothing is used twice in a schedule, so
 * that what is freed stays known. Memory of malloc is filled with what nobody expects. */
#include "redirect.h"
#undef memcpy
#undef memmove
#undef memset
#undef malloc
#undef calloc
#undef aligned_alloc
#undef free
#undef strdup
#undef vsnprintf
#undef snprintf
#include "runtime.h"

/* ---- Memory */

void *model_memcpy(void *target, const void *source, size_t bytes)
{
    if (model_running()) {
        model_plain((uintptr_t)source, bytes, false);
        model_plain((uintptr_t)target, bytes, true);
    }
    return memmove(target, source, bytes);
}

void *model_memset(void *target, int value, size_t bytes)
{
    if (model_running())
        model_plain((uintptr_t)target, bytes, true);
    return memset(target, value, bytes);
}

struct header {
    size_t bytes, counted;
};

/* The library's events stay in their table for ever. Nothing else that it allocates is one line. */
static bool is_event(size_t alignment, size_t bytes)
{
    return alignment == 64 && bytes == 64;
}

void *model_aligned_alloc(size_t alignment, size_t bytes)
{
    int heap = model->current % MODEL_HEAPS;
    bool counted = !is_event(alignment, bytes);
    if (alignment < 64)
        alignment = 64; /* no two blocks share a line */
    size_t at = (model->heap_used[heap] + sizeof(struct header) + alignment - 1) / alignment * alignment;
    if (at + bytes > MODEL_HEAP_BYTES)
        model_fail("thread %d allocates more than %d KiB", model->current, MODEL_HEAP_BYTES >> 10);
    unsigned char *block = model->arena + (size_t)heap * MODEL_HEAP_BYTES + at;
    ((struct header *)block)[-1] = (struct header){bytes, counted};
    model->heap_used[heap] = at + bytes;
    model->blocks += counted;
    return block;
}

void *model_malloc(size_t bytes)
{
    return memset(model_aligned_alloc(16, bytes), 0xa5, bytes);
}

void *model_calloc(size_t count, size_t bytes)
{
    void *block = model_aligned_alloc(16, count * bytes); /* the heap is zero before a schedule */
    model_plain((uintptr_t)block, count * bytes, true);
    return block;
}

void model_free(void *block)
{
    if (block == NULL)
        return;
    size_t bytes = ((struct header *)block)[-1].bytes;
    model_free_cells((uintptr_t)block, bytes);
    model->blocks -= ((struct header *)block)[-1].counted;
}

char *model_strdup(const char *text)
{
    size_t bytes = strlen(text) + 1;
    return model_memcpy(model_malloc(bytes), text, bytes);
}

char *model_getenv(const char *name)
{
    (void)name;
    return NULL;
}

/* ---- Text: what %s prints is read, the text is written */

static const char *skip_flags(const char *at, va_list *arguments, int *precision)
{
    *precision = -1;
    for (; *at != 0 && strchr("-+ #0123456789.*", *at) != NULL; at++) {
        if (*at == '*')
            *precision = va_arg(*arguments, int);
        else if (*at == '.')
            *precision = at[1] >= '0' && at[1] <= '9' ? atoi(at + 1) : *precision;
    }
    return at;
}

static void read_argument(const char *at, va_list *arguments, int precision)
{
    int longs = 0;
    for (; *at == 'l' || *at == 'z' || *at == 'h'; at++)
        longs += *at != 'h';
    if (*at == 's') {
        const char *text = va_arg(*arguments, const char *);
        if (text != NULL)
            model_plain((uintptr_t)text, precision >= 0 ? strnlen(text, (size_t)precision) : strlen(text) + 1, false);
    } else if (strchr("fge", *at) != NULL) {
        (void)va_arg(*arguments, double);
    } else if (longs > 0 || *at == 'p') {
        (void)va_arg(*arguments, long);
    } else {
        (void)va_arg(*arguments, int);
    }
}

static void read_arguments(const char *format, va_list *arguments)
{
    for (const char *at = format; (at = strchr(at, '%')) != NULL; at++) {
        int precision;
        at = skip_flags(at + 1, arguments, &precision);
        if (*at != '%')
            read_argument(at, arguments, precision);
        at += strspn(at, "lzh");
    }
}

int model_vsnprintf(char *text, size_t size, const char *format, va_list arguments)
{
    va_list copy;
    va_copy(copy, arguments);
    read_arguments(format, &copy);
    va_end(copy);
    int length = vsnprintf(text, size, format, arguments);
    if (length >= 0 && size > 0)
        model_plain((uintptr_t)text, (size_t)length < size ? (size_t)length + 1 : size, true);
    return length;
}

int model_snprintf(char *text, size_t size, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int length = model_vsnprintf(text, size, format, arguments);
    va_end(arguments);
    return length;
}

/* ---- Locks */

/* In a mutex, or the flag of a pthread_once, stands 1 + the place of its lock. 0: not used yet, as their initialisers leave them. */
static struct model_lock *lock_make(int *object)
{
    int place = model->n_locks_free > 0 ? model->locks_free[--model->n_locks_free] : model->n_locks++;
    if (place == MODEL_LOCKS)
        model_fail("more than %d locks", MODEL_LOCKS);
    model->locks[place] = (struct model_lock){.held = false};
    *object = 1 + place;
    return &model->locks[place];
}

static struct model_lock *lock_at(void *object_)
{
    int *object = object_;
    return *object == 0 ? lock_make(object) : &model->locks[*object - 1];
}

static void lock(struct model_lock *at, const char *in)
{
    while (at->held)
        model_block(in, at, INT64_MAX);
    at->held = true;
    model_memory_locked(at);
}

static void unlock(struct model_lock *at)
{
    at->held = false;
    model_memory_unlocked(at);
    for (int thread = 0; thread < model->n_threads; thread++)
        if (model->threads[thread].state == MODEL_BLOCKED && model->threads[thread].blocked_on == at)
            model_wake(thread);
}

int model_mutex_init(pthread_mutex_t *mutex, const pthread_mutexattr_t *attributes)
{
    (void)attributes;
    lock_make((int *)mutex);
    return 0;
}

int model_mutex_destroy(pthread_mutex_t *mutex)
{
    if (lock_at(mutex)->held)
        model_fail("a mutex is destroyed while it is held");
    model->locks_free[model->n_locks_free++] = *(int *)mutex - 1;
    *(int *)mutex = -1;
    return 0;
}

int model_mutex_lock(pthread_mutex_t *mutex)
{
    model_point(NULL);
    model_plain((uintptr_t)mutex, sizeof *mutex, false); /* gone? */
    lock(lock_at(mutex), "pthread_mutex_lock");
    model_trace("locks %p", (void *)mutex);
    return 0;
}

int model_mutex_unlock(pthread_mutex_t *mutex)
{
    model_trace("unlocks %p", (void *)mutex);
    unlock(lock_at(mutex));
    model_point(NULL);
    return 0;
}

int model_once(pthread_once_t *once, void (*routine)(void))
{
    model_point(NULL);
    struct model_lock *at = lock_at(once);
    lock(at, "pthread_once");
    if (!at->done)
        routine();
    at->done = true;
    unlock(at);
    return 0;
}

/* ---- Keys and threads */

int model_key_create(pthread_key_t *key, void (*destructor)(void *))
{
    if (model->n_keys == MODEL_KEYS)
        return 1;
    model->key_destructors[model->n_keys] = destructor;
    *key = (pthread_key_t)model->n_keys++;
    return 0;
}

int model_setspecific(pthread_key_t key, const void *value)
{
    model_self()->keys[key] = (void *)(uintptr_t)value;
    return 0;
}

int model_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*start)(void *), void *argument)
{
    (void)attributes;
    *thread = (pthread_t)model_thread_create(start, argument);
    return 0;
}

int model_join(pthread_t thread, void **result)
{
    model_thread_join((int)thread, result);
    return 0;
}

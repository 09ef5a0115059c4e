// SPDX-License-Identifier: MIT
/* redirect.h - put in front of the library's sources and of the harnesses (-include): what they ask of the C library and of threads goes
 * to the checker, which knows who wrote what, and decides who goes on. The platform layer is replaced as a whole (platform.c). */
#ifndef WEFT_TESTS_MODEL_REDIRECT_H
#define WEFT_TESTS_MODEL_REDIRECT_H

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void *model_memcpy(void *target, const void *source, size_t bytes);
void *model_memset(void *target, int value, size_t bytes);
void *model_malloc(size_t bytes);
void *model_calloc(size_t count, size_t bytes);
void *model_aligned_alloc(size_t alignment, size_t bytes);
void model_free(void *block);
char *model_strdup(const char *text);
__attribute__((format(printf, 3, 0))) int model_vsnprintf(char *text, size_t size, const char *format,
                                                          va_list arguments);
__attribute__((format(printf, 3, 4))) int model_snprintf(char *text, size_t size, const char *format, ...);
char *model_getenv(const char *name);

int model_mutex_init(pthread_mutex_t *mutex, const pthread_mutexattr_t *attributes);
int model_mutex_destroy(pthread_mutex_t *mutex);
int model_mutex_lock(pthread_mutex_t *mutex);
int model_mutex_unlock(pthread_mutex_t *mutex);
int model_once(pthread_once_t *once, void (*routine)(void));
int model_key_create(pthread_key_t *key, void (*destructor)(void *));
int model_setspecific(pthread_key_t key, const void *value);
int model_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*start)(void *), void *argument);
int model_join(pthread_t thread, void **result);

#define memcpy model_memcpy
#define memmove model_memcpy
#define memset model_memset
#define malloc model_malloc
#define calloc model_calloc
#define aligned_alloc model_aligned_alloc
#define free model_free
#define strdup model_strdup
#define vsnprintf model_vsnprintf
#define snprintf model_snprintf
#define getenv model_getenv
#define pthread_mutex_init model_mutex_init
#define pthread_mutex_destroy model_mutex_destroy
#define pthread_mutex_lock model_mutex_lock
#define pthread_mutex_unlock model_mutex_unlock
#define pthread_once model_once
#define pthread_key_create model_key_create
#define pthread_setspecific model_setspecific
#define pthread_create model_create
#define pthread_join model_join

#endif

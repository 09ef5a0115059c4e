// SPDX-License-Identifier: MIT
/* bench_kernels.c - plain loops that the compiler vectorises, compiled for the widest vectors that the processor has.
 *
 * Two sources go to two targets in one loop; more are added in blocks that stay in the first-level cache and are then
 * written to each target. Non-temporal stores write whole lines past the caches, so that a line which is overwritten is
 * not read first. */
#include "bench_kernels.h"

#include <stdint.h>
#include <string.h>

#if defined(__x86_64__)
#include <immintrin.h>
#define FOR_AVX512 __attribute__((target("avx512f,avx512vl,avx512bw,avx512dq" WIDE)))
#define FOR_AVX2 __attribute__((target("avx2")))
#if defined(__clang__)
#define WIDE
#else
#define WIDE ",prefer-vector-width=512"
#endif
#endif
#define INLINE static inline __attribute__((always_inline))

enum { BLOCK_WORDS = 1024, STREAM_LINE = 64 };

INLINE void add_to_two(int32_t *restrict x, int32_t *restrict y, const int32_t *restrict a, const int32_t *restrict b,
                       size_t count)
{
    for (size_t i = 0; i < count; i++)
        x[i] = y[i] = (int32_t)((uint32_t)a[i] + (uint32_t)b[i]);
}

INLINE void add_to_one(int32_t *restrict x, const int32_t *restrict a, const int32_t *restrict b, size_t count)
{
    for (size_t i = 0; i < count; i++)
        x[i] = (int32_t)((uint32_t)a[i] + (uint32_t)b[i]);
}

INLINE void add_to_itself(int32_t *restrict x, const int32_t *restrict a, size_t count)
{
    for (size_t i = 0; i < count; i++)
        x[i] = (int32_t)((uint32_t)x[i] + (uint32_t)a[i]);
}

#if defined(__x86_64__)
typedef void add_two_function(int32_t *, int32_t *, const int32_t *, const int32_t *, size_t);
typedef void add_one_function(int32_t *, const int32_t *, const int32_t *, size_t);
typedef void add_self_function(int32_t *, const int32_t *, size_t);
typedef void stream_function(char *, const char *, size_t);

FOR_AVX512 static void add_to_two_512(int32_t *x, int32_t *y, const int32_t *a, const int32_t *b, size_t count)
{
    add_to_two(x, y, a, b, count);
}
FOR_AVX512 static void add_to_one_512(int32_t *x, const int32_t *a, const int32_t *b, size_t count)
{
    add_to_one(x, a, b, count);
}
FOR_AVX512 static void add_to_itself_512(int32_t *x, const int32_t *a, size_t count)
{
    add_to_itself(x, a, count);
}
FOR_AVX2 static void add_to_two_256(int32_t *x, int32_t *y, const int32_t *a, const int32_t *b, size_t count)
{
    add_to_two(x, y, a, b, count);
}
FOR_AVX2 static void add_to_one_256(int32_t *x, const int32_t *a, const int32_t *b, size_t count)
{
    add_to_one(x, a, b, count);
}
FOR_AVX2 static void add_to_itself_256(int32_t *x, const int32_t *a, size_t count)
{
    add_to_itself(x, a, count);
}
/* Whole lines to an aligned target. */
FOR_AVX512 static void stream_512(char *target, const char *source, size_t bytes)
{
    for (size_t i = 0; i < bytes; i += STREAM_LINE)
        _mm512_stream_si512((void *)(target + i), _mm512_loadu_si512((const void *)(source + i)));
}
static void stream_128(char *target, const char *source, size_t bytes)
{
    for (size_t i = 0; i < bytes; i += sizeof(__m128i))
        _mm_stream_si128((__m128i *)(void *)(target + i), _mm_loadu_si128((const __m128i *)(const void *)(source + i)));
}
/* Two sources to two aligned targets, whole lines. */
FOR_AVX512 static void stream_add_512(int32_t *x, int32_t *y, const int32_t *a, const int32_t *b, size_t count)
{
    for (size_t i = 0; i < count; i += 16) {
        const __m512i sum = _mm512_add_epi32(_mm512_loadu_si512(a + i), _mm512_loadu_si512(b + i));
        _mm512_stream_si512((void *)(x + i), sum);
        _mm512_stream_si512((void *)(y + i), sum);
    }
}
static void stream_add_128(int32_t *x, int32_t *y, const int32_t *a, const int32_t *b, size_t count)
{
    for (size_t i = 0; i < count; i += 4) {
        const __m128i sum = _mm_add_epi32(_mm_loadu_si128((const __m128i *)(const void *)(a + i)),
                                          _mm_loadu_si128((const __m128i *)(const void *)(b + i)));
        _mm_stream_si128((__m128i *)(void *)(x + i), sum);
        _mm_stream_si128((__m128i *)(void *)(y + i), sum);
    }
}
static bool has_512(void)
{
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
           __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq");
}
#endif

static void add_two(int32_t *x, int32_t *y, const int32_t *a, const int32_t *b, size_t count)
{
#if defined(__x86_64__)
    add_two_function *const function = has_512()                        ? add_to_two_512
                                       : __builtin_cpu_supports("avx2") ? add_to_two_256
                                                                        : NULL;
    if (function != NULL) {
        function(x, y, a, b, count);
        return;
    }
#endif
    add_to_two(x, y, a, b, count);
}

static void add_one(int32_t *x, const int32_t *a, const int32_t *b, size_t count)
{
#if defined(__x86_64__)
    add_one_function *const function = has_512()                        ? add_to_one_512
                                       : __builtin_cpu_supports("avx2") ? add_to_one_256
                                                                        : NULL;
    if (function != NULL) {
        function(x, a, b, count);
        return;
    }
#endif
    add_to_one(x, a, b, count);
}

static void add_self(int32_t *x, const int32_t *a, size_t count)
{
#if defined(__x86_64__)
    add_self_function *const function = has_512()                        ? add_to_itself_512
                                        : __builtin_cpu_supports("avx2") ? add_to_itself_256
                                                                         : NULL;
    if (function != NULL) {
        function(x, a, count);
        return;
    }
#endif
    add_to_itself(x, a, count);
}

/* Bytes of whole lines, where the target is aligned to one; 0: this target cannot be streamed to. */
static size_t streamable(const char *target, size_t bytes)
{
    return (uintptr_t)target % STREAM_LINE == 0 ? bytes / STREAM_LINE * STREAM_LINE : 0;
}

static void fence(void)
{
#if defined(__x86_64__)
    _mm_sfence();
#endif
}

static void copy(char *target, const char *source, size_t bytes, bool stream)
{
    size_t done = 0;
#if defined(__x86_64__)
    if (stream) {
        stream_function *const function = has_512() ? stream_512 : stream_128;
        done = streamable(target, bytes);
        function(target, source, done);
    }
#else
    (void)stream;
#endif
    memcpy(target + done, source + done, bytes - done);
}

void kernel_copy(char *target, const char *source, size_t bytes, bool stream)
{
    copy(target, source, bytes, stream);
    if (stream)
        fence();
}

static void add_pair(char *const *targets, const char *const *sources, size_t bytes, bool stream)
{
    size_t done = 0;
#if defined(__x86_64__)
    if (stream) {
        const size_t x = streamable(targets[0], bytes), y = streamable(targets[1], bytes);
        done = x < y ? x : y;
        (has_512() ? stream_add_512 : stream_add_128)((int32_t *)(void *)targets[0], (int32_t *)(void *)targets[1],
                                                      (const int32_t *)(const void *)sources[0],
                                                      (const int32_t *)(const void *)sources[1], done / 4);
    }
#else
    (void)stream;
#endif
    add_two((int32_t *)(void *)(targets[0] + done), (int32_t *)(void *)(targets[1] + done),
            (const int32_t *)(const void *)(sources[0] + done), (const int32_t *)(const void *)(sources[1] + done),
            (bytes - done) / 4);
}

static void add_blocks(char *const *targets, int m, const char *const *sources, int n, size_t bytes, bool stream)
{
    _Alignas(STREAM_LINE) int32_t block[BLOCK_WORDS];
    for (size_t at = 0; at < bytes; at += sizeof block) {
        const size_t now = bytes - at < sizeof block ? bytes - at : sizeof block;
        add_one(block, (const int32_t *)(const void *)(sources[0] + at),
                (const int32_t *)(const void *)(sources[1] + at), now / 4);
        for (int i = 2; i < n; i++)
            add_self(block, (const int32_t *)(const void *)(sources[i] + at), now / 4);
        for (int i = 0; i < m; i++)
            copy(targets[i] + at, (const char *)block, now, stream);
    }
}

void kernel_add(char *const *targets, int m, const char *const *sources, int n, size_t bytes, bool stream)
{
    const size_t whole = bytes / 4 * 4;
    if (n == 1)
        for (int i = 0; i < m; i++)
            copy(targets[i], sources[0], whole, stream);
    else if (n == 2 && m == 2)
        add_pair(targets, sources, whole, stream);
    else
        add_blocks(targets, m, sources, n, whole, stream);
    for (int i = 0; i < m; i++)
        memcpy(targets[i] + whole, sources[0] + whole, bytes - whole);
    if (stream)
        fence();
}

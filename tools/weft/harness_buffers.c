// SPDX-License-Identifier: MIT
/* harness_buffers.c - one mapping a rank: all send slots, then all receive slots.
 *
 * Slots of small messages stand a page and a line apart, so that neither the adjacent line nor the hardware's stream
 * prefetcher brings the next one early. */
#include "harness_buffers.h"
#include "harness_data.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { LINE = 64, PAGE = 4096, WIPE = 0xA5 };

static size_t round_up(size_t bytes, size_t unit)
{
    return (bytes + unit - 1) / unit * unit;
}

static size_t stride_of(size_t bytes, bool rotating)
{
    if (bytes == 0)
        return LINE;
    return rotating && bytes < PAGE ? PAGE + LINE : round_up(bytes, rotating ? LINE : PAGE);
}

bool bench_buffers_create(struct bench_buffers *buffers, const struct bench_point *point, int rank, size_t rotate_bytes)
{
    const bool rotating = rotate_bytes != 0;
    const struct bench_shape *shape = &bench_shapes[point->collective];
    const bool sends = !shape->root_sends || rank == point->root;
    const bool receives = !shape->root_receives || rank == point->root;
    buffers->send_stride = stride_of(sends ? bench_send_bytes(point) : 0, rotating);
    buffers->recv_stride = stride_of(receives ? bench_recv_bytes(point) : 0, rotating);
    /* The same number on every rank: from what a full rank would need. */
    const size_t full = stride_of(bench_send_bytes(point), rotating) + stride_of(bench_recv_bytes(point), rotating);
    buffers->slots = rotating ? rotate_bytes / full + 1 : 1;
    buffers->mapped =
        round_up(buffers->slots * buffers->send_stride, PAGE) + round_up(buffers->slots * buffers->recv_stride, PAGE);
    void *memory = mmap(NULL, buffers->mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        return false;
    buffers->send = memory;
    buffers->recv = buffers->send + round_up(buffers->slots * buffers->send_stride, PAGE);
    memset(memory, WIPE, buffers->mapped);
    return true;
}

void bench_buffers_destroy(struct bench_buffers *buffers)
{
    if (buffers->send != NULL)
        munmap(buffers->send, buffers->mapped);
    *buffers = (struct bench_buffers){0};
}

void bench_buffers_fill(struct bench_buffers *buffers, const struct bench_point *point, int rank, unsigned round)
{
    for (size_t slot = 0; slot < buffers->slots; slot++)
        bench_fill(point, rank, round, buffers->send + slot * buffers->send_stride);
}

void bench_buffers_wipe(struct bench_buffers *buffers, const struct bench_point *point)
{
    (void)point;
    memset(buffers->recv, WIPE, buffers->slots * buffers->recv_stride);
}

size_t bench_last_level_bytes(void)
{
    const long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
    const size_t most = pages > 0 && page > 0 ? (size_t)pages / 16 * (size_t)page : (size_t)1 << 30;
    long bytes = sysconf(_SC_LEVEL3_CACHE_SIZE);
    if (bytes <= 0)
        bytes = sysconf(_SC_LEVEL2_CACHE_SIZE);
    if (bytes <= 0)
        bytes = 32 << 20;
    return (size_t)bytes < most ? (size_t)bytes : most;
}

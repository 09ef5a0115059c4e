// SPDX-License-Identifier: MIT
/* base.c - clocks, checksums, random numbers, the screen, and the other ranks.
 *
 * The checksum is FNV-1a (G. Fowler, L. C. Noll, K.-P. Vo), the random numbers are the output function of SplitMix64
 * (G. Steele, D. Lea, C. Flood, "Fast Splittable Pseudorandom Number Generators", 2014). Every collective passes through
 * here, so that its time can be told from the arithmetic's. */
#include "demo.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>

double seconds(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

uint64_t checksum(const void *data, size_t bytes)
{
    uint64_t sum = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < bytes; i++)
        sum = (sum ^ ((const unsigned char *)data)[i]) * UINT64_C(0x100000001b3);
    return sum;
}

double random_unit(uint64_t seed, uint64_t index)
{
    uint64_t z = seed * UINT64_C(0xd1342543de82ef95) + (index + 1) * UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return (double)((z ^ (z >> 31)) >> 11) * 0x1p-53;
}

double farther(double apart, double a, double b)
{
    const double distance = fabs(a - b);
    return isnan(distance) || distance > apart ? distance : apart;
}

bool check(bool ok, const char *format, ...)
{
    va_list values;
    printf("  %-6s  ", ok ? "ok" : "FAILED");
    va_start(values, format);
    vprintf(format, values);
    va_end(values);
    printf("\n");
    fflush(stdout);
    return ok;
}

bool complain(const char *format, ...)
{
    va_list values;
    fflush(stdout);
    fprintf(stderr, "weft demo: ");
    va_start(values, format);
    vfprintf(stderr, format, values);
    va_end(values);
    fprintf(stderr, "\n");
    return false;
}

void peers_open(struct peers *peers, weft_comm *world, int shards)
{
    const int rank = weft_comm_rank(world);
    *peers = (struct peers){.world = world, .rank = rank, .shard = rank % shards, .shards = shards};
    peers->status = weft_comm_split(world, rank % shards, rank, &peers->data);
    if (peers->status == WEFT_OK)
        peers->status = weft_comm_split(world, rank / shards, rank, &peers->model);
}

void peers_close(struct peers *peers)
{
    weft_comm_destroy(peers->model);
    weft_comm_destroy(peers->data);
}

/* After each call: the first failure stays. */
static void note(struct peers *peers, double started, weft_status status)
{
    peers->seconds += seconds(CLOCK_MONOTONIC) - started;
    peers->status = peers->status == WEFT_OK ? status : peers->status;
}

void peers_broadcast(struct peers *peers, void *data, size_t count, const weft_type *type)
{
    const double started = seconds(CLOCK_MONOTONIC);
    note(peers, started, weft_broadcast(peers->world, data, count, type, 0));
}

void peers_sum(struct peers *peers, weft_comm *comm, float *data, size_t count)
{
    const double started = seconds(CLOCK_MONOTONIC);
    note(peers, started, weft_allreduce(comm, WEFT_IN_PLACE, data, count, WEFT_FLOAT32, WEFT_SUM));
}

void peers_gather(struct peers *peers, weft_comm *comm, void *all, size_t count, const weft_type *type)
{
    const double started = seconds(CLOCK_MONOTONIC);
    note(peers, started, weft_allgather(comm, WEFT_IN_PLACE, all, count, type));
}

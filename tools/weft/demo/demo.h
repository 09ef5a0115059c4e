// SPDX-License-Identifier: MIT
/* demo.h - `weft demo`, its two halves, and what both use. */
#ifndef WEFT_DEMO_DEMO_H
#define WEFT_DEMO_DEMO_H

#include <time.h>
#include <weft/weft.h>

/* argv[0] is the word "demo". Returns the exit code: 0, 1 if something failed, 2 for arguments that make no sense. */
int weft_demo_main(int argc, char **argv);

struct text {
    uint8_t *bytes;
    size_t size;
};
/* Trains a new model, for a minute or, if `steps` is not 0, so many steps; checks how that went. False: it has said why. */
bool train_model(const struct text *text, int steps, float *weights);
bool serve_model(const float *weights);
#define ALLOWED 1e-4 /* by which losses and logits may differ where sums are taken in another order */

/* ---- base.c */

double seconds(clockid_t clock);
uint64_t checksum(const void *data, size_t bytes);
/* 0 <= x < 1, and depends on nothing but the two numbers: it is the same on every rank. */
double random_unit(uint64_t seed, uint64_t index);
/* The larger of `apart` and the distance from a to b; not a number, if one of these is none. */
double farther(double apart, double a, double b);

/* A line of the report that says how a check ended. Returns `ok`. */
__attribute__((format(printf, 2, 3))) bool check(bool ok, const char *format, ...);
/* A sentence about what went wrong, to standard error. Returns false. */
__attribute__((format(printf, 1, 2))) bool complain(const char *format, ...);

/* The other ranks. Each `shards` neighbours have one model together; shard i of every model is in one data group. The
 * first failure stays: the arithmetic goes on, and whoever drives it looks at the status once a step. */
struct peers {
    weft_comm *world;        /* the caller's */
    weft_comm *data, *model; /* owned */
    int rank, shard, shards;
    weft_status status;
    double seconds; /* in calls so far, waiting for slower ranks included */
};
void peers_open(struct peers *peers, weft_comm *world, int shards); /* whatever its status: to be closed */
void peers_close(struct peers *peers);
void peers_broadcast(struct peers *peers, void *data, size_t count, const weft_type *type); /* rank 0 to the world */
void peers_sum(struct peers *peers, weft_comm *comm, float *data, size_t count);
/* Each rank of `comm` has filled in its own block of `all`, of `count` elements; then all blocks are there. */
void peers_gather(struct peers *peers, weft_comm *comm, void *all, size_t count, const weft_type *type);

#endif

// SPDX-License-Identifier: MIT
/* bench_objects.h - elements that own something, which the library copies by a function: a counted pointer, and a tuple of
 * values and a counted pointer. */
#ifndef WEFT_BENCH_OBJECTS_H
#define WEFT_BENCH_OBJECTS_H

#include "harness_subject.h"

#include <weft/weft.h>

/* One rank's objects at one point: those it gives, and room for those it gets. */
struct bench_objects;

/* NULL if it is no type of objects. */
const weft_type *bench_object_type(const struct bench_type *type);
/* The payload of object i is the i-th element of the rank's send buffer. NULL when memory is short. */
struct bench_objects *bench_objects_create(const struct bench_rank *rank);
void bench_objects_destroy(struct bench_objects *objects);

void *bench_objects_send(struct bench_objects *objects);
void *bench_objects_recv(struct bench_objects *objects);
/* The payloads of the objects that it got, one after the other. */
const char *bench_objects_payload(struct bench_objects *objects);

#endif

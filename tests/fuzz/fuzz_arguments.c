// SPDX-License-Identifier: MIT
/* Any calls with any arguments, by one rank or two, which make the same calls but for what the bytes let the second do otherwise.
 * What a program cannot know to be wrong is left out: pointers are NULL, "in place", or into a buffer that is large enough for
 * every count that the call should not refuse; types and operations are whole, or lack something. Each call returns, with a status
 * of the contract. */
#include "fuzz.h"

#include <pthread.h>

enum {
    LARGEST = 64,        /* bytes of an element */
    BLOCK = 4096,        /* bytes of a block */
    BUFFER = 12 * BLOCK, /* a place below BLOCK, a block below 2 * BLOCK or two of them, and room */
    COMMS = 4,
    REQUESTS = 6,
    STEPS = 24,
    TIMEOUT_NS = 3000000
};

/* ---- Types and operations */

static int fails; /* each so manieth callback; 0: none */

static weft_status outcome(void)
{
    static int called;
    int every = __atomic_load_n(&fails, __ATOMIC_RELAXED);
    return every != 0 && __atomic_add_fetch(&called, 1, __ATOMIC_RELAXED) % every == 0 ? WEFT_ERR_CALLBACK : WEFT_OK;
}

static weft_status copy(const weft_type *type, const void *source, void *target, size_t count)
{
    memmove(target, source, count * type->size);
    return outcome();
}

static weft_status serialized_size(const weft_type *type, const void *source, size_t count, size_t *size)
{
    (void)source;
    *size = count * type->size;
    return outcome();
}

static weft_status combine(const weft_op *op, const weft_type *type, const void *in, void *inout, size_t count)
{
    (void)op;
    for (size_t i = 0; i < count * type->size; i++)
        ((unsigned char *)inout)[i] ^= ((const unsigned char *)in)[i];
    return outcome();
}

static const weft_type own_types[] = {
    {.name = "three", .size = 3},
    {.name = "sixty-four", .size = LARGEST},
    {.name = "", .size = 1},
    {.name = "int32", .size = 4},
    {.name = NULL, .size = 4},
    {.name = "of size 0", .size = 0},
    {.name = "huge", .size = SIZE_MAX},
    {.name = "object", .size = 24, .copy = copy},
    {.name = "object", .size = 5, .copy = copy, .serialized_size = serialized_size},
    {.name = "half an object", .size = 8, .serialized_size = serialized_size},
    {.name = "%s%n%d", .size = 8},
};
static const weft_op own_ops[] = {
    {.name = "own", .combine = combine}, {.name = "own", .combine = combine, .commutative = true},
    {.name = NULL, .combine = combine},  {.name = "nothing", .combine = NULL},
    {.name = "", .combine = combine},
};
#define PICK(array, bytes) (&(array)[take_below(bytes, sizeof(array) / sizeof((array)[0]))])

static const weft_type *take_type(struct bytes *bytes)
{
    static const weft_type *const built_in[] = {
        &weft_int8,        &weft_int16,       &weft_int32,         &weft_int64,         &weft_uint8,   &weft_uint16,
        &weft_uint32,      &weft_uint64,      &weft_float16,       &weft_bfloat16,      &weft_float32, &weft_float64,
        &weft_int32_index, &weft_int64_index, &weft_float32_index, &weft_float64_index,
    };
    unsigned which = take(bytes);
    return which == 0 ? NULL : which < 160 ? *PICK(built_in, bytes) : PICK(own_types, bytes);
}

static const weft_op *take_op(struct bytes *bytes)
{
    static const weft_op *const built_in[] = {&weft_sum,  &weft_prod,   &weft_min,   &weft_max,  &weft_avg,
                                              &weft_band, &weft_bor,    &weft_bxor,  &weft_land, &weft_lor,
                                              &weft_lxor, &weft_minloc, &weft_maxloc};
    unsigned which = take(bytes);
    return which == 0 ? NULL : which < 160 ? *PICK(built_in, bytes) : PICK(own_ops, bytes);
}

/* ---- One rank */

struct numbers {
    size_t counts[2], offsets[2];
};

struct rank {
    struct bytes bytes; /* what both ranks read */
    bool differs;       /* from here on this one reads otherwise, until the step ends */
    weft_comm *comms[COMMS];
    weft_request *requests[REQUESTS];
    struct numbers numbers[2 * STEPS]; /* counts stay as they are while a request may need them */
    weft_message message[STEPS];
    size_t n_numbers, step;
    unsigned char *send, *recv;
    FILE *nowhere;
    int index;
};

static unsigned any(struct rank *rank)
{
    unsigned byte = take(&rank->bytes);
    return rank->differs ? (byte * 167u + 13u) & 255u : byte;
}

static struct bytes *read_from(struct rank *rank)
{
    if (rank->differs)
        take(&rank->bytes); /* so that it goes by another byte */
    return &rank->bytes;
}

/* So many elements fit a block, or no memory holds them. */
static size_t any_count(struct rank *rank, const weft_type *type)
{
    size_t size = type != NULL && type->size > 0 && type->size <= LARGEST ? type->size : LARGEST;
    unsigned how = any(rank), value = any(rank);
    if (how < 200)
        return value % (how < 100 ? 4 : BLOCK / size + 1);
    return how < 215 ? SIZE_MAX - value : how < 230 ? (size_t)PTRDIFF_MAX / size + 1 + value : BLOCK / size;
}

static void *any_place(struct rank *rank, unsigned char *buffer)
{
    unsigned how = any(rank), offset = any(rank);
    if (how < 12)
        return how < 6 ? NULL : WEFT_IN_PLACE;
    return buffer + (how < 128 ? 0 : how < 190 ? offset * 16 : offset);
}

static int any_int(struct rank *rank)
{
    static const int far[] = {-1, -2, -3, 2, 3, INT32_MAX, INT32_MIN, 1000000};
    unsigned how = any(rank), value = any(rank);
    return how < 230 ? (int)(value & 1) : far[value & 7];
}

static const size_t *any_counts(struct rank *rank, const weft_type *type)
{
    if (any(rank) < 8)
        return NULL;
    size_t *counts = rank->numbers[rank->n_numbers++ % (2 * STEPS)].counts;
    counts[0] = any_count(rank, type);
    counts[1] = any_count(rank, type);
    return counts;
}

/* In elements: below a block, or beyond all memory. */
static const size_t *any_offsets(struct rank *rank, const weft_type *type)
{
    if (any(rank) < 8)
        return NULL;
    size_t *offsets = rank->numbers[rank->n_numbers++ % (2 * STEPS)].offsets;
    offsets[0] = any_count(rank, type);
    offsets[1] = any_count(rank, type);
    return offsets;
}

static weft_comm *any_comm(struct rank *rank)
{
    unsigned which = take(&rank->bytes);
    return which < 4 ? NULL : rank->comms[which < 200 ? 0 : which % COMMS];
}

/* Where a new request or communicator goes; NULL at times, and then the call refuses. */
static weft_request **any_request(struct rank *rank)
{
    weft_request **at = &rank->requests[take(&rank->bytes) % REQUESTS];
    if (*at != NULL) /* its handle would be lost */
        weft_wait_one(at);
    return any(rank) < 4 ? NULL : at;
}

static weft_comm **any_new_comm(struct rank *rank)
{
    weft_comm **at = &rank->comms[1 + take(&rank->bytes) % (COMMS - 1)];
    if (*at != NULL)
        weft_comm_destroy(*at);
    *at = NULL;
    return any(rank) < 4 ? NULL : at;
}

/* ---- Calls */

#define EITHER(name, ...)                                                                                              \
    (blocking ? weft_##name(comm, __VA_ARGS__) : weft_i##name(comm, __VA_ARGS__, any_request(rank)))

static weft_status blocks(struct rank *rank, unsigned which, bool blocking)
{
    weft_comm *comm = any_comm(rank);
    const weft_type *type = take_type(read_from(rank));
    const weft_op *op = take_op(read_from(rank));
    size_t count = any_count(rank, type);
    void *send = any_place(rank, rank->send), *recv = any_place(rank, any(rank) < 16 ? rank->send : rank->recv);
    int root = any_int(rank);
    const size_t *counts = any_counts(rank, type), *offsets = any_offsets(rank, type);
    const size_t *more_counts = any_counts(rank, type), *more_offsets = any_offsets(rank, type);
    switch (which) {
    case 0:
        return EITHER(broadcast, recv, count, type, root);
    case 1:
        return EITHER(allgather, send, recv, count, type);
    case 2:
        return EITHER(allreduce, send, recv, count, type, op);
    case 3:
        return EITHER(reduce, send, recv, count, type, op, root);
    case 4:
        return EITHER(gather, send, recv, count, type, root);
    case 5:
        return EITHER(gatherv, send, count, recv, counts, offsets, type, root);
    case 6:
        return EITHER(scatter, send, recv, count, type, root);
    case 7:
        return EITHER(scatterv, send, counts, offsets, recv, count, type, root);
    case 8:
        return EITHER(allgatherv, send, count, recv, counts, offsets, type);
    case 9:
        return EITHER(alltoall, send, recv, count, type);
    case 10:
        return EITHER(alltoallv, send, counts, offsets, recv, more_counts, more_offsets, type);
    case 11:
        return EITHER(reduce_scatter, send, recv, count, type, op);
    case 12:
        return EITHER(reduce_scatterv, send, recv, counts, type, op);
    case 13:
        return EITHER(scan, send, recv, count, type, op);
    case 14:
        return EITHER(exscan, send, recv, count, type, op);
    default:
        return blocking ? weft_barrier(comm) : weft_ibarrier(comm, any_request(rank));
    }
}

static weft_status messages(struct rank *rank, unsigned which)
{
    weft_comm *comm = any_comm(rank);
    const weft_type *type = take_type(read_from(rank));
    size_t count = any_count(rank, type), more = any_count(rank, type);
    unsigned char *send = any_place(rank, rank->send), *recv = any_place(rank, rank->recv);
    int peer = any_int(rank), tag = any_int(rank), from = any_int(rank), other = any_int(rank);
    weft_message *message = any(rank) < 32 ? NULL : &rank->message[rank->step];
    switch (which) {
    case 0:
        return weft_send(comm, send, count, type, peer, tag);
    case 1:
        return weft_recv(comm, recv, count, type, peer, tag, message);
    case 2:
        return weft_sendrecv(comm, send, count, peer, tag, recv, more, from, other, type, message);
    case 3:
        return weft_isend(comm, send, count, type, peer, tag, any_request(rank));
    case 4:
        return weft_irecv(comm, recv, count, type, peer, tag, message, any_request(rank));
    case 5:
        return weft_probe(comm, peer, tag, message);
    default:
        return weft_iprobe(comm, peer, tag, message);
    }
}

static weft_status requests(struct rank *rank, unsigned which)
{
    size_t first = any(rank) % REQUESTS, count = any(rank) % (REQUESTS - first + 1), index;
    weft_request **at = any(rank) < 4 ? NULL : &rank->requests[first];
    switch (which) {
    case 0:
        return weft_wait_one(at);
    case 1:
        return weft_wait_all(at, count);
    case 2:
        return weft_wait_any(at, count, any(rank) < 4 ? NULL : &index);
    case 3:
        return weft_test(at);
    default:
        return weft_cancel(at);
    }
}

static weft_status communicators(struct rank *rank, unsigned which)
{
    weft_comm *comm = any_comm(rank);
    int color = any_int(rank), key = any_int(rank);
    switch (which) {
    case 0:
        return weft_comm_dup(comm, any_new_comm(rank));
    case 1:
        return weft_comm_split(comm, color, key, any_new_comm(rank));
    case 2:
        return weft_comm_split_by(comm, (weft_domain)(color & 3), key, any_new_comm(rank));
    case 3:
        return weft_comm_shrink(comm, any_new_comm(rank));
    case 4:
        return weft_comm_abort(comm, any(rank) & 1 ? NULL : "%s%n");
    case 5: /* never for ever */
        return weft_comm_set_timeout(comm, any(rank) & 1 ? -(int64_t)any(rank) - 1 : TIMEOUT_NS);
    case 6:
        return weft_comm_report(comm, any(rank) < 16 ? NULL : rank->nowhere);
    case 7:
        return weft_comm_bind_thread(comm);
    case 8: /* an answer, and no failure of this call */
        weft_comm_status(comm);
        return WEFT_OK;
    default: /* no timeout applies to the idle form */
        return weft_sync(comm, false);
    }
}

static void run_step(struct rank *rank)
{
    unsigned which = take(&rank->bytes), how = take(&rank->bytes);
    rank->differs = rank->index == 1 && how < 40;
    weft_status status = which < 120   ? blocks(rank, which % 16, true)
                         : which < 180 ? blocks(rank, which % 16, false)
                         : which < 220 ? messages(rank, which % 7)
                         : which < 236 ? requests(rank, which % 5)
                                       : communicators(rank, which % 10);
    if (status < WEFT_OK && weft_last_error()[0] == 0)
        fprintf(stderr, "step %zu, which %u\n", rank->step, which);
    expect_status(status);
    rank->differs = false;
    /* A rank alone goes on with another communicator; two would have to agree on when. */
    if (weft_comm_size(rank->comms[0]) == 1 && weft_comm_status(rank->comms[0]) != WEFT_OK) {
        weft_config config = WEFT_CONFIG_INIT;
        config.timeout_ns = TIMEOUT_NS;
        weft_comm_destroy(rank->comms[0]);
        EXPECT(weft_comm_create_all(1, &config, &rank->comms[0]) == WEFT_OK);
    }
}

struct run {
    weft_comm *comm;
    struct bytes bytes;
    int index;
};

static void *run_rank(void *arg)
{
    struct run *run = arg;
    struct rank *rank = calloc(1, sizeof *rank);
    unsigned char *send = calloc(1, BUFFER), *recv = calloc(1, BUFFER);
    FILE *nowhere = fopen("/dev/null", "w");
    if (rank == NULL || send == NULL || recv == NULL || nowhere == NULL)
        abort();
    *rank = (struct rank){
        .bytes = run->bytes, .comms = {run->comm}, .send = send, .recv = recv, .nowhere = nowhere, .index = run->index};
    for (rank->step = 0; rank->step < STEPS && rank->bytes.left > 0; rank->step++)
        run_step(rank);
    weft_wait_all(rank->requests, REQUESTS);
    for (int i = 0; i < COMMS; i++)
        weft_comm_destroy(rank->comms[i]);
    for (int i = 0; i < REQUESTS; i++)
        EXPECT(rank->requests[i] == NULL);
    fclose(nowhere);
    free(send);
    free(recv);
    free(rank);
    return NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes bytes = {data, size};
    weft_config config = WEFT_CONFIG_INIT;
    weft_comm *comms[2];
    pthread_t threads[2];
    struct run runs[2];
    int n = 1 + (int)take_below(&bytes, 2);
    __atomic_store_n(&fails, (int)take_below(&bytes, 4), __ATOMIC_RELAXED);
    config.timeout_ns = TIMEOUT_NS;
    config.wait = (weft_wait)take_below(&bytes, 3);
    EXPECT(weft_comm_create_all(n, &config, comms) == WEFT_OK);
    for (int r = 0; r < n; r++) {
        runs[r] = (struct run){comms[r], bytes, r};
        if (pthread_create(&threads[r], NULL, run_rank, &runs[r]) != 0)
            abort();
    }
    for (int r = 0; r < n; r++)
        pthread_join(threads[r], NULL);
    return 0;
}

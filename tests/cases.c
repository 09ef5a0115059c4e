// SPDX-License-Identifier: MIT
/* cases.c - see cases.h. */
#include "cases.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <weft/info.h>

enum { GUARD = 64, FILL = 0xa5, FLIGHTS = 7 };

/* A line holds 56 bytes beside its word, a body 18 lines of 64; then pages, blocks, slices. */
const size_t switch_sizes[] = {1,     2,     8,     55,     56,     57,     63,     64,      65,
                               112,   113,   120,   448,    1024,   1151,   1152,   1153,    1160,
                               1176,  4088,  4095,  4096,   4097,   8192,   32767,  32768,   32769,
                               65535, 65536, 65537, 131072, 131073, 262147, 524288, 1048576, 1048583};
const size_t switch_sizes_count = sizeof switch_sizes / sizeof switch_sizes[0];

const char *wait_name(weft_wait wait)
{
    return wait == WEFT_WAIT_SPIN ? "spin" : wait == WEFT_WAIT_BLOCK ? "block" : "auto";
}

const char *item_describe(const struct item *item, char *text, size_t size)
{
    const struct oracle_call *call = &item->call;
    snprintf(text, size, "%s%s of %d ranks, count %zu of %s, op %s, root %d", item->nonblocking ? "i" : "",
             call->collective->name, call->n_ranks, call->count, call->type ? call->type->name : "-",
             call->op ? call->op->name : "-", call->root);
    return text;
}

/* ---- Making ---- */

static size_t bytes_of(const struct oracle_call *call, size_t (*elements)(const struct oracle_call *, int), int rank)
{
    return call->type ? elements(call, rank) * call->type->size : 0;
}

static uint64_t checksum(const void *data, size_t bytes)
{
    uint64_t sum = 14695981039346656037u;
    for (size_t i = 0; i < bytes; i++)
        sum = (sum ^ ((const unsigned char *)data)[i]) * 1099511628211u;
    return sum;
}

void item_make(struct item *item, uint64_t *state, const struct oracle_call *call, item_fill fill)
{
    int n = call->n_ranks;
    bool same_shape = true;
    for (int r = 1; r < n; r++)
        same_shape = same_shape && call->collective->gives(call, r) == call->collective->gives(call, 0);
    *item = (struct item){.call = *call, .seed = random_next(state)};
    item->nonblocking = random_below(state, 2);
    item->shared_send = same_shape && !call->collective->one_buffer && random_below(state, 8) == 0;
    item->inputs = test_alloc(sizeof(void *) * (size_t)n);
    item->expected = test_alloc(sizeof(void *) * (size_t)n);
    for (int r = 0; r < n; r++) {
        size_t elements = call->collective->gives(call, r);
        if (item->shared_send && r > 0) {
            item->inputs[r] = item->inputs[0];
            continue;
        }
        item->inputs[r] = test_alloc(bytes_of(call, call->collective->gives, r));
        if (elements)
            (fill ? fill : random_fill)(state, call->type, item->inputs[r], elements);
    }
    if (item->shared_send)
        item->inputs_sum = checksum(item->inputs[0], bytes_of(call, call->collective->gives, 0));
    for (int r = 0; r < n; r++) {
        item->expected[r] = NULL;
        if (r > 0 && call->collective->everywhere)
            continue;
        size_t bytes = bytes_of(call, call->collective->receives, r);
        item->expected[r] = test_alloc(bytes);
        memset(item->expected[r], FILL, bytes); /* what stands in gaps */
        if (call->count > 0)
            call->collective->expect(call, (const void *const *)item->inputs, r, item->expected[r]);
    }
}

void item_free(struct item *item)
{
    for (int r = 0; r < item->call.n_ranks; r++) {
        if (r == 0 || !item->shared_send)
            free(item->inputs[r]);
        free(item->expected[r]);
    }
    free(item->inputs);
    free(item->expected);
}

/* ---- Running and checking ---- */

static struct guarded guarded_alloc(size_t bytes, size_t misaligned)
{
    struct guarded buffer = {.base = test_alloc(bytes + 2 * GUARD + 16), .bytes = bytes};
    buffer.data = buffer.base + GUARD + misaligned;
    memset(buffer.base, FILL, bytes + 2 * GUARD + 16);
    return buffer;
}

static bool untouched(const unsigned char *at, const unsigned char *end)
{
    while (at < end && *at == FILL)
        at++;
    return at == end;
}

/* Was nothing written outside the data? */
static bool guards_whole(const struct guarded *buffer)
{
    const unsigned char *end = buffer->base + buffer->bytes + 2 * GUARD + 16;
    return untouched(buffer->base, buffer->data) && untouched(buffer->data + buffer->bytes, end);
}

static void hex(char *text, const unsigned char *data, size_t size)
{
    for (size_t i = 0; i < size && i < 16; i++)
        snprintf(text + 2 * i, 3, "%02x", data[i]);
}

static void check_received(const struct item *item, int rank, const unsigned char *data, const char *how)
{
    const struct oracle_call *call = &item->call;
    const unsigned char *expected = item->expected[call->collective->everywhere ? 0 : rank];
    size_t bytes = bytes_of(call, call->collective->receives, rank), at = 0;
    if (bytes == 0 || memcmp(expected, data, bytes) == 0)
        return;
    while (expected[at] == data[at])
        at++;
    char text[200], want[40], found[40];
    at -= at % call->type->size;
    hex(want, expected + at, call->type->size);
    hex(found, data + at, call->type->size);
    CHECK(!"expected bits", "%s: rank %d, %s: element %zu is %s, expected %s (bytes in memory order)",
          item_describe(item, text, sizeof text), rank, how, at / call->type->size, found, want);
}

/* Buffers of a shape that this rank chooses, and what to hand in for them. */
static void prepare(struct flight *flight, int rank, const void **send, void **recv)
{
    const struct item *item = flight->item;
    const struct oracle_call *call = &item->call;
    const struct oracle_collective *collective = call->collective;
    uint64_t state = item->seed ^ (uint64_t)rank * 0x9e3779b97f4a7c15u;
    size_t give = bytes_of(call, collective->gives, rank), receive = bytes_of(call, collective->receives, rank);
    size_t own = bytes_of(call, collective->own_offset, rank);
    bool in_place =
        collective->one_buffer || (give > 0 && collective->in_place(call, rank) && random_below(&state, 3) == 0);
    bool keeps = in_place && collective->root_keeps;
    bool odd = !item->aligned && random_below(&state, 4) == 0;
    size_t room = keeps ? 0 : in_place && own + give > receive ? own + give : receive;
    flight->send = guarded_alloc(in_place && !keeps ? 0 : give, odd ? 1 + random_below(&state, 15) : 0);
    flight->recv = guarded_alloc(room, odd ? 1 + random_below(&state, 15) : 0);
    *send = flight->send.data;
    *recv = flight->recv.data;
    if (give && (!in_place || keeps))
        memcpy(flight->send.data, item->inputs[rank], give);
    if (give && in_place && !keeps)
        memcpy(flight->recv.data + own, item->inputs[rank], give);
    if (keeps)
        *recv = random_below(&state, 2) ? WEFT_IN_PLACE : flight->send.data + own;
    else if (in_place)
        *send = random_below(&state, 2) ? WEFT_IN_PLACE : flight->recv.data + own;
    else if (item->shared_send)
        *send = item->inputs[rank];
    if (give == 0 && !in_place && random_below(&state, 2))
        *send = NULL;
    if (room == 0 && !keeps && random_below(&state, 2))
        *recv = NULL;
    flight->give = give;
    flight->own = own;
    flight->in_place = in_place;
    flight->keeps = keeps;
    snprintf(flight->how, sizeof flight->how, "%s, %s, send %p recv %p", in_place ? "in place" : "out of place",
             odd ? "misaligned" : "aligned", (void *)(uintptr_t)*send, *recv);
}

weft_status flight_begin(struct flight *flight, const struct item *item, weft_comm *comm)
{
    const void *send;
    void *recv;
    *flight = (struct flight){.item = item, .numbers = test_alloc(oracle_numbers_bytes(&item->call))};
    prepare(flight, weft_comm_rank(comm), &send, &recv);
    return item->call.collective->perform(&item->call, comm, send, recv, flight->numbers,
                                          item->nonblocking ? &flight->request : NULL);
}

void flight_check(const struct flight *flight, int rank)
{
    const struct item *item = flight->item;
    char text[200];
    check_received(item, rank, flight->keeps ? flight->send.data + flight->own : flight->recv.data, flight->how);
    CHECK((flight->in_place && !flight->keeps) || flight->give == 0 ||
              memcmp(flight->send.data, item->inputs[rank], flight->give) == 0,
          "%s: rank %d, %s: the send buffer has changed", item_describe(item, text, sizeof text), rank, flight->how);
    CHECK(guards_whole(&flight->send) && guards_whole(&flight->recv),
          "%s: rank %d, %s: bytes beside a buffer have changed", item_describe(item, text, sizeof text), rank,
          flight->how);
}

void flight_free(struct flight *flight)
{
    free(flight->send.base);
    free(flight->recv.base);
    free(flight->numbers);
}

/* The call, or the start of it. False: it has failed. */
static bool take_off(struct flight *flight, const struct item *item, weft_comm *comm)
{
    char text[200];
    int rank = weft_comm_rank(comm);
    weft_status status = flight_begin(flight, item, comm);
    return CHECK(status == WEFT_OK, "%s: rank %d, %s: %s (%s)", item_describe(item, text, sizeof text), rank,
                 flight->how, weft_status_name(status), weft_last_error());
}

/* Waits for it (a third of the time by looking), and checks what has come. */
static void land(struct flight *flight, weft_comm *comm, bool flew)
{
    const struct item *item = flight->item;
    int rank = weft_comm_rank(comm);
    char text[200];
    weft_status status = WEFT_PENDING;
    if (item->seed % 3 == 0)
        for (int looks = 0; looks < 1000 && status == WEFT_PENDING; looks++)
            status = weft_test(&flight->request);
    if (status == WEFT_PENDING)
        status = weft_wait_one(&flight->request);
    if (flew &&
        CHECK(status == WEFT_OK && flight->request == NULL, "%s: rank %d, %s: %s (%s)",
              item_describe(item, text, sizeof text), rank, flight->how, weft_status_name(status), weft_last_error()))
        flight_check(flight, rank);
    flight_free(flight);
}

void item_run(const struct item *item, weft_comm *comm)
{
    struct flight flight;
    bool flew = take_off(&flight, item, comm);
    land(&flight, comm, flew);
}

struct items {
    const struct item *items;
    size_t count;
};

/* Nonblocking ones stay in flight until this rank likes to finish them, or there are too many. */
void items_run(const struct item *items, size_t count, weft_comm *comm)
{
    struct flight flights[FLIGHTS];
    size_t flying = 0;
    uint64_t state = items[0].seed + (uint64_t)weft_comm_rank(comm);
    for (size_t i = 0; i < count || flying > 0;) {
        if (flying == FLIGHTS || i == count || (flying > 0 && random_below(&state, 3) == 0)) {
            size_t which = random_below(&state, flying);
            land(&flights[which], comm, true);
            flights[which] = flights[--flying];
            continue;
        }
        bool flew = take_off(&flights[flying], &items[i++], comm);
        if (flew && flights[flying].request != NULL)
            flying++;
        else
            land(&flights[flying], comm, flew);
    }
}

static void run_items_rank(weft_comm *comm, void *arg)
{
    const struct items *items = arg;
    items_run(items->items, items->count, comm);
}

void run_items(int n_ranks, const weft_config *config, struct item *items, size_t count)
{
    struct items all = {items, count};
    run_ranks(n_ranks, config, run_items_rank, &all);
    for (size_t i = 0; i < count; i++) {
        char text[200];
        size_t bytes = bytes_of(&items[i].call, items[i].call.collective->gives, 0);
        CHECK(!items[i].shared_send || checksum(items[i].inputs[0], bytes) == items[i].inputs_sum,
              "%s: a shared send buffer has changed", item_describe(&items[i], text, sizeof text));
        item_free(&items[i]);
    }
}

/* ---- Choosing ---- */

void random_type_and_op(uint64_t *state, const weft_type **type, const weft_op **op)
{
    size_t n_types = 0, n_ops = 0;
    while (oracle_type(n_types))
        n_types++;
    while (oracle_op(n_ops))
        n_ops++;
    do {
        *type = oracle_type(random_below(state, n_types));
        *op = oracle_op(random_below(state, n_ops));
    } while (!oracle_supports(*op, *type));
}

size_t call_bytes(const struct oracle_call *call)
{
    size_t bytes = 0;
    for (int r = 0; r < call->n_ranks && call->type; r++)
        bytes += bytes_of(call, call->collective->gives, r) + bytes_of(call, call->collective->receives, r);
    return bytes;
}

struct oracle_call random_call(uint64_t *state, int n_ranks, size_t max_bytes)
{
    size_t n_collectives = 0;
    while (oracle_collective(n_collectives))
        n_collectives++;
    struct oracle_call call = {.collective = oracle_collective(random_below(state, n_collectives)), .n_ranks = n_ranks};
    if (!call.collective->has_data)
        return call;
    do
        random_type_and_op(state, &call.type, &call.op);
    while (call.collective->has_op && !oracle_performs(call.collective, call.op, call.type));
    if (!call.collective->has_op)
        call.op = NULL;
    if (call.collective->has_root)
        call.root = (int)random_below(state, (uint64_t)n_ranks);
    /* Mostly small; a switch point, an element less or more; now and then any size. */
    size_t choice = random_below(state, 16), bytes = switch_sizes[random_below(state, switch_sizes_count)];
    if (choice < 4)
        call.count = random_below(state, 5);
    else if (choice < 6)
        call.count = random_below(state, 3000);
    else
        call.count = bytes / call.type->size + random_below(state, 3);
    while (call.count > 1 && call_bytes(&call) > max_bytes)
        call.count = call.count / 3 + 1;
    return call;
}

void random_algorithms(uint64_t *state, char *text, size_t size)
{
    const char *collective;
    size_t used = 0;
    text[0] = 0;
    for (size_t c = 0; (collective = weft_info_collective(c)) != NULL; c++) {
        size_t count = 0;
        while (weft_info_algorithm(collective, count))
            count++;
        size_t choice = random_below(state, count + 2);
        if (choice < count)
            used += (size_t)snprintf(text + used, size - used, "%s%s:%s", used ? "," : "", collective,
                                     weft_info_algorithm(collective, choice));
    }
}

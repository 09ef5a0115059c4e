// SPDX-License-Identifier: MIT
/* scan.c - to each rank the combination of all ranks up to it; exscan: of those below it.
 *
 * lines: short vectors travel in lines; each rank combines its own and those of the ranks below, which run ahead.
 * slices: the vector is cut into slices, one a rank; who does a slice sweeps through the ranks' inputs in order and
 * writes each rank's prefix: each input is read once and each result written once, and there are no rounds. */
#include "collectives/collectives.h"
#include "collectives/combine.h"
#include "collectives/shares.h"
#include "collectives/parts.h"
#include "reduce/prefix.h"

enum { LINES, SLICES };
static const struct weft_algorithm list[] = {
    [LINES] = {"lines", "the vectors travel in lines; each rank combines those of the ranks up to it"},
    [SLICES] = {"slices", "each rank sweeps a slice through all inputs and writes it to all results"},
    {NULL, NULL}};

static struct weft_choice choose(const weft_comm *comm, const struct weft_call *call)
{
    int forced = comm->world->forced[call->collective] - 1;
    uint32_t lines = weft_lines_of(call->bytes);
    if (forced == SLICES || (forced == LINES && lines != 0))
        return (struct weft_choice){forced, "asked for by name"};
    if (lines == 0 || lines > WEFT_SHARES_FEW_LINES)
        return (struct weft_choice){SLICES, "each input is read once and each result written once"};
    if (comm->n_ranks > comm->world->tuning.flat_ranks)
        return (struct weft_choice){SLICES, "too many ranks for each to wait for each below"};
    return (struct weft_choice){LINES, "the vector fits a few lines, and the lower ranks run ahead"};
}
const struct weft_collective_algorithms weft_scan_algorithms = {list, choose};

static bool exclusive(const struct weft_call *call)
{
    return call->collective == WEFT_COLLECTIVE_exscan;
}

/* ---- lines */

static enum weft_move combine_below(struct weft_operation *operation)
{
    const struct weft_call *call = operation->call;
    int rank = operation->comm->rank, ranks = exclusive(call) ? rank : rank + 1;
    struct weft_range part = {
        .n_ranks = ranks, .bytes = call->bytes, .count = call->count, .own = exclusive(call) ? NULL : call->send};
    if (ranks > 1)
        return weft_combine_range(operation, &part, call->recv);
    if (ranks == 1 && (exclusive(call) || call->send != call->recv))
        weft_copy_message(operation, 0, call->recv, call->bytes); /* nothing is combined: bit for bit */
    return WEFT_MOVE_DONE;
}

static enum weft_move scan_lines(struct weft_operation *operation)
{
    const struct weft_call *call = operation->call;
    enum weft_move move;
    if (operation->state == 0) {
        if ((move = weft_ring_room(operation)) != WEFT_MOVE_DONE)
            return move;
        weft_send_ahead(operation);
        weft_publish_message(operation, call->send, call->bytes, false);
        operation->state = 1;
    }
    for (; operation->peer < operation->comm->rank; operation->peer++)
        if ((move = weft_look(operation, operation->peer, 0)) != WEFT_MOVE_DONE)
            return move;
    return combine_below(operation);
}

/* ---- slices */

/* Elements of a slice but the last; boundaries fall on whole cache lines of a vector that begins on one. */
static size_t slice_count(const struct weft_operation *operation)
{
    const struct weft_call *call = operation->call;
    size_t n_ranks = (size_t)operation->comm->n_ranks, size = call->type->size;
    size_t unit = size < WEFT_CACHE_LINE && WEFT_CACHE_LINE % size == 0 ? WEFT_CACHE_LINE / size : 1;
    return ((call->count + n_ranks - 1) / n_ranks + unit - 1) / unit * unit;
}

static size_t put_share(struct weft_operation *operation)
{
    const struct weft_call *call = operation->call;
    size_t slice = slice_count(operation), begin = (size_t)operation->comm->rank * slice;
    size_t left = call->count > begin ? call->count - begin : 0;
    weft_put_address(operation, 0, 1, call->send);
    weft_put_address(operation, 0, 2, call->recv);
    return (left < slice ? left : slice) * call->type->size;
}

static enum weft_move sweep_share(struct weft_operation *operation, int owner, size_t from, size_t to)
{
    const struct weft_call *call = operation->call;
    const weft_comm *comm = operation->comm;
    size_t size = call->type->size, step = weft_prefix_block(call->reduction) * size;
    size_t begin = (size_t)owner * slice_count(operation) * size;
    for (size_t at = begin + from; at < begin + to; at += step) {
        size_t now = begin + to - at < step ? begin + to - at : step;
        for (int rank = 0; rank < comm->n_ranks; rank++) {
            comm->sources[rank] = (const unsigned char *)weft_take_address(operation, rank, 0, 1) + at;
            comm->destinations[rank] = (unsigned char *)weft_take_address(operation, rank, 0, 2) + at;
        }
        weft_status status = weft_prefix_sweep(call->reduction, comm->sources, comm->destinations, comm->n_ranks,
                                               exclusive(call), now / size);
        if (status != WEFT_OK)
            return weft_reduction_failed(operation, status);
    }
    return WEFT_MOVE_DONE;
}

static enum weft_move scan_slices(struct weft_operation *operation)
{
    return weft_shares(operation, put_share, sweep_share, 2 * (size_t)operation->comm->n_ranks);
}

weft_status weft_scan_perform(weft_comm *comm, const struct weft_call *call)
{
    if (comm->n_ranks == 1) {
        if (!exclusive(call) && call->send != call->recv && call->bytes > 0)
            memcpy(call->recv, call->send, call->bytes);
        return WEFT_OK;
    }
    if (choose(comm, call).algorithm == LINES)
        return weft_perform(comm, call, scan_lines, weft_lines_of(call->bytes), 0, false);
    return weft_perform(comm, call, scan_slices, WEFT_SHARES_LINES, comm->world->gated ? 1 : 0, true);
}

// SPDX-License-Identifier: MIT
/* exchange.c - the parts of an exchange that are not on the hot path. */
#include "collectives/exchange.h"

#include "core/departure.h"
#include "core/guard.h"
#include "reduce/reduce.h"

enum weft_move weft_gate_check(struct weft_operation *operation, uint32_t line)
{
    const struct weft_comm *comm = operation->comm;
    uint64_t expected = weft_expected(operation, line);
    bool agree = true;
    for (int rank = 0; agree && rank < comm->n_ranks; rank++)
        /* S11, relaxed: the count at the gate (G1) made the lines of all who arrived visible. */
        agree = atomic_load_explicit(&weft_peer_line(operation, rank, line)->word, memory_order_relaxed) == expected;
    if (weft_likely(agree))
        return WEFT_MOVE_DONE;
    weft_record_mismatch(operation);
    return WEFT_MOVE_FAIL;
}

enum weft_move weft_pull(const weft_comm *comm, void *target, const void *source, size_t bytes, bool stream)
{
    for (size_t done = 0; done < bytes; done += WEFT_COPY_BLOCK) {
        size_t now = bytes - done < WEFT_COPY_BLOCK ? bytes - done : WEFT_COPY_BLOCK;
        bool healthy = weft_inside_enter(comm);
        void *to = (char *)target + done;
        if (healthy && stream)
            weft_spread(&to, 1, (const char *)source + done, now, true);
        else if (healthy)
            memcpy(to, (const char *)source + done, now);
        if (stream)
            weft_stream_end();
        weft_inside_leave(comm);
        if (!healthy)
            return WEFT_MOVE_FAIL;
    }
    return WEFT_MOVE_DONE;
}

enum weft_move weft_pull_objects(struct weft_operation *operation, void *target, const void *source, size_t count)
{
    const weft_type *type = operation->call->type;
    bool healthy = weft_inside_enter(operation->comm);
    if (healthy && count > 0 && operation->outcome == WEFT_OK) {
        pthread_cleanup_push(weft_handle_abandon, operation->comm);
        weft_callback_begin(operation->comm);
        operation->outcome = type->copy(type, source, target, count);
        pthread_cleanup_pop(0);
        if (!weft_callback_end(operation->comm))
            operation->outcome = WEFT_ERR_CALLBACK;
    }
    weft_inside_leave(operation->comm);
    return healthy ? WEFT_MOVE_DONE : WEFT_MOVE_FAIL;
}

void weft_put_outcome(struct weft_operation *operation, uint32_t line)
{
    int32_t outcome = operation->outcome;
    memcpy(weft_own_line(operation, line)->payload, &outcome, sizeof outcome);
}

bool weft_take_outcome(struct weft_operation *operation, int rank, uint32_t line)
{
    int32_t outcome;
    char call[WEFT_CALL_TEXT];
    memcpy(&outcome, weft_peer_line(operation, rank, line)->payload, sizeof outcome);
    if (outcome == WEFT_OK)
        return false;
    weft_text_function(operation->call, true, call);
    operation->status = weft_error(WEFT_ERR_CALLBACK, call, operation->comm,
                                   "the copy function of type %s failed on rank %d (%s); the communicator goes on",
                                   operation->call->type->name, rank, weft_status_name((weft_status)outcome));
    return true;
}

void weft_take_outcomes(struct weft_operation *operation, uint32_t line)
{
    for (int rank = 0; rank < operation->comm->n_ranks; rank++)
        if (weft_take_outcome(operation, rank, line))
            return;
}

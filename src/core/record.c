// SPDX-License-Identifier: MIT
/* record.c - reads records while their writers go on, compares them, and puts calls into words.
 *
 * A record is a sequence lock with one writer: its number is 0 while the words change, and a reader keeps what it read only if the
 * number was the one it looked for, before and after. */
#include "core/record.h"

#include "core/failure.h"
#include "core/text.h"

#include <stdlib.h>

static const struct collective {
    const char *name;
    enum { NONE, SAME, OWN } elements;
    bool reduces;
    enum { NOTHING, ROOT, BLOCKS, DOMAIN } root;
} collectives[] = {
#define WEFT_COLLECTIVE(name, elements, reduces, root) {#name, elements, reduces, root},
#include "lists/collectives.def"
#undef WEFT_COLLECTIVE
};

static const char *const domains[] = {[WEFT_DOMAIN_PROCESS] = "process",
                                      [WEFT_DOMAIN_NUMA] = "numa",
                                      [WEFT_DOMAIN_L3] = "l3",
                                      [WEFT_DOMAIN_CORE] = "core"};

static const char *const type_names[] = {
#define WEFT_INTEGER(name, ctype, unsigned_type) #name,
#define WEFT_FLOAT(name, ctype) #name,
#define WEFT_HALF(name) #name,
#define WEFT_INDEXED(name, ctype, value_type) #name,
#include "lists/types.def"
#undef WEFT_INTEGER
#undef WEFT_FLOAT
#undef WEFT_HALF
#undef WEFT_INDEXED
};

static const char *const op_names[] = {
#define WEFT_OP(name, kind) #name,
#include "lists/ops.def"
#undef WEFT_OP
};

/* ---- Text */

const char *weft_text_collective(enum weft_collective collective)
{
    return collectives[collective].name;
}

void weft_text_ranks(const bool *set, int n_ranks, char *text, size_t size)
{
    size_t at = 0;
    int listed = 0;
    text[0] = 0;
    for (int rank = 0; rank < n_ranks; rank++) {
        int first = rank;
        if (!set[rank])
            continue;
        while (rank + 1 < n_ranks && set[rank + 1])
            rank++;
        if (listed++ == 0)
            at = weft_text_add(text, size, at, first < rank ? "ranks " : "rank ");
        else if (listed == 2 && strncmp(text, "rank ", 5) == 0) { /* one more: it is a plural now */
            memmove(text + 6, text + 5, at - 4);
            memcpy(text, "ranks ", 6);
            at = weft_text_add(text, size, at + 1, ", ");
        } else
            at = weft_text_add(text, size, at, ", ");
        at = first < rank ? weft_text_add(text, size, at, "%d-%d", first, rank)
                          : weft_text_add(text, size, at, "%d", first);
        if (listed == 16 && rank + 1 < n_ranks) {
            weft_text_add(text, size, at, " and others");
            return;
        }
    }
    if (listed == 0)
        weft_text_add(text, size, 0, "no rank");
}

/* What stands in a sentence about a call; the details tell types and ops of equal names apart. */
struct words {
    int collective, root;
    bool nonblocking;
    uint64_t count;
    const char *type, *op, *type_detail, *op_detail;
};

static void call_text(const struct words *words, char text[WEFT_CALL_TEXT])
{
    const struct collective *collective = &collectives[words->collective];
    size_t at = weft_text_add(text, WEFT_CALL_TEXT, 0, "%s%s(", words->nonblocking ? "i" : "", collective->name);
    if (collective->elements == SAME)
        at = weft_text_add(text, WEFT_CALL_TEXT, at, "%llu x ", (unsigned long long)words->count);
    if (collective->elements != NONE)
        at = weft_text_add(text, WEFT_CALL_TEXT, at, "%s%s", words->type, words->type_detail);
    if (collective->root == BLOCKS)
        at = weft_text_add(text, WEFT_CALL_TEXT, at, " in blocks #%08x", (unsigned)words->root);
    if (collective->reduces)
        at = weft_text_add(text, WEFT_CALL_TEXT, at, ", %s%s", words->op, words->op_detail);
    if (collective->root == ROOT)
        at = weft_text_add(text, WEFT_CALL_TEXT, at, ", root %d", words->root);
    if (collectives[words->collective].root == DOMAIN)
        at = weft_text_add(text, WEFT_CALL_TEXT, at, "%s", domains[words->root & 3]);
    weft_text_add(text, WEFT_CALL_TEXT, at, ")");
}

void weft_text_call(const struct weft_call *call, char text[WEFT_CALL_TEXT])
{
    call_text(&(struct words){.collective = (int)call->collective,
                              .root = call->root,
                              .nonblocking = call->nonblocking,
                              .count = call->count,
                              .type = call->type ? call->type->name : "",
                              .op = call->op ? call->op->name : "",
                              .type_detail = "",
                              .op_detail = ""},
              text);
}

void weft_text_function(const struct weft_call *call, bool arguments, char text[WEFT_CALL_TEXT])
{
    bool derives = call->collective == WEFT_COLLECTIVE_split || call->collective == WEFT_COLLECTIVE_split_by ||
                   call->collective == WEFT_COLLECTIVE_dup || call->collective == WEFT_COLLECTIVE_shrink;
    char called[WEFT_CALL_TEXT];
    weft_text_call(call, called);
    if (!arguments || !collectives[call->collective].elements)
        called[strcspn(called, "(")] = 0;
    weft_text_add(text, WEFT_CALL_TEXT, 0, "%s%s", derives ? "weft_comm_" : "weft_", called);
}

/* ---- Records */

/* What a record says of a user's type or op besides its name: two bits of `what` that the call itself leaves free. The size of the type
 * stands in the upper half of `signature`. */
#define OBJECT (UINT64_C(1) << 24)
#define COMMUTATIVE (UINT64_C(1) << 25)

void weft_record_names(struct weft_record *record, const struct weft_call *call)
{
    uint64_t words[4] = {0};
    uint64_t size = call->type != NULL && call->type->size < UINT32_MAX ? call->type->size : UINT32_MAX;
    uint64_t kinds = (call->type != NULL && call->type->copy != NULL ? OBJECT : 0) |
                     (call->op != NULL && call->op->commutative ? COMMUTATIVE : 0);
    /* R2, relaxed: this rank's own words, as weft_record_begin has just left them. */
    uint64_t what = atomic_load_explicit(&record->what, memory_order_relaxed) | kinds;
    uint64_t signature = atomic_load_explicit(&record->signature, memory_order_relaxed) | size << 32;
    /* R2, release: as the words in weft_record_begin. */
    atomic_store_explicit(&record->what, what, memory_order_release);
    atomic_store_explicit(&record->signature, signature, memory_order_release);
    if (call->type != NULL)
        strncpy((char *)&words[0], call->type->name, 15);
    if (call->op != NULL)
        strncpy((char *)&words[2], call->op->name, 15);
    for (int i = 0; i < 4; i++)
        /* R2, release: as the words in weft_record_begin. */
        atomic_store_explicit(&record->names[i], words[i], memory_order_release);
}

static void record_text(uint64_t what, uint64_t count, uint64_t size, const uint64_t names[4], bool detailed,
                        char text[WEFT_CALL_TEXT])
{
    int type = (int8_t)(what >> 8), op = (int8_t)(what >> 16);
    char type_detail[40] = "", op_detail[40] = "";
    if (detailed && type >= 0)
        weft_text_add(type_detail, sizeof type_detail, 0, " (built in)");
    else if (detailed)
        weft_text_add(type_detail, sizeof type_detail, 0, " (%s%llu bytes)", what & OBJECT ? "objects of " : "",
                      (unsigned long long)size);
    if (detailed)
        weft_text_add(op_detail, sizeof op_detail, 0,
                      op >= 0 || what & COMMUTATIVE ? " (commutative)" : " (not commutative)");
    call_text(&(struct words){.collective = (int)(what & 0x7f),
                              .nonblocking = (what & 0x80) != 0,
                              .root = (int)(what >> 32),
                              .count = count,
                              .type = type >= 0 ? type_names[type] : (const char *)&names[0],
                              .op = op >= 0 ? op_names[op] : (const char *)&names[2],
                              .type_detail = type_detail,
                              .op_detail = op_detail},
              text);
}

void weft_text_record(uint64_t what, uint64_t count, const uint64_t names[4], char text[WEFT_CALL_TEXT])
{
    record_text(what, count, 0, names, false, text);
}

bool weft_record_read(const struct weft_slot *slot, uint64_t number, bool detailed, char text[WEFT_CALL_TEXT],
                      uint32_t *signature)
{
    const struct weft_record *record = &slot->records[number & (WEFT_RING_LINES - 1)];
    uint64_t names[4];
    /* R4, acquire: pairs with R3. */
    if (atomic_load_explicit(&record->number, memory_order_acquire) != number)
        return false;
    /* R5, acquire: keeps the second look at the number behind these. */
    uint64_t what = atomic_load_explicit(&record->what, memory_order_acquire);
    uint64_t count = atomic_load_explicit(&record->count, memory_order_acquire);
    uint64_t chain = atomic_load_explicit(&record->signature, memory_order_acquire); /* and the size */
    for (int i = 0; i < 4; i++)
        /* R5, acquire: as above. */
        names[i] = atomic_load_explicit(&record->names[i], memory_order_acquire);
    /* R4, relaxed: the loads above are acquires, so this one comes after them. */
    if (atomic_load_explicit(&record->number, memory_order_relaxed) != number)
        return false;
    if (text != NULL)
        record_text(what, count, chain >> 32, names, detailed, text);
    if (signature != NULL)
        *signature = (uint32_t)chain;
    return true;
}

/* The first rank not yet grouped, and all that called the same. */
static int group_of(const struct weft_comm *comm, uint64_t number, bool detailed, bool *grouped, bool *set,
                    char text[WEFT_CALL_TEXT])
{
    char other[WEFT_CALL_TEXT];
    int members = 0;
    uint32_t signature, chain;
    for (int rank = 0; rank < comm->n_ranks; rank++) {
        set[rank] = false;
        if (grouped[rank])
            continue;
        if (!weft_record_read(weft_slot_of(comm, rank), number, detailed, other, &chain))
            continue;
        if (members == 0) {
            memcpy(text, other, sizeof other);
            signature = chain;
        } else if (chain != signature || strcmp(text, other) != 0)
            continue;
        members++;
        set[rank] = grouped[rank] = true;
    }
    return members;
}

/* The calls numbered `number`, ranks that agree together: "ranks 0-2, 4 called allreduce(4 x int32, sum); rank 3 called barrier()". False: two
 * groups read the same. */
static bool compare(const struct weft_comm *comm, uint64_t number, bool detailed, char *text, size_t size)
{
    char call[WEFT_CALL_TEXT], called[WEFT_CALL_TEXT + 16], ranks[256];
    bool differ = true, flags[2 * 64], *grouped = flags, *set = flags + 64;
    int n_ranks = comm->n_ranks;
    size_t at = 0;
    text[0] = 0;
    if (n_ranks > 64) {
        grouped = calloc(2 * (size_t)n_ranks, sizeof *grouped);
        if (grouped == NULL)
            return true;
        set = grouped + n_ranks;
    } else
        memset(flags, 0, sizeof flags);
    while (group_of(comm, number, detailed, grouped, set, call) > 0) {
        weft_text_ranks(set, n_ranks, ranks, sizeof ranks);
        weft_text_add(called, sizeof called, 0, " called %s",
                      call); /* as a whole: "allreduce()" stands in "iallreduce()" */
        differ = differ && strstr(text, called) == NULL;
        at = weft_text_add(text, size, at, "%s%s%s", at == 0 ? "" : "; ", ranks, called);
    }
    if (grouped != flags)
        free(grouped);
    return differ;
}

static bool disagree_on(const struct weft_comm *comm, uint64_t number)
{
    uint32_t first = 0, signature;
    bool found = false;
    for (int rank = 0; rank < comm->n_ranks; rank++) {
        if (!weft_record_read(weft_slot_of(comm, rank), number, false, NULL, &signature))
            continue;
        if (found && signature != first)
            return true;
        found = true;
        first = signature;
    }
    return false;
}

/* Signatures are chained, so the last call that a rank and this one have both begun answers for all before it. False: some rank differs,
 * or the records do not tell. */
static bool chains_agree(const struct weft_operation *operation)
{
    const struct weft_comm *comm = operation->comm;
    for (int rank = 0; rank < comm->n_ranks; rank++) {
        const struct weft_slot *slot = weft_slot_of(comm, rank);
        uint32_t own, other;
        /* R7, seq_cst: after R9; of two ranks that look round one sees the other's R9, and so its record. */
        uint64_t last = weft_calls_begun(atomic_load_explicit(&slot->calls, memory_order_seq_cst));
        last = last < operation->number ? last : operation->number;
        if (last != 0 && (!weft_record_read(comm->slot, last, false, NULL, &own) ||
                          !weft_record_read(slot, last, false, NULL, &other) || own != other))
            return false;
    }
    return true;
}

/* The first call that two ranks disagree on, as far back as records go; 0: none up to this operation's. */
static uint64_t first_disagreement(const struct weft_operation *operation)
{
    uint64_t number = operation->number > WEFT_RING_LINES ? operation->number - WEFT_RING_LINES + 1 : 1;
    if (chains_agree(operation))
        return 0;
    for (; number <= operation->number; number++)
        if (disagree_on(operation->comm, number))
            return number;
    return 0;
}

bool weft_record_disagree(const struct weft_operation *operation)
{
    return first_disagreement(operation) != 0;
}

void weft_record_mismatch(const struct weft_operation *operation)
{
    const struct weft_comm *comm = operation->comm;
    uint64_t first = first_disagreement(operation), number = first != 0 ? first : operation->number;
    char text[900];
    bool differ = compare(comm, number, false, text, sizeof text) || compare(comm, number, true, text, sizeof text);
    weft_world_fail(comm->world, comm->rank, WEFT_ERR_MISMATCH, "ranks disagree on call %llu: %s%s",
                    (unsigned long long)number, text,
                    differ ? ""
                           : " (names that differ behind their 15th character, or ranks that went apart more than 64 "
                             "calls ago)");
}

// SPDX-License-Identifier: MIT
/* model.h - what a harness sees: a whole small program over the library's public calls, run under every schedule.
 *
 * A harness is one function that the first thread runs. It makes communicators and threads with the library's own calls, uses them, checks
 * what comes out, and leaves nothing behind. Its variables are set back before every schedule. All of this runs on one real thread, so a
 * harness needs no care of its own: but its plain accesses are checked for data races like the library's. */
#ifndef WEFT_TESTS_MODEL_H
#define WEFT_TESTS_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <weft/weft.h>

struct model_harness {
    const char *name;
    const char *what; /* in one sentence */
    void (*run)(void);
    int processors; /* that the library finds; fewer than ranks: it is crowded */
    int cache;      /* processors that share one; 0: two. The first belong to the first ranks, and so on */
    bool timers;    /* sleeps may end by their deadline; otherwise whoever sleeps must be woken */
    bool hasty; /* with timers: time flies and sleeps end for no reason half the time, so that ranks look round often */
    bool fenced;    /* who publishes makes a fence always; otherwise in half of the communicators of random schedules */
    int exhaustive; /* preemptions up to which all schedules are tried; 0: random ones alone */
    const char *finds; /* it is wrong on purpose, and the checker must find this */
};

/* The harnesses of one file, the last with a name of NULL. */
extern const struct model_harness model_litmus[], model_lines[], model_gates[], model_buffers[], model_failures[],
    model_worlds[], model_requests[], model_messages[], model_domains[], model_seeing[];

__attribute__((format(printf, 5, 6))) void model_check(bool held, const char *condition, const char *file, int line,
                                                       const char *format, ...);
void model_check_status(weft_status expected, weft_status found, const char *call, const char *file, int line);
/* Fails the schedule, and says where and why, unless the condition holds. (What support.h has does the same where both are.) */
#ifndef CHECK
#define CHECK(condition, ...) model_check((condition), #condition, __FILE__, __LINE__, __VA_ARGS__)
#define CHECK_OK(call) model_check_status(WEFT_OK, (call), #call, __FILE__, __LINE__)
#define CHECK_STATUS(expected, call) model_check_status((expected), (call), #call, __FILE__, __LINE__)
#endif

/* Makes a communicator of n ranks and runs `body` for each on a thread of its own (the calling one is rank 0). The handles are destroyed
 * when all have come back, not before: a rank that leaves wakes the others, and so would hide a wake-up that was lost. */
void model_ranks(int n_ranks, const weft_config *config, void (*body)(weft_comm *comm));
/* The same; body destroys its handle itself, when it likes. */
void model_ranks_leaving(int n_ranks, const weft_config *config, void (*body)(weft_comm *comm));

/* While it is quiet no thread is interrupted and no load finds an old value: for what only leads up to the case. */
void model_quiet(bool quiet);

/* As raise: the library's handler runs, here and now. */
void model_raise(int signo);

/* Of an operation whose result nobody looks at. */
weft_status model_combine_nothing(const weft_op *op, const weft_type *type, const void *in, void *inout, size_t count);

/* Every wait sleeps at once; `algorithms` as in weft_config. */
weft_config model_config(weft_wait wait, const char *algorithms);

#endif

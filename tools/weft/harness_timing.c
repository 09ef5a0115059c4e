// SPDX-License-Identifier: MIT
/* harness_timing.c - the timed loops.
 *
 * A window runs a number of operations from a common start. Its time is from the deadline that all ranks started from
 * (crowded ranks: from when the first of them started) to when the last rank finished, divided by the operations. Subjects take
 * turns, in an order drawn anew each round, so that all see the machine in the same states. All ranks run the same code;
 * what only one can decide (how many operations, whether to go on) rank 0 tells. */
#include "harness_timing.h"

#include "harness_clock.h"
#include "harness_data.h"

#include <stdlib.h>
#include <string.h>

enum {
    MOST_SUBJECTS = 32,
    FEWEST_ROUNDS = 5,
    FEWEST_SLOW_ROUNDS = 3, /* where those take so many times the time there is: */
    FAR_BEYOND = 10,
    MOST_SINGLES = 16, /* windows of one operation that a subject runs in one turn */
    FIRST_CHECKS = 2,  /* operations on fresh sources before anything is timed; a ping-pong's two ways */
    BARRIER_CHECKS = 10,
    CALIBRATION_TRIES = 8,
    LONG_WINDOW_TRIES = 2, /* an interruption is not much of a window this long: */
    LONG_WINDOW_NS = 2000000,
    SURELY_LONG_NS = 100000000, /* no interruption: the operation itself takes long */
    MOST_GROWTH = 8,
    WINDOW_NS = 200000,
    CROWDED_WINDOW_NS = 10000000,
    WARM_SHARE = 10, /* one untimed operation for so many timed ones, and at least one */
    MOST_OPERATIONS = 1 << 22
};

/* One subject at one point, as one rank sees it. */
struct lane {
    const struct bench_subject *subject;
    bench_operation operation;
    void *self;
    uint64_t operations;
    int turn;        /* windows that follow one another before another subject's */
    double *samples; /* rank 0 alone */
    size_t taken;
    double cpu_ns; /* an operation, summed over the windows */
};

struct run {
    struct bench_rank me;
    const struct bench_settings *settings;
    struct lane lanes[MOST_SUBJECTS];
    size_t n_lanes;
    struct bench_arguments next;
    unsigned round;  /* of the sources' pattern */
    uint64_t random; /* the same on every rank */
    bool single;     /* one operation a window */
    bool failed;
};

static struct bench_mark *my_mark(struct run *run)
{
    return &run->me.team->marks[run->me.rank];
}

static void next_slot(struct run *run)
{
    const struct bench_buffers *buffers = &run->me.buffers;
    struct bench_arguments *next = &run->next;
    if (buffers->slots == 1)
        return;
    if (++next->slot == buffers->slots)
        next->slot = 0;
    next->send = buffers->send + next->slot * buffers->send_stride;
    next->recv = buffers->recv + next->slot * buffers->recv_stride;
}

static int operate(struct run *run, const struct lane *lane, uint64_t operations)
{
    int failure = 0;
    for (uint64_t i = 0; i < operations && failure == 0; i++) {
        failure = lane->operation(lane->self, &run->next);
        next_slot(run);
    }
    return failure;
}

static void rewrite_sources(struct run *run)
{
    run->round++;
    bench_buffers_fill(&run->me.buffers, run->me.point, run->me.rank, run->round);
}

/* The timed part of a window. Leaves this rank's start, finish and processor time in its mark. */
static int timed(struct run *run, const struct lane *lane, uint64_t operations)
{
    struct bench_team *team = run->me.team;
    struct bench_mark *mark = my_mark(run);
    const clockid_t cpu_clock = run->settings->processes ? CLOCK_PROCESS_CPUTIME_ID : CLOCK_THREAD_CPUTIME_ID;
    bench_team_gather(team, run->single);
    int64_t cpu = bench_read_clock(cpu_clock);
    const int64_t before = bench_now_ns();
    const int64_t start = bench_team_go(team, run->me.rank, run->single);
    if (!team->crowded)
        cpu += start - before; /* polling for the start is no part of it */
    const int failure = operate(run, lane, operations);
    mark->finish_ns = bench_now_ns();
    mark->cpu_ns = bench_read_clock(cpu_clock) - cpu;
    mark->start_ns = start;
    return failure;
}

/* What rank 0 makes of the marks, between the meeting that ends a window and the next: the window's time. */
static int64_t read_marks(const struct run *run, int64_t *cpu_ns)
{
    const struct bench_team *team = run->me.team;
    int64_t first = team->marks[0].start_ns, last = team->marks[0].finish_ns;
    *cpu_ns = 0;
    for (int r = 0; r < team->n_ranks; r++) {
        const struct bench_mark *mark = &team->marks[r];
        first = mark->start_ns < first ? mark->start_ns : first;
        last = mark->finish_ns > last ? mark->finish_ns : last;
        *cpu_ns += mark->cpu_ns;
    }
    return last - (team->crowded && !run->single ? first : team->deadline_ns);
}

static bool anyone_failed(const struct run *run)
{
    const struct bench_team *team = run->me.team;
    for (int r = 0; r < team->n_ranks; r++)
        if (team->marks[r].failure)
            return true;
    return false;
}

static bool anyone_wrong(const struct run *run, size_t lane)
{
    const struct bench_team *team = run->me.team;
    for (int r = 0; r < team->n_ranks; r++)
        if (team->marks[r].wrong >> lane & 1)
            return true;
    return false;
}

/* One window. Its time is right on rank 0 alone; run->failed on all. */
static int64_t window(struct run *run, struct lane *lane, uint64_t operations, int64_t *cpu_ns)
{
    int failure = 0;
    if (run->me.point->rewritten)
        rewrite_sources(run);
    else
        failure = operate(run, lane, run->single ? 0 : (operations + WARM_SHARE - 1) / WARM_SHARE);
    failure |= timed(run, lane, operations);
    my_mark(run)->failure = failure;
    bench_team_meet(run->me.team);
    run->failed = anyone_failed(run);
    return run->me.rank == 0 ? read_marks(run, cpu_ns) : 0;
}

static int64_t least_window_ns(const struct run *run)
{
    if (run->settings->window_ns != 0)
        return run->settings->window_ns;
    return run->me.team->crowded ? CROWDED_WINDOW_NS : WINDOW_NS;
}

/* What rank 0 makes of calibration windows of so many operations, of which the shortest took best_ns: how many operations
 * the next window is to have, and whether that is final. A window that the system interrupted says nothing, so one that is
 * long enough is not believed until it was the shortest of several. */
static uint64_t next_operations(uint64_t operations, int64_t best_ns, int64_t least_ns, int tries, bool *done)
{
    const int enough = least_ns < LONG_WINDOW_NS ? CALIBRATION_TRIES : LONG_WINDOW_TRIES;
    const bool suspect = best_ns * 2 >= least_ns && best_ns < SURELY_LONG_NS && tries < enough;
    *done = operations >= MOST_OPERATIONS || (best_ns * 2 >= least_ns && !suspect);
    if (suspect)
        return operations;
    if (best_ns * MOST_GROWTH < least_ns)
        return operations * MOST_GROWTH;
    const double wanted = (double)operations * (double)least_ns / (double)best_ns;
    return (uint64_t)wanted + 1;
}

/* Windows of one operation: finds how many of them make a turn, so that there is time for the fewest rounds; warms up. */
static void calibrate_single(struct run *run, struct lane *lane)
{
    int64_t cpu_ns;
    lane->operations = 1;
    window(run, lane, 1, &cpu_ns);
    const int64_t began_ns = bench_now_ns();
    window(run, lane, 1, &cpu_ns);
    const double turn_ns = run->settings->seconds * 1e9 / FEWEST_ROUNDS;
    const double fit = turn_ns / (double)(bench_now_ns() - began_ns + 1);
    const uint64_t wanted = fit < 1 ? 1 : fit > MOST_SINGLES ? MOST_SINGLES : (uint64_t)fit;
    lane->turn = (int)bench_team_tell(run->me.team, run->me.rank, wanted);
    for (int i = 0; i < lane->turn && !run->failed; i++)
        window(run, lane, 1, &cpu_ns);
}

/* Finds how many operations make a window; warms up on the way. */
static void calibrate(struct run *run, struct lane *lane)
{
    const int64_t least_ns = least_window_ns(run);
    int64_t cpu_ns, best_ns = INT64_MAX;
    int tries = 0;
    lane->operations = 1;
    lane->turn = 1;
    for (bool done = false; !done && !run->failed;) {
        const int64_t elapsed_ns = window(run, lane, lane->operations, &cpu_ns);
        best_ns = elapsed_ns < best_ns ? elapsed_ns : best_ns;
        const uint64_t next = next_operations(lane->operations, best_ns > 0 ? best_ns : 1, least_ns, ++tries, &done);
        const uint64_t told = bench_team_tell(run->me.team, run->me.rank, next << 1 | done);
        if (told >> 1 != lane->operations) {
            best_ns = INT64_MAX;
            tries = 0;
        }
        lane->operations = told >> 1 < MOST_OPERATIONS ? told >> 1 : MOST_OPERATIONS;
        done = told & 1;
    }
}

static void record(struct run *run, struct lane *lane)
{
    int64_t cpu_ns = 0;
    const int64_t elapsed = window(run, lane, lane->operations, &cpu_ns);
    if (run->me.rank == 0 && !run->failed) {
        lane->samples[lane->taken++] = (double)elapsed / (double)lane->operations;
        lane->cpu_ns += (double)cpu_ns / (double)lane->operations;
    }
}

/* Draws an order of the lanes, the same on every rank. */
static void shuffle(struct run *run, size_t *order)
{
    for (size_t i = 0; i < run->n_lanes; i++) {
        run->random = run->random * 6364136223846793005u + 1442695040888963407u;
        const size_t j = (size_t)((run->random >> 33) % (i + 1));
        order[i] = order[j];
        order[j] = i;
    }
}

static void record_rounds(struct run *run)
{
    const struct bench_settings *settings = run->settings;
    const int64_t budget = (int64_t)(settings->seconds * 1e9 * (double)run->n_lanes);
    const int64_t begin = bench_now_ns();
    size_t order[MOST_SUBJECTS] = {0};
    for (int round = 1, more = 1; more && !run->failed; round++) {
        shuffle(run, order);
        for (size_t i = 0; i < run->n_lanes && !run->failed; i++)
            for (int j = 0; j < run->lanes[order[i]].turn && !run->failed; j++)
                record(run, &run->lanes[order[i]]);
        const int64_t spent = bench_now_ns() - begin;
        const bool enough = round >= settings->windows || (round >= FEWEST_ROUNDS && spent > budget) ||
                            (round >= FEWEST_SLOW_ROUNDS && spent > FAR_BEYOND * budget);
        more = !bench_team_tell(run->me.team, run->me.rank, enough);
    }
}

/* Whether nobody leaves a barrier before all have come. */
static bool barrier_holds(struct run *run, struct lane *lane, uint64_t operations)
{
    struct bench_team *team = run->me.team;
    bool holds = true;
    atomic_store_explicit(&my_mark(run)->beat, 0, memory_order_relaxed);
    bench_team_meet(team);
    for (unsigned i = 1; i <= operations && i <= BARRIER_CHECKS; i++) {
        atomic_store_explicit(&my_mark(run)->beat, i, memory_order_relaxed); /* the barrier must order it */
        if (operate(run, lane, 1) != 0)
            return false;
        for (int r = 0; r < team->n_ranks; r++)
            holds &= atomic_load_explicit(&team->marks[r].beat, memory_order_relaxed) >= i;
    }
    return holds;
}

/* Runs `operations` on fresh sources and wiped results, and looks at the last result. */
static bool result_holds(struct run *run, struct lane *lane, uint64_t operations)
{
    rewrite_sources(run);
    bench_buffers_wipe(&run->me.buffers, run->me.point);
    bench_team_meet(run->me.team);
    const char *result = run->next.recv;
    for (uint64_t i = 0; i < operations; i++) {
        const struct bench_arguments arguments = run->next;
        result = arguments.recv;
        if (operate(run, lane, 1) != 0)
            return false;
        if (lane->subject->result != NULL)
            result = lane->subject->result(lane->self, &arguments);
    }
    return bench_is_right(run->me.point, run->me.rank, run->round, result);
}

static void check(struct run *run, struct lane *lane, uint64_t operations)
{
    if (lane->subject->unchecked)
        return;
    const bool holds = bench_base(run->me.point) == BENCH_BARRIER ? barrier_holds(run, lane, operations)
                                                                  : result_holds(run, lane, operations);
    if (!holds)
        my_mark(run)->wrong |= (uint64_t)1 << (lane - run->lanes);
    bench_team_meet(run->me.team); /* nobody rewrites while another still reads */
}

static void prepare(struct run *run, const struct bench_subject *subjects, size_t n_subjects)
{
    const size_t most = (size_t)run->settings->windows * MOST_SINGLES;
    for (size_t i = 0; i < n_subjects && run->n_lanes < MOST_SUBJECTS; i++) {
        struct lane *lane = &run->lanes[run->n_lanes];
        *lane = (struct lane){.subject = &subjects[i]};
        lane->operation = subjects[i].prepare(subjects[i].state, &run->me, &lane->self);
        if (lane->operation == NULL)
            continue;
        lane->samples = run->me.rank == 0 ? malloc(most * sizeof(double)) : NULL;
        run->n_lanes++;
        if (run->me.rank == 0 && lane->samples == NULL)
            abort(); /* some kilobytes */
    }
}

static void emit_lane(struct run *run, struct lane *lane, bool wrong, bench_emit emit, void *sink)
{
    struct bench_result result = {.point = *run->me.point, .windows = lane->taken, .operations = lane->operations};
    strncpy(result.subject, lane->subject->name, sizeof result.subject - 1);
    if (lane->subject->describe != NULL)
        lane->subject->describe(lane->subject->state, &run->me, result.note, sizeof result.note);
    if (lane->taken != 0) {
        bench_summarise(&result, lane->samples, lane->taken);
        result.cpu_ns = lane->cpu_ns / (double)lane->taken;
    }
    result.verdict = run->failed                ? BENCH_FAILED
                     : lane->subject->unchecked ? BENCH_UNCHECKED
                     : wrong                    ? BENCH_WRONG
                                                : BENCH_RIGHT;
    emit(sink, &result);
}

/* The final check of each lane, its result, and its end. */
static void conclude(struct run *run, bench_emit emit, void *sink)
{
    for (size_t i = 0; i < run->n_lanes; i++) {
        struct lane *lane = &run->lanes[i];
        if (!run->failed)
            check(run, lane,
                  lane->operations < FIRST_CHECKS ? FIRST_CHECKS
                  : lane->operations < 100        ? lane->operations
                                                  : 100);
        if (run->me.rank == 0)
            emit_lane(run, lane, anyone_wrong(run, i), emit, sink);
        bench_team_meet(run->me.team);
        if (lane->subject->finish != NULL)
            lane->subject->finish(lane->subject->state, &run->me, lane->self);
        free(lane->samples);
    }
}

static void measure(struct run *run, bench_emit emit, void *sink)
{
    for (size_t i = 0; i < run->n_lanes && !run->failed; i++) {
        check(run, &run->lanes[i], FIRST_CHECKS);
        if (run->single)
            calibrate_single(run, &run->lanes[i]);
        else
            calibrate(run, &run->lanes[i]);
    }
    if (run->n_lanes != 0)
        record_rounds(run);
    conclude(run, emit, sink);
}

bool bench_measure(struct bench_team *team, int rank, const struct bench_point *point,
                   const struct bench_subject *subjects, size_t n_subjects, const struct bench_settings *settings,
                   bench_emit emit, void *sink)
{
    struct run run = {.me = {.rank = rank, .team = team, .point = point}, .settings = settings};
    struct bench_mark *mark = my_mark(&run);
    run.single = settings->deadline || point->rewritten;
    mark->wrong = 0;
    mark->failure = !bench_buffers_create(&run.me.buffers, point, rank, settings->rotate_bytes);
    mark->send = run.me.buffers.send;
    mark->recv = run.me.buffers.recv;
    run.random = bench_team_tell(team, rank, (uint64_t)bench_now_ns());
    run.failed = anyone_failed(&run);
    if (!run.failed) {
        bench_buffers_fill(&run.me.buffers, point, rank, run.round);
        run.next = (struct bench_arguments){run.me.buffers.send, run.me.buffers.recv, 0};
        prepare(&run, subjects, n_subjects);
        bench_team_meet(team); /* subjects' ranks may now look at one another */
        measure(&run, emit, sink);
    }
    bench_team_meet(team);
    if (rank == 0)
        emit(sink, NULL);
    bench_buffers_destroy(&run.me.buffers);
    return !run.failed;
}

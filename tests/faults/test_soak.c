// SPDX-License-Identifier: MIT
/* Random programs with 64 ranks, whose ranks die one by one: the living shrink and go on with what is left. Every result is checked, nothing
 * hangs, and memory stays flat. WEFT_SOAK_SECONDS says for how long (2 by default; `make soak`: 30 minutes). */
#include "cases.h"

#include <malloc.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MOST = 64, STEPS = 60, LONG = 6000, SLACK_BYTES = 8 << 20 };

struct program {
    int n_ranks;
    uint64_t seed;
    weft_comm *comms[MOST];
    int dies_at[MOST]; /* step; STEPS: never */
    bool by_thread[MOST];
    int shrinks;
};

/* A rank, as it goes on from communicator to communicator. */
struct self {
    struct program *program;
    int id;
    weft_comm **comm;
    int members[MOST], n;
    int64_t sum; /* of the members' ids */
};

/* After each shrink: who is there, and which step comes next, since not all have come equally far. */
static weft_status learn(struct self *self, int *step)
{
    self->n = weft_comm_size(*self->comm);
    weft_status status = weft_allgather(*self->comm, &self->id, self->members, 1, WEFT_INT32);
    if (status == WEFT_OK)
        status = weft_allreduce(*self->comm, WEFT_IN_PLACE, step, 1, WEFT_INT32, WEFT_MAX);
    self->sum = 0;
    for (int i = 0; status == WEFT_OK && i < self->n; i++)
        self->sum += self->members[i];
    return status;
}

static weft_status reduce(struct self *self, size_t count, bool nonblocking)
{
    int64_t *data = test_alloc(count * sizeof *data);
    weft_request *request = NULL;
    for (size_t i = 0; i < count; i++)
        data[i] = self->id * (int64_t)(i % 7 + 1);
    weft_status status = nonblocking
                             ? weft_iallreduce(*self->comm, WEFT_IN_PLACE, data, count, WEFT_INT64, WEFT_SUM, &request)
                             : weft_allreduce(*self->comm, WEFT_IN_PLACE, data, count, WEFT_INT64, WEFT_SUM);
    if (status == WEFT_OK && nonblocking)
        status = weft_wait_one(&request);
    for (size_t i = 0; status == WEFT_OK && i < count; i++)
        if (!CHECK(data[i] == self->sum * (int64_t)(i % 7 + 1), "element %zu is %lld", i, (long long)data[i]))
            break;
    free(data);
    return status;
}

static weft_status broadcast(struct self *self, size_t count, int root, int step)
{
    int *data = test_alloc(count * sizeof *data);
    for (size_t i = 0; i < count; i++)
        data[i] = weft_comm_rank(*self->comm) == root ? step + (int)i : -1;
    weft_status status = weft_broadcast(*self->comm, data, count, WEFT_INT32, root);
    for (size_t i = 0; status == WEFT_OK && i < count; i++)
        if (!CHECK(data[i] == step + (int)i, "element %zu is %d", i, data[i]))
            break;
    free(data);
    return status;
}

static weft_status pass_on(struct self *self, size_t count, int step)
{
    int rank = weft_comm_rank(*self->comm), to = (rank + 1) % self->n, from = (rank + self->n - 1) % self->n;
    int *send = test_alloc(count * sizeof *send), *recv = test_alloc(count * sizeof *recv);
    for (size_t i = 0; i < count; i++)
        send[i] = self->id + (int)i;
    weft_status status = weft_sendrecv(*self->comm, send, count, to, step, recv, count, from, step, WEFT_INT32, NULL);
    for (size_t i = 0; status == WEFT_OK && i < count; i++)
        if (!CHECK(recv[i] == self->members[from] + (int)i, "element %zu is %d", i, recv[i]))
            break;
    free(send);
    free(recv);
    return status;
}

static weft_status do_step(struct self *self, int step)
{
    uint64_t state = self->program->seed + (uint64_t)step * 1000003; /* the same on all ranks */
    size_t count = random_below(&state, 3) ? 1 + random_below(&state, 20) : 1 + random_below(&state, LONG);
    switch (random_below(&state, 6)) {
    case 0:
        return weft_barrier(*self->comm);
    case 1:
        return broadcast(self, count, (int)random_below(&state, (uint64_t)self->n), step);
    case 2:
        return pass_on(self, count, step);
    case 3:
        return reduce(self, count, true);
    case 4: {
        weft_comm *part = NULL;
        int rank = weft_comm_rank(*self->comm);
        weft_status status = weft_comm_split(*self->comm, rank % 3, rank, &part);
        if (status == WEFT_OK)
            status = weft_barrier(part);
        weft_comm_destroy(part);
        return status;
    }
    default:
        return reduce(self, count, false);
    }
}

/* Gets on after a failure, with those that live. */
static void recover(struct self *self, int *step)
{
    weft_status status;
    do {
        weft_comm *shrunk = NULL;
        weft_comm_abort(*self->comm,
                        "one of us is gone"); /* where the call alone has failed, or another communicator */
        if (!CHECK_OK(weft_comm_shrink(*self->comm, &shrunk)))
            _exit(1);
        CHECK_OK(weft_comm_destroy(*self->comm));
        *self->comm = shrunk;
        status = learn(self, step);
    } while (status != WEFT_OK);
    if (weft_comm_rank(*self->comm) == 0)
        self->program->shrinks++;
}

static void live(int id, void *arg)
{
    struct program *program = arg;
    struct self self = {.program = program, .id = id, .comm = &program->comms[id]};
    int step = 0;
    if (learn(&self, &step) != WEFT_OK)
        recover(&self, &step);
    while (step < STEPS) {
        if (step >= program->dies_at[id]) {
            if (program->by_thread[id]) {
                CHECK_OK(weft_comm_bind_thread(*self.comm));
                return; /* the main thread destroys the handle */
            }
            CHECK_OK(weft_comm_destroy(*self.comm));
            *self.comm = NULL;
            return;
        }
        weft_status status = do_step(&self, step);
        step++;
        if (status != WEFT_OK)
            recover(&self, &step);
    }
    while (weft_barrier(*self.comm) != WEFT_OK) /* nobody leaves while others still recover */
        recover(&self, &step);
}

static void run_program(uint64_t *state)
{
    struct program program = {.n_ranks = MOST, .seed = random_next(state)};
    weft_config config = WEFT_CONFIG_INIT;
    config.wait = random_below(state, 2) ? WEFT_WAIT_AUTO : WEFT_WAIT_BLOCK;
    for (int rank = 0; rank < MOST; rank++) {
        program.dies_at[rank] = random_below(state, 3) ? STEPS : (int)random_below(state, STEPS);
        program.by_thread[rank] = random_below(state, 2);
    }
    program.dies_at[random_below(state, MOST)] = STEPS;
    CHECK_OK(weft_comm_create_all(MOST, &config, program.comms));
    run_threads(MOST, live, &program);
    for (int rank = 0; rank < MOST; rank++)
        CHECK_OK(weft_comm_destroy(program.comms[rank]));
    CHECK(program.shrinks > 0, "nobody shrank");
}

/* What is allocated and not freed, with pages mapped; the library's slots are among these. */
static size_t bytes_in_use(void)
{
    long pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (file == NULL || fscanf(file, "%*s %ld", &pages) != 1)
        pages = 0;
    if (file != NULL)
        fclose(file);
    malloc_trim(0);
    return (size_t)pages * (size_t)sysconf(_SC_PAGESIZE);
}

static void ranks_die_and_the_others_go_on(void **unused)
{
    (void)unused;
    const char *text = getenv("WEFT_SOAK_SECONDS");
    int64_t seconds = text != NULL ? atoll(text) : 2, begin_ns = clock_now_ns(), said_ns = begin_ns;
    uint64_t state = test_seed();
    size_t first = 0, last = 0;
    int programs = 0;
    for (; programs < 3 || clock_now_ns() - begin_ns < seconds * 1000000000; programs++) {
        test_case("program %d", programs);
        test_watchdog(120);
        run_program(&state);
        finish_case();
        last = bytes_in_use();
        if (programs == (seconds > 60 ? 50 : 2)) /* by then all that is kept for later is there */
            first = last;
        if (clock_now_ns() - said_ns > (int64_t)60000000000) {
            said_ns = clock_now_ns();
            printf("    %lld s: %d programs, %zu KiB\n", (long long)(said_ns - begin_ns) / 1000000000, programs,
                   last / 1024);
            fflush(stdout);
        }
    }
    printf("    %d programs, %zu KiB, then %zu KiB\n", programs, first / 1024, last / 1024);
    CHECK(TEST_SANITIZED || last < first + SLACK_BYTES, "%zu KiB in use, %zu KiB before", last / 1024, first / 1024);
}

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(ranks_die_and_the_others_go_on)};
    return RUN_TESTS("soak", tests);
}

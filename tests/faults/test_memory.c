// SPDX-License-Identifier: MIT
/* Memory runs out, at each place where the library asks for it, once, or from there on for good: calls return WEFT_ERR_MEMORY, or do
 * without; dup, split and shrink on all ranks or on none, and the communicator goes on; nothing hangs, and nothing is lost.
 *
 * The static library is linked with malloc and its like wrapped (see CMakeLists.txt). A scenario runs again and again, and each time the
 * next of its requests for memory is refused, until it asks for no more. */
#include "support.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* ---- What the linker puts in place of malloc and its like ---- */

static atomic_bool armed;
static atomic_int asked, refused;
static int refuse_at;  /* so many requests go well */
static bool refuse_on; /* and then no more; or only the next does not */
static atomic_int alive;

enum { EVENT_BYTES = 64 }; /* what a thread sleeps on is kept for the next thread: not lost */

static bool refuse(void)
{
    if (!atomic_load(&armed))
        return false;
    int number = atomic_fetch_add(&asked, 1);
    if (number < refuse_at || (number > refuse_at && !refuse_on))
        return false;
    atomic_fetch_add(&refused, 1);
    errno = ENOMEM;
    return true;
}

static void *count(void *memory)
{
    if (memory != NULL)
        atomic_fetch_add(&alive, 1);
    return memory;
}

void *__real_malloc(size_t bytes);
void *__real_calloc(size_t count, size_t bytes);
void *__real_aligned_alloc(size_t alignment, size_t bytes);
char *__real_strdup(const char *text);
void __real_free(void *memory);
void *__real_mmap(void *at, size_t bytes, int access, int flags, int file, off_t offset);
int __real_munmap(void *at, size_t bytes);
int __real_pthread_setspecific(pthread_key_t key, const void *value);
int __real_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*body)(void *), void *arg);

void *__wrap_malloc(size_t bytes);
void *__wrap_calloc(size_t count, size_t bytes);
void *__wrap_aligned_alloc(size_t alignment, size_t bytes);
char *__wrap_strdup(const char *text);
void __wrap_free(void *memory);
void *__wrap_mmap(void *at, size_t bytes, int access, int flags, int file, off_t offset);
int __wrap_munmap(void *at, size_t bytes);
int __wrap_pthread_setspecific(pthread_key_t key, const void *value);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*body)(void *), void *arg);

void *__wrap_malloc(size_t bytes)
{
    return refuse() ? NULL : count(__real_malloc(bytes));
}

void *__wrap_calloc(size_t n, size_t bytes)
{
    return refuse() ? NULL : count(__real_calloc(n, bytes));
}

void *__wrap_aligned_alloc(size_t alignment, size_t bytes)
{
    if (refuse())
        return NULL;
    void *memory = __real_aligned_alloc(alignment, bytes);
    return bytes == EVENT_BYTES ? memory : count(memory);
}

char *__wrap_strdup(const char *text)
{
    return refuse() ? NULL : count(__real_strdup(text));
}

void __wrap_free(void *memory)
{
    if (memory != NULL)
        atomic_fetch_sub(&alive, 1);
    __real_free(memory);
}

void *__wrap_mmap(void *at, size_t bytes, int access, int flags, int file, off_t offset)
{
    if (refuse())
        return MAP_FAILED;
    atomic_fetch_add(&alive, 1);
    return __real_mmap(at, bytes, access, flags, file, offset);
}

int __wrap_munmap(void *at, size_t bytes)
{
    atomic_fetch_sub(&alive, 1);
    return __real_munmap(at, bytes);
}

int __wrap_pthread_setspecific(pthread_key_t key, const void *value)
{
    return value != NULL && refuse() ? ENOMEM : __real_pthread_setspecific(key, value);
}

int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*body)(void *), void *arg)
{
    return refuse() ? EAGAIN : __real_pthread_create(thread, attributes, body, arg);
}

/* ---- Scenarios ---- */

enum { RANKS = 3, LONG = 30000 };

struct scenario {
    const char *name;
    weft_status (*rank)(weft_comm *comm); /* on each rank of a communicator that is there already; */
    weft_status (*alone)(void);           /* or in one thread */
    bool all_or_none;                     /* and the communicator goes on */
    const char *algorithms;
};

static weft_status create(void)
{
    weft_group_id id;
    weft_comm *comms[RANKS] = {NULL};
    weft_status status = weft_group_id_create(&id);
    if (status != WEFT_OK)
        return status;
    for (int rank = 0; rank < RANKS && status == WEFT_OK; rank++) {
        status = weft_comm_create(&id, RANKS, rank, NULL, &comms[rank]);
        CHECK((status == WEFT_OK) == (comms[rank] != NULL), "%s with a handle", weft_status_name(status));
    }
    if (status != WEFT_OK)
        CHECK_OK(weft_group_id_destroy(&id));
    for (int rank = 0; rank < RANKS; rank++)
        CHECK_OK(weft_comm_destroy(comms[rank]));
    return status;
}

static weft_status create_all(void)
{
    weft_comm *comms[RANKS] = {NULL};
    weft_config config = WEFT_CONFIG_INIT;
    config.algorithms = "allreduce:grid";
    weft_status status = weft_comm_create_all(RANKS, &config, comms);
    for (int rank = 0; rank < RANKS; rank++) {
        CHECK((status == WEFT_OK) == (comms[rank] != NULL), "%s with a handle", weft_status_name(status));
        CHECK_OK(weft_comm_destroy(comms[rank]));
    }
    return status;
}

static weft_status meet(weft_comm *comm, void *arg)
{
    (void)arg;
    return weft_barrier(comm);
}

static weft_status run(void)
{
    return weft_run(RANKS, NULL, meet, NULL);
}

static weft_status and_destroy(weft_status status, weft_comm *made)
{
    CHECK((status == WEFT_OK) == (made != NULL), "%s, and the handle is %p", weft_status_name(status), (void *)made);
    CHECK_OK(weft_comm_destroy(made));
    return status;
}

static weft_status duplicate(weft_comm *comm)
{
    weft_comm *made = NULL;
    weft_status status = weft_comm_dup(comm, &made);
    return and_destroy(status, made);
}

static weft_status split(weft_comm *comm)
{
    weft_comm *made = NULL;
    weft_status status = weft_comm_split(comm, weft_comm_rank(comm) % 2, 0, &made);
    return and_destroy(status, made);
}

static weft_status shrink(weft_comm *comm)
{
    weft_comm *made = NULL;
    weft_status status = weft_comm_shrink(comm, &made);
    return and_destroy(status, made);
}

static weft_status bind(weft_comm *comm)
{
    return weft_comm_bind_thread(comm);
}

static weft_status start_and_wait(weft_comm *comm)
{
    static int recv[RANKS][LONG];
    int send[100] = {1}, *result = recv[weft_comm_rank(comm)];
    weft_request *requests[3] = {NULL};
    weft_status status = weft_iallreduce(comm, send, result, 100, WEFT_INT32, WEFT_SUM, &requests[0]);
    if (status == WEFT_OK)
        status = weft_ibroadcast(comm, result + 200, LONG - 200, WEFT_INT32, 1, &requests[1]);
    if (status == WEFT_OK)
        status = weft_ibarrier(comm, &requests[2]);
    weft_status waited = weft_wait_all(requests, 3);
    return status != WEFT_OK ? status : waited;
}

static weft_status exchange(weft_comm *comm)
{
    static int recv[RANKS][2][LONG];
    int rank = weft_comm_rank(comm), to = (rank + 1) % RANKS, from = (rank + RANKS - 1) % RANKS;
    int(*result)[LONG] = recv[rank], send[LONG] = {rank};
    weft_request *requests[2] = {NULL};
    weft_status status = weft_send(comm, send, 1, WEFT_INT32, to, 1);
    if (status == WEFT_OK)
        status = weft_send(comm, send, 100, WEFT_INT32, to, 2);
    if (status == WEFT_OK) /* before the other, which is put aside */
        status = weft_recv(comm, result[0], 100, WEFT_INT32, from, 2, NULL);
    if (status == WEFT_OK)
        status = weft_recv(comm, result[0], 1, WEFT_INT32, from, 1, NULL);
    if (status == WEFT_OK)
        status = weft_sendrecv(comm, send, LONG, to, 3, result[0], LONG, from, 3, WEFT_INT32, NULL);
    if (status == WEFT_OK)
        status = weft_isend(comm, send, LONG, WEFT_INT32, to, 4, &requests[0]);
    if (status == WEFT_OK)
        status = weft_irecv(comm, result[1], LONG, WEFT_INT32, WEFT_ANY_SOURCE, 4, NULL, &requests[1]);
    if (status != WEFT_OK) { /* who has not all that it sent taken waits for nobody now */
        weft_comm_abort(comm, "out of memory");
        weft_wait_all(requests, 2);
        return status;
    }
    return weft_wait_all(requests, 2);
}

struct large {
    char bytes[20000];
};

static weft_status add_large(const weft_op *op, const weft_type *type, const void *in, void *inout, size_t n)
{
    (void)op;
    (void)type;
    for (size_t i = 0; i < n; i++)
        ((struct large *)inout)[i].bytes[0] += ((const struct large *)in)[i].bytes[0];
    return WEFT_OK;
}

static weft_status reduce_large(weft_comm *comm)
{
    static const weft_type type = {.name = "large", .size = sizeof(struct large)};
    static const weft_op op = {.name = "add", .combine = add_large};
    static struct large data[RANKS][4];
    struct large *mine = data[weft_comm_rank(comm)];
    weft_status status = weft_allreduce(comm, WEFT_IN_PLACE, mine, 4, &type, &op);
    if (status == WEFT_OK)
        status = weft_scan(comm, WEFT_IN_PLACE, mine, 4, &type, &op);
    if (status == WEFT_OK)
        status = weft_reduce_scatter(comm, WEFT_IN_PLACE, mine, 1, &type, &op);
    return status;
}

static weft_status reduce_by_grid(weft_comm *comm)
{
    int data[1000] = {1};
    return weft_allreduce(comm, WEFT_IN_PLACE, data, 1000, WEFT_INT32, WEFT_SUM);
}

static weft_status wait_long(weft_comm *comm)
{
    if (weft_comm_rank(comm) == 0)
        sleep_us(3000);
    return weft_barrier(comm);
}

static const struct scenario scenarios[] = {
    {.name = "create", .alone = create},
    {.name = "create_all", .alone = create_all},
    {.name = "weft_run", .alone = run},
    {.name = "dup", .rank = duplicate, .all_or_none = true},
    {.name = "split", .rank = split, .all_or_none = true},
    {.name = "shrink", .rank = shrink, .all_or_none = true},
    {.name = "bind_thread", .rank = bind},
    {.name = "nonblocking", .rank = start_and_wait},
    {.name = "messages", .rank = exchange},
    {.name = "large elements", .rank = reduce_large},
    {.name = "grid", .rank = reduce_by_grid, .algorithms = "allreduce:grid"},
    {.name = "a sleep", .rank = wait_long, .all_or_none = true},
};

/* ---- Running them ---- */

struct worker {
    const struct scenario *scenario;
    weft_comm *comm;
    weft_status status;
    pthread_barrier_t *begin;
};

static void *work(void *worker_)
{
    struct worker *worker = worker_;
    pthread_barrier_wait(worker->begin);
    worker->status = worker->scenario->rank(worker->comm);
    if (worker->status != WEFT_OK &&
        !worker->scenario->all_or_none) { /* it gives up; the others are not to wait for it */
        weft_comm_destroy(worker->comm);
        worker->comm = NULL;
    }
    return NULL;
}

static bool is_expected(weft_status status)
{
    return status == WEFT_OK || status == WEFT_ERR_MEMORY || status == WEFT_ERR_RANK_LOST ||
           status == WEFT_ERR_ABORTED || status == WEFT_ERR_SYSTEM;
}

static void on_ranks(const struct scenario *scenario)
{
    struct worker workers[RANKS];
    weft_comm *comms[RANKS];
    pthread_t threads[RANKS];
    pthread_barrier_t begin;
    weft_config config = WEFT_CONFIG_INIT;
    config.algorithms = scenario->algorithms;
    if (!CHECK_OK(weft_comm_create_all(RANKS, &config, comms)))
        return;
    pthread_barrier_init(&begin, NULL, RANKS + 1);
    for (int rank = 0; rank < RANKS; rank++) {
        workers[rank] = (struct worker){.scenario = scenario, .comm = comms[rank], .begin = &begin};
        __real_pthread_create(&threads[rank], NULL, work, &workers[rank]);
    }
    atomic_store(&armed, true);
    pthread_barrier_wait(&begin);
    for (int rank = 0; rank < RANKS; rank++)
        pthread_join(threads[rank], NULL);
    atomic_store(&armed, false);
    pthread_barrier_destroy(&begin);
    for (int rank = 0; rank < RANKS; rank++) {
        CHECK(is_expected(workers[rank].status), "rank %d: %s", rank, weft_status_name(workers[rank].status));
        if (scenario->all_or_none)
            CHECK(workers[rank].status == workers[0].status, "rank %d: %s, rank 0: %s", rank,
                  weft_status_name(workers[rank].status), weft_status_name(workers[0].status));
        if (scenario->all_or_none && workers[rank].comm != NULL)
            CHECK_STATUS(WEFT_OK, weft_comm_status(workers[rank].comm));
        CHECK_OK(weft_comm_destroy(workers[rank].comm));
    }
}

static void once(const struct scenario *scenario)
{
    atomic_store(&asked, 0);
    atomic_store(&refused, 0);
    if (scenario->rank != NULL) {
        on_ranks(scenario);
        return;
    }
    atomic_store(&armed, true);
    weft_status status = scenario->alone();
    atomic_store(&armed, false);
    CHECK(is_expected(status), "%s", weft_status_name(status));
    CHECK(atomic_load(&refused) > 0 || status == WEFT_OK, "%s, and nothing was refused", weft_status_name(status));
}

/* What the library keeps for ever: a place for each world and an event for each thread, of as many as were there at once. A leak comes
 * again with each of a hundred runs. */
enum { KEPT = 8 };

/* Builds with assertions keep the last thousand or so handles that were destroyed: as many from now on as there will be. */
static void fill_the_kept_handles(void)
{
    static bool filled;
    for (int i = 0; i < 1100 && TEST_SANITIZED && !filled; i++) {
        weft_comm *comm = NULL;
        CHECK_OK(weft_comm_create_all(1, NULL, &comm));
        CHECK_OK(weft_comm_destroy(comm));
    }
    filled = true;
}

static void sweep(const struct scenario *scenario, bool for_good)
{
    int kept = 0;
    refuse_on = for_good;
    refuse_at = 1 << 30;
    fill_the_kept_handles();
    for (int i = 0; i < 3; i++) { /* what is made once is made: also that with which a thread sleeps, which is kept */
        once(&scenarios[sizeof scenarios / sizeof scenarios[0] - 1]);
        once(scenario);
    }
    int before = atomic_load(&alive), struck = 1;
    for (refuse_at = 0; struck > 0 || refuse_at < 3; refuse_at++)
        for (int i = struck = 0; i < 3; i++) {
            test_case("%s, request %d is refused%s", scenario->name, refuse_at,
                      for_good ? ", and all that follow" : "");
            test_watchdog(30);
            once(scenario);
            struck += atomic_load(&refused);
            kept += atomic_load(&alive) - before;
            CHECK(kept <= KEPT, "%d pieces of memory are left", kept);
            before = atomic_load(&alive);
        }
    printf("    %-14s %2d requests\n", scenario->name, refuse_at - 1);
}

static void one_request_is_refused(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < sizeof scenarios / sizeof scenarios[0]; i++)
        sweep(&scenarios[i], false);
}

static void no_memory_from_there_on(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < sizeof scenarios / sizeof scenarios[0]; i++)
        sweep(&scenarios[i], true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(one_request_is_refused),
        TEST(no_memory_from_there_on),
    };
    return RUN_TESTS("memory", tests);
}

// SPDX-License-Identifier: MIT
/* run.c - starts a thread for each rank, and joins them. */
#include "core/departure.h"
#include "core/failure.h"
#include "group/group.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

struct run {
    weft_status (*body)(weft_comm *comm, void *arg);
    void *arg;
    pthread_mutex_t lock;
    weft_status first; /* failure, in time; under lock */
    char why[1536];
};

struct runner {
    struct run *run;
    weft_comm *comm;
    pthread_t thread;
    bool returned; /* the body has; its thread may end without */
};

/* Keeps the first failure only. */
__attribute__((format(printf, 3, 4))) static void note_failure(struct run *run, weft_status status, const char *format,
                                                               ...)
{
    va_list arguments;
    pthread_mutex_lock(&run->lock);
    if (run->first == WEFT_OK) {
        run->first = status;
        va_start(arguments, format);
        vsnprintf(run->why, sizeof run->why, format, arguments);
        va_end(arguments);
    }
    pthread_mutex_unlock(&run->lock);
}

static void fail_body(struct run *run, const weft_comm *comm, weft_status status)
{
    if (weft_last_status() == status) /* what else the thread remembers may be long past */
        note_failure(run, status, "the body of rank %d failed: %s", comm->rank, weft_last_error());
    else
        note_failure(run, status, "the body of rank %d of %d returned %s", comm->rank, comm->n_ranks,
                     weft_status_name(status));
    weft_world_fail(comm->world, comm->rank, WEFT_ERR_ABORTED, "the body of rank %d returned %s", comm->rank,
                    weft_status_name(status));
}

static void refuse_thread(struct run *run, const weft_comm *comm, int error)
{
    note_failure(run, WEFT_ERR_SYSTEM, "the system refused a thread for rank %d of %d: %s", comm->rank, comm->n_ranks,
                 strerror(error));
    weft_world_fail(comm->world, comm->rank, WEFT_ERR_ABORTED, "weft_run could not start rank %d of %d", comm->rank,
                    comm->n_ranks);
}

/* The thread ended inside the body, and the destructor of its binding has told the peers. */
static void end_body(struct run *run, weft_comm *comm)
{
    note_failure(run, WEFT_ERR_RANK_LOST, "the thread of rank %d of %d ended inside its body", comm->rank,
                 comm->n_ranks);
    weft_comm_destroy(comm);
}

static void *run_rank(void *runner_)
{
    struct runner *runner = runner_;
    weft_comm *comm = runner->comm;
    weft_status status = weft_handle_bind(comm, "weft_comm_bind_thread");
    if (status == WEFT_OK)
        status = runner->run->body(comm, runner->run->arg);
    if (status != WEFT_OK)
        fail_body(runner->run, comm, status);
    weft_handle_detach(comm, WEFT_RETURNED);
    runner->returned = true;
    return NULL;
}

static weft_status create_all(const char *call, int n_ranks, const weft_config *config, weft_comm **comms)
{
    weft_group_id id;
    int made = 0;
    if (n_ranks < 1)
        return weft_error(WEFT_ERR_ARGUMENT, call, NULL, "n_ranks is %d, expected at least 1", n_ranks);
    weft_status status = weft_group_create(call, &id);
    if (status != WEFT_OK)
        return status;
    weft_comm **all = calloc((size_t)n_ranks, sizeof *all);
    if (all == NULL)
        status = weft_error(WEFT_ERR_MEMORY, call, NULL, "no memory for %d handles", n_ranks);
    while (status == WEFT_OK && made < n_ranks)
        if ((status = weft_group_join(call, &id, n_ranks, made, config, &all[made])) == WEFT_OK)
            made++;
    if (status == WEFT_OK)
        memcpy(comms, all, (size_t)n_ranks * sizeof *all);
    else {
        weft_group_id_destroy(&id);
        while (made > 0)
            weft_comm_destroy(all[--made]);
    }
    free(all);
    return status;
}

weft_status weft_comm_create_all(int n_ranks, const weft_config *config, weft_comm **comms)
{
    if (comms == NULL)
        return weft_error(WEFT_ERR_ARGUMENT, "weft_comm_create_all", NULL, "comms is NULL");
    return create_all("weft_comm_create_all", n_ranks, config, comms);
}

weft_status weft_run(int n_ranks, const weft_config *config, weft_status (*body)(weft_comm *comm, void *arg), void *arg)
{
    struct run run = {.body = body, .arg = arg, .lock = PTHREAD_MUTEX_INITIALIZER};
    int started = 0;
    if (body == NULL)
        return weft_error(WEFT_ERR_ARGUMENT, "weft_run", NULL, "body is NULL");
    if (n_ranks < 1)
        return weft_error(WEFT_ERR_ARGUMENT, "weft_run", NULL, "n_ranks is %d, expected at least 1", n_ranks);
    weft_comm **comms = calloc((size_t)n_ranks, sizeof *comms);
    struct runner *runners = calloc((size_t)n_ranks, sizeof *runners);
    weft_status status = comms != NULL && runners != NULL
                             ? create_all("weft_run", n_ranks, config, comms)
                             : weft_error(WEFT_ERR_MEMORY, "weft_run", NULL, "no memory for %d ranks", n_ranks);
    if (status != WEFT_OK)
        goto done;
    for (; started < n_ranks; started++) {
        runners[started] = (struct runner){.run = &run, .comm = comms[started]};
        int refused = pthread_create(&runners[started].thread, NULL, run_rank, &runners[started]);
        if (refused != 0) {
            refuse_thread(&run, comms[started], refused);
            break;
        }
    }
    for (int rank = started; rank < n_ranks; rank++)
        weft_comm_destroy(comms[rank]);
    for (int rank = 0; rank < started; rank++) {
        pthread_join(runners[rank].thread, NULL);
        if (!runners[rank].returned)
            end_body(&run, comms[rank]);
    }
    status = run.first == WEFT_OK ? WEFT_OK : weft_error(run.first, "weft_run", NULL, "%s", run.why);
done:
    free(comms);
    free(runners);
    return status;
}

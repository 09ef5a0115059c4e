// SPDX-License-Identifier: MIT
/* peer_mpi.c - an MPI's collectives between processes; compiled once with Open MPI and once with MPICH, which PEER_NAME
 * says.
 *
 * Run by mpirun, one process a rank. The processes share the benchmark's team through a mapping, and so start from common
 * deadlines and are timed by the one clock that all processes of a machine have; buffers are each process's own. Their
 * whole processor time is counted, helper threads included. */
#include "peer.h"

#include <fcntl.h>
#include <limits.h>
#include <mpi.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#ifndef PEER_NAME
#define PEER_NAME "mpi"
#endif

static struct {
    MPI_Datatype type;
    MPI_Op op;
    int count;
    int root;
    bool is_root;
    int *counts, *offsets; /* of each rank's block, where they are told */
    int left, right;       /* neighbours on the ring */
    int other;             /* of ranks 0 and 1; below 0: this is neither */
    unsigned turn;
} call;

/* A started operation, to its end. */
static int finish(int status, MPI_Request *request)
{
    return status == MPI_SUCCESS ? MPI_Wait(request, MPI_STATUS_IGNORE) : status;
}

static int run_barrier(void *self, const struct bench_arguments *arguments)
{
    (void)self;
    (void)arguments;
    return MPI_Barrier(MPI_COMM_WORLD);
}

static int run_ibarrier(void *self, const struct bench_arguments *arguments)
{
    MPI_Request request;
    (void)self;
    (void)arguments;
    return finish(MPI_Ibarrier(MPI_COMM_WORLD, &request), &request);
}

static int run_broadcast(void *self, const struct bench_arguments *arguments)
{
    (void)self;
    void *data = call.is_root ? (void *)(uintptr_t)arguments->send : arguments->recv;
    return MPI_Bcast(data, call.count, call.type, call.root, MPI_COMM_WORLD);
}

/* run_NAME makes a call; run_iNAME starts it and waits for it. */
#define OPERATION(name, ...)                                                                                           \
    static int name(void *self, const struct bench_arguments *arguments)                                               \
    {                                                                                                                  \
        const void *send = arguments->send;                                                                            \
        void *recv = arguments->recv;                                                                                  \
        (void)self;                                                                                                    \
        return __VA_ARGS__;                                                                                            \
    }
#define BOTH(name, blocking, starting, ...)                                                                            \
    OPERATION(run_##name, blocking(__VA_ARGS__, MPI_COMM_WORLD))                                                       \
    static int run_i##name(void *self, const struct bench_arguments *arguments)                                        \
    {                                                                                                                  \
        const void *send = arguments->send;                                                                            \
        void *recv = arguments->recv;                                                                                  \
        MPI_Request request;                                                                                           \
        (void)self;                                                                                                    \
        return finish(starting(__VA_ARGS__, MPI_COMM_WORLD, &request), &request);                                      \
    }

BOTH(allgather, MPI_Allgather, MPI_Iallgather, send, call.count, call.type, recv, call.count, call.type)
BOTH(allreduce, MPI_Allreduce, MPI_Iallreduce, send, recv, call.count, call.type, call.op)
BOTH(reduce, MPI_Reduce, MPI_Ireduce, send, recv, call.count, call.type, call.op, call.root)
BOTH(gather, MPI_Gather, MPI_Igather, send, call.count, call.type, recv, call.count, call.type, call.root)
BOTH(scatter, MPI_Scatter, MPI_Iscatter, send, call.count, call.type, recv, call.count, call.type, call.root)
BOTH(alltoall, MPI_Alltoall, MPI_Ialltoall, send, call.count, call.type, recv, call.count, call.type)
BOTH(reduce_scatter, MPI_Reduce_scatter_block, MPI_Ireduce_scatter_block, send, recv, call.count, call.type, call.op)
BOTH(scan, MPI_Scan, MPI_Iscan, send, recv, call.count, call.type, call.op)
BOTH(exscan, MPI_Exscan, MPI_Iexscan, send, recv, call.count, call.type, call.op)
BOTH(gatherv, MPI_Gatherv, MPI_Igatherv, send, call.count, call.type, recv, call.counts, call.offsets, call.type,
     call.root)
BOTH(scatterv, MPI_Scatterv, MPI_Iscatterv, send, call.counts, call.offsets, call.type, recv, call.count, call.type,
     call.root)
BOTH(allgatherv, MPI_Allgatherv, MPI_Iallgatherv, send, call.count, call.type, recv, call.counts, call.offsets,
     call.type)
BOTH(alltoallv, MPI_Alltoallv, MPI_Ialltoallv, send, call.counts, call.offsets, call.type, recv, call.counts,
     call.offsets, call.type)
BOTH(reduce_scatterv, MPI_Reduce_scatter, MPI_Ireduce_scatter, send, recv, call.counts, call.type, call.op)
OPERATION(run_sendrecv, MPI_Sendrecv(send, call.count, call.type, call.right, 0, recv, call.count, call.type, call.left,
                                     0, MPI_COMM_WORLD, MPI_STATUS_IGNORE))

static int run_ibroadcast(void *self, const struct bench_arguments *arguments)
{
    (void)self;
    void *data = call.is_root ? (void *)(uintptr_t)arguments->send : arguments->recv;
    MPI_Request request;
    return finish(MPI_Ibcast(data, call.count, call.type, call.root, MPI_COMM_WORLD, &request), &request);
}

/* One way: operation n goes from rank n mod 2 to the other. */
static int run_pingpong(void *self, const struct bench_arguments *arguments)
{
    const int sender = (int)(++call.turn % 2), other = call.other;
    (void)self;
    if (other < 0)
        return 0;
    return other != sender
               ? MPI_Send(arguments->send, call.count, call.type, other, 0, MPI_COMM_WORLD)
               : MPI_Recv(arguments->recv, call.count, call.type, other, 0, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
}

static const bench_operation operations[BENCH_COLLECTIVES] = {
    [BENCH_BARRIER] = run_barrier,
    [BENCH_BROADCAST] = run_broadcast,
    [BENCH_ALLGATHER] = run_allgather,
    [BENCH_ALLREDUCE] = run_allreduce,
    [BENCH_REDUCE] = run_reduce,
    [BENCH_GATHER] = run_gather,
    [BENCH_SCATTER] = run_scatter,
    [BENCH_ALLTOALL] = run_alltoall,
    [BENCH_REDUCE_SCATTER] = run_reduce_scatter,
    [BENCH_SCAN] = run_scan,
    [BENCH_EXSCAN] = run_exscan,
    [BENCH_GATHERV] = run_gatherv,
    [BENCH_SCATTERV] = run_scatterv,
    [BENCH_ALLGATHERV] = run_allgatherv,
    [BENCH_ALLTOALLV] = run_alltoallv,
    [BENCH_REDUCE_SCATTERV] = run_reduce_scatterv,
    [BENCH_IBARRIER] = run_ibarrier,
    [BENCH_IBROADCAST] = run_ibroadcast,
    [BENCH_IALLGATHER] = run_iallgather,
    [BENCH_IALLREDUCE] = run_iallreduce,
    [BENCH_IREDUCE] = run_ireduce,
    [BENCH_IGATHER] = run_igather,
    [BENCH_ISCATTER] = run_iscatter,
    [BENCH_IALLTOALL] = run_ialltoall,
    [BENCH_IREDUCE_SCATTER] = run_ireduce_scatter,
    [BENCH_ISCAN] = run_iscan,
    [BENCH_IEXSCAN] = run_iexscan,
    [BENCH_IGATHERV] = run_igatherv,
    [BENCH_ISCATTERV] = run_iscatterv,
    [BENCH_IALLGATHERV] = run_iallgatherv,
    [BENCH_IALLTOALLV] = run_ialltoallv,
    [BENCH_IREDUCE_SCATTERV] = run_ireduce_scatterv,
    [BENCH_PINGPONG] = run_pingpong,
    [BENCH_SENDRECV] = run_sendrecv,
};

/* MPI has neither 16-bit floats nor, by these names, all pairs; points of those types it does not do. */
static bool find_type(const struct bench_type *type, MPI_Datatype *out)
{
    const struct {
        const char *name;
        MPI_Datatype type;
    } types[] = {
        {"int8", MPI_INT8_T},   {"int16", MPI_INT16_T},   {"int32", MPI_INT32_T},    {"int64", MPI_INT64_T},
        {"uint8", MPI_UINT8_T}, {"uint16", MPI_UINT16_T}, {"uint32", MPI_UINT32_T},  {"uint64", MPI_UINT64_T},
        {"float32", MPI_FLOAT}, {"float64", MPI_DOUBLE},  {"int32_index", MPI_2INT}, {"float32_index", MPI_FLOAT_INT},
    };
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        if (strcmp(types[i].name, type->name) == 0) {
            *out = types[i].type;
            return true;
        }
    }
    return false;
}

static bool find_op(enum bench_op op, MPI_Op *out)
{
    const MPI_Op ops[BENCH_OPS] = {
        [BENCH_SUM] = MPI_SUM,       [BENCH_PROD] = MPI_PROD, [BENCH_MIN] = MPI_MIN,   [BENCH_MAX] = MPI_MAX,
        [BENCH_AVG] = MPI_OP_NULL,   [BENCH_BAND] = MPI_BAND, [BENCH_BOR] = MPI_BOR,   [BENCH_BXOR] = MPI_BXOR,
        [BENCH_LAND] = MPI_LAND,     [BENCH_LOR] = MPI_LOR,   [BENCH_LXOR] = MPI_LXOR, [BENCH_MINLOC] = MPI_MINLOC,
        [BENCH_MAXLOC] = MPI_MAXLOC,
    };
    *out = ops[op];
    return ops[op] != MPI_OP_NULL;
}

/* The pairs of an operation and a type that MPI defines. */
static bool combines(enum bench_op op, const struct bench_type *type)
{
    const bool pair = type->index_size != 0, bits = op >= BENCH_BAND && op <= BENCH_LXOR;
    const bool integer = type->kind == BENCH_SIGNED || type->kind == BENCH_UNSIGNED;
    return (op == BENCH_MINLOC || op == BENCH_MAXLOC) == pair && (!bits || integer);
}

static bench_operation prepare(void *state, const struct bench_rank *rank, void **self)
{
    const struct bench_point *point = rank->point;
    (void)state;
    (void)self;
    if (point->count > INT_MAX || !find_type(point->type, &call.type))
        return NULL;
    if (bench_shapes[point->collective].reduces && (!find_op(point->op, &call.op) || !combines(point->op, point->type)))
        return NULL;
    call.count = (int)point->count;
    call.root = point->root;
    call.is_root = rank->rank == point->root;
    call.left = (rank->rank + point->n_ranks - 1) % point->n_ranks;
    call.right = (rank->rank + 1) % point->n_ranks;
    call.other = 1 - rank->rank;
    call.turn = 0;
    if (point->count > (size_t)(INT_MAX / point->n_ranks) ||
        (point->collective == BENCH_PINGPONG && point->n_ranks < 2))
        return NULL;
    for (int r = 0; r < point->n_ranks; r++) {
        call.counts[r] = call.count;
        call.offsets[r] = r * call.count;
    }
    return operations[point->collective];
}

/* Maps a team that all processes share. */
static struct bench_team *share_team(const struct bench_options *options, int rank, int n_ranks)
{
    char name[64];
    const size_t bytes = bench_team_bytes(n_ranks);
    snprintf(name, sizeof name, "/weft-bench-%ld", (long)getpid());
    int file = rank == 0 ? shm_open(name, O_RDWR | O_CREAT | O_EXCL, 0600) : -1;
    bool fine = rank != 0 || (file >= 0 && ftruncate(file, (off_t)bytes) == 0);
    MPI_Bcast(name, sizeof name, MPI_CHAR, 0, MPI_COMM_WORLD);
    if (rank != 0)
        fine = (file = shm_open(name, O_RDWR, 0600)) >= 0;
    struct bench_team *team = fine ? mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0) : MAP_FAILED;
    if (team == MAP_FAILED) {
        perror(name);
        MPI_Abort(MPI_COMM_WORLD, 1);
    }
    if (rank == 0)
        bench_team_init(team, n_ranks, options->n_processors, bench_pins(options, n_ranks));
    close(file);
    MPI_Barrier(MPI_COMM_WORLD);
    if (rank == 0)
        shm_unlink(name);
    return team;
}

int main(int argc, char **argv)
{
    struct peer_command command;
    const struct bench_subject subject = {.name = PEER_NAME, .prepare = prepare};
    int status, rank, n_ranks;
    if (!peer_command_read(argc, argv, &command, &status))
        return status;
    command.options.settings.processes = true;
    MPI_Init(&argc, &argv);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &n_ranks);
    call.counts = calloc(2 * (size_t)n_ranks, sizeof *call.counts);
    if (call.counts == NULL)
        MPI_Abort(MPI_COMM_WORLD, 1);
    call.offsets = call.counts + n_ranks;
    const struct bench_session session = peer_session(&command, &subject, 1);
    const bool fine = bench_rank_session(&session, share_team(&command.options, rank, n_ranks), rank);
    MPI_Finalize();
    free(call.counts);
    return fine ? EXIT_SUCCESS : EXIT_FAILURE;
}

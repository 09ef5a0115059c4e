// SPDX-License-Identifier: MIT
/* groups.c - threads of the program's own become ranks, and split into rows and columns.
 *
 *     cc -std=c11 groups.c $(pkg-config --cflags --libs weft) -o groups && ./groups
 *
 * Six threads get a group id as text, as they might from a file or a message, and join in whatever order they come. They
 * stand in a grid of 2 rows and 3 columns, and add up their numbers along each. */
#include <pthread.h>
#include <stdio.h>
#include <weft/weft.h>

enum { ROWS = 2, COLUMNS = 3, RANKS = ROWS * COLUMNS };

static weft_status add_up_along(weft_comm *world, int color, int32_t *sum)
{
    int32_t mine = weft_comm_rank(world);
    weft_comm *part = NULL;
    weft_status status = weft_comm_split(world, color, weft_comm_rank(world), &part);
    if (status == WEFT_OK)
        status = weft_allreduce(part, &mine, sum, 1, WEFT_INT32, WEFT_SUM);
    weft_comm_destroy(part);
    return status;
}

static weft_status work(weft_comm *world)
{
    int rank = weft_comm_rank(world);
    int32_t sums[2] = {0, 0}, all[2 * RANKS];
    weft_status status = add_up_along(world, rank / COLUMNS, &sums[0]);
    if (status == WEFT_OK)
        status = add_up_along(world, rank % COLUMNS, &sums[1]);
    if (status == WEFT_OK)
        status = weft_allgather(world, sums, all, 2, WEFT_INT32);
    for (int i = 0; i < RANKS && rank == 0 && status == WEFT_OK; i++)
        printf("rank %d: its row adds up to %d, its column to %d\n", i, (int)all[2 * i], (int)all[2 * i + 1]);
    return status;
}

static void *run_thread(void *text)
{
    weft_group_id id;
    weft_comm *world = NULL;
    weft_status status = weft_group_id_from_text(text, &id);
    if (status == WEFT_OK)
        status = weft_comm_create(&id, RANKS, WEFT_ANY_RANK, NULL, &world);
    if (status == WEFT_OK)
        status = work(world);
    if (status != WEFT_OK)
        fprintf(stderr, "groups: %s\n", weft_last_error());
    weft_comm_destroy(world);
    return status == WEFT_OK ? NULL : text;
}

int main(void)
{
    weft_group_id id;
    char text[WEFT_GROUP_ID_TEXT_SIZE];
    pthread_t threads[RANKS];
    int started = 0, failed = 0;
    if (weft_group_id_create(&id) != WEFT_OK || weft_group_id_to_text(&id, text) != WEFT_OK) {
        fprintf(stderr, "groups: %s\n", weft_last_error());
        return 1;
    }
    while (started < RANKS && pthread_create(&threads[started], NULL, run_thread, text) == 0)
        started++;
    if (started < RANKS)
        weft_group_id_destroy(&id); /* those who have joined wait no longer */
    for (int i = 0; i < started; i++) {
        void *failure = NULL;
        pthread_join(threads[i], &failure);
        failed += failure != NULL;
    }
    return failed == 0 && started == RANKS ? 0 : 1;
}

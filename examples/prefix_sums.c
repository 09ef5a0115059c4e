// SPDX-License-Identifier: MIT
/* prefix_sums.c - each rank keeps some of its numbers, the primes; where its part begins in the list of all follows from how
 * many the ranks before it have: an exscan. So all write one shared array, side by side, without gaps. */
#include <stdio.h>
#include <weft/weft.h>

enum { RANKS = 4, EACH = 2500 };

static int primes[RANKS * EACH];

static int is_prime(int number)
{
    for (int divisor = 2; divisor * divisor <= number; divisor++)
        if (number % divisor == 0)
            return 0;
    return number > 1;
}

static weft_status body(weft_comm *comm, void *arg)
{
    (void)arg;
    int rank = weft_comm_rank(comm), kept[EACH];
    int64_t count = 0, first = 0, after; /* rank 0's exscan leaves first as it is */
    for (int number = rank * EACH; number < (rank + 1) * EACH; number++)
        if (is_prime(number))
            kept[count++] = number;
    weft_status status = weft_exscan(comm, &count, &first, 1, WEFT_INT64, WEFT_SUM);
    if (status != WEFT_OK)
        return status;
    for (int64_t i = 0; i < count; i++)
        primes[first + i] = kept[i];
    after = first + count;
    /* The last rank's is the number of all; the broadcast makes nothing else visible, a barrier does. */
    status = weft_broadcast(comm, &after, 1, WEFT_INT64, RANKS - 1);
    if (status == WEFT_OK)
        status = weft_barrier(comm);
    if (status == WEFT_OK && rank == 0)
        printf("%lld primes, the last one is %d\n", (long long)after, primes[after - 1]);
    return status;
}

int main(void)
{
    if (weft_run(RANKS, NULL, body, NULL) == WEFT_OK)
        return 0;
    fprintf(stderr, "%s\n", weft_last_error());
    return 1;
}

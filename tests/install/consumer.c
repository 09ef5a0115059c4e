// SPDX-License-Identifier: MIT
/* consumer.c - a stranger's program: four ranks add up their numbers, with nothing but the installed library. */
#include <stdio.h>
#include <string.h>
#include <weft/info.h>
#include <weft/weft.h>

static weft_status body(weft_comm *comm, void *arg)
{
    int32_t sum = 0;
    int32_t mine = weft_comm_rank(comm) + 1;
    weft_status status = weft_allreduce(comm, &mine, &sum, 1, WEFT_INT32, WEFT_SUM);
    if (weft_comm_rank(comm) == 0)
        *(int32_t *)arg = sum;
    return status;
}

int main(void)
{
    char expected[32];
    snprintf(expected, sizeof expected, "%d.%d.%d", WEFT_VERSION_MAJOR, WEFT_VERSION_MINOR, WEFT_VERSION_PATCH);
    if (strcmp(weft_version(), expected) != 0) {
        printf("header %s, library %s\n", expected, weft_version());
        return 1;
    }
    /* A program and the library must agree on the address of a built-in type. */
    if (weft_info_type_by_name("int32") != WEFT_INT32) {
        printf("WEFT_INT32 is another object in the program than in the library\n");
        return 1;
    }
    int32_t sum = 0;
    if (weft_run(4, NULL, body, &sum) != WEFT_OK || sum != 10) {
        printf("sum %d instead of 10: %s\n", sum, weft_last_error());
        return 1;
    }
    printf("weft %s: 1 + 2 + 3 + 4 = %d\n", weft_version(), sum);
    return 0;
}

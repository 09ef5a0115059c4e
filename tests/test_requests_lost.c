// SPDX-License-Identifier: MIT
/* Requests that need a rank that has left. The ranks' handles are all the main thread's own, so the order is given. */
#include "support.h"

/* One that goes from rank to rank, and comes last to one that left while it waited for another. */
static void a_rank_that_left_is_missed_later(void **state)
{
    (void)state;
    weft_config config = WEFT_CONFIG_INIT;
    weft_comm *comms[3];
    weft_request *requests[2] = {NULL, NULL};
    int32_t mine = 1, all[3];
    weft_status status = WEFT_PENDING;
    config.algorithms = "gather:pull";
    test_case("a rank leaves before its turn");
    CHECK_OK(weft_comm_create_all(3, &config, comms));
    CHECK_OK(weft_igather(comms[0], &mine, all, 1, WEFT_INT32, 0, &requests[0]));
    CHECK_OK(weft_comm_destroy(comms[2]));
    for (int look = 0; look < 5; look++) {
        CHECK_STATUS(WEFT_PENDING, weft_test(&requests[0])); /* it still waits for rank 1 */
        sleep_us(1000);
    }
    CHECK_OK(weft_igather(comms[1], &mine, NULL, 1, WEFT_INT32, 0, &requests[1]));
    for (int look = 0; look < 1000 && status == WEFT_PENDING; look++) {
        status = weft_test(&requests[0]);
        sleep_us(1000);
    }
    CHECK(status == WEFT_ERR_RANK_LOST, "the gather at the root is %s", weft_status_name(status));
    for (int rank = 0; rank < 2; rank++)
        weft_comm_destroy(comms[rank]);
    for (int rank = 0; rank < 2; rank++)
        weft_wait_one(&requests[rank]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(a_rank_that_left_is_missed_later)};
    return RUN_TESTS("requests_lost", tests);
}

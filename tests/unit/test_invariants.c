// SPDX-License-Identifier: MIT
/* A broken invariant stops a debug build where it is; in a release build it fails the communicator, and all ranks read
 * which one and where. Broken here: a rank counts itself in at a gate twice. */
#include "core/slot.h"
#include "support.h"

#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void arrive_twice(weft_comm *comm)
{
    struct weft_operation operation = {.comm = comm};
    CHECK(!weft_gate_arrive(&operation, 0), "one of two is not the last");
    CHECK(weft_gate_arrive(&operation, 0), "the second is");
    CHECK(!weft_gate_arrive(&operation, 0), "there is no third");
}

static void broken_invariants_do_not_pass(void **unused)
{
    (void)unused;
    weft_comm *comms[2];
    test_case("three at a gate for two");
    CHECK_OK(weft_comm_create_all(2, NULL, comms));
#ifdef NDEBUG
    arrive_twice(comms[0]);
    CHECK_STATUS(WEFT_ERR_SYSTEM, weft_barrier(comms[1]));
    CHECK_ERROR_SAYS("an invariant of the library is broken, which is a bug in it: src/core/slot.h:", -1);
    CHECK_ERROR_SAYS("arrived <= all", -1);
#else
    int status = 0;
    pid_t child = fork();
    if (child == 0) {
        signal(SIGABRT, SIG_DFL);
        arrive_twice(comms[0]);
        _exit(0);
    }
    waitpid(child, &status, 0);
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT, "status %x", (unsigned)status);
#endif
    CHECK_OK(weft_comm_destroy(comms[0]));
    CHECK_OK(weft_comm_destroy(comms[1]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(broken_invariants_do_not_pass)};
    return RUN_TESTS("invariants", tests);
}

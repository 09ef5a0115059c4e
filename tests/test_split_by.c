// SPDX-License-Identifier: MIT
/* weft_comm_split_by: the ranks that share a memory node, a last-level cache or a core find one another. On machines that
 * WEFT_TOPOLOGY describes, where each rank's processor is known; on this one, with all ranks bound to one processor. */
#include "support.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>

struct machine {
    const char *topology;
    int processors, nodes, caches, cores; /* how many; all alike */
};

static const struct machine machines[] = {
    {"numa:2 l3:2 core:2 pu:2", 16, 2, 4, 8},
    {"package:2 l3:1 core:4 pu:1", 8, 1, 2, 8},
    {"package:1 l2:4 core:1 pu:2", 8, 1, 4, 4}, /* no L3: the outermost cache there is */
    {"package:2 core:3 pu:1", 6, 1, 2, 6},      /* no cache: the package */
    {"pu:5", 5, 1, 1, 5},
};

static int groups_of(const struct machine *machine, weft_domain domain)
{
    return domain == WEFT_DOMAIN_NUMA   ? machine->nodes
           : domain == WEFT_DOMAIN_L3   ? machine->caches
           : domain == WEFT_DOMAIN_CORE ? machine->cores
                                        : 1;
}

/* Which of its groups the rank of the first communicator is in. */
static int group_of(const struct machine *machine, weft_domain domain, int rank)
{
    return rank % machine->processors / (machine->processors / groups_of(machine, domain));
}

/* Every rank of `comm`, whose ranks are `first` ones of the communicator before, is with those of its group, and no others. */
static void check_group(weft_comm *parent, weft_comm *comm, const struct machine *machine, weft_domain domain,
                        int place)
{
    int n = weft_comm_size(parent), *places = test_alloc(sizeof *places * (size_t)n), expected = 0;
    int *members = test_alloc(sizeof *members * (size_t)weft_comm_size(comm));
    CHECK_OK(weft_allgather(parent, &place, places, 1, WEFT_INT32));
    CHECK_OK(weft_allgather(comm, &place, members, 1, WEFT_INT32));
    for (int r = n - 1; r >= 0; r--) { /* the keys turn the order round */
        if (group_of(machine, domain, places[r]) != group_of(machine, domain, place))
            continue;
        CHECK(expected < weft_comm_size(comm) && members[expected] == places[r], "domain %d, place %d: rank %d", domain,
              place, expected);
        expected++;
    }
    CHECK(expected == weft_comm_size(comm), "domain %d, place %d: %d ranks, expected %d", domain, place,
          weft_comm_size(comm), expected);
    free(places);
    free(members);
}

static void split_everywhere(weft_comm *comm, void *arg)
{
    const struct machine *machine = arg;
    int place = weft_comm_rank(comm);
    for (int outer = WEFT_DOMAIN_PROCESS; outer <= WEFT_DOMAIN_CORE; outer++) {
        weft_comm *part = NULL, *again = NULL, *inner = NULL;
        CHECK_OK(weft_comm_split_by(comm, (weft_domain)outer, -place, &part));
        check_group(comm, part, machine, (weft_domain)outer, place);
        /* A rank stays where it is, whatever its number in parts of parts. */
        CHECK_OK(weft_comm_dup(part, &again));
        CHECK_OK(weft_comm_split_by(again, WEFT_DOMAIN_L3, weft_comm_rank(again) * -1, &inner));
        if (outer == WEFT_DOMAIN_NUMA && machine->nodes > 1)
            check_group(again, inner, machine, WEFT_DOMAIN_L3, place);
        CHECK_OK(weft_comm_destroy(inner));
        CHECK_OK(weft_comm_destroy(again));
        CHECK_OK(weft_comm_destroy(part));
    }
}

static void ranks_find_those_nearby(void **unused)
{
    (void)unused;
    static const int ranks[] = {1, 2, 5, 8, 16, 21};
    for (size_t m = 0; m < sizeof machines / sizeof machines[0]; m++)
        for (size_t n = 0; n < sizeof ranks / sizeof ranks[0]; n++) {
            struct machine machine = machines[m];
            test_case("%s, %d ranks", machine.topology, ranks[n]);
            setenv("WEFT_TOPOLOGY", machine.topology, 1);
            run_ranks(ranks[n], NULL, split_everywhere, &machine);
        }
    unsetenv("WEFT_TOPOLOGY");
}

static void split_on_one_processor(weft_comm *comm, void *arg)
{
    const cpu_set_t *one = arg;
    cpu_set_t before;
    CHECK(sched_getaffinity(0, sizeof before, &before) == 0 && sched_setaffinity(0, sizeof *one, one) == 0, "binding");
    for (int domain = WEFT_DOMAIN_PROCESS; domain <= WEFT_DOMAIN_CORE; domain++) {
        weft_comm *part = NULL;
        CHECK_OK(weft_comm_split_by(comm, (weft_domain)domain, 0, &part));
        CHECK(weft_comm_size(part) == weft_comm_size(comm) && weft_comm_rank(part) == weft_comm_rank(comm),
              "domain %d: rank %d of %d", domain, weft_comm_rank(part), weft_comm_size(part));
        CHECK_OK(weft_comm_destroy(part));
    }
    sched_setaffinity(0, sizeof before, &before);
}

static void ranks_on_one_processor_share_everything(void **unused)
{
    (void)unused;
    cpu_set_t allowed, one;
    test_case("all ranks bound to one processor");
    CPU_ZERO(&one);
    CHECK(sched_getaffinity(0, sizeof allowed, &allowed) == 0, "affinity");
    for (int cpu = 0; cpu < CPU_SETSIZE; cpu++)
        if (CPU_ISSET(cpu, &allowed) && CPU_COUNT(&one) == 0)
            CPU_SET(cpu, &one);
    run_ranks(5, NULL, split_on_one_processor, &one);
}

/* ---- Failing */

static weft_comm *const untouched = (weft_comm *)(uintptr_t)0x10;

static void ask_for_different_domains(weft_comm *comm, void *arg)
{
    (void)arg;
    weft_comm *part = untouched;
    CHECK_STATUS(WEFT_ERR_MISMATCH,
                 weft_comm_split_by(comm, weft_comm_rank(comm) == 1 ? WEFT_DOMAIN_L3 : WEFT_DOMAIN_NUMA, 0, &part));
    CHECK_ERROR_SAYS("split_by(numa)", -1);
    CHECK_ERROR_SAYS("split_by(l3)", 1);
    CHECK(part == untouched, "a failed call has changed the handle");
}

static void ranks_must_ask_for_one_domain(void **unused)
{
    (void)unused;
    for (int n = 2; n <= 5; n++) {
        test_case("rank 1 of %d asks for another", n);
        run_ranks(n, NULL, ask_for_different_domains, NULL);
    }
}

struct refusal {
    int domain;
    bool no_out;
    weft_status expected;
    const char *says;
};

static void be_refused(weft_comm *comm, void *arg)
{
    const struct refusal *it = arg;
    weft_comm *part = untouched;
    CHECK_STATUS(it->expected, weft_comm_split_by(comm, (weft_domain)it->domain, 0, it->no_out ? NULL : &part));
    CHECK_ERROR_SAYS(it->says, -1);
    CHECK_ERROR_SAYS("weft_comm_split_by", -1);
    CHECK(part == untouched, "a failed call has changed the handle");
}

static void what_cannot_be_is_refused(void **unused)
{
    (void)unused;
    static struct refusal refusals[] = {{4, false, WEFT_ERR_ARGUMENT, "domain"},
                                        {-1, false, WEFT_ERR_ARGUMENT, "domain"},
                                        {WEFT_DOMAIN_L3, true, WEFT_ERR_ARGUMENT, "out"},
                                        {WEFT_DOMAIN_L3, false, WEFT_ERR_SYSTEM, "WEFT_TOPOLOGY"}};
    setenv("WEFT_TOPOLOGY", "a machine of cardboard", 1);
    for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++) {
        test_case("refusal %zu", i);
        run_ranks(3, NULL, be_refused, &refusals[i]);
    }
    unsetenv("WEFT_TOPOLOGY");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(ranks_find_those_nearby),
        TEST(ranks_on_one_processor_share_everything),
        TEST(ranks_must_ask_for_one_domain),
        TEST(what_cannot_be_is_refused),
    };
    return RUN_TESTS("split_by", tests);
}

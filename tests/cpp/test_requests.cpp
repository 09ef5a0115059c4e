// SPDX-License-Identifier: MIT
/* test_requests.cpp - weft::request, and messages of values, vectors and strings. */
#include "support.hpp"

#include <numeric>
#include <string>
#include <utility>
#include <vector>

namespace {

void requests_wait_by_themselves(void **)
{
    on_ranks(4, [](weft::comm &comm) {
        std::vector<double> mine(3000, comm.rank()), all(3000);
        std::vector<int> ranks(static_cast<std::size_t>(comm.size()));
        const int rank = comm.rank();
        int most = rank;
        weft::request kept;
        {
            weft::request sum = comm.iallreduce(mine.data(), all.data(), mine.size());
            kept = comm.iallgather(&rank, ranks.data(), 1);
            (void)comm.ibarrier(); /* waits at once */
        }
        EXPECT(all.front() == 6 && all.back() == 6);
        EXPECT(static_cast<bool>(kept));
        while (!kept.test()) {}
        EXPECT(!kept && ranks.back() == 3);
        weft::request own = comm.iallreduce(&rank, &most, 1, [](int a, int b) { return a > b ? a : b; });
        weft::request moved = std::move(own);
        moved.wait();
        EXPECT(most == 3 && !own && !moved);
        moved.wait();
    });
}

void values_and_objects_are_sent(void **)
{
    on_ranks(3, [](weft::comm &comm) {
        const int right = (comm.rank() + 1) % 3, left = (comm.rank() + 2) % 3;
        std::string text(1000, static_cast<char>('a' + comm.rank())), came;
        weft::request out = comm.isend(&text, 1, right, 5);
        const weft::message got = comm.recv(&came, 1, left, 5);
        out.wait();
        EXPECT(came == std::string(1000, static_cast<char>('a' + left)) && got.source == left && got.count == 1);
        comm.send(3.5 + comm.rank(), right);
        EXPECT(comm.probe(left).tag == 0);
        EXPECT(comm.recv<double>(left) == 3.5 + left);
        EXPECT(!comm.iprobe());
        comm.barrier(); /* those who have left are told apart from those who send nothing */
        int nothing = 0;
        weft::request never = comm.irecv(&nothing, 1, left, 9);
        EXPECT(never.cancel() && !never);
        EXPECT(failure_of([&] { comm.send(1, 17); }) == WEFT_ERR_ARGUMENT);
    });
}

} // namespace

int main()
{
    const CMUnitTest tests[] = {TEST(requests_wait_by_themselves), TEST(values_and_objects_are_sent)};
    return RUN_TESTS("cpp_requests", tests);
}

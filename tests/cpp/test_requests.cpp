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

/* Neither made from nothing nor assigned. */
struct constant {
    explicit constant(int n) : number(n) {}
    const int number;
    std::string text = "a text too long for a small string";
};

void objects_and_ranges_are_sent(void **)
{
    on_ranks(2, [](weft::comm &comm) {
        const int other = 1 - comm.rank();
        const std::vector<std::string> words(3, std::string(40, static_cast<char>('a' + comm.rank())));
        std::vector<std::string> came;
        EXPECT(comm.sendrecv(words, other, came, other, 3).count == 1); /* arrives whole */
        EXPECT(came.size() == 3 && came[2] == std::string(40, static_cast<char>('a' + other)));

        const int out[3] = {comm.rank(), 5, 6};
        int in[4] = {0, 0, 0, 9};
        weft::message got{};
        weft::request sending = comm.isend(out, other), receiving = comm.irecv(in, other, weft::any_tag, &got);
        receiving.wait();
        sending.wait();
        EXPECT(got.count == 3 && in[0] == other && in[2] == 6 && in[3] == 9);

        const constant mine(comm.rank());
        constant theirs(7);
        sending = comm.isend(mine, other, 1);
        EXPECT(comm.recv(theirs, other, 1).count == 1 && theirs.number == other && theirs.text == mine.text);
        sending.wait();

        int number = comm.rank(), back = -1;
        comm.send(&number, 1, other); /* by pointer and count */
        EXPECT(comm.recv(&back, 1, other, weft::any_tag).count == 1 && back == other);
        number = comm.rank() + 20;
        const weft::message alone = comm.sendrecv(number, other, back, weft::no_rank);
        EXPECT(alone.source == weft::no_rank && comm.recv(back).source == other && back == other + 20);
        if (comm.rank() == 0) {
            comm.send(tracked(3), 1);
            comm.send(words, 1); /* its receiver expects a number */
        } else {
            EXPECT(comm.recv<tracked>(0).value == 3);
            EXPECT(failure_of([&] { comm.recv(back, 0); }) == WEFT_ERR_MISMATCH);
        }
    });
}

} // namespace

int main()
{
    const CMUnitTest tests[] = {TEST(requests_wait_by_themselves), TEST(values_and_objects_are_sent),
                                TEST(objects_and_ranges_are_sent)};
    return RUN_TESTS("cpp_requests", tests);
}

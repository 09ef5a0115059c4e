// SPDX-License-Identifier: MIT
/* test_nonblocking.cpp - nonblocking collectives on ranges, waits for several requests, abort and report. */
#include "support.hpp"

#include <cstdio>
#include <cstdlib>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

namespace {

/* Each nonblocking call on ranges gives what the blocking one gives; two are in flight at once. */
void ranges_fly(void **)
{
    for (int n = 1; n <= 5; n++)
        on_ranks(n, [=](weft::comm &comm) {
            const int rank = comm.rank(), root = n / 2;
            const std::size_t ranks = static_cast<std::size_t>(n);
            std::vector<int> send(3 * ranks), block(3), counts_of(ranks), expected, got, first, second;
            std::iota(send.begin(), send.end(), 100 * rank);
            std::iota(block.begin(), block.end(), 10 * rank);
            const auto same = [&](weft::request one, const std::vector<int> &found) {
                one.wait();
                EXPECT(found == expected);
            };
            comm.allgather(block, expected);
            same(comm.iallgather(block, got), got);
            comm.gather(block, expected, root);
            got.clear();
            same(comm.igather(block, got, root), rank == root ? got : expected);
            expected.assign(3, 0);
            comm.scatter(send, expected, root);
            got.assign(3, 0);
            same(comm.iscatter(send, got, root), got);
            comm.alltoall(send, expected);
            same(comm.ialltoall(send, got), got);
            comm.allreduce(send, expected);
            same(comm.iallreduce(send, got), got);
            got = send;
            same(comm.iallreduce(got), got);
            comm.scan(send, expected, weft::max{});
            same(comm.iscan(send, got, weft::max{}), got);
            got = send;
            same(comm.iscan(got, weft::max{}), got);
            expected = send;
            comm.exscan(expected);
            got = send;
            same(comm.iexscan(got), got);
            got = send;
            same(comm.iexscan(send, got), got);
            expected = send;
            comm.reduce(expected, weft::sum{}, root);
            got = send;
            same(comm.ireduce(got, weft::sum{}, root), got);
            got = send;
            same(comm.ireduce(send, got, weft::sum{}, root), got);
            comm.reduce_scatter(send, expected);
            same(comm.ireduce_scatter(send, got), got);
            int filled[4] = {rank == root ? 7 : 0, 0, 0, rank == root ? 8 : 0};
            comm.ibroadcast(filled, root).wait();
            EXPECT(filled[0] == 7 && filled[3] == 8);
            std::string word = rank == root ? "a long enough string to be allocated" : "";
            comm.ibroadcast(word, root).wait();
            EXPECT(word == "a long enough string to be allocated");

            weft::request flying[2] = {comm.iallreduce(block, first), comm.iallgather(block, second)};
            weft::wait_all(flying);
            EXPECT(!flying[0] && !flying[1] && first[0] == 5 * n * (n - 1) && second.size() == 3 * ranks);
            EXPECT(weft::wait_any(flying) == 2);
        });
}

/* Counts are the call's own: the caller's may go. */
void uneven_ranges_fly(void **)
{
    for (int n = 1; n <= 5; n++)
        on_ranks(n, [=](weft::comm &comm) {
            const int rank = comm.rank(), root = n - 1;
            std::vector<std::size_t> counts;
            for (int r = 0; r < n; r++)
                counts.push_back(static_cast<std::size_t>(r + 1));
            const std::size_t own = counts[static_cast<std::size_t>(rank)];
            const std::size_t all = static_cast<std::size_t>(n * (n + 1) / 2);
            std::vector<int> block(own, rank), send(all, rank), expected, got,
                many(own * static_cast<std::size_t>(n), rank);
            const auto same = [&](weft::request one, std::vector<std::size_t> &&gone) {
                gone.assign(gone.size(), 1000000);
                one.wait();
                EXPECT(got == expected);
            };
            const auto start = [&](auto &&call) {
                std::vector<std::size_t> copy = counts;
                weft::request one = call(copy);
                same(std::move(one), std::move(copy));
            };
            comm.allgatherv(block, expected, counts);
            start([&](auto &own_counts) { return comm.iallgatherv(block, got, own_counts); });
            expected.clear();
            got.clear();
            comm.gatherv(block, expected, counts, root);
            start([&](auto &own_counts) { return comm.igatherv(block, got, own_counts, root); });
            expected.assign(own, 0);
            got.assign(own, 0);
            comm.scatterv(send, counts, expected, root);
            start([&](auto &own_counts) { return comm.iscatterv(send, own_counts, got, root); });
            comm.reduce_scatterv(send, expected, counts);
            start([&](auto &own_counts) { return comm.ireduce_scatterv(send, got, own_counts); });
            const std::vector<std::size_t> mine(static_cast<std::size_t>(n), own);
            comm.alltoallv(many, mine, expected, counts);
            start([&](auto &own_counts) { return comm.ialltoallv(many, mine, got, own_counts); });
        });
}

void any_of_several_is_found(void **)
{
    on_ranks(2, [](weft::comm &comm) {
        const int other = 1 - comm.rank();
        int early = 0, late = 0;
        std::vector<weft::request> requests(3);
        requests[1] = comm.irecv(&late, 1, other, 1);
        requests[2] = comm.irecv(&early, 1, other, 2);
        comm.send(5, other, 2);
        EXPECT(weft::wait_any(requests) == 2 && early == 5 && !requests[2] && requests[1]);
        comm.barrier();
        comm.send(6, other, 1);
        weft::wait_all(requests[0], requests[1]);
        EXPECT(late == 6 && !requests[1]);
    });
}

void an_abort_is_told_to_who_waits(void **)
{
    on_ranks(3, [](weft::comm &whole) {
        weft::comm comm = whole.dup();
        std::vector<weft::request> requests;
        if (comm.rank() == 1)
            comm.abort("no more paper");
        try {
            if (comm.rank() != 1)
                requests.push_back(comm.ibarrier());
            weft::wait_all(requests);
            comm.barrier();
            EXPECT(!"an abort was told");
        } catch (const weft::error &told) {
            EXPECT(told.status() == WEFT_ERR_ABORTED &&
                   std::string(told.what()).find("no more paper") != std::string::npos);
        }
        for (const weft::request &each : requests)
            EXPECT(!each);
        char *text = nullptr;
        std::size_t size = 0;
        std::FILE *out = open_memstream(&text, &size);
        comm.report(out);
        std::fclose(out);
        EXPECT(std::string(text).find("rank 2") != std::string::npos);
        std::free(text);
    });
}

} // namespace

int main()
{
    const CMUnitTest tests[] = {TEST(ranges_fly), TEST(uneven_ranges_fly), TEST(any_of_several_is_found),
                                TEST(an_abort_is_told_to_who_waits)};
    return RUN_TESTS("cpp_nonblocking", tests);
}

// SPDX-License-Identifier: MIT
/* test_blocks.cpp - a block for each rank, and scans: every form, blocking and not, of numbers, plain types and classes. */
#include "support.hpp"

#include <array>
#include <memory>
#include <numeric>
#include <string>
#include <vector>

namespace {

constexpr int rank_counts[] = {1, 2, 3, 5, 8, 33};

using sizes = std::vector<std::size_t>;

/* Of rank r's block: none, one, two, none, ... */
std::size_t uneven(std::size_t r)
{
    return r % 3;
}

sizes uneven_counts(std::size_t ranks)
{
    sizes counts(ranks);
    for (std::size_t r = 0; r < ranks; r++)
        counts[r] = uneven(r);
    return counts;
}

sizes packed(const sizes &counts)
{
    sizes offsets(counts.size() + 1);
    std::partial_sum(counts.begin(), counts.end(), offsets.begin() + 1);
    return offsets;
}

/* What rank r has to say, in one form and another. */
template <class T>
T word(std::size_t r, std::size_t i);
template <>
int word<int>(std::size_t r, std::size_t i)
{
    return static_cast<int>(100 * r + i);
}
template <>
std::string word<std::string>(std::size_t r, std::size_t i)
{
    return "a word too long for a small string: " + std::to_string(100 * r + i);
}
template <>
std::array<short, 3> word<std::array<short, 3>>(std::size_t r, std::size_t i)
{
    return {static_cast<short>(r), static_cast<short>(i), 7};
}

template <class T>
std::vector<T> words(std::size_t r, std::size_t count)
{
    std::vector<T> made;
    for (std::size_t i = 0; i < count; i++)
        made.push_back(word<T>(r, i));
    return made;
}

/* Blocks of counts[r] words, or of two, from each rank, one behind the other. */
template <class T>
std::vector<T> words_of_all(const sizes &counts)
{
    std::vector<T> made;
    for (std::size_t r = 0; r < counts.size(); r++)
        for (const T &each : words<T>(r, counts[r]))
            made.push_back(each);
    return made;
}

template <class T>
void gather_and_scatter(weft::comm &comm, int root)
{
    const std::size_t rank = static_cast<std::size_t>(comm.rank()), ranks = static_cast<std::size_t>(comm.size());
    const bool mine = comm.rank() == root;
    const sizes counts = uneven_counts(ranks), offsets = packed(counts), none;
    const std::vector<T> empty, all = words_of_all<T>(sizes(ranks, 2)), differing = words_of_all<T>(counts);

    const std::vector<T> values = comm.gather(word<T>(rank, 0), root);
    EXPECT(values.size() == (mine ? ranks : 0) && (!mine || values.back() == word<T>(ranks - 1, 0)));
    std::vector<T> got;
    comm.gather(words<T>(rank, 2), got, root);
    EXPECT(got == (mine ? all : empty));
    comm.gatherv(words<T>(rank, uneven(rank)), got, mine ? counts : none, root);
    EXPECT(!mine || got == differing);
    std::vector<T> into(mine ? offsets.back() : 0);
    const std::vector<T> own = words<T>(rank, uneven(rank));
    weft::request later = comm.igatherv(own.data(), own.size(), into.data(), counts.data(), offsets.data(), root);
    later.wait();
    EXPECT(!mine || into == differing);

    EXPECT(comm.scatter(mine ? values : empty, root) == word<T>(rank, 0));
    std::vector<T> two(2), few(uneven(rank));
    comm.scatter(mine ? all : empty, two, root);
    EXPECT(two == words<T>(rank, 2));
    comm.scatterv(mine ? differing : empty, mine ? counts : none, few, root);
    EXPECT(few == own);
    std::vector<T> again(few.size()), pair(2);
    weft::request first =
        comm.iscatterv(differing.data(), counts.data(), offsets.data(), again.data(), again.size(), root);
    weft::request second = comm.iscatter(all.data(), pair.data(), 2, root);
    second.wait();
    first.wait();
    EXPECT(again == own && pair == two);
}

template <class T>
void exchange(weft::comm &comm)
{
    const std::size_t rank = static_cast<std::size_t>(comm.rank()), ranks = static_cast<std::size_t>(comm.size());
    const sizes counts = uneven_counts(ranks), offsets = packed(counts);
    const std::vector<T> own = words<T>(rank, uneven(rank)), differing = words_of_all<T>(counts);
    std::vector<T> got, later(differing.size());
    comm.allgatherv(own, got, counts);
    EXPECT(got == differing);
    weft::request request = comm.iallgatherv(own.data(), own.size(), later.data(), counts.data(), offsets.data());
    request.wait();
    EXPECT(later == differing);

    /* Word `to` of those of each rank. */
    const std::vector<T> out = words<T>(rank, ranks);
    std::vector<T> in, also(ranks);
    comm.alltoall(out, in);
    request = comm.ialltoall(out.data(), also.data(), 1);
    request.wait();
    EXPECT(in == also && in.size() == ranks);
    for (std::size_t r = 0; r < ranks; r++)
        EXPECT(in[r] == word<T>(r, rank));

    /* So many words to rank r as r says; so rank 0 gets none. */
    const std::vector<T> send = words<T>(rank, offsets.back());
    const sizes equal(ranks, uneven(rank)), steps = packed(equal);
    std::vector<T> received, copy(steps.back());
    comm.alltoallv(send, counts, received, equal);
    request = comm.ialltoallv(send.data(), counts.data(), offsets.data(), copy.data(), equal.data(), steps.data());
    request.wait();
    EXPECT(received == copy && received.size() == steps.back());
    for (std::size_t r = 0; r < ranks; r++)
        for (std::size_t i = 0; i < uneven(rank); i++)
            EXPECT(received[steps[r] + i] == word<T>(r, offsets[rank] + i));
}

void blocks_of_any_copyable_type_move(void **)
{
    for (int n : rank_counts)
        on_ranks(n, [=](weft::comm &comm) {
            for (int root = 0; root < n; root += 4) {
                gather_and_scatter<int>(comm, root);
                gather_and_scatter<std::string>(comm, root);
                gather_and_scatter<std::array<short, 3>>(comm, root);
            }
            exchange<int>(comm);
            exchange<std::string>(comm);
            exchange<std::array<short, 3>>(comm);
            const std::vector<bool> odd = comm.gather(comm.rank() % 2 == 1);
            EXPECT(comm.rank() > 0 || (odd.size() == static_cast<std::size_t>(n) && !odd[0]));
        });
}

void reductions_give_blocks_and_prefixes(void **)
{
    for (int n : rank_counts)
        on_ranks(n, [=](weft::comm &comm) {
            const int rank = comm.rank(), all = n * (n - 1) / 2;
            const std::size_t ranks = static_cast<std::size_t>(n), own = static_cast<std::size_t>(rank);
            const sizes counts = uneven_counts(ranks);
            std::vector<int> send(2 * ranks, rank), got, uneven_send(packed(counts).back(), rank), later(2);
            comm.reduce_scatter(send, got);
            EXPECT(got == std::vector<int>(2, all));
            comm.reduce_scatter(send, got, [](int a, int b) { return a > b ? a : b; });
            EXPECT(got == std::vector<int>(2, n - 1));
            comm.reduce_scatterv(uneven_send, got, counts, weft::max{});
            EXPECT(got == std::vector<int>(uneven(own), n - 1));
            weft::request one = comm.ireduce_scatter(send.data(), later.data(), 2);
            weft::request two = comm.ireduce_scatterv(uneven_send.data(), got.data(), counts.data());
            two.wait();
            one.wait();
            EXPECT(later == std::vector<int>(2, all) && got == std::vector<int>(uneven(own), all));

            EXPECT(comm.scan(rank) == rank * (rank + 1) / 2);
            EXPECT(comm.exscan(rank).value_or(-1) == (rank > 0 ? rank * (rank - 1) / 2 : -1));
            EXPECT(comm.exscan(rank).has_value() == (rank > 0));
            EXPECT(comm.scan(1 + rank, weft::max{}) == 1 + rank);
            std::vector<double> values(3, 0.5), sums;
            comm.scan(values, sums);
            EXPECT(sums == std::vector<double>(3, 0.5 * (rank + 1)));
            comm.exscan(values, sums); /* rank 0 keeps its own */
            EXPECT(sums == std::vector<double>(3, 0.5 * (rank > 0 ? rank : 1)));
            weft::request scan = comm.iscan(values.data(), sums.data(), 3);
            double below = 7;
            weft::request exscan = comm.iexscan(values.data(), &below, 1, [](double a, double b) { return a + b; });
            exscan.wait();
            scan.wait();
            EXPECT(sums[2] == 0.5 * (rank + 1) && below == (rank > 0 ? 0.5 * rank : 7));
            comm.scan(values);
            EXPECT(values == sums);
            comm.exscan(values.data(), 2, weft::min{});
            EXPECT(values[0] == 0.5 && values[1] == 0.5);
        });
}

void wrong_sizes_fail_for_all(void **)
{
    for (int kind = 0; kind < 5; kind++)
        on_ranks(2, [=](weft::comm &comm) {
            std::vector<int> three(3), got;
            std::array<int, 7> seven{};
            const sizes short_counts(1, 3), counts{1, 1};
            const weft_status status = failure_of([&] {
                if (kind == 0)
                    comm.alltoall(three, got);
                else if (kind == 1)
                    comm.reduce_scatter(three, got);
                else if (kind == 2)
                    comm.allgatherv(three, got, short_counts);
                else if (kind == 3)
                    comm.scatter(three, seven);
                else
                    comm.alltoallv(three, counts, got, counts);
            });
            EXPECT(status == WEFT_ERR_ARGUMENT);
            EXPECT(comm.status() == WEFT_ERR_ARGUMENT);
        });
}

void a_copy_that_throws_fails_the_call_alone(void **)
{
    const int before = tracked::living;
    on_ranks(3, [](weft::comm &comm) {
        std::vector<tracked> mine(1), all;
        mine[0].value = comm.rank();
        mine[0].fragile = comm.rank() == 1;
        const bool root = comm.rank() == 0;
        all.resize(root ? 3 : 0);
        if (root)
            EXPECT(throws<mishap>([&] { comm.gather(mine.data(), all.data(), 1); }));
        else
            EXPECT(failure_of([&] { comm.gather(mine.data(), all.data(), 1); }) == WEFT_ERR_CALLBACK);
        mine[0].fragile = false;
        comm.gather(mine.data(), all.data(), 1);
        EXPECT(!root || all[2].value == 2);
    });
    EXPECT(tracked::living == before);
}

void ranks_split_by_where_they_run(void **)
{
    on_ranks(4, [](weft::comm &comm) {
        weft::comm all = comm.split_by(weft::domain::process, -comm.rank());
        EXPECT(all.size() == 4 && all.rank() == 3 - comm.rank());
        EXPECT(all.allreduce(1) == 4);
    });
}

} // namespace

int main()
{
    const CMUnitTest tests[] = {
        TEST(blocks_of_any_copyable_type_move), TEST(reductions_give_blocks_and_prefixes),
        TEST(wrong_sizes_fail_for_all),         TEST(a_copy_that_throws_fails_the_call_alone),
        TEST(ranks_split_by_where_they_run),
    };
    return RUN_TESTS("cpp_blocks", tests);
}

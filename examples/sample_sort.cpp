// SPDX-License-Identifier: MIT
/* sample_sort.cpp - sorts numbers that are spread over the ranks. Each sorts its own and offers a few of them; what all offered
 * gives the limits between ranks; an alltoallv takes each number to the rank that it belongs to, which sorts what came. */
#include <weft/weft.hpp>

#include <algorithm>
#include <iostream>
#include <optional>
#include <random>
#include <utility>
#include <vector>

/* Those that separate the ranks: every size()-th of the samples. */
static std::vector<double> splitters(weft::comm &comm, const std::vector<double> &sorted)
{
    const std::size_t ranks = static_cast<std::size_t>(comm.size());
    std::vector<double> samples, all, limits;
    for (std::size_t i = 0; i < ranks; i++)
        samples.push_back(sorted[i * sorted.size() / ranks]);
    comm.allgather(samples, all);
    std::sort(all.begin(), all.end());
    for (std::size_t i = 1; i < ranks; i++)
        limits.push_back(all[i * ranks]);
    return limits;
}

static void sample_sort(weft::comm &comm, std::vector<double> &numbers)
{
    std::sort(numbers.begin(), numbers.end());
    std::vector<std::size_t> go, come;
    auto from = numbers.begin();
    for (const double limit : splitters(comm, numbers)) {
        const auto to = std::lower_bound(from, numbers.end(), limit);
        go.push_back(static_cast<std::size_t>(to - from));
        from = to;
    }
    go.push_back(static_cast<std::size_t>(numbers.end() - from));
    comm.alltoall(go, come); /* how many come from each rank */
    comm.alltoallv(std::vector<double>(numbers), go, numbers, come);
    std::sort(numbers.begin(), numbers.end());
}

int main()
{
    weft::run(4, [](weft::comm &comm) {
        std::mt19937 random(static_cast<unsigned>(comm.rank()));
        std::normal_distribution<double> bell;
        std::vector<double> numbers(100000);
        for (double &number : numbers)
            number = bell(random);
        sample_sort(comm, numbers);

        const std::optional<double> below = comm.exscan(numbers.back(), weft::max{}); /* rank 0 has none below */
        const bool fits = std::is_sorted(numbers.begin(), numbers.end()) && below.value_or(numbers[0]) <= numbers[0];
        const bool sorted = comm.allreduce(fits, weft::land{});
        const std::size_t total = comm.allreduce(numbers.size());
        if (comm.rank() == 0)
            std::cout << total << " numbers are " << (sorted ? "sorted\n" : "not sorted\n");
    });
}

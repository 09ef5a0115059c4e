// SPDX-License-Identifier: MIT
/* word_count.cpp - ranks count the words of a text, each in its share of the lines, and merge their maps by allreduce.
 *
 *     c++ -std=c++17 word_count.cpp $(pkg-config --cflags --libs weft) -o word_count && ./word_count 4 < some.txt
 *
 * Shows: weft::run, a broadcast and a reduction of standard containers, a function as the operation. */
#include <weft/weft.hpp>

#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

using counts = std::map<std::string, int>;

static counts count_words(const std::vector<std::string> &lines, int rank, int size)
{
    counts words;
    for (std::size_t i = static_cast<std::size_t>(rank); i < lines.size(); i += static_cast<std::size_t>(size)) {
        std::istringstream line(lines[i]);
        for (std::string word; line >> word;)
            words[word]++;
    }
    return words;
}

static counts merge(const counts &a, const counts &b)
{
    counts both = a;
    for (const auto &[word, times] : b)
        both[word] += times;
    return both;
}

static void print_most_frequent(const counts &words, std::size_t how_many)
{
    std::vector<std::pair<int, std::string>> order;
    for (const auto &[word, times] : words)
        order.emplace_back(-times, word);
    std::sort(order.begin(), order.end());
    order.resize(std::min(order.size(), how_many));
    for (const auto &[times, word] : order)
        std::cout << -times << '\t' << word << '\n';
}

int main(int argc, char **argv)
try {
    weft::run(argc > 1 ? std::atoi(argv[1]) : 4, [](weft::comm &comm) {
        std::vector<std::string> lines;
        if (comm.rank() == 0)
            for (std::string line; std::getline(std::cin, line);)
                lines.push_back(line);
        comm.broadcast(lines); /* arrives with rank 0's size */

        const counts words = comm.allreduce(count_words(lines, comm.rank(), comm.size()), merge);
        const bool same = comm.allreduce(words.size(), weft::min{}) == comm.allreduce(words.size(), weft::max{});
        if (comm.rank() == 0 && same)
            print_most_frequent(words, 10);
    });
    return 0;
} catch (const weft::error &error) {
    std::cerr << "word_count: " << error.what() << '\n';
    return 1;
}

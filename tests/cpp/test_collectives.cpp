// SPDX-License-Identifier: MIT
/* test_collectives.cpp - every form of every collective on plain types: values, pointers, ranges, operations. */
#include "support.hpp"

#include <array>
#include <complex>
#include <cstddef>
#include <functional>
#include <limits>
#include <string>
#include <type_traits>
#include <vector>

namespace {

constexpr int rank_counts[] = {1, 2, 3, 5, 8};

struct pixel {
    unsigned char r, g, b;
    friend bool operator==(pixel x, pixel y) { return x.r == y.r && x.g == y.g && x.b == y.b; }
};

/* What std::span is, for C++17. */
template <class T>
class view {
public:
    view(T *data, std::size_t size) : data_(data), size_(size) {}
    T *data() const { return data_; }
    std::size_t size() const { return size_; }

private:
    T *data_;
    std::size_t size_;
};

/* Holds its elements, has data() and size(), cannot be resized. */
template <class T, std::size_t N>
struct fixed {
    T elements[N];
    T *data() { return elements; }
    const T *data() const { return elements; }
    std::size_t size() const { return N; }
};

void broadcast_takes_values_pointers_and_ranges(void **)
{
    for (int n : rank_counts)
        for (int root = 0; root < n; root++)
            on_ranks(n, [=](weft::comm &comm) {
                const bool mine = comm.rank() == root;
                int number = mine ? 42 : 0;
                comm.broadcast(number, root);
                EXPECT(number == 42);

                pixel color = mine ? pixel{1, 2, 3} : pixel{};
                comm.broadcast(color, root);
                EXPECT(color == pixel{1, 2, 3});

                bool flag = mine;
                comm.broadcast(flag, root);
                EXPECT(flag);

                int memory[3] = {mine ? 1 : 0, mine ? 2 : 0, mine ? 3 : 0};
                comm.broadcast(memory, 2, root); /* two of them */
                EXPECT(memory[1] == 2 && memory[2] == (mine ? 3 : 0));
                comm.broadcast(memory, root); /* all */
                EXPECT(memory[2] == 3);

                std::array<double, 4> array{};
                array.fill(mine ? 0.5 : 0);
                comm.broadcast(array, root);
                EXPECT(array[3] == 0.5);

                std::vector<float> storage(5, mine ? 1.5F : 0.0F);
                comm.broadcast(view<float>(storage.data(), 5), root);
                EXPECT(storage[4] == 1.5F);

                fixed<short, 3> small{};
                small.elements[2] = mine ? 9 : 0;
                comm.broadcast(small, root);
                EXPECT(small.elements[2] == 9);

                /* A vector arrives with the root's size. */
                std::vector<int> vector(mine ? 1000 : static_cast<std::size_t>(comm.rank()), mine ? 7 : 0);
                comm.broadcast(vector, root);
                EXPECT(vector == std::vector<int>(1000, 7));

                comm.broadcast(static_cast<int *>(nullptr), 0, root);
            });
    on_ranks(3, [](weft::comm &comm) {
        int number = comm.rank() + 1;
        comm.broadcast(number); /* from rank 0 */
        EXPECT(number == 1);
    });
}

void allgather_takes_values_pointers_and_ranges(void **)
{
    for (int n : rank_counts)
        on_ranks(n, [=](weft::comm &comm) {
            const int rank = comm.rank();
            const std::size_t ranks = static_cast<std::size_t>(n);
            const std::vector<int> all = comm.allgather(rank * rank);
            EXPECT(all.size() == ranks);
            const std::vector<bool> odd = comm.allgather(rank % 2 == 1);
            const std::vector<pixel> colors = comm.allgather(pixel{static_cast<unsigned char>(rank), 0, 1});
            const std::vector<std::array<int, 2>> pairs = comm.allgather(std::array<int, 2>{rank, -rank});
            for (std::size_t r = 0; r < ranks; r++) {
                EXPECT(all[r] == static_cast<int>(r * r) && odd[r] == (r % 2 == 1));
                EXPECT(colors[r] == pixel{static_cast<unsigned char>(r), 0, 1});
                EXPECT(pairs[r][1] == -static_cast<int>(r));
            }

            const int send[2] = {rank, 10 * rank};
            std::vector<int> recv(2 * ranks);
            comm.allgather(send, recv.data(), 2);
            EXPECT(recv[2 * ranks - 1] == 10 * (n - 1));

            std::vector<int> in_place(2 * ranks, -1);
            in_place[2 * static_cast<std::size_t>(rank)] = rank;
            in_place[2 * static_cast<std::size_t>(rank) + 1] = 10 * rank;
            comm.allgather(in_place.data(), 2);
            EXPECT(in_place == recv);

            std::vector<int> grown;
            comm.allgather(send, grown);
            EXPECT(grown == recv);
            std::vector<int> exact(2 * ranks);
            comm.allgather(std::vector<int>{rank, 10 * rank}, view<int>(exact.data(), exact.size()));
            EXPECT(exact == recv);
            comm.allgather(static_cast<int *>(nullptr), 0);
        });
}

template <class T>
void reduce_all_ways(weft::comm &comm)
{
    const int n = comm.size();
    const T mine = static_cast<T>(static_cast<float>(comm.rank() + 1));
    const auto number = [](T value) { return static_cast<float>(value); };
    const float total = static_cast<float>(n * (n + 1) / 2);
    EXPECT(number(comm.allreduce(mine)) == total);
    EXPECT(number(comm.allreduce(mine, weft::sum{})) == total);
    EXPECT(number(comm.allreduce(mine, weft::op::sum)) == total);
    EXPECT(number(comm.allreduce(mine, WEFT_SUM)) == total);
    EXPECT(number(comm.allreduce(mine, std::plus<>{})) == total);
    EXPECT(number(comm.allreduce(mine, weft::min{})) == 1);
    EXPECT(number(comm.allreduce(mine, weft::max{})) == static_cast<float>(n));
    EXPECT(number(comm.allreduce(static_cast<T>(static_cast<float>(4)), weft::avg{})) == 4);
    EXPECT(number(comm.allreduce(static_cast<T>(static_cast<float>(2)), weft::prod{})) ==
           static_cast<float>(1 << (n < 6 ? n : 6)));
}

void allreduce_combines_every_number(void **)
{
    for (int n : {1, 2, 3, 5, 6})
        on_ranks(n, [](weft::comm &comm) {
            reduce_all_ways<signed char>(comm);
            reduce_all_ways<unsigned char>(comm);
            reduce_all_ways<char>(comm);
            reduce_all_ways<short>(comm);
            reduce_all_ways<unsigned short>(comm);
            reduce_all_ways<int>(comm);
            reduce_all_ways<unsigned>(comm);
            reduce_all_ways<long>(comm);
            reduce_all_ways<unsigned long>(comm);
            reduce_all_ways<long long>(comm);
            reduce_all_ways<unsigned long long>(comm);
            reduce_all_ways<float>(comm);
            reduce_all_ways<double>(comm);
            reduce_all_ways<weft::float16>(comm);
            reduce_all_ways<weft::bfloat16>(comm);
            reduce_all_ways<weft::detail::native_float16>(comm);
            reduce_all_ways<weft::detail::native_bfloat16>(comm);
        });
}

void allreduce_combines_bits_flags_and_places(void **)
{
    on_ranks(3, [](weft::comm &comm) {
        const unsigned bit = 1U << comm.rank();
        EXPECT(comm.allreduce(bit, weft::bor{}) == 7U && comm.allreduce(bit, std::bit_or<>{}) == 7U);
        EXPECT(comm.allreduce(bit | 8U, weft::band{}) == 8U && comm.allreduce(bit | 8U, weft::bxor{}) == 15U);
        EXPECT(comm.allreduce(comm.rank(), weft::land{}) == 0 && comm.allreduce(comm.rank(), weft::lor{}) == 1);
        EXPECT(comm.allreduce(comm.rank(), weft::lxor{}) == 0);

        const bool one = comm.rank() == 1;
        EXPECT(comm.allreduce(one, weft::lor{}) && !comm.allreduce(one, weft::land{}));
        EXPECT(comm.allreduce(true, weft::lxor{}) && comm.allreduce(true, weft::sum{}));
        EXPECT(comm.allreduce(one, weft::max{}) && !comm.allreduce(one, std::logical_and<>{}));
        const bool all = comm.allreduce(true); /* the sum is true, not 3 */
        unsigned char stored;
        std::memcpy(&stored, &all, 1);
        EXPECT(stored == 1);

        enum class access : unsigned char { read = 1, write = 2, run = 4 };
        const access rights[] = {access::read, access::write, access::run};
        EXPECT(static_cast<int>(comm.allreduce(rights[comm.rank()], weft::bor{})) == 7);

        const weft::indexed<double> here{comm.rank() == 1 ? -1.0 : 1.0, comm.rank()};
        EXPECT(comm.allreduce(here, weft::minloc{}).index == 1 && comm.allreduce(here, weft::maxloc{}).index == 0);
        EXPECT(comm.allreduce(here, weft::op::minloc).value == -1.0);
    });
}

void allreduce_takes_pointers_and_ranges(void **)
{
    for (int n : rank_counts)
        on_ranks(n, [=](weft::comm &comm) {
            const float mine = static_cast<float>(comm.rank());
            const float last = static_cast<float>(n - 1);
            std::vector<float> vector(1000, mine);
            comm.allreduce(vector, weft::max{});
            EXPECT(vector == std::vector<float>(1000, last));

            float memory[2] = {mine, 1};
            comm.allreduce(memory);
            EXPECT(memory[1] == static_cast<float>(n));
            comm.allreduce(memory, 1, weft::min{});
            std::array<float, 2> array{mine, -mine};
            comm.allreduce(array, weft::op::min);
            EXPECT(array[1] == -last);
            std::vector<float> storage(3, mine);
            comm.allreduce(view<float>(storage.data(), 2), weft::max{});
            EXPECT(storage[1] == last && storage[2] == mine);

            const std::vector<float> send(4, 1.0F);
            std::vector<float> recv;
            comm.allreduce(send, recv);
            EXPECT(recv == std::vector<float>(4, static_cast<float>(n)));
            comm.allreduce(send, recv, weft::avg{});
            EXPECT(recv == send);
            comm.allreduce(send.data(), recv.data(), 2, weft::prod{});
            comm.allreduce(send, view<float>(recv.data(), recv.size()), weft::max{});
            EXPECT(recv == send);
            std::vector<float> none;
            comm.allreduce(none);
        });
}

void reduce_gives_the_root_alone(void **)
{
    for (int n : rank_counts)
        for (int root = 0; root < n; root += 2)
            on_ranks(n, [=](weft::comm &comm) {
                const bool mine = comm.rank() == root;
                const std::optional<int> total = comm.reduce(comm.rank() + 1, weft::sum{}, root);
                EXPECT(total.has_value() == mine && (!mine || *total == n * (n + 1) / 2));

                std::vector<int> vector(3, comm.rank());
                comm.reduce(vector, weft::max{}, root);
                EXPECT(vector == std::vector<int>(3, mine ? n - 1 : comm.rank()));
                int memory[2] = {1, comm.rank()};
                comm.reduce(memory, 1, weft::sum{}, root);
                EXPECT(memory[0] == (mine ? n : 1));

                const std::vector<int> send(4, 1);
                std::vector<int> recv;
                comm.reduce(send, recv, weft::sum{}, root);
                EXPECT(recv.size() == (mine ? 4U : 0U) && (!mine || recv[3] == n));
                int one = 1, sum = 0;
                comm.reduce(&one, mine ? &sum : nullptr, 1, weft::sum{}, root);
                EXPECT(sum == (mine ? n : 0));
            });
    on_ranks(2, [](weft::comm &comm) {
        if (const auto total = comm.reduce(1.5))
            EXPECT(comm.rank() == 0 && *total == 3.0);
    });
}

/* Affine maps x -> a * x + b: associative, not commutative. */
struct affine {
    long a, b;
};
affine then(affine first, affine second)
{
    return {first.a * second.a, first.b * second.a + second.b};
}

void functions_combine_in_the_order_of_ranks(void **)
{
    for (int n : rank_counts)
        on_ranks(n, [=](weft::comm &comm) {
            affine expected{1, 0};
            for (int r = 0; r < n; r++)
                expected = then(expected, affine{r % 3 + 1, r});
            const affine mine{comm.rank() % 3 + 1, comm.rank()};
            const affine function = comm.allreduce(mine, then);
            const affine lambda = comm.allreduce(mine, [](affine x, affine y) { return then(x, y); });
            std::vector<affine> many(5, mine);
            comm.allreduce(many, then);
            EXPECT(function.a == expected.a && function.b == expected.b);
            EXPECT(lambda.b == expected.b && many[4].b == expected.b);

            /* Operators of a type of one's own; a function on numbers; one that may swap. */
            const auto z = comm.allreduce(std::complex<double>(1, comm.rank()), weft::sum{});
            EXPECT(z == std::complex<double>(n, n * (n - 1) / 2));
            EXPECT(comm.allreduce(static_cast<long double>(2), weft::max{}) == 2.0L);
            const int gcd = comm.allreduce((comm.rank() + 1) * 6, weft::commutative([](int a, int b) {
                                               for (; b != 0; std::swap(a, b))
                                                   a %= b;
                                               return a;
                                           }));
            EXPECT(gcd == 6);
            const short narrow = comm.allreduce(static_cast<short>(1), [](short a, short b) { return a + b; });
            EXPECT(narrow == n);

            /* A whole array as one value, where the function says so. */
            using vec = std::array<int, 2>;
            const vec sum = comm.allreduce(vec{1, comm.rank()}, [](const vec &x, const vec &y) {
                return vec{x[0] + y[0], std::max(x[1], y[1])};
            });
            EXPECT(sum[0] == n && sum[1] == n - 1);
            const std::optional<affine> root = comm.reduce(mine, then, n - 1);
            EXPECT(root.has_value() == (comm.rank() == n - 1) && (!root || root->b == expected.b));
        });
}

void throwing_operation_fails_every_rank(void **)
{
    for (int n : {1, 2, 4})
        on_ranks(n, [=](weft::comm &comm) {
            const auto bad = [](int, int) -> int { throw mishap(); };
            bool failed = false;
            try {
                (void)comm.allreduce(1, bad);
            } catch (const mishap &) {
                failed = true;
            } catch (const weft::error &failure) {
                failed = failure.status() == WEFT_ERR_CALLBACK;
            }
            EXPECT(failed == (n > 1)); /* one rank has nothing to combine */
            EXPECT((comm.status() == WEFT_OK) == (n == 1));
        });
}

void disagreement_reaches_every_rank(void **)
{
    on_ranks(3, [](weft::comm &comm) {
        EXPECT(failure_of([&] {
                   if (comm.rank() == 1)
                       (void)comm.allreduce(1, weft::max{});
                   else
                       (void)comm.allreduce(1, weft::sum{});
               }) == WEFT_ERR_MISMATCH);
        EXPECT(comm.status() == WEFT_ERR_MISMATCH);
    });
    on_ranks(3, [](weft::comm &comm) { /* sizes of ranges */
                                       std::vector<int> vector(comm.rank() == 2 ? 4 : 3);
                                       EXPECT(failure_of([&] { comm.allreduce(vector); }) == WEFT_ERR_MISMATCH);
    });
    on_ranks(3, [](weft::comm &comm) { /* classes of one size */
                                       EXPECT(failure_of([&] {
                                                  if (comm.rank() == 0)
                                                      (void)comm.allgather(pixel{});
                                                  else
                                                      (void)comm.allgather(std::array<unsigned char, 3>{});
                                              }) == WEFT_ERR_MISMATCH);
    });
}

void a_range_of_the_wrong_size_fails_every_rank(void **)
{
    on_ranks(3, [](weft::comm &comm) {
        int send[2] = {1, 2};
        std::array<int, 6> right{};
        std::array<int, 5> wrong{};
        const weft_status status = failure_of([&] {
            if (comm.rank() == 1)
                comm.allgather(send, wrong);
            else
                comm.allgather(send, right);
        });
        CHECK(status == WEFT_ERR_ARGUMENT, "%s", weft_status_name(status));
        EXPECT(comm.status() == WEFT_ERR_ARGUMENT);
    });
    on_ranks(2, [](weft::comm &comm) {
        int number = 1;
        EXPECT(failure_of([&] { comm.broadcast(number, 2); }) == WEFT_ERR_ARGUMENT);
    });
}

} // namespace

int main()
{
    const struct CMUnitTest tests[] = {
        TEST(broadcast_takes_values_pointers_and_ranges),
        TEST(allgather_takes_values_pointers_and_ranges),
        TEST(allreduce_combines_every_number),
        TEST(allreduce_combines_bits_flags_and_places),
        TEST(allreduce_takes_pointers_and_ranges),
        TEST(reduce_gives_the_root_alone),
        TEST(functions_combine_in_the_order_of_ranks),
        TEST(throwing_operation_fails_every_rank),
        TEST(disagreement_reaches_every_rank),
        TEST(a_range_of_the_wrong_size_fails_every_rank),
    };
    return RUN_TESTS("cpp collectives", tests);
}

// SPDX-License-Identifier: MIT
/* test_objects.cpp - classes in collectives: every kind of them, how many live, and copies that throw. */
#include "support.hpp"

#include <array>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <tuple>
#include <vector>

namespace {

/* Neither made from nothing nor assigned. */
struct constant {
    explicit constant(int n) : number(std::make_unique<int>(n)), text("constant") {}
    constant(const constant &other) : number(std::make_unique<int>(*other.number)), text(other.text) {}
    constant(constant &&) noexcept = default;
    constant &operator=(const constant &) = delete;
    std::unique_ptr<int> number;
    const std::string text;
};

struct request {
    std::string prompt;
    std::vector<int> tokens;
    std::shared_ptr<int> shared;
};

void broadcast_copies_any_class(void **)
{
    for (int n : {1, 2, 3, 6})
        for (int root = 0; root < n; root += 2)
            on_ranks(n, [=](weft::comm &comm) {
                const bool mine = comm.rank() == root;
                std::string text = mine ? "a text that does not fit into a small string" : "x";
                comm.broadcast(text, root);
                EXPECT(text == "a text that does not fit into a small string");

                std::vector<std::string> words(mine ? 3 : 1, mine ? "word" : "");
                comm.broadcast(words, root);
                EXPECT(words == std::vector<std::string>(3, "word"));

                std::array<std::string, 2> pair{mine ? "l" : "", mine ? "r" : ""};
                comm.broadcast(pair, root); /* a range of two objects */
                EXPECT(pair[0] == "l" && pair[1] == "r");

                std::tuple<int, std::string> tuple(mine ? 4 : 0, mine ? "four" : "");
                comm.broadcast(tuple, root);
                EXPECT(tuple == std::make_tuple(4, std::string("four")));

                std::map<std::string, int> map;
                if (mine)
                    map["a"] = 1;
                comm.broadcast(map, root);
                EXPECT(map.size() == 1 && map["a"] == 1);

                std::vector<bool> flags(mine ? 9 : 0, true);
                comm.broadcast(flags, root);
                EXPECT(flags == std::vector<bool>(9, true));

                std::function<int()> function = [] { return 0; };
                if (mine)
                    function = [] { return 5; };
                comm.broadcast(function, root);
                EXPECT(function() == 5);

                constant unassignable(mine ? 7 : 0);
                comm.broadcast(unassignable, root);
                EXPECT(*unassignable.number == 7 && unassignable.text == "constant");

                request fields;
                if (mine)
                    fields = {"prompt", {1, 2, 3}, std::make_shared<int>(8)};
                comm.broadcast(&fields, 1, root);
                EXPECT(fields.prompt == "prompt" && fields.tokens.size() == 3 && *fields.shared == 8);
            });
}

void pointers_share_what_they_point_to(void **)
{
    on_ranks(4, [](weft::comm &comm) {
        std::shared_ptr<request> pointer;
        if (comm.rank() == 3)
            pointer = std::make_shared<request>(request{"shared", {}, nullptr});
        comm.broadcast(pointer, 3);
        EXPECT(pointer && pointer->prompt == "shared");
        const std::vector<const request *> all = [&] {
            std::vector<const request *> addresses(4);
            addresses[static_cast<std::size_t>(comm.rank())] = pointer.get();
            comm.allgather(addresses.data(), 1);
            return addresses;
        }();
        EXPECT(all[0] == all[1] && all[1] == all[2] && all[2] == all[3]);
        comm.barrier();
        const long owners = pointer.use_count();
        EXPECT(owners == 4);
        comm.barrier();
        pointer.reset();
        comm.barrier();
    });
}

void allgather_copies_any_class(void **)
{
    for (int n : {1, 2, 3, 6})
        on_ranks(n, [=](weft::comm &comm) {
            const int rank = comm.rank();
            const std::size_t ranks = static_cast<std::size_t>(n);
            const std::vector<std::string> names = comm.allgather("rank " + std::to_string(rank));
            const std::vector<std::vector<int>> lists =
                comm.allgather(std::vector<int>(static_cast<std::size_t>(rank), rank));
            const std::vector<std::tuple<int, std::string>> tuples = comm.allgather(std::make_tuple(rank, names[0]));
            const std::vector<constant> constants = comm.allgather(constant(rank * 3));
            EXPECT(names.size() == ranks && lists.size() == ranks && constants.size() == ranks);
            for (std::size_t r = 0; r < ranks; r++) {
                EXPECT(names[r] == "rank " + std::to_string(r));
                EXPECT(lists[r] == std::vector<int>(r, static_cast<int>(r)));
                EXPECT(tuples[r] == std::make_tuple(static_cast<int>(r), std::string("rank 0")));
                EXPECT(*constants[r].number == static_cast<int>(3 * r));
            }

            const std::string send[2] = {names[static_cast<std::size_t>(rank)], "second"};
            std::vector<std::string> recv;
            comm.allgather(send, recv);
            EXPECT(recv.size() == 2 * ranks && recv[2 * ranks - 2] == names[ranks - 1] && recv[1] == "second");
            std::vector<std::string> in_place(ranks);
            in_place[static_cast<std::size_t>(rank)] = names[static_cast<std::size_t>(rank)];
            comm.allgather(in_place.data(), 1);
            EXPECT(in_place == names);
        });
}

void reductions_fold_any_class_in_order(void **)
{
    for (int n : {1, 2, 3, 7})
        on_ranks(n, [=](weft::comm &comm) {
            const std::string letter(1, static_cast<char>('a' + comm.rank()));
            const std::string all = std::string("abcdefg").substr(0, static_cast<std::size_t>(n));
            EXPECT(comm.allreduce(letter, weft::sum{}) == all);
            EXPECT(comm.allreduce(letter, weft::max{}) == all.substr(all.size() - 1));
            EXPECT(comm.allreduce(letter, [](const std::string &a, const std::string &b) { return a + b; }) == all);
            const std::optional<std::string> root = comm.reduce(letter, std::plus<>{}, n - 1);
            EXPECT(root.has_value() == (comm.rank() == n - 1) && (!root || *root == all));

            std::vector<std::string> pair{letter, "-"};
            comm.allreduce(pair, weft::sum{});
            EXPECT(pair[0] == all && pair[1] == std::string(static_cast<std::size_t>(n), '-'));
            const std::vector<std::string> send{letter};
            std::vector<std::string> recv;
            comm.reduce(send, recv, weft::sum{});
            EXPECT(comm.rank() == 0 ? recv.size() == 1 && recv[0] == all : recv.empty());

            /* Whole vectors, joined by a function that takes vectors. */
            const auto joined = comm.allreduce(std::vector<int>{comm.rank()}, [](const auto &a, const auto &b) {
                std::vector<int> both(a);
                both.insert(both.end(), b.begin(), b.end());
                return both;
            });
            EXPECT(joined.size() == static_cast<std::size_t>(n) && joined.back() == n - 1);
            const constant sum = comm.allreduce(constant(comm.rank()), [](const constant &a, const constant &b) {
                return constant(*a.number + *b.number);
            });
            EXPECT(*sum.number == n * (n - 1) / 2);
        });
}

void nothing_is_left_alive(void **)
{
    for (int round = 0; round < 3; round++) {
        on_ranks(4, [](weft::comm &comm) {
            tracked object(comm.rank());
            std::vector<tracked> many(5, object);
            std::shared_ptr<tracked> pointer = std::make_shared<tracked>(comm.rank());
            comm.broadcast(object, 2);
            comm.broadcast(many, 1);
            comm.broadcast(pointer, 3);
            EXPECT(object.value == 2 && many[4].value == 1 && pointer->value == 3);
            EXPECT(comm.allgather(object).size() == 4 && comm.allgather(pointer).size() == 4);
            const auto larger = [](const tracked &a, const tracked &b) { return a.value < b.value ? b : a; };
            EXPECT(comm.allreduce(object, larger).value == 2);
        });
        CHECK(tracked::living == 0, "%d objects", tracked::living.load());
    }
    finish_case();
}

/* A call in which a copy throws: an error on every rank, the original on one at least, and the next call works. */
template <class Call>
void every_rank_fails(weft::comm &comm, Call &&call)
{
    bool original = false, failed = false;
    try {
        call();
    } catch (const mishap &) {
        original = failed = true;
    } catch (const weft::error &failure) {
        failed = failure.status() == WEFT_ERR_CALLBACK;
        EXPECT(*failure.what() != '\0');
    }
    EXPECT(failed);
    EXPECT(comm.allreduce(original ? 1 : 0) >= 1);
    EXPECT(comm.allreduce(1) == comm.size() && comm.status() == WEFT_OK);
}

void a_copy_that_throws_fails_every_rank_once(void **)
{
    for (int n : {2, 3, 5}) {
        for (int bad = 0; bad < n; bad++)
            on_ranks(n, [=](weft::comm &comm) {
                const bool mine = comm.rank() == bad;
                const int root = (bad + 1) % n;

                tracked receiver(comm.rank()); /* copying to one rank throws */
                receiver.fragile = mine;
                every_rank_fails(comm, [&] { comm.broadcast(receiver, root); });
                tracked source(comm.rank()); /* copying from the root throws */
                source.fragile = mine;
                every_rank_fails(comm, [&] { comm.broadcast(source, bad); });
                std::vector<tracked> vector(3);
                vector[2].fragile = mine;
                every_rank_fails(comm, [&] { comm.broadcast(vector, bad); });

                every_rank_fails(comm, [&] { (void)comm.allgather(source); });
                std::vector<tracked> all(static_cast<std::size_t>(n));
                every_rank_fails(comm, [&] { comm.allgather(&source, all.data(), 1); });
                all[static_cast<std::size_t>(comm.rank())].fragile = mine;
                every_rank_fails(comm, [&] { comm.allgather(all.data(), 1); });
                std::vector<tracked> recv(static_cast<std::size_t>(n));
                recv[0].fragile = mine && n > 1; /* only the receiving end of one rank */
                const std::vector<tracked> send(1);
                every_rank_fails(comm, [&] { comm.allgather(send, recv); });

                source.fragile = mine;
                const auto first = [](const tracked &a, const tracked &) { return tracked(a.value); };
                every_rank_fails(comm, [&] { comm.allreduce(&source, 1, first); });
                every_rank_fails(comm, [&] { comm.reduce(&source, 1, first, root); });

                tracked healthy(comm.rank());
                comm.broadcast(healthy, root);
                EXPECT(healthy.value == root && comm.allgather(healthy).back().value == root);
            });
        CHECK(tracked::living == 0, "%d objects", tracked::living.load());
    }
    finish_case();
}

/* The same for a class that can only be made from another. */
struct unmade {
    explicit unmade(const tracked &t) : inner(t.value) {}
    unmade(const unmade &) = default;
    unmade(unmade &&other) noexcept : inner(other.inner.value) {}
    unmade &operator=(const unmade &) = delete;
    tracked inner;
};

void a_copy_constructor_that_throws_fails_every_rank_once(void **)
{
    for (int bad = 0; bad < 3; bad++)
        on_ranks(3, [=](weft::comm &comm) {
            unmade object(tracked(comm.rank()));
            object.inner.fragile = comm.rank() == bad;
            every_rank_fails(comm, [&] { (void)comm.allgather(object); });
            every_rank_fails(comm, [&] { comm.broadcast(object, bad); });
            object.inner.fragile = false;
            EXPECT(comm.allgather(object)[2].inner.value == 2);
        });
    CHECK(tracked::living == 0, "%d objects", tracked::living.load());
    finish_case();
}

void classes_are_told_apart(void **)
{
    on_ranks(2, [](weft::comm &comm) {
        EXPECT(failure_of([&] {
                   if (comm.rank() == 0)
                       (void)comm.allgather(std::shared_ptr<int>());
                   else
                       (void)comm.allgather(std::shared_ptr<float>());
               }) == WEFT_ERR_MISMATCH);
    });
}

} // namespace

int main()
{
    const struct CMUnitTest tests[] = {
        TEST(broadcast_copies_any_class),
        TEST(pointers_share_what_they_point_to),
        TEST(allgather_copies_any_class),
        TEST(reductions_fold_any_class_in_order),
        TEST(nothing_is_left_alive),
        TEST(a_copy_that_throws_fails_every_rank_once),
        TEST(a_copy_constructor_that_throws_fails_every_rank_once),
        TEST(classes_are_told_apart),
    };
    return RUN_TESTS("cpp objects", tests);
}

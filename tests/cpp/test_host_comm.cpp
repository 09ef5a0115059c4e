// SPDX-License-Identifier: MIT
/* test_host_comm.cpp - the HostComm interface: its names and signatures, every call, group ids, failures, lifetimes. */
#include "support.hpp"

#include <weft/host_comm.hpp>

#include <algorithm>
#include <functional>
#include <memory>
#include <sstream>
#include <string>
#include <thread>
#include <tuple>
#include <type_traits>
#include <vector>

namespace {

namespace comm = weft::host;
using comm::DataType;
using comm::HostComm;
using comm::HostCommImpl;
using comm::HostGroupId;
using comm::RedOp;

/* ---- what a program may name ---- */

static_assert(std::is_convertible_v<std::shared_ptr<HostCommImpl>, HostComm>);
static_assert(std::is_nothrow_constructible_v<HostCommImpl *, const HostComm &>);
static_assert(std::is_same_v<decltype(std::declval<const HostComm &>().operator->()), HostCommImpl *>);
static_assert(std::is_default_constructible_v<HostComm> && std::is_copy_assignable_v<HostComm>);
static_assert(std::is_abstract_v<HostCommImpl> && std::has_virtual_destructor_v<HostCommImpl>);
static_assert(std::is_abstract_v<HostGroupId> && std::has_virtual_destructor_v<HostGroupId>);
static_assert(std::is_base_of_v<HostCommImpl, comm::ThreadCommImpl>);
static_assert(std::is_base_of_v<HostGroupId, comm::ThreadGroupId>);
static_assert(std::is_constructible_v<comm::ThreadCommImpl, int, std::shared_ptr<comm::ThreadCommImpl::State>, int>);
static_assert(std::is_constructible_v<comm::ThreadCommImpl::State, int>);
static_assert(std::is_same_v<decltype(comm::CreateThreadGroupId()), std::unique_ptr<HostGroupId>>);
static_assert(std::is_same_v<decltype(comm::CreateHostGroupId({})), std::unique_ptr<HostGroupId>>);
static_assert(std::is_same_v<comm::copy_fn, void (*)(void *, int, void *, int)>);
static_assert(std::is_same_v<comm::ser_fn, void (*)(void *, int, int, std::size_t &, void *)>);
static_assert(std::is_same_v<comm::des_fn, void (*)(void *, int, int, void *, std::size_t)>);
static_assert(comm::kInt == comm::kInt32 && comm::kUint == comm::kUint32 && comm::kHalf == comm::kFloat16);
static_assert(comm::kFloat == comm::kFloat32 && comm::kDouble == DataType::kFloat64);
static_assert(comm::data_type_v<int> == comm::kInt32 && comm::data_type_v<const unsigned> == comm::kUint32);
static_assert(comm::data_type_v<std::uint8_t> == comm::kUint8 && comm::data_type_v<std::int64_t> == comm::kInt64);
static_assert(comm::data_type_v<std::uint64_t> == comm::kUint64 && comm::data_type_v<float> == comm::kFloat32);
static_assert(comm::data_type_v<long long> == comm::kInt64 && comm::data_type_v<double> == comm::kFloat64);
static_assert(comm::data_type_v<weft::float16> == comm::kFloat16);
static_assert(comm::data_type_v<weft::bfloat16> == comm::kBfloat16);
static_assert(comm::data_type_v<std::string> == comm::kNull && comm::data_type_v<bool> == comm::kBool);
static_assert(comm::byte_size(comm::kNull) == 0 && comm::byte_size(comm::kUint8) == 1);
static_assert(comm::byte_size(comm::kBfloat16) == 2 && comm::byte_size(comm::kInt32) == 4);
static_assert(comm::byte_size(comm::kFloat64, 3) == 24 && comm::byte_size<float>(2) == 8);

/* Runs body(world) on n threads, each with a HostComm of one group. */
void join_and_run(int n_ranks, const std::function<void(HostComm &)> &body)
{
    std::unique_ptr<HostGroupId> group = comm::CreateHostGroupId({});
    group->Initialize();
    std::vector<std::thread> threads;
    for (int rank = 0; rank < n_ranks; rank++)
        threads.emplace_back([&, rank] {
            try {
                HostComm world = group->CreateCommunicator(n_ranks, rank);
                world->Sync(); /* all have joined */
                body(world);
            } catch (const std::exception &exception) {
                CHECK(false, "rank %d: %s", rank, exception.what());
            }
        });
    for (std::thread &thread : threads)
        thread.join();
}

void on_host_ranks(int n_ranks, const std::function<void(HostComm &)> &body)
{
    test_case("%d ranks", n_ranks);
    join_and_run(n_ranks, body);
    finish_case();
}

struct request {
    int id = 0;
    std::vector<int> tokens;
    std::string text;
};

/* ---- calls ---- */

void ranks_know_one_another(void **)
{
    for (int n : {1, 2, 5})
        on_host_ranks(n, [=](HostComm &world) {
            EXPECT(world->n_ranks() == n && world->rank() >= 0 && world->rank() < n && world->is_same_process());
            HostCommImpl *pointer = world;
            EXPECT(pointer == world.operator->() && world);
            std::vector<int> ranks = AllGather(world, world->rank());
            for (int r = 0; r < n; r++)
                EXPECT(ranks[static_cast<std::size_t>(r)] == r);
        });
    HostComm empty;
    EXPECT(!empty && empty == nullptr);
    EXPECT(failure_of([&] { (void)AllReduce(empty, 1, RedOp::kSum); }) == WEFT_ERR_ARGUMENT);
    finish_case();
}

void broadcast_takes_arrays_and_values(void **)
{
    for (int n : {1, 2, 4})
        for (int root = 0; root < n; root++)
            on_host_ranks(n, [=](HostComm &world) {
                const bool mine = world->rank() == root;
                int number = mine ? 42 : 0;
                Broadcast(world, number, root);
                bool flag = mine;
                Broadcast(world, flag, root);
                EXPECT(number == 42 && flag);
                std::vector<double> array(100, mine ? 1.5 : 0.0);
                Broadcast(world, array.data(), 100, root);
                EXPECT(array.back() == 1.5);

                std::shared_ptr<request> pointer;
                if (mine)
                    pointer = std::make_shared<request>(request{7, {1, 2}, "text"});
                Broadcast(world, pointer, root);
                EXPECT(pointer && pointer->id == 7);
                request object = mine ? *pointer : request();
                Broadcast(world, object, root);
                EXPECT(object.tokens.size() == 2 && object.text == "text");
                std::vector<std::shared_ptr<request>> queue(mine ? 3 : 0, pointer);
                Broadcast(world, queue, root);
                EXPECT(queue.size() == 3);
                std::string words[2] = {mine ? "a" : "", mine ? "b" : ""};
                Broadcast(world, words, 2, root);
                EXPECT(words[1] == "b");
                auto tuple =
                    mine ? std::make_tuple(1, 2.0, std::string("three")) : std::make_tuple(0, 0.0, std::string());
                Broadcast(world, tuple, root);
                EXPECT(std::get<2>(tuple) == "three");
                Broadcast(world, static_cast<std::string *>(nullptr), 0, root);
                Broadcast(world, static_cast<int *>(nullptr), 0, root);
            });
}

void allgather_takes_arrays_and_values(void **)
{
    for (int n : {1, 2, 4})
        on_host_ranks(n, [=](HostComm &world) {
            const int rank = world->rank();
            const std::size_t mine = static_cast<std::size_t>(rank), ranks = static_cast<std::size_t>(n);
            std::vector<int> array(2 * ranks);
            array[2 * mine] = rank;
            array[2 * mine + 1] = -rank;
            AllGather(world, array.data(), 2);
            EXPECT(array[2 * ranks - 2] == n - 1 && array[2 * ranks - 1] == 1 - n);

            std::vector<bool> flags = AllGather(world, rank == n - 1);
            EXPECT(flags.size() == ranks && flags[ranks - 1] && (n == 1 || !flags[0]));
            auto tuples = AllGather(world, std::make_tuple(rank % 2, 0, rank));
            EXPECT(std::get<2>(tuples[ranks - 1]) == n - 1);
            auto pairs = comm::AllGather(world, std::make_pair(static_cast<void *>(&array), array.size()));
            EXPECT(pairs.size() == ranks && pairs[mine].first == &array);
            std::vector<std::string> names = AllGather(world, std::string("r") + std::to_string(rank));
            EXPECT(names[ranks - 1] == "r" + std::to_string(n - 1));
            std::vector<request> requests(2 * ranks);
            requests[2 * mine].id = rank;
            requests[2 * mine + 1].tokens.assign(mine, rank);
            AllGather(world, requests.data(), 2);
            for (std::size_t r = 0; r < ranks; r++)
                EXPECT(requests[2 * r].id == static_cast<int>(r) && requests[2 * r + 1].tokens.size() == r);
            AllGather(world, static_cast<request *>(nullptr), 0);
        });
}

template <class T>
void reduce_all_ways(HostComm &world)
{
    const int n = world->n_ranks();
    const auto number = [](T value) { return static_cast<float>(value); };
    const T mine = static_cast<T>(static_cast<float>(world->rank() + 1));
    EXPECT(number(AllReduce(world, mine, RedOp::kSum)) == static_cast<float>(n * (n + 1) / 2));
    EXPECT(number(AllReduce(world, mine, RedOp::kMin)) == 1);
    T array[3] = {mine, mine, mine};
    AllReduce(world, array, 3, RedOp::kMax);
    EXPECT(number(array[2]) == static_cast<float>(n));
}

void allreduce_combines_integers_and_floats(void **)
{
    for (int n : {1, 2, 5})
        on_host_ranks(n, [=](HostComm &world) {
            reduce_all_ways<int>(world);
            reduce_all_ways<unsigned>(world);
            reduce_all_ways<std::int64_t>(world);
            reduce_all_ways<std::uint64_t>(world);
            reduce_all_ways<long long>(world);
            reduce_all_ways<std::uint8_t>(world);
            reduce_all_ways<std::int8_t>(world);
            reduce_all_ways<short>(world);
            reduce_all_ways<float>(world);
            reduce_all_ways<double>(world);
            reduce_all_ways<weft::float16>(world);
            reduce_all_ways<weft::bfloat16>(world);
            EXPECT(AllReduce(world, world->rank() == 0, RedOp::kSum));
            EXPECT(AllReduce(world, world->rank() == 0, RedOp::kMin) == (n == 1));

            /* By the interface itself. */
            float data[2] = {1.0F, static_cast<float>(world->rank())};
            world->AllReduce(data, 2, comm::kFloat32, RedOp::kSum);
            EXPECT(data[0] == static_cast<float>(n));
            std::vector<std::int64_t> block(static_cast<std::size_t>(n));
            block[static_cast<std::size_t>(world->rank())] = world->rank();
            world->AllGather(block.data(), 1, comm::kInt64, nullptr);
            EXPECT(block.back() == n - 1);
            world->Broadcast(data, 2, comm::kFloat, 0, nullptr);
            EXPECT(data[1] == static_cast<float>(n * (n - 1) / 2));
        });
}

/* Notes with what it was called. */
struct copied {
    void *src;
    int n;
    void *dst;
    int offset;
};
thread_local std::vector<copied> calls;
template <class T>
void noting_copy(void *src, int n, void *dst, int offset)
{
    calls.push_back({src, n, dst, offset});
    std::copy_n(static_cast<T *>(src) + offset, n, static_cast<T *>(dst) + offset);
}

std::size_t serialised; /* serialisers are taken along and never called within a process */
void counting_ser(void *, int, int, std::size_t &size, void *)
{
    serialised++;
    size = 0;
}
void counting_des(void *, int, int, void *, std::size_t)
{
    serialised++;
}

void copy_functions_get_bases_and_offsets(void **)
{
    constexpr int n = 3, count = 2;
    std::vector<std::string> data[n];
    std::vector<int> numbers[n];
    std::atomic<std::size_t> copies{0};
    for (int r = 0; r < n; r++) {
        data[r].resize(n * count);
        data[r][static_cast<std::size_t>(r * count)] = std::to_string(r);
        numbers[r].assign(n * count, r);
    }
    on_host_ranks(n, [&](HostComm &world) {
        const int rank = world->rank();
        calls.clear();
        world->AllGather(data[rank].data(), count, comm::kNull, noting_copy<std::string>, counting_ser, counting_des);
        world->AllGather(numbers[rank].data(), count, comm::kInt32, noting_copy<int>); /* one's own is called, too */
        for (const copied &call : calls) {
            bool known = false;
            for (int to = 0; to < n; to++)
                for (int from = 0; from < n; from++)
                    known = known || (from != to && call.n == count && call.offset == from * count &&
                                      ((call.src == data[from].data() && call.dst == data[to].data()) ||
                                       (call.src == numbers[from].data() && call.dst == numbers[to].data())));
            EXPECT(known);
        }
        copies += calls.size();
        for (int r = 0; r < n; r++) {
            EXPECT(data[rank][static_cast<std::size_t>(r * count)] == std::to_string(r));
            EXPECT(numbers[rank][static_cast<std::size_t>(r * count + 1)] == r);
        }
        std::string text = rank == 1 ? "root" : "";
        world->Broadcast(&text, 1, comm::kNull, 1, noting_copy<std::string>, counting_ser, counting_des);
        EXPECT(text == "root");
    });
    CHECK(copies == 2 * n * (n - 1), "%zu copies", copies.load());
    EXPECT(serialised == 0);
    finish_case();
}

void ranks_may_share_the_memory_they_receive_in(void **)
{
    std::string shared = "one for all";
    on_host_ranks(3, [&](HostComm &world) {
        Broadcast(world, &shared, 1, 2);
        EXPECT(shared == "one for all");
    });
}

void more_bytes_than_an_int_counts(void **)
{
    struct block {
        char bytes[1 << 20];
    };
    EXPECT(comm::detail::moves_as_bytes<block>(2047) && !comm::detail::moves_as_bytes<block>(2048));
    EXPECT(comm::detail::bytes_of<block>(2047) == 2047 << 20);
    EXPECT(comm::detail::moves_as_bytes<char>(INT_MAX) && !comm::detail::moves_as_bytes<std::string>(1));
    on_host_ranks(2, [](HostComm &world) { /* the path that they take, with fewer */
                                           std::vector<int> numbers(4, world->rank());
                                           world->AllGather(numbers.data(), 2, comm::kNull,
                                                            comm::detail::copy_elements<int>);
                                           EXPECT(numbers == std::vector<int>{0, 0, 1, 1});
    });
    finish_case();
}

/* ---- groups ---- */

void split_orders_by_key_then_rank(void **)
{
    on_host_ranks(6, [](HostComm &world) {
        const int rank = world->rank();
        HostComm part = world->Split(rank % 2, 0);
        EXPECT(part->n_ranks() == 3 && part->rank() == rank / 2);
        HostComm reversed = world->Split(0, -rank);
        EXPECT(reversed->rank() == 5 - rank);
        HostComm nested = part->Split(part->rank() == 0 ? 1 : 0, 0);
        EXPECT(AllReduce(nested, 1, RedOp::kSum) == (part->rank() == 0 ? 1 : 2));
        HostComm world_again{world->Split(0, 0)};
        EXPECT(AllReduce(world_again, rank, RedOp::kMax) == 5);
        HostComm group = world;
        group = world->Split(rank / 3, 0);
        EXPECT(group->n_ranks() == 3 && AllReduce(group, rank, RedOp::kMin) == rank / 3 * 3);
    });
}

void split_throws_for_a_negative_color(void **)
{
    on_host_ranks(4, [](HostComm &world) {
        const int rank = world->rank();
        HostComm part;
        EXPECT(failure_of([&] { part = world->Split(rank == 2 ? -1 : 0, 0); }) ==
               (rank == 2 ? WEFT_ERR_ARGUMENT : WEFT_OK));
        EXPECT(rank == 2 ? part == nullptr : part->n_ranks() == 3);
        EXPECT(failure_of([&] { (void)world->Split(-1, rank); }) == WEFT_ERR_ARGUMENT); /* all of them */
        EXPECT(failure_of([&] { (void)world->Split(-77, rank); }) == WEFT_ERR_ARGUMENT);
        EXPECT(AllReduce(world, 1, RedOp::kSum) == 4);
    });
}

void group_ids_pass_through_streams(void **)
{
    std::unique_ptr<HostGroupId> groups[2] = {comm::CreateThreadGroupId(), comm::CreateHostGroupId("thread")};
    EXPECT(failure_of([&] { (void)groups[0]->CreateCommunicator(1, 0); }) == WEFT_ERR_GROUP);
    std::stringstream stream(std::ios::in | std::ios::out | std::ios::binary);
    EXPECT(failure_of([&] { groups[0]->Export(stream); }) == WEFT_ERR_GROUP);
    const int before = 17, after = 99;
    stream.write(reinterpret_cast<const char *>(&before), sizeof before);
    for (auto &group : groups) {
        group->Initialize();
        group->Export(stream);
    }
    stream.write(reinterpret_cast<const char *>(&after), sizeof after);

    int number = 0;
    stream.read(reinterpret_cast<char *>(&number), sizeof number);
    EXPECT(number == before);
    std::unique_ptr<HostGroupId> imported[2] = {comm::CreateThreadGroupId(), comm::CreateHostGroupId({})};
    imported[0]->Import(stream);
    imported[1]->Import(stream);
    stream.read(reinterpret_cast<char *>(&number), sizeof number);
    EXPECT(number == after);

    /* Those who import may come after the exporter has gone. */
    HostComm first = groups[1]->CreateCommunicator(2, 0);
    groups[1].reset();
    HostComm second = imported[1]->CreateCommunicator(2, 1, 0);
    std::thread peer([&] { EXPECT(AllReduce(second, 2, RedOp::kSum) == 3); });
    EXPECT(AllReduce(first, 1, RedOp::kSum) == 3);
    peer.join();

    std::stringstream copy; /* an imported id can be exported again */
    imported[0]->Export(copy);
    std::unique_ptr<HostGroupId> third = comm::CreateHostGroupId("");
    third->Import(copy);
    HostComm one = groups[0]->CreateCommunicator(1, 0);
    EXPECT(AllReduce(one, 5, RedOp::kSum) == 5);
    EXPECT(failure_of([&] { (void)third->CreateCommunicator(1, 0); }) == WEFT_ERR_GROUP); /* complete */

    std::stringstream nonsense(std::string(300, 'x'));
    EXPECT(failure_of([&] { third->Import(nonsense); }) == WEFT_ERR_GROUP);
    std::stringstream empty;
    EXPECT(failure_of([&] { third->Import(empty); }) == WEFT_ERR_GROUP);
    EXPECT(failure_of([] { (void)comm::CreateHostGroupId("gloo"); }) == WEFT_ERR_UNSUPPORTED);
    EXPECT(failure_of([&] { (void)imported[0]->CreateCommunicator(2, -1); }) == WEFT_ERR_ARGUMENT);
    finish_case();
}

void states_are_shared_by_hand(void **)
{
    auto state = std::make_shared<comm::ThreadCommImpl::State>(3);
    std::vector<std::thread> threads;
    for (int rank = 0; rank < 3; rank++)
        threads.emplace_back([state, rank] {
            HostComm world{std::make_shared<comm::ThreadCommImpl>(3, state, rank)};
            EXPECT(world->rank() == rank && AllReduce(world, 1, RedOp::kSum) == 3);
        });
    for (std::thread &thread : threads)
        thread.join();
    EXPECT(failure_of([&] { comm::ThreadCommImpl(4, state, 0); }) == WEFT_ERR_ARGUMENT);
    EXPECT(failure_of([&] { comm::ThreadCommImpl(3, nullptr, 0); }) == WEFT_ERR_ARGUMENT);
    finish_case();
}

void a_group_given_up_does_not_hang(void **)
{
    auto state = std::make_shared<comm::ThreadCommImpl::State>(2);
    HostComm alone{std::make_shared<comm::ThreadCommImpl>(2, state, 0)};
    std::thread waiting([&] { EXPECT(failure_of([&] { alone->Sync(); }) == WEFT_ERR_RANK_LOST); });
    state.reset();
    waiting.join();

    auto group = comm::CreateThreadGroupId();
    group->Initialize();
    HostComm other = group->CreateCommunicator(2, 1);
    std::thread idle([&] { EXPECT(failure_of([&] { other->Sync(true); }) == WEFT_ERR_RANK_LOST); });
    group.reset();
    idle.join();
    finish_case();
}

void a_comm_of_wefts_serves_as_one(void **)
{
    on_ranks(3, [](weft::comm &rank) {
        HostComm world{std::make_shared<comm::ThreadCommImpl>(weft::comm::borrow(rank.native_handle()))};
        EXPECT(AllReduce(world, rank.rank(), RedOp::kSum) == 3);
        EXPECT(rank.allreduce(1) == 3);
    });
}

/* ---- failures and lifetimes ---- */

template <class Call>
void every_rank_fails(HostComm &world, bool throws_here, Call &&call)
{
    bool original = false, failed = false;
    try {
        call();
    } catch (const mishap &) {
        original = failed = true;
    } catch (const weft::error &failure) {
        failed = failure.status() == WEFT_ERR_CALLBACK;
    }
    EXPECT(failed && original == throws_here);
    EXPECT(AllReduce(world, 1, RedOp::kSum) == world->n_ranks());
}

void a_copy_that_throws_fails_every_rank_once(void **)
{
    for (int n : {2, 3, 5})
        for (int bad = 0; bad < n; bad++)
            on_host_ranks(n, [=](HostComm &world) {
                const bool mine = world->rank() == bad;
                const int root = (bad + 1) % n;
                tracked object(world->rank());
                object.fragile = mine;
                every_rank_fails(world, mine, [&] { Broadcast(world, object, root); });
                every_rank_fails(world, mine, [&] { (void)AllGather(world, object); });
                std::vector<tracked> all(static_cast<std::size_t>(n));
                all[static_cast<std::size_t>(world->rank())].value = world->rank();
                const std::size_t peer = static_cast<std::size_t>(world->rank() == 0 ? 1 : 0);
                all[peer].fragile = mine; /* where a peer's block arrives */
                every_rank_fails(world, mine, [&] { AllGather(world, all.data(), 1); });
                all[peer].fragile = false;
                AllGather(world, all.data(), 1);
                EXPECT(all.back().value == n - 1);
            });
    CHECK(tracked::living == 0, "%d objects", tracked::living.load());
    finish_case();
}

void a_root_that_cannot_be_copied_fails_every_rank_once(void **)
{
    on_host_ranks(3, [](HostComm &world) {
        tracked object(world->rank());
        object.fragile = world->rank() == 1;
        every_rank_fails(world, world->rank() != 1, [&] { Broadcast(world, object, 1); });
    });
    finish_case();
}

void misuse_throws_on_every_rank(void **)
{
    on_host_ranks(
        3, [](HostComm &world) { /* counts of objects */
                                 std::vector<std::string> words(3);
                                 const weft_status status =
                                     failure_of([&] { Broadcast(world, words.data(), world->rank() == 1 ? 2 : 3, 0); });
                                 EXPECT(status == (world->rank() == 1 ? WEFT_ERR_MISMATCH : WEFT_ERR_CALLBACK));
                                 EXPECT(AllReduce(world, 1, RedOp::kSum) == 3);
                                 /* No copy function on one rank. */
                                 const weft_status missing = failure_of([&] {
                                     world->AllGather(words.data(), 1, comm::kNull,
                                                      world->rank() == 1 ? nullptr
                                                                         : comm::detail::copy_elements<std::string>);
                                 });
                                 EXPECT(missing == (world->rank() == 1 ? WEFT_ERR_ARGUMENT : WEFT_ERR_CALLBACK));
        });
    on_host_ranks(3, [](HostComm &world) { /* operations */
                                           int number = 1;
                                           const RedOp red_op = world->rank() == 2 ? RedOp::kMax : RedOp::kSum;
                                           EXPECT(failure_of([&] { AllReduce(world, &number, 1, red_op); }) ==
                                                  WEFT_ERR_MISMATCH);
                                           EXPECT(failure_of([&] { world->Sync(); }) == WEFT_ERR_MISMATCH);
    });
    for (int kind = 0; kind < 5; kind++)
        on_host_ranks(2, [=](HostComm &world) {
            std::string words[4];
            int numbers[4] = {};
            const weft_status status = failure_of([&] {
                switch (kind) {
                case 0:
                    return Broadcast(world, numbers, 1, 2); /* root */
                case 1:
                    return Broadcast(world, words, 1, -1);
                case 2:
                    return AllReduce(world, numbers, world->rank() == 0 ? -1 : 1, RedOp::kSum);
                case 3:
                    return AllGather(world, words, world->rank() == 0 ? -1 : 1);
                default:
                    return world->AllReduce(numbers, 1, comm::kNull, RedOp::kSum);
                }
            });
            CHECK(status == WEFT_ERR_ARGUMENT || (kind == 4 && status == WEFT_ERR_UNSUPPORTED), "%d: %s", kind,
                  weft_status_name(status));
        });
    finish_case();
}

/* A HostComm of somebody else's works with the typed calls. */
class Alone : public HostCommImpl {
public:
    int rank() const override { return 0; }
    int n_ranks() const override { return 1; }
    bool is_same_process() const override { return false; }
    std::shared_ptr<HostCommImpl> Split(int, int) override { return std::make_shared<Alone>(); }
    void Sync(bool) override {}
    void Broadcast(void *, int, DataType, int, comm::copy_fn, comm::ser_fn ser, comm::des_fn des) override
    {
        serialisers += (ser != nullptr) + (des != nullptr);
    }
    void AllGather(void *, int, DataType, comm::copy_fn copy, comm::ser_fn ser, comm::des_fn des) override
    {
        EXPECT(copy != nullptr);
        serialisers += (ser != nullptr) + (des != nullptr);
    }
    void AllReduce(void *, int, DataType, RedOp) override {}
    int serialisers = 0;
};

void other_implementations_get_serialisers(void **)
{
    auto impl = std::make_shared<Alone>();
    HostComm other = std::static_pointer_cast<HostCommImpl>(impl);
    std::string text;
    request closed; /* without serialisers: compiles, and has none */
    Broadcast(other, text, 0);
    EXPECT(impl->serialisers == 2);
    EXPECT(AllGather(other, text).size() == 1 && impl->serialisers == 4);
    Broadcast(other, closed, 0);
    EXPECT(AllGather(other, closed).size() == 1 && impl->serialisers == 4);
    EXPECT(AllReduce(other, 3, RedOp::kSum) == 3);
    finish_case();
}

void the_last_copy_leaves(void **)
{
    auto state = std::make_shared<comm::ThreadCommImpl::State>(2);
    HostComm first{std::make_shared<comm::ThreadCommImpl>(2, state, 0)};
    auto second = std::make_unique<HostComm>(std::make_shared<comm::ThreadCommImpl>(2, state, 1));
    HostComm copy = *second;
    second.reset();
    std::thread peer([&] { copy->Sync(); });
    first->Sync();
    peer.join();
    copy = HostComm();
    EXPECT(failure_of([&] { first->Sync(); }) == WEFT_ERR_RANK_LOST);
    finish_case();
}

} // namespace

int main()
{
    const struct CMUnitTest tests[] = {
        TEST(ranks_know_one_another),
        TEST(broadcast_takes_arrays_and_values),
        TEST(allgather_takes_arrays_and_values),
        TEST(allreduce_combines_integers_and_floats),
        TEST(copy_functions_get_bases_and_offsets),
        TEST(ranks_may_share_the_memory_they_receive_in),
        TEST(more_bytes_than_an_int_counts),
        TEST(split_orders_by_key_then_rank),
        TEST(split_throws_for_a_negative_color),
        TEST(group_ids_pass_through_streams),
        TEST(states_are_shared_by_hand),
        TEST(a_group_given_up_does_not_hang),
        TEST(a_comm_of_wefts_serves_as_one),
        TEST(a_copy_that_throws_fails_every_rank_once),
        TEST(a_root_that_cannot_be_copied_fails_every_rank_once),
        TEST(misuse_throws_on_every_rank),
        TEST(other_implementations_get_serialisers),
        TEST(the_last_copy_leaves),
    };
    return RUN_TESTS("cpp host_comm", tests);
}

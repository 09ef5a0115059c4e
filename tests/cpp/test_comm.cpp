// SPDX-License-Identifier: MIT
/* test_comm.cpp - group ids, handles, dup and split, errors, and weft::run. */
#include "support.hpp"

#include <chrono>
#include <cstdlib>
#include <mutex>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

namespace {

void group_ids_are_plain_values(void **)
{
    const weft::group_id a = weft::group_id::create();
    const weft::group_id b = weft::group_id::create();
    weft::group_id copy = a;
    EXPECT(copy == a && a != b && weft::group_id() != a);
    EXPECT(a.text().size() == weft::group_id::text_size);
    EXPECT(weft::group_id::from_text(a.text()) == a);
    EXPECT(failure_of([] { (void)weft::group_id::from_text("no group id"); }) == WEFT_ERR_GROUP);
    EXPECT(failure_of([] { weft::comm(weft::group_id(), 2, 0); }) == WEFT_ERR_GROUP);
    a.destroy();
    b.destroy();
    EXPECT(failure_of([&] { weft::comm(a, 2, 0); }) == WEFT_ERR_GROUP);
    finish_case();
}

void group_ids_pass_through_streams(void **)
{
    const weft::group_id a = weft::group_id::create();
    const weft::group_id b = weft::group_id::create();
    std::stringstream stream;
    stream << "head ";
    a.write(stream);
    b.write(stream);
    stream << "tail";
    std::string head, tail;
    stream >> head;
    stream.get();
    EXPECT(weft::group_id::read(stream) == a);
    EXPECT(weft::group_id::read(stream) == b);
    stream >> tail;
    EXPECT(head == "head" && tail == "tail");

    std::stringstream cut(a.text().substr(1));
    EXPECT(failure_of([&] { (void)weft::group_id::read(cut); }) == WEFT_ERR_GROUP);
    a.destroy();
    b.destroy();
    finish_case();
}

void ranks_join_by_number_or_as_they_come(void **)
{
    const weft::group_id id = weft::group_id::create();
    weft::comm first(id, 3, 1);
    weft::comm second(id, 3);
    EXPECT(failure_of([&] { weft::comm(id, 3, 1); }) == WEFT_ERR_ARGUMENT); /* taken */
    weft::comm third(id, 3);
    EXPECT(first.rank() == 1 && second.rank() == 0 && third.rank() == 2);
    EXPECT(first && first.size() == 3 && first.same_process() && first.status() == WEFT_OK);
    finish_case();
}

void handles_move_and_leave_once(void **)
{
    std::vector<weft::comm> comms = weft::comm::create_all(2, weft::config().name("moved"));
    weft::comm moved = std::move(comms[0]);
    EXPECT(!comms[0] && comms[0].rank() == -1 && comms[0].size() == -1 && comms[0].native_handle() == nullptr);
    EXPECT(moved && moved.rank() == 0);
    EXPECT(failure_of([&] { comms[0].barrier(); }) == WEFT_ERR_ARGUMENT);
    comms[0] = std::move(moved);
    weft::comm &self = comms[0];
    comms[0] = std::move(self);
    EXPECT(comms[0].rank() == 0);

    weft::comm borrowed = weft::comm::borrow(comms[1].native_handle());
    weft::comm again = std::move(borrowed);
    EXPECT(again.rank() == 1 && !borrowed);
    again = weft::comm();
    EXPECT(comms[1].rank() == 1);

    weft_comm *handle = comms[1].release();
    EXPECT(!comms[1] && weft_comm_rank(handle) == 1);
    comms[1] = weft::comm::adopt(handle);
    EXPECT(comms[1].rank() == 1 && !weft::comm::adopt(nullptr));
    EXPECT(failure_of([] { (void)weft::comm::create_all(0); }) == WEFT_ERR_ARGUMENT);
    finish_case();
}

void comms_outlive_the_threads_that_made_them(void **)
{
    const weft::group_id id = weft::group_id::create();
    std::vector<weft::comm> comms(4);
    std::vector<std::thread> makers;
    for (int r = 0; r < 4; r++)
        makers.emplace_back([&, r] {
            weft::comm world(id, 4, r);
            comms[static_cast<std::size_t>(r)] = world.split(r % 2, -r);
        });
    for (std::thread &maker : makers)
        maker.join();
    std::vector<std::thread> users;
    for (std::size_t r = 0; r < 4; r++)
        users.emplace_back([&, r] {
            weft::comm part = std::move(comms[r]);
            EXPECT(part.size() == 2 && part.rank() == (r < 2 ? 1 : 0));
            EXPECT(part.allreduce(static_cast<int>(r)) == (r % 2 == 0 ? 2 : 4));
        });
    for (std::thread &user : users)
        user.join();
    finish_case();
}

void split_and_dup_make_communicators(void **)
{
    on_ranks(5, [](weft::comm &comm) {
        weft::comm copy = comm.dup();
        EXPECT(copy.rank() == comm.rank() && copy.size() == 5 && copy.native_handle() != comm.native_handle());
        copy.barrier();
        copy.sync();
        copy.sync(comm.rank() % 2 == 0);

        weft::comm part = comm.split(comm.rank() == 4 ? weft::no_color : 0, -comm.rank());
        EXPECT(static_cast<bool>(part) == (comm.rank() != 4));
        if (part) {
            EXPECT(part.size() == 4 && part.rank() == 3 - comm.rank());
            weft::comm half = part.split(part.rank() / 2);
            EXPECT(half.allreduce(1) == 2);
        }
        EXPECT(copy.allreduce(1) == 5);
    });
}

void settings_reach_the_library(void **)
{
    const weft::config settings = weft::config()
                                      .name("quick")
                                      .wait(weft::wait_policy::block)
                                      .timeout(std::chrono::milliseconds(50))
                                      .algorithms("allreduce:grid");
    const weft_config native = settings.native();
    EXPECT(native.struct_size == sizeof native && std::string(native.name) == "quick");
    EXPECT(native.wait == WEFT_WAIT_BLOCK && native.timeout_ns == 50000000);
    EXPECT(std::string(native.algorithms) == "allreduce:grid");
    EXPECT(weft::config().native().name == nullptr && weft::config().native().algorithms == nullptr);

    std::vector<weft::comm> comms = weft::comm::create_all(2, settings);
    try {
        comms[0].barrier();
        EXPECT(false);
    } catch (const weft::error &failure) {
        EXPECT(failure.status() == WEFT_ERR_TIMEOUT);
        EXPECT(std::string(failure.what()).find("quick") != std::string::npos);
    }
    EXPECT(failure_of([&] { comms[1].barrier(); }) == WEFT_ERR_TIMEOUT && comms[1].status() == WEFT_ERR_TIMEOUT);

    std::vector<weft::comm> patient = weft::comm::create_all(2);
    patient[0].set_timeout(std::chrono::milliseconds(20));
    EXPECT(failure_of([&] { patient[0].barrier(); }) == WEFT_ERR_TIMEOUT);
    if (std::getenv("WEFT_ALGORITHMS") == nullptr) /* it would replace what is asked for here */
        EXPECT(failure_of([] { (void)weft::comm::create_all(2, weft::config().algorithms("allreduce:none")); }) ==
               WEFT_ERR_ARGUMENT);
    finish_case();
}

void errors_carry_status_and_sentence(void **)
{
    const weft::error own(WEFT_ERR_TRUNCATED, "in my words");
    EXPECT(own.status() == WEFT_ERR_TRUNCATED && std::string(own.what()) == "in my words");
    on_ranks(3, [](weft::comm &comm) {
        int data[2] = {1, 1};
        try {
            comm.allreduce(data, comm.rank() == 2 ? 2 : 1);
            EXPECT(false);
        } catch (const weft::error &failure) {
            EXPECT(failure.status() == WEFT_ERR_MISMATCH && std::string(failure.what()) == weft_last_error());
        }
        EXPECT(failure_of([&] { comm.barrier(); }) == WEFT_ERR_MISMATCH);
    });
}

void run_joins_all_ranks(void **)
{
    std::mutex mutex;
    std::vector<int> seen(6, 0);
    weft::run(6, [&](weft::comm &comm) {
        comm.barrier();
        const std::lock_guard<std::mutex> lock(mutex);
        seen[static_cast<std::size_t>(comm.rank())]++;
    });
    for (int times : seen)
        EXPECT(times == 1);
    /* The body may be const, a function, and runs with the given settings. */
    const auto constant = [](weft::comm &comm) { EXPECT(comm.size() == 2); };
    weft::run(2, constant);
    weft::run(
        2, weft::config().wait(weft::wait_policy::block), +[](weft::comm &comm) { comm.barrier(); });
    weft::run(1, [](weft::comm &comm) { EXPECT(comm.allreduce(7) == 7); });
    EXPECT(failure_of([] { weft::run(0, [](weft::comm &) {}); }) == WEFT_ERR_ARGUMENT);
    EXPECT(weft::version() == weft_version());
    finish_case();
}

void run_throws_what_a_body_throws(void **)
{
    for (int culprit = 0; culprit < 4; culprit++) {
        std::atomic<int> told{0};
        EXPECT(throws<mishap>([&] {
            weft::run(4, [&](weft::comm &comm) {
                comm.barrier();
                if (comm.rank() == culprit)
                    throw mishap();
                try {
                    for (;;)
                        comm.barrier();
                } catch (const weft::error &) {
                    told++;
                    throw;
                }
            });
        }));
        CHECK(told == 3, "%d", told.load());
    }
    /* Other things than exceptions, and errors of the program's own. */
    EXPECT(throws<int>([] { weft::run(2, [](weft::comm &) { throw 7; }); }));
    EXPECT(failure_of([] {
               weft::run(2, [](weft::comm &comm) {
                   if (comm.rank() == 1)
                       throw weft::error(WEFT_ERR_TRUNCATED, "mine");
               });
           }) == WEFT_ERR_TRUNCATED);
    finish_case();
}

void run_ends_the_comm_with_the_body(void **)
{
    weft::comm kept;
    weft::run(1, [&](weft::comm &comm) { kept = std::move(comm); });
    (void)kept.release(); /* borrowed, so nothing is destroyed twice */
    std::vector<weft::comm> copies(2);
    weft::run(2, [&](weft::comm &comm) { copies[static_cast<std::size_t>(comm.rank())] = comm.dup(); });
    std::thread other([&] { copies[1].barrier(); });
    copies[0].barrier();
    other.join();
    finish_case();
}

void bound_ranks_are_lost_with_their_threads(void **)
{
    std::vector<weft::comm> comms = weft::comm::create_all(2);
    std::thread([&] { comms[1].bind_thread(); }).join();
    try {
        comms[0].barrier();
        EXPECT(!"a barrier without rank 1");
    } catch (const weft::error &failure) {
        EXPECT(failure.status() == WEFT_ERR_RANK_LOST);
        EXPECT(std::string(failure.what()).find("the thread of rank 1 ended") != std::string::npos);
    }
    EXPECT(failure_of([&] { comms[1].bind_thread(); }) == WEFT_ERR_RANK_LOST);
    finish_case();
}

} // namespace

int main()
{
    const struct CMUnitTest tests[] = {
        TEST(group_ids_are_plain_values),
        TEST(group_ids_pass_through_streams),
        TEST(ranks_join_by_number_or_as_they_come),
        TEST(handles_move_and_leave_once),
        TEST(comms_outlive_the_threads_that_made_them),
        TEST(split_and_dup_make_communicators),
        TEST(settings_reach_the_library),
        TEST(errors_carry_status_and_sentence),
        TEST(run_joins_all_ranks),
        TEST(run_throws_what_a_body_throws),
        TEST(run_ends_the_comm_with_the_body),
        TEST(bound_ranks_are_lost_with_their_threads),
    };
    return RUN_TESTS("cpp comm", tests);
}

// SPDX-License-Identifier: MIT
/* host_comm.cpp - the communication of an inference engine, written for the HostComm interface.
 *
 *     c++ -std=c++17 host_comm.cpp $(pkg-config --cflags --libs weft) -o host_comm && ./host_comm
 *
 * Four ranks are two groups of two. In each group, rank 0 hands a batch to the other by a shared_ptr; they add up their
 * halves of the work; all groups agree whether anyone has work left; who has none sleeps in a blocking Sync. A program
 * written for that interface needs this include and the alias, and no other change. */
#include <weft/host_comm.hpp>

#include <iostream>
#include <memory>
#include <numeric>
#include <thread>
#include <vector>

namespace comm = weft::host;

struct Batch {
    std::vector<int> tokens;
    bool last = false;
};

static void serve(const comm::HostComm &world, const comm::HostComm &tp_group)
{
    for (int step = 0;; step++) {
        std::shared_ptr<Batch> batch;
        if (tp_group->rank() == 0) {
            batch = std::make_shared<Batch>();
            batch->tokens.assign(10, world->rank() + step);
            batch->last = step == 3;
        }
        tp_group->Sync(tp_group->rank() != 0); /* the others have nothing to do: they sleep until rank 0 has a batch */
        Broadcast(tp_group, batch, 0);

        const auto half = static_cast<std::ptrdiff_t>(batch->tokens.size() / 2);
        const auto begin = batch->tokens.begin() + (tp_group->rank() == 0 ? 0 : half);
        const int sum = AllReduce(tp_group, std::accumulate(begin, begin + half, 0), comm::RedOp::kSum);
        const std::vector<int> sums = AllGather(world, sum);
        if (world->rank() == 0)
            std::cout << "step " << step << ": group 0 says " << sums[0] << ", group 1 says " << sums[2] << '\n';
        if (AllReduce(world, batch->last ? 0 : 1, comm::RedOp::kMax) == 0)
            return;
    }
}

int main()
{
    std::unique_ptr<comm::HostGroupId> id = comm::CreateHostGroupId({});
    id->Initialize();
    std::vector<std::thread> threads;
    for (int rank = 0; rank < 4; rank++)
        threads.emplace_back([&id, rank] {
            const comm::HostComm world = id->CreateCommunicator(4, rank);
            const comm::HostComm tp_group = world->Split(rank / 2, 0);
            serve(world, tp_group);
        });
    for (std::thread &thread : threads)
        thread.join();
    return 0;
}

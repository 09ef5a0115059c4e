// SPDX-License-Identifier: MIT
/* test_host_engine.cpp - a small inference engine, written for the HostComm interface as such engines are: nothing in
 * it names Weft but the include and the alias.
 *
 * dp groups serve requests side by side; in each, tp ranks work on the same batch. Rank 0 of a group takes requests
 * from a queue and broadcasts them; the groups agree by allreduce whether any of them has work, so that all take a step
 * together; an idle group sleeps in a blocking Sync. Communicators are made and split in threads that end at once, and
 * are used in others. */
#include "support.hpp"

#include <weft/host_comm.hpp>

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <numeric>
#include <thread>
#include <vector>

namespace engine {

namespace comm = weft::host;

struct Request {
    std::uint64_t id = 0;
    std::vector<int> prompt;
    int max_new_tokens = 0;

    std::vector<int> output; /* written by rank 0 of the group that serves it */
    static inline std::atomic<int> living{0};

    Request() { living++; }
    Request(const Request &) = delete;
    ~Request() { living--; }
};

/* What the first rank of a group tells the others in each step. */
struct RequestData {
    std::vector<std::shared_ptr<Request>> infer;
    bool abort = false;
};

class Gateway {
public:
    void push(std::shared_ptr<Request> request)
    {
        const std::lock_guard<std::mutex> lock(mutex_);
        queue_.push_back(std::move(request));
        ready_.notify_all();
    }
    void shutdown()
    {
        const std::lock_guard<std::mutex> lock(mutex_);
        closed_ = true;
        ready_.notify_all();
    }
    void pop(std::vector<std::shared_ptr<Request>> &requests, std::size_t n_free, bool blocking, bool &abort)
    {
        std::unique_lock<std::mutex> lock(mutex_);
        if (blocking)
            ready_.wait(lock, [this] { return closed_ || !queue_.empty(); });
        while (!queue_.empty() && requests.size() < n_free) {
            requests.push_back(std::move(queue_.front()));
            queue_.pop_front();
        }
        abort = closed_ && queue_.empty() && requests.empty();
    }
    void finish(const std::shared_ptr<Request> &request)
    {
        const std::lock_guard<std::mutex> lock(mutex_);
        finished_.push_back(request);
        ready_.notify_all();
    }
    std::vector<std::shared_ptr<Request>> wait_for(std::size_t count)
    {
        std::unique_lock<std::mutex> lock(mutex_);
        ready_.wait(lock, [&] { return finished_.size() >= count; });
        return std::exchange(finished_, {});
    }

private:
    std::mutex mutex_;
    std::condition_variable ready_;
    std::deque<std::shared_ptr<Request>> queue_;
    std::vector<std::shared_ptr<Request>> finished_;
    bool closed_ = false;
};

struct Communicators {
    comm::HostComm h_comm;
    comm::HostComm h_tp_group;
    comm::HostComm h_dp_group;
};

/* The next token of a sequence, the sum of what each rank makes of its share. */
int share_of_next_token(const std::vector<int> &tokens, int rank, int n_ranks)
{
    int sum = 0;
    for (std::size_t i = static_cast<std::size_t>(rank); i < tokens.size(); i += static_cast<std::size_t>(n_ranks))
        sum += tokens[i] * (static_cast<int>(i) + 1);
    return sum % 1009;
}

class Engine {
public:
    Engine(Gateway &gateway, const Communicators &comms)
        : gateway_(gateway), tp_group_(comms.h_tp_group),
          dp_group_(comms.h_dp_group), sampling_group_{tp_group_->Split(0, 0)}, tp_rank_(tp_group_->rank()),
          tp_size_(tp_group_->n_ranks())
    {
    }

    void start() { thread_ = std::thread(&Engine::loop, this); }
    void join() { thread_.join(); }
    int steps() const { return steps_; }

private:
    struct Sequence {
        std::shared_ptr<Request> request;
        std::vector<int> tokens;
    };

    void loop()
    {
        for (;;) {
            std::shared_ptr<RequestData> data;
            if (tp_rank_ == 0) {
                data = std::make_shared<RequestData>();
                const bool idle = active_.empty() && dp_group_->n_ranks() == 1;
                gateway_.pop(data->infer, max_batch_size - active_.size(), idle, data->abort);
            }
            if (active_.empty() && tp_group_->is_same_process())
                tp_group_->Sync(true);
            if (tp_group_->n_ranks() > 1)
                Broadcast(tp_group_, data, 0);

            /* All groups stop together, once each has nothing left. */
            const bool stopping = data->abort && active_.empty();
            if (comm::AllReduce(dp_group_, stopping ? 0 : 1, comm::RedOp::kMax) == 0)
                break;

            for (auto &request : data->infer)
                active_.push_back({request, request->prompt});

            int n_active = static_cast<int>(active_.size());
            n_active = AllReduce(dp_group_, n_active, comm::RedOp::kSum);
            if (n_active > 0)
                step();
            else
                std::this_thread::yield();
        }
    }

    void step()
    {
        steps_++;
        std::vector<int> local_token_num(static_cast<std::size_t>(dp_group_->n_ranks()));
        local_token_num[static_cast<std::size_t>(dp_group_->rank())] = static_cast<int>(active_.size());
        AllGather(dp_group_, local_token_num.data(), 1);
        const int all = std::accumulate(local_token_num.begin(), local_token_num.end(), 0);
        EXPECT(all >= static_cast<int>(active_.size()));
        if (active_.empty())
            return;

        std::vector<int> next(active_.size());
        for (std::size_t i = 0; i < active_.size(); i++)
            next[i] = share_of_next_token(active_[i].tokens, tp_rank_, tp_size_);
        AllReduce(sampling_group_, next.data(), static_cast<int>(next.size()), comm::RedOp::kSum);

        for (std::size_t i = 0; i < active_.size(); i++)
            active_[i].tokens.push_back(next[i] % 1009);
        const auto done = [](const Sequence &s) {
            return s.tokens.size() == s.request->prompt.size() + static_cast<std::size_t>(s.request->max_new_tokens);
        };
        for (Sequence &sequence : active_)
            if (done(sequence) && tp_rank_ == 0) {
                sequence.request->output = sequence.tokens;
                gateway_.finish(sequence.request);
            }
        active_.erase(std::remove_if(active_.begin(), active_.end(), done), active_.end());
    }

    static constexpr std::size_t max_batch_size = 4;
    Gateway &gateway_;
    comm::HostComm tp_group_;
    comm::HostComm dp_group_;
    comm::HostComm sampling_group_;
    const int tp_rank_;
    const int tp_size_;
    std::vector<Sequence> active_;
    std::thread thread_;
    int steps_ = 0;
};

/* All ranks of dp x tp, with one queue. */
class Server {
public:
    Server(int dp_size, int tp_size)
    {
        const int n_ranks = dp_size * tp_size;
        std::unique_ptr<comm::HostGroupId> group_id = comm::CreateHostGroupId("");
        group_id->Initialize();
        std::vector<Communicators> comms(static_cast<std::size_t>(n_ranks));
        std::vector<std::thread> makers;
        for (int rank = 0; rank < n_ranks; rank++)
            makers.emplace_back([&, rank] {
                Communicators &c = comms[static_cast<std::size_t>(rank)];
                c.h_comm = group_id->CreateCommunicator(n_ranks, rank, 0);
                c.h_tp_group = c.h_comm->Split(rank / tp_size, 0);
                c.h_dp_group = c.h_comm->Split(rank % tp_size, 0);
            });
        for (std::thread &maker : makers)
            maker.join();
        group_id.reset();

        engines_.resize(static_cast<std::size_t>(n_ranks));
        makers.clear();
        for (std::size_t rank = 0; rank < engines_.size(); rank++)
            makers.emplace_back([&, rank] {
                comms[rank].h_comm->Sync();
                engines_[rank] = std::make_unique<Engine>(gateway, comms[rank]);
                comms[rank].h_comm->Sync();
                engines_[rank]->start();
            });
        for (std::thread &maker : makers)
            maker.join();
    }
    ~Server()
    {
        gateway.shutdown();
        for (auto &engine : engines_)
            engine->join();
        for (auto &engine : engines_) /* ranks of a group have taken the same steps */
            CHECK(engine->steps() == engines_[0]->steps(), "%d steps", engine->steps());
    }

    Gateway gateway;

private:
    std::vector<std::unique_ptr<Engine>> engines_;
};

std::vector<int> expected_output(const Request &request)
{
    std::vector<int> tokens = request.prompt;
    for (int i = 0; i < request.max_new_tokens; i++)
        tokens.push_back(share_of_next_token(tokens, 0, 1) % 1009);
    return tokens;
}

} // namespace engine

namespace {

using engine::Request;

void serve(int dp_size, int tp_size, int n_requests)
{
    test_case("dp %d, tp %d", dp_size, tp_size);
    {
        engine::Server server(dp_size, tp_size);
        for (int burst = 0; burst < 3; burst++) { /* idle in between */
            std::uint64_t state = test_seed();
            for (int i = 0; i < n_requests; i++) {
                auto request = std::make_shared<Request>();
                request->id = static_cast<std::uint64_t>(i);
                request->max_new_tokens = 1 + static_cast<int>(random_below(&state, 12));
                for (std::uint64_t t = 0; t <= random_below(&state, 9); t++)
                    request->prompt.push_back(static_cast<int>(random_below(&state, 1000)));
                server.gateway.push(std::move(request));
            }
            std::size_t left = static_cast<std::size_t>(n_requests);
            while (left > 0)
                for (const auto &request : server.gateway.wait_for(1)) {
                    left--;
                    CHECK(request->output == engine::expected_output(*request), "request %d",
                          static_cast<int>(request->id));
                }
        }
    }
    CHECK(Request::living == 0, "%d requests", Request::living.load());
    finish_case();
}

void one_group_serves(void **)
{
    serve(1, 1, 20);
    serve(1, 2, 20);
    serve(1, 4, 20);
}

void groups_serve_side_by_side(void **)
{
    serve(2, 1, 20);
    serve(2, 2, 20);
    serve(3, 2, 20);
}

} // namespace

int main()
{
    const struct CMUnitTest tests[] = {
        TEST(one_group_serves),
        TEST(groups_serve_side_by_side),
    };
    return RUN_TESTS("cpp host engine", tests);
}

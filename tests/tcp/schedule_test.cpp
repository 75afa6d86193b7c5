#include <algorithm>
#include <fanout/tcp/messages.hpp>
#include <fanout/tcp/schedule.hpp>
#include <random>
#include <string>
#include <vector>

#include "catch.hpp"

using namespace fanout::detail;

static task_chunk one(std::size_t index, int attempts = 0) {
    return {index, 1, attempts, "task " + std::to_string(index)};
}

static task_chunk several(std::size_t first, std::size_t count) {
    task_chunk chunk{first, count, 0, {}};
    for (std::size_t i = first; i < first + count; ++i) {
        const std::string task = "task " + std::to_string(i);
        append_raw(chunk.bytes, static_cast<std::uint32_t>(task.size()));
        chunk.bytes += task;
    }
    return chunk;
}

static std::vector<std::size_t> all_again(schedule& of) {
    std::vector<std::size_t> indices;
    while (auto next = of.take_again()) {
        CHECK(next->count == 1);
        CHECK(next->bytes == "task " + std::to_string(next->first));
        indices.push_back(next->first);
    }
    return indices;
}

using indices = std::vector<std::size_t>;

TEST_CASE("a chunk is split into its tasks") {
    const auto parts = split(several(5, 3));
    REQUIRE(parts.size() == 3);
    CHECK(parts[2].first == 7);
    CHECK(parts[2].bytes == "task 7");
    CHECK(split(one(4)).front().bytes == "task 4");
}

TEST_CASE("a worker gets as many chunks as it has slots, and some more while there is much left") {
    schedule plan({});
    plan.join(1, 2);
    CHECK(plan.slots() == 2);
    CHECK(!plan.has_room(2, 100));
    plan.sent(1, one(0));
    CHECK(plan.has_room(1, 0));
    plan.sent(1, one(1));
    CHECK(!plan.has_room(1, 0));
    CHECK(!plan.has_room(1, 2));
    CHECK(plan.has_room(1, 100));
    plan.sent(1, one(2));
    plan.sent(1, one(3));
    CHECK(!plan.has_room(1, 100));
    CHECK(plan.in_flight() == 4);
    CHECK(plan.in_flight_of(1) == 4);
}

TEST_CASE("long arguments are not sent ahead") {
    schedule plan({});
    plan.join(1, 1);
    plan.sent(1, {0, 1, 0, std::string(65 << 20, 'x')});
    CHECK(!plan.has_room(1, 100));
    CHECK(plan.finish(1, 0));
    plan.sent(1, one(1));
    CHECK(plan.has_room(1, 100));
}

TEST_CASE("what may run only once is not sent ahead") {
    schedule plan({.retries = 0, .one_by_one = true});
    plan.join(1, 1);
    plan.sent(1, one(0));
    CHECK(!plan.has_room(1, 1000));
    CHECK(plan.next_size(1000) == 1);
}

TEST_CASE("chunks grow with what tasks take, step by step, and stay fair shares of what is left") {
    schedule plan({});
    plan.join(1, 1);
    plan.join(2, 1);
    CHECK(plan.next_size(1'000'000) == 1);
    plan.took(1, 1000);
    CHECK(plan.next_size(1'000'000) == 8);
    plan.took(8, 8000);
    CHECK(plan.next_size(1'000'000) == 64);
    for (int i = 0; i < 10; ++i)
        plan.took(plan.next_size(1'000'000), 1000.0 * static_cast<double>(plan.next_size(1'000'000)));
    CHECK(plan.next_size(1'000'000) >= 1500);
    CHECK(plan.next_size(1'000'000) <= 2500);
    CHECK(plan.next_size(80) == 11);
    CHECK(plan.next_size(0) == 1);
    for (int i = 0; i < 30; ++i) plan.took(1, 1e9);
    CHECK(plan.next_size(1'000'000) == 1);
}

TEST_CASE("the user's batch is what he said") {
    schedule plan({.batch = 5});
    plan.join(1, 1);
    plan.took(5, 10);
    CHECK(plan.next_size(1'000'000) == 5);
    CHECK(plan.next_size(1) == 5);
}

TEST_CASE("results count only from who has the task, and once") {
    schedule plan({});
    plan.join(1, 1);
    plan.join(2, 1);
    plan.sent(1, one(7));
    CHECK(plan.has_in_flight(1, 7));
    CHECK(!plan.has_in_flight(2, 7));
    CHECK(!plan.finish(2, 7));
    CHECK(!plan.finish(1, 8));
    CHECK(plan.finish(1, 7));
    CHECK(!plan.finish(1, 7));
    CHECK(plan.in_flight() == 0);
}

TEST_CASE("of a worker that is gone nothing is expected, and nothing is taken") {
    schedule plan({});
    plan.join(1, 1);
    plan.sent(1, one(0));
    CHECK(plan.lose(1).failed.empty());
    CHECK(all_again(plan) == indices{0});

    plan.drain(1);
    CHECK(!plan.knows(1));
    CHECK(!plan.has_room(1, 100));
    CHECK(!plan.is_idle(1));
    CHECK(!plan.finish(1, 0));
    CHECK(!plan.has_in_flight(1, 0));
    CHECK(plan.in_flight_of(1) == 0);
    plan.came_late(1, 0);
    CHECK(!plan.was_outrun(1));
    plan.given_back(1, 0);
    CHECK(plan.broke(1, 0, 0).failed.empty());
    CHECK(plan.lose(1).failed.empty());
    CHECK(!plan.has_again());
    CHECK(plan.slots() == 0);
    CHECK(plan.next_size(100) == 1);
    CHECK(!plan.take_any());
}

TEST_CASE("when a call ends early, all that is not done is taken from whoever has it") {
    schedule plan({});
    plan.join(1, 1);
    plan.join(2, 1);
    plan.sent(2, one(1));
    plan.put_back(one(2));
    indices taken;
    while (const auto next = plan.take_any()) taken.push_back(next->first);
    CHECK(taken == indices{1, 2});
    CHECK(plan.in_flight() == 0);
}

TEST_CASE("when a worker is lost, what it was at has been tried, and what was waiting there has not") {
    schedule plan({.retries = 1});
    plan.join(1, 2);
    for (std::size_t i = 0; i < 4; ++i) plan.sent(1, one(i));
    CHECK(plan.lose(1).failed.empty());
    CHECK(plan.workers() == 0);
    CHECK(plan.slots() == 0);
    std::vector<task_chunk> again;
    while (auto next = plan.take_again()) again.push_back(std::move(*next));
    REQUIRE(again.size() == 4);
    for (std::size_t i = 0; i < 4; ++i) {
        CHECK(again[i].first == i);
        CHECK(again[i].attempts == (i < 2 ? 1 : 0));
    }
    plan.join(2, 1);
    plan.sent(2, again[1]);
    plan.sent(2, again[3]);
    const auto losses = plan.lose(2);
    REQUIRE(losses.failed.size() == 1);
    CHECK(losses.failed[0].first == 1);
    CHECK(losses.failed[0].attempts == 2);
    CHECK(all_again(plan) == indices{3});
}

TEST_CASE("behind a task that was blamed for a lost worker nothing is sent, so that it is not blamed for others") {
    // Its result may have been lost with the worker, which the next task killed.
    schedule plan({});
    plan.join(1, 1);
    plan.sent(1, one(4));
    plan.sent(1, one(5));
    CHECK(plan.lose(1).failed.empty());
    plan.join(2, 1);
    const task_chunk blamed = *plan.take_again();
    CHECK(blamed.first == 4);
    CHECK(blamed.attempts == 1);
    plan.sent(2, blamed);
    CHECK(!plan.has_room(2, 100));
    plan.finish(2, 4);
    CHECK(plan.has_room(2, 100));
    const task_chunk next = *plan.take_again();
    CHECK(next.attempts == 0);
    plan.sent(2, next);
    CHECK(plan.has_room(2, 100));
    plan.sent(2, one(6, 2));  // may come to stand behind others
    CHECK(!plan.has_room(2, 100));
    CHECK(plan.lose(2).failed.empty());
    plan.join(3, 1);
    CHECK(plan.has_room(3, 100));
    CHECK(all_again(plan) == indices{5, 6});
}

TEST_CASE("nobody is to blame for what a worker leaves that had said that it would go") {
    for (const int retries : {0, 1}) {
        schedule plan({.retries = retries});
        plan.join(1, 1);
        plan.sent(1, one(0));
        plan.drain(1);
        CHECK(!plan.has_room(1, 100));
        const auto losses = plan.lose(1);
        if (retries == 0) {  // it may have been begun, and must not be begun again
            REQUIRE(losses.failed.size() == 1);
            continue;
        }
        CHECK(losses.failed.empty());
        const auto again = plan.take_again();
        REQUIRE(again);
        CHECK(again->attempts == 0);
    }
}

TEST_CASE("a chunk that broke goes on task by task, and only the culprit has been tried") {
    schedule plan({.retries = 2});
    plan.join(1, 1);
    plan.sent(1, several(10, 3));
    CHECK(plan.broke(1, 10, 11).failed.empty());
    std::vector<task_chunk> again;
    while (auto next = plan.take_again()) again.push_back(std::move(*next));
    REQUIRE(again.size() == 3);
    CHECK(again[0].attempts == 0);
    CHECK(again[1].attempts == 1);
    CHECK(again[2].attempts == 0);
    CHECK(plan.broke(1, 10, 11).failed.empty());
    CHECK(!plan.has_again());
}

TEST_CASE("a worker that comes and goes at any moment loses and doubles nothing") {
    for (unsigned seed = 0; seed < 200; ++seed) {
        std::mt19937 random(seed);
        const auto below = [&](std::size_t n) { return std::uniform_int_distribution<std::size_t>(0, n - 1)(random); };
        constexpr std::size_t tasks = 300;
        schedule plan({.retries = 1'000'000});
        std::vector<int> done(tasks);
        std::vector<std::pair<std::uint64_t, std::vector<task_chunk>>> workers;
        std::uint64_t names = 0;
        std::size_t next = 0;
        for (int step = 0; step < 100'000; ++step) {
            if (workers.size() < 3 && below(3) == 0) {
                workers.emplace_back(++names, std::vector<task_chunk>());
                plan.join(names, static_cast<int>(1 + below(3)));
            }
            if (workers.empty()) continue;
            auto& [name, has] = workers[below(workers.size())];
            switch (below(6)) {
                case 0:
                    if (below(5) == 0) {
                        CHECK(plan.lose(name).failed.empty());
                        std::swap(workers[0], *std::find_if(workers.begin(), workers.end(),
                                                            [&](const auto& each) { return each.first == name; }));
                        workers.erase(workers.begin());
                    }
                    break;
                case 1:
                    if (!has.empty()) {
                        const task_chunk chunk = has.front();
                        has.erase(has.begin());
                        plan.broke(name, chunk.first, chunk.first + below(chunk.count));
                    }
                    break;
                case 2:
                case 3:
                    if (!has.empty()) {
                        const task_chunk chunk = has.front();
                        has.erase(has.begin());
                        REQUIRE(plan.finish(name, chunk.first));
                        for (std::size_t i = 0; i < chunk.count; ++i) ++done[chunk.first + i];
                        plan.took(chunk.count, 1000);
                    }
                    break;
                default:
                    if (!plan.has_room(name, tasks - next)) break;
                    auto chunk = plan.take_again();
                    if (!chunk && next < tasks) {
                        const std::size_t size = std::min(plan.next_size(tasks - next), tasks - next);
                        chunk = size == 1 ? one(next) : several(next, size);
                        next += size;
                    }
                    if (!chunk) break;
                    has.push_back(*chunk);
                    plan.sent(name, std::move(*chunk));
            }
            if (next == tasks && plan.in_flight() == 0 && !plan.has_again()) break;
        }
        CHECK(std::count(done.begin(), done.end(), 1) == static_cast<std::ptrdiff_t>(tasks));
    }
}

TEST_CASE("in the tail, who has more than he can be at is asked for it, once until he is sent more") {
    schedule plan({});
    plan.join(1, 1);
    plan.join(2, 1);
    plan.sent(1, one(0));
    CHECK(plan.to_be_asked_back().empty());
    plan.sent(1, one(1));
    CHECK(plan.to_be_asked_back() == std::vector<schedule::worker_id>{1});
    CHECK(plan.to_be_asked_back().empty());
    plan.given_back(1, 1);
    plan.given_back(1, 1);
    plan.given_back(2, 0);
    const auto again = plan.take_again();
    REQUIRE(again);
    CHECK(again->first == 1);
    CHECK(again->attempts == 0);
    CHECK(!again->was_begun);
    CHECK(!plan.take_again());
    plan.sent(1, one(2));
    CHECK(plan.to_be_asked_back() == std::vector<schedule::worker_id>{1});
}

TEST_CASE("of two workers at one chunk the first counts, and the other is busy until it is heard of") {
    schedule plan({});
    for (const schedule::worker_id each : std::vector<schedule::worker_id>{1, 2}) plan.join(each, 1);
    plan.sent(1, several(0, 2));
    CHECK(!plan.has_twin(0));
    CHECK(plan.is_idle(2));
    plan.sent(2, plan.twin_of(1, 0));
    CHECK(plan.has_twin(0));
    CHECK(!plan.is_idle(2));
    CHECK(plan.in_flight() == 4);

    SECTION("both come") {
        CHECK(plan.finish(2, 0));
        CHECK(plan.in_flight() == 0);
        CHECK(!plan.finish(1, 0));
        CHECK(!plan.has_in_flight(1, 0));
        CHECK(plan.was_outrun(1));
        CHECK(!plan.is_idle(1));
        CHECK(!plan.has_room(1, 0));
        plan.came_late(1, 0);
        CHECK(plan.is_idle(1));
        CHECK(!plan.was_outrun(1));
    }
    SECTION("one comes, and the other breaks, or is given back") {
        const bool breaks = GENERATE(true, false);
        CHECK(plan.finish(2, 0));
        CHECK(plan.was_outrun(1));
        if (breaks)
            CHECK(plan.broke(1, 0, 0).failed.empty());
        else
            plan.given_back(1, 0);
        CHECK(plan.is_idle(1));
        CHECK(!plan.has_again());
    }
    SECTION("one is lost, and the other goes on") {
        CHECK(plan.lose(1).failed.empty());
        CHECK(!plan.has_again());
        CHECK(!plan.has_twin(0));
        CHECK(plan.finish(2, 0));
    }
    SECTION("both are lost") {
        CHECK(plan.lose(1).failed.empty());
        CHECK(plan.lose(2).failed.empty());
        CHECK(all_again(plan) == indices{0, 1});
    }
    SECTION("one breaks, then the other") {
        CHECK(plan.broke(1, 0, 0).failed.empty());
        CHECK(!plan.has_again());
        CHECK(plan.broke(2, 0, 0).failed.empty());
        CHECK(all_again(plan) == indices{0, 1});
    }
    SECTION("one gives it back") {
        plan.given_back(1, 0);
        CHECK(!plan.has_again());
        CHECK(plan.finish(2, 0));
    }
    CHECK(plan.in_flight() == 0);
}

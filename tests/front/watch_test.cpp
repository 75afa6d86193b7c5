// Tests of watch.hpp: who is told to stop, and who is not.
#include <fanout/front/watch.hpp>

#include <atomic>
#include <chrono>
#include <optional>
#include <stop_token>
#include <thread>
#include <vector>

#include "catch.hpp"

using namespace std::chrono_literals;
using clock_type = std::chrono::steady_clock;
using watch = fanout::detail::watch<clock_type>;

namespace {

void wait_until_told(const std::stop_token& token) {
    while (!token.stop_requested()) std::this_thread::yield();
}

}  // namespace

TEST_CASE("without a limit nobody is told until all are", "[watch]") {
    watch tasks(2, clock_type::duration::zero());
    const auto first = tasks.start(0, clock_type::now());
    const auto second = tasks.start(1, clock_type::now());
    CHECK(first.stop_possible());
    CHECK_FALSE(first.stop_requested());
    tasks.stop_all();
    CHECK(first.stop_requested());
    CHECK(second.stop_requested());
    tasks.finish(0);
    CHECK(tasks.start(0, clock_type::now()).stop_requested());  // what starts from now on is told too
}

TEST_CASE("a task is told when its time is up, and the others are not", "[watch]") {
    watch tasks(2, 5ms);
    const auto late = tasks.start(0, clock_type::now());
    const auto other = tasks.start(1, clock_type::now() + 1h);  // as if it had begun later
    wait_until_told(late);
    CHECK_FALSE(other.stop_requested());
    tasks.finish(0);
    tasks.finish(1);
}

TEST_CASE("a task that has finished is not told any more, and the worker's next one has its own time", "[watch]") {
    watch tasks(1, 5ms);
    tasks.start(0, clock_type::now());
    tasks.finish(0);
    const auto next = tasks.start(0, clock_type::now() + 1h);
    std::this_thread::sleep_for(20ms);  // nothing is to happen in this time
    CHECK_FALSE(next.stop_requested());
    tasks.finish(0);
}

TEST_CASE("one task after the other is told, and each only when its own time is up", "[watch]") {
    watch tasks(1, 1ms);
    int told_too_early = 0;
    for (int task = 0; task < 50; ++task) {
        const auto started = clock_type::now();
        const auto late = tasks.start(0, started);
        wait_until_told(late);
        told_too_early += clock_type::now() < started + 1ms;
        tasks.finish(0);
    }
    CHECK(told_too_early == 0);
}

TEST_CASE("a task that starts at the moment the one before is told is not told with it", "[watch]") {
    constexpr auto limit = 100us;
    std::atomic<int> told_too_early = 0;
    const auto finish_about_when_told = [&](unsigned seed) {
        watch tasks(1, limit);
        for (int round = 0; round < 1000; ++round) {
            const auto started = clock_type::now();
            const auto first = tasks.start(0, started);
            seed = seed * 1103515245 + 12345;
            const auto until = started + limit + std::chrono::nanoseconds(seed / 65536 % 100'000);
            while (clock_type::now() < until && !first.stop_requested()) {
            }
            tasks.finish(0);

            const auto next_started = clock_type::now();
            const auto next = tasks.start(0, next_started);
            for (int look = 0; look < 100; ++look)
                if (next.stop_requested() && clock_type::now() < next_started + limit) {
                    ++told_too_early;
                    break;
                }
            tasks.finish(0);
        }
    };
    {
        std::vector<std::jthread> workers;  // more than CPUs, so that the watches are interrupted anywhere
        for (unsigned seed = 1; seed <= 6; ++seed) workers.emplace_back(finish_about_when_told, seed);
    }
    CHECK(told_too_early == 0);
}

TEST_CASE("callbacks of the user's may use the watch", "[watch]") {
    watch tasks(1, 1ms);
    const auto token = tasks.start(0, clock_type::now());
    std::atomic<bool> called = false;
    {
        const std::stop_callback on_stop(token, [&] {
            tasks.finish(0);
            called = true;
        });
        while (!called) std::this_thread::yield();
    }
    tasks.start(0, clock_type::now());
    tasks.finish(0);
    CHECK(called);
}

TEST_CASE("several workers start and finish tasks while all are told", "[watch]") {
    watch tasks(4, 1h);
    std::atomic<int> told = 0;
    {
        std::vector<std::jthread> workers;
        for (int worker = 0; worker < 4; ++worker)
            workers.emplace_back([&, worker] {
                for (;;) {
                    const bool stop = tasks.start(worker, clock_type::now()).stop_requested();
                    tasks.finish(worker);
                    if (stop) break;
                }
                ++told;
            });
        tasks.stop_all();
    }
    CHECK(told == 4);
}

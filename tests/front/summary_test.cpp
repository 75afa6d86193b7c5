// Tests of summary.hpp: what a call was like, for who asks.
#include <fanout/front/summary.hpp>

#include <fanout/fanout.hpp>

#include <cstddef>
#include <cstdlib>
#include <numeric>
#include <ranges>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "catch.hpp"
#include "support/generator.hpp"
#include "support/matchers.hpp"

using fanout::backend, fanout::delayed, fanout::parallel, fanout::processes, fanout::run_summary;
using namespace std::chrono_literals;

namespace {

std::size_t tasks_of_workers(const run_summary& all) {
    std::size_t sum = 0;
    for (const auto& each : all.workers) sum += each.tasks;
    return sum;
}

}  // namespace

TEST_CASE("a summary says how long it took, who was busy, and what was slow", "[summary]") {
    for (const char* name : {"sequential", "threads", "processes"}) {
        INFO(name);
        const auto run = parallel({.n_jobs = 2, .summarize = true}, backend(name));
        run(delayed([](int i) {
                std::this_thread::sleep_for(i == 7 ? 40ms : 1ms);
                return i;
            }),
            std::views::iota(0, 30));
        const run_summary all = run.summary();
        CHECK(all.backend == name);
        CHECK(all.tasks == 30);
        CHECK(all.failed == 0);
        CHECK(all.retried == 0);
        CHECK(all.wall.count() >= 0.04);
        REQUIRE(all.workers.size() == 2);
        CHECK(tasks_of_workers(all) == 30);
        for (const auto& each : all.workers) CHECK(each.busy.count() <= all.wall.count());
        CHECK(all.busy_share() > 0);
        CHECK(all.busy_share() <= 1);
        REQUIRE(all.slowest.size() == 5);
        CHECK(all.slowest[0].index == 7);
        CHECK(all.slowest[0].took.count() >= 0.04);
        for (std::size_t i = 1; i < 5; ++i) CHECK(all.slowest[i].took <= all.slowest[i - 1].took);
    }
}

TEST_CASE("it counts the bytes that come from and go to other processes", "[summary]") {
    const auto run = parallel({.n_jobs = 2, .summarize = true}, processes{});
    run(delayed([](int) { return std::string(1000, 'x'); }), std::views::iota(0, 100));
    CHECK(run.summary().bytes_received >= 100'000);
    CHECK(run.summary().bytes_received < 120'000);
    CHECK(run.summary().bytes_sent == 0);
    run(delayed([](int i) { return i; }), std::views::iota(0, 100));
    CHECK(run.summary().bytes_received == 400);
    run(delayed([](const std::string& text) { return text.size(); }),
        generate(50, [](int) { return std::string(2000, 'x'); }));
    CHECK(run.summary().bytes_sent >= 100'000);
}

TEST_CASE("a call that fails has one too, with failures and retries", "[summary]") {
    const auto run = parallel({.n_jobs = 2, .summarize = true}, processes{.retries = 1});
    CHECK_THROWS_AS(run(delayed([](int) -> int { throw std::runtime_error("no"); }), std::views::iota(0, 1)),
                    std::runtime_error);
    CHECK(run.summary().failed == 1);
    (void)run.outcomes(delayed([](int i) {
                           if (i == 3) std::_Exit(1);
                           return i;
                       }),
                       std::views::iota(0, 10));
    CHECK(run.summary().failed == 1);
    CHECK(run.summary().retried == 1);
    CHECK(run.summary().tasks == 10);
}

TEST_CASE("it can be printed", "[summary]") {
    run_summary all;
    all.backend = "processes";
    all.tasks = 10;
    all.failed = 1;
    all.retried = 2;
    all.wall = 2s;
    all.workers = {{6, 2s}, {4, 1s}};
    all.slowest = {{7, 1, 500ms}};
    all.bytes_received = 1'500'000;
    CHECK(all.text() ==
          "10 tasks in 2.000 s on processes, n_jobs = 2: workers were busy for 75 % of the time\n"
          "1 failed, 2 were begun again\n"
          "worker 0: 6 tasks, busy for 100 %\n"
          "worker 1: 4 tasks, busy for 50 %\n"
          "task 7 took 0.5 s (worker 1)\n"
          "1.500 MB came from the workers, 0.000 MB went to them\n");
    CHECK(run_summary().busy_share() == 0);
}

TEST_CASE("who has not asked for one, or asks too early, is told", "[summary][bad-input]") {
    const auto without = parallel(2);
    without(delayed([](int i) { return i; }), std::views::iota(0, 3));
    CHECK_THROWS_AS(without.summary(), std::logic_error);
    CHECK_THROWS_WITH(without.summary(), containing("summarize = true"));
    CHECK_THROWS_WITH(parallel({.summarize = true}).summary(), containing("before the first call"));
    CHECK_FALSE(fanout::summary_wish(false));
}

TEST_CASE("one object may be called and asked from several threads at once", "[summary]") {
    const auto run = parallel({.n_jobs = 2, .summarize = true});
    const auto call = [&](int size) {
        for (int i = 0; i < 20; ++i) {
            run(delayed([](int n) { return n; }), std::views::iota(0, size));
            const std::size_t tasks = run.summary().tasks;
            if (tasks != 100 && tasks != 200) std::abort();
        }
    };
    std::jthread other([&] { call(100); });
    call(200);
    other.join();
    CHECK(tasks_of_workers(run.summary()) == run.summary().tasks);
}

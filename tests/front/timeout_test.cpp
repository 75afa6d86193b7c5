// options::timeout: each task has so long from its own start, on every backend and with one job too.
#include <fanout/front/parallel.hpp>

#include <atomic>
#include <chrono>
#include <ranges>
#include <stdexcept>
#include <stop_token>
#include <thread>
#include <vector>

#include "catch.hpp"
#include "support/each_backend.hpp"
#include "support/generator.hpp"
#include "support/matchers.hpp"

using fanout::delayed, fanout::parallel, fanout::task_timeout;
using namespace std::chrono_literals;

namespace {

void wait_until_told(const std::stop_token& told) {
    while (!told.stop_requested()) std::this_thread::yield();
}

void busy_for(std::chrono::milliseconds time) {
    const auto until = std::chrono::steady_clock::now() + time;
    while (std::chrono::steady_clock::now() < until) std::this_thread::yield();
}

}  // namespace

TEST_CASE("tasks that are done in time are as without a limit", "[timeout]") {
    for (const int n_jobs : {1, 2})  // joblib T25
        on_each_backend({.n_jobs = n_jobs, .timeout = 300s}, [](const auto& run) {
            const auto square = [](int i) { return i * i; };
            const auto with_token = [](std::stop_token told, int i) { return told.stop_requested() ? -1 : i * i; };
            const std::vector expected{0, 1, 4, 9, 16, 25, 36, 49, 64, 81};
            CHECK(run(delayed(square), std::views::iota(0, 10)) == expected);
            CHECK(run(delayed(with_token), std::views::iota(0, 10)) == expected);
            CHECK(run(delayed(square), generate(10, [](int i) { return i; })) == expected);
            run(delayed([](int) {}), std::views::iota(0, 10));
        });
}

TEST_CASE("a function that takes a token is told to stop when its time is up", "[timeout]") {
    for (const int n_jobs : {1, 2, 8})  // joblib T26, T28
        on_each_backend({.n_jobs = n_jobs, .timeout = 10ms}, [](const auto& run) {
            const auto waits = [](std::stop_token told, int) { wait_until_told(told); };
            const auto began = std::chrono::steady_clock::now();
            CHECK_THROWS_AS(run(delayed(waits), std::views::iota(0, 10)), task_timeout);
            CHECK(std::chrono::steady_clock::now() - began >= 10ms);
        });
}

TEST_CASE("a timed-out task is in its outcome, with how long it ran and may run; it is not tried again", "[timeout]") {
    for (const int n_jobs : {1, 2})
        on_each_backend({.n_jobs = n_jobs, .timeout = 10ms}, [](const auto& run) {
            std::atomic<int> started = 0;
            const auto waits = [&](std::stop_token told, int) {
                ++started;
                wait_until_told(told);
                return 1;
            };
            const auto outcomes = run.outcomes(delayed(waits), std::views::iota(0, 5));
            CHECK(started == 5);
            for (std::size_t i = 0; i < 5; ++i) {
                REQUIRE_FALSE(outcomes[i].has_value());
                CHECK(outcomes[i].error().index == i);
                CHECK(outcomes[i].error().type == "fanout::task_timeout");
                CHECK(outcomes[i].error().attempts == 1);
                CHECK_THAT(outcomes[i].error().what, starting_with("ran for "));
                CHECK_THAT(outcomes[i].error().what, containing("longer than the timeout of 0.01"));
                CHECK_THROWS_AS(outcomes[i].value(), task_timeout);
            }
        });
}

TEST_CASE("a function without a token is found out when it returns, and its result is dropped", "[timeout]") {
    for (const int n_jobs : {1, 2})
        on_each_backend({.n_jobs = n_jobs, .timeout = 5ms}, [](const auto& run) {
            std::atomic<int> returned = 0;
            const auto slow = [&](int i) {
                busy_for(10ms);
                ++returned;
                return i;
            };
            try {
                run(delayed(slow), std::views::iota(3, 4));
                FAIL("a timeout was expected");
            } catch (const task_timeout& e) {
                CHECK(e.index() == 0);
                CHECK_THAT(e.what(), containing("a thread cannot be killed"));
            }
            CHECK(returned == 1);
            const auto slow_and_void = [](int) { busy_for(10ms); };
            CHECK_THROWS_AS(run(delayed(slow_and_void), std::views::iota(0, 1)), task_timeout);
            CHECK_THROWS_AS(run(delayed(slow)(1), delayed(slow)(2)), task_timeout);
        });
}

TEST_CASE("a task that throws after its time is up has timed out, one that throws in time has thrown", "[timeout]") {
    on_each_backend({.n_jobs = 2, .timeout = 5ms}, [](const auto& run) {
        const auto told_and_throws = [](std::stop_token told, int) -> int {
            wait_until_told(told);
            throw std::domain_error("interrupted");
        };
        CHECK_THROWS_AS(run(delayed(told_and_throws), std::views::iota(0, 1)), task_timeout);
    });
    on_each_backend({.n_jobs = 2, .timeout = 300s}, [](const auto& run) {
        const auto throws = [](std::stop_token, int) -> int { throw std::domain_error("at once"); };
        CHECK_THROWS_AS(run(delayed(throws), std::views::iota(0, 1)), std::domain_error);
    });
}

TEST_CASE("after a timeout the same object can be used on", "[timeout]") {
    on_each_backend({.n_jobs = 2, .timeout = 50ms}, [](const auto& run) {
        const auto waits_at_3 = [](std::stop_token told, int i) {
            if (i == 3) wait_until_told(told);
            return i;
        };
        for (int round = 0; round < 3; ++round) {
            const auto outcomes = run.outcomes(delayed(waits_at_3), std::views::iota(3, 4));
            CHECK_FALSE(outcomes[0].has_value());
        }
    });
}

TEST_CASE("time spent waiting for a turn does not count", "[timeout]") {
    on_each_backend({.n_jobs = 1, .timeout = 500ms}, [](const auto& run) {
        const auto slow = [](int i) {
            busy_for(80ms);
            return i;
        };
        CHECK(run(delayed(slow), std::views::iota(0, 8)).size() == 8);
    });
}

TEST_CASE("the timeout of a nested call passes through the outer one", "[timeout][nested]") {
    on_each_backend({.n_jobs = 2}, [](const auto& run) {
        const auto inner = [](std::stop_token told, int) { wait_until_told(told); };
        const auto outer = [&](int) {
            parallel({.n_jobs = 2, .timeout = 5ms})(delayed(inner), std::views::iota(0, 1));
        };
        CHECK_THROWS_AS(run(delayed(outer), std::views::iota(0, 2)), task_timeout);
    });
}

TEST_CASE("a limit that is practically none is none", "[timeout]") {
    const auto forever = std::chrono::duration<double>(1e300);
    on_each_backend({.n_jobs = 2, .timeout = forever}, [](const auto& run) {
        CHECK(run(delayed([](int i) { return i; }), std::views::iota(0, 3)) == std::vector{0, 1, 2});
        CHECK(run(delayed([](std::stop_token, int i) { return i; }), std::views::iota(0, 3)) == std::vector{0, 1, 2});
    });
}

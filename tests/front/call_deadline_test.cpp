// Tests of call_deadline.hpp, and of options::deadline: the whole call has so long, on every backend.
#include <fanout/front/call_deadline.hpp>
#include <fanout/front/parallel.hpp>
#include <fanout/processes/processes.hpp>

#include <unistd.h>

#include <atomic>
#include <chrono>
#include <latch>
#include <limits>
#include <ranges>
#include <semaphore>
#include <stdexcept>
#include <stop_token>
#include <thread>
#include <vector>

#include "catch.hpp"
#include "support/each_backend.hpp"
#include "support/generator.hpp"
#include "support/leaks.hpp"
#include "support/matchers.hpp"

using fanout::cancelled, fanout::deadline_exceeded, fanout::delayed, fanout::parallel;
using namespace std::chrono_literals;

namespace {

using watch = fanout::detail::call_deadline<std::chrono::steady_clock>;

void wait_until_told(const std::stop_token& told) {
    while (!told.stop_requested()) std::this_thread::yield();
}

}  // namespace

TEST_CASE("a deadline passes once, at its time", "[deadline]") {
    std::binary_semaphore passed(0);
    const auto began = std::chrono::steady_clock::now();
    const watch end(20ms, [](void* to) { static_cast<std::binary_semaphore*>(to)->release(); }, &passed);
    passed.acquire();
    CHECK(std::chrono::steady_clock::now() - began >= 20ms);
    CHECK(end.has_passed());
}

TEST_CASE("a deadline that is destroyed before does not pass", "[deadline]") {
    std::atomic<int> passed = 0;
    for (int round = 0; round < 200; ++round) {
        const watch end(1h, [](void* count) { ++*static_cast<std::atomic<int>*>(count); }, &passed);
        CHECK_FALSE(end.has_passed());
    }
    CHECK(passed == 0);
}

TEST_CASE("a call that is done in time is as without a deadline", "[deadline]") {
    const std::vector expected{0, 1, 4, 9, 16};
    const auto square = [](int i) { return i * i; };
    for (const std::chrono::duration<double> time :
         {std::chrono::duration<double>(300s),
          std::chrono::duration<double>(std::numeric_limits<double>::infinity())}) {
        on_each_backend({.n_jobs = 2, .deadline = time}, [&](const auto& run) {
            CHECK(run(delayed(square), std::views::iota(0, 5)) == expected);
            CHECK(run(delayed(square), generate(5, [](int i) { return i; })) == expected);
            CHECK(run.outcomes(delayed(square), std::views::iota(0, 5)).size() == 5);
        });
        const fanout::options wishes{.n_jobs = 2, .deadline = time};
        CHECK(parallel(wishes, fanout::processes{})(delayed(square), std::views::iota(0, 5)) == expected);
    }
}

TEST_CASE("when the deadline passes no further task starts, tokens say so, and the call throws", "[deadline]") {
    for (const int n_jobs : {1, 2, 8})
        on_each_backend({.n_jobs = n_jobs, .deadline = 10ms}, [&](const auto& run) {
            std::atomic<int> started = 0;
            const auto waits = [&](std::stop_token told, int) {
                ++started;
                wait_until_told(told);
            };
            const auto began = std::chrono::steady_clock::now();
            CHECK_THROWS_AS(run(delayed(waits), std::views::iota(0, 100)), deadline_exceeded);
            CHECK(std::chrono::steady_clock::now() - began >= 10ms);
            CHECK(started <= n_jobs);
            CHECK_THROWS_AS(run(delayed(waits), generate_for_ever([](int i) { return i; })), deadline_exceeded);
            CHECK_THROWS_AS(run(delayed(waits)(1), delayed(waits)(2)), deadline_exceeded);
            CHECK_THROWS_AS(run.outcomes(delayed(waits), std::views::iota(0, 100)), deadline_exceeded);
        });
}

TEST_CASE("a call is too late also if nothing in it could be told", "[deadline]") {
    for (const int n_jobs : {1, 2})
        on_each_backend({.n_jobs = n_jobs, .deadline = 5ms}, [](const auto& run) {
            std::atomic<int> begun = 0;
            std::atomic<int> finished = 0;
            const auto slow = [&](int) {
                ++begun;
                std::this_thread::sleep_for(20ms);
                ++finished;
            };
            CHECK_THROWS_AS(run(delayed(slow), std::views::iota(0, 1)), deadline_exceeded);
            CHECK(finished == begun);  // none, on a machine that takes 5 ms to begin
        });
}

TEST_CASE("it is a kind of cancelled, and says how long there was and how far the call came", "[deadline]") {
    on_each_backend({.n_jobs = 1, .deadline = 10ms}, [](const auto& run) {
        const auto waits_at_3 = [](std::stop_token told, int i) {
            if (i == 3) wait_until_told(told);
        };
        CHECK_THROWS_AS(run(delayed(waits_at_3), std::views::iota(0, 10)), cancelled);
        CHECK_THROWS_WITH(run(delayed(waits_at_3), std::views::iota(0, 10)),
                          starting_with("fanout: the call was not done within its deadline of 0.01") &&
                              containing(" of 10 tasks were done; give it more time"));
    });
    CHECK_THROWS_WITH(parallel({.deadline = 10ms}, fanout::sequential{})(
                          delayed([](std::stop_token told, int) { wait_until_told(told); }), {1}),
                      containing("1 of 1 tasks were done, the last of them too late; give it more time"));
}

TEST_CASE("a deadline ends the wait for room in a bounded window", "[deadline]") {
    // The one task holds the window until it is told, so that the other worker waits for room.
    on_threads({.n_jobs = 2, .pre_dispatch = 1, .deadline = 10ms}, [](const auto& run) {
        const auto waits = [](std::stop_token told, int) { wait_until_told(told); };
        CHECK_THROWS_AS(run(delayed(waits), generate_for_ever([](int i) { return i; })), deadline_exceeded);
    });
}

TEST_CASE("the first reason counts: a failure or a stop before the deadline is what is thrown", "[deadline][errors]") {
    on_threads({.n_jobs = 2, .deadline = 500ms}, [](const auto& run) {
        std::latch both_run(2);
        const auto one_fails_and_one_dawdles = [&](int i) {
            both_run.arrive_and_wait();
            if (i == 1) throw std::domain_error("early");
            std::this_thread::sleep_for(600ms);
        };
        CHECK_THROWS_AS(run(delayed(one_fails_and_one_dawdles), std::views::iota(0, 2)), std::domain_error);
    });
    std::stop_source stop;
    stop.request_stop();
    try {
        parallel({.n_jobs = 1, .deadline = 300s, .stop = stop.get_token()})(delayed([](int) {}),
                                                                            std::views::iota(0, 2));
        FAIL("cancelled was expected");
    } catch (const deadline_exceeded&) {
        FAIL("it was not too late");
    } catch (const cancelled&) {
    }
}

TEST_CASE("a failure that is a consequence of the deadline does not hide it", "[deadline][errors]") {
    on_each_backend({.n_jobs = 2, .deadline = 10ms}, [](const auto& run) {
        const auto gives_up = [](std::stop_token told, int) {
            wait_until_told(told);
            throw std::runtime_error("told to stop");
        };
        CHECK_THROWS_AS(run(delayed(gives_up), std::views::iota(0, 2)), deadline_exceeded);
    });
}

TEST_CASE("worker processes are killed when the deadline passes, and nothing is left", "[deadline][processes]") {
    for (const int n_jobs : {1, 3}) {
        const auto began = std::chrono::steady_clock::now();
        const fanout::options wishes{.n_jobs = n_jobs, .deadline = 50ms};
        const auto hangs = [](int) {
            for (;;) pause();
        };
        CHECK_THROWS_AS(parallel(wishes, fanout::processes{})(delayed(hangs), std::views::iota(0, 10)),
                        deadline_exceeded);
        CHECK_THROWS_AS(parallel(wishes, fanout::processes{}).outcomes(delayed(hangs), std::views::iota(0, 10)),
                        deadline_exceeded);
        CHECK_THROWS_AS(
            parallel(wishes, fanout::processes{})(delayed(hangs), generate_for_ever([](int i) { return i; })),
            deadline_exceeded);
        CHECK(std::chrono::steady_clock::now() - began < 30s);
        CHECK_FALSE(has_children());
    }
}

TEST_CASE("an object can be used on after a deadline has passed", "[deadline]") {
    on_each_backend({.n_jobs = 2, .deadline = 20ms}, [](const auto& run) {
        const auto waits = [](std::stop_token told, int) { wait_until_told(told); };
        for (int round = 0; round < 3; ++round)
            CHECK_THROWS_AS(run(delayed(waits), std::views::iota(0, 2)), deadline_exceeded);
    });
}

// options::stop ends a call from outside, and tasks that take a token hear of it.
#include <fanout/front/parallel.hpp>

#include <atomic>
#include <latch>
#include <ranges>
#include <stdexcept>
#include <stop_token>
#include <thread>
#include <vector>

#include "catch.hpp"
#include "support/each_backend.hpp"
#include "support/generator.hpp"

using fanout::cancelled, fanout::delayed, fanout::parallel;

TEST_CASE("a call that is stopped beforehand starts nothing and throws cancelled", "[stop]") {
    for (const int n_jobs : {1, 2}) {
        std::stop_source source;
        source.request_stop();
        on_each_backend({.n_jobs = n_jobs, .stop = source.get_token()}, [](const auto& run) {
            std::atomic<int> started = 0;
            const auto task = [&](int i) { return ++started, i; };
            CHECK_THROWS_AS(run(delayed(task), std::views::iota(0, 100)), cancelled);
            CHECK_THROWS_AS(run(delayed(task), generate_for_ever([](int i) { return i; })), cancelled);
            CHECK_THROWS_AS(run(delayed(task)(1), delayed(task)(2)), cancelled);
            CHECK_THROWS_AS(run.outcomes(delayed(task), std::views::iota(0, 100)), cancelled);
            CHECK_THROWS_WITH(run(delayed(task), std::views::iota(0, 100)),
                              "fanout: the call was stopped after 0 of 100 tasks");
            CHECK(started == 0);
        });
    }
}

TEST_CASE("a task may stop the call that it is part of: no other starts", "[stop]") {
    std::stop_source source;
    std::vector<int> started;
    const auto stops_at_3 = [&](int i) {
        started.push_back(i);
        if (i == 3) source.request_stop();
    };
    CHECK_THROWS_AS(parallel({.n_jobs = 1, .stop = source.get_token()})(delayed(stops_at_3), std::views::iota(0, 10)),
                    cancelled);
    CHECK(started == std::vector{0, 1, 2, 3});
}

TEST_CASE("what was running when a call is stopped has finished when cancelled arrives", "[stop]") {
    for (int round = 0; round < 10; ++round) {
        std::stop_source source;
        std::atomic<int> started = 0;
        std::atomic<int> finished = 0;
        std::latch both_run(2);
        std::latch stopped(1);  // not the source's own state: that changes before the call is told
        const auto task = [&](int i) {
            ++started;
            both_run.arrive_and_wait();
            if (i == 1) {
                source.request_stop();
                stopped.count_down();
            }
            stopped.wait();
            ++finished;
        };
        REQUIRE_THROWS_AS(parallel({.n_jobs = 2, .batch_size = 1, .stop = source.get_token()})(delayed(task),
                                                                                               std::views::iota(0, 50)),
                          cancelled);
        REQUIRE(started == finished);
        REQUIRE(finished == 2);
    }
}

TEST_CASE("a call can be stopped from another thread; functions that take a token end early", "[stop]") {
    for (const int n_jobs : {1, 2}) {
        std::stop_source source;
        std::latch all_run(n_jobs);
        std::atomic<int> told_to_stop = 0;
        const auto waits = [&](std::stop_token told, int) {
            all_run.count_down();
            while (!told.stop_requested()) std::this_thread::yield();
            ++told_to_stop;
        };
        const std::jthread other([&] {
            all_run.wait();
            source.request_stop();
        });
        CHECK_THROWS_AS(
            parallel({.n_jobs = n_jobs, .stop = source.get_token()})(delayed(waits), std::views::iota(0, n_jobs)),
            cancelled);
        CHECK(told_to_stop == n_jobs);
    }
}

TEST_CASE("tasks that take a token are told when another task has failed", "[stop][errors]") {
    on_threads({.n_jobs = 2}, [](const auto& run) {
        std::latch both_run(2);
        const auto task = [&](std::stop_token told, int i) {
            both_run.arrive_and_wait();
            if (i == 1) throw std::domain_error("one");
            while (!told.stop_requested()) std::this_thread::yield();
        };
        CHECK_THROWS_AS(run(delayed(task), std::views::iota(0, 2)), std::domain_error);

        std::latch both_again(2);
        const auto call = [&](bool fails) {
            return delayed([&, fails](std::stop_token told) {
                both_again.arrive_and_wait();
                if (fails) throw std::domain_error("one");
                while (!told.stop_requested()) std::this_thread::yield();
            })();
        };
        CHECK_THROWS_AS(run(call(true), call(false)), std::domain_error);
    });
}

TEST_CASE("endless input is read until the call is stopped", "[stop]") {
    const auto check = [](int n_jobs, auto backend) {
        std::stop_source source;
        const auto stops_at_1000 = [&](int i) {
            if (i == 1000) source.request_stop();
        };
        const fanout::options wishes{.n_jobs = n_jobs, .pre_dispatch = 10, .stop = source.get_token()};
        CHECK_THROWS_AS(parallel(wishes, backend)(delayed(stops_at_1000), generate_for_ever([](int i) { return i; })),
                        cancelled);
    };
    for (const int n_jobs : {1, 2}) {
        check(n_jobs, fanout::threads{});
        check(n_jobs, fanout::sequential{});
    }
}

TEST_CASE("a failure that comes after the stop does not hide it", "[stop][errors]") {
    std::stop_source source;
    const auto stops_and_fails = [&](int) {
        source.request_stop();
        throw std::runtime_error("because of the stop");
    };
    CHECK_THROWS_AS(
        parallel({.n_jobs = 2, .stop = source.get_token()})(delayed(stops_and_fails), std::views::iota(0, 1)),
        cancelled);
}

TEST_CASE("a stop that comes after a failure does not hide it", "[stop][errors]") {
    std::stop_source source;
    std::latch both_run(2);
    const auto task = [&](std::stop_token told, int i) {
        both_run.arrive_and_wait();
        if (i == 1) throw std::domain_error("one");
        while (!told.stop_requested()) std::this_thread::yield();
        source.request_stop();
    };
    CHECK_THROWS_AS(parallel({.n_jobs = 2, .stop = source.get_token()})(delayed(task), std::views::iota(0, 2)),
                    std::domain_error);
}

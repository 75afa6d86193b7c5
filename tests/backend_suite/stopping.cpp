// A call that is stopped, or too late, never returns as if it were done; a task that takes too long is found out.
#include <unistd.h>

#include <chrono>
#include <ranges>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "backend_suite/ways.hpp"
#include "support/generator.hpp"
#include "support/leaks.hpp"
#include "support/matchers.hpp"
#include "support/shared_counters.hpp"

using fanout::cancelled, fanout::deadline_exceeded, fanout::delayed, fanout::task_timeout;
using namespace std::chrono_literals;

namespace {

void wait_until_told(const std::stop_token& told) {
    while (!told.stop_requested()) std::this_thread::yield();
}

}  // namespace

namespace backend_suite {

void check_stopping(const tested_backend& backend) {
    SECTION("a call that is stopped beforehand starts nothing") {
        for (const int n_jobs : {1, 2}) {
            std::stop_source source;
            source.request_stop();
            each_way(backend, {.n_jobs = n_jobs, .stop = source.get_token()}, [](const auto& run) {
                const shared_counters started;
                const auto task = [&](int i) { return ++started[0], i; };
                CHECK_THROWS_AS(run(delayed(task), std::views::iota(0, 100)), cancelled);
                CHECK_THROWS_AS(run(delayed(task), generate_for_ever(once)), cancelled);
                CHECK_THROWS_AS(run(delayed(task)(1), delayed(task)(2)), cancelled);
                CHECK_THROWS_AS(run.outcomes(delayed(task), std::views::iota(0, 100)), cancelled);
                CHECK(started[0] == 0);
            });
        }
    }

    SECTION("a call that is stopped while it runs starts no further task, and nothing runs when it throws") {
        for (const int n_jobs : {1, 3})
            for (const bool indexed : {true, false})
                for (const bool keeps : {true, false}) {
                    CAPTURE(n_jobs, indexed, keeps);
                    std::stop_source source;
                    const shared_counters counts;
                    auto& started = counts[0];
                    auto& running = counts[1];
                    const auto task = [&](int i) {
                        ++running;
                        ++started;
                        usleep(200);
                        --running;
                        return i;
                    };
                    const way run(backend, {.n_jobs = n_jobs, .pre_dispatch = 8, .stop = source.get_token()}, keeps);
                    const std::jthread stopper([&] {
                        while (started < 20) usleep(100);
                        source.request_stop();
                    });
                    if (indexed)
                        CHECK_THROWS_AS(run(delayed(task), std::views::iota(0, 1'000'000)), cancelled);
                    else
                        CHECK_THROWS_AS(run(delayed(task), generate_for_ever(once)), cancelled);
                    if (backend.its().shares_memory)
                        CHECK(running == 0);
                    else
                        CHECK_FALSE(has_children());
                }
    }

    SECTION("functions that take a token are told when the call is stopped, or killed") {
        for (const int n_jobs : {1, 2})
            for (const bool keeps : {true, false}) {
                std::stop_source source;
                const shared_counters started;
                const way run(backend, {.n_jobs = n_jobs, .stop = source.get_token()}, keeps);
                const std::jthread stopper([&] {
                    while (started[0] < 1) usleep(100);
                    source.request_stop();
                });
                CHECK_THROWS_AS(run(delayed([&](std::stop_token told, int) {
                                        ++started[0];
                                        wait_until_told(told);
                                    }),
                                    std::views::iota(0, 10)),
                                cancelled);
            }
    }

    SECTION("a task that takes longer than its timeout fails alone") {
        for (const int n_jobs : {1, 2})
            each_way(backend, {.n_jobs = n_jobs, .timeout = 300ms}, [](const auto& run) {
                const auto hangs_at_3 = [](std::stop_token told, int i) {
                    if (i == 3) wait_until_told(told);
                    return i;
                };
                const auto check_all = [](const auto& outcomes) {
                    REQUIRE(outcomes.size() == 6);
                    for (std::size_t i = 0; i < 6; ++i) CHECK(outcomes[i].has_value() == (i != 3));
                    CHECK(outcomes[3].error().type == "fanout::task_timeout");
                    CHECK(outcomes[3].error().attempts == 1);
                    CHECK_THROWS_AS(outcomes[3].value(), task_timeout);
                };
                check_all(run.outcomes(delayed(hangs_at_3), std::views::iota(0, 6)));
                check_all(run.outcomes(delayed(hangs_at_3), generate(6, once)));
                CHECK_THROWS_AS(run(delayed(hangs_at_3), std::views::iota(0, 6)), task_timeout);
            });
        each_way(backend, {.n_jobs = 2, .timeout = 5ms}, [](const auto& run) {
            CHECK_THROWS_AS(run(delayed([](int) { usleep(30'000); }), std::views::iota(0, 1)), task_timeout);
        });
    }

    SECTION("a call that is not done within its deadline says so") {
        for (const int n_jobs : {1, 3})
            each_way(backend, {.n_jobs = n_jobs, .pre_dispatch = 4, .deadline = 30ms}, [&](const auto& run) {
                const auto hangs = [](std::stop_token told, int) { wait_until_told(told); };
                CHECK_THROWS_AS(run(delayed(hangs), std::views::iota(0, 100)), deadline_exceeded);
                CHECK_THROWS_AS(run(delayed(hangs), generate_for_ever(once)), deadline_exceeded);
                CHECK_THROWS_AS(run.outcomes(delayed(hangs), std::views::iota(0, 100)), deadline_exceeded);
                CHECK_THROWS_AS(run(delayed([](int) { usleep(60'000); }), std::views::iota(0, 1)), deadline_exceeded);
                if (!backend.its().shares_memory) CHECK_FALSE(has_children());
            });
    }

    SECTION("limits that are not reached change nothing") {
        const std::stop_source nobody;
        each_way(backend, {.n_jobs = 2, .timeout = 300s, .deadline = 300s, .stop = nobody.get_token()},
                 [](const auto& run) {
                     const std::vector expected{0, 1, 2, 3, 4};
                     CHECK(run(delayed(once), std::views::iota(0, 5)) == expected);
                     CHECK(run(delayed([](std::stop_token, int i) { return i; }), generate(5, once)) == expected);
                 });
    }
}

}  // namespace backend_suite

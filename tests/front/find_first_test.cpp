// Tests of find_first.hpp: the first element that is it, and no more tasks than it takes to be sure.
#include <fanout/fanout.hpp>
#include <fanout/front/find_first.hpp>

#include <atomic>
#include <latch>
#include <list>
#include <optional>
#include <ranges>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "catch.hpp"
#include "support/generator.hpp"
#include "support/on_all_backends.hpp"
#include "support/second_chunk_first.hpp"

using fanout::delayed, fanout::parallel, fanout::processes, fanout::sequential, fanout::threads;

TEST_CASE("the index of the first for which it is true", "[find_first]") {
    on_all_backends([](int n_jobs, auto backend) {
        const auto run = parallel(n_jobs, backend);
        const auto is_large = delayed([](int i) { return i >= 123; });
        CHECK(run.find_first(is_large, std::views::iota(0)) == 123u);
        CHECK(run.find_first(is_large, std::list{7, 500, 600}) == 1u);
        CHECK(run.find_first(is_large, generate_for_ever([](int i) { return 2 * i; })) == 62u);
        CHECK(run.find_first(is_large, std::views::iota(0, 123)) == std::nullopt);
        CHECK(run.find_first(is_large, std::vector<int>()) == std::nullopt);
        const std::vector<int> a{1, 2, 3};
        const std::vector<int> b{4, 2, 3};
        CHECK(parallel(n_jobs, backend).find_first(delayed([](int x, int y) { return x == y; }), a, b) == 1u);
        CHECK(run.find_first(a | std::views::transform(delayed([](int x) { return x == 3; }))) == 2u);
    });
}

TEST_CASE("one that comes first in the input is found, though another was found before", "[find_first]") {
    std::atomic<bool> nine_is_found = false;
    const auto found = parallel({.n_jobs = 2, .batch_size = 1})
                           .find_first(delayed([&](int i) {
                                           if (i == 8)
                                               while (!nine_is_found) std::this_thread::yield();
                                           if (i == 9) nine_is_found = true;
                                           return i >= 8;
                                       }),
                                       std::views::iota(0));
    CHECK(found == 8u);
}

TEST_CASE("no task starts behind one that has been found", "[find_first]") {
    std::vector<int> started;
    const auto index =
        parallel({.n_jobs = 2, .batch_size = 3}, second_chunk_first())
            .find_first(delayed([&](int i) { return started.push_back(i), i == 4; }), std::views::iota(0));
    CHECK(index == 4u);
    CHECK(started == std::vector{3, 4, 0, 1, 2});
}

TEST_CASE("tasks behind the one that was found are told to stop", "[find_first]") {
    std::latch second_runs(1);
    const auto found = parallel({.n_jobs = 2, .batch_size = 1})
                           .find_first(delayed([&](std::stop_token told, int i) {
                                           if (i == 0) return second_runs.wait(), true;
                                           second_runs.count_down();
                                           while (!told.stop_requested()) std::this_thread::yield();
                                           return false;
                                       }),
                                       std::views::iota(0));
    CHECK(found == 0u);
}

TEST_CASE("an exception counts only if its task comes before", "[find_first]") {
    on_all_backends([](int n_jobs, auto backend) {
        const auto throws_at = [&](int failing) {
            return parallel(n_jobs, backend)
                .find_first(delayed([failing](int i) {
                                return i == failing ? throw std::domain_error(std::to_string(i)) : i == 20;
                            }),
                            std::views::iota(0, 100));
        };
        CHECK_THROWS_WITH(throws_at(19), "19");
        CHECK(throws_at(21) == 20u);
    });
    std::atomic<bool> has_thrown = false;
    CHECK(parallel({.n_jobs = 2, .batch_size = 1})
              .find_first(delayed([&](int i) {
                              if (i == 0)
                                  while (!has_thrown) std::this_thread::yield();
                              if (i == 1) {
                                  has_thrown = true;
                                  throw std::domain_error("behind");
                              }
                              return true;
                          }),
                          std::views::iota(0, 100)) == 0u);
}

TEST_CASE("a search can be stopped", "[find_first]") {
    std::stop_source stop;
    CHECK_THROWS_AS(parallel({.n_jobs = 2, .stop = stop.get_token()})
                        .find_first(delayed([&](int i) {
                                        if (i == 100) stop.request_stop();
                                        return false;
                                    }),
                                    std::views::iota(0)),
                    fanout::cancelled);
}

TEST_CASE("what its progress callback throws is not lost, whatever has been found", "[find_first][bad-input]") {
    on_all_backends([](int n_jobs, auto backend) {
        bool total_was_known = true;
        const auto throws_at_last = [&](const fanout::progress& now) {
            total_was_known = now.total_is_known;
            if (now.last) throw std::domain_error("at last");
        };
        CHECK_THROWS_WITH(
            parallel({.n_jobs = n_jobs, .on_progress = throws_at_last}, backend)
                .find_first(delayed([](int i) { return i == 9; }), generate_for_ever([](int i) { return i; })),
            "at last");
        CHECK_FALSE(total_was_known);  // the search has ended, the input has not
    });
}

TEST_CASE("a stop that is asked for when it has been found comes too late", "[find_first]") {
    on_all_backends([](int n_jobs, auto backend) {
        std::stop_source stop;
        const auto stops_at_last = [&](const fanout::progress& now) {
            if (now.last) stop.request_stop();
        };
        CHECK(parallel({.n_jobs = n_jobs, .stop = stop.get_token(), .on_progress = stops_at_last}, backend)
                  .find_first(delayed([](int i) { return i == 9; }), std::views::iota(0)) == 9u);
    });
}

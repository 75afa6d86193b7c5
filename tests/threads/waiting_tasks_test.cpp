// n_jobs above the number of CPUs is for tasks that wait: for a network, a disk, or one another.
#include <fanout/front/parallel.hpp>

#include <barrier>
#include <latch>
#include <ranges>

#include "catch.hpp"
#include "support/each_backend.hpp"

using fanout::delayed, fanout::parallel;

TEST_CASE("tasks that wait for one another are run at once, even if there are many more than jobs", "[threads]") {
    const int n_jobs = 2 * fanout::cpu_count() + 2;
    on_threads({.n_jobs = n_jobs}, [&](const auto& run) {
        std::latch first_ones_there(n_jobs);
        run(delayed([&](int i) {
                if (i < n_jobs) first_ones_there.arrive_and_wait();
            }),
            std::views::iota(0, 100 * n_jobs));
        CHECK(first_ones_there.try_wait());
    });
}

TEST_CASE("where they are taken one by one they may wait for the next one, though those before were quick",
          "[threads]") {
    on_threads({.n_jobs = 2, .batch_size = 1}, [](const auto& run) {
        std::barrier both(2);
        int met = 0;
        run(delayed([&](int i) {
                if (i < 10) return;
                both.arrive_and_wait();
                if (i == 10) ++met;
            }),
            std::views::iota(0, 60));
        CHECK(met == 1);
    });
}

TEST_CASE("of few tasks each may wait for the next one, whichever are quick", "[threads]") {
    on_threads({.n_jobs = 2}, [](const auto& run) {
        for (const int waits : {0, 1, 4, 8, 30, 61}) {
            std::latch next_has_begun(1);
            run(delayed([&](int i) {
                    if (i == waits) next_has_begun.wait();
                    if (i == waits + 1) next_has_begun.count_down();
                }),
                std::views::iota(0, 63));
            CHECK(next_has_begun.try_wait());
        }
    });
}

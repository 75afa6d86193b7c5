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

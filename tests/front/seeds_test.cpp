// Random numbers by task_seed: the same for every backend and every number of jobs.
#include <fanout/fanout.hpp>

#include <random>
#include <ranges>
#include <set>
#include <vector>

#include "catch.hpp"

using fanout::delayed, fanout::parallel;

namespace {

const auto draw = delayed([](std::size_t i) {
    std::mt19937_64 random(fanout::task_seed(i, 7));
    return std::uniform_real_distribution()(random) + std::normal_distribution()(random);
});
const auto tasks = std::views::iota(std::size_t{0}, std::size_t{200});

}  // namespace

TEST_CASE("what tasks draw does not depend on where they run", "[seeds]") {
    const std::vector<double> expected = parallel(1, fanout::sequential{})(draw, tasks);
    for (const int n_jobs : {1, 2, 5, 16}) {
        CAPTURE(n_jobs);
        CHECK(parallel(n_jobs, fanout::sequential{})(draw, tasks) == expected);
        CHECK(parallel(n_jobs, fanout::threads{})(draw, tasks) == expected);
        CHECK(parallel(n_jobs, fanout::processes{})(draw, tasks) == expected);
    }
    CHECK(std::set<double>(expected.begin(), expected.end()).size() == expected.size());
}

TEST_CASE("forked workers that share a generator draw the same, which is why there are seeds", "[seeds]") {
    std::mt19937_64 shared(1);
    const auto drawn = parallel(2, fanout::processes{.max_tasks_per_worker = 1})(delayed([&](int) { return shared(); }),
                                                                                 std::views::iota(0, 8));
    CHECK(std::set<std::uint64_t>(drawn.begin(), drawn.end()).size() == 1);
}

// Tests of sequential.hpp: the plain loop, in order, in the calling thread, whatever n_jobs says.
#include <fanout/core/sequential.hpp>
#include <fanout/front/parallel.hpp>

#include <ranges>
#include <thread>
#include <vector>

#include "catch.hpp"
#include "support/generator.hpp"

using fanout::delayed, fanout::parallel, fanout::sequential;

TEST_CASE("sequential runs each task once, in order, in the calling thread", "[sequential]") {
    for (const int n_jobs : {1, 2, 100, -1}) {
        std::vector<int> seen;
        bool elsewhere = false;
        const auto task = [&, here = std::this_thread::get_id()](int i) {
            seen.push_back(i);
            elsewhere = elsewhere || std::this_thread::get_id() != here;
        };
        parallel(n_jobs, sequential{})(delayed(task), std::views::iota(0, 5));
        parallel(n_jobs, sequential{})(delayed(task), generate(3, [](int i) { return 5 + i; }));
        parallel(n_jobs, sequential{})(delayed(task)(8), delayed(task)(9));
        CHECK(seen == std::vector{0, 1, 2, 3, 4, 5, 6, 7, 8, 9});
        CHECK_FALSE(elsewhere);
    }
}

TEST_CASE("sequential stops at the first failure", "[sequential][errors]") {
    std::vector<int> seen;
    const auto fails_at_2 = [&](int i) {
        seen.push_back(i);
        if (i == 2) throw i;
    };
    CHECK_THROWS_AS(parallel(2, sequential{})(delayed(fails_at_2), std::views::iota(0, 5)), int);
    CHECK(seen == std::vector{0, 1, 2});
}

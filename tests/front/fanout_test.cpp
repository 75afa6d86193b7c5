// Tests of fanout.hpp: one header is enough, and gives every name that a user needs.
#include <fanout/fanout.hpp>

#include "catch.hpp"

TEST_CASE("the one header gives all that runs on this machine", "[fanout]") {
    using fanout::cancelled, fanout::cpu_count, fanout::delayed, fanout::effective_n_jobs, fanout::failure, fanout::job,
        fanout::nothing, fanout::options, fanout::outcome, fanout::parallel, fanout::runs_jobs, fanout::sequential,
        fanout::task_range, fanout::task_timeout, fanout::threads;
    const auto square = [](int i) { return i * i; };
    CHECK(parallel(2)(delayed(square), std::vector{1, 2, 3}) == std::vector{1, 4, 9});
    CHECK(parallel(options{.n_jobs = 2}, sequential{})(delayed(square), std::vector{1, 2, 3}) == std::vector{1, 4, 9});
    CHECK(effective_n_jobs(-1) == cpu_count());
}

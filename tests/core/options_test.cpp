// Tests of options.hpp: what can never run is refused, by the name of the field.
#include <fanout/core/options.hpp>
#include <fanout/front/parallel.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <ranges>
#include <stdexcept>
#include <thread>
#include <vector>

#include "catch.hpp"
#include "support/generator.hpp"
#include "support/matchers.hpp"

using fanout::delayed, fanout::options, fanout::parallel;
using namespace std::chrono_literals;

TEST_CASE("nothing is set unless it is given", "[options]") {
    const options unset;
    CHECK_FALSE(unset.n_jobs);
    CHECK_FALSE(unset.batch_size);
    CHECK_FALSE(unset.pre_dispatch);
    CHECK_FALSE(unset.timeout);
    CHECK_FALSE(unset.stop.stop_possible());
}

TEST_CASE("a batch_size, pre_dispatch, timeout or deadline that would run nothing is refused by name",
          "[options][bad-input]") {
    CHECK_THROWS_AS(parallel({.batch_size = 0}), std::invalid_argument);  // joblib T7
    CHECK_THROWS_WITH(parallel({.batch_size = 0}), containing("batch_size = 0"));
    CHECK_THROWS_WITH(parallel({.batch_size = -1}), containing("batch_size = -1"));
    CHECK_THROWS_AS(parallel({.pre_dispatch = 0}), std::invalid_argument);
    CHECK_THROWS_WITH(parallel({.pre_dispatch = 0}), containing("pre_dispatch = 0"));
    CHECK_THROWS_WITH(parallel({.pre_dispatch = -3}), containing("pre_dispatch = -3"));
    CHECK_THROWS_AS(parallel({.timeout = 0s}), std::invalid_argument);
    CHECK_THROWS_WITH(parallel({.timeout = 0s}), containing("timeout = 0"));
    CHECK_THROWS_WITH(parallel({.timeout = -1s}), containing("timeout = -1"));
    CHECK_THROWS_AS(parallel({.deadline = 0s}), std::invalid_argument);
    CHECK_THROWS_WITH(parallel({.deadline = 0s}), containing("deadline = 0") && containing("would run nothing"));
    CHECK_THROWS_WITH(parallel({.deadline = -1s}), containing("deadline = -1"));
    const std::chrono::duration<double> not_a_number(std::numeric_limits<double>::quiet_NaN());
    CHECK_THROWS_AS(parallel({.timeout = not_a_number}), std::invalid_argument);
    CHECK_THROWS_AS(parallel({.deadline = not_a_number}), std::invalid_argument);
}

TEST_CASE("what is refused on one backend is refused on another", "[options][bad-input]") {
    CHECK_THROWS_AS(parallel({.n_jobs = 0}, fanout::sequential{}), std::invalid_argument);
    CHECK_THROWS_AS(parallel({.batch_size = 0}, fanout::sequential{}), std::invalid_argument);
    CHECK_THROWS_AS(parallel({.timeout = 0s}, fanout::sequential{}), std::invalid_argument);
}

TEST_CASE("defaults fill in what is not set, a deadline too, and nothing else", "[options]") {
    options given{.timeout = 1s};
    fanout::detail::fill_in(given, options{.timeout = 2s, .deadline = 3s});
    CHECK(given.timeout == 1s);
    CHECK(given.deadline == 3s);
    fanout::detail::fill_in(given, options{.deadline = 4s});
    CHECK(given.deadline == 3s);
}

TEST_CASE("a timeout can be given in any unit", "[options]") {
    CHECK(options{.timeout = 1500ms}.timeout->count() == 1.5);
    CHECK(options{.timeout = 2min}.timeout->count() == 120);
}

TEST_CASE("each worker takes batch_size neighbours at a time", "[options]") {
    constexpr int size = 103;
    constexpr int batch = 10;
    const auto check = [&](const auto& input) {
        std::vector<std::thread::id> ran_by(size);
        parallel({.n_jobs = 2, .batch_size = batch})(
            delayed([&](int i) { ran_by[static_cast<std::size_t>(i)] = std::this_thread::get_id(); }), input);
        for (std::size_t i = 0; i < size; ++i) REQUIRE(ran_by[i] == ran_by[i - i % batch]);
    };
    check(std::views::iota(0, size));
    check(generate(size, [](int i) { return i; }));
}

TEST_CASE("a batch that is larger than the input takes all of it", "[options]") {
    for (const int n_jobs : {1, 2})
        for (const std::int64_t batch : {std::int64_t(1000), std::numeric_limits<std::int64_t>::max()}) {
            const auto run = parallel({.n_jobs = n_jobs, .batch_size = batch, .pre_dispatch = batch});
            const auto same = delayed([](int i) { return i; });
            CHECK(run(same, std::views::iota(0, 3)) == std::vector{0, 1, 2});
            CHECK(run(same, generate(3, [](int i) { return i; })) == std::vector{0, 1, 2});
        }
}

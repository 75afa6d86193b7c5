// Tests of parallel.hpp: what n_jobs, options and a backend may be, and what can be done with the object.
#include <fanout/front/parallel.hpp>

#include <chrono>
#include <cstddef>
#include <ranges>
#include <stdexcept>
#include <utility>
#include <vector>

#include "catch.hpp"
#include "support/matchers.hpp"

using fanout::delayed, fanout::parallel;

namespace {

int square(int i) { return i * i; }

const std::vector<int> squares{0, 1, 4, 9, 16};

}  // namespace

TEST_CASE("n_jobs, options and a backend can be given in every combination, as variables too", "[forms]") {
    const auto works = [](const auto& run) { return run(delayed(square), std::views::iota(0, 5)) == squares; };
    fanout::options wishes{.n_jobs = 2};
    const fanout::options const_wishes{.n_jobs = 2};
    fanout::threads backend;
    std::size_t n_jobs = 2;
    CHECK(works(parallel()));
    CHECK(works(parallel(n_jobs)));
    CHECK(works(parallel(2L, backend)));
    CHECK(works(parallel(wishes)));
    CHECK(works(parallel(const_wishes)));
    CHECK(works(parallel(wishes, backend)));
    CHECK(works(parallel(const_wishes, fanout::sequential{})));
    CHECK(works(parallel({.n_jobs = 2})));
    CHECK(works(parallel({.n_jobs = 2, .batch_size = 2}, backend)));
    CHECK(works(parallel({}, fanout::threads{})));
    CHECK(works(parallel(backend)));
    CHECK(works(parallel(fanout::threads{.spin = std::chrono::microseconds(0)})));
}

TEST_CASE("a number of jobs that makes no sense is an error that says what would", "[forms][bad-input]") {  // joblib T5
    CHECK_THROWS_WITH(parallel(0),
                      "fanout: n_jobs = 0 has no meaning; give 1 or more, or -1 for all CPUs, -2 for all "
                      "CPUs but one");
    CHECK_THROWS_AS(parallel(0), std::invalid_argument);
    CHECK_THROWS_AS(parallel(0, fanout::sequential{}), std::invalid_argument);
    CHECK_THROWS_AS(parallel({.n_jobs = 0}), std::invalid_argument);
    CHECK_THROWS_AS(parallel(3'000'000'000U), std::invalid_argument);
    CHECK_THROWS_WITH(parallel(3'000'000'000U), containing("3000000000"));
}

TEST_CASE("an object is moved with the threads that it keeps, and is used on", "[forms]") {
    auto first = parallel(2);
    CHECK(first(delayed(square), std::views::iota(0, 5)) == squares);
    auto second = std::move(first);
    CHECK(second(delayed(square), std::views::iota(0, 5)) == squares);
    first = parallel(3);
    CHECK(first(delayed(square), std::views::iota(0, 5)) == squares);
    first = std::move(second);
    CHECK(first(delayed(square), std::views::iota(0, 5)) == squares);
}

TEST_CASE("an object can be called through const, and as a temporary", "[forms]") {
    const auto kept = parallel(2);
    CHECK(kept(delayed(square), std::views::iota(0, 5)) == squares);
    CHECK(parallel(2)(delayed(square), std::views::iota(0, 5)) == squares);
    CHECK(parallel(2).outcomes(delayed(square), std::views::iota(0, 5)).size() == 5);
}

// Tests of clock.hpp: time never runs backwards, and durations keep their fractions.
#include <fanout/core/clock.hpp>

#include <chrono>

#include "catch.hpp"

TEST_CASE("the clock is steady", "[clock]") {
    STATIC_REQUIRE(fanout::detail::clock::is_steady);
    const auto before = fanout::detail::clock::now();
    CHECK(fanout::detail::clock::now() >= before);
}

TEST_CASE("nanoseconds have fractions", "[clock]") {
    CHECK(fanout::detail::nanoseconds(std::chrono::microseconds(1)).count() == 1000.0);
    CHECK((fanout::detail::nanoseconds(1) / 4).count() == 0.25);
}

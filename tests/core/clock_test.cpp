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

TEST_CASE("they are calculated with as durations are", "[clock]") {
    using fanout::detail::nanoseconds;
    CHECK((nanoseconds(1) + nanoseconds(2)).count() == 3.0);
    CHECK((nanoseconds(1) - nanoseconds(2)).count() == -1.0);
    CHECK((nanoseconds(3) * 2).count() == 6.0);
    CHECK(nanoseconds(3) / nanoseconds(2) == 1.5);
    CHECK(nanoseconds(1) < nanoseconds(2));
    CHECK_FALSE(nanoseconds(1) > nanoseconds(1));
}

TEST_CASE("whole microseconds and seconds are durations of the clock", "[clock]") {
    CHECK(fanout::detail::microseconds(3) == std::chrono::microseconds(3));
    CHECK(fanout::detail::seconds(7200) == std::chrono::hours(2));
}

TEST_CASE("messages say a time in seconds, what is round without a fraction", "[clock]") {
    using fanout::detail::in_seconds;
    using namespace std::chrono_literals;
    CHECK(in_seconds(0s) == "0 s");
    CHECK(in_seconds(1s) == "1 s");
    CHECK(in_seconds(250ms) == "0.25 s");
    CHECK(in_seconds(1'000'040us) == "1.00004 s");
    CHECK(in_seconds(-2s) == "-2 s");
    CHECK(in_seconds(3h) == "10800 s");
    CHECK(in_seconds(24h * 365) == "31536000 s");
}

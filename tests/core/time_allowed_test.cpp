// Tests of time_allowed.hpp: a time in whatever unit, or none.
#include <fanout/core/time_allowed.hpp>

#include <chrono>
#include <optional>

#include "catch.hpp"

using fanout::time_allowed;
using namespace std::chrono_literals;

TEST_CASE("made of nothing it is no limit", "[time_allowed]") {
    CHECK_FALSE(time_allowed());
    CHECK_FALSE(time_allowed(std::nullopt).has_value());
    time_allowed one = 10s;
    one = {};
    CHECK_FALSE(one);
}

TEST_CASE("it takes a time in any unit, whole or not", "[time_allowed]") {
    CHECK(*time_allowed(10s) == 10s);
    CHECK(*time_allowed(1.5min) == 90s);
    CHECK(time_allowed(std::chrono::milliseconds(20))->count() == 0.02);
    const time_allowed none_at_all = 0s;
    REQUIRE(none_at_all);  // which options refuse
    CHECK(none_at_all->count() == 0);
}

// Tests of optional_time.hpp: a time in whatever unit, or none.
#include <fanout/core/optional_time.hpp>

#include <chrono>
#include <optional>

#include "catch.hpp"

using fanout::optional_time;
using namespace std::chrono_literals;

TEST_CASE("made of nothing it is no limit", "[optional_time]") {
    CHECK_FALSE(optional_time());
    CHECK_FALSE(optional_time(std::nullopt).has_value());
    optional_time one = 10s;
    one = {};
    CHECK_FALSE(one);
}

TEST_CASE("it takes a time in any unit, whole or not", "[optional_time]") {
    CHECK(*optional_time(10s) == 10s);
    CHECK(*optional_time(1.5min) == 90s);
    CHECK(optional_time(std::chrono::milliseconds(20))->count() == 0.02);
    const optional_time none_at_all = 0s;
    REQUIRE(none_at_all);  // which options refuse
    CHECK(none_at_all->count() == 0);
}

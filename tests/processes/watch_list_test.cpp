// Tests of watch_list.hpp.
#include <fanout/processes/watch_list.hpp>

#include <unistd.h>

#include <chrono>

#include "catch.hpp"

using fanout::detail::watch_list;

TEST_CASE("the descriptor about which there is something is noticed, and time runs out otherwise", "[watch_list]") {
    int quiet[2], loud[2];
    REQUIRE(pipe(quiet) == 0);
    REQUIRE(pipe(loud) == 0);
    REQUIRE(write(loud[1], "x", 1) == 1);
    watch_list list(2);
    list.add(quiet[0]);
    CHECK_FALSE(list.wait(std::chrono::milliseconds(1)));
    list.add(loud[0]);
    REQUIRE(list.wait(std::chrono::hours(1)));
    CHECK_FALSE(list.is_noticed(0));
    CHECK(list.is_noticed(1));
    CHECK(list.size() == 2);
    CHECK(list[1] == loud[0]);
    list.clear();
    CHECK(list.size() == 0);
    for (const int each : {quiet[0], quiet[1], loud[0], loud[1]}) close(each);
}

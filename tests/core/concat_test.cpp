// Tests of concat.hpp.
#include <fanout/core/concat.hpp>

#include <string>

#include "catch.hpp"

using fanout::detail::concat;

TEST_CASE("parts are put one behind the other, whatever they are", "[concat]") {
    CHECK(concat({"task ", std::to_string(7), "", " failed"}) == "task 7 failed");
    CHECK(concat({}).empty());
}

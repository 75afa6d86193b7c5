// Tests of fault_point.hpp: in every build but those of the tests that define it, a fault point is nothing at all.
#include <fanout/processes/fault_point.hpp>

#include "catch.hpp"

TEST_CASE("a fault point needs no name to be there, and is an expression that does nothing", "[fault_point]") {
    static_assert(noexcept(FANOUT_FAULT_POINT(of_a_name_that_nobody_has_declared)));
    FANOUT_FAULT_POINT(of_a_name_that_nobody_has_declared);
    CHECK(true);
}

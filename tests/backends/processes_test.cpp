// fanout::processes through the suite of all backends.
#include <fanout/processes/processes.hpp>

#include "backend_suite.hpp"
#include "catch.hpp"

TEST_CASE("processes keeps the promises of a backend", "[backends]") {
    backend_suite::check(fanout::processes{}, {.shares_memory = false});
}

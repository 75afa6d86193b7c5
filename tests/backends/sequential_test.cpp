// fanout::sequential through the suite of all backends.
#include <fanout/core/sequential.hpp>

#include "backend_suite.hpp"
#include "catch.hpp"

TEST_CASE("sequential keeps the promises of a backend", "[backends]") {
    backend_suite::check(fanout::sequential{}, {.tasks_can_wait_for_one_another = false});
}

// The backend of examples/tbb_backend.hpp through the suite of all backends.
#include <tbb_backend.hpp>

#include "backend_suite.hpp"
#include "catch.hpp"

TEST_CASE("the example over oneTBB keeps the promises of a backend", "[backends]") {
    // TBB decides how many threads there are: no more than CPUs.
    backend_suite::check(tbb_backend{}, {.tasks_can_wait_for_one_another = false});
}

// fanout::threads through the suite of all backends.
#include <fanout/threads/threads.hpp>

#include "backend_suite.hpp"
#include "catch.hpp"

TEST_CASE("threads keeps the promises of a backend", "[backends]") { backend_suite::check(fanout::threads{}, {}); }

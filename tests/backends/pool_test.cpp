// The backend of examples/pool_backend.hpp through the suite of all backends.
#include <pool_backend.hpp>

#include "backend_suite.hpp"
#include "catch.hpp"

TEST_CASE("the example over a thread pool keeps the promises of a backend", "[backends]") {
    thread_pool pool(3);  // fewer than some calls would like
    backend_suite::check(pool_backend(pool), {.tasks_can_wait_for_one_another = false});
}

TEST_CASE("with as many threads as n_jobs it runs so many tasks at once", "[backends]") {
    thread_pool pool(2 * fanout::cpu_count() + 1);
    const backend_suite::tested_backend tested(pool_backend(pool), {});
    backend_suite::check_workers(tested);
}

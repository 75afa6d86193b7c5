// Tests of portable_tasks.hpp: what a backend may leave out when it says where a task runs.
#include <fanout/core/portable_tasks.hpp>

#include <cstddef>
#include <optional>
#include <string>

#include "catch.hpp"
#include "support/portable_job.hpp"

TEST_CASE("a site says nothing that has not been said", "[portable_tasks]") {
    const fanout::portable_tasks::site at{.index = 7};
    CHECK(at.index == 7);
    CHECK(at.worker == 0);
    CHECK(at.elements == nullptr);
    CHECK(at.place == nullptr);
    at.task_returned();  // does nothing, and returns
}

TEST_CASE("tasks whose failures are thrown need not say so", "[portable_tasks]") {
    portable_job job({.size = 1}, portable_job::text_function([](std::size_t) { return std::string(); }));
    CHECK_FALSE(job.portable()->collects_failures());
}

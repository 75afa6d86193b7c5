// Tests of verdicts.hpp: failures from outside are complete.
#include <fanout/processes/verdicts.hpp>

#include <chrono>
#include <exception>
#include <stdexcept>

#include "catch.hpp"
#include "support/matchers.hpp"

using namespace fanout::detail;

TEST_CASE("a task that took too long has a failure with all there is to say", "[verdicts]") {
    const fanout::failure why =
        overdue_failure({.index = 5, .worker = 1, .pid = 42}, std::chrono::milliseconds(1500), false);
    CHECK(
        why.what ==
        "task 5 ran for longer than the timeout of 1.500000 s on processes (worker 1, pid 42), which was killed; raise "
        "options::timeout, or use .outcomes(...) to keep the other results");
    CHECK(why.type == "fanout::task_timeout");
    CHECK_THROWS_AS(std::rethrow_exception(why.exception), fanout::task_timeout);
    CHECK_THAT(overdue_failure({.index = 5}, std::chrono::seconds(1), true).what, containing("may wait for a lock"));
}

TEST_CASE("a task that killed its worker has a failure with all there is to say", "[verdicts]") {
    const fanout::failure why =
        lost_failure({.index = 17, .signal = 11, .attempts = 3, .pid = 4242}, 3, "SIGSEGV at address 0x8", "look");
    CHECK(why.what == "task 17 killed its worker (pid 4242, attempt 3 of 3): SIGSEGV at address 0x8; look");
    try {
        std::rethrow_exception(why.exception);
    } catch (const fanout::worker_lost& e) {
        CHECK(e.index() == 17);
        CHECK(e.signal() == 11);
        CHECK(e.why().attempts == 3);
        CHECK_FALSE(e.why().exception);
    }
}

TEST_CASE("any exception describes itself", "[verdicts]") {
    const auto exception = std::make_exception_ptr(std::domain_error("why"));
    const fanout::failure described = described_failure({.index = 2}, exception);
    CHECK(described.type == "std::domain_error");
    CHECK(described.what == "why");
    CHECK(described.exception == exception);
}

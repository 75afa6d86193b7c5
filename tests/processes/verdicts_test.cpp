// Tests of verdicts.hpp: failures from outside are complete.
#include <fanout/processes/verdicts.hpp>

#include <chrono>
#include <exception>
#include <stdexcept>
#include <string>

#include "catch.hpp"
#include "support/matchers.hpp"

using namespace fanout::detail;

namespace {

std::string text_of(const fanout::failure& why) {
    try {
        std::rethrow_exception(why.exception);
    } catch (const std::exception& e) {
        return e.what();
    }
}

}  // namespace

TEST_CASE("a task that took too long has a failure with all there is to say, and says it once", "[verdicts]") {
    const fanout::failure known{.index = 5, .worker = 1, .pid = 42, .backend = "processes"};
    const fanout::failure why = overdue_failure(known, std::chrono::milliseconds(1500), false, true);
    CHECK(why.message() ==
          "task 5 failed on processes (worker 1, pid 42): fanout::task_timeout: ran for longer than the timeout of "
          "1.5 s and was killed; raise options::timeout");
    CHECK_THROWS_AS(std::rethrow_exception(why.exception), fanout::task_timeout);
    CHECK(text_of(why) ==
          "task 5 ran for longer than the timeout of 1.5 s on processes (worker 1, pid 42) and was killed; raise "
          "options::timeout");
    CHECK_THAT(text_of(overdue_failure(known, std::chrono::seconds(1), false, false)),
               ending_with("; use .outcomes(...) to keep the other results"));
    CHECK_THAT(overdue_failure(known, std::chrono::seconds(1), true, true).what, containing("may wait for a lock"));
}

TEST_CASE("a task that killed its worker has a failure with all there is to say, and says it once", "[verdicts]") {
    const fanout::failure known{.index = 17, .signal = 11, .attempts = 3, .pid = 4242, .backend = "processes"};
    const fanout::failure why = lost_failure(known, 3, "killed its worker", "SIGSEGV at address 0x8", "look", true);
    CHECK(
        why.message() ==
        "task 17 failed on processes (worker 0, pid 4242, attempt 3): fanout::worker_lost: killed its worker: SIGSEGV "
        "at address 0x8; look");
    CHECK(text_of(why) ==
          "task 17 killed its worker on processes (worker 0, pid 4242, attempt 3 of 3): SIGSEGV at address 0x8; look");
    CHECK(text_of(lost_failure(known, 3, "ended its worker", "it called exit(0)", "look", false)) ==
          "task 17 ended its worker on processes (worker 0, pid 4242, attempt 3 of 3): it called exit(0); look; use "
          ".outcomes(...) to keep the "
          "other results");
    try {
        std::rethrow_exception(why.exception);
    } catch (const fanout::worker_lost& e) {
        CHECK(e.index() == 17);
        CHECK(e.signal() == 11);
        CHECK(e.why().attempts == 3);
        CHECK(e.why().what == why.what);
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

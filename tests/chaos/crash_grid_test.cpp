// Every way to die, at the first, a middle and the last task, with one worker, two and eight: the right task is blamed,
// with the right words, and all others are kept.
#include <fanout/processes/processes.hpp>

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "catch.hpp"
#include "support/crashes.hpp"
#include "support/leaks.hpp"
#include "support/matchers.hpp"
#include "support/portable_job.hpp"
#include "support/sanitizers.hpp"

namespace {

struct way_to_die {
    const char* name;
    std::function<void()> die;
    int signal;
    const char* type;
    const char* text;
    int attempts;
};

const std::vector<way_to_die> ways = {
    {"segv", [] { write_to(8); }, SIGSEGV, "fanout::worker_lost", "SIGSEGV at address 0x8", 2},
    {"stack overflow", [] { overflow_the_stack(0); }, SIGSEGV, "fanout::worker_lost", "stack overflow", 2},
    {"abort", [] { std::abort(); }, SIGABRT, "fanout::worker_lost", "SIGABRT", 2},
    {"exit 0", [] { std::exit(0); }, 0, "fanout::worker_lost", "it called exit(0)", 2},
    {"exit 3", [] { std::exit(3); }, 0, "fanout::worker_lost", "it called exit(3)", 2},
    {"_exit 0", [] { _exit(0); }, 0, "fanout::worker_lost", "it ended by itself with exit code 0", 2},
    {"terminate", [] { throw_out_of_noexcept(); }, SIGABRT, "fanout::worker_lost",
     "std::terminate was called with std::domain_error: out of noexcept", 2},
    {"kill -9", [] { kill(getpid(), SIGKILL); }, SIGKILL, "fanout::worker_lost", "killed from outside (SIGKILL)", 2},
    {"timeout",
     [] {
         for (;;) pause();
     },
     SIGKILL, "fanout::task_timeout", "ran for longer than the timeout of 0.2", 1},
    {"throw", [] { throw std::out_of_range("beyond"); }, 0, "std::out_of_range", "beyond", 1},
    {"throw a number", [] { throw 42; }, 0, "int", "42", 1},
};

constexpr std::size_t tasks = 9;

[[maybe_unused]] void check(const portable_job& job, const way_to_die& way, std::size_t victim, bool numbers) {
    REQUIRE(job.each_stored_once());
    for (std::size_t i = 0; i < tasks; ++i) {
        if (i == victim) continue;
        CAPTURE(i);
        REQUIRE_FALSE(job.failures[i]);
        CHECK((numbers ? std::to_string(job.numbers[i]) : *job.texts[i]) == std::to_string(i));
    }
    REQUIRE(job.failures[victim]);
    const fanout::failure& why = *job.failures[victim];
    CHECK(why.index == victim);
    CHECK(why.type == way.type);
    CHECK_THAT(why.what, containing(way.text));
    CHECK(why.signal == way.signal);
    CHECK(why.attempts == way.attempts);
    CHECK(why.pid > 0);
    CHECK(why.backend == "processes");
    CHECK(why.exception);
    CHECK_FALSE(has_children());
}

}  // namespace

#if !FANOUT_TESTS_UNDER_TSAN && !FANOUT_TESTS_UNDER_ASAN  // which have crash handlers and words of their own

TEST_CASE("whatever a task dies of, it alone is blamed and all others are kept", "[chaos][crashes]") {
    const plain_crashes plain;
    const int descriptors = open_descriptors();
    for (const way_to_die& way : ways) {
        for (const std::size_t victim : {std::size_t(0), tasks / 2, tasks - 1}) {
            for (const int n_jobs : {1, 2, 8}) {
                CAPTURE(way.name, victim, n_jobs);
                const fanout::processes backend{.retries = 1};
                // A stack that overflows takes its time too, on a loaded machine.
                portable_job::how how{.size = tasks, .timeout = std::string(way.name) == "timeout" ? 0.2 : 10};
                portable_job texts(how, portable_job::text_function([&](std::size_t i) {
                                       if (i == victim) way.die();
                                       return std::to_string(i);
                                   }));
                backend.run(texts, n_jobs);
                check(texts, way, victim, false);
                portable_job numbers(how, portable_job::number_function([&](std::size_t i) {
                                         if (i == victim) way.die();
                                         return static_cast<std::int64_t>(i);
                                     }));
                backend.run(numbers, n_jobs);
                check(numbers, way, victim, true);
            }
        }
    }
    CHECK(open_descriptors() == descriptors);
    CHECK(shared_mappings() == 0);
}

TEST_CASE("with fail-fast the call ends at once, and the others are killed", "[chaos][crashes]") {
    const plain_crashes plain;
    for (const way_to_die& way : ways) {
        for (const int n_jobs : {2, 8}) {
            CAPTURE(way.name, n_jobs);
            portable_job job({.size = tasks, .fail_fast = true, .timeout = 5},
                             portable_job::text_function([&](std::size_t i) {
                                 if (i == 1 && std::string(way.name) != "timeout") way.die();
                                 if (i == 1) throw 1;
                                 if (i > 2)
                                     for (;;) pause();
                                 return std::to_string(i);
                             }));
            fanout::processes{.retries = 0}.run(job, n_jobs);
            CHECK(job.failures[1]);
            CHECK_FALSE(has_children());
        }
    }
}

#endif

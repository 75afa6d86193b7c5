// A worker dies at each step of the protocol, in each way: every task is still done once, and by the right worker.
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>

namespace steps {

enum step {
    at_start,
    after_next,
    after_claim,
    before_task,
    before_result,
    after_publishing,
    after_task,
    after_chunk,
    at_end,
    count
};

inline void reach(step here);

}  // namespace steps

#define FANOUT_FAULT_POINT(where) ::steps::reach(::steps::where)
#include <fanout/processes/processes.hpp>

#include <sys/mman.h>

#include <optional>
#include <string>

#include "catch.hpp"
#include "support/crashes.hpp"
#include "support/leaks.hpp"
#include "support/run_on_processes.hpp"
#include "support/sanitizers.hpp"

namespace steps {

enum way { by_sigkill, by_segv, by_abort, by_exit_0, by_exit_3, by_quick_exit };

struct plan {
    std::atomic<int> step{-1};
    std::atomic<int> way{0};
    std::atomic<int> passes{0};  // how often the step is reached before it kills
    std::atomic<int> deaths{0};  // how many more there are to be
};

inline plan& shared_plan() {
    static plan* const made =
        new (mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0)) plan();
    return *made;
}

inline void reach(step here) {
    plan& the = shared_plan();
    if (the.step != here || the.passes-- > 0 || the.deaths-- <= 0) return;
    switch (the.way) {
        case by_sigkill:
            kill(getpid(), SIGKILL);
            break;
        case by_segv:
            write_to(8);
            break;
        case by_abort:
            std::abort();
        case by_exit_0:
            std::exit(0);
        case by_exit_3:
            std::exit(3);
        default:
            _exit(0);
    }
}

}  // namespace steps

#if !FANOUT_TESTS_UNDER_TSAN && !FANOUT_TESTS_UNDER_ASAN

TEST_CASE("a worker may die at any step, and in any way", "[chaos]") {
    const plain_crashes plain;
    steps::plan& plan = steps::shared_plan();
    constexpr std::size_t size = 30;
    for (int step = 0; step < steps::count; ++step) {
        int deaths = 0;
        for (int way = steps::by_sigkill; way <= steps::by_quick_exit; ++way) {
            for (const int passes : {0, 1, 7}) {
                for (int kind = 0; kind < 4; ++kind) {
                    CAPTURE(step, way, passes, kind);
                    plan.passes = passes;
                    plan.way = way;
                    plan.deaths = 3;
                    plan.step = step;
                    fanout::detail::process_settings settings;
                    settings.workers = 2;
                    settings.ring_size = 4096;
                    settings.retries = 5;
                    const auto text = [](std::size_t i) { return std::string(i * 100, 'x'); };
                    const auto batch = kind == 3 ? std::optional<std::size_t>(4) : std::nullopt;
                    portable_job texts({.size = size, .batch = batch}, portable_job::text_function(text));
                    portable_job numbers({.size = size},
                                         portable_job::number_function([](std::size_t i) { return std::int64_t(i); }));
                    portable_job fed(
                        {}, [&](std::size_t i) { return i < size ? std::optional(text(i)) : std::nullopt; },
                        [](const std::string& element) { return element; });
                    portable_job& job = kind == 0 ? numbers : (kind == 1 ? fed : texts);
                    run_on_processes(job, settings);
                    plan.step = -1;
                    deaths += 3 - (plan.deaths > 0 ? plan.deaths.load() : 0);
                    REQUIRE(job.stored.size() == size);
                    REQUIRE(job.each_stored_once());
                    for (std::size_t i = 0; i < size; ++i) {
                        REQUIRE_FALSE(job.failures[i]);
                        if (kind == 0)
                            REQUIRE(job.numbers[i] == std::int64_t(i));
                        else
                            REQUIRE(job.texts[i] == text(i));
                    }
                    REQUIRE_FALSE(has_children());
                }
            }
        }
        CHECK(deaths > 50);
    }
}

TEST_CASE("the only worker may die between taking the last number and putting its name to the task", "[chaos]") {
    steps::plan& plan = steps::shared_plan();
    plan.passes = 2;  // the first two of three
    plan.way = steps::by_sigkill;
    plan.deaths = 1;
    plan.step = steps::after_next;
    fanout::detail::process_settings settings;
    settings.workers = 1;
    portable_job numbers({.size = 3}, portable_job::number_function([](std::size_t i) { return std::int64_t(i); }));
    run_on_processes(numbers, settings);
    plan.step = -1;
    CHECK(plan.deaths == 0);
    CHECK(numbers.each_stored_once());
    CHECK(numbers.stored.size() == 3);
    CHECK(numbers.numbers == std::vector<std::int64_t>{0, 1, 2});
}

#endif

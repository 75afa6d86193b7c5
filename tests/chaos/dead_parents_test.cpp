// The parent is killed at a random moment: its workers are gone at once, and nothing that has a name is left.
#include <fanout/processes/processes.hpp>

#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <random>
#include <string>

#include "catch.hpp"
#include "support/leaks.hpp"
#include "support/long_tests.hpp"
#include "support/portable_job.hpp"
#include "support/sanitizers.hpp"

namespace {

/// Whether a process of this group is alive, besides this one.
[[maybe_unused]] bool anybody_in(pid_t group) { return kill(-group, 0) == 0; }

[[noreturn, maybe_unused]] void be_a_parent(unsigned seed) {
    setpgid(0, 0);
    for (unsigned i = seed;; ++i) {
        // One task that never ends, results that fill the ring, and short ones.
        portable_job job({.size = 50}, portable_job::text_function([&](std::size_t task) {
                             if (i % 3 == 0 && task == 5)
                                 for (;;) {
                                 }
                             return std::string(i % 3 == 1 ? 400'000 : 10, 'x');
                         }));
        fanout::processes{}.run(job, 4);
    }
}

}  // namespace

#if !FANOUT_TESTS_UNDER_TSAN

TEST_CASE("when the parent is killed its workers die with it", "[chaos]") {
    prctl(PR_SET_CHILD_SUBREAPER, 1);  // orphans come to us, so that they can be waited for
    const int names_before = entries_of("/dev/shm");
    std::mt19937 random(1);
    double slowest = 0;
    const int times = FANOUT_TESTS_UNDER_ASAN ? 30 : rounds(200, 1'000);
    for (int round = 0; round < times; ++round) {
        CAPTURE(round);
        const pid_t parent = fork();
        if (parent == 0) be_a_parent(static_cast<unsigned>(round));
        setpgid(parent, parent);
        usleep(static_cast<useconds_t>(random() % 8'000));
        kill(parent, SIGKILL);
        const auto killed = std::chrono::steady_clock::now();
        waitpid(parent, nullptr, 0);
        double seconds = 0;
        while (anybody_in(parent)) {
            while (waitpid(-parent, nullptr, WNOHANG) > 0) {
            }
            seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - killed).count();
            REQUIRE(seconds < 5);
            usleep(100);
        }
        if (seconds > slowest) slowest = seconds;
    }
    INFO("the slowest took " << slowest << " s");
    CHECK(slowest < 1.0);
    CHECK(entries_of("/dev/shm") == names_before);
    prctl(PR_SET_CHILD_SUBREAPER, 0);
}

#endif

// Tests of worker_process.hpp: a process is started, watched, killed and reaped, and nobody else is touched.
#include <fanout/processes/worker_process.hpp>

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "catch.hpp"
#include "support/leaks.hpp"

using fanout::detail::exit_report;
using fanout::detail::worker_process;

TEST_CASE("how a process ended is told", "[worker_process]") {
    worker_process exits;
    REQUIRE(exits.start([](void*, const sigset_t&) { _exit(5); }, nullptr) == 0);
    const exit_report report = exits.reap();
    CHECK(report.exited());
    CHECK(report.exit_code() == 5);
    CHECK(report.signal() == 0);
    CHECK(report.peak_memory > 0);
    CHECK_FALSE(exits);

    worker_process hangs;
    REQUIRE(hangs.start(
                [](void*, const sigset_t&) {
                    for (;;) pause();
                },
                nullptr) == 0);
    CHECK_FALSE(hangs.has_ended());
    hangs.kill();
    CHECK(hangs.reap().signal() == SIGKILL);
}

TEST_CASE("a process that is forgotten is killed and reaped, and its descriptor closed", "[worker_process]") {
    const int descriptors = open_descriptors();
    {
        worker_process hangs;
        REQUIRE(hangs.start(
                    [](void*, const sigset_t&) {
                        for (;;) pause();
                    },
                    nullptr) == 0);
    }
    CHECK_FALSE(has_children());
    CHECK(open_descriptors() == descriptors);
}

TEST_CASE("the child begins with all signals blocked, and is told which were not", "[worker_process]") {
    worker_process child;
    REQUIRE(child.start(
                [](void*, const sigset_t& before) {
                    sigset_t now;
                    pthread_sigmask(SIG_SETMASK, nullptr, &now);
                    _exit(sigismember(&now, SIGTERM) == 1 && sigismember(&before, SIGTERM) == 0 ? 7 : 1);
                },
                nullptr) == 0);
    CHECK(child.reap().exit_code() == 7);
    sigset_t now;
    pthread_sigmask(SIG_SETMASK, nullptr, &now);
    CHECK(sigismember(&now, SIGTERM) == 0);
}

TEST_CASE("a process that somebody else has reaped is one of unknown end", "[worker_process]") {
    worker_process child;
    REQUIRE(child.start([](void*, const sigset_t&) { _exit(5); }, nullptr) == 0);
    waitpid(child.pid(), nullptr, 0);
    CHECK_FALSE(child.reap().known);
}

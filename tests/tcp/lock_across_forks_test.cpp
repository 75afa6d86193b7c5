// A thread that holds the lock, and one that was there before a fork.
#include <fanout/tcp/lock_across_forks.hpp>

#include <sys/wait.h>
#include <unistd.h>

#include <fanout/core/lock.hpp>
#include <thread>

#include "catch.hpp"

using namespace fanout::detail;

TEST_CASE("one thread at a time has the lock") {
    lock_across_forks lock;
    int count = 0;
    const auto add = [&] {
        for (int i = 0; i < 10'000; ++i) {
            const lock_guard held(lock);
            ++count;
        }
    };
    std::thread other(add);
    add();
    other.join();
    CHECK(count == 20'000);
}

TEST_CASE("a forked child takes it over from a thread that it has not got") {
    lock_across_forks lock;
    lock.lock();
    const pid_t child = fork();
    if (child == 0) {
        alarm(20);
        const lock_guard held(lock);
        _exit(7);
    }
    int status = 0;
    waitpid(child, &status, 0);
    CHECK((WIFEXITED(status) && WEXITSTATUS(status) == 7));
    lock.unlock();
}

// Tests of child.hpp: what a worker knows of itself, and how it waits.
#include <fanout/processes/processes.hpp>

#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <string>
#include <thread>

#include "catch.hpp"
#include "support/portable_job.hpp"

using namespace fanout::detail;

TEST_CASE("what moves soon is seen without a sleep, and what does not is given up", "[child]") {
    int looks = 0;
    CHECK(moved_soon([&] { return ++looks == 3; }));
    CHECK(looks == 3);
    CHECK_FALSE(moved_soon([] { return false; }));
}

TEST_CASE("a parent that has moved its end of a ring wakes a worker that sleeps, and leaves others alone", "[child]") {
    ring_ends ends;
    wake_worker(ends);  // nobody sleeps
    CHECK(ends.worker_waits == 0);
    std::thread worker([&] {
        ends.worker_waits = 1;
        while (ends.worker_waits == 1) sleep_on(ends.worker_waits, 1, 10'000);
    });
    while (ends.worker_waits == 0) std::this_thread::yield();
    wake_worker(ends);
    worker.join();
    CHECK(ends.worker_waits == 0);
}

TEST_CASE("a worker knows what it is, runs as its parent's child, and ignores Ctrl-C", "[child]") {
    portable_job job({.size = 3}, portable_job::text_function([](std::size_t i) {
                         if (i == 0) return std::to_string(own_worker.depth) + (own_worker.last ? " worker" : "");
                         if (i == 1) return std::to_string(getppid());
                         raise(SIGINT);
                         return std::string("still here");
                     }));
    fanout::processes{}.run(job, 1);
    REQUIRE(job.each_stored_once());
    CHECK(job.texts[0] == "1 worker");
    CHECK(job.texts[1] == std::to_string(getpid()));
    CHECK(job.texts[2] == "still here");
    CHECK(own_worker.depth == 0);
    CHECK(own_worker.last == nullptr);
}

TEST_CASE("a worker has the signal mask of its caller", "[child]") {
    sigset_t usr2, before;
    sigemptyset(&usr2);
    sigaddset(&usr2, SIGUSR2);
    pthread_sigmask(SIG_BLOCK, &usr2, &before);
    portable_job job({.size = 1}, portable_job::number_function([](std::size_t) {
                         sigset_t now;
                         pthread_sigmask(SIG_SETMASK, nullptr, &now);
                         return std::int64_t{sigismember(&now, SIGUSR2) * 10 + sigismember(&now, SIGUSR1)};
                     }));
    fanout::processes{}.run(job, 1);
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    CHECK(job.numbers[0] == 10);
}

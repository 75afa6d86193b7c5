// Calls whose workers, slots or coordinators die at any moment.
#include <fanout/tcp/remote_run.hpp>

#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <fanout/fanout.hpp>
#include <fanout/tcp.hpp>
#include <ranges>
#include <string>
#include <thread>
#include <vector>

#include "catch.hpp"
#include "support/killer.hpp"
#include "support/tests_with_workers.hpp"

using namespace fanout;
using namespace std::chrono_literals;

static std::uint64_t mixed(std::uint64_t x) {
    x = (x ^ x >> 30) * 0xbf58'476d'1ce4'e5b9;
    x = (x ^ x >> 27) * 0x94d0'49bb'1331'11eb;
    return x ^ x >> 31;
}

/// In a worker process: kills it now and then, but not in the same task for ever.
static void die_now_and_then(int i) {
    static unsigned calls = 0;
    if (mixed(static_cast<std::uint64_t>(i) * 1000 + static_cast<std::uint64_t>(getpid()) + ++calls) % 300 == 0)
        raise(SIGKILL);
}

TEST_CASE("slots that die by the dozen lose and double nothing") {
    const auto results = parallel(2, tcp{.retries = 1000})(delayed([](int i) {
                                                               die_now_and_then(i);
                                                               return i * 3L;
                                                           }),
                                                           std::views::iota(0, 10'000));
    REQUIRE(results.size() == 10'000);
    for (int i = 0; i < 10'000; ++i) REQUIRE(results[static_cast<std::size_t>(i)] == i * 3L);
}

TEST_CASE("workers that die by the dozen lose and double nothing") {
    const auto cluster = parallel(3, tcp{.retries = 1000});
    int kills = 0;
    for (unsigned seed = 1; seed <= 3; ++seed) {
        const killer kills_workers(seed, 40'000);
        const auto results = cluster(delayed([](int i) {
                                         usleep(200);
                                         return std::to_string(i);
                                     }),
                                     std::views::iota(0, 3'000));
        REQUIRE(results.size() == 3'000);
        for (int i = 0; i < 3'000; ++i) REQUIRE(results[static_cast<std::size_t>(i)] == std::to_string(i));
        kills += kills_workers.kills();
    }
    CHECK(kills > 5);
}

TEST_CASE("when the coordinator is killed its local workers die with it, and their slots") {
    prctl(PR_SET_CHILD_SUBREAPER, 1);  // orphans come to us, so that they can be waited for
    for (int round = 0; round < 3; ++round) {
        int ends[2];
        REQUIRE(pipe(ends) == 0);
        const pid_t coordinator = fork();
        if (coordinator == 0) {
            setpgid(0, 0);
            dup2(ends[1], 1);  // which workers and slots have too
            parallel(2, tcp{})(delayed([](int) {
                                   static_cast<void>(!write(1, "!", 1));
                                   std::this_thread::sleep_for(100s);
                               }),
                               std::views::iota(0, 2));
            _exit(0);
        }
        setpgid(coordinator, coordinator);
        close(ends[1]);
        char begun[2];
        for (char& each : begun) REQUIRE(read(ends[0], &each, 1) == 1);
        kill(coordinator, SIGKILL);
        // The end comes when nobody has the other end any more.
        const auto killed = std::chrono::steady_clock::now();
        char rest = 0;
        CHECK(read(ends[0], &rest, 1) == 0);
        CHECK(std::chrono::steady_clock::now() - killed < 5s);
        close(ends[0]);
        while (waitpid(-coordinator, nullptr, 0) > 0) {
        }
    }
    prctl(PR_SET_CHILD_SUBREAPER, 0);
}

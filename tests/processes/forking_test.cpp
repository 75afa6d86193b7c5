// Tests of forking.hpp: threads that may be in the way are counted, and those that are not are not.
#include <fanout/processes/forking.hpp>

#include <atomic>
#include <latch>
#include <thread>

#include "catch.hpp"
#include "support/threads_of_this_process.hpp"

using namespace fanout::detail;

TEST_CASE("other people's threads are in the way, idle ones of fanout are not", "[forking]") {
    threads_come_down_to(1);
    std::thread([] {}).join();  // a sanitizer may start one of its own with the first
    const int before = threads_that_stay_in_the_way();
    std::latch running(3), done(1);
    struct both {
        std::latch& running;
        std::latch& done;
    } latches{running, done};
    std::thread theirs([&] {
        running.count_down();
        done.wait();
    });
    int seen_by_own = -1;
    struct seen {
        both& latches;
        int& threads;
    } sees{latches, seen_by_own};
    plain_thread own(
        [](void* of) -> void* {
            const own_thread_mark mark;
            const auto& to = *static_cast<seen*>(of);
            to.latches.running.arrive_and_wait();
            to.threads = threads_in_the_way();
            to.latches.done.wait();
            return nullptr;
        },
        &sees);
    running.arrive_and_wait();
    CHECK(threads_in_the_way() == before + 1);
    done.count_down();
    theirs.join();
    own.join();
    CHECK(seen_by_own >= before + 1);  // it runs a task, and so may its siblings
}

TEST_CASE("what is said once is said once", "[forking]") {
    std::atomic<bool> said = false;
    say_once(said, "(this line is printed by a test)");
    CHECK(said);
    say_once(said, "(this line is not)");
}

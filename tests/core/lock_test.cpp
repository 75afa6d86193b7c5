// Tests of lock.hpp: what one holds the other waits for, and a condition wakes who waits for it.
#include <fanout/core/lock.hpp>

#include <chrono>
#include <thread>

#include "catch.hpp"

using steady = fanout::detail::clock;
using fanout::detail::condition_variable, fanout::detail::lock_guard, fanout::detail::mutex,
    fanout::detail::unique_lock;
using namespace std::chrono_literals;

TEST_CASE("a mutex is held by one thread at a time", "[lock]") {
    mutex shared;
    int count = 0;
    const auto add = [&] {
        for (int i = 0; i < 20'000; ++i) {
            const lock_guard lock(shared);
            ++count;
        }
    };
    std::thread other(add);
    add();
    other.join();
    CHECK(count == 40'000);
}

TEST_CASE("a lock can be given back and taken again", "[lock]") {
    mutex shared;
    unique_lock lock(shared);
    lock.unlock();
    {
        const lock_guard other(shared);
    }
    lock.lock();
}

TEST_CASE("who waits for a condition is woken when it is fulfilled", "[lock]") {
    mutex shared;
    condition_variable changed;
    int turn = 0;
    std::thread other([&] {
        for (int i = 0; i < 1'000; ++i) {
            unique_lock lock(shared);
            changed.wait(lock, [&] { return turn % 2 == 1; });
            ++turn;
            changed.notify_one();
        }
    });
    for (int i = 0; i < 1'000; ++i) {
        unique_lock lock(shared);
        changed.wait(lock, [&] { return turn % 2 == 0; });
        ++turn;
        changed.notify_one();
    }
    other.join();
    CHECK(turn == 2'000);
}

TEST_CASE("a wait with a limit ends when it is over, and not before", "[lock]") {
    mutex shared;
    condition_variable never;
    unique_lock lock(shared);
    const auto start = steady::now();
    CHECK_FALSE(never.wait_for(lock, 5ms, [] { return false; }));
    CHECK(steady::now() - start >= 5ms);
    CHECK(never.wait_until(lock, steady::now() + 1h, [] { return true; }));
    CHECK_FALSE(never.wait_until(lock, start, [] { return false; }));
}

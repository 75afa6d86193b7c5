// Tests of spin_lock.hpp: one at a time, and what one wrote the next one sees.
#include <fanout/threads/spin_lock.hpp>

#include <mutex>
#include <thread>
#include <vector>

#include "catch.hpp"

TEST_CASE("only one thread at a time is inside a spin lock", "[spin_lock]") {
    fanout::detail::spin_lock lock;
    int count = 0;  // plain: a second thread inside would lose increments, and be seen by a thread sanitizer
    {
        std::vector<std::jthread> threads;
        for (int i = 0; i < 4; ++i)
            threads.emplace_back([&] {
                for (int k = 0; k < 20'000; ++k) {
                    const std::lock_guard inside(lock);
                    ++count;
                }
            });
    }
    CHECK(count == 80'000);
}

TEST_CASE("a holder that has lost its CPU is waited for", "[spin_lock]") {
    fanout::detail::spin_lock lock;
    bool left = false;
    lock.lock();
    std::jthread other([&] {
        const std::lock_guard inside(lock);
        left = true;
    });
    for (int i = 0; i < 1000; ++i) std::this_thread::yield();
    CHECK_FALSE(left);
    lock.unlock();
    other.join();
    CHECK(left);
}

TEST_CASE("relaxing does nothing but take a moment", "[spin_lock]") {
    for (int i = 0; i < 1000; ++i) fanout::detail::relax();
    SUCCEED();
}

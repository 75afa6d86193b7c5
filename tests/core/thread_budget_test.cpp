// Tests of thread_budget.hpp: no more are granted than there are.
#include <fanout/core/thread_budget.hpp>

#include <atomic>
#include <thread>
#include <vector>

#include "catch.hpp"

using fanout::detail::thread_budget;

TEST_CASE("a budget grants as many threads as there are besides the caller's, and again what comes back", "[budget]") {
    thread_budget three(3);
    CHECK(three.left() == 3);
    CHECK(three.take());
    CHECK(three.take());
    CHECK_FALSE(three.take());
    CHECK(three.left() == 1);
    three.give_back();
    CHECK(three.take());
    thread_budget one(1);
    CHECK_FALSE(one.take());
}

TEST_CASE("many threads at once are granted no more either", "[budget]") {
    thread_budget four(4);
    std::atomic<int> busy = 0;
    std::atomic<bool> too_many = false;
    {
        std::vector<std::jthread> threads;
        for (int i = 0; i < 8; ++i)
            threads.emplace_back([&] {
                for (int round = 0; round < 2'000; ++round) {
                    if (!four.take()) continue;
                    if (++busy > 3) too_many = true;
                    --busy;
                    four.give_back();
                }
            });
    }
    CHECK_FALSE(too_many);
    CHECK(four.left() == 4);
}

TEST_CASE("outside of tasks there is no budget", "[budget]") { CHECK(fanout::detail::budget_here == nullptr); }

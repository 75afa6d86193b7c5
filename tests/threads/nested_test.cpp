// Calls inside tasks, and calls from many threads at once: they neither deadlock nor get in each other's way.
#include <fanout/front/parallel.hpp>

#include <atomic>
#include <memory>
#include <mutex>
#include <numeric>
#include <ranges>
#include <stdexcept>
#include <thread>
#include <vector>

#include "catch.hpp"
#include "support/each_backend.hpp"

using fanout::delayed, fanout::parallel;

namespace {

/// The number of leaves under a node: each inner node is a call of its own, inside a task of the one above.
template <class Run>
int leaves(const Run& run, int depth) {
    if (depth == 0) return 1;
    const std::vector<int> below = run(delayed([&](int) { return leaves(run, depth - 1); }), std::views::iota(0, 5));
    return std::accumulate(below.begin(), below.end(), 0);
}

template <class Run>
int sum_of_squares(const Run& run, int n) {
    const std::vector<int> squares = run(delayed([](int i) { return i * i; }), std::views::iota(0, n));
    return std::accumulate(squares.begin(), squares.end(), 0);
}

}  // namespace

TEST_CASE("calls can be nested three deep, on temporaries and on one and the same object", "[threads][nested]") {
    for (const int n_jobs : {1, 2, 5})  // joblib T39
        on_each_backend({.n_jobs = n_jobs}, [](const auto& run) {
            for (int round = 0; round < 20; ++round) REQUIRE(leaves(run, 3) == 125);
        });
}

TEST_CASE("the backends can be nested in one another", "[threads][nested]") {  // joblib T39, T41
    const auto inner = [](int) { return sum_of_squares(parallel(2), 10); };
    const auto plain = [](int) { return sum_of_squares(parallel(2, fanout::sequential{}), 10); };
    CHECK(parallel(2, fanout::sequential{})(delayed(inner), std::views::iota(0, 3)) == std::vector(3, 285));
    CHECK(parallel(2, fanout::threads{})(delayed(plain), std::views::iota(0, 3)) == std::vector(3, 285));
}

TEST_CASE("an exception comes up through nested calls as it is, and nothing hangs", "[threads][nested][errors]") {
    on_each_backend({.n_jobs = 2}, [](const auto& run) {  // joblib T21, T22
        const auto inner = [](int i) {
            if (i == 3) throw std::domain_error("three");
            return i;
        };
        const auto outer = [&](int i) {
            if (i == 1) run(delayed(inner), std::views::iota(0, 5));
            return i;
        };
        for (int round = 0; round < 50; ++round)
            REQUIRE_THROWS_AS(run(delayed(outer), std::views::iota(0, 2)), std::domain_error);
    });
}

TEST_CASE("a task may call the object that runs it, which may be inside another call of it", "[threads][nested]") {
    const auto kept = parallel(3);
    const auto twice = kept(delayed([&](int i) { return sum_of_squares(kept, i); }), std::views::iota(0, 50));
    for (int n = 0; n < 50; ++n) REQUIRE(twice[static_cast<std::size_t>(n)] == (n - 1) * n * (2 * n - 1) / 6);
}

TEST_CASE("eight threads can call one object at once", "[threads][concurrent]") {
    on_threads({.n_jobs = 3}, [](const auto& run) {
        std::atomic<int> right = 0;
        {
            std::vector<std::jthread> callers;
            for (int caller = 0; caller < 8; ++caller)
                callers.emplace_back([&, caller] {
                    for (int round = 0; round < 50; ++round) {
                        const int n = 10 * caller + round;
                        right += sum_of_squares(run, n) == (n - 1) * n * (2 * n - 1) / 6;
                    }
                });
        }
        CHECK(right == 8 * 50);
    });
}

TEST_CASE("of several threads that call one object, one may fail without harm to the others", "[threads][concurrent]") {
    on_threads({.n_jobs = 2}, [](const auto& run) {
        std::atomic<int> as_expected = 0;
        {
            std::vector<std::jthread> callers;
            for (int caller = 0; caller < 4; ++caller)
                callers.emplace_back([&, caller] {
                    const auto fails_for_odd = [caller](int i) {
                        if (caller % 2 == 1 && i == 7) throw std::range_error("odd");
                        return i * caller;
                    };
                    for (int round = 0; round < 50; ++round) {
                        try {
                            const auto results = run(delayed(fails_for_odd), std::views::iota(0, 20));
                            as_expected += caller % 2 == 0 && results[19] == 19 * caller;
                        } catch (const std::range_error&) {
                            as_expected += caller % 2 == 1;
                        }
                    }
                });
        }
        CHECK(as_expected == 4 * 50);
    });
}

TEST_CASE("a thread that waits in a call runs no task of another, so locks of the user's are safe",
          "[threads][nested]") {
    // If the owner of a lock ran another's task while it waits for its own, that task would find the lock taken by its
    // own thread: rayon's issue 592.
    struct owned_lock {
        std::mutex mutex;
        std::atomic<std::thread::id> owner;
    };
    on_threads({.n_jobs = 2}, [](const auto& run) {
        std::vector<std::unique_ptr<owned_lock>> locks;
        for (int i = 0; i < 4; ++i) locks.push_back(std::make_unique<owned_lock>());
        std::atomic<int> re_entered = 0;
        std::atomic<int> done = 0;

        const auto outer = [&](int i) {
            owned_lock& mine = *locks[static_cast<std::size_t>(i % 4)];
            if (mine.owner == std::this_thread::get_id()) {
                ++re_entered;
                return;
            }
            const std::lock_guard lock(mine.mutex);
            mine.owner = std::this_thread::get_id();
            run(delayed([&](int) { ++done; }), std::views::iota(0, 10));
            mine.owner = std::thread::id();
        };
        {
            const auto call = [&] { run(delayed(outer), std::views::iota(0, 40)); };
            const std::jthread one(call);
            const std::jthread two(call);
        }
        CHECK(re_entered == 0);
        CHECK(done == 2 * 40 * 10);
    });
}

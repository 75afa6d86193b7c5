// How far input that can be read only once, or that never ends, is read ahead of the tasks.
#include <fanout/front/parallel.hpp>

#include <atomic>
#include <latch>
#include <mutex>
#include <ranges>
#include <stdexcept>
#include <string>
#include <vector>

#include "catch.hpp"
#include "support/each_backend.hpp"
#include "support/generator.hpp"

using fanout::delayed, fanout::parallel;

namespace {

/// What happened, in its order: "P0" an element was produced, "C0" its task is done.
class events {
public:
    void add(char kind, int i) {
        const std::lock_guard lock(mutex_);
        all_.push_back(kind + std::to_string(i));
    }
    std::vector<std::string> all() const {
        const std::lock_guard lock(mutex_);
        return all_;
    }

private:
    mutable std::mutex mutex_;
    std::vector<std::string> all_;
};

struct enough {};

}  // namespace

TEST_CASE("with one job, elements are read one by one as they are wanted, or by the batch", "[look-ahead]") {
    const auto run_six = [](const fanout::options& wishes) {  // joblib T10
        events happened;
        const auto produce = [&](int i) {
            happened.add('P', i);
            return i;
        };
        parallel(wishes)(delayed([&](int i) { happened.add('C', i); }), generate(6, produce));
        return happened.all();
    };
    using list = std::vector<std::string>;
    CHECK(run_six({.n_jobs = 1, .batch_size = 1}) ==
          list{"P0", "C0", "P1", "C1", "P2", "C2", "P3", "C3", "P4", "C4", "P5", "C5"});
    CHECK(run_six({.n_jobs = 1}) == list{"P0", "C0", "P1", "C1", "P2", "C2", "P3", "C3", "P4", "C4", "P5", "C5"});
    CHECK(run_six({.n_jobs = 1, .batch_size = 4}) ==
          list{"P0", "P1", "P2", "P3", "C0", "C1", "C2", "C3", "P4", "P5", "C4", "C5"});
}

TEST_CASE("no more than pre_dispatch elements are read and not finished", "[look-ahead]") {
    for (const int window : {1, 2, 3, 10})  // joblib T11
        on_each_backend({.n_jobs = 3, .pre_dispatch = window}, [&](const auto& run) {
            std::atomic<int> finished = 0;
            std::atomic<int> most_ahead = 0;
            const auto produce = [&](int i) {
                const int ahead = i + 1 - finished;  // only one thread reads at a time
                if (ahead > most_ahead) most_ahead = ahead;
                return i;
            };
            const auto results = run(delayed([&](int i) {
                                         ++finished;
                                         return i;
                                     }),
                                     generate(2000, produce));
            REQUIRE(results.size() == 2000);
            CHECK(results[1999] == 1999);
            // A task has counted itself as finished a moment before the library does, never after.
            CHECK(most_ahead <= window);
        });
}

TEST_CASE("the look-ahead is used: that many tasks wait at the same time", "[look-ahead]") {
    on_threads({.n_jobs = 4, .batch_size = 1, .pre_dispatch = 4}, [](const auto& run) {
        std::latch all_there(4);
        run(delayed([&](int) { all_there.arrive_and_wait(); }), generate(4, [](int i) { return i; }));
        CHECK(all_there.try_wait());
    });
}

TEST_CASE("without pre_dispatch, no more is read than the workers have in hand", "[look-ahead]") {
    on_threads({.n_jobs = 3, .batch_size = 5}, [](const auto& run) {
        std::atomic<int> finished = 0;
        std::atomic<int> most_ahead = 0;
        const auto produce = [&](int i) {
            const int ahead = i + 1 - finished;
            if (ahead > most_ahead) most_ahead = ahead;
            return i;
        };
        run(delayed([&](int) { ++finished; }), generate(2000, produce));
        CHECK(finished == 2000);
        CHECK(most_ahead <= 3 * 5);
    });
}

TEST_CASE("endless input is read until a task ends the call, and not far beyond", "[look-ahead]") {
    for (const int n_jobs : {1, 2})
        on_each_backend({.n_jobs = n_jobs, .pre_dispatch = 8}, [](const auto& run) {
            std::atomic<int> produced = 0;
            const auto task = [](int i) {
                if (i == 1000) throw enough();
            };
            CHECK_THROWS_AS(run(delayed(task), generate_for_ever([&](int i) { return produced = i; })), enough);
            CHECK(produced >= 1000);
            CHECK_THROWS_AS(run(delayed(task), std::views::iota(0)), enough);
            const auto endless = std::views::iota(0) | std::views::transform([](int i) { return i; });
            CHECK_THROWS_AS(run(delayed(task), endless), enough);
        });
}

TEST_CASE("an element is destroyed when its task is done, not at the end of the call", "[look-ahead]") {
    struct element {
        std::atomic<int>* alive;
        int number;
        element(std::atomic<int>& a, int n) : alive(&a), number(n) { ++a; }
        element(element&& moved) noexcept : alive(moved.alive), number(moved.number) { ++*alive; }
        element(const element&) = delete;
        ~element() { --*alive; }
    };
    on_each_backend({.n_jobs = 2, .batch_size = 1, .pre_dispatch = 4}, [](const auto& run) {
        std::atomic<int> alive = 0;
        std::atomic<int> most = 0;
        const auto task = [&](const element& each) {
            const int now = alive;
            if (now > most) most = now;
            return each.number;
        };
        const auto results = run(delayed(task), generate(500, [&](int i) { return element(alive, i); }));
        CHECK(results.size() == 500);
        CHECK(results[499] == 499);
        CHECK(alive == 0);
        CHECK(most < 50);  // a few are on their way: being made, being moved, waiting for the spare batch
    });
}

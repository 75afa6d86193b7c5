// Tests of threads.hpp: every task is run once, whatever their number and their time, and however they are shared out.
#include <fanout/threads/threads.hpp>

#include <fanout/front/parallel.hpp>

#include <atomic>
#include <chrono>
#include <latch>
#include <ranges>
#include <thread>
#include <vector>

#include "catch.hpp"
#include "support/each_backend.hpp"
#include "support/generator.hpp"

using fanout::delayed, fanout::parallel, fanout::threads;
using namespace std::chrono_literals;

namespace {

void busy_for(std::chrono::nanoseconds time) {
    const auto until = std::chrono::steady_clock::now() + time;
    while (std::chrono::steady_clock::now() < until) {
    }
}

/// Whether each of `size` tasks was run exactly once.
template <class Run, class Input>
bool each_once(const Run& run, std::size_t size, const Input& input, std::chrono::nanoseconds each) {
    std::vector<std::atomic<int>> runs(size);
    run(delayed([&](int i) {
            if (each > 0ns) busy_for(each);
            ++runs[static_cast<std::size_t>(i)];
        }),
        input);
    for (const auto& count : runs)
        if (count != 1) return false;
    return true;
}

}  // namespace

TEST_CASE("each task is run once: few, some, many, instant and slow ones", "[threads]") {
    for (const int n_jobs : {2, 3, 16})
        on_threads({.n_jobs = n_jobs}, [](const auto& run) {
            for (const int size : {1, 2, 63, 64, 65, 1000, 50'000}) {
                CAPTURE(size);
                const auto tasks = static_cast<std::size_t>(size);
                REQUIRE(each_once(run, tasks, std::views::iota(0, size), 0ns));
                REQUIRE(each_once(run, tasks, generate(size, [](int i) { return i; }), 0ns));
            }
            REQUIRE(each_once(run, 1000, std::views::iota(0, 1000), 10us));
            REQUIRE(each_once(run, 1000, generate(1000, [](int i) { return i; }), 10us));
        });
}

TEST_CASE("calls in quick succession, of any size, are all right", "[threads]") {
    on_threads({.n_jobs = 2}, [](const auto& run) {
        for (int call = 0; call < 2000; ++call) {
            const int size = call % 150;
            REQUIRE(run(delayed([](int i) { return i; }), std::views::iota(0, size)).size() ==
                    static_cast<std::size_t>(size));
        }
    });
}

TEST_CASE("objects that live for one call each start and end their threads without losing one", "[threads]") {
    for (int round = 0; round < 300; ++round) {
        const auto kept = parallel(3);
        for (int call = 0; call < 5; ++call)
            REQUIRE(kept(delayed([](int i) { return i; }), std::views::iota(0, 5)) == std::vector{0, 1, 2, 3, 4});
    }
}

TEST_CASE("threads that do not stay awake work too", "[threads]") {
    const auto kept = parallel(2, threads{.spin = 0us});
    for (int call = 0; call < 200; ++call) {
        std::latch both_there(2);
        kept(delayed([&](int) { both_there.arrive_and_wait(); }), std::views::iota(0, 2));
        REQUIRE(each_once(kept, 1000, std::views::iota(0, 1000), 0ns));
    }
}

TEST_CASE("a long task at the beginning, in the middle or at the end is only one task", "[threads]") {
    on_threads({.n_jobs = 2}, [](const auto& run) {
        for (const int slow : {0, 500, 999}) {
            std::atomic<int> done = 0;
            run(delayed([&](int i) {
                    if (i == slow) busy_for(2ms);
                    ++done;
                }),
                std::views::iota(0, 1000));
            CHECK(done == 1000);
        }
    });
}

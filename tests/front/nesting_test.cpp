// Calls inside of tasks, on any pair of backends: they end, they are right, and they have the threads of the outermost
// call between them.
#include <fanout/front/parallel.hpp>
#include <fanout/front/per_worker.hpp>
#include <fanout/processes/processes.hpp>

#include <atomic>
#include <chrono>
#include <functional>
#include <latch>
#include <optional>
#include <ranges>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "catch.hpp"
#include "support/in_flight.hpp"
#include "support/sanitizers.hpp"
#include "support/shared_counters.hpp"
#include "support/threads_of_this_process.hpp"

using fanout::delayed, fanout::parallel;
using namespace std::chrono_literals;

namespace {

// As if there were so many, on whatever machine: set before the first call.
const int cpus = [] {
    fanout::detail::limit_cpus(6);
    return fanout::cpu_count();
}();

enum class on { sequential, threads, processes };
[[maybe_unused]] constexpr on all_backends[] = {on::sequential, on::threads, on::processes};

using task = std::function<int(int)>;

[[maybe_unused]] std::vector<int> map(on backend, int n_jobs, const task& f, int size) {
    const auto numbers = std::views::iota(0, size);
    if (backend == on::sequential) return parallel(n_jobs, fanout::sequential{})(delayed(f), numbers);
    if (backend == on::threads) return parallel(n_jobs, fanout::threads{})(delayed(f), numbers);
    return parallel(n_jobs, fanout::processes{})(delayed(f), numbers);
}

[[maybe_unused]] int sum(const std::vector<int>& numbers) {
    int total = 0;
    for (const int each : numbers) total += each;
    return total;
}

/// Notes how many threads the process has while it runs, and how many of these tasks run at once.
class busy_task {
public:
    int operator()(int i) {
        const in_flight::guard running(tasks_);
        for (int look = 0; look < 10; ++look) {
            most_threads_.raise_to(0, threads_of_this_process());
            std::this_thread::sleep_for(50us);
        }
        return i;
    }
    int most_threads() const { return most_threads_[0]; }
    int most_at_once() const { return tasks_.most(); }

private:
    in_flight tasks_;
    shared_counters most_threads_;
};

void many_of(busy_task& work, int n_jobs) {
    parallel(n_jobs)(delayed([&](int i) { work(i); }), std::views::iota(0, 12));
}

}  // namespace

#if !FANOUT_TESTS_UNDER_TSAN  // it ends a child that starts a thread

TEST_CASE("any backend can be used in a task of any other, three deep", "[nested]") {  // joblib T39, T41
    for (const on outer : all_backends)
        for (const on middle : all_backends)
            for (const on inner : all_backends) {
                CAPTURE(int(outer), int(middle), int(inner));
                const task leaf = [](int i) { return i * i; };
                const task branch = [&](int i) { return i + sum(map(inner, 2, leaf, 4)); };
                const task trunk = [&](int i) { return i + sum(map(middle, 2, branch, 3)); };
                CHECK(map(outer, 2, trunk, 3) == std::vector{45, 46, 47});
            }
}

TEST_CASE("an exception comes up through any pair of backends in its own type", "[nested][errors]") {  // joblib T21
    for (const on outer : all_backends)
        for (const on inner : all_backends) {
            CAPTURE(int(outer), int(inner));
            const task fails = [](int i) -> int {
                if (i == 3) throw std::domain_error("three");
                return i;
            };
            const task calls = [&](int i) { return i == 1 ? sum(map(inner, 2, fails, 5)) : i; };
            CHECK_THROWS_AS(map(outer, 2, calls, 4), std::domain_error);
        }
}

TEST_CASE("in a worker process, calls have its inner_threads between them, whatever object they are made through",
          "[nested][processes]") {
    for (const int inner_threads : {1, 2, 3}) {
        CAPTURE(inner_threads);
        const auto results = parallel(2, fanout::processes{.inner_threads = inner_threads})(
            delayed([&](int) {
                busy_task work;
                const auto kept = parallel(8);
                const auto kept_too = parallel(2);
                const auto leaf = delayed([&](int i) { work(i); });
                many_of(work, 8);
                kept(leaf, std::views::iota(0, 12));
                kept_too(leaf, std::views::iota(0, 12));
                many_of(work, 40);
                kept(delayed([&](int) { many_of(work, 3); }), std::views::iota(0, 4));
                return work.most_threads() <= inner_threads && work.most_at_once() <= inner_threads;
            }),
            std::views::iota(0, 4));
        CHECK(results == std::vector(4, true));
    }
}

TEST_CASE("the inner_threads of a worker process are there when they are wanted", "[nested][processes]") {
    const auto meet = [](int) {
        std::latch all_there(3);
        parallel(3)(delayed([&](int) { all_there.arrive_and_wait(); }), std::views::iota(0, 3));
        return true;
    };
    CHECK(parallel(2, fanout::processes{.inner_threads = 3})(delayed(meet), std::views::iota(0, 4)) ==
          std::vector(4, true));
}

#endif

TEST_CASE("calls inside of tasks have no more threads between them than the outermost was given", "[nested]") {
    std::thread([] {}).join();               // the thread sanitizer starts one of its own with the first
    for (const int n_jobs : {2, 3, 5, 9}) {  // below and above the number of CPUs
        for (const int outer_tasks : {1, 2, 20}) {
            for (const bool keeps_objects : {false, true}) {
                CAPTURE(n_jobs, outer_tasks, keeps_objects);
                const int before = threads_of_this_process();
                busy_task work;
                {
                    const auto outermost = parallel(n_jobs);
                    outermost(delayed([&](int) {
                                  many_of(work, 2);
                                  if (keeps_objects) {
                                      const auto kept = parallel(4);
                                      const auto kept_too = parallel(30);
                                      kept(delayed([&](int) { many_of(work, 8); }), std::views::iota(0, 3));
                                      kept_too(delayed([&](int i) { work(i); }), std::views::iota(0, 40));
                                  } else {
                                      many_of(work, 30);
                                      parallel(4)(delayed([&](int) { many_of(work, -1); }), std::views::iota(0, 3));
                                  }
                              }),
                              std::views::iota(0, outer_tasks));
                }
                CHECK(work.most_threads() <= before + n_jobs - 1);
                CHECK(work.most_at_once() <= n_jobs);
                REQUIRE(threads_come_down_to(before));
            }
        }
    }
}

TEST_CASE("that holds when the outermost call is so small that the caller begins alone", "[nested]") {
    std::thread([] {}).join();
    const int before = threads_of_this_process();
    busy_task work;
    {
        const auto outermost = parallel(2);
        std::atomic<int> calls = 0;
        outermost(delayed([&](int) {
                      if (++calls % 100 == 1) many_of(work, 8);
                  }),
                  std::views::iota(0, 1000));
    }
    CHECK(work.most_threads() <= before + 1);
    CHECK(work.most_at_once() <= 2);
    CHECK(threads_come_down_to(before));
}

TEST_CASE("threads that the outermost call leaves unused help the calls inside of it", "[nested]") {
    std::latch all_four(4);
    const auto leaf = [&](int) { all_four.arrive_and_wait(); };
    parallel(4)(delayed([&](int) { parallel(2)(delayed(leaf), std::views::iota(0, 2)); }), std::views::iota(0, 2));
    CHECK(all_four.try_wait());

    std::latch others(4);  // the outermost call has a single task
    parallel(4)(
        delayed([&](int) { parallel(4)(delayed([&](int) { others.arrive_and_wait(); }), std::views::iota(0, 4)); }),
        std::views::iota(0, 1));
    CHECK(others.try_wait());
}

TEST_CASE("a thread that is done with the outermost call comes to help the calls inside of it", "[nested]") {
    for (int round = 0; round < 50; ++round) {
        std::latch both(2);
        std::latch begun(2);  // both threads are at a task of the outermost call when the inner one begins
        parallel(2)(delayed([&](int i) {
                        begun.arrive_and_wait();
                        if (i == 0) parallel(2)(delayed([&](int) { both.arrive_and_wait(); }), std::views::iota(0, 2));
                    }),
                    std::views::iota(0, 2));
        REQUIRE(both.try_wait());
    }
}

TEST_CASE("so does the outermost caller, while it waits for its helper", "[nested]") {
    const auto caller = std::this_thread::get_id();
    for (int round = 0; round < 50; ++round) {
        std::latch both(2);
        std::latch begun(2);
        std::atomic<bool> came = false;
        parallel(2)(delayed([&](int) {
                        begun.arrive_and_wait();
                        if (std::this_thread::get_id() == caller) return;
                        parallel(2)(delayed([&](int) {
                                        if (std::this_thread::get_id() == caller) came = true;
                                        both.arrive_and_wait();
                                    }),
                                    std::views::iota(0, 2));
                    }),
                    std::views::iota(0, 2));
        REQUIRE(came);
    }
}

TEST_CASE("so does the caller of a call in between", "[nested]") {
    for (int round = 0; round < 50; ++round) {
        std::latch begun(2);
        std::latch both(2);
        const auto innermost = [&] {
            parallel(2)(delayed([&](int) { both.arrive_and_wait(); }), std::views::iota(0, 2));
        };
        // Of the call in between either task may be the one that opens another: only its caller is free to help.
        const auto in_between = [&](int i) {
            begun.arrive_and_wait();
            if (i == 1) innermost();
        };
        parallel(2)(delayed([&](int) { parallel(2)(delayed(in_between), std::views::iota(0, 2)); }),
                    std::views::iota(0, 1));
        REQUIRE(both.try_wait());
    }
}

TEST_CASE("who waits for helpers helps no call beside its own", "[nested]") {
    // A task that reads two streams by turns: the thread of the one must not end up in tasks of the other.
    const auto read_both = [](int i) {
        if (i != 0) return 0;
        auto numbers = parallel(2).stream(delayed([](int n) { return n; }), std::vector<int>(20, 1));
        auto others = parallel(2).stream(delayed([](int n) { return n; }), std::views::iota(0));
        int count = 0;
        auto other = others.begin();
        for (auto number = numbers.begin(); number != numbers.end(); ++number, ++other) {
            std::this_thread::sleep_for(std::chrono::microseconds(100));
            ++count;
        }
        return count;
    };
    std::vector<int> expected(2000);
    expected[0] = 20;
    for (int round = 0; round < 20; ++round)
        REQUIRE(parallel(2)(delayed(read_both), std::views::iota(0, 2000)) == expected);
}

TEST_CASE("where all threads are busy the inner call runs in its caller", "[nested]") {
    std::latch all_busy(2);
    std::latch done(2);
    std::atomic<int> elsewhere = 0;
    parallel(2)(delayed([&](int) {
                    all_busy.arrive_and_wait();
                    const auto here = std::this_thread::get_id();
                    parallel(8)(delayed([&](int) { elsewhere += std::this_thread::get_id() != here; }),
                                std::views::iota(0, 100));
                    done.arrive_and_wait();  // nobody gets free before
                }),
                std::views::iota(0, 2));
    CHECK(elsewhere == 0);
}

TEST_CASE("the plain loop passes nothing on: a call inside of it has the threads that it asks for", "[nested]") {
    const auto meets = [](int) {  // joblib T41
        std::latch all_there(3);
        parallel(3)(delayed([&](int) { all_there.arrive_and_wait(); }), std::views::iota(0, 3));
        return true;
    };
    CHECK(parallel(8, fanout::sequential{})(delayed(meets), std::views::iota(0, 2)) == std::vector(2, true));
    CHECK(parallel(1)(delayed(meets), std::views::iota(0, 2)) == std::vector(2, true));
}

TEST_CASE("calls from threads of the program's own each have their threads", "[nested][concurrent]") {
    const auto meet = [] {
        std::latch all_there(3);
        parallel(3)(delayed([&](int) { all_there.arrive_and_wait(); }), std::views::iota(0, 3));
    };
    const auto kept = parallel(2);
    kept(delayed([&](int) {
             const std::jthread own(meet);  // which is no worker
         }),
         std::views::iota(0, 2));
    CHECK(fanout::detail::budget_here == nullptr);
}

TEST_CASE("hundreds of calls inside of one another and beside one another end", "[nested][concurrent]") {
    std::atomic<int> leaves = 0;
    const auto tree = [&](const auto& self, int depth) -> void {
        if (depth == 0) {
            ++leaves;
            return;
        }
        parallel(depth % 2 ? 2 : 9)(delayed([&](int) { self(self, depth - 1); }), std::views::iota(0, 3));
    };
    {
        std::vector<std::jthread> callers;
        for (int caller = 0; caller < 3; ++caller) callers.emplace_back([&] { tree(tree, 5); });
    }
    CHECK(leaves == 3 * 243);
}

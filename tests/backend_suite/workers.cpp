// How many tasks run at once and on which workers; calls inside of tasks, and from several threads.
#include <fanout/core/current_worker.hpp>
#include <fanout/front/per_worker.hpp>
#include <fanout/threads/threads.hpp>

#include <unistd.h>

#include <atomic>
#include <optional>
#include <ranges>
#include <thread>
#include <vector>

#include "backend_suite/ways.hpp"
#include "support/generator.hpp"
#include "support/sanitizers.hpp"
#include "support/shared_counters.hpp"

using fanout::delayed, fanout::parallel;

namespace {

int sum(const std::vector<int>& numbers) {
    int total = 0;
    for (const int each : numbers) total += each;
    return total;
}

template <class Run>
int sum_below(const Run& run, int n) {
    return sum(run(delayed([](int i) { return i; }), std::views::iota(0, n)));
}

template <class Run>
int leaves(const Run& run, int depth) {
    if (depth == 0) return 1;
    return sum(run(delayed([&](int) { return leaves(run, depth - 1); }), std::views::iota(0, 3)));
}

}  // namespace

namespace backend_suite {

void check_workers(const tested_backend& backend) {
    SECTION("never more than n_jobs tasks run at once, and no two on workers of the same number") {
        for (const int n_jobs : {1, 2, 5})
            each_way(backend, {.n_jobs = n_jobs}, [&](const auto& run) {
                const shared_counters counts;
                auto& running = counts[100];
                auto& wrong = counts[102];
                const auto task = [&](int) {
                    const auto worker = fanout::current_worker();
                    const int slot = worker ? worker->slot : -1;
                    if (slot < 0 || slot >= n_jobs || worker->n_jobs != n_jobs || worker->depth != 1) {
                        ++wrong;
                        return;
                    }
                    if (counts[slot].exchange(1) != 0) ++wrong;
                    counts.raise_to(101, ++running);
                    std::this_thread::yield();
                    --running;
                    counts[slot] = 0;
                };
                run(delayed(task), std::views::iota(0, 500));
                run(delayed(task), generate(500, once));
                run(delayed(task)(1), delayed(task)(2), delayed(task)(3));
                CHECK(wrong == 0);
                CHECK(counts[101] >= 1);
                CHECK(counts[101] <= n_jobs);
                CHECK(running == 0);
            });
    }

    SECTION("an object for each worker is made n_jobs times at most, and used by one task at a time") {
        for (const int n_jobs : {1, 3})
            each_way(backend, {.n_jobs = n_jobs}, [&](const auto& run) {
                const shared_counters counts;
                fanout::per_worker<std::atomic<bool>> in_use([&] {
                    ++counts[0];
                    return std::atomic<bool>(false);
                });
                const auto task = [&](int) {
                    std::atomic<bool>& mine = in_use.local();
                    if (mine.exchange(true)) ++counts[1];
                    std::this_thread::yield();
                    mine = false;
                };
                run(delayed(task), std::views::iota(0, 300));
                CHECK(counts[0] >= 1);
                CHECK(counts[0] <= n_jobs);
                CHECK(counts[1] == 0);
            });
    }

    SECTION("n_jobs tasks wait for one another, also if they are more than the CPUs") {
        if (backend.its().tasks_can_wait_for_one_another)
            for (const int n_jobs : {2, 2 * fanout::cpu_count() + 2})
                each_way(backend, {.n_jobs = n_jobs}, [&](const auto& run) {
                    for (const bool indexed : {true, false}) {
                        const shared_counters there;
                        const auto meet = [&](int) {
                            ++there[0];
                            while (there[0] < n_jobs) std::this_thread::yield();
                        };
                        if (indexed)
                            run(delayed(meet), std::views::iota(0, 3 * n_jobs));
                        else
                            run(delayed(meet), generate(3 * n_jobs, once));
                        CHECK(there[0] == 3 * n_jobs);
                    }
                });
    }

    SECTION("calls inside of tasks, three deep, through temporaries and one and the same object") {
        for (const int n_jobs : {1, 2, 4})
            each_way(backend, {.n_jobs = n_jobs}, [](const auto& run) { CHECK(leaves(run, 3) == 27); });
    }

    // A sanitizer of threads ends a process that is forked beside other threads, and starts some.
    const bool forks_beside_threads = FANOUT_TESTS_UNDER_TSAN && !backend.its().shares_memory;

    SECTION("calls on threads inside of its tasks, and its calls inside of tasks on threads") {
        if (!forks_beside_threads)
            each_way(backend, {.n_jobs = 2}, [](const auto& run) {
                const auto on_threads = parallel(2);
                CHECK(run(delayed([&](int i) { return i + sum_below(on_threads, 10) + sum_below(parallel(3), 5); }),
                          std::views::iota(0, 4)) == std::vector{55, 56, 57, 58});
                CHECK(on_threads(delayed([&](int i) { return i + sum_below(run, 10); }), std::views::iota(0, 4)) ==
                      std::vector{45, 46, 47, 48});
            });
    }

    SECTION("calls from several threads at once") {
        if (!forks_beside_threads)
            each_way(backend, {.n_jobs = 3}, [](const auto& run) {
                std::atomic<int> right = 0;
                {
                    std::vector<std::jthread> callers;
                    for (int caller = 0; caller < 4; ++caller)
                        callers.emplace_back([&, caller] {
                            for (int call = 0; call < 10; ++call) {
                                const int n = 20 * caller + call;
                                right += sum_below(run, n) == n * (n - 1) / 2;
                            }
                        });
                }
                CHECK(right == 4 * 10);
            });
    }
}

}  // namespace backend_suite

// Tests of current_worker.hpp: what a task can find out about the worker that runs it.
#include <fanout/core/current_worker.hpp>
#include <fanout/front/parallel.hpp>
#include <fanout/processes/processes.hpp>

#include <atomic>
#include <optional>
#include <ranges>
#include <string>
#include <thread>
#include <tuple>
#include <vector>

#include "catch.hpp"
#include "support/each_backend.hpp"
#include "support/two_threads.hpp"

using fanout::current_worker, fanout::delayed, fanout::parallel;
using fanout::detail::borrowed, fanout::detail::worker_frame;

TEST_CASE("outside of tasks there is no worker, nor in a thread that a task has started", "[worker]") {
    CHECK_FALSE(current_worker());
    std::atomic<int> strangers = 0;
    parallel(1)(delayed([&](int) { const std::jthread own([&] { strangers += current_worker().has_value(); }); }),
                std::views::iota(0, 2));
    CHECK(strangers == 0);
    CHECK_FALSE(current_worker());
}

TEST_CASE("a task knows its worker's slot, how many there are, and the backend", "[worker]") {
    const auto as_expected = [](int n_jobs, const std::string& backend) {
        return [=](int) {
            const auto worker = current_worker();
            return worker && worker->slot >= 0 && worker->slot < n_jobs && worker->n_jobs == n_jobs &&
                   worker->backend == backend && worker->depth == 1;
        };
    };
    const std::vector<bool> all(500, true);
    const auto tasks = std::views::iota(0, 500);
    for (const int n_jobs : {1, 2, 7}) {
        CHECK(parallel(n_jobs)(delayed(as_expected(n_jobs, "threads")), tasks) == all);
        const auto kept = parallel(n_jobs);
        CHECK(kept(delayed(as_expected(n_jobs, "threads")), tasks) == all);
        CHECK(parallel(n_jobs, fanout::sequential{})(delayed(as_expected(n_jobs, "sequential")), tasks) == all);
        CHECK(parallel(n_jobs, fanout::processes{})(delayed(as_expected(n_jobs, "processes")), tasks) == all);
        CHECK(parallel(n_jobs, two_threads{})(delayed(as_expected(n_jobs, "two_threads")), tasks) == all);
        const auto call = delayed(as_expected(n_jobs, "threads"));
        CHECK(parallel(n_jobs)(call(1), call(2)) == std::tuple(true, true));
    }
}

TEST_CASE("calls inside of tasks are deeper, and the outer worker is there again afterwards", "[worker]") {
    const auto depth = [](int) { return current_worker()->depth; };  // joblib T42
    const auto around = [&](const auto& inner) {
        return [&](int) {
            const int before = current_worker()->depth;
            const std::vector<int> below = inner(delayed(depth), std::views::iota(0, 3));
            return below == std::vector(3, before + 1) && current_worker()->depth == before && before == 1;
        };
    };
    const auto three = std::views::iota(0, 3);
    on_each_backend({.n_jobs = 2},
                    [&](const auto& run) { CHECK(run(delayed(around(run)), three) == std::vector(3, true)); });
    const auto processes = parallel(2, fanout::processes{});
    CHECK(processes(delayed(around(processes)), three) == std::vector(3, true));
}

TEST_CASE("the initializer of a worker process is asked the same as its tasks", "[worker]") {
    static int slot_of_initializer = -1;
    const fanout::processes backend{.initializer = [] { slot_of_initializer = current_worker()->slot; }};
    const auto same = parallel(3, backend)(delayed([](int) { return current_worker()->slot == slot_of_initializer; }),
                                           std::views::iota(0, 30));
    CHECK(same == std::vector(30, true));
}

TEST_CASE("what a worker has borrowed is given back at its end, the last first", "[worker]") {
    static std::vector<int> given_back;
    struct numbered : borrowed {
        explicit numbered(const void* from, int n) : number(n) {
            lender = from;
            give_back = [](borrowed& me) noexcept { given_back.push_back(static_cast<numbered&>(me).number); };
        }
        int number;
    };
    const int one = 0, other = 0;
    numbered first(&one, 1), second(&other, 2), third(&one, 3);
    {
        worker_frame outer(0, 1, "test", 1);
        outer.borrow(first);
        {
            worker_frame inner(0, 1, "test", 2);
            CHECK(inner.borrowed_from(&one) == nullptr);
            inner.borrow(second);
            inner.borrow(third);
            CHECK(inner.borrowed_from(&one) == &third);
            CHECK(inner.borrowed_from(&other) == &second);
            worker_frame::return_all_to(&one);
            CHECK(given_back == std::vector{3, 1});
            CHECK(inner.borrowed_from(&one) == nullptr);
        }
        CHECK(given_back == std::vector{3, 1, 2});
        CHECK(outer.borrowed_from(&one) == nullptr);
    }
    CHECK(given_back.size() == 3);
}

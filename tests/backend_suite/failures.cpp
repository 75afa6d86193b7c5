// A task that throws: the exception itself arrives, of the task that comes first, when nothing runs any more.
#include <unistd.h>

#include <ranges>
#include <stdexcept>
#include <string>
#include <thread>
#include <tuple>
#include <vector>

#include "backend_suite/ways.hpp"
#include "support/generator.hpp"
#include "support/leaks.hpp"
#include "support/matchers.hpp"
#include "support/shared_counters.hpp"

using fanout::delayed;

namespace backend_suite {

void check_failures(const tested_backend& backend) {
    SECTION("the exception of a task arrives in its own type and with its own text, and the next call works") {
        for (const int n_jobs : {1, 2, 5})
            each_way(backend, {.n_jobs = n_jobs}, [](const auto& run) {
                const auto fails_at_7 = [](int i) {
                    if (i == 7) throw std::domain_error("seven");
                    return i;
                };
                const auto numbers = std::views::iota(0, 100);
                for (int round = 0; round < 5; ++round) {
                    CHECK_THROWS_AS(run(delayed(fails_at_7), numbers), std::domain_error);
                    CHECK_THROWS_WITH(run(delayed(fails_at_7), numbers), containing("seven"));
                    CHECK_THROWS_AS(run(delayed(fails_at_7), generate(100, once)), std::domain_error);
                    CHECK_THROWS_AS(run(numbers | std::views::transform(delayed(fails_at_7))), std::domain_error);
                    CHECK_THROWS_AS(run(delayed(fails_at_7)(1), delayed(fails_at_7)(7)), std::domain_error);
                    CHECK_THROWS_AS(run(delayed([](int i) {
                                            if (i == 5) throw std::out_of_range("void");
                                        }),
                                        numbers),
                                    std::out_of_range);
                    CHECK(run(delayed(fails_at_7), std::views::iota(0, 3)) == std::vector{0, 1, 2});
                }
                CHECK_THROWS_AS(run(delayed([](int i) -> int { throw i; }), numbers), int);
            });
    }

    SECTION("of two tasks that fail the one that comes first is reported, whichever failed first") {
        if (backend.its().tasks_can_wait_for_one_another)
            each_way(backend, {.n_jobs = 2}, [](const auto& run) {
                const shared_counters failed;
                const auto task = [&](int i) {
                    if (i == 0)
                        while (failed[0] == 0) std::this_thread::yield();
                    failed[0] = 1;
                    // On processes the first to fail is known before the other can be: so both are, or that one.
                    if (i == 0) throw std::runtime_error("first");
                    while (failed[1] == 1) std::this_thread::yield();
                    throw std::runtime_error("second");
                };
                const auto outcomes = run.outcomes(delayed(task), std::views::iota(0, 2));
                CHECK(outcomes[0].error().what == "first");
                CHECK(outcomes[1].error().what == "second");
            });
        if (backend.its().tasks_can_wait_for_one_another && backend.its().shares_memory)
            each_way(backend, {.n_jobs = 2}, [](const auto& run) {
                const shared_counters there;
                const auto task = [&](int i) {
                    ++there[0];
                    while (there[0] < 2) std::this_thread::yield();
                    if (i == 0)
                        while (there[1] == 0) std::this_thread::yield();
                    there[1] = 1;
                    throw std::runtime_error(i == 0 ? "first" : "second");
                };
                CHECK_THROWS_WITH(run(delayed(task), std::views::iota(0, 2)), "first");
            });
    }

    SECTION("when the exception arrives nothing runs any more, and no further task has started") {
        for (const int n_jobs : {1, 2, 4})
            each_way(backend, {.n_jobs = n_jobs}, [&](const auto& run) {
                const shared_counters counts;
                auto& started = counts[0];
                auto& running = counts[1];
                const auto task = [&](int i) {
                    ++started;
                    ++running;
                    if (i > 0) usleep(1'000);
                    --running;
                    if (i == 0) throw std::runtime_error("zero");
                };
                for (const bool indexed : {true, false}) {
                    started = running = 0;
                    if (indexed)
                        CHECK_THROWS_WITH(run(delayed(task), std::views::iota(0, 10'000)), containing("zero"));
                    else
                        CHECK_THROWS_WITH(run(delayed(task), generate(10'000, once)), containing("zero"));
                    if (backend.its().shares_memory)
                        CHECK(running == 0);
                    else
                        CHECK_FALSE(has_children());
                    const int then = started;
                    CHECK(then < 5'000);
                    usleep(3'000);
                    CHECK(started == then);
                }
            });
    }

    SECTION("with outcomes every task runs, and there is an account of each that failed") {
        for (const int n_jobs : {1, 2, 5})
            each_way(backend, {.n_jobs = n_jobs}, [&](const auto& run) {
                const auto fails_on_thirds = [](int i) {
                    if (i % 3 == 0) throw std::out_of_range("task " + std::to_string(i));
                    return i;
                };
                const auto check_all = [&](const auto& outcomes) {
                    REQUIRE(outcomes.size() == 200);
                    int right = 0;
                    for (std::size_t i = 0; i < 200; ++i) {
                        const auto& each = outcomes[i];
                        if (i % 3 != 0) {
                            right += each && *each == int(i);
                            continue;
                        }
                        right += !each && each.error().index == i && each.error().worker >= 0 &&
                                 each.error().worker < n_jobs && each.error().attempts == 1 &&
                                 each.error().type == "std::out_of_range" &&
                                 each.error().what == "task " + std::to_string(i);
                    }
                    CHECK(right == 200);
                    CHECK_THROWS_AS(outcomes[3].value(), std::out_of_range);
                    CHECK_THAT(outcomes[3].error().message(),
                               starting_with("task 3 failed on tested backend (worker "));
                };
                check_all(run.outcomes(delayed(fails_on_thirds), std::views::iota(0, 200)));
                check_all(run.outcomes(delayed(fails_on_thirds), generate(200, once)));
                const auto [bad, good] = run.outcomes(delayed(fails_on_thirds)(3), delayed(fails_on_thirds)(4));
                CHECK(!bad);
                CHECK(good.value() == 4);
            });
    }

    SECTION("input that breaks ends the call with its own exception, and what was claimed is finished") {
        for (const int n_jobs : {1, 3})
            each_way(backend, {.n_jobs = n_jobs}, [](const auto& run) {
                const auto breaks_at_19 = [](int i) {
                    if (i == 19) throw std::length_error("no more input");
                    return i;
                };
                CHECK_THROWS_AS(run(delayed(once), generate(50, breaks_at_19)), std::length_error);
                CHECK_THROWS_AS(run.outcomes(delayed(once), generate(50, breaks_at_19)), std::length_error);
                const auto indexed = std::views::iota(0, 50) | std::views::transform(breaks_at_19);
                CHECK_THROWS_AS(run(delayed(once), indexed), std::length_error);
                CHECK(run.outcomes(delayed(once), indexed)[19].error().type == "std::length_error");
                CHECK(run(delayed(once), std::views::iota(0, 3)) == std::vector{0, 1, 2});
            });
    }
}

}  // namespace backend_suite

// A task that throws: the exception itself arrives, that of the first task that failed, when nothing runs any more.
#include <fanout/front/parallel.hpp>

#include <atomic>
#include <barrier>
#include <chrono>
#include <latch>
#include <ranges>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "catch.hpp"
#include "support/each_backend.hpp"
#include "support/generator.hpp"
#include "support/in_flight.hpp"
#include "support/matchers.hpp"

using fanout::delayed, fanout::parallel;

namespace {

struct not_a_std_exception {
    int code;
};

}  // namespace

TEST_CASE("the exception of a task arrives in its own type and with its own text", "[errors]") {
    on_each_backend({.n_jobs = 2}, [](const auto& run) {  // joblib T16, T18
        const auto fails_at_7 = [](int i) {
            if (i == 7) throw std::domain_error("seven");
            return i;
        };
        CHECK_THROWS_AS(run(delayed(fails_at_7), std::views::iota(0, 30)), std::domain_error);
        CHECK_THROWS_WITH(run(delayed(fails_at_7), std::views::iota(0, 30)), "seven");
        CHECK_THROWS_AS(run(std::views::iota(0, 30) | std::views::transform(delayed(fails_at_7))), std::domain_error);
        CHECK_THROWS_AS(run(delayed(fails_at_7), generate(30, [](int i) { return i; })), std::domain_error);
        CHECK_THROWS_AS(run(delayed(fails_at_7)(1), delayed(fails_at_7)(7)), std::domain_error);
        CHECK(run(delayed(fails_at_7), std::views::iota(0, 3)) == std::vector{0, 1, 2});
    });
}

TEST_CASE("anything can be thrown", "[errors]") {
    on_each_backend({.n_jobs = 2}, [](const auto& run) {
        const auto thrower = [](int kind) -> int {
            if (kind == 0) throw 42;
            if (kind == 1) throw "text";
            if (kind == 2) throw std::string("string");
            if (kind == 3) throw not_a_std_exception{17};
            return kind;
        };
        const auto one = [&](int kind) { return run(delayed(thrower), std::views::iota(kind, kind + 1)); };
        CHECK_THROWS_AS(one(0), int);
        CHECK_THROWS_AS(one(1), const char*);
        CHECK_THROWS_AS(one(2), std::string);
        CHECK_THROWS_AS(one(3), not_a_std_exception);

        const auto outcomes = run.outcomes(delayed(thrower), std::views::iota(0, 5));
        const auto is = [&](std::size_t i, const std::string& type, const std::string& what) {
            return outcomes[i].error().type == type && outcomes[i].error().what == what;
        };
        CHECK(is(0, "int", "42"));
        CHECK(is(1, "char const*", "text"));
        CHECK(is(2, "std::string", "string"));
        CHECK_THAT(outcomes[3].error().type, ending_with("not_a_std_exception"));
        CHECK_FALSE(outcomes[3].error().what.empty());
        CHECK_THROWS_AS(outcomes[3].value(), not_a_std_exception);
        CHECK(outcomes[4].value() == 4);
    });
}

TEST_CASE("of several failed tasks the one that comes first in the input is reported, whichever failed first",
          "[errors]") {
    on_threads({.n_jobs = 2}, [](const auto& run) {
        std::latch both_run(2);
        std::latch second_failed(1);
        const auto task = [&](int i) {
            both_run.arrive_and_wait();
            if (i == 0) second_failed.wait();  // so 0 fails after 1 has
            if (i == 1) second_failed.count_down();
            throw std::runtime_error(std::to_string(i));
        };
        CHECK_THROWS_WITH(run(delayed(task), std::views::iota(0, 2)), "0");
    });
    on_threads({.n_jobs = 2}, [](const auto& run) {
        std::latch both_run(2);
        const auto task = delayed([&](int i) {
            both_run.arrive_and_wait();
            throw std::runtime_error(std::to_string(i));
        });
        CHECK_THROWS_WITH(run(task(0), task(1)), "0");
    });
}

TEST_CASE("no task starts after one has failed", "[errors]") {
    on_each_backend({.n_jobs = 2}, [](const auto& run) {
        std::atomic<int> started = 0;
        const auto task = [&](std::stop_token told, int i) {
            ++started;
            if (i == 0) throw std::runtime_error("first");
            while (!told.stop_requested()) std::this_thread::yield();
        };
        CHECK_THROWS_WITH(run(delayed(task), std::views::iota(0, 50)), "first");
        CHECK_THROWS_WITH(run(delayed(task), generate(1000, [](int i) { return i; })), "first");
        CHECK(started <= 2 * 2);  // in each call that one, and the one beside it
    });
    std::vector<int> started;
    const auto fails_at_3 = [&](int i) {
        started.push_back(i);
        if (i == 3) throw std::runtime_error("three");
    };
    CHECK_THROWS(parallel(1)(delayed(fails_at_3), std::views::iota(0, 10)));
    CHECK(started == std::vector{0, 1, 2, 3});
}

TEST_CASE("what was running has finished when the exception arrives", "[errors]") {
    for (int round = 0; round < 20; ++round)
        on_threads({.n_jobs = 4}, [](const auto& run) {
            in_flight tasks;
            std::latch all_run(4);
            const auto task = [&](int i) {
                const in_flight::guard running(tasks);
                all_run.arrive_and_wait();
                if (i == 2) throw std::runtime_error("two");
                std::this_thread::sleep_for(std::chrono::milliseconds(1));
            };
            REQUIRE_THROWS_WITH(run(delayed(task), std::views::iota(0, 4)), "two");
            REQUIRE(tasks.now() == 0);
            REQUIRE(tasks.most() == 4);
        });
}

TEST_CASE("every task may throw at once", "[errors]") {
    on_threads({.n_jobs = 8}, [](const auto& run) {
        for (int round = 0; round < 20; ++round) {
            std::barrier all_run(8);
            const auto task = [&](int i) -> int {
                all_run.arrive_and_wait();
                throw std::out_of_range(std::to_string(i));
            };
            REQUIRE_THROWS_WITH(run(delayed(task), std::views::iota(0, 8)), "0");
            const auto outcomes = run.outcomes(delayed(task), std::views::iota(0, 64));
            for (std::size_t i = 0; i < 64; ++i) {
                REQUIRE(outcomes[i].error().index == i);
                REQUIRE(outcomes[i].error().what == std::to_string(i));
            }
        }
    });
}

TEST_CASE("outcomes keep what every task became, whatever became of the others", "[errors][outcomes]") {
    on_each_backend({.n_jobs = 2}, [](const auto& run) {
        const auto fails_on_multiples_of_three = [](int i) {
            if (i % 3 == 0) throw std::out_of_range("task " + std::to_string(i));
            return i;
        };
        const auto outcomes = run.outcomes(delayed(fails_on_multiples_of_three), std::views::iota(0, 1000));
        REQUIRE(outcomes.size() == 1000);
        int as_expected = 0;
        for (int i = 0; i < 1000; ++i) {
            const auto& each = outcomes[static_cast<std::size_t>(i)];
            if (i % 3 != 0)
                as_expected += each && *each == i;
            else
                as_expected += !each && each.error().index == static_cast<std::size_t>(i) &&
                               each.error().what == "task " + std::to_string(i) && each.error().attempts == 1;
        }
        CHECK(as_expected == 1000);
    });
}

TEST_CASE("a failure says on what and by which worker the task was run", "[errors][outcomes]") {
    const auto fails = [](int) { throw std::domain_error("no"); };
    const auto message = [](const auto& outcomes) { return outcomes[0].error().message(); };
    CHECK(message(parallel(1, fanout::sequential{}).outcomes(delayed(fails), std::vector{1})) ==
          "task 0 failed on sequential (worker 0): std::domain_error: no");
    CHECK(message(parallel(1).outcomes(delayed(fails), std::vector{1})) ==
          "task 0 failed on threads (worker 0): std::domain_error: no");

    std::barrier both_run(2);
    const auto both_fail = [&](int) {
        both_run.arrive_and_wait();
        throw std::domain_error("no");
    };
    const auto outcomes = parallel(2).outcomes(delayed(both_fail), std::views::iota(0, 2));
    CHECK(outcomes[0].error().worker + outcomes[1].error().worker == 1);  // 0 is the caller, 1 the other
}

TEST_CASE("the failure that ended a call is not hidden by a task that was told to stop because of it", "[errors]") {
    on_threads({.n_jobs = 2}, [](const auto& run) {
        std::latch both_run(2);
        const auto task = [&](std::stop_token told, int i) {
            both_run.arrive_and_wait();
            if (i == 1) throw std::domain_error("the cause");
            while (!told.stop_requested()) std::this_thread::yield();
            throw std::runtime_error("told to stop");
        };
        CHECK_THROWS_WITH(run(delayed(task), std::views::iota(0, 2)), "the cause");
    });
}

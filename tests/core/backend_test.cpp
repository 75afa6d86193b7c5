// Tests of backend.hpp: any class with a `run` is a backend, and one that does not keep its promises is found out.
#include <fanout/core/backend.hpp>
#include <fanout/front/parallel.hpp>

#include <chrono>
#include <functional>
#include <optional>
#include <ranges>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <tuple>
#include <vector>

#include "catch.hpp"
#include "support/generator.hpp"
#include "support/matchers.hpp"
#include "support/two_threads.hpp"

using fanout::delayed, fanout::job, fanout::parallel, fanout::task_range;

namespace {

/// Claims tasks and does not run them all.
struct forgetful {
    static constexpr const char* name = "forgetful";
    void run(job& work, int) const {
        if (const task_range tasks = work.claim(3)) work.run({tasks.first, tasks.first + 1}, 0);
    }
};

struct as_worker {
    static constexpr const char* name = "miscounting";
    int number;
    void run(job& work, int) const {
        while (const task_range tasks = work.claim(1)) work.run(tasks, number);
    }
};

/// Claims once, and runs that.
struct leaves_input_unread {
    static constexpr const char* name = "impatient";
    void run(job& work, int) const {
        if (const task_range tasks = work.claim(1)) work.run(tasks, 0);
    }
};

/// Runs ranges with nothing in them, before the first claim and after the last, and claims nothing in between.
struct pedantic {
    void run(job& work, int) const {
        work.run({}, 0);
        CHECK_FALSE(work.claim(0));
        while (const task_range tasks = work.claim(2)) {
            work.run({tasks.first, tasks.first}, 0);
            work.run(tasks, 0);
            work.run({tasks.last, tasks.last}, 0);
        }
        work.run({}, 0);
    }
};

struct gives_up {
    void run(job& work, int) const {
        if (const task_range tasks = work.claim(1)) work.run(tasks, 0);
        throw std::domain_error("no more machines");
    }
};

/// Claims ten at a time and runs them in two parts.
struct in_parts {
    void run(job& work, int) const {
        while (const task_range tasks = work.claim(10)) {
            const std::size_t middle = tasks.first + tasks.size() / 2;
            work.run({tasks.first, middle}, 0);
            work.run({middle, tasks.last}, 0);
        }
    }
};

/// Notes what it is told about the job.
struct curious {
    std::optional<std::size_t>* size;
    std::optional<std::size_t>* batch_size;
    int* n_jobs;
    void run(job& work, int jobs) const {
        *size = work.size();
        *batch_size = work.batch_size();
        *n_jobs = jobs;
        while (const task_range tasks = work.claim(1)) work.run(tasks, 0);
    }
};

const auto same = [](int i) { return i; };

}  // namespace

TEST_CASE("a range of tasks knows its size, and whether it is empty", "[backend]") {
    CHECK_FALSE(task_range());
    CHECK_FALSE(task_range{3, 3});
    CHECK(task_range{3, 5});
    CHECK(task_range{3, 5}.size() == 2);
}

TEST_CASE("a class needs a run, and nothing else, to be a backend", "[backend]") {
    STATIC_REQUIRE(fanout::runs_jobs<two_threads>);
    STATIC_REQUIRE(fanout::runs_jobs<fanout::threads>);
    STATIC_REQUIRE_FALSE(fanout::runs_jobs<int>);
    STATIC_REQUIRE(fanout::keeps_workers<fanout::threads>);
    STATIC_REQUIRE_FALSE(fanout::keeps_workers<two_threads>);
    CHECK(fanout::detail::backend_name<two_threads>() == std::string("two_threads"));
    CHECK(fanout::detail::backend_name<in_parts>() == std::string("your backend"));
}

TEST_CASE("a user's own backend runs every form of a call", "[backend]") {
    for (const int n_jobs : {1, 2}) {
        const auto kept = parallel(n_jobs, two_threads{});
        std::vector<int> expected(100);
        for (int i = 0; i < 100; ++i) expected[static_cast<std::size_t>(i)] = i;
        CHECK(kept(delayed(same), std::views::iota(0, 100)) == expected);
        CHECK(parallel(n_jobs, two_threads{})(delayed(same), generate(100, same)) == expected);
        CHECK(kept(expected | std::views::transform(delayed(same))) == expected);
        CHECK(kept(delayed(same)(1), delayed(same)(2)) == std::tuple(1, 2));
        const auto fails_at_3 = [](int i) {
            if (i == 3) throw std::domain_error("three");
            return i;
        };
        CHECK_THROWS_WITH(kept(delayed(fails_at_3), expected), "three");
        const auto outcomes = kept.outcomes(delayed(fails_at_3), expected);
        CHECK(outcomes[2].value() == 2);
        CHECK_THAT(outcomes[3].error().message(), starting_with("task 3 failed on two_threads (worker "));
        CHECK_THROWS_AS(parallel({.n_jobs = n_jobs, .timeout = std::chrono::milliseconds(5)}, two_threads{})(
                            delayed([](std::stop_token told, int) {
                                while (!told.stop_requested()) {
                                }
                            }),
                            std::views::iota(0, 2)),
                        fanout::task_timeout);
    }
}

TEST_CASE("a backend that forgets tasks is found out", "[backend][errors]") {
    CHECK_THROWS_AS(parallel(2, forgetful{})(delayed(same), std::views::iota(0, 5)), std::logic_error);
    CHECK_THROWS_WITH(
        parallel(2, forgetful{})(delayed(same), std::views::iota(0, 5)),
        "fanout: the backend (forgetful) returned when 1 of 5 tasks had run; its run() must claim and run "
        "tasks until claim() comes back empty");
    CHECK_THROWS_AS(parallel(2, forgetful{})(delayed([](int) {}), std::views::iota(0, 5)), std::logic_error);
    CHECK_THROWS_AS(parallel(2, forgetful{})(delayed(same), generate(5, same)), std::logic_error);
    CHECK_THROWS_AS(parallel(2, forgetful{})(delayed(same)(1), delayed(same)(2)), std::logic_error);
    CHECK_THROWS_AS(parallel(2, forgetful{}).outcomes(delayed(same), std::views::iota(0, 5)), std::logic_error);
}

TEST_CASE("a backend that leaves input unread is found out, though every task that it claimed has run",
          "[backend][errors]") {
    CHECK_THROWS_WITH(parallel(2, leaves_input_unread{})(delayed(same), generate(5, same)),
                      "fanout: the backend (impatient) returned when the input had not ended; its run() must claim and "
                      "run tasks until claim() comes back empty");
}

TEST_CASE("a worker with a number that the call does not have is the backend's mistake", "[backend][errors]") {
    for (const int wrong : {99, 2, -1}) {
        const as_worker backend{wrong};
        const std::string text = "fanout: the backend (miscounting) ran tasks as worker " + std::to_string(wrong) +
                                 "; workers are numbered from 0 to n_jobs - 1, here 1";
        for (const bool watched : {false, true}) {
            const fanout::options wishes{.n_jobs = 2, .summarize = watched};
            CHECK_THROWS_WITH(parallel(wishes, backend)(delayed(same), std::views::iota(0, 5)), text);
            CHECK_THROWS_WITH(parallel(wishes, backend)(delayed(same)(1), delayed(same)(2)), text);
            CHECK_THROWS_WITH(parallel(wishes, backend).reduce(0, std::plus(), delayed(same), generate(5, same)), text);
            const auto read_all = [](auto stream) {
                for (const int i : stream) static_cast<void>(i);
            };
            CHECK_THROWS_WITH(read_all(parallel(wishes, backend).stream(delayed(same), std::views::iota(0, 5))), text);
        }
    }
}

TEST_CASE("a backend may claim and run nothing at all now and then", "[backend]") {
    const std::vector<int> expected{0, 1, 2, 3, 4};
    CHECK(parallel(2, pedantic{})(delayed(same), std::views::iota(0, 5)) == expected);
    CHECK(parallel(2, pedantic{})(delayed(same), generate(5, same)) == expected);
    CHECK(parallel(2, pedantic{})(delayed(same)(0), delayed(same)(1)) == std::tuple(0, 1));
}

TEST_CASE("an exception of the backend's own reaches the caller", "[backend][errors]") {
    CHECK_THROWS_AS(parallel(2, gives_up{})(delayed(same), std::views::iota(0, 5)), std::domain_error);
    CHECK_THROWS_AS(parallel(2, gives_up{})(delayed(same), generate(5, same)), std::domain_error);
}

TEST_CASE("a backend may run what it has claimed in parts", "[backend]") {
    const auto numbers = std::views::iota(0, 95);
    const auto indexed = parallel(2, in_parts{})(delayed(same), numbers);
    const auto read_once = parallel(2, in_parts{})(delayed(same), generate(95, same));
    const auto windowed = parallel({.pre_dispatch = 7}, in_parts{})(delayed(same), generate(95, same));
    REQUIRE(indexed.size() == 95);
    for (int i = 0; i < 95; ++i) CHECK(indexed[static_cast<std::size_t>(i)] == i);
    CHECK(read_once == indexed);
    CHECK(windowed == indexed);
}

TEST_CASE("a backend is told the size if it is known, the batch size if it is given, and n_jobs", "[backend]") {
    std::optional<std::size_t> size;
    std::optional<std::size_t> batch_size;
    int n_jobs = 0;
    const curious backend{&size, &batch_size, &n_jobs};
    parallel(3, backend)(delayed(same), std::views::iota(0, 5));
    CHECK(size == 5U);
    CHECK_FALSE(batch_size);
    CHECK(n_jobs == 3);
    parallel({.n_jobs = -1, .batch_size = 4}, backend)(delayed(same), generate(5, same));
    CHECK_FALSE(size);
    CHECK(batch_size == 4U);
    CHECK(n_jobs == fanout::cpu_count());
}

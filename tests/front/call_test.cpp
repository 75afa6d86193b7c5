// Tests of call.hpp: what is the same for every kind of job, seen through one written by hand.
#include <fanout/front/call.hpp>

#include <chrono>
#include <cstddef>
#include <optional>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "catch.hpp"
#include "support/matchers.hpp"

using fanout::options, fanout::task_range, fanout::detail::call, fanout::detail::call_plan;

namespace {

/// Runs `task(i)` for 0 to size - 1, and remembers which failed.
template <bool TakesToken, class Task>
class numbered_tasks final : public call<TakesToken> {
public:
    numbered_tasks(const call_plan& plan, std::size_t size, Task task)
        : call<TakesToken>(plan, size), task_(std::move(task)) {}

    task_range claim(std::size_t most) noexcept override {
        if (this->stopping()) return {};
        const std::size_t first = claimed_;
        claimed_ = most < *this->size() - first ? first + most : *this->size();
        return {first, claimed_};
    }

    std::size_t unclaimed() const noexcept override { return *this->size() - claimed_; }

    void run(task_range tasks, int worker) noexcept override {
        this->run_each(
            tasks, worker, [&](std::size_t i, const auto& call_with) { call_with(task_, i); },
            [&](std::size_t i) {
                failures.push_back(this->describe_failure(i, worker).message());
                if (ends_at_failure) this->end_with_failure(i);
            });
    }

    using call<TakesToken>::require_finished;

    std::vector<std::string> failures;
    bool ends_at_failure = false;

private:
    Task task_;
    std::size_t claimed_ = 0;
};

template <bool TakesToken = false, class Task>
auto tasks(const call_plan& plan, std::size_t size, Task task) {
    return numbered_tasks<TakesToken, Task>(plan, size, std::move(task));
}

/// Claims and runs all, in chunks of this size.
struct in_chunks {
    std::size_t size;
    void run(fanout::job& work, int) const {
        while (const task_range chunk = work.claim(size)) work.run(chunk, 0);
    }
};

}  // namespace

TEST_CASE("a job runs every task of its ranges, in order", "[call]") {
    const options wishes;
    const call_plan plan{wishes, 1, "test"};
    std::vector<std::size_t> seen;
    auto work = tasks(plan, 10, [&](std::size_t i) { seen.push_back(i); });
    work.finish_through(in_chunks{4});
    CHECK(seen == std::vector<std::size_t>{0, 1, 2, 3, 4, 5, 6, 7, 8, 9});
    CHECK_NOTHROW(work.require_finished(10));
    CHECK_THROWS_AS(work.require_finished(11), std::logic_error);
}

TEST_CASE("tasks behind a failed one in the same range are run, if the job goes on", "[call][errors]") {
    const options wishes;
    const call_plan plan{wishes, 1, "test"};
    int ran = 0;
    auto work = tasks(plan, 10, [&](std::size_t i) {
        ++ran;
        if (i % 4 == 1) throw std::domain_error("no");
    });
    CHECK_NOTHROW(work.finish_through(in_chunks{10}));
    CHECK(ran == 10);
    CHECK(work.failures == std::vector<std::string>{"task 1 failed on test (worker 0): std::domain_error: no",
                                                    "task 5 failed on test (worker 0): std::domain_error: no",
                                                    "task 9 failed on test (worker 0): std::domain_error: no"});
    CHECK_NOTHROW(work.require_finished(10));
}

TEST_CASE("they are left out if the failure ends the job, and the failure is thrown", "[call][errors]") {
    const options wishes;
    const call_plan plan{wishes, 1, "test"};
    int ran = 0;
    auto work = tasks(plan, 10, [&](std::size_t i) {
        ++ran;
        if (i == 2) throw std::domain_error("two");
    });
    work.ends_at_failure = true;
    CHECK_THROWS_WITH(work.finish_through(in_chunks{10}), "two");
    CHECK(ran == 3);
    CHECK(work.stopping());
}

TEST_CASE("a job takes its batch size from the options", "[call]") {
    const options unset;
    const options ten{.batch_size = 10};
    const call_plan plan_unset{unset, 1, "test"};
    const call_plan plan_ten{ten, 1, "test"};
    CHECK_FALSE(tasks(plan_unset, 1, [](std::size_t) {}).batch_size());
    CHECK(tasks(plan_ten, 1, [](std::size_t) {}).batch_size() == 10U);
    CHECK(tasks(plan_ten, 7, [](std::size_t) {}).size() == 7U);
}

TEST_CASE("a stopped job says how far it came", "[call][stop]") {
    std::stop_source source;
    const options wishes{.stop = source.get_token()};
    const call_plan plan{wishes, 1, "test"};
    auto work = tasks(plan, 10, [&](std::size_t i) {
        if (i == 3) source.request_stop();
    });
    CHECK_THROWS_WITH(work.finish_through(in_chunks{2}), "fanout: the call was stopped after 4 of 10 tasks");
}

TEST_CASE("a job whose function takes a token gives each task one that is its own", "[call][stop]") {
    const options wishes;
    const call_plan plan{wishes, 1, "test"};
    int possible = 0;
    auto work = tasks<true>(plan, 5, [&](std::stop_token told, std::size_t) {
        possible += told.stop_possible() && !told.stop_requested();
    });
    work.finish_through(in_chunks{1});
    CHECK(possible == 5);
}

TEST_CASE("a task that overran its time says how long it ran and on what", "[call][timeout]") {
    const options wishes{.timeout = std::chrono::nanoseconds(1)};
    const call_plan plan{wishes, 1, "test"};
    auto work = tasks(plan, 1, [](std::size_t) { std::this_thread::yield(); });
    work.finish_through(in_chunks{1});
    REQUIRE(work.failures.size() == 1);
    CHECK_THAT(work.failures[0], containing("fanout::task_timeout: ran for "));
    CHECK_THAT(work.failures[0], containing("on test (worker 0), longer than the timeout of "));
}

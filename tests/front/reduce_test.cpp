// Tests of reduce.hpp: results combined as they come, in the order of the input.
#include <fanout/fanout.hpp>
#include <fanout/front/reduce.hpp>

#include <atomic>
#include <functional>
#include <latch>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <ranges>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "catch.hpp"
#include "support/counted.hpp"
#include "support/generator.hpp"
#include "support/on_all_backends.hpp"

using fanout::delayed, fanout::parallel, fanout::processes, fanout::sequential, fanout::threads;

namespace {

const auto text_of = delayed([](int i) { return std::to_string(i); });
const auto append = [](std::string so_far, const std::string& next) { return so_far + next + ","; };

std::string texts(int size) {
    std::string expected;
    for (int i = 0; i < size; ++i) expected += std::to_string(i) + ",";
    return expected;
}

}  // namespace

TEST_CASE("results are combined in the order of the input", "[reduce]") {
    on_all_backends([](int n_jobs, auto backend) {
        const auto run = parallel(n_jobs, backend);
        CHECK(run.reduce(std::string(), append, text_of, std::views::iota(0, 300)) == texts(300));
        CHECK(run.reduce(std::string(), append, text_of, generate(300, [](int i) { return i; })) == texts(300));
        CHECK(parallel(n_jobs, backend).reduce(std::string("none"), append, text_of, std::vector<int>()) == "none");
        const auto calls = std::views::iota(0, 20) | std::views::transform(text_of);
        CHECK(run.reduce(std::string(), append, calls) == texts(20));
    });
}

TEST_CASE("a sum of fractions is the same to the last bit, whoever computes it", "[reduce]") {
    const auto fraction = delayed([](int i) { return 1.0 / (1 + i % 977); });
    const auto numbers = std::views::iota(0, 20'000);
    double expected = 0.1;
    for (const int i : numbers) expected += fraction.function()(i);
    on_all_backends([&](int n_jobs, auto backend) {
        if (std::is_same_v<decltype(backend), processes> && n_jobs > 2) return;  // a task costs some microseconds
        CHECK(parallel(n_jobs, backend).reduce(0.1, std::plus<>(), fraction, numbers) == expected);
        const fanout::options small{.n_jobs = n_jobs, .batch_size = 3, .pre_dispatch = 10};
        CHECK(parallel(small, backend).reduce(0.1, std::plus<>(), fraction, numbers | std::views::take(1000)) ==
              parallel(sequential{}).reduce(0.1, std::plus<>(), fraction, numbers | std::views::take(1000)));
    });
}

TEST_CASE("what is combined may be of another type than the results, and movable only", "[reduce]") {
    const auto by_length = parallel(2).reduce(
        std::map<std::size_t, int>(),
        [](std::map<std::size_t, int>&& so_far, const std::string& next) {
            ++so_far[next.size()];
            return std::move(so_far);
        },
        text_of, std::views::iota(0, 1000));
    CHECK(by_length == std::map<std::size_t, int>{{1, 10}, {2, 90}, {3, 900}});

    const auto chain = parallel(2).reduce(
        std::make_unique<std::vector<int>>(),
        [](auto so_far, std::unique_ptr<int> next) {
            so_far->push_back(*next);
            return so_far;
        },
        delayed([](int i) { return std::make_unique<int>(i); }), std::views::iota(0, 100));
    REQUIRE(chain->size() == 100);
    for (int i = 0; i < 100; ++i) REQUIRE((*chain)[static_cast<std::size_t>(i)] == i);

    int ran = 0;
    const auto count = [&](int, fanout::nothing) { return ++ran; };
    CHECK(parallel(2).reduce(0, count, delayed([](int) {}), std::views::iota(0, 10)) == 10);
    CHECK(ran == 10);
}

TEST_CASE("no more results are kept than two chunks for each job", "[reduce]") {
    std::atomic<int> most = 0;
    const int sum = parallel({.n_jobs = 2, .batch_size = 5})
                        .reduce(
                            0,
                            [&](int so_far, const counted& next) {
                                if (counted::alive > most) most = counted::alive.load();
                                return so_far + next.value % 2;
                            },
                            delayed([](int i) { return counted(i); }), std::views::iota(0, 20'000));
    CHECK(sum == 10'000);
    CHECK(most <= 4 * 5 + 5 + 2 * 2);
    CHECK(counted::alive == 0);
}

TEST_CASE("one at a time combines, though a slow task is in the way of the others", "[reduce]") {
    std::atomic<int> at_it = 0;
    std::atomic<int> ran = 0;
    const auto digits = parallel({.n_jobs = 2, .batch_size = 1})
                            .reduce(
                                std::string(),
                                [&](std::string so_far, int next) {
                                    if (++at_it != 1) throw std::logic_error("two at once");
                                    so_far += static_cast<char>('a' + next);
                                    --at_it;
                                    return so_far;
                                },
                                delayed([&](int i) {
                                    while (i == 0 && ran < 3) std::this_thread::yield();
                                    return ++ran, i;
                                }),
                                std::views::iota(0, 26));
    CHECK(digits == "abcdefghijklmnopqrstuvwxyz");
}

TEST_CASE("the first exception in the input ends a reduction, nothing behind it is combined", "[reduce]") {
    on_all_backends([](int n_jobs, auto backend) {
        int last = -1;
        const auto sum = [&](int so_far, int next) {
            last = next;
            return so_far + next;
        };
        const auto fails = delayed([](int i) { return i >= 40 ? throw std::domain_error(std::to_string(i)) : i; });
        CHECK_THROWS_WITH(parallel(n_jobs, backend).reduce(0, sum, fails, std::views::iota(0, 1000)), "40");
        CHECK(last == 39);
    });
}

TEST_CASE("tasks behind the first exception are told to stop once all before it are combined", "[reduce]") {
    std::latch second_runs(1);
    const auto fails = delayed([&](std::stop_token told, int i) {
        if (i == 0) {
            second_runs.wait();
            throw std::domain_error("zero");
        }
        second_runs.count_down();
        while (!told.stop_requested()) std::this_thread::yield();
        return i;
    });
    CHECK_THROWS_WITH(parallel({.n_jobs = 2, .batch_size = 1}).reduce(0, std::plus<>(), fails, std::views::iota(0)),
                      "zero");
}

TEST_CASE("an exception of the combining function ends a reduction", "[reduce]") {
    on_all_backends([](int n_jobs, auto backend) {
        const auto picky = [](int so_far, int next) {
            return next == 17 ? throw std::range_error("no seventeen") : so_far + next;
        };
        const auto same = delayed([](int i) { return i; });
        CHECK_THROWS_WITH(parallel(n_jobs, backend).reduce(0, picky, same, std::views::iota(0)), "no seventeen");
    });
}

TEST_CASE("a reduction can be stopped", "[reduce]") {
    std::stop_source stop;
    const auto count = [&](int so_far, int) {
        if (so_far == 100) stop.request_stop();
        return so_far + 1;
    };
    const auto same = delayed([](int i) { return i; });
    CHECK_THROWS_AS(parallel({.n_jobs = 2, .stop = stop.get_token()}).reduce(0, count, same, std::views::iota(0)),
                    fanout::cancelled);
}

TEST_CASE("reductions inside of tasks, and several at once", "[reduce]") {
    const auto same = delayed([](int i) { return i; });
    const auto run = parallel(2);
    const auto sums = run(delayed([&](int n) { return run.reduce(0, std::plus<>(), same, std::views::iota(0, n)); }),
                          std::views::iota(0, 50));
    for (int n = 0; n < 50; ++n) REQUIRE(sums[static_cast<std::size_t>(n)] == n * (n - 1) / 2);
}

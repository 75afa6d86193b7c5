// Tests of longest_first.hpp: what costs most is begun first, and nothing else changes.
#include <fanout/front/longest_first.hpp>

#include <fanout/fanout.hpp>

#include <unistd.h>

#include <cmath>
#include <cstdlib>
#include <limits>
#include <numeric>
#include <random>
#include <ranges>
#include <stdexcept>
#include <string>
#include <vector>

#include "catch.hpp"
#include "support/matchers.hpp"

using fanout::backend, fanout::delayed, fanout::parallel, fanout::processes, fanout::sequential;

namespace {

std::vector<double> begun_with_costs(const std::vector<double>& costs) {
    std::vector<double> begun;
    parallel(1, sequential{})(
        delayed([&](double cost) { begun.push_back(cost); }).longest_first([](double cost) { return cost; }), costs);
    return begun;
}

template <class Check>
void on_all_backends(const Check& check) {
    for (const char* name : {"sequential", "threads", "processes"}) {
        INFO(name);
        check(backend(name));
    }
}

}  // namespace

TEST_CASE("tasks are begun in the order of their cost, equal ones in that of the input", "[longest_first]") {
    CHECK(begun_with_costs({1, 3, 2}) == std::vector<double>{3, 2, 1});
    CHECK(begun_with_costs({}).empty());

    std::vector<std::size_t> begun;
    const std::vector<std::string> words{"a", "ccc", "bb", "ddd", "b", "c"};
    parallel(1, sequential{})(delayed([&](const std::string& word) {
                                  begun.push_back(static_cast<std::size_t>(&word - words.data()));
                              }).longest_first(&std::string::size),
                              words);
    CHECK(begun == std::vector<std::size_t>{1, 3, 2, 0, 4, 5});
}

TEST_CASE("any number of random costs is sorted", "[longest_first]") {
    std::mt19937 random(7);
    for (const std::size_t size : {1u, 2u, 3u, 7u, 64u, 1000u, 1025u}) {
        std::vector<double> costs(size);
        for (double& each : costs) each = static_cast<double>(random() % 50);
        const auto begun = begun_with_costs(costs);
        REQUIRE(begun.size() == size);
        for (std::size_t i = 1; i < size; ++i) REQUIRE(begun[i - 1] >= begun[i]);
    }
}

TEST_CASE("costs that are not numbers come last, and break nothing", "[longest_first][bad-input]") {
    const double nan = std::numeric_limits<double>::quiet_NaN();
    const auto begun = begun_with_costs({nan, 1, nan, 3, 2, nan});
    REQUIRE(begun.size() == 6);
    CHECK(std::vector(begun.begin(), begun.begin() + 3) == std::vector<double>{3, 2, 1});
    CHECK(std::isnan(begun[3]));
}

TEST_CASE("results stay in the order of the input, flat ones and written ones", "[longest_first]") {
    on_all_backends([](const auto& on) {
        for (const int n_jobs : {1, 2, 3}) {
            std::vector<int> numbers(1000);
            for (std::size_t i = 0; i < numbers.size(); ++i) numbers[i] = static_cast<int>(i * 7919 % 1000);
            const auto itself = [](int i) { return i; };
            CHECK(parallel(n_jobs, on)(delayed([](int i) { return i; }).longest_first(itself), numbers) == numbers);
            const auto texts =
                parallel(n_jobs, on)(delayed([](int i) { return std::to_string(i); }).longest_first(itself), numbers);
            for (std::size_t i = 0; i < numbers.size(); ++i) REQUIRE(texts[i] == std::to_string(numbers[i]));
        }
    });
}

TEST_CASE("failures know their place in the input", "[longest_first]") {
    on_all_backends([](const auto& on) {
        const auto task = delayed([](int i) {
                              if (i % 10 == 0) throw std::runtime_error("at " + std::to_string(i));
                              return i;
                          }).longest_first([](int i) { return i; });
        const auto outcomes = parallel(2, on).outcomes(task, std::views::iota(0, 50));
        for (std::size_t i = 0; i < outcomes.size(); ++i) {
            CHECK(outcomes[i].has_value() == (i % 10 != 0));
            if (i % 10 != 0) continue;
            CHECK(outcomes[i].error().index == i);
            CHECK(outcomes[i].error().what == "at " + std::to_string(i));
        }
    });
}

TEST_CASE("the call ends with what failed, which is what was begun first", "[longest_first]") {
    for (const char* name : {"sequential", "threads"})
        CHECK_THROWS_WITH(parallel(1, backend(name))(delayed([](int i) -> int {
                                                         throw std::runtime_error(std::to_string(i));
                                                     }).longest_first([](int i) { return i; }),
                                                     std::views::iota(0, 41)),
                          "40");
}

TEST_CASE("a task that kills its worker is known by its place in the input", "[longest_first]") {
    const auto outcomes = parallel(2, processes{.retries = 1})
                              .outcomes(delayed([](int i) {
                                            if (i == 5) std::_Exit(3);
                                            return i;
                                        }).longest_first([](int i) { return i; }),
                                        std::views::iota(0, 20));
    for (std::size_t i = 0; i < outcomes.size(); ++i) CHECK(outcomes[i].has_value() == (i != 5));
    CHECK(outcomes[5].error().index == 5);
    CHECK(outcomes[5].error().attempts == 2);
    CHECK_THAT(outcomes[5].error().message(), containing("task 5 "));
}

TEST_CASE("a cost function that throws ends the call before anything runs", "[longest_first][bad-input]") {
    int ran = 0;
    CHECK_THROWS_AS(parallel(2)(delayed([&](int) { ++ran; }).longest_first([](int i) -> int {
                        if (i == 7) throw std::domain_error("no idea");
                        return i;
                    }),
                                std::views::iota(0, 10)),
                    std::domain_error);
    CHECK(ran == 0);
}

TEST_CASE("several ranges are ranked by all of their elements, as far as the shortest goes", "[longest_first]") {
    std::vector<int> begun;
    parallel(1, sequential{})(
        delayed([&](int a, int b) { begun.push_back(a * b); }).longest_first([](int a, int b) { return a * b; }),
        std::vector{1, 2, 3, 4}, std::vector{5, 1, 4});
    CHECK(begun == std::vector{12, 5, 2});
}

TEST_CASE("bool is a cost too", "[longest_first]") {
    std::vector<int> begun;
    parallel(1, sequential{})(
        delayed([&](int i) { begun.push_back(i); }).longest_first([](int i) { return i % 2 == 0; }),
        std::views::iota(0, 5));
    CHECK(begun == std::vector{0, 2, 4, 1, 3});
}

TEST_CASE("progress and stopping work as they do without", "[longest_first]") {
    on_all_backends([](const auto& on) {
        std::size_t done = 0;
        fanout::options wishes{.n_jobs = 2};
        wishes.on_progress = [&](const fanout::progress& now) { done = now.done; };
        parallel(wishes, on)(delayed([](int i) { return i; }).longest_first([](int i) { return i; }),
                             std::views::iota(0, 100));
        CHECK(done == 100);

        std::stop_source stop;
        stop.request_stop();
        CHECK_THROWS_AS(
            parallel({.n_jobs = 2, .stop = stop.get_token()}, on)(
                delayed([](int i) { return i; }).longest_first([](int i) { return i; }), std::views::iota(0, 100)),
            fanout::cancelled);
    });
}

TEST_CASE("a cost need not be copyable", "[longest_first]") {
    struct cost {
        explicit cost(int i) : value(i) {}
        cost(cost&&) = default;
        cost(const cost&) = delete;
        cost& operator=(const cost&) = delete;
        bool operator<(const cost& other) const { return value < other.value; }
        int value;
    };
    std::vector<int> begun;
    parallel(1, sequential{})(delayed([&](int i) { begun.push_back(i); }).longest_first([](int i) { return cost(i); }),
                              std::vector{1, 3, 2});
    CHECK(begun == std::vector{3, 2, 1});
}

TEST_CASE("who collects failures is not told to collect them", "[longest_first]") {
    const auto outcomes =
        parallel(2, processes{.retries = 0})
            .outcomes(delayed([](int i) { return i == 2 ? _exit(1), i : i; }).longest_first([](int i) { return i; }),
                      std::vector{1, 2, 3});
    REQUIRE_FALSE(outcomes[1]);
    CHECK(outcomes[1].error().message().find("outcomes") == std::string::npos);
}

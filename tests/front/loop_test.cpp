// Tests of loop.hpp: which functions can be run over which ranges, and what they are given.
#include <fanout/front/parallel.hpp>

#include <atomic>
#include <cstddef>
#include <functional>
#include <ranges>
#include <stop_token>
#include <string>
#include <tuple>
#include <vector>

#include "catch.hpp"
#include "support/each_backend.hpp"
#include "support/generator.hpp"

using fanout::delayed, fanout::parallel;

namespace {

int twice(int i) { return 2 * i; }
int twice_noexcept(int i) noexcept { return 2 * i; }

struct times {
    int factor;
    int operator()(int i) const { return factor * i; }
};

struct person {
    std::string name;
    int age = 0;
    int older_by(int years) const noexcept { return age + years; }
    void grow_older() { ++age; }
};

}  // namespace

TEST_CASE("every kind of function can be run over a range", "[functions]") {
    on_each_backend({.n_jobs = 2}, [](const auto& run) {
        const std::vector<int> numbers{1, 2, 3};
        const std::vector<int> expected{2, 4, 6};
        CHECK(run(delayed(twice), numbers) == expected);
        CHECK(run(delayed(&twice), numbers) == expected);
        CHECK(run(delayed(twice_noexcept), numbers) == expected);
        CHECK(run(delayed([](int i) { return 2 * i; }), numbers) == expected);
        CHECK(run(delayed([](int i) noexcept { return 2 * i; }), numbers) == expected);
        CHECK(run(delayed(times{2}), numbers) == expected);
        CHECK(run(delayed(std::function<int(int)>(twice)), numbers) == expected);
        CHECK(run(delayed(std::negate<>()), numbers) == std::vector{-1, -2, -3});
        times doubling{2};
        CHECK(run(delayed(std::ref(doubling)), numbers) == expected);
    });
}

TEST_CASE("members can be run over objects, pointers to them, and their arguments", "[functions]") {
    on_each_backend({.n_jobs = 2}, [](const auto& run) {
        std::vector<person> people{{"Anna", 30}, {"Bea", 40}};
        CHECK(run(delayed(&person::name), people) == std::vector<std::string>{"Anna", "Bea"});
        CHECK(run(delayed(&person::older_by), people, std::vector{1, 2}) == std::vector{31, 42});
        run(delayed(&person::grow_older), people);
        CHECK(run(delayed(&person::age), std::vector{&people[0], &people[1]}) == std::vector{31, 41});
    });
}

TEST_CASE("a function kept in a variable is used where it stands, as often as wanted", "[functions]") {
    std::atomic<int> copies = 0;
    struct counts_copies {
        std::atomic<int>* copies;
        explicit counts_copies(std::atomic<int>& count) : copies(&count) {}
        counts_copies(const counts_copies& other) : copies(other.copies) { ++*copies; }
        int operator()(int i) const { return i; }
    };
    const auto kept = delayed(counts_copies(copies));
    const int before = copies;
    on_each_backend({.n_jobs = 2}, [&](const auto& run) {
        CHECK(run(kept, std::views::iota(0, 100)).size() == 100);
        CHECK(run(kept, generate(100, [](int i) { return i; })).size() == 100);
    });
    CHECK(copies == before);
}

TEST_CASE("a function that takes a stop token is given one that can be asked", "[functions][token]") {
    on_each_backend({.n_jobs = 2}, [](const auto& run) {
        const auto asks = [](std::stop_token told, int i) {
            return told.stop_possible() && !told.stop_requested() ? i : -1;
        };
        CHECK(run(delayed(asks), std::views::iota(0, 100))[99] == 99);
        CHECK(run(delayed(asks), generate(100, [](int i) { return i; }))[99] == 99);
        CHECK(std::get<0>(run(delayed(asks)(7), delayed(twice)(1))) == 7);
        const std::vector calls{delayed(asks)(7), delayed(asks)(8)};
        CHECK(run(calls) == std::vector{7, 8});
        const auto by_reference = [](const std::stop_token& told, int i) { return told.stop_requested() ? -1 : i; };
        CHECK(run(delayed(by_reference), std::views::iota(0, 3)) == std::vector{0, 1, 2});
    });
}

TEST_CASE("a generic function is given the elements alone", "[functions][token]") {
    on_each_backend({.n_jobs = 2}, [](const auto& run) {
        const auto count = [](auto... elements) { return sizeof...(elements); };
        const std::vector<int> numbers{1, 2};
        CHECK(run(delayed(count), numbers) == std::vector<std::size_t>{1, 1});
        CHECK(run(delayed(count), numbers, numbers) == std::vector<std::size_t>{2, 2});
        CHECK(run(delayed([](auto a, int b) { return a + b; }), numbers, numbers) == std::vector{2, 4});
    });
}

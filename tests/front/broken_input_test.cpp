// Input that throws while it is read: the call ends with that exception, and the object can be used on.
#include <fanout/front/parallel.hpp>

#include <atomic>
#include <list>
#include <memory>
#include <optional>
#include <ranges>
#include <stdexcept>
#include <string>
#include <vector>

#include "catch.hpp"
#include "support/each_backend.hpp"
#include "support/generator.hpp"
#include "support/in_flight.hpp"

using fanout::delayed, fanout::parallel;

namespace {

constexpr int size = 100;

const auto same = [](int i) { return i; };

/// Throws at one number.
auto breaks_at(int breaking) {
    return [breaking](int i) {
        if (i == breaking) throw std::length_error("no more input");
        return i;
    };
}

template <class Run, class Range>
void ends_with_its_exception(const Run& run, const Range& input) {
    in_flight tasks;
    const auto task = [&](int i) {
        const in_flight::guard running(tasks);
        return i;
    };
    REQUIRE_THROWS_AS(run(delayed(task), input), std::length_error);
    REQUIRE(tasks.now() == 0);
    REQUIRE(run(delayed(same), std::views::iota(0, 5)).size() == 5);
}

}  // namespace

TEST_CASE("an element that throws when it is read by its index fails its task", "[ranges][errors]") {
    on_each_backend({.n_jobs = 2}, [](const auto& run) {
        for (const int breaking : {0, size / 2, size - 1}) {
            const auto broken = std::views::iota(0, size) | std::views::transform(breaks_at(breaking));
            ends_with_its_exception(run, broken);
            const auto outcomes = run.outcomes(delayed(same), broken);
            REQUIRE(outcomes.size() == size);
            for (int i = 0; i < size; ++i)
                REQUIRE(outcomes[static_cast<std::size_t>(i)].has_value() == (i != breaking));
            REQUIRE(outcomes[static_cast<std::size_t>(breaking)].error().what == "no more input");
        }
    });
}

TEST_CASE("read-once input that throws in *, in ++ or in the comparison ends the call with its exception",
          "[ranges][errors]") {
    on_each_backend({.n_jobs = 2}, [](const auto& run) {
        const auto never = [](int) {};
        const auto at_end = [](int i) { return i == size; };
        for (const int breaking : {0, size / 2, size - 1}) {
            const auto breaks = breaks_at(breaking);
            ends_with_its_exception(run, generator(breaks, at_end, never));
            ends_with_its_exception(run, generator(same, at_end, breaks));
            ends_with_its_exception(run, generator(same, [=](int i) { return breaks(i) == size; }, never));
            CHECK_THROWS_AS(run.outcomes(delayed(same), generator(breaks, at_end, never)), std::length_error);
        }
        ends_with_its_exception(run, generator(same, [](int i) { return breaks_at(size)(i) == size + 1; }, never));
    });
}

TEST_CASE("a range whose begin throws ends the call before it starts", "[ranges][errors]") {
    struct no_beginning {
        int* begin() const { throw std::length_error("no beginning"); }
        int* end() const { return nullptr; }
        std::size_t size() const { return 3; }
    };
    on_each_backend({.n_jobs = 2}, [](const auto& run) {
        CHECK_THROWS_AS(run(delayed(same), no_beginning()), std::length_error);
        CHECK(run(delayed(same), std::views::iota(0, 5)).size() == 5);
    });
}

TEST_CASE("nothing is made of input beyond where it broke", "[ranges][errors]") {
    on_each_backend({.n_jobs = 2, .batch_size = 1}, [](const auto& run) {
        std::atomic<int> sum = 0;
        CHECK_THROWS_AS(run(delayed([&](int i) { sum += i; }), generate(size, breaks_at(3))), std::length_error);
        CHECK(sum <= 0 + 1 + 2);
        const auto fails_at_0 = [](int i) {
            if (i == 0) throw std::domain_error("zero");
        };
        CHECK_THROWS_AS(run(delayed(fails_at_0), generate(1, same)), std::domain_error);
    });
}

TEST_CASE("elements that were read and never run are destroyed", "[ranges][errors]") {
    on_each_backend({.n_jobs = 2, .batch_size = 10}, [](const auto& run) {
        const auto alive = std::make_shared<int>(0);
        const auto next = [&](int i) {
            if (i == 25) throw std::length_error("no more input");
            return alive;
        };
        CHECK_THROWS_AS(run(delayed([](std::shared_ptr<int> p) { return *p; }), generate(size, next)),
                        std::length_error);
        CHECK(alive.use_count() == 1);
    });
}

TEST_CASE("results of the elements before the break come first, whoever runs them", "[ranges][errors][stream]") {
    for (const std::optional<int> batch : {std::optional<int>(), std::optional<int>(64)}) {
        const auto check = [&](auto backend) {
            const auto call = parallel({.n_jobs = 4, .batch_size = batch}, backend);
            const std::list<int> numbers(std::views::iota(0, 200).begin(), std::views::iota(0, 200).end());
            const auto input = numbers | std::views::transform(breaks_at(100));
            int seen = 0;
            const auto read = [&](auto stream) {
                for (int each : stream) CHECK(each == seen++);
            };
            CHECK_THROWS_AS(read(call.stream(delayed(same), input)), std::length_error);
            CHECK(seen == 100);

            int added = 0;
            const auto add = [&](int so_far, int next) { return ++added, so_far + next; };
            CHECK_THROWS_AS(call.reduce(0, add, delayed(same), input), std::length_error);
            CHECK(added == 100);
            CHECK(call.find_first(delayed([](int i) { return i >= 90; }), input) == std::optional<std::size_t>(90));
        };
        check(fanout::threads{});
        check(fanout::sequential{});
        check(fanout::processes{});
    }
}

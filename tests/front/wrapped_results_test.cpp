// Results that look like what the library itself keeps results in: optionals, outcomes, tuples, nothing.
#include <fanout/front/parallel.hpp>

#include <optional>
#include <ranges>
#include <stdexcept>
#include <tuple>
#include <vector>

#include "catch.hpp"
#include "support/each_backend.hpp"
#include "support/generator.hpp"

using fanout::delayed, fanout::outcome, fanout::parallel;

TEST_CASE("a task may give a std::optional, empty or not", "[results]") {
    on_all_backends({.n_jobs = 2}, [](const auto& run) {
        const auto even = [](int i) { return i % 2 == 0 ? std::optional(i) : std::nullopt; };
        const std::vector<std::optional<int>> expected{0, std::nullopt, 2, std::nullopt};
        CHECK(run(delayed(even), std::views::iota(0, 4)) == expected);
        CHECK(run(delayed(even), generate(4, [](int i) { return i; })) == expected);
        CHECK(run(delayed(even)(1), delayed(even)(2)) == std::tuple(std::optional<int>(), std::optional(2)));
        CHECK(run.outcomes(delayed(even), std::views::iota(0, 4))[1].value() == std::nullopt);
    });
}

TEST_CASE("a task may give a std::optional<bool>, and false in it stays false", "[results]") {
    on_all_backends({.n_jobs = 2}, [](const auto& run) {
        const auto is_one = [](int i) { return i < 2 ? std::optional(i == 1) : std::nullopt; };
        const std::vector<std::optional<bool>> expected{false, true, std::nullopt};
        CHECK(run(delayed(is_one), std::views::iota(0, 3)) == expected);
        CHECK(run(delayed(is_one), generate(3, [](int i) { return i; })) == expected);
    });
}

TEST_CASE("a task may give the outcome of a nested call", "[results][nested]") {
    on_each_backend({.n_jobs = 2}, [](const auto& run) {
        const auto fails_at_1 = [](int i) {
            if (i == 1) throw std::domain_error("one");
            return i;
        };
        const auto nested = [&](int i) { return run.outcomes(delayed(fails_at_1), std::views::iota(i, i + 1))[0]; };
        const std::vector<outcome<int>> outcomes = run(delayed(nested), std::views::iota(0, 3));
        CHECK(outcomes[0].value() == 0);
        CHECK(outcomes[1].error().what == "one");
        CHECK(outcomes[2].value() == 2);
        CHECK(run(delayed(nested), generate(3, [](int i) { return i; }))[1].error().what == "one");
        CHECK(std::get<0>(run(delayed(nested)(1))).error().what == "one");
        CHECK(run.outcomes(delayed(nested), std::views::iota(0, 3))[1].value().error().what == "one");
    });
}

TEST_CASE("a task may give a vector of results of a nested call", "[results][nested]") {
    on_all_backends({.n_jobs = 2}, [](const auto& run) {
        const auto row = [&](int i) { return run(delayed([i](int j) { return 10 * i + j; }), std::views::iota(0, 3)); };
        CHECK(run(delayed(row), std::views::iota(0, 2)) == std::vector<std::vector<int>>{{0, 1, 2}, {10, 11, 12}});
    });
}

TEST_CASE("a task may give nothing, as a value", "[results]") {
    on_all_backends({.n_jobs = 2}, [](const auto& run) {
        const auto none = [](int) { return fanout::nothing(); };
        CHECK(run(delayed(none), std::views::iota(0, 3)).size() == 3);
        CHECK(run.outcomes(delayed([](int) {}), std::views::iota(0, 3))[2].has_value());
    });
}

// The ways to write a call, and what each gives.
#include <fanout/front/parallel.hpp>

#include <cstddef>
#include <list>
#include <memory>
#include <ranges>
#include <stdexcept>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "catch.hpp"
#include "support/each_backend.hpp"

using fanout::delayed, fanout::nothing, fanout::parallel;

namespace {

int square(int i) { return i * i; }

const std::vector<int> squares{0, 1, 4, 9, 16};

}  // namespace

TEST_CASE("a range of delayed calls gives the vector of their results", "[forms]") {
    on_all_backends({.n_jobs = 2}, [](const auto& run) {
        CHECK(run(std::views::iota(0, 5) | std::views::transform(delayed(square))) == squares);  // joblib T1
    });
}

TEST_CASE("calls can be collected one by one, kept in any range, and made again", "[forms]") {
    on_each_backend({.n_jobs = 2}, [](const auto& run) {
        using call = decltype(delayed(square)(0));
        std::vector<call> calls;
        for (int i = 0; i < 5; ++i) calls.push_back(delayed(square)(i));
        CHECK(run(calls) == squares);
        CHECK(run(std::as_const(calls)) == squares);
        CHECK(run(std::list<call>(calls.begin(), calls.end())) == squares);
        CHECK(run(std::move(calls)) == squares);
    });
}

TEST_CASE("a call keeps further arguments beside the element", "[forms]") {  // joblib T2
    for (const int n_jobs : {1, 2, 3})
        on_all_backends({.n_jobs = n_jobs}, [](const auto& run) {
            const auto call = [](int i) {
                return delayed([](int x, int y, const std::string& z) { return std::to_string(x * y) + z; })(i, 2, "!");
            };
            CHECK(run(std::views::iota(0, 3) | std::views::transform(call)) ==
                  std::vector<std::string>{"0!", "2!", "4!"});
        });
}

TEST_CASE("a function over a range gives the vector of its results, for any number of jobs", "[forms]") {
    for (const int n_jobs : {1, 2, 3, 7, -1, -2, -100})
        on_all_backends({.n_jobs = n_jobs}, [](const auto& run) {
            CHECK(run(delayed(square), std::views::iota(0, 5)) == squares);  // joblib T1
        });
}

TEST_CASE("several ranges are gone through together, as far as the shortest goes", "[forms]") {
    on_all_backends({.n_jobs = 2}, [](const auto& run) {
        const auto sum = [](int x, int y, int z) { return x + y + z; };
        CHECK(run(delayed(sum), std::vector{1, 2, 3}, std::vector{10, 20}, std::vector{100, 200, 300}) ==
              std::vector{111, 222});
        CHECK(run(delayed(sum), std::list{1, 2, 3}, std::vector{10, 20, 30, 40}, std::views::iota(0)) ==
              std::vector{11, 23, 35});
        CHECK(run(delayed(sum), std::vector{1, 2, 3}, std::vector<int>{}, std::views::iota(0)).empty());
    });
}

TEST_CASE("an endless range beside a sized one numbers its elements", "[forms]") {
    on_all_backends({.n_jobs = 2}, [](const auto& run) {
        const std::vector<std::string> names{"a", "b", "c"};
        const auto numbered = [](const std::string& name, int i) { return name + std::to_string(i); };
        CHECK(run(delayed(numbered), names, std::views::iota(0)) == std::vector<std::string>{"a0", "b1", "c2"});
        const auto doubled = std::views::iota(0) | std::views::transform([](int i) { return 2 * i; });
        CHECK(run(delayed(numbered), names, doubled) == std::vector<std::string>{"a0", "b2", "c4"});
    });
}

TEST_CASE("several calls at once give the tuple of their results", "[forms]") {
    on_each_backend({.n_jobs = 2}, [](const auto& run) {
        bool ran = false;
        const auto append = [](std::unique_ptr<std::string> text, char c) { return *text + c; };
        auto results = run(delayed(square)(7), delayed([&] { ran = true; })(),
                           delayed(append)(std::make_unique<std::string>("hi"), '!'));
        STATIC_REQUIRE(std::is_same_v<decltype(results), std::tuple<int, nothing, std::string>>);
        CHECK(results == std::tuple(49, nothing(), "hi!"));
        CHECK(ran);
    });
}

TEST_CASE("outcomes can be had in every form", "[forms][outcomes]") {
    on_all_backends({.n_jobs = 2}, [](const auto& run) {
        const auto fails_at_1 = [](int i) {
            if (i == 1) throw std::out_of_range("one");
            return i;
        };
        const auto as_expected = [](const auto& outcomes) {
            return outcomes.size() == 3 && outcomes[0].value() == 0 && !outcomes[1] && outcomes[2].value() == 2 &&
                   outcomes[1].error().index == 1 && outcomes[1].error().type == "std::out_of_range";
        };
        CHECK(as_expected(run.outcomes(delayed(fails_at_1), std::views::iota(0, 3))));
        CHECK(as_expected(run.outcomes(std::views::iota(0, 3) | std::views::transform(delayed(fails_at_1)))));
        CHECK(as_expected(run.outcomes(delayed([&](int i, int) { return fails_at_1(i); }), std::vector{0, 1, 2},
                                       std::views::iota(0))));

        auto [zero, one, none] = run.outcomes(delayed(fails_at_1)(0), delayed(fails_at_1)(1), delayed([](int) {})(0));
        CHECK(zero.value() == 0);
        CHECK(one.error().index == 1);
        CHECK_THROWS_AS(one.value(), std::out_of_range);
        CHECK(none.has_value());

        std::size_t failed = 0;
        for (const auto& each : run.outcomes(delayed([&](int i) { fails_at_1(i); }), std::views::iota(0, 3)))
            failed += !each;
        CHECK(failed == 1);
    });
}

TEST_CASE("nothing to do is no error", "[forms]") {  // joblib T9
    on_all_backends({.n_jobs = 2}, [](const auto& run) {
        CHECK(run(delayed(square), std::vector<int>{}).empty());
        CHECK(run(std::vector<decltype(delayed(square)(0))>{}).empty());
        CHECK(run.outcomes(delayed(square), std::views::iota(0, 0)).empty());
        run(delayed([](int) {}), std::vector<int>{});
    });
}

TEST_CASE("a call without results is a statement", "[forms]") {
    const int n_jobs = 2;
    std::vector<int> seen(10);
    auto see = [&](int i) { seen[static_cast<std::size_t>(i)] = i + 1; };
    parallel(n_jobs)(delayed(see), std::views::iota(0, 10));
    STATIC_REQUIRE(std::is_void_v<decltype(parallel(n_jobs)(delayed(see), seen))>);
    CHECK(seen == std::vector{1, 2, 3, 4, 5, 6, 7, 8, 9, 10});
}

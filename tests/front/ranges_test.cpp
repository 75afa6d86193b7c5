// Any range will do, and its elements reach the function as they stand in it.
#include <fanout/front/parallel.hpp>
#include <fanout/processes/processes.hpp>

#include <deque>
#include <forward_list>
#include <list>
#include <memory>
#include <ranges>
#include <span>
#include <sstream>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "catch.hpp"
#include "support/each_backend.hpp"
#include "support/generator.hpp"

using fanout::delayed, fanout::parallel;

namespace {

const auto doubled = [](int i) { return 2 * i; };

/// Neither copied nor moved, by anybody.
struct stays_put {
    explicit stays_put(int v) : value(v) {}
    stays_put(const stays_put&) = delete;
    int value;
};

const auto address = [](const auto& element) -> const void* { return &element; };

template <class Range>
std::vector<const void*> addresses(const Range& range) {
    std::vector<const void*> all;
    for (const auto& each : range) all.push_back(&each);
    return all;
}

}  // namespace

TEST_CASE("containers and views of every kind are run over", "[ranges]") {
    on_all_backends({.n_jobs = 2}, [](const auto& run) {
        const std::vector<int> numbers{1, 2, 3};
        const std::vector<int> expected{2, 4, 6};
        CHECK(run(delayed(doubled), numbers) == expected);
        CHECK(run(delayed(doubled), std::span(numbers)) == expected);
        CHECK(run(delayed(doubled), std::deque<int>{1, 2, 3}) == expected);
        CHECK(run(delayed(doubled), std::list<int>{1, 2, 3}) == expected);
        CHECK(run(delayed(doubled), std::forward_list<int>{1, 2, 3}) == expected);
        CHECK(run(delayed(doubled), numbers | std::views::reverse) == std::vector{6, 4, 2});
        int array[] = {1, 2, 3};
        CHECK(run(delayed(doubled), array) == expected);
    });
}

TEST_CASE("values can be written down at the call", "[ranges]") {
    const auto kept = parallel(2);
    const auto at_most_one = [](int i) { return i < 2 ? i : throw std::domain_error("two"); };
    CHECK(kept(delayed(doubled), {1, 2, 3}) == std::vector{2, 4, 6});
    CHECK(parallel(2)(delayed(doubled), {4}) == std::vector{8});
    CHECK(*kept.outcomes(delayed(at_most_one), {1, 2})[0] == 1);
    CHECK(parallel(2).outcomes(delayed(at_most_one), {1, 2})[1].error().what == "two");
    CHECK(parallel(2, fanout::processes{})(delayed(doubled), {5, 6}) == std::vector{10, 12});
}

TEST_CASE("ranges that do not know their size are run over", "[ranges]") {
    on_all_backends({.n_jobs = 2}, [](const auto& run) {
        auto odd =
            std::views::iota(0, 100) | std::views::filter([](int i) { return i % 2 == 1; });  // begin() not const
        CHECK(run(delayed(doubled), odd).size() == 50);
        CHECK(run(delayed(doubled), odd)[49] == 198);
        const auto below_100 = std::views::iota(0) | std::views::take_while([](int i) { return i < 100; });
        CHECK(run(delayed(doubled), below_100).size() == 100);
        CHECK(run(delayed(doubled), std::views::iota(0) | std::views::take(100)).size() == 100);
    });
}

TEST_CASE("input that can be read only once is run over", "[ranges]") {
    on_all_backends({.n_jobs = 2}, [](const auto& run) {
        std::istringstream words("a bb ccc");
        const auto length = [](const std::string& word) { return word.size(); };
        CHECK(run(delayed(length), std::views::istream<std::string>(words)) == std::vector<std::size_t>{1, 2, 3});

        const auto results = run(delayed(doubled), generate(1000, [](int i) { return i; }));
        REQUIRE(results.size() == 1000);
        for (int i = 0; i < 1000; ++i) REQUIRE(results[static_cast<std::size_t>(i)] == 2 * i);
    });
}

TEST_CASE("elements are given by reference, wherever they stand", "[ranges]") {
    on_each_backend({.n_jobs = 2}, [](const auto& run) {
        std::deque<stays_put> in_deque;
        std::list<stays_put> in_list;
        for (int i = 0; i < 50; ++i) {
            in_deque.emplace_back(i);
            in_list.emplace_back(i);
        }
        CHECK(run(delayed(address), in_deque) == addresses(in_deque));
        CHECK(run(delayed(address), in_list) == addresses(in_list));
        CHECK(run(delayed(address), std::as_const(in_list)) == addresses(in_list));
        const auto even = [](const stays_put& each) { return each.value % 2 == 0; };
        CHECK(run(delayed(address), in_list | std::views::filter(even)).size() == 25);
        const auto difference = [](const stays_put& x, const stays_put& y) { return x.value - y.value; };
        CHECK(run(delayed(difference), in_deque, in_list) == std::vector(50, 0));
    });
}

TEST_CASE("elements can be changed in place through a reference", "[ranges]") {  // joblib T35
    on_each_backend({.n_jobs = 2}, [](const auto& run) {
        std::vector<int> numbers(1000, 1);
        std::list<int> list(1000, 1);
        const auto add_one = [](int& i) { ++i; };
        run(delayed(add_one), numbers);
        run(delayed(add_one), list);
        CHECK(numbers == std::vector(1000, 2));
        CHECK(list == std::list<int>(1000, 2));
    });
}

TEST_CASE("elements that can only be moved are run over, and those of a temporary range can be taken", "[ranges]") {
    on_all_backends({.n_jobs = 2}, [](const auto& run) {
        std::vector<std::unique_ptr<int>> owned;
        for (int i = 0; i < 100; ++i) owned.push_back(std::make_unique<int>(i));
        const auto results = run(delayed([](const std::unique_ptr<int>& p) { return *p; }), owned);
        CHECK(results[99] == 99);
        CHECK(owned[99] != nullptr);

        const auto take = [](std::unique_ptr<int> p) { return *p; };
        const auto made =
            std::views::iota(0, 100) | std::views::transform([](int i) { return std::make_unique<int>(i); });
        CHECK(run(delayed(take), made)[99] == 99);
        CHECK(run(delayed(take), generate(100, [](int i) { return std::make_unique<int>(i); }))[99] == 99);
    });
}

TEST_CASE("the bits of a vector<bool> are elements too", "[ranges]") {
    on_all_backends({.n_jobs = 2}, [](const auto& run) {
        std::vector<bool> bits(1000);
        for (std::size_t i = 0; i < bits.size(); i += 3) bits[i] = true;
        const auto inverse = [](bool bit) { return !bit; };
        std::vector<bool> expected = bits;
        expected.flip();
        CHECK(run(delayed(inverse), bits) == expected);
        CHECK(run(delayed(inverse), std::as_const(bits)) == expected);
    });
}

TEST_CASE("an empty range of any kind gives no results", "[ranges]") {  // joblib T9
    on_all_backends({.n_jobs = 2}, [](const auto& run) {
        CHECK(run(delayed(doubled), std::vector<int>{}).empty());
        CHECK(run(delayed(doubled), std::list<int>{}).empty());
        CHECK(run(delayed(doubled), std::forward_list<int>{}).empty());
        CHECK(run(delayed(doubled), std::views::empty<int>).empty());
        CHECK(run(delayed(doubled), std::views::iota(0, 9) | std::views::filter([](int) { return false; })).empty());
        CHECK(run(delayed(doubled), generate(0, [](int i) { return i; })).empty());
        std::istringstream nothing;
        CHECK(run(delayed(doubled), std::views::istream<int>(nothing)).empty());
        CHECK(run.outcomes(delayed(doubled), generate(0, [](int i) { return i; })).empty());
    });
}

TEST_CASE("ranges that are walked and ranges that are indexed can be gone through together", "[ranges]") {
    on_all_backends({.n_jobs = 2}, [](const auto& run) {
        const auto sum = [](int x, int y) { return x + y; };
        CHECK(run(delayed(sum), std::vector{1, 2, 3}, generate_for_ever([](int i) { return i; })) ==
              std::vector{1, 3, 5});
        CHECK(run(delayed(sum), std::list{1, 2, 3}, std::views::iota(10, 12)) == std::vector{11, 13});
    });
}

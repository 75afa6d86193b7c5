// Tests of indexed_input.hpp: which ranges are reached by index, how long they are together, and what is given of them.
#include <fanout/front/indexed_input.hpp>

#include <cstddef>
#include <list>
#include <ranges>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "catch.hpp"

using namespace fanout::detail;

namespace {

using numbers = std::vector<int>;
using endless = std::ranges::iota_view<int>;
using filtered = decltype(std::declval<numbers&>() | std::views::filter([](int) { return true; }));

}  // namespace

TEST_CASE("sized random access ranges are reached by index, and endless ones beside them", "[indexed_input]") {
    STATIC_REQUIRE(indexable<numbers>);
    STATIC_REQUIRE(indexable<const numbers, std::ranges::iota_view<int, int>>);
    STATIC_REQUIRE(indexable<numbers, endless>);
    STATIC_REQUIRE_FALSE(indexable<endless>);
    STATIC_REQUIRE_FALSE(indexable<std::list<int>>);
    STATIC_REQUIRE_FALSE(indexable<filtered>);
    STATIC_REQUIRE_FALSE(indexable<numbers, std::list<int>>);
}

TEST_CASE("together they are as long as the shortest", "[indexed_input]") {
    numbers three{1, 2, 3};
    numbers two{1, 2};
    endless all;
    CHECK(shortest_of(three) == 3);
    CHECK(shortest_of(three, two) == 2);
    CHECK(shortest_of(all, three) == 3);
}

TEST_CASE("elements are given as they stand in the ranges", "[indexed_input]") {
    numbers three{1, 2, 3};
    const std::vector<std::string> names{"a", "b", "c"};
    const indexed_input<numbers, const std::vector<std::string>> input(3, three, names);
    CHECK(input.size() == 3);
    input.apply(1, [&](auto&& number, auto&& name) {
        STATIC_REQUIRE(std::is_same_v<decltype(number), int&>);
        STATIC_REQUIRE(std::is_same_v<decltype(name), const std::string&>);
        CHECK(&number == &three[1]);
        CHECK(&name == &names[1]);
    });
    input.elements({0, 3}).apply(2, [&](auto&& number, auto&&) { CHECK(&number == &three[2]); });
}

TEST_CASE("elements that a view makes are given as values", "[indexed_input]") {
    auto squares = std::views::iota(0, 5) | std::views::transform([](int i) { return std::to_string(i * i); });
    const indexed_input<decltype(squares)> input(5, squares);
    input.apply(3, [](auto&& square) {
        STATIC_REQUIRE(std::is_same_v<decltype(square), std::string&&>);
        CHECK(square == "9");
    });
}

TEST_CASE("indices are claimed once each", "[indexed_input]") {
    numbers three{1, 2, 3};
    indexed_input<numbers> input(3, three);
    CHECK(input.claim(2).last == 2);
    CHECK(input.claim(2).first == 2);
    CHECK_FALSE(input.claim(2));
}

// Tests of light_standard.hpp: what fanout needs of <memory> and <ranges> is there, by this header alone.
#include <fanout/core/light_standard.hpp>

#include <forward_list>
#include <vector>

static_assert(std::ranges::random_access_range<std::vector<int>> && std::ranges::sized_range<std::vector<int>>);
static_assert(std::ranges::forward_range<std::forward_list<int>>);
static_assert(!std::ranges::sized_range<std::forward_list<int>>);
static_assert(!std::ranges::input_range<int>);
static_assert(std::is_same_v<std::ranges::range_reference_t<const std::vector<int>>, const int&>);

#include "catch.hpp"

TEST_CASE("pointers that own are there, and addresses can be told", "[light_standard]") {
    const auto one = std::make_unique<int>(1);
    CHECK(*one == 1);
    CHECK(std::addressof(*one) == one.get());
    std::vector<int> numbers{1, 2, 3};
    CHECK(std::ranges::size(numbers) == 3);
    CHECK(*std::ranges::begin(numbers) == 1);
}

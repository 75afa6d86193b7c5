// Tests of exchanged.hpp: what was there comes back, moved, and the new value stays.
#include <fanout/core/exchanged.hpp>

#include <memory>
#include <utility>

#include "catch.hpp"

using fanout::detail::exchanged;

TEST_CASE("what was there comes back, and the new value stays", "[exchanged]") {
    int number = 1;
    CHECK(exchanged(number, 2) == 1);
    CHECK(number == 2);
}

TEST_CASE("nothing is copied", "[exchanged]") {
    auto first = std::make_unique<int>(1);
    const auto before = exchanged(first, std::make_unique<int>(2));
    CHECK(*before == 1);
    CHECK(*first == 2);
}

TEST_CASE("braces are a value of the variable's type", "[exchanged]") {
    std::pair<int, int> both(1, 2);
    CHECK(exchanged(both, {}) == std::pair(1, 2));
    CHECK(both == std::pair(0, 0));
}

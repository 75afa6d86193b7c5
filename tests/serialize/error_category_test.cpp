// Tests of error_category.hpp: categories are found by their name.
#include <fanout/serialize/error_category.hpp>

#include <string>
#include <system_error>

#include "catch.hpp"

using fanout::detail::category_named;

TEST_CASE("the standard's categories are themselves", "[error_category]") {
    CHECK(category_named("generic") == std::generic_category());
    CHECK(category_named("system") == std::system_category());
}

TEST_CASE("another category is one for its name", "[error_category]") {
    const auto& category = category_named("network");
    CHECK(std::string(category.name()) == "network");
    CHECK(category.message(7) == "network error 7");
    CHECK(category_named("network") == category);
    CHECK(category_named("other") != category);
}

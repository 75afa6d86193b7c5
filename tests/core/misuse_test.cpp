// Tests of misuse.hpp: what stands in for a result after a readable error fits wherever a result is used.
#include <fanout/core/misuse.hpp>

#include <concepts>
#include <string>
#include <vector>

#include "catch.hpp"

using fanout::detail::misuse;

TEST_CASE("a misuse can be called, asked for outcomes and used as any result, so that no second error follows",
          "[misuse]") {
    STATIC_REQUIRE(std::convertible_to<misuse, std::vector<int>>);
    STATIC_REQUIRE(std::convertible_to<misuse, double>);
    STATIC_REQUIRE(std::same_as<decltype(misuse()(1, "a")), misuse>);
    STATIC_REQUIRE(std::same_as<decltype(misuse().outcomes(std::string())), misuse>);
    STATIC_REQUIRE_FALSE(fanout::detail::never<int>);
}

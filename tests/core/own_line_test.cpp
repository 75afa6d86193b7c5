// Tests of own_line.hpp: neighbours do not share a cache line.
#include <fanout/core/own_line.hpp>

#include <atomic>
#include <cstdint>

#include "catch.hpp"

using fanout::detail::own_line;

TEST_CASE("each value has a cache line of its own, and begins as zero", "[own_line]") {
    own_line<std::atomic<int>> values[2];
    const auto address = [](const auto& each) { return reinterpret_cast<std::uintptr_t>(&each.value); };
    CHECK(address(values[0]) % 64 == 0);
    CHECK(address(values[1]) - address(values[0]) >= 64);
    CHECK(values[0].value == 0);
    STATIC_REQUIRE(sizeof(own_line<char[65]>) == 128);
}

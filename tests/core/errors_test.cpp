// Tests of errors.hpp: the library's own exceptions are runtime errors with a text.
#include <fanout/core/errors.hpp>

#include <stdexcept>
#include <string>
#include <type_traits>

#include "catch.hpp"

TEST_CASE("cancelled and task_timeout can be caught as runtime errors", "[errors]") {
    STATIC_REQUIRE(std::is_base_of_v<std::runtime_error, fanout::cancelled>);
    STATIC_REQUIRE(std::is_base_of_v<std::runtime_error, fanout::task_timeout>);
    STATIC_REQUIRE(std::is_base_of_v<fanout::cancelled, fanout::deadline_exceeded>);
    STATIC_REQUIRE(std::is_nothrow_copy_constructible_v<fanout::cancelled>);
    STATIC_REQUIRE(std::is_nothrow_copy_constructible_v<fanout::task_timeout>);
}

TEST_CASE("a timeout knows its task", "[errors]") {
    const fanout::task_timeout late(7, "task 7 was late");
    CHECK(late.index() == 7);
    CHECK(late.what() == std::string("task 7 was late"));
}

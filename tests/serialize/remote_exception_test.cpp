// Tests of remote_exception.hpp: an exception with the name and the text of another.
#include <fanout/serialize/remote_exception.hpp>

#include <new>
#include <stdexcept>
#include <type_traits>

#include "catch.hpp"

using fanout::detail::remote;

static_assert(std::is_nothrow_copy_constructible_v<fanout::remote_exception> ||
              !std::is_copy_constructible_v<fanout::remote_exception>);  // only as a part of an exception
static_assert(std::is_nothrow_copy_constructible_v<remote<std::bad_alloc>>);

TEST_CASE("it is caught as its standard base and by its own name, copies too", "[remote_exception]") {
    const remote<std::out_of_range> first("parse_error", "line 7", "whatever the base says");
    const remote<std::out_of_range> copy = first;
    try {
        throw copy;
    } catch (const std::logic_error& e) {
        CHECK(std::string(e.what()) == "line 7");
    }
    try {
        throw copy;
    } catch (const fanout::remote_exception& e) {
        CHECK(e.type() == "parse_error");
        CHECK(e.text() == "line 7");
    }
}

TEST_CASE("a base that has no text of its own has that of the other", "[remote_exception]") {
    CHECK(std::string(remote<std::bad_alloc>("own_shortage", "out of paper").what()) == "out of paper");
}

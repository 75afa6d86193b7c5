#include <fanout/core/errors.hpp>
#include <fanout/tcp/function_key.hpp>
#include <string>

#include "catch.hpp"

using namespace fanout::detail;
using fanout::serialization_error;

template <int N>
struct numbered {
    static int enter() { return N; }
};

static int not_registered() { return 3; }

TEST_CASE("code that is mentioned anywhere may be named from outside") {
    const void* const first = entry_of<numbered<1>>.address();
    const void* const second = entry_of<numbered<2>>.address();
    CHECK(callable_code::contains(first));
    CHECK(callable_code::contains(second));
    CHECK(find_code(place_of_code(first)) == first);
    CHECK(find_code(place_of_code(second)) == second);
}

TEST_CASE("other code may not, and neither may a place that is none") {
    const auto place = place_of_code(reinterpret_cast<const void*>(&not_registered));
    REQUIRE(!place.module.empty());
    CHECK_THROWS_AS(find_code(place), serialization_error);
    CHECK_THROWS_AS(find_code({place.module, place.offset + 1}), serialization_error);
    CHECK_THROWS_AS(find_code({place.module, ~std::uint64_t{0}}), serialization_error);
    CHECK_THROWS_AS(find_code({}), serialization_error);
}

TEST_CASE("the library that the worker has not loaded is named") {
    try {
        static_cast<void>(find_code({"c0ffee", 16}));
        FAIL("found something");
    } catch (const serialization_error& e) {
        const std::string text = e.what();
        CHECK(text.find("c0ffee") != text.npos);
        CHECK(text.find("before worker_entry()") != text.npos);
    }
}

TEST_CASE("a pointer to a function finds that function again, and must point to code") {
    const void* const function = reinterpret_cast<const void*>(&not_registered);
    CHECK(find_function(place_of_function(function)) == function);
    const int local = 0;
    CHECK_THROWS_AS(place_of_function(&local), serialization_error);
    static const int constant = 5;
    CHECK_THROWS_AS(find_function(place_of(loaded_modules(), &constant)), serialization_error);
    CHECK_THROWS_AS(find_function({"c0ffee", 16}), serialization_error);
}

// Tests of decode_error.hpp: what is wrong with the bytes is said, and in which type.
#include <fanout/serialize/decode_error.hpp>

#include <stdexcept>
#include <vector>

#include "catch.hpp"
#include "support/matchers.hpp"

using namespace fanout::detail;

TEST_CASE("a decode error names what is wrong and the type", "[decode_error]") {
    CHECK_THROWS_AS(throw_decode_error("a bool of 7", typeid(bool)), fanout::decode_error);
    CHECK_THROWS_AS(throw_decode_error("a bool of 7", typeid(bool)), std::runtime_error);
    CHECK_THROWS_WITH(throw_decode_error("a bool of 7", typeid(bool)), "fanout: a bool of 7, in bool");
    CHECK_THROWS_WITH(throw_too_short(8, 3), "fanout: 8 bytes were to be read where 3 are left");
    CHECK_THROWS_WITH(throw_bad_length(5'000'000'000, 12, typeid(std::vector<double>)),
                      starting_with("fanout: a length of 5000000000 with 12 bytes left, in std::vector<double"));
}

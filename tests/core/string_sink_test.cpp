// Tests of string_sink.hpp: bytes are appended as they are written.
#include <fanout/core/string_sink.hpp>

#include <string>

#include "catch.hpp"

TEST_CASE("bytes are appended as they are written", "[string_sink]") {
    std::string text = "a";
    fanout::detail::string_sink sink(text);
    sink.write("bc", 2);
    sink.write("", 0);
    sink.write("\0d", 2);
    CHECK(text == std::string("abc\0d", 5));
}

// Tests of memory.hpp: a sink that keeps what is written, and a source that gives what is there.
#include <fanout/serialize/memory.hpp>

#include <cstddef>
#include <string>

#include "catch.hpp"

using fanout::detail::memory_sink;
using fanout::detail::memory_source;

TEST_CASE("a sink keeps all bytes while it grows", "[memory]") {
    memory_sink sink;
    CHECK(sink.size() == 0);
    std::string written;
    for (int i = 0; i < 1000; ++i) {
        const std::string text(static_cast<std::size_t>(i % 50), static_cast<char>('a' + i % 26));
        sink.write(text.data(), text.size());
        written += text;
    }
    REQUIRE(sink.size() == written.size());
    CHECK(std::string(reinterpret_cast<const char*>(sink.data()), sink.size()) == written);
}

TEST_CASE("a sink that was cleared begins anew in the same room", "[memory]") {
    memory_sink sink(100);
    const std::byte* const room = sink.data();
    sink.write("abc", 3);
    sink.clear();
    CHECK(sink.size() == 0);
    sink.write("de", 2);
    CHECK(sink.size() == 2);
    CHECK(sink.data() == room);
}

TEST_CASE("a source gives what is there and no more", "[memory]") {
    memory_source source("abcd", 4);
    char read[3] = {};
    source.read(read, 3);
    CHECK(std::string(read, 3) == "abc");
    CHECK(source.left() == 1);
    CHECK_THROWS_AS(source.read(read, 2), fanout::decode_error);
    source.read(read, 1);
    source.read(nullptr, 0);
    CHECK(source.left() == 0);
}

// Tests of archive.hpp: the archives as users meet them.
#include <fanout/serialize/archive.hpp>

#include <cstddef>
#include <string>
#include <vector>

#include "catch.hpp"
#include "support/matchers.hpp"
#include "support/round_trip.hpp"

using fanout::reader;
using fanout::writer;

TEST_CASE("values are read in the order in which they were written, in every notation", "[archive]") {
    fanout::detail::memory_sink sink;
    writer to(sink);
    to(1, std::string("two"));
    to & 3 & 4.0;
    to << std::vector{5} << 'c';

    fanout::detail::memory_source source(sink);
    reader from(source);
    int one = 0;
    std::string two;
    from(one, two);
    int three = 0;
    double four = 0;
    from & three & four;
    std::vector<int> five;
    from >> five;
    CHECK(from.read<char>() == 'c');
    CHECK((one == 1 && two == "two" && three == 3 && four == 4.0 && five == std::vector{5}));
    CHECK(source.left() == 0);
    CHECK_THROWS_AS(from.read<char>(), fanout::decode_error);
}

TEST_CASE("bytes and lengths can be written as they are", "[archive]") {
    fanout::detail::memory_sink sink;
    writer to(sink);
    to.write_length(3);
    to.write_bytes("abc", 3);

    fanout::detail::memory_source source(sink);
    reader from(source);
    std::string text(from.read_length<std::string>(), ' ');
    from.read_bytes(text.data(), text.size());
    CHECK(text == "abc");
}

TEST_CASE("a length is checked against what is left, for the size that an element has", "[archive]") {
    const auto refuses = [](std::size_t length, std::size_t bytes_each) {
        fanout::detail::memory_sink sink;
        writer to(sink);
        to.write_length(length);
        to.write_bytes("12345678", 8);
        fanout::detail::memory_source source(sink);
        reader from(source);
        CHECK_THROWS_WITH(from.read_length<std::string>(bytes_each),
                          containing("a length of " + std::to_string(length) + " with 8 bytes left, in std::"));
    };
    refuses(9, 1);
    refuses(3, 4);
    refuses(static_cast<std::size_t>(-1), 16);
}

TEST_CASE("memory is set aside as far as the source is believed", "[archive]") {
    const auto bytes = fanout::detail::bytes_of(7);
    fanout::detail::memory_source source(bytes.data(), bytes.size(), 1000);
    const reader from(source);
    CHECK(from.reservable(5, 100) == 5);
    CHECK(from.reservable(50, 100) == 10);
}

// Tests of read_exception.hpp: bytes that are not what a writer has written, and those that are just possible.
#include <fanout/serialize/read_exception.hpp>

#include <cstdint>
#include <exception>
#include <stdexcept>
#include <string>
#include <system_error>
#include <vector>

#include "catch.hpp"
#include "support/matchers.hpp"

using namespace fanout::detail;

namespace {

/// An exception's bytes, written by hand: type, text, nothing nested, and what follows.
template <class... Rest>
fanout::received_exception read_by_hand(const std::string& type, const std::string& what, const Rest&... rest) {
    memory_sink sink;
    fanout::writer to(sink);
    to(type, what, false);
    (to(rest), ...);
    memory_source source(sink);
    fanout::reader from(source);
    return exception_reader<>(from).take_exception();
}

template <class... Rest>
std::string refusal_of(const Rest&... rest) {
    try {
        read_by_hand("t", "w", rest...);
    } catch (const fanout::decode_error& e) {
        return e.what();
    }
    return "it was taken";
}

constexpr auto byte = [](int value) { return static_cast<std::uint8_t>(value); };

}  // namespace

TEST_CASE("kinds and classes that nobody knows are refused", "[read_exception]") {
    CHECK_THAT(refusal_of(byte(200)), containing("an unknown kind of exception"));
    CHECK_THAT(refusal_of(exception_kind::simple, byte(200)), containing("an unknown class of exceptions"));
    CHECK_THAT(refusal_of(exception_kind::number, byte(10)), containing("an unknown class of exceptions"));
    CHECK_THAT(refusal_of(exception_kind::standard, byte(standard_exceptions::size)), containing("an unknown class"));
    CHECK_THAT(refusal_of(exception_kind::registered, std::string("x"), std::uint32_t{0}, std::string(),
                          exception_kind::registered),
               containing("an unknown kind of exception"));
}

TEST_CASE("a registered class that this program does not know arrives as what is written behind it",
          "[read_exception]") {
    const auto received =
        read_by_hand("theirs", "text", exception_kind::registered, std::string("6theirs"), std::uint32_t{0},
                     std::string("bytes"), exception_kind::standard, byte(3), false, std::error_code());
    CHECK(received.type == "theirs");
    CHECK(received.what == "text");
    CHECK_THROWS_AS(std::rethrow_exception(received.exception), std::out_of_range);
    CHECK_THROWS_AS(std::rethrow_exception(received.exception), fanout::remote_exception);
}

TEST_CASE("exceptions may be nested so deep and no deeper", "[read_exception]") {
    memory_sink sink;
    fanout::writer to(sink);
    for (int i = 0; i < deepest_nested_exception + 1; ++i) to(std::string("t"), std::string("w"), true);
    memory_source source(sink);
    fanout::reader from(source);
    CHECK_THROWS_WITH(exception_reader<>(from).take_exception(), containing("nested more than 32 deep"));
}

TEST_CASE("a literal arrives as a literal that stays, and one that is too long as an error with that text",
          "[read_exception]") {
    const auto literal = read_by_hand("char const*", "short", exception_kind::literal);
    try {
        std::rethrow_exception(literal.exception);
    } catch (const char* text) {
        CHECK(std::string(text) == "short");
    }
    const std::string endless(5000, 'x');
    CHECK_THROWS_WITH(std::rethrow_exception(read_by_hand("char const*", endless, exception_kind::literal).exception),
                      endless);
}

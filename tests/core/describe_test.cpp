// Tests of describe.hpp: the type and the text of whatever was thrown.
#include <fanout/core/describe.hpp>

#include <exception>
#include <stdexcept>
#include <string>

#include "catch.hpp"
#include "support/matchers.hpp"

namespace {

struct our_error : std::runtime_error {
    using std::runtime_error::runtime_error;
};
struct no_exception {};

template <class Thrown>
std::string described(const Thrown& thrown) {
    try {
        throw thrown;
    } catch (...) {
        return fanout::detail::current_exception_type() + ": " + fanout::detail::current_exception_text();
    }
}

}  // namespace

TEST_CASE("an exception is described by its own type, as it stands in the source, and its text", "[describe]") {
    CHECK(described(std::out_of_range("far")) == "std::out_of_range: far");
    CHECK_THAT(described(our_error("ours")), ending_with("our_error: ours"));
    try {
        throw our_error("by reference to the base");
    } catch (const std::exception&) {
        CHECK_THAT(fanout::detail::current_exception_type(), ending_with("our_error"));
    }
}

TEST_CASE("an exception with another nested in it goes by the type that was thrown", "[describe]") {
    try {
        std::throw_with_nested(std::domain_error("outer"));
    } catch (...) {
        CHECK(fanout::detail::current_exception_type() == "std::domain_error");
        CHECK(fanout::detail::current_exception_text() == "outer");
    }
}

TEST_CASE("numbers and strings that were thrown are their own text", "[describe]") {
    CHECK(described(42) == "int: 42");
    CHECK(described(std::string("text")) == "std::string: text");
    const char* text = "text";
    CHECK(described(text) == "char const*: text");
    text = nullptr;
    CHECK(described(text) == "char const*: (null)");
}

TEST_CASE("what has no text is described by its type", "[describe]") {
    CHECK_THAT(described(no_exception()), containing("no_exception: (not a std::exception"));
    CHECK(described(1.5) == "double: (not a std::exception, so there is no text)");
}

TEST_CASE("a name that is no mangled type stays as it is", "[describe]") {
    CHECK(fanout::detail::demangled("not a type") == "not a type");
    CHECK(fanout::detail::demangled(typeid(our_error).name()).find("our_error") != std::string::npos);
}

// Tests of backend_options.hpp: what can stand behind the question mark, and what is said when it makes no sense.
#include <fanout/front/backend_options.hpp>

#include <cstddef>
#include <optional>
#include <stdexcept>
#include <string>

#include "catch.hpp"
#include "support/matchers.hpp"

using fanout::backend_options;

namespace {

template <class T>
T read(const std::string& value) {
    backend_options options("here", "x=" + value);
    T read = {};
    options.read("x", read);
    options.expect_all_read();
    return read;
}

}  // namespace

TEST_CASE("whole numbers, sizes, durations and text are read", "[backend_options]") {
    using namespace std::chrono_literals;
    CHECK(read<int>("12") == 12);
    CHECK(read<int>("-2") == -2);
    CHECK(read<std::optional<int>>("0") == 0);
    CHECK(read<std::size_t>("4096") == 4096);
    CHECK(read<std::size_t>("3K") == 3 * 1024);
    CHECK(read<std::size_t>("500M") == std::size_t{500} << 20);
    CHECK(read<std::size_t>("2G") == std::size_t{2} << 30);
    CHECK(read<std::optional<std::size_t>>("1T") == std::size_t{1} << 40);
    CHECK(read<std::chrono::microseconds>("0us") == 0us);
    CHECK(read<std::chrono::microseconds>("20ms") == 20ms);
    CHECK(read<std::chrono::microseconds>("3s") == 3s);
    CHECK(read<std::string>("host:80") == "host:80");
    CHECK(read<std::string>("").empty());
}

TEST_CASE("what was not given stays as it is, and the last of several counts", "[backend_options]") {
    backend_options options("here", "b=1&c=2&b=3");
    int a = 7, b = 7, c = 7;
    options.read("a", a);
    options.read("b", b);
    options.read("c", c);
    options.expect_all_read();
    CHECK(a == 7);
    CHECK(b == 3);
    CHECK(c == 2);
}

TEST_CASE("an option that nobody reads is refused, with those that there are", "[backend_options][bad-input]") {
    backend_options options("here", "retry=1");
    CHECK_THROWS_WITH(options.expect_all_read(),
                      "fanout: here: the option retry is not known; this backend has no options");
    int unused = 0;
    options.read("retries", unused);
    options.read("limit", unused);
    CHECK_THROWS_WITH(options.expect_all_read(),
                      "fanout: here: the option retry is not known; there are: retries, limit");
    CHECK_THROWS_AS(options.expect_all_read(), std::invalid_argument);
}

TEST_CASE("a value that makes no sense is refused with one that does", "[backend_options][bad-input]") {
    for (const char* bad :
         {"", "x", "1.5", "1 ", " 1", "+1", "0x10", "--1", "2147483648", "99999999999999999999", "1K"})
        CHECK_THROWS_WITH(read<int>(bad), containing("is not a whole number, as in x=2"));
    for (const char* bad : {"", "-1", "2X", "G", "2GB", "2g", "16777216T", "99999999999999999999"})
        CHECK_THROWS_WITH(read<std::size_t>(bad), containing("is not a number of bytes, as in x=500M"));
    for (const char* bad : {"", "5", "5m", "-5us", "us", "9999999999s"})
        CHECK_THROWS_WITH(read<std::chrono::microseconds>(bad),
                          containing("is not a time with its unit, as in x=100us"));
    CHECK_THROWS_WITH(read<int>("x"), "fanout: here: the option x=x is not a whole number, as in x=2");
    CHECK_THROWS_AS(read<int>("x"), std::invalid_argument);
}

TEST_CASE("an option without a name or a value is refused", "[backend_options][bad-input]") {
    for (const char* bad : {"retries", "=1", "a=1&&b=2", "a=1&b"})
        CHECK_THROWS_WITH(backend_options("here", bad), containing("write name=value, with & between several"));
}

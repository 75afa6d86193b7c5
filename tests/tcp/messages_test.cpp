#include <fanout/serialize/decode_error.hpp>
#include <fanout/tcp/messages.hpp>
#include <string>

#include "catch.hpp"

using namespace fanout::detail;

TEST_CASE("messages come back as they were") {
    const auto hello = unpacked<hello_message>(packed(hello_message{"host", 7, "/program", "build", 3}));
    CHECK(hello.host == "host");
    CHECK(hello.pid == 7);
    CHECK(hello.program == "/program");
    CHECK(hello.identity == "build");
    CHECK(hello.slots == 3);
    const auto run =
        unpacked<run_message>(packed(run_message{1, {"build", 64}, "", "function", {5, 6}, 7, 8, 9, 10, true}));
    CHECK(run.code == code_place{"build", 64});
    CHECK(run.shared.size() == 2);
    CHECK(run.n_jobs == 7);
    CHECK(run.memory_limit == 10);
    CHECK(run.collects_failures);
}

TEST_CASE("what is cut off, or goes on too long, is no message") {
    const std::string good = packed(reject_message{78, "because"});
    for (std::size_t size = 0; size < good.size(); ++size)
        CHECK_THROWS_AS(unpacked<reject_message>(good.substr(0, size)), fanout::decode_error);
    CHECK_THROWS_AS(unpacked<reject_message>(good + "x"), fanout::decode_error);
}

TEST_CASE("numbers are appended and taken as they lie in memory") {
    std::string bytes;
    append_raw(bytes, std::uint32_t{7});
    append_raw(bytes, chunk_header{1, 2, 3, 4});
    std::size_t at = 0;
    std::uint32_t number = 0;
    chunk_header header;
    REQUIRE(take_raw(bytes, at, number));
    REQUIRE(take_raw(bytes, at, header));
    CHECK(number == 7);
    CHECK(header.first == 2);
    CHECK(header.attempts == 4);
    CHECK(at == bytes.size());
    CHECK(!take_raw(bytes, at, number));
    at = bytes.size() + 1;
    CHECK(!take_raw(bytes, at, number));
}

#include <fanout/tcp/address.hpp>
#include <stdexcept>
#include <string>

#include "catch.hpp"
#include "support/matchers.hpp"

using namespace fanout::detail;

TEST_CASE("addresses are host:port, also with IPv6") {
    CHECK(address::parse("node7:9000").host == "node7");
    CHECK(address::parse("node7:9000").port == "9000");
    CHECK(address::parse("[::1]:80").host == "::1");
    CHECK(address::parse("[::1]:80").text() == "[::1]:80");
    CHECK(address::parse("10.0.0.1:0").text() == "10.0.0.1:0");
    const auto both = address::parse_list("a:1,[::1]:2");
    REQUIRE(both.size() == 2);
    CHECK(both[1].host == "::1");
}

TEST_CASE("what is no address is refused with the way to write one") {
    for (const char* wrong : {"", "host", "host:", ":80", "host:port", "host:123456", "host:65536", "host:99999",
                              "[::1:80", "a:1,", "a:1,b", ":", "host:8/", "host:-1", "host: 1", "[::1]"}) {
        INFO(wrong);
        CHECK_THROWS_AS(address::parse_list(wrong), std::invalid_argument);
    }
}

TEST_CASE("a name that nobody knows is an error with the name in it") {
    try {
        listen_at({"no.such.host.invalid", "0"}, false);
        FAIL("it could be found");
    } catch (const std::invalid_argument& e) {
        CHECK_THAT(e.what(), containing("no.such.host.invalid"));
    }
}

TEST_CASE("what listens can be connected to, on both kinds of loopback") {
    for (const char* host : {"127.0.0.1", "::1", "localhost"}) {
        INFO(host);
        descriptor listener;
        try {
            listener = listen_at({host, "0"}, true);
        } catch (const std::system_error&) {  // no IPv6 here
            continue;
        }
        std::string why;
        const descriptor socket = connect_to({host, port_of(listener)}, 1000, why);
        CHECK(socket);
        CHECK(why == "");
    }
}

TEST_CASE("where nobody listens the reason is told") {
    std::string port;
    {
        const descriptor listener = listen_at({"127.0.0.1", "0"}, true);
        port = port_of(listener);
    }
    std::string why;
    CHECK(!connect_to({"127.0.0.1", port}, 1000, why));
    CHECK_THAT(why, containing("refused"));
}

TEST_CASE("who may listen on loopback only cannot listen elsewhere") {
    CHECK_THROWS_AS(listen_at({"0.0.0.0", "0"}, true), std::invalid_argument);
    CHECK_THROWS_AS(listen_at({"::", "0"}, true), std::invalid_argument);
}

TEST_CASE("a port that is taken is named") {
    const descriptor first = listen_at({"127.0.0.1", "0"}, true);
    try {
        listen_at({"127.0.0.1", port_of(first)}, true);
        FAIL("both could listen");
    } catch (const std::system_error& e) {
        CHECK_THAT(e.what(), containing("another coordinator"));
    }
}

TEST_CASE("this machine has addresses, of which loopback comes last") {
    const auto all = own_addresses();
    REQUIRE(!all.empty());
    CHECK((all.back() == "127.0.0.1" || all.back() == "::1"));
    CHECK(!host_name().empty());
}

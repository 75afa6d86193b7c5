// A connection with nobody at its other end: what is sent stays where it is.
#pragma once

#include <sys/socket.h>

#include <fanout/tcp/connection.hpp>
#include <memory>

#include "catch.hpp"

class silent_driver final : public fanout::detail::connection_driver {
    void has_news(fanout::detail::connection&) noexcept override {}
};

inline std::shared_ptr<fanout::detail::connection> lonely_connection(fanout::detail::connection_driver& driver) {
    using namespace fanout::detail;
    int ends[2];
    REQUIRE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) == 0);
    const descriptor other(ends[1]);
    conversation talk;
    talk.security = security_mode::plain;
    return std::make_shared<connection>(descriptor(ends[0]), talk, driver, clock::now());
}

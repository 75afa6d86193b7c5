#include <fanout/tcp/heartbeat.hpp>

#include "catch.hpp"

using namespace fanout::detail;
using namespace std::chrono_literals;
using action = heartbeat::action;

static const clock::time_point start{std::chrono::hours(1000)};

/// As it is asked: all the time.
static action asked_until(heartbeat& pulse, clock::time_point from, clock::time_point to) {
    for (; from < to; from += 100ms) pulse.due(from);
    return pulse.due(to);
}

TEST_CASE("who does not prove who he is has ten seconds") {
    heartbeat pulse({}, start);
    CHECK(pulse.due(start + 9s) == action::none);
    CHECK(pulse.next() == start + 10s);
    CHECK(pulse.due(start + 10s) == action::give_up);
}

TEST_CASE("a side that has said nothing for five seconds says something") {
    heartbeat pulse({}, start);
    pulse.has_shaken_hands(start);
    CHECK(pulse.due(start + 4s) == action::none);
    CHECK(pulse.due(start + 5s) == action::beat);
    pulse.has_sent(start + 5s);
    CHECK(pulse.due(start + 6s) == action::none);
    CHECK(pulse.next() == start + 10s);
}

TEST_CASE("a side of which nothing has been heard for thirty seconds is dead, and any byte is a sign of life") {
    heartbeat pulse({}, start);
    pulse.has_shaken_hands(start);
    pulse.has_sent(start + 29s);
    CHECK(asked_until(pulse, start, start + 29s) == action::none);
    CHECK(pulse.due(start + 30s) == action::give_up);
    pulse.has_heard(start + 29s);
    pulse.has_sent(start + 58s);
    CHECK(asked_until(pulse, start + 30s, start + 58s) == action::none);
    CHECK(pulse.due(start + 59s) == action::give_up);
}

TEST_CASE("who does not listen cannot say that the other is silent") {
    heartbeat pulse({}, start);
    pulse.has_shaken_hands(start);
    pulse.set_deaf(true, start + 1s);
    CHECK(asked_until(pulse, start, start + 1h) == action::beat);
    pulse.set_deaf(false, start + 1h);
    pulse.has_sent(start + 1h);
    CHECK(asked_until(pulse, start + 1h, start + 1h + 29s) == action::beat);
    CHECK(pulse.due(start + 1h + 30s) == action::give_up);
}

TEST_CASE("time in which this side was stopped is not held against the other") {
    heartbeat pulse({}, start);
    pulse.has_shaken_hands(start);
    CHECK(asked_until(pulse, start, start + 4s) == action::none);
    CHECK(pulse.due(start + 1h) == action::beat);  // the lid was closed
    pulse.has_sent(start + 1h);
    CHECK(asked_until(pulse, start + 1h, start + 1h + 29s) == action::beat);
    CHECK(pulse.due(start + 1h + 30s) == action::give_up);
}

#include <fanout/tcp/bad_hosts.hpp>

#include "catch.hpp"

using namespace fanout::detail;
using namespace std::chrono_literals;

TEST_CASE("a machine that loses three workers within five minutes is blocked for fifteen") {
    bad_hosts hosts;
    const clock::time_point start(1h);
    CHECK(!hosts.note_loss("a", start));
    CHECK(!hosts.note_loss("a", start + 1min));
    CHECK(!hosts.note_loss("b", start + 1min));
    CHECK(!hosts.is_blocked("a", start + 2min));
    CHECK(!hosts.any(start + 2min));
    CHECK(hosts.note_loss("a", start + 2min));
    CHECK(hosts.is_blocked("a", start + 2min));
    CHECK(hosts.any(start + 2min));
    CHECK(!hosts.is_blocked("b", start + 2min));
    CHECK(hosts.is_blocked("a", start + 16min));
    CHECK(!hosts.is_blocked("a", start + 17min));
    CHECK(!hosts.any(start + 17min));
}

TEST_CASE("losses that lie far apart are no reason, and after its time a machine begins anew") {
    bad_hosts hosts;
    clock::time_point now(1h);
    for (int i = 0; i < 20; ++i, now += 3min) CHECK(!hosts.note_loss("a", now));
    CHECK(!hosts.note_loss("b", now));
    CHECK(!hosts.note_loss("b", now));
    CHECK(hosts.note_loss("b", now));
    now += 15min;
    CHECK(!hosts.note_loss("b", now));
    CHECK(!hosts.is_blocked("b", now));
}

TEST_CASE("a machine that goes on losing workers is blocked for longer, and that is said once") {
    bad_hosts hosts;
    clock::time_point now(1h);
    int said = 0;
    for (int i = 0; i < 30; ++i, now += 1min) said += hosts.note_loss("a", now);
    CHECK(said == 1);
    CHECK(hosts.is_blocked("a", now + 13min));
    CHECK(!hosts.is_blocked("a", now + 16min));
}

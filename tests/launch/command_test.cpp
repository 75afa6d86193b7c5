#include <fanout/launch/command.hpp>

#include "catch.hpp"
#include "support/matchers.hpp"

using namespace fanout::detail;
using namespace std::chrono_literals;

TEST_CASE("a command gives its answer") {
    const answer good = ask({"/bin/sh", "-c", "echo 42; echo noise >&2"});
    CHECK(good.good);
    CHECK(good.output == "42");
    CHECK(good.why.empty());
}

TEST_CASE("a command that fails is shown with what it said and how it ended") {
    const answer bad = ask({"/bin/sh", "-c", "echo 'no such partition' >&2; exit 3"});
    CHECK(!bad.good);
    CHECK_THAT(bad.why, containing("no such partition"));
    CHECK_THAT(bad.why, containing("exit code 3"));
    CHECK_THAT(bad.why, containing("/bin/sh -c 'echo '\\''no such"));
    CHECK_THAT(ask({"/bin/sh", "-c", "echo 'on stdout'; exit 1"}).why, containing("on stdout"));
}

TEST_CASE("a command that is not there, or does not answer, is said") {
    CHECK_THAT(ask({"/no/such/command", "-x"}).why, containing("`/no/such/command -x`: No such file"));
    CHECK_THAT(ask({"/bin/sleep", "60"}, 10ms).why, containing("has not answered"));
}

TEST_CASE("who ignores the ends of children is told what commands complain of, not that all is well") {
    const auto before = signal(SIGCHLD, SIG_IGN);
    const answer good = ask({"/bin/echo", "12"});
    const answer bad = ask({"/bin/sh", "-c", "echo no such queue >&2; exit 1"});
    const answer silent = ask({"/bin/false"});
    signal(SIGCHLD, before);
    CHECK(good.good);
    CHECK(good.output == "12");
    CHECK_FALSE(bad.good);
    CHECK(bad.why.find("no such queue") != std::string::npos);
    CHECK_FALSE(silent.good);
}

TEST_CASE("a command can be waited for later") {
    command slow({"/bin/sh", "-c", "read line; echo done"});  // its input has ended
    while (!slow.has_ended()) {
    }
    CHECK(slow.wait(0ms).output == "done");
}

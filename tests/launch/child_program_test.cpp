#include <fanout/launch/child_program.hpp>
#include <string>

#include "catch.hpp"

using namespace fanout::detail;

TEST_CASE("a program reads its input, and its end is known") {
    child_program program;
    REQUIRE(program.start({"/bin/sh", "-c", "read line && test \"$line\" = hello && test \"$MARK\" = 1 && exit 7"},
                          "MARK=1", "hello\n") == 0);
    CHECK(program.pid() > 0);
    REQUIRE(program.wait_for_end(20'000));
    CHECK(WEXITSTATUS(program.status()) == 7);
    CHECK(end_of(program.status()) == "it ended with exit code 7");
    CHECK(program.has_ended());
}

TEST_CASE("it may wait for the end of its input") {
    child_program program;
    REQUIRE(program.start({"/bin/sh", "-c", "cat > /dev/null; exit 3"}, "MARK=1", "line\n") == 0);
    CHECK(!program.wait_for_end(50));
    program.close_input();
    REQUIRE(program.wait_for_end(20'000));
    CHECK(WEXITSTATUS(program.status()) == 3);
}

TEST_CASE("it can be asked to leave") {
    child_program program;
    REQUIRE(program.start({"/bin/sleep", "60"}, "MARK=1", "") == 0);
    program.ask_to_leave();
    REQUIRE(program.wait_for_end(20'000));
    CHECK(end_of(program.status()) == "it was killed by signal 15");
}

TEST_CASE("what cannot be started is an error, and what runs is killed in the end") {
    child_program none;
    CHECK(none.start({"/no/such/program"}, "MARK=1", "") == ENOENT);
    CHECK(none.has_ended());
    pid_t pid = 0;
    {
        child_program program;
        REQUIRE(program.start({"/bin/sleep", "60"}, "MARK=1", "") == 0);
        pid = program.pid();
        child_program moved = std::move(program);
        CHECK(program.has_ended());
        CHECK(moved.pid() == pid);
    }
    CHECK(kill(pid, 0) == -1);
}

TEST_CASE("how it ended is not made up when nobody can know") {
    const auto before = signal(SIGCHLD, SIG_IGN);
    child_program program;
    REQUIRE(program.start({"/bin/false"}, "MARK=1", "") == 0);
    CHECK(program.wait_for_end(20'000));
    signal(SIGCHLD, before);
    CHECK(program.status() == child_program::unknown);
    CHECK(end_of(program.status()).find("SIGCHLD") != std::string::npos);
}

TEST_CASE("it is waited for as long as was said, by the clock") {
    child_program program;
    REQUIRE(program.start({"/bin/sleep", "60"}, "MARK=1", "") == 0);
    const auto began = fanout::detail::clock::now();
    CHECK_FALSE(program.wait_for_end(300));
    const auto took = fanout::detail::clock::now() - began;
    CHECK(took >= fanout::detail::microseconds(300'000));
    program.kill();
    CHECK(program.has_ended());
    CHECK(end_of(program.status()) == "it was killed by signal 9");
}

TEST_CASE("who does not read its input does no harm") {
    child_program program;
    REQUIRE(program.start({"/bin/true"}, "MARK=1", std::string(1000, 'x')) == 0);
    CHECK(program.wait_for_end(20'000));
}

TEST_CASE("no descriptor of ours is open in it") {
    int ends[2];
    REQUIRE(pipe(ends) == 0);  // open in every child, if nobody sees to it
    child_program program;
    REQUIRE(
        program.start({"/bin/sh", "-c", "exec 2> /dev/null; if : >&" + std::to_string(ends[1]) + "; then exit 1; fi"},
                      "MARK=1", "") == 0);
    REQUIRE(program.wait_for_end(20'000));
    CHECK(WEXITSTATUS(program.status()) != 1);
    close(ends[0]);
    close(ends[1]);
}

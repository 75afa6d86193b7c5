// Tests of portable_several.hpp: different calls at once, each on a worker process.
#include <unistd.h>
#include <fanout/fanout.hpp>

#include <csignal>
#include <memory>
#include <stdexcept>
#include <string>
#include <tuple>

#include "catch.hpp"

using fanout::delayed, fanout::parallel, fanout::processes;

TEST_CASE("different functions run in other processes, and their results come back as a tuple", "[portable_several]") {
    const auto [number, text, owned, none, pid] = parallel(2, processes{})(
        delayed([](int i) { return i * 2; })(21), delayed([](std::string s) { return s + "!"; })("hi"),
        delayed([](std::unique_ptr<int> p) { return p; })(std::make_unique<int>(7)), delayed([] {})(),
        delayed([] { return static_cast<long>(getpid()); })());
    CHECK(number == 42);
    CHECK(text == "hi!");
    CHECK(*owned == 7);
    CHECK(none == fanout::nothing());
    CHECK(pid != static_cast<long>(getpid()));
}

TEST_CASE("an exception of one of them arrives in its type, or in its outcome", "[portable_several][errors]") {
    const auto good = delayed([](int i) { return i; })(1);
    const auto bad = delayed([](int) -> int { throw std::out_of_range("bad"); })(2);
    CHECK_THROWS_AS(parallel(2, processes{})(good, bad), std::out_of_range);
    const auto [first, second] = parallel(2, processes{}).outcomes(good, bad);
    CHECK(first.value() == 1);
    CHECK(second.error().what == "bad");
    CHECK(second.error().index == 1);
}

TEST_CASE("a crash of one of them costs only that one", "[portable_several][errors]") {
    const auto [first, second] =
        parallel(2, processes{.retries = 0}).outcomes(delayed([](int i) { return i; })(1), delayed([] {
                                                          kill(getpid(), SIGKILL);
                                                          return 2;
                                                      })());
    CHECK(first.value() == 1);
    CHECK(second.error().signal == SIGKILL);
    CHECK_THROWS_AS(second.value(), fanout::worker_lost);
}

// Tests of short_wait.hpp: whether to stay awake is learnt from the call before.
#include <fanout/tcp/short_wait.hpp>

#include <chrono>
#include <thread>

#include "catch.hpp"

using namespace fanout::detail;

namespace {

bool never() { return false; }
bool at_once() { return true; }

/// A call whose last tasks take so long.
void call_that_waits(short_wait& wait, std::chrono::microseconds long_) {
    wait.begin();
    wait.is_over_soon(never);
    if (long_.count() > 0) std::this_thread::sleep_for(long_);
    wait.end();
}

}  // namespace

TEST_CASE("nobody stays awake before a short wait has been seen, or after a long one") {
    short_wait wait;
    wait.begin();
    CHECK_FALSE(wait.is_over_soon(at_once));
    call_that_waits(wait, 2 * std::chrono::microseconds(400));
    wait.begin();
    CHECK_FALSE(wait.is_over_soon(at_once));
}

TEST_CASE("after a short wait the next one is awake, and not for ever") {
    short_wait wait;
    do call_that_waits(wait, {});  // again if this thread has just lost its CPU
    while (wait.begin(), !wait.is_over_soon(at_once));
    int looks = 0;
    const bool was_over = wait.is_over_soon([&] { return ++looks == 2; });
    CHECK(was_over == (looks == 2));
    const auto before = std::chrono::steady_clock::now();
    CHECK_FALSE(wait.is_over_soon(never));
    CHECK(std::chrono::steady_clock::now() - before < std::chrono::seconds(5));
    wait.end();
    wait.begin();
    CHECK_FALSE(wait.is_over_soon(at_once));  // since that one was long
}

TEST_CASE("a call that did not wait says nothing about the next") {
    short_wait wait;
    do call_that_waits(wait, {});
    while (wait.begin(), !wait.is_over_soon(at_once));
    wait.begin();
    wait.end();
    wait.begin();
    CHECK(wait.is_over_soon(at_once));
}

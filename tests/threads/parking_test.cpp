// Tests of parking.hpp: no call is lost, whenever it comes.
#include <fanout/threads/parking.hpp>

#include <atomic>
#include <chrono>
#include <memory>
#include <thread>

#include "catch.hpp"
#include "support/sanitizers.hpp"

using fanout::detail::parking_spot;
using namespace std::chrono_literals;

namespace {

constexpr int rounds = FANOUT_TESTS_UNDER_TSAN ? 5'000 : 20'000;

}  // namespace

TEST_CASE("a call that came before the wait is not lost", "[parking]") {
    parking_spot spot;
    for (const auto spin : {0us, 50us}) {
        spot.call();
        CHECK(spot.wait(spin));
        spot.call();
        CHECK(spot.wait(spin, 1us));
    }
}

TEST_CASE("who is not called gives up when patience has run out, and finds a later call", "[parking]") {
    parking_spot spot;
    CHECK_FALSE(spot.wait(0us, 1ms));
    CHECK_FALSE(spot.wait(100us, 1ms));
    spot.call();
    CHECK(spot.wait(0us, 1ms));
    CHECK_FALSE(spot.wait(0us, 1ms));
}

TEST_CASE("two threads call each other back and forth, and what each wrote the other sees", "[parking]") {
    for (const auto spin : {0us, 50us}) {
        parking_spot ping;
        parking_spot pong;
        int written = 0;  // plain: the calls alone hand it over
        int lost = 0;
        std::jthread other([&] {
            for (int i = 0; i < rounds; ++i) {
                ping.wait(spin);
                ++written;
                pong.call();
            }
        });
        for (int i = 0; i < rounds; ++i) {
            ping.call();
            pong.wait(spin);
            lost += written != i + 1;
        }
        CHECK(lost == 0);
        CHECK(written == rounds);
    }
}

TEST_CASE("a call that races with the end of patience is found by this wait or the next", "[parking]") {
    for (const auto patience : {0us, 1us, 20us}) {
        parking_spot ping;
        parking_spot pong;
        int gave_up = 0;
        std::jthread other([&] {
            for (int i = 0; i < rounds / 5; ++i) {
                while (!ping.wait(0us, patience)) ++gave_up;
                pong.call();
            }
        });
        for (int i = 0; i < rounds / 5; ++i) {
            ping.call();
            while (!pong.wait(0us, patience)) {
            }
        }
        other.join();
        CHECK_FALSE(ping.wait(0us, 0us));  // as many waits as calls
    }
}

TEST_CASE("a spot may be destroyed as soon as its only call has been seen", "[parking]") {
    std::atomic<parking_spot*> waiting = nullptr;
    std::jthread other([&] {
        for (int i = 0; i < rounds / 2; ++i) {
            parking_spot* spot = nullptr;
            while (!(spot = waiting.exchange(nullptr))) std::this_thread::yield();
            spot->call();
        }
    });
    for (int i = 0; i < rounds / 2; ++i) {
        const auto spot = std::make_unique<parking_spot>();
        waiting = spot.get();
        spot->wait(i % 2 == 0 ? 0us : 5us);
    }
    SUCCEED("an address or thread sanitizer sees what goes wrong here");
}

TEST_CASE("calls that come together count as one", "[parking]") {
    parking_spot spot;
    spot.call();
    spot.call();
    CHECK(spot.wait(0us, 1us));
    CHECK_FALSE(spot.wait(0us, 1us));
}

TEST_CASE("a waiter may be called by several, each of which it hears", "[parking]") {
    parking_spot spot;
    std::atomic<int> calls = 0;
    constexpr int each = rounds;
    const auto call_often = [&] {
        for (int i = 0; i < each; ++i) {
            ++calls;
            spot.call();
        }
    };
    int seen = 0;
    {
        const std::jthread one(call_often);
        const std::jthread two(call_often);
        while (seen < 2 * each) {  // hangs if a call is lost
            spot.wait(0us);
            seen = calls;
        }
    }
    CHECK(seen == 2 * each);
}

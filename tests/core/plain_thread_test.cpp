// Tests of plain_thread.hpp: a plain function runs on a thread of its own, until it is joined or let go.
#include <fanout/core/plain_thread.hpp>

#include <atomic>
#include <latch>
#include <thread>
#include <type_traits>
#include <utility>

#include "catch.hpp"

using fanout::detail::plain_thread;

namespace {

void* note_id(void* id) {
    *static_cast<std::thread::id*>(id) = std::this_thread::get_id();
    return nullptr;
}

}  // namespace

TEST_CASE("the function runs on another thread, and is given what it is for", "[plain_thread]") {
    std::thread::id ran_on;
    plain_thread thread(note_id, &ran_on);
    CHECK(thread.joinable());
    thread.join();
    CHECK_FALSE(thread.joinable());
    CHECK(ran_on != std::thread::id());
    CHECK(ran_on != std::this_thread::get_id());
}

TEST_CASE("a thread can be handed on, but not copied", "[plain_thread]") {
    STATIC_REQUIRE_FALSE(std::is_copy_constructible_v<plain_thread>);
    std::thread::id ran_on;
    plain_thread first(note_id, &ran_on);
    plain_thread second(std::move(first));
    CHECK_FALSE(first.joinable());
    plain_thread third;
    CHECK_FALSE(third.joinable());
    third = std::move(second);
    REQUIRE(third.joinable());
    third.join();
    CHECK(ran_on != std::thread::id());
}

TEST_CASE("a thread that was let go runs on", "[plain_thread]") {
    struct meeting {
        std::latch here{2};
        std::atomic<bool> left = false;
    } met;
    plain_thread thread(
        [](void* of) -> void* {
            static_cast<meeting*>(of)->here.arrive_and_wait();
            static_cast<meeting*>(of)->left = true;
            return nullptr;
        },
        &met);
    thread.detach();
    CHECK_FALSE(thread.joinable());
    met.here.arrive_and_wait();
    while (!met.left) std::this_thread::yield();
}

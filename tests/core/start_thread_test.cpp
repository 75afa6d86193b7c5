// Tests of start_thread.hpp: a plain function runs on a thread of its own.
#include <fanout/core/start_thread.hpp>

#include <thread>

#include "catch.hpp"

TEST_CASE("the function runs on another thread, and is given what it is for", "[start_thread]") {
    std::thread::id ran_on;
    fanout::detail::start_thread([](std::thread::id* id) { *id = std::this_thread::get_id(); }, ran_on).join();
    CHECK(ran_on != std::thread::id());
    CHECK(ran_on != std::this_thread::get_id());
}

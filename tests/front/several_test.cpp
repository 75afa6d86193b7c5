// Tests of several.hpp: different functions at once, each result in its place.
#include <fanout/front/parallel.hpp>

#include <chrono>
#include <cstddef>
#include <memory>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <thread>
#include <tuple>
#include <type_traits>
#include <utility>

#include "catch.hpp"
#include "support/each_backend.hpp"

using fanout::delayed, fanout::nothing, fanout::parallel;

namespace {

struct no_default {
    explicit no_default(int v) : value(v) {}
    int value;
};

int square(int i) { return i * i; }

}  // namespace

TEST_CASE("each call's result is in its own place, in its own type", "[several]") {
    on_each_backend({.n_jobs = 2}, [](const auto& run) {
        auto [number, text, owner, made, bit] =
            run(delayed(square)(3), delayed([](std::string s) { return s + "!"; })("hi"),
                delayed([](int i) { return std::make_unique<int>(i); })(5),
                delayed([](int i) { return no_default(i); })(6), delayed([] { return true; })());
        CHECK(number == 9);
        CHECK(text == "hi!");
        CHECK(*owner == 5);
        CHECK(made.value == 6);
        CHECK(bit);
        auto [alone] = run(delayed(square)(2));
        CHECK(alone == 4);
    });
}

TEST_CASE("calls kept in variables can be made again; temporary ones give away their arguments", "[several]") {
    on_each_backend({.n_jobs = 2}, [](const auto& run) {
        auto length = delayed([](std::string s) { return s.size(); })(std::string("four"));
        const auto constant = delayed(square)(3);
        CHECK(run(length, constant) == std::tuple(std::size_t(4), 9));
        CHECK(run(length, constant) == std::tuple(std::size_t(4), 9));
        const auto take = [](std::unique_ptr<int> p) { return *p; };
        auto owned = delayed(take)(std::make_unique<int>(7));
        CHECK(run(std::move(owned), delayed(take)(std::make_unique<int>(8))) == std::tuple(7, 8));
    });
}

TEST_CASE("a call without a result gives nothing, in its place", "[several]") {
    on_each_backend({.n_jobs = 2}, [](const auto& run) {
        int ran = 0;
        const auto results = run(delayed(square)(2), delayed([&] { ran = 1; })());
        STATIC_REQUIRE(std::is_same_v<decltype(results), const std::tuple<int, nothing>>);
        CHECK(ran == 1);
        CHECK(std::get<0>(results) == 4);
    });
}

TEST_CASE("of several failed calls the first in the list is reported", "[several][errors]") {
    on_each_backend({.n_jobs = 1}, [](const auto& run) {
        int ran = 0;
        const auto fails = [](const char* why) { throw std::domain_error(why); };
        CHECK_THROWS_WITH(
            run(delayed(square)(2), delayed(fails)("one"), delayed([&] { ++ran; })(), delayed(fails)("two")), "one");
        CHECK(ran == 0);  // no task starts after one has failed
    });
}

TEST_CASE("calls that want a token and calls that do not can be mixed", "[several][token]") {
    on_each_backend({.n_jobs = 2, .timeout = std::chrono::milliseconds(10)}, [](const auto& run) {
        const auto waits = [](std::stop_token told, int i) {
            while (!told.stop_requested()) std::this_thread::yield();
            return i;
        };
        auto [quick, slow] = run.outcomes(delayed([](int i) { return i; })(2), delayed(waits)(3));
        CHECK(slow.error().type == "fanout::task_timeout");
        CHECK(slow.error().index == 1);
        if (quick) CHECK(*quick == 2);  // unless the machine stood still for 10 ms
    });
}

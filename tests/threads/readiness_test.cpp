// Tests of readiness.hpp, in a time that is made up.
#include <fanout/threads/readiness.hpp>

#include <chrono>

#include "catch.hpp"

using namespace std::chrono_literals;

namespace {

/// Passes when it is looked at.
struct made_up_clock {
    using duration = std::chrono::nanoseconds;
    using time_point = std::chrono::time_point<made_up_clock, duration>;

    static time_point now() {
        if (helper_to_call) helper_to_call->note_short_call();
        return time_point(passed += 10ns);
    }

    static inline duration passed{};
    static inline fanout::detail::basic_readiness<made_up_clock>* helper_to_call = nullptr;
};

using readiness = fanout::detail::basic_readiness<made_up_clock>;

made_up_clock::duration time_until_it_comes(readiness& helper) {
    const auto start = made_up_clock::passed;
    helper.let_short_calls_end();
    return made_up_clock::passed - start;
}

}  // namespace

TEST_CASE("a helper lets a short call last for half a microsecond before it comes", "[readiness]") {
    readiness helper;
    CHECK(time_until_it_comes(helper) == 0ns);  // not a short one
    helper.note_short_call();
    const auto first = time_until_it_comes(helper);
    CHECK(first >= 500ns);
    CHECK(first < 600ns);
    CHECK(time_until_it_comes(helper) == 0ns);  // that one still lasts
}

TEST_CASE("a helper whose last help was worth it comes at once", "[readiness]") {
    readiness helper;
    helper.note_help(1us);
    helper.note_short_call();
    CHECK(time_until_it_comes(helper) == 0ns);
    helper.note_help(999ns);
    CHECK(time_until_it_comes(helper) >= 500ns);
}

TEST_CASE("a helper comes in the end though one short call follows the other", "[readiness]") {
    readiness helper;
    helper.note_short_call();
    made_up_clock::helper_to_call = &helper;
    const auto waited = time_until_it_comes(helper);
    made_up_clock::helper_to_call = nullptr;
    CHECK(waited >= 20us);
    CHECK(waited < 25us);
}

TEST_CASE("a helper stays awake for half as long as it helped, within limits", "[readiness]") {
    readiness helper;
    CHECK(helper.stays_awake(100us) == 100us);
    helper.note_help(100us);
    CHECK(helper.stays_awake(100us) == 100us);
    helper.note_help(600us);
    CHECK(helper.stays_awake(100us) == 300us);
    CHECK(helper.stays_awake(400us) == 400us);
    helper.note_help(1s);
    CHECK(helper.stays_awake(100us) == 500us);
    CHECK(helper.stays_awake(2ms) == 2ms);
    CHECK(helper.stays_awake(0us) == 0us);
}

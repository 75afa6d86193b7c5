// Tests of delayed_call.hpp: a call that was sent gives what it would have given.
#include <fanout/serialize/delayed_call.hpp>

#include <functional>
#include <memory>
#include <string>

#include "catch.hpp"
#include "support/round_trip.hpp"

using fanout::delayed, fanout::serializable;

namespace {

int twice(int i) { return 2 * i; }
const auto join = delayed([](const std::string& a, int b) { return a + std::to_string(b); });
template <class F, class... Args>
using call_of = decltype(delayed(std::declval<F>())(std::declval<Args>()...));

struct adds {
    int offset;
    int operator()(int i) const { return i + offset; }
};

}  // namespace

static_assert(serializable<decltype(join(std::string("a"), 1))>);
static_assert(serializable<call_of<std::plus<>, int, double>>);
static_assert(!serializable<call_of<int (*)(int), int>>, "an address means nothing elsewhere");
static_assert(!serializable<call_of<adds, int>>, "what it has captured would be lost");
static_assert(!serializable<decltype(delayed(std::plus<>())(std::declval<std::reference_wrapper<int>>(), 1))>);

TEST_CASE("a call is sent with its arguments, from left to right", "[delayed_call]") {
    CHECK(round_trip(join(std::string("task "), 7))() == "task 7");
    CHECK(round_trip(delayed(std::minus<>())(5, 3))() == 2);
    CHECK(delayed(twice)(3)() == 6);
}

TEST_CASE("arguments that can only be moved are sent too", "[delayed_call]") {
    const auto call = delayed([](std::unique_ptr<int> p) { return *p; })(std::make_unique<int>(7));
    CHECK(round_trip(call)() == 7);
}

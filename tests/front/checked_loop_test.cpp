// Tests of checked_loop.hpp; what it refuses is in compile_fail.
#include <fanout/front/checked_loop.hpp>
#include <fanout/front/parallel.hpp>
#include <fanout/processes/processes.hpp>

#include <memory>
#include <stdexcept>
#include <type_traits>
#include <vector>

#include "catch.hpp"

using namespace fanout::detail;
using fanout::delayed;

namespace {

int number(int i) { return i; }
int* pointer(int) { return nullptr; }

template <class F, class Runner>
bool may_leave(const F&, const Runner& runner) {
    return checked_loop<F, std::vector<int>>(runner, [](auto portable) { return bool(portable); });
}

}  // namespace

TEST_CASE("a loop leaves the process if the backend does, or may, and its results can", "[checked_loop]") {
    CHECK_FALSE(may_leave(&number, fanout::threads{}));
    CHECK_FALSE(may_leave(&pointer, fanout::threads{}));
    CHECK(may_leave(&number, fanout::processes{}));
    CHECK(may_leave(&number, fanout::any_backend()));
    CHECK_FALSE(may_leave(&pointer, fanout::any_backend()));
    CHECK_THROWS_AS(may_leave(&pointer, fanout::any_backend(fanout::processes{})), std::invalid_argument);
}

TEST_CASE("a function with its ranges, or one range of calls, is a loop", "[checked_loop]") {
    const auto with_two = [](const auto& f, const auto& range) { return f(range.front()); };
    const auto twice = delayed([](int i) { return 2 * i; });
    const std::vector numbers{4, 5};
    CHECK(with_loop(with_two, twice, numbers) == 8);
    std::vector calls{twice(3)};
    CHECK(with_loop([](const auto& make, auto& range) { return make(range.front()); }, calls) == 6);
}

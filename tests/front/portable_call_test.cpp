// Tests of portable_call.hpp: what exceptions and failures of other processes become in this one.
#include <fanout/fanout.hpp>

#include <unistd.h>

#include <cstddef>
#include <cstdlib>
#include <new>
#include <ranges>
#include <stdexcept>
#include <string>
#include <vector>

#include "catch.hpp"
#include "support/matchers.hpp"
#include "support/sanitizers.hpp"

using fanout::delayed, fanout::parallel, fanout::processes;

namespace {

int exits_at_two(int i) {
    if (i == 2) _exit(3);
    return i;
}

struct own_shortage : std::bad_alloc {
    const char* what() const noexcept override { return "out of paper"; }
};

}  // namespace

static_assert(fanout::detail::leaves_the_process<processes>);
static_assert(!fanout::detail::leaves_the_process<fanout::threads>);
static_assert(fanout::detail::is_handed_over_flat<double>);
static_assert(!fanout::detail::is_handed_over_flat<std::string>);
static_assert(!fanout::detail::is_handed_over_flat<char[65]>);  // there is a place for each from the start

TEST_CASE("who is thrown a failure is told how to keep the other results, and who collects them is not",
          "[portable_call]") {
    const auto numbers = std::views::iota(0, 5);
    CHECK_THROWS_WITH(parallel(2, processes{.retries = 0})(delayed(exits_at_two), numbers),
                      starting_with("task 2 ended its worker on processes (worker ") &&
                          ending_with("; use .outcomes(...) to keep the other results"));
    const auto outcomes = parallel(2, processes{.retries = 0}).outcomes(delayed(exits_at_two), numbers);
    REQUIRE_FALSE(outcomes[2].has_value());
    CHECK(outcomes[2].error().what ==
          "ended its worker: it ended by itself with exit code 3; a task has to return or to throw");
    CHECK_THROWS_WITH(outcomes[2].value(), starting_with("task 2 ended its worker") && !containing("outcomes"));
    const auto [first] = parallel(2, processes{.retries = 0}).outcomes(delayed(exits_at_two)(2));
    CHECK_THROWS_WITH(first.value(), starting_with("task 0 ended its worker") && !containing("outcomes"));
}

#if !FANOUT_TESTS_UNDER_ASAN && !FANOUT_TESTS_UNDER_TSAN  // which reserve more than any limit

TEST_CASE("want of memory under a limit says which limit that was", "[portable_call]") {
    const auto run = parallel(1, processes{.memory_limit = 100u << 20});
    const auto task = delayed([](int i) {
        if (i == 1) throw own_shortage();
        return std::vector<char>(i == 2 ? 200u << 20 : 10).size();
    });
    const auto outcomes = run.outcomes(task, std::views::iota(0, 4));
    CHECK(outcomes[3].has_value());
    REQUIRE_FALSE(outcomes[2].has_value());
    CHECK(outcomes[2].error().type == "std::bad_alloc");
    CHECK(outcomes[2].error().what == "the task wanted more than the memory_limit of 100 MB");
    CHECK_THROWS_AS(outcomes[2].value(), std::bad_alloc);
    CHECK_THROWS_WITH(outcomes[2].value(), "std::bad_alloc: the task wanted more than the memory_limit of 100 MB");
    CHECK(outcomes[1].error().what == "out of paper");  // which has words of its own
    CHECK_THROWS_AS(run(task, std::views::iota(2, 3)), std::bad_alloc);
}

#endif

TEST_CASE("without a limit std::bad_alloc is just that", "[portable_call]") {
    const auto outcomes =
        parallel(1, processes{}).outcomes(delayed([](int) -> int { throw std::bad_alloc(); }), std::views::iota(0, 1));
    CHECK(outcomes[0].error().what == "std::bad_alloc");
}

TEST_CASE("what an initializer throws arrives in its own type", "[portable_call]") {
    const processes backend{.initializer = [] { throw std::out_of_range("no model"); }};
    CHECK_THROWS_AS(parallel(2, backend)(delayed(exits_at_two), std::views::iota(0, 2)), std::out_of_range);
}

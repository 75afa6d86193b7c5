// A forked child has none of its parent's threads: parallel calls in it work all the same.
#include <fanout/front/parallel.hpp>

#include <sys/wait.h>
#include <unistd.h>

#include <latch>
#include <optional>
#include <ranges>
#include <thread>
#include <vector>

#include "catch.hpp"
#include "support/sanitizers.hpp"

using fanout::delayed, fanout::parallel;

namespace {

/// The exit code of a child that returns what `body` does; 10 seconds, then it is ended by a signal: -1.
template <class Body>
int in_a_child(const Body& body) {
    const pid_t child = fork();
    if (child == 0) {
        alarm(10);
        _exit(body());
    }
    int status = 0;
    waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

template <class Run>
bool works(const Run& run, int n_jobs) {
    std::latch all_there(n_jobs);
    const auto task = [&](int i) {
        all_there.arrive_and_wait();
        return i;
    };
    const auto results = run(delayed(task), std::views::iota(0, n_jobs));
    return results.size() == static_cast<std::size_t>(n_jobs) && results.back() == n_jobs - 1;
}

}  // namespace

#if !FANOUT_TESTS_UNDER_TSAN  // it ends a child that starts a thread

TEST_CASE("temporaries and objects made before a fork work in the child and go on working in the parent",
          "[threads][fork]") {
    for (const int n_jobs : {2, 8}) {
        const auto kept = parallel(n_jobs);
        REQUIRE(works(kept, n_jobs));
        REQUIRE(works(parallel(n_jobs), n_jobs));

        CHECK(in_a_child([&] { return works(kept, n_jobs) && works(parallel(n_jobs), n_jobs) ? 7 : 1; }) == 7);
        CHECK(works(kept, n_jobs));
        CHECK(works(parallel(n_jobs), n_jobs));
    }
}

TEST_CASE("a child may destroy an object that was made, and used, before the fork", "[threads][fork]") {
    std::optional kept(parallel(2));
    REQUIRE(works(*kept, 2));
    CHECK(in_a_child([&] {
              kept.reset();
              return 7;
          }) == 7);
    CHECK(in_a_child([&] {
              const bool worked = works(*kept, 2);
              kept.reset();
              return worked ? 7 : 1;
          }) == 7);
    CHECK(works(*kept, 2));
}

TEST_CASE("a grandchild can make calls too", "[threads][fork]") {
    const auto kept = parallel(2);
    REQUIRE(works(kept, 2));
    const auto child = [&] {
        return works(kept, 2) ? in_a_child([&] { return works(kept, 2) && works(parallel(2), 2) ? 7 : 1; }) : 2;
    };
    CHECK(in_a_child(child) == 7);
}

TEST_CASE("a fork while another thread is in the middle of a call gives a child that can make calls",
          "[threads][fork]") {
    const auto kept = parallel(2);
    std::latch running(3);
    std::latch forked(1);
    std::jthread other([&] {
        kept(delayed([&](int) {
                 running.count_down();
                 forked.wait();
             }),
             std::views::iota(0, 2));
    });
    running.arrive_and_wait();
    const int code = in_a_child([&] { return works(kept, 2) && works(parallel(2), 2) ? 7 : 1; });
    forked.count_down();
    other.join();
    CHECK(code == 7);
}

TEST_CASE("a child that a task forks is not inside of that task's call", "[threads][fork]") {
    const auto is_outside = [](int) {
        return in_a_child([] { return !fanout::detail::call_here && !fanout::detail::budget_here ? 7 : 1; });
    };
    CHECK(parallel(2)(delayed(is_outside), std::views::iota(0, 4)) == std::vector(4, 7));
}

TEST_CASE("a task may fork a child that makes calls", "[threads][fork]") {
    const auto sum_in_child = [](int) {
        return in_a_child([] {
            const auto results = parallel(2)(delayed([](int i) { return i; }), std::views::iota(0, 5));
            return results == std::vector{0, 1, 2, 3, 4} ? 7 : 1;
        });
    };
    CHECK(parallel(2)(delayed(sum_in_child), std::views::iota(0, 4)) == std::vector(4, 7));
}

#endif

// Tests of verbose_lines.hpp: the lines are joblib's, to the letter, and come when joblib's do.
#include <fanout/front/verbose_lines.hpp>

#include <unistd.h>

#include <algorithm>

#include <cstddef>
#include <string>
#include <vector>

#include <fanout/core/sequential.hpp>
#include <fanout/front/parallel.hpp>
#include <fanout/processes/processes.hpp>
#include <ranges>

#include "catch.hpp"
#include "support/matchers.hpp"
#include "support/written_to.hpp"

using fanout::delayed, fanout::parallel, fanout::progress;
using verbose_lines = fanout::detail::verbose_lines<fanout::detail::clock>;
using seconds = std::chrono::duration<double>;

namespace {

progress at(std::size_t done, std::size_t total, double elapsed, bool known = true) {
    progress now;
    now.done = done;
    now.total = total;
    now.total_is_known = known;
    now.elapsed = seconds(elapsed);
    return now;
}

/// The tasks after which there is a line, if they are done one by one.
std::vector<std::size_t> moments(verbose_lines::way how, std::size_t total, bool known) {
    std::vector<std::size_t> said;
    verbose_lines lines(how);
    for (std::size_t done = 1; done <= total; ++done)
        if (!written_to(STDERR_FILENO, [&] { lines.say_if_due(at(done, total, 1, known)); }).empty())
            said.push_back(done);
    return said;
}

}  // namespace

TEST_CASE("the lines have joblib's words and columns", "[verbose_lines]") {
    const auto line = [](verbose_lines::way how, auto say) {
        return written_to(STDERR_FILENO, [&] {
            verbose_lines lines(how);
            say(lines);
        });
    };
    verbose_lines::way how{.verbose = 20, .requested_jobs = -2, .has_length = false, .window = 4};
    CHECK(line(how, [](auto& lines) { lines.say_first("processes", 2); }) ==
          "[Parallel(n_jobs=-2)]: Using backend processes with 2 concurrent workers.\n");
    CHECK(line(how, [](auto& lines) { lines.say_if_due(at(1, 30, 0.7, false)); }) ==
          "[Parallel(n_jobs=-2)]: Done   1 tasks      | elapsed:    0.7s\n");
    CHECK(line(how, [](auto& lines) { lines.say_if_due(at(28, 30, 0.84)); }) ==
          "[Parallel(n_jobs=-2)]: Done  28 out of  30 | elapsed:    0.8s remaining:    0.1s\n");
    CHECK(line(how, [](auto& lines) { lines.say_last(at(30, 30, 1.2)); }) ==
          "[Parallel(n_jobs=-2)]: Done  30 out of  30 | elapsed:    1.2s finished\n");
    how.has_length = true;
    CHECK(line(how, [](auto& lines) { lines.say_if_due(at(4, 12, 0.1)); }) ==
          "[Parallel(n_jobs=-2)]: Done  4 out of 12 | elapsed:    0.1s\n");
    CHECK(line(how, [](auto& lines) { lines.say_last(at(12, 12, 60.0)); }) ==
          "[Parallel(n_jobs=-2)]: Done 12 out of 12 | elapsed:   60.0s finished\n");
    CHECK(line(how, [](auto& lines) { lines.say_last(at(12, 12, 61.2)); }) ==
          "[Parallel(n_jobs=-2)]: Done 12 out of 12 | elapsed:  1.0min finished\n");
    CHECK(line(how, [](auto& lines) { lines.say_last(at(12, 12, 36000)); }) ==
          "[Parallel(n_jobs=-2)]: Done 12 out of 12 | elapsed: 600.0min finished\n");
}

TEST_CASE("lines come when joblib's come", "[verbose_lines]") {
    // joblib's own documentation: n_jobs=2, verbose=10, ten tasks from a generator.
    CHECK(moments({.verbose = 10, .window = 4}, 10, true) == std::vector<std::size_t>{1, 4});
    // One for each of them above ten; but none for the last but one.
    CHECK(moments({.verbose = 11, .window = 4}, 8, false) == std::vector<std::size_t>{1, 2, 3, 4, 5, 6, 7, 8});
    // In the calling thread, at verbose = 1: after 49 batches, 199, 449, ... have been handed out.
    CHECK(moments({.verbose = 1, .in_caller = true, .window = 1}, 460, false) ==
          std::vector<std::size_t>{49, 199, 449});
    CHECK(moments({.verbose = 20, .window = 4}, 8, true) == std::vector<std::size_t>{1, 2, 3, 4, 5, 6});
}

TEST_CASE("what is done at once has one line", "[verbose_lines]") {
    const std::string said = written_to(STDERR_FILENO, [] {
        verbose_lines lines({.verbose = 5, .window = 2});
        lines.say_if_due(at(100, 1000, 1, false));
        lines.say_if_due(at(100, 1000, 1, false));
        lines.say_if_due(at(400, 1000, 1, false));
    });
    CHECK(said ==
          "[Parallel(n_jobs=-1)]: Done 100 tasks      | elapsed:    1.0s\n"
          "[Parallel(n_jobs=-1)]: Done 400 tasks      | elapsed:    1.0s\n");
}

TEST_CASE("a call says its lines on stderr, from 50 on on stdout, and none unless it is asked", "[verbose_lines]") {
    const auto run = [](std::optional<int> verbose, int n_jobs, int tasks) {
        return [=] {
            parallel({.n_jobs = n_jobs, .verbose = verbose})(delayed([](int i) { return i; }),
                                                             std::views::iota(0, tasks));
        };
    };
    CHECK_THAT(written_to(STDERR_FILENO, run(2, 2, 5)),
               starting_with("[Parallel(n_jobs=2)]: Using backend threads with 2 concurrent workers.\n"));
    CHECK_THAT(written_to(STDERR_FILENO, run(2, 2, 5)), ending_with("Done 5 out of 5 | elapsed:    0.0s finished\n"));
    CHECK(written_to(STDOUT_FILENO, run(49, 2, 5)).empty());
    CHECK_THAT(written_to(STDOUT_FILENO, run(50, 2, 5)), containing("finished"));
    CHECK(written_to(STDERR_FILENO, run(50, 2, 5)).empty());
    for (const std::optional<int> silent : {std::optional<int>(), std::optional(0), std::optional(-1)})
        CHECK(written_to(STDERR_FILENO, run(silent, 2, 5)).empty());
    // In the calling thread no backend is named; an empty loop is finished there, and elsewhere not mentioned.
    CHECK(written_to(STDERR_FILENO, run(1, 1, 0)) ==
          "[Parallel(n_jobs=1)]: Done 0 out of 0 | elapsed:    0.0s finished\n");
    CHECK(written_to(STDERR_FILENO, run(1, 2, 0)) ==
          "[Parallel(n_jobs=2)]: Using backend threads with 2 concurrent workers.\n");
}

TEST_CASE("lines come while worker processes are at it", "[verbose_lines]") {
    const std::string said = written_to(STDERR_FILENO, [] {
        parallel({.n_jobs = 2, .verbose = 10}, fanout::processes{})(delayed([](int) { usleep(10'000); }),
                                                                    std::views::iota(0, 60));
    });
    CHECK(std::count(said.begin(), said.end(), '\n') > 3);
    CHECK_THAT(said, containing("Done 60 out of 60"));
}

TEST_CASE("a call that fails is not finished", "[verbose_lines]") {
    const std::string said = written_to(STDERR_FILENO, [] {
        CHECK_THROWS_AS(parallel({.n_jobs = 1, .verbose = 1})(
                            delayed([](int) -> int { throw std::runtime_error("x"); }), std::views::iota(0, 5)),
                        std::runtime_error);
    });
    CHECK(said.empty());
}

TEST_CASE("joblib T1: results are the same at every level", "[verbose_lines][joblib]") {
    for (const int verbose : {2, 11, 100})
        for (const int n_jobs : {1, 2, -1, -2}) {
            std::vector<int> squares;
            written_to(verbose < 50 ? STDERR_FILENO : STDOUT_FILENO, [&] {
                squares = parallel({.n_jobs = n_jobs, .verbose = verbose})(delayed([](int i) { return i * i; }),
                                                                           std::views::iota(0, 5));
            });
            CHECK(squares == std::vector{0, 1, 4, 9, 16});
        }
}

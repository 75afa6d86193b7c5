#include <fanout/launch/local.hpp>

#include <fanout/fanout.hpp>
#include <fanout/tcp.hpp>
#include <ranges>
#include <string>
#include <vector>

#include "catch.hpp"
#include "support/instead_of_tests.hpp"
#include "support/matchers.hpp"
#include "support/program_by_hand.hpp"

using namespace fanout;

/// Whether this program notices that it was started as a worker. The tests tell it in the environment.
bool run_instead_of_tests(int argc, char** argv, int* status) {
    const char* const wish = std::getenv("FANOUT_TEST_WORKER");
    const std::string how = wish ? wish : "";
    if (argc < 2 || argv[1] != std::string("--fanout-worker")) return false;
    if (how == "forgets worker_entry") {
        *status = 1;
        parallel(2, tcp{})(delayed([](int i) { return i; }), std::vector{1, 2});
        return true;
    }
    if (how == "goes on after worker_entry") {
        static_cast<void>(worker_entry(argc, argv));
        *status = 1;
        parallel(2, tcp{})(delayed([](int i) { return i; }), std::vector{1, 2});
        return true;
    }
    if (how == "ends at once") {
        *status = 3;
        return true;
    }
    const auto worker = worker_entry(argc, argv);
    if (worker) *status = *worker;
    return worker.has_value();
}

static std::string failure_with_workers_that(const char* do_what) {
    setenv("FANOUT_TEST_WORKER", do_what, 1);
    std::string what;
    try {
        parallel(2, tcp{})(delayed([](int i) { return i; }), std::vector{1, 2, 3});
    } catch (const pool_broken& e) {
        what = e.what();
    }
    unsetenv("FANOUT_TEST_WORKER");
    return what;
}

TEST_CASE("the program is known by its path") { CHECK_THAT(detail::own_path(), ending_with("launch_local_test")); }

TEST_CASE("a program whose main forgets worker_entry is told so, and does not start itself for ever") {
    const std::string what = failure_with_workers_that("forgets worker_entry");
    CHECK_THAT(what, containing("exit code 78"));
    CHECK_THAT(what, containing("worker_entry(argc, argv)"));
}

TEST_CASE("a copy that was started as a worker and has not noticed says what main has to begin with") {
    setenv("FANOUT_TEST_WORKER", "forgets worker_entry", 1);
    program_by_hand copy({"--fanout-worker", "127.0.0.1:1"}, "", "FANOUT_WORKER=1");
    unsetenv("FANOUT_TEST_WORKER");
    CHECK(copy.exit_code() == 78);
    CHECK_THAT(copy.words(), containing("main() never called fanout::worker_entry()"));
    CHECK_THAT(copy.words(), containing("main() must begin with: if (auto status = fanout::worker_entry(argc, argv))"));
}

TEST_CASE("nor does a program whose main goes on when it has been a worker") {
    setenv("FANOUT_TEST_WORKER", "goes on after worker_entry", 1);
    program_by_hand copy({"--fanout-worker", "127.0.0.1:1", "--plain", "--reconnect", "0"}, "", "FANOUT_WORKER=1");
    unsetenv("FANOUT_TEST_WORKER");
    CHECK(copy.exit_code() == 78);
    CHECK_THAT(copy.words(), containing("or went on after it"));
}

TEST_CASE("workers that end at once are started again, but not for ever") {
    CHECK_THAT(failure_with_workers_that("ends at once"), containing("exit code 3"));
}

TEST_CASE("workers that are killed between two calls are there again for the next") {
    const auto cluster = parallel(2, tcp{});
    for (int call = 0; call < 3; ++call) {
        const auto parents = cluster(delayed([](int) { return long(getppid()); }), std::views::iota(0, 20));
        for (const long each : parents) kill(static_cast<pid_t>(each), SIGKILL);
    }
    CHECK(cluster(delayed([](int i) { return i; }), std::vector{1, 2}) == std::vector{1, 2});
}

// Tests of settings.hpp: the environment as the outermost scope, in a program that names no backend.
#include <fanout/fanout.hpp>

#include <cstdlib>
#include <ranges>
#include <stdexcept>
#include <string>

#include "catch.hpp"
#include "support/in_a_child.hpp"
#include "support/matchers.hpp"

using fanout::config, fanout::delayed, fanout::parallel, fanout::sequential, fanout::threads;

namespace {

/// What `body` gives in a process that has this variable; the environment is read once, so each needs its own.
template <class Body>
std::string with(const char* variable, const char* value, const Body& body) {
    return in_a_child([&] {
        setenv(variable, value, 1);
        try {
            return std::string(body());
        } catch (const std::invalid_argument& e) {
            return std::string("refused: ") + e.what();
        }
    });
}

std::string backend_of(const auto& run) {
    return run.outcomes(delayed([](int) { throw 1; }), std::views::iota(0, 1))[0].error().backend;
}

struct spy {
    int* n_jobs;
    void run(fanout::job& work, int jobs) const {
        *n_jobs = jobs;
        sequential().run(work, jobs);
    }
};

std::string n_jobs_of(const fanout::options& wishes) {
    int n_jobs = 0;
    parallel(wishes, spy{&n_jobs})(delayed([](int) {}), std::views::iota(0, 1));
    return std::to_string(n_jobs);
}

}  // namespace

TEST_CASE("FANOUT_N_JOBS is the number of jobs that nobody else says", "[settings]") {
    CHECK(with("FANOUT_N_JOBS", "7", [] { return n_jobs_of({}); }) == "7");
    CHECK(with("FANOUT_N_JOBS", "-1", [] { return n_jobs_of({}); }) == std::to_string(fanout::cpu_count()));
    CHECK(with("FANOUT_N_JOBS", "7", [] { return n_jobs_of({.n_jobs = 2}); }) == "2");
    CHECK(with("FANOUT_N_JOBS", "7", [] {
              const config scope({.n_jobs = 3});
              return n_jobs_of({});
          }) == "3");
    CHECK(with("FANOUT_N_JOBS", "7", [] {
              const config scope({.batch_size = 3});
              return n_jobs_of({});
          }) == "7");
    CHECK(with("FANOUT_N_JOBS", "", [] { return n_jobs_of({.n_jobs = 2}); }) == "2");
}

TEST_CASE("FANOUT_BACKEND is the backend that nobody else says", "[settings]") {
    CHECK(with("FANOUT_BACKEND", "sequential", [] { return backend_of(parallel()); }) == "sequential");
    CHECK(with("FANOUT_BACKEND", "threads", [] { return backend_of(parallel()); }) == "threads");
    CHECK(with("FANOUT_BACKEND", "sequential", [] { return backend_of(parallel(threads{})); }) == "threads");
    CHECK(with("FANOUT_BACKEND", "sequential", [] {
              const config scope(threads{});
              return backend_of(parallel());
          }) == "threads");
    CHECK(with("FANOUT_BACKEND", "", [] { return backend_of(parallel()); }) == "threads");
}

TEST_CASE("FANOUT_VERBOSE is how talkative calls are", "[settings]") {
    CHECK(with("FANOUT_VERBOSE", "11", [] {
              return std::to_string(fanout::detail::current_settings()->defaults.verbose.value_or(-1));
          }) == "11");
}

TEST_CASE("tasks see the environment too", "[settings]") {
    CHECK(with("FANOUT_N_JOBS", "5", [] {
              return parallel(2, threads{})(delayed([](int) { return n_jobs_of({}); }), std::views::iota(0, 9))[8];
          }) == "5");
}

TEST_CASE("variables that make no sense are errors that say what to write, at every call", "[settings][bad-input]") {
    for (const char* bad : {"abc", "2x", "1.5", " 2", "+2", "99999999999", "-"})
        CHECK(with("FANOUT_N_JOBS", bad, [] { return n_jobs_of({}); }) ==
              "refused: fanout: FANOUT_N_JOBS=" + std::string(bad) +
                  " is not a whole number; set it to -1 for all CPUs, or to a number such as 4, or not at all");
    CHECK(
        with("FANOUT_N_JOBS", "0", [] { return n_jobs_of({}); }) ==
        "refused: fanout: FANOUT_N_JOBS=0 has no meaning; set it to -1 for all CPUs, or to a number such as 4, or not "
        "at all");
    CHECK_THAT(with("FANOUT_VERBOSE", "loud", [] { return n_jobs_of({}); }),
               starting_with("refused: fanout: FANOUT_VERBOSE=loud is not a whole number; set it to 0 for silence"));
    CHECK(with("FANOUT_N_JOBS", "abc", [] {
              int refused = 0;
              for (int i = 0; i < 3; ++i) {
                  try {
                      parallel(2, threads{})(delayed([](int) {}), std::views::iota(0, 1));
                  } catch (const std::invalid_argument&) {
                      ++refused;
                  }
              }
              return std::to_string(refused);
          }) == "3");
}

TEST_CASE("a program that names no backend says how to have others", "[settings][bad-input]") {
    for (const char* other : {"processes", "quantum", "threads?spin=0us"})
        CHECK(with("FANOUT_BACKEND", other, [] { return backend_of(parallel()); }) ==
              "refused: fanout: FANOUT_BACKEND=" + std::string(other) +
                  ": this program can choose between threads and sequential only; to have all backends in it, #include "
                  "<fanout/environment.hpp> in one of its source files");
}

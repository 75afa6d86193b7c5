// Tests of config.hpp: defaults for a scope, which calls in it and their tasks see, and nobody else.
#include <unistd.h>
#include <fanout/fanout.hpp>

#include <atomic>
#include <cstdlib>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <ranges>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <thread>
#include <tuple>
#include <vector>

#include "catch.hpp"
#include "support/generator.hpp"
#include "support/in_a_child.hpp"
#include "support/matchers.hpp"
#include "support/sanitizers.hpp"
#include "support/written_to.hpp"

using fanout::any_backend, fanout::config, fanout::delayed, fanout::options, fanout::parallel, fanout::prefer,
    fanout::processes, fanout::sequential, fanout::shared_memory, fanout::threads;

namespace {

/// A backend that says how it was called.
struct spy {
    static constexpr const char* name = "spy";
    std::shared_ptr<std::atomic<int>> n_jobs = std::make_shared<std::atomic<int>>(0);

    void run(fanout::job& work, int jobs) const {
        *n_jobs = jobs;
        sequential().run(work, jobs);
    }
};

/// The n_jobs that calls here get.
int n_jobs_here(const options& wishes = {}) {
    const spy mine;
    parallel(wishes, mine)(delayed([](int) {}), std::views::iota(0, 1));
    return *mine.n_jobs;
}

/// The backend that calls here get.
std::string backend_here(const options& wishes = {}) {
    return parallel(wishes).outcomes(delayed([](int) { throw 1; }), std::views::iota(0, 1))[0].error().backend;
}

std::string backend_of(const auto& run) {
    return run.outcomes(delayed([](int) { throw 1; }), std::views::iota(0, 1))[0].error().backend;
}

const int all = fanout::cpu_count();

}  // namespace

TEST_CASE("a scope gives the options that calls leave out, and what is written at the call wins", "[config]") {  // T63
    CHECK(n_jobs_here() == all);
    {
        const config scope({.n_jobs = 7});
        CHECK(n_jobs_here() == 7);
        CHECK(n_jobs_here({.n_jobs = 3}) == 3);
        CHECK(n_jobs_here({.n_jobs = -1}) == all);
        CHECK(backend_here() == "threads");
    }
    CHECK(n_jobs_here() == all);
}

TEST_CASE("a scope gives the backend that calls leave out, and one that is written at the call wins", "[config]") {
    {
        const config scope({.n_jobs = 2}, processes{});
        CHECK(backend_here() == "processes");
        CHECK(parallel()(delayed([](int) { return getpid(); }), std::views::iota(0, 1))[0] != getpid());
        CHECK(backend_of(parallel(2)) == "processes");
        CHECK(backend_of(parallel(threads{})) == "threads");
        CHECK(backend_of(parallel({}, sequential{})) == "sequential");
        CHECK(backend_of(parallel(fanout::backend("sequential"))) == "sequential");
    }
    CHECK(backend_here() == "threads");
}

TEST_CASE("scopes nest and are merged key by key", "[config]") {  // joblib T64
    const config outer({.n_jobs = 5, .timeout = std::chrono::seconds(60)}, sequential{});
    {
        const config inner({.n_jobs = 6});
        CHECK(n_jobs_here() == 6);
        CHECK(backend_here() == "sequential");
        {
            const config innermost(threads{});
            CHECK(n_jobs_here() == 6);
            CHECK(backend_here() == "threads");
        }
        CHECK(backend_here() == "sequential");
    }
    CHECK(n_jobs_here() == 5);
}

TEST_CASE("every option can be given by a scope", "[config]") {
    std::stop_source stop;
    stop.request_stop();
    const auto call = [] { return parallel(sequential{})(delayed([](int i) { return i; }), std::views::iota(0, 9)); };
    {
        const config scope({.stop = stop.get_token()});
        CHECK_THROWS_AS(call(), fanout::cancelled);
        const std::stop_token of_nobody = std::stop_source().get_token();  // its source is gone: as good as none
        CHECK_THROWS_AS(parallel({.stop = of_nobody})(delayed([](int) {}), std::views::iota(0, 9)), fanout::cancelled);
        const std::stop_source another;
        CHECK_NOTHROW(parallel({.stop = another.get_token()})(delayed([](int) {}), std::views::iota(0, 9)));
    }
    CHECK(call().size() == 9);
    {
        const config scope({.timeout = std::chrono::nanoseconds(1)});
        CHECK_THROWS_AS(parallel(sequential{})(delayed([](int) { std::this_thread::yield(); }), std::views::iota(0, 9)),
                        fanout::task_timeout);
    }
}

TEST_CASE("what could never run is refused where the scope is made", "[config][bad-input]") {  // joblib T66
    CHECK_THROWS_WITH(config({.n_jobs = 0}), containing("n_jobs = 0 has no meaning"));
    CHECK_THROWS_AS(config({.batch_size = 0}, threads{}), std::invalid_argument);
    CHECK_THROWS_WITH(config(fanout::backend("quantum")), containing("there is no backend of this name"));
    CHECK(n_jobs_here() == all);
}

TEST_CASE("a backend by name and one of the user's can be a scope's, with its state", "[config]") {  // joblib T47, T48
    const spy mine;
    {
        const config scope({.n_jobs = 4}, mine);
        CHECK(backend_here() == "spy");
        CHECK(*mine.n_jobs == 4);
    }
    const config scope(fanout::backend("sequential"));
    CHECK(backend_here() == "sequential");
}

TEST_CASE("other threads do not see a scope", "[config]") {
    const config scope({.n_jobs = 3}, sequential{});
    std::string backend;
    int n_jobs = 0;
    std::thread([&] {
        backend = backend_here();
        n_jobs = n_jobs_here();
    }).join();
    CHECK(backend == "threads");
    CHECK(n_jobs == all);
}

TEST_CASE("tasks see the scope of their caller, on every backend and at every depth", "[config]") {
    const config scope({.n_jobs = 3}, sequential{});
    const auto seen = [](int) { return std::tuple(n_jobs_here(), backend_here()); };
    const auto nested = [&](int) { return parallel(2, threads{})(delayed(seen), std::views::iota(0, 4))[3]; };
    for (const any_backend& backend : {any_backend(threads{}), any_backend(sequential{}), any_backend(processes{})}) {
        CAPTURE(backend.name());
        for (const auto& each : parallel(4, backend)(delayed(seen), std::views::iota(0, 8)))
            CHECK(each == std::tuple(3, "sequential"));
        for (const auto& each : parallel(2, backend)(delayed(nested), std::views::iota(0, 4)))
            CHECK(each == std::tuple(3, "sequential"));
    }
}

TEST_CASE("every helper of a call sees the scope, and none of them after it", "[config]") {
    const auto run = parallel(4, threads{});
    std::atomic<int> there = 0;
    const auto n_jobs_of_each = [&] {
        there = 0;
        return run(delayed([&](int) {
                       ++there;
                       while (there < 4) std::this_thread::yield();  // four threads
                       return n_jobs_here();
                   }),
                   std::views::iota(0, 4));
    };
    {
        const config scope({.n_jobs = 9});
        CHECK(n_jobs_of_each() == std::vector(4, 9));
    }
    CHECK(n_jobs_of_each() == std::vector(4, all));
}

TEST_CASE("what a call runs besides its tasks sees the scope too", "[config]") {
    const config scope({.n_jobs = 3});
    std::atomic<bool> all_see_it = true;
    const auto look = [&] { all_see_it = all_see_it && n_jobs_here() == 3; };
    const int sum = parallel(2).reduce(
        0,
        [&](int so_far, int next) {
            look();
            return so_far + next;
        },
        delayed([](int i) { return i; }), std::views::iota(0, 2000));
    CHECK(sum == 1999 * 1000);
    for (int round = 0; round < 20; ++round)
        parallel({.n_jobs = 2, .on_progress = [&](const fanout::progress&) { look(); }})(
            delayed([](int) { std::this_thread::sleep_for(std::chrono::milliseconds(1)); }), std::views::iota(0, 120));
    const auto looks = generate(100, [&](int i) { return look(), i; });
    CHECK(parallel(2)(delayed([](int i) { return i; }), looks).size() == 100);
    CHECK(parallel(2).reduce(0, std::plus(), delayed([](int i) { return i; }), looks) == 99 * 50);
    CHECK(all_see_it);
}

TEST_CASE("what a stream runs besides its tasks sees the scope that it was made in", "[config]") {
    for (const any_backend& on : {any_backend(threads{}), any_backend(sequential{}), any_backend(processes{})}) {
        std::atomic<bool> all_see_it = true;
        const auto look = [&] { all_see_it = all_see_it && n_jobs_here() == 3; };
        const auto made_in_scope = [&] {
            const config scope({.n_jobs = 3});
            return parallel({.n_jobs = 2, .on_progress = [&](const fanout::progress&) { look(); }}, on)
                .stream(delayed([](int i) { return i; }), generate(100, [&](int i) { return look(), i; }));
        };
        int sum = 0;
        for (const int i : made_in_scope()) sum += i;
        CHECK(sum == 99 * 50);
        CHECK(all_see_it);
    }
}

TEST_CASE("a scope in a task is the task's own", "[config]") {
    const config scope({.n_jobs = 3});
    const auto inner = parallel(2, threads{})(delayed([](int i) {
                                                  const config own({.n_jobs = 10 + i});
                                                  return n_jobs_here();
                                              }),
                                              std::views::iota(0, 20));
    for (int i = 0; i < 20; ++i) CHECK(inner[static_cast<std::size_t>(i)] == 10 + i);
    CHECK(n_jobs_here() == 3);
}

TEST_CASE("a parallel object has what was in force when it was made", "[config]") {
    const auto before = parallel();
    std::optional<decltype(parallel())> within;
    {
        const config scope(sequential{});
        within.emplace(parallel());
        CHECK(backend_of(before) == "threads");
    }
    CHECK(backend_of(*within) == "sequential");
}

TEST_CASE("results that cannot leave the process are refused only if a scope chose to", "[config][errors]") {
    int here = 0;
    const auto call = [&] { return parallel(2)(delayed([&](int) { return &here; }), std::views::iota(0, 2)); };
    CHECK(call() == std::vector(2, &here));
    {
        const config scope(processes{});
        CHECK_THROWS_WITH(call(), containing("int* cannot be sent to another process"));
    }
    CHECK(call() == std::vector(2, &here));
}

TEST_CASE("a preference counts if the surroundings have not chosen", "[config][hints]") {  // joblib T49, T52
    CHECK(backend_of(parallel(prefer(processes{}))) == "processes");
    CHECK(backend_of(parallel(2, prefer(sequential{}))) == "sequential");
    CHECK(backend_of(parallel({.n_jobs = 2}, prefer(threads{}))) == "threads");
    const config scope({.n_jobs = 2}, sequential{});
    CHECK(backend_of(parallel(prefer(processes{}))) == "sequential");
    CHECK(backend_of(parallel(2, prefer(processes{}))) == "sequential");
    CHECK(backend_of(parallel({.n_jobs = 2}, prefer(threads{}))) == "sequential");
}

TEST_CASE("shared memory that is required replaces a backend that the surroundings chose", "[config][hints]") {  // T49
    CHECK(backend_here({.require = shared_memory}) == "threads");
    {
        const config scope({.n_jobs = 2}, processes{});
        CHECK(backend_here({.require = shared_memory}) == "threads");
        const config required({.require = shared_memory});
        CHECK(backend_here() == "threads");
        CHECK(n_jobs_here() == 2);  // unlike joblib, whose n_jobs goes back to 1
    }
    const config scope(spy{});  // joblib T50: stays in the process, as far as anybody knows
    CHECK(backend_here({.require = shared_memory}) == "spy");
}

TEST_CASE("that another backend is used is said from verbose 10 on", "[config][hints]") {  // joblib T50
    const auto said = [](int verbose) {
        const config scope({.n_jobs = 2}, processes{});
        return written_to(STDERR_FILENO, [&] { backend_here({.require = shared_memory, .verbose = verbose}); });
    };
    const char* const line = "fanout: threads instead of processes, since shared memory is required\n";
    CHECK_THAT(said(10), starting_with(line));
    CHECK_THAT(said(9), !containing(line));
}

TEST_CASE("shared memory cannot be had of a backend that is written at the call",
          "[config][hints][bad-input]") {  // T51
    const options required{.require = shared_memory};
    CHECK_THROWS_AS(parallel(required, processes{}), std::invalid_argument);
    CHECK_THROWS_WITH(parallel(required, processes{}),
                      "fanout: require = shared_memory, but tasks of processes run in other processes; use threads{}, "
                      "or leave the requirement out");
    CHECK_THROWS_AS(parallel(required, any_backend(processes{})), std::invalid_argument);
    CHECK_THROWS_AS(parallel(required, prefer(processes{})), std::invalid_argument);
    CHECK(backend_of(parallel(required, threads{})) == "threads");
    const config scope(required);
    CHECK_THROWS_AS(parallel(2, processes{}), std::invalid_argument);
    const config chosen(sequential{});
    CHECK_THROWS_AS(parallel(2, prefer(processes{})), std::invalid_argument);
}

TEST_CASE("settings can be kept by who outlives their scope", "[config]") {
    fanout::detail::co_owned<const fanout::detail::settings> kept;
    {
        const config scope({.n_jobs = 3}, sequential{});
        kept = fanout::detail::keep_current_settings();
    }
    std::string backend;
    std::thread([&] {
        const fanout::detail::settings_on_loan lent(kept.get());
        backend = backend_here();
    }).join();
    CHECK(backend == "sequential");
    CHECK(backend_here() == "threads");
}

// A scope that does not end where it should ends the program, for what was in force then would be anybody's guess.

namespace {

std::string last_words(const std::function<void()>& mistake) {
    return in_a_child([&] {
        std::set_terminate([] { std::_Exit(0); });
        mistake();
        return std::string("went on");
    });
}

}  // namespace

TEST_CASE("a scope that ends before one that was begun in it ends the program with a message", "[config][bad-input]") {
    const std::string said = last_words([] {
        std::optional<config> outer, inner;
        outer.emplace(options{.n_jobs = 2});
        inner.emplace(options{.n_jobs = 3});
        outer.reset();
    });
    CHECK_THAT(said, starting_with("fanout: a config was destroyed before one that was made after it"));
    CHECK_THAT(said, containing("make it a local variable"));
    CHECK(last_words([] {
              std::optional<config> outer, inner;
              outer.emplace(options{.n_jobs = 2});
              inner.emplace(options{.n_jobs = 3});
              inner.reset();
              outer.reset();
          }) == "went on");
}

#if !FANOUT_TESTS_UNDER_TSAN  // under which a forked child cannot start threads

TEST_CASE("a scope that ends in another thread ends the program with a message", "[config][bad-input]") {
    const std::string said = last_words([] {
        std::optional<config> scope;
        scope.emplace(options{.n_jobs = 2});
        std::thread([&] { scope.reset(); }).join();
    });
    CHECK_THAT(said, starting_with("fanout: a config was destroyed"));
    const std::string said_of_task = last_words([] {
        std::optional<config> scope;
        scope.emplace(options{.n_jobs = 2});
        std::atomic<int> there = 0;
        const auto caller = std::this_thread::get_id();
        parallel(2, threads{})(delayed([&](int) {
                                   ++there;
                                   while (there < 2) std::this_thread::yield();
                                   if (std::this_thread::get_id() != caller)
                                       scope.reset();  // in force here too, but not begun here
                               }),
                               std::views::iota(0, 2));
    });
    CHECK_THAT(said_of_task, starting_with("fanout: a config was destroyed"));
}

#endif

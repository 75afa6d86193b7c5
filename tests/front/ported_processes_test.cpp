// Cases that joblib and loky test of their process pools, as far as no other test here says the same. The whole list is
// in tests/ported_cases.md.
#include <fanout/fanout.hpp>

#include <dlfcn.h>
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <ranges>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "catch.hpp"
#include "support/crashes.hpp"
#include "support/generator.hpp"
#include "support/leaks.hpp"
#include "support/matchers.hpp"
#include "support/sanitizers.hpp"

using fanout::delayed, fanout::parallel, fanout::processes;

namespace {

int global = 1;

enum class moment { never, writing, reading };
enum class manner { throws, exits, leaves, crashes };

[[maybe_unused]] void fail(manner how) {
    switch (how) {
        case manner::throws:
            throw std::domain_error("half-way");
        case manner::exits:
            std::exit(3);
        case manner::leaves:
            _exit(4);
        case manner::crashes:
            write_to(8);
    }
}

/// Fails in a worker while it is sent or received, but not in this process.
struct fragile {
    int value = 0;
    moment when = moment::never;
    manner how = manner::throws;

    template <class Archive>
    void save(Archive& archive) const {
        archive(value, static_cast<int>(when), static_cast<int>(how));
        if (when == moment::writing && is_worker()) fail(how);
    }
    template <class Archive>
    void load(Archive& archive) {
        int w = 0, h = 0;
        archive(value, w, h);
        when = static_cast<moment>(w);
        how = static_cast<manner>(h);
        if (when == moment::reading && is_worker()) fail(how);
    }

    static inline const pid_t main_process = getpid();
    static bool is_worker() { return getpid() != main_process; }
};

[[maybe_unused]] constexpr manner manners[] = {manner::throws, manner::exits, manner::leaves, manner::crashes};

[[maybe_unused]] const char* text_of(manner how) {
    static constexpr const char* texts[] = {"half-way", "it called exit(3)", "exit code 4", "SIGSEGV"};
    return texts[static_cast<int>(how)];
}

}  // namespace

TEST_CASE("what has changed between two calls is seen in the second", "[ported]") {  // T58
    const auto run = parallel(2, processes{});
    const auto read = delayed([](int) { return global; });
    global = 1;
    CHECK(run(read, std::vector<int>(4)) == std::vector<int>(4, 1));
    global = 2;
    CHECK(run(read, std::vector<int>(4)) == std::vector<int>(4, 2));
}

TEST_CASE("one object runs many calls on one buffer", "[ported]") {  // T78
    const std::vector<double> buffer(100'000, 0.5);
    const auto run = parallel(2, processes{});
    for (int i = 0; i < 20; ++i)
        REQUIRE(run(delayed([&](std::size_t at) { return buffer[at]; }), std::vector<std::size_t>{0, 99'999}) ==
                std::vector{0.5, 0.5});
}

#if !FANOUT_TESTS_UNDER_ASAN && !FANOUT_TESTS_UNDER_TSAN  // which have words of their own for crashes

TEST_CASE("a worker may fail in any way while a result is written", "[ported]") {  // T82
    const plain_crashes plain;
    for (const manner how : manners) {
        const auto outcomes =
            parallel(2, processes{.retries = 0})
                .outcomes(delayed([how](int i) { return fragile{i, i == 3 ? moment::writing : moment::never, how}; }),
                          std::views::iota(0, 8));
        for (int i = 0; i < 8; ++i) {
            const auto& outcome = outcomes[static_cast<std::size_t>(i)];
            REQUIRE(outcome.has_value() == (i != 3));
            if (outcome)
                CHECK(outcome->value == i);
            else
                CHECK_THAT(outcome.error().what, containing(text_of(how)));
        }
    }
    CHECK_FALSE(has_children());
}

TEST_CASE("a worker may fail in any way while elements are read", "[ported]") {  // T82
    const plain_crashes plain;
    for (const manner how : manners) {
        const auto outcomes =
            parallel(2, processes{.retries = 0})
                .outcomes(delayed([](const fragile& each) { return each.value; }), generate(8, [how](int i) {
                              return fragile{i, i == 3 ? moment::reading : moment::never, how};
                          }));
        REQUIRE(outcomes.size() == 8);
        for (int i = 0; i < 8; ++i) {
            const auto& outcome = outcomes[static_cast<std::size_t>(i)];
            REQUIRE(outcome.has_value() == (i != 3));
            if (!outcome) CHECK_THAT(outcome.error().what, containing(text_of(how)));
        }
    }
    CHECK_FALSE(has_children());
}

#endif

TEST_CASE("a worker that is terminated, or leaves, is named, and the next call is as good as new",
          "[ported]") {  // T84
    const auto run = parallel(2, processes{.retries = 0});
    const auto outcomes = run.outcomes(delayed([](int i) {
                                           if (i == 1) kill(getpid(), SIGTERM);
                                           if (i == 2) _exit(42);
                                           return i;
                                       }),
                                       std::views::iota(0, 4));
    CHECK(outcomes[1].error().signal == SIGTERM);
    CHECK_THAT(outcomes[1].error().what, containing("SIGTERM"));
    CHECK_THAT(outcomes[2].error().what, containing("exit code 42"));
    CHECK(run(delayed([](int i) { return i; }), std::views::iota(0, 4)) == std::vector{0, 1, 2, 3});
}

#if !FANOUT_TESTS_UNDER_TSAN  // which does not follow a fork of a program with threads

TEST_CASE("calls from several threads at once do not disturb each other, whether they fail or not",
          "[ported]") {  // T76, T97
    std::atomic<int> good = 0;
    std::vector<std::thread> callers;
    for (int caller = 0; caller < 4; ++caller)
        callers.emplace_back([&, caller] {
            for (int round = 0; round < 10; ++round) {
                const auto outcomes = parallel(2, processes{.retries = 0})
                                          .outcomes(delayed([caller](int i) {
                                                        if (caller % 2 && i == 2) _exit(1);
                                                        return std::string(static_cast<std::size_t>(i) * 1000, 'x');
                                                    }),
                                                    std::views::iota(0, 6));
                for (int i = 0; i < 6; ++i)
                    good += outcomes[static_cast<std::size_t>(i)].has_value() == !(caller % 2 && i == 2);
            }
        });
    for (std::thread& each : callers) each.join();
    CHECK(good == 4 * 10 * 6);
    CHECK_FALSE(has_children());
}

TEST_CASE("OpenMP may be used before a call, in its tasks, and after it", "[ported]") {  // T60, T89
    // Loaded by hand, so that this test needs no compiler that knows OpenMP. GCC's, which hangs in a child that nobody
    // has prepared for it.
    void* const library = dlopen("libgomp.so.1", RTLD_NOW | RTLD_GLOBAL);
    if (!library) {
        std::cout << "skipped: there is no libgomp\n";
        return;
    }
    using body = void (*)(void*);
    const auto run_parallel =
        reinterpret_cast<void (*)(body, void*, unsigned, unsigned)>(dlsym(library, "GOMP_parallel"));
    REQUIRE(run_parallel);
    const auto count_threads = [run_parallel] {
        std::atomic<int> threads = 0;
        run_parallel([](void* count) { ++*static_cast<std::atomic<int>*>(count); }, &threads, 3, 0);
        return threads.load();
    };
    for (int round = 0; round < 3; ++round) {
        CHECK(count_threads() == 3);
        const auto counts = parallel({.n_jobs = 2, .timeout = std::chrono::seconds(20)}, processes{})(
            delayed([&](int) { return count_threads(); }), std::views::iota(0, 6));
        CHECK(counts == std::vector<int>(6, 3));
    }
    CHECK(count_threads() == 3);
}

#endif

TEST_CASE("tasks may run programs that read their standard input", "[ported]") {  // T99
    const auto lines = parallel(2, processes{})(delayed([](int i) {
                                                    const std::string command = "echo " + std::to_string(i) + " | cat";
                                                    std::FILE* const output = popen(command.c_str(), "r");
                                                    int number = -1;
                                                    if (std::fscanf(output, "%d", &number) != 1) number = -2;
                                                    return pclose(output) == 0 ? number : -3;
                                                }),
                                                std::views::iota(0, 6));
    CHECK(lines == std::vector{0, 1, 2, 3, 4, 5});
}

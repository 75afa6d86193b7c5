// Tests of portable_loop.hpp: a loop on worker processes gives what it gives in this one.
#include <unistd.h>
#include <fanout/fanout.hpp>

#include <chrono>
#include <cstdio>
#include <memory>
#include <optional>
#include <ranges>
#include <sstream>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "catch.hpp"
#include "support/generator.hpp"

using fanout::delayed, fanout::parallel, fanout::processes;

namespace {

struct no_default {
    explicit no_default(int v) : value(v) {}
    template <class Archive>
    void save(Archive& archive) const {
        archive(value);
    }
    int value;
};

const auto numbers = std::views::iota(0, 200);

}  // namespace

template <>
struct fanout::codec<no_default> {
    static void write(fanout::writer& to, const no_default& each) { to(each.value); }
    static no_default read(fanout::reader& from) { return no_default(from.read<int>()); }
};

TEST_CASE("results of every kind come back in the order of the input", "[portable_loop]") {
    for (const int n_jobs : {1, 2, 3}) {
        const auto run = parallel(n_jobs, processes{});
        const auto flat = run(delayed([](int i) { return i * 0.5; }), numbers);
        const auto text = run(delayed([](int i) { return std::string(static_cast<std::size_t>(i), 'x'); }), numbers);
        const auto flags = run(delayed([](int i) { return i % 3 == 0; }), numbers);
        const auto owned = run(delayed([](int i) { return std::make_unique<int>(i); }), numbers);
        const auto made = run(delayed([](int i) { return no_default(i); }), numbers);
        const auto maybe = run(delayed([](int i) { return i % 2 ? std::optional(i) : std::nullopt; }), numbers);
        REQUIRE(flat.size() == 200);
        for (int i = 0; i < 200; ++i) {
            const auto at = static_cast<std::size_t>(i);
            REQUIRE(flat[at] == i * 0.5);
            REQUIRE(text[at].size() == at);
            REQUIRE(flags[at] == (i % 3 == 0));
            REQUIRE(*owned[at] == i);
            REQUIRE(made[at].value == i);
            REQUIRE(maybe[at] == (i % 2 ? std::optional(i) : std::nullopt));
        }
    }
}

TEST_CASE("tasks without results run too, and what they change stays with their worker", "[portable_loop]") {
    int changed = 0;
    parallel(2, processes{})(delayed([&](int) { ++changed; }), numbers);
    CHECK(changed == 0);
    const auto outcomes = parallel(2, processes{})
                              .outcomes(delayed([](int i) {
                                            if (i == 3) throw std::domain_error("three");
                                        }),
                                        std::views::iota(0, 5));
    CHECK(outcomes[2].has_value());
    CHECK(outcomes[3].error().what == "three");
    CHECK(outcomes[3].error().backend == "processes");
    CHECK(outcomes[3].error().pid > 0);
}

TEST_CASE("elements that can be read only once are sent to the workers", "[portable_loop]") {
    std::vector<int> expected;
    for (int i = 0; i < 200; ++i) expected.push_back(i * i);
    const auto square = delayed([](int i) { return i * i; });
    CHECK(parallel(2, processes{})(square, generate(200, [](int i) { return i; })) == expected);
    CHECK(parallel({.n_jobs = 2, .pre_dispatch = 3}, processes{})(square, generate(200, [](int i) { return i; })) ==
          expected);
    std::istringstream words("one two three");
    CHECK(parallel(2, processes{})(delayed([](const std::string& word) { return word + "!"; }),
                                   std::views::istream<std::string>(words)) ==
          std::vector<std::string>{"one!", "two!", "three!"});
    CHECK(parallel(2, processes{})(square, generate(0, [](int i) { return i; })).empty());
}

TEST_CASE("input that breaks ends the call with its own exception, on processes too", "[portable_loop][errors]") {
    const auto breaks = [](int i) {
        if (i == 19) throw std::length_error("no more input");
        return i;
    };
    const auto same = delayed([](int i) { return i; });
    CHECK_THROWS_AS(parallel(2, processes{})(same, generate(50, breaks)), std::length_error);
    CHECK_THROWS_AS(parallel(2, processes{})(same, numbers | std::views::transform(breaks)), std::length_error);
}

TEST_CASE("element by element over several ranges, and ranges of calls, work on processes", "[portable_loop]") {
    const std::vector<int> xs{1, 2, 3};
    const std::vector<int> ys{10, 20, 30, 40};
    CHECK(parallel(2, processes{})(delayed([](int x, int y) { return x + y; }), xs, ys) == std::vector{11, 22, 33});
    CHECK(parallel(2, processes{})(xs | std::views::transform(delayed([](int x) { return 2 * x; }))) ==
          std::vector{2, 4, 6});
    CHECK(parallel(2, processes{})(delayed([](int x) { return x; }), std::vector<int>{}).empty());
}

TEST_CASE("calls that can be read only once are sent to the workers", "[portable_loop]") {
    std::istringstream words("one two three");
    CHECK(parallel(2, processes{})(std::views::istream<std::string>(words) |
                                   std::views::transform(delayed([](const std::string& word) {
                                       return word + "!";
                                   }))) == std::vector<std::string>{"one!", "two!", "three!"});
    CHECK(parallel(2, processes{})(generate(4, [](int i) { return delayed([](int k) { return k * k; })(i); })) ==
          std::vector{0, 1, 4, 9});
}

TEST_CASE("a function that wants a token gets one, which nobody uses", "[portable_loop]") {
    const auto results = parallel(2, processes{})(
        delayed([](std::stop_token told, int i) { return told.stop_possible() && !told.stop_requested() ? i : -1; }),
        std::views::iota(0, 5));
    CHECK(results == std::vector{0, 1, 2, 3, 4});
}

TEST_CASE("a call on processes can be stopped from outside, and its workers are killed", "[portable_loop][stop]") {
    std::stop_source source;
    const auto hangs = delayed([](int i) {
        if (i == 1) pause();
        return i;
    });
    std::jthread stopper([&] { source.request_stop(); });
    CHECK_THROWS_AS(parallel({.n_jobs = 2, .stop = source.get_token()}, processes{})(hangs, std::views::iota(0, 1000)),
                    fanout::cancelled);
}

TEST_CASE("a call that is stopped while its window is full ends at once", "[portable_loop][stop]") {
    std::stop_source source;
    std::jthread stopper([&] {
        std::this_thread::sleep_for(
            std::chrono::milliseconds(50));  // by then the window is full and both workers sleep
        source.request_stop();
    });
    const auto start = std::chrono::steady_clock::now();
    CHECK_THROWS_AS(parallel({.n_jobs = 2, .pre_dispatch = 2, .stop = source.get_token()}, processes{})(
                        delayed([](int i) {
                            pause();
                            return i;
                        }),
                        generate(1'000'000, [](int i) { return i; })),
                    fanout::cancelled);
    CHECK(std::chrono::steady_clock::now() - start < std::chrono::seconds(20));
}

TEST_CASE("what a process that a task has forked brings back is not the task's result", "[portable_loop]") {
    const std::vector<int> sevens(200, 7);
    CHECK(parallel(2, processes{})(delayed([](int i) { return fork() == 0 ? -1 : i; }), sevens) == sevens);
    const auto texts = parallel(2, processes{})(
        delayed([](int) { return std::string(300'000, fork() == 0 ? 'c' : 'p'); }), std::vector<int>(20));
    for (const std::string& text : texts) REQUIRE(text == std::string(300'000, 'p'));
}

TEST_CASE("a thread that waits for input does not hold up a call", "[portable_loop]") {
    int ends[2];
    REQUIRE(pipe(ends) == 0);
    std::FILE* const silent = fdopen(ends[0], "r");
    std::jthread reader([&] { static_cast<void>(std::fgetc(silent)); });
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    CHECK(parallel(2, processes{})(delayed([](int i) { return i; }), std::vector{1, 2, 3}) == std::vector{1, 2, 3});
    close(ends[1]);
    reader.join();
    std::fclose(silent);
}

// Results come in the order of the input, each task runs once, whatever is called over whatever.
#include <fanout/serialize/codec.hpp>

#include <list>
#include <memory>
#include <ranges>
#include <string>
#include <tuple>
#include <vector>

#include "backend_suite/ways.hpp"
#include "support/generator.hpp"
#include "support/shared_counters.hpp"

using fanout::delayed;

namespace {

struct no_default {
    explicit no_default(int v) : value(v) {}
    no_default(no_default&&) = default;
    no_default& operator=(no_default&&) = delete;
    int value;
};

int square(int i) { return i * i; }

std::vector<int> squares(int size) {
    std::vector<int> all;
    for (int i = 0; i < size; ++i) all.push_back(i * i);
    return all;
}

}  // namespace

template <>
struct fanout::codec<no_default> {
    static void write(fanout::writer& to, const no_default& what) { to(what.value); }
    static no_default read(fanout::reader& from) { return no_default(from.read<int>()); }
};

namespace backend_suite {

void check_results(const tested_backend& backend) {
    SECTION("results come in the order of the input, for any number of tasks, jobs, and tasks at a time") {
        for (const int n_jobs : {1, 2, 5, 40})
            for (const std::optional<std::int64_t> batch : {std::optional<std::int64_t>(), {1}, {3}, {1000}})
                each_way(backend, {.n_jobs = n_jobs, .batch_size = batch}, [](const auto& run) {
                    for (const int size : {0, 1, 2, 63, 64, 500}) {
                        CAPTURE(size);
                        REQUIRE(run(delayed(square), std::views::iota(0, size)) == squares(size));
                        REQUIRE(run(delayed(square), generate(size, once)) == squares(size));
                    }
                });
    }

    SECTION("each task runs once") {
        for (const int n_jobs : {1, 3})
            each_way(backend, {.n_jobs = n_jobs}, [](const auto& run) {
                const shared_counters runs;
                const auto task = [&](int i) { ++runs[i]; };
                run(delayed(task), std::views::iota(0, 900));
                run(delayed(task), generate(900, once));
                int twice = 0;
                for (int i = 0; i < 900; ++i) twice += runs[i] == 2;
                CHECK(twice == 900);
            });
    }

    SECTION("every form of a call") {
        for (const int n_jobs : {1, 2})
            each_way(backend, {.n_jobs = n_jobs}, [](const auto& run) {
                const std::vector numbers{1, 2, 3, 4};
                const auto sum = [](int x, int y) { return x + y; };
                CHECK(run(delayed(sum), numbers, numbers) == std::vector{2, 4, 6, 8});
                CHECK(run(numbers | std::views::transform(delayed(square))) == std::vector{1, 4, 9, 16});
                CHECK(run(delayed(square)(5), delayed([](std::string text) { return text + "!"; })("hi")) ==
                      std::tuple(25, std::string("hi!")));
                CHECK(run(delayed([] { return 7; })()) == std::tuple(7));
                const auto outcomes = run.outcomes(delayed(square), numbers);
                CHECK(outcomes[3].value() == 16);
                CHECK(run.outcomes(delayed([](int) {}), numbers)[0].has_value());
            });
    }

    SECTION("every kind of input") {
        for (const int n_jobs : {1, 2})
            each_way(backend, {.n_jobs = n_jobs}, [](const auto& run) {
                const auto sum = [](int x, int y) { return x + y; };
                CHECK(run(delayed(square), std::list{1, 2, 3}) == std::vector{1, 4, 9});
                CHECK(run(delayed(square), std::views::iota(0) | std::views::take(50)) == squares(50));
                const auto even = [](int i) { return i % 2 == 0; };
                CHECK(run(delayed(square), std::views::iota(0, 9) | std::views::filter(even)).size() == 5);
                CHECK(run(delayed(sum), std::views::iota(0), std::vector{1, 2, 3}) == std::vector{1, 3, 5});
                CHECK(run(delayed(sum), std::vector{1, 2}, generate_for_ever(once)) == std::vector{1, 3});
                CHECK(run(delayed([](std::unique_ptr<int> p) { return *p; }),
                          generate(20, [](int i) { return std::make_unique<int>(i); }))[19] == 19);
                CHECK(run(delayed(square), std::vector<int>()).empty());
                CHECK(run(delayed(square), generate(0, once)).empty());
                CHECK(run.outcomes(delayed(square), generate(0, once)).empty());
            });
    }

    SECTION("no more than pre_dispatch elements are read and not finished") {
        for (const int window : {1, 3, 10})
            each_way(backend, {.n_jobs = 3, .pre_dispatch = window}, [&](const auto& run) {
                const shared_counters finished;
                int most_ahead = 0;
                const auto produce = [&](int i) {
                    const int ahead = i + 1 - finished[0];
                    if (ahead > most_ahead) most_ahead = ahead;
                    return i;
                };
                const auto task = [&](int i) { return ++finished[0], i * i; };
                CHECK(run(delayed(task), generate(300, produce)) == squares(300));
                CHECK(most_ahead <= window);
            });
    }

    SECTION("every kind of result") {
        for (const int n_jobs : {1, 2})
            each_way(backend, {.n_jobs = n_jobs}, [](const auto& run) {
                const auto numbers = std::views::iota(0, 300);
                const auto as_expected = [&](const auto& make, const auto& is) {
                    const auto indexed = run(delayed(make), numbers);
                    const auto read_once = run(delayed(make), generate(300, once));
                    int right = 0;
                    for (int i = 0; i < 300; ++i)
                        right += is(indexed[std::size_t(i)], i) && is(read_once[std::size_t(i)], i);
                    CHECK(right == 300);
                };
                as_expected([](int i) { return std::to_string(i); },
                            [](const std::string& text, int i) { return text == std::to_string(i); });
                as_expected(
                    [](int i) { return std::vector(std::size_t(i * 10), i); },
                    [](const std::vector<int>& all, int i) { return all == std::vector(std::size_t(i * 10), i); });
                as_expected([](int i) { return std::make_unique<int>(i); },
                            [](const std::unique_ptr<int>& p, int i) { return *p == i; });
                as_expected([](int i) { return no_default(i); },
                            [](const no_default& each, int i) { return each.value == i; });
                as_expected([](int i) { return i % 3 == 0; }, [](bool bit, int i) { return bit == (i % 3 == 0); });
                std::vector<std::string> words{"a", "b"};
                const auto same = [](const std::string& word) -> const std::string& { return word; };
                CHECK(run(delayed(same), words) == words);
            });
    }

    SECTION("many calls, one after the other") {
        each_way(backend, {.n_jobs = 2}, [](const auto& run) {
            for (int call = 0; call < 100; ++call)
                REQUIRE(run(delayed(square), std::views::iota(0, call)) == squares(call));
        });
    }
}

}  // namespace backend_suite

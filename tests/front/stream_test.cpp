// Tests of stream.hpp: results as a range, while the loop runs.
#include <fanout/front/parallel.hpp>
#include <fanout/front/stream.hpp>

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <concepts>
#include <cstdint>
#include <latch>
#include <limits>
#include <list>
#include <memory>
#include <optional>
#include <ranges>
#include <sstream>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "catch.hpp"
#include "support/becomes_true.hpp"
#include "support/counted.hpp"
#include "support/generator.hpp"
#include "support/in_flight.hpp"
#include "support/matchers.hpp"
#include "support/second_chunk_first.hpp"
#include "support/threads_of_this_process.hpp"

using fanout::delayed, fanout::parallel, fanout::sequential, fanout::threads;

namespace {

const auto square = delayed([](int i) { return i * i; });

template <class Range>
auto all_of(Range&& results) {
    std::vector<std::ranges::range_value_t<Range>> taken;
    for (auto result : results) taken.push_back(std::move(result));
    return taken;
}

template <class Function>
std::vector<int> ints(int size, Function f) {
    std::vector<int> expected;
    for (int i = 0; i < size; ++i) expected.push_back(f(i));
    return expected;
}

std::vector<int> squares(int size) {
    return ints(size, [](int i) { return i * i; });
}

/// Calls `check(backend)` for those that run in this process.
template <class Check>
void on_backends_of_this_process(const Check& check) {
    {
        INFO("on threads");
        check(threads{});
    }
    INFO("on sequential");
    check(sequential{});
}

/// Long enough for others to do what they must not.
void let_others_run() { std::this_thread::sleep_for(std::chrono::milliseconds(2)); }

template <class S>
struct streamed_value;
template <class T>
struct streamed_value<fanout::stream<T>> : std::type_identity<T> {};

}  // namespace

static_assert(std::ranges::input_range<fanout::stream<int>>);
static_assert(std::ranges::viewable_range<fanout::stream<std::string>>);
static_assert(std::ranges::input_range<fanout::stream<std::unique_ptr<int>>>);
static_assert(std::same_as<std::ranges::range_reference_t<fanout::stream<std::string>>, std::string&&>);
static_assert(std::movable<fanout::stream<int>> && !std::copyable<fanout::stream<int>>);

TEST_CASE("results come in the order of the input, whatever the number of jobs", "[stream]") {  // joblib T29
    std::vector<int> numbers(500);
    for (std::size_t i = 0; i < numbers.size(); ++i) numbers[i] = static_cast<int>(i);
    const std::list<int> linked(numbers.begin(), numbers.end());
    on_backends_of_this_process([&](auto backend) {
        for (const int n_jobs : {1, 2, 4, 16}) {
            auto run = parallel(n_jobs, backend);
            CHECK(all_of(run.stream(square, numbers)) == squares(500));
            CHECK(all_of(run.stream(square, std::views::iota(0, 500))) == squares(500));
            CHECK(all_of(run.stream(square, linked)) == squares(500));
            CHECK(all_of(run.stream(square, generate(500, [](int i) { return i; }))) == squares(500));
            CHECK(all_of(parallel({.n_jobs = n_jobs, .batch_size = 7}, backend).stream(square, numbers)) ==
                  squares(500));
            CHECK(all_of(parallel({.n_jobs = n_jobs, .pre_dispatch = 3}, backend).stream(square, linked)) ==
                  squares(500));
        }
    });
}

TEST_CASE("unordered, every result comes once, with the index of its task", "[stream]") {
    on_backends_of_this_process([&](auto backend) {
        for (const int n_jobs : {1, 2, 4, 16}) {
            std::vector<int> results(1000, -1);
            for (auto [index, value] : parallel(n_jobs, backend).stream_unordered(square, std::views::iota(0, 1000))) {
                REQUIRE(results.at(index) == -1);
                results[index] = value;
            }
            CHECK(results == squares(1000));
        }
    });
}

TEST_CASE("a million tiny results", "[stream]") {
    for (const int n_jobs : {1, 2, 3}) {
        long sum = 0;
        int expected = 0;
        bool in_order = true;
        for (const int i : parallel(n_jobs).stream(delayed([](int i) { return i; }), std::views::iota(0, 1'000'000))) {
            in_order = in_order && i == expected++;
            sum += i;
        }
        CHECK(in_order);
        CHECK(sum == 499'999'500'000);
    }
}

TEST_CASE("streams run over several ranges, and over ranges of delayed calls", "[stream]") {
    on_backends_of_this_process([&](auto backend) {
        const std::vector<int> tens{10, 20, 30, 40};
        const auto add = delayed([](int a, int b) { return a + b; });
        CHECK(all_of(parallel(2, backend).stream(add, tens, std::views::iota(1))) == std::vector{11, 22, 33, 44});
        CHECK(all_of(parallel(2, backend).stream(add, std::list{1, 2}, tens)) == std::vector{11, 22});

        auto calls = tens | std::views::transform(square);
        CHECK(all_of(parallel(2, backend).stream(calls)) == std::vector{100, 400, 900, 1600});
        CHECK(all_of(parallel(2, backend).stream(std::views::iota(0, 3) | std::views::transform(square))) ==
              squares(3));
        std::vector kept_calls{square(3), square(4)};
        CHECK(all_of(parallel(2, backend).stream(kept_calls)) == std::vector{9, 16});

        const std::vector<int> none;
        CHECK(all_of(parallel(2, backend).stream(square, none)).empty());
        CHECK(all_of(parallel(2, backend).stream_unordered(square, none)).empty());
    });
}

TEST_CASE("results of every kind", "[stream]") {
    const auto numbers = std::views::iota(0, 100);
    int seen = 0;
    for ([[maybe_unused]] auto each : parallel(2).stream(delayed([](int) {}), numbers)) ++seen;
    CHECK(seen == 100);

    for (const bool odd : parallel(2).stream(delayed([](int i) { return i % 2 == 1; }), numbers))
        REQUIRE(odd == (seen++ % 2 == 1));

    int next = 0;
    for (auto owned : parallel(2).stream(delayed([](int i) { return std::make_unique<int>(i); }), numbers))
        REQUIRE(*owned == next++);

    const std::string text = "text";
    for (const std::string& copy :
         parallel(2).stream(delayed([&](int) -> const std::string& { return text; }), numbers))
        REQUIRE((copy == text && &copy != &text));
    CHECK(text == "text");

    next = 0;
    for (const counted& each : parallel(2).stream(delayed([](int i) { return counted(i); }), numbers))
        REQUIRE(each.value == next++);
    for (auto [index, each] : parallel(2).stream_unordered(delayed([](int i) { return counted(i); }), numbers))
        REQUIRE(each.value == static_cast<int>(index));
    CHECK(counted::alive == 0);
}

TEST_CASE("a stream can be read through views", "[stream]") {
    auto first_five = parallel(2).stream(square, std::views::iota(0)) | std::views::take(5) |
                      std::views::transform([](int i) { return i + 1; });
    CHECK(all_of(first_five) == std::vector{1, 2, 5, 10, 17});
}

TEST_CASE("nothing runs before the first result is asked for", "[stream]") {  // joblib starts at the call
    on_backends_of_this_process([&](auto backend) {
        std::atomic<int> started = 0;
        std::atomic<int> read = 0;
        const int threads_before = threads_of_this_process();
        {
            auto results =
                parallel(2, backend).stream(delayed([&](int i) { return started++, i; }), generate(10, [&](int i) {
                                                ++read;
                                                return i;
                                            }));
            let_others_run();
            CHECK((started == 0 && read == 0));
            CHECK(threads_of_this_process() == threads_before);
            auto moved = std::move(results);
        }
        CHECK((started == 0 && read == 0));
    });
}

TEST_CASE("nothing runs further ahead of what was taken than pre_dispatch", "[stream]") {
    for (const bool in_order : {true, false})
        for (const int n_jobs : {1, 2, 4})
            for (const int window : {1, 2, 8}) {
                std::atomic<int> started = 0;
                int taken = 0;
                const auto f = delayed([&](int i) { return ++started, i; });
                const auto take = [&](auto&& results) {
                    for ([[maybe_unused]] auto&& each : results) {
                        ++taken;
                        REQUIRE(started <= taken + window);
                        if (taken == 20) {
                            REQUIRE(becomes_true([&] { return started > taken; }));  // but it does run ahead
                            let_others_run();
                            REQUIRE(started <= taken + window);
                        }
                        if (taken == 100) break;
                    }
                };
                auto run = parallel({.n_jobs = n_jobs, .pre_dispatch = window}, threads{});
                if (in_order)
                    take(run.stream(f, std::views::iota(0)));
                else
                    take(run.stream_unordered(f, std::views::iota(0)));
                CHECK(taken == 100);
            }
}

TEST_CASE("left to itself, a stream is two chunks for each job ahead", "[stream]") {
    for (const int chunk : {1, 5}) {
        std::atomic<int> started = 0;
        int taken = 0;
        for ([[maybe_unused]] int each :
             parallel({.n_jobs = 2, .batch_size = chunk})
                 .stream(delayed([&](int i) { return ++started, i; }), std::views::iota(0))) {
            ++taken;
            REQUIRE(started <= taken + 4 * chunk + chunk - 1);
            if (taken == 10) {
                REQUIRE(becomes_true([&] { return started >= taken + 4 * chunk; }));
            }
            if (taken == 100) break;
        }
    }
}

TEST_CASE("batches of an endless stream have an end", "[stream]") {
    on_backends_of_this_process([](auto backend) {
        const auto run = parallel({.n_jobs = 2, .batch_size = std::numeric_limits<std::int64_t>::max()}, backend);
        int sum = 0;
        for (const int each : run.stream(delayed([](int i) { return i; }), std::views::iota(0))) {
            if (each > 50) break;
            sum += each;
        }
        CHECK(sum == 1275);
        int taken = 0;
        for ([[maybe_unused]] const auto& each :
             run.stream_unordered(delayed([](int i) { return i; }), std::views::iota(0)))
            if (++taken == 100) break;
        CHECK(taken == 100);
        CHECK(run.find_first(delayed([](int i) { return i == 70'000; }), std::views::iota(0)) == 70'000);
    });
}

TEST_CASE("an endless stream takes no more memory as it goes on", "[stream]") {
    int most = 0;
    int taken = 0;
    for ([[maybe_unused]] const counted& each :
         parallel({.n_jobs = 2, .pre_dispatch = 64})
             .stream(delayed([](int i) { return counted(i); }), std::views::iota(0))) {
        most = std::max(most, counted::alive.load());
        if (++taken == 100'000) break;
    }
    CHECK(most <= 64 + 16 + 2 * 2);  // the window, what is taken but not yet read, and what is being moved
    CHECK(counted::alive == 0);
}

TEST_CASE("sequential runs each task in the calling thread when its result is wanted", "[stream]") {
    const auto here = std::this_thread::get_id();
    const int threads_before = threads_of_this_process();
    int started = 0;  // not atomic: nobody else is there
    int taken = 0;
    for (const bool same : parallel({.n_jobs = 4, .pre_dispatch = 100}, sequential{})
                               .stream(delayed([&](int) { return ++started, std::this_thread::get_id() == here; }),
                                       std::views::iota(0))) {
        REQUIRE(same);
        REQUIRE(started == ++taken);
        if (taken == 50) break;
    }
    CHECK(threads_of_this_process() == threads_before);
}

TEST_CASE("leaving the loop early stops the rest and leaves nothing running", "[stream]") {
    const int threads_before = threads_of_this_process();
    on_backends_of_this_process([&](auto backend) {
        for (const int left_at : {1, 2, 50}) {
            in_flight tasks;
            std::atomic<int> started = 0;
            const auto f = delayed([&](int i) {
                const in_flight::guard running(tasks);
                return ++started, i;
            });
            int taken = 0;
            for ([[maybe_unused]] int each : parallel(2, backend).stream(f, std::views::iota(0)))
                if (++taken == left_at) break;
            CHECK(tasks.now() == 0);
            const int at_the_end = started;
            let_others_run();
            CHECK(started == at_the_end);

            const auto read_until_it_throws = [&] {
                for ([[maybe_unused]] auto&& each : parallel(2, backend).stream_unordered(f, std::views::iota(0)))
                    throw std::runtime_error("of the loop's body");
            };
            CHECK_THROWS_WITH(read_until_it_throws(), "of the loop's body");
            CHECK(tasks.now() == 0);
        }
    });
    CHECK(threads_come_down_to(threads_before));
}

TEST_CASE("tasks that run when a stream is left are told to stop, and waited for", "[stream]") {
    std::atomic<int> finished = 0;
    {
        std::latch both_run(2);
        auto results = parallel(2).stream(delayed([&](std::stop_token told, int i) {
                                              if (i == 0) return i;
                                              if (i <= 2) both_run.count_down();
                                              while (!told.stop_requested()) std::this_thread::yield();
                                              ++finished;
                                              return i;
                                          }),
                                          std::views::iota(0, 3));
        auto at = results.begin();
        CHECK(*at == 0);
        both_run.wait();
    }
    CHECK(finished == 2);
}

TEST_CASE("an exception comes at its place: after the results before it, and then there is nothing", "[stream]") {
    on_backends_of_this_process([&](auto backend) {
        for (const int n_jobs : {1, 2, 4}) {
            std::atomic<int> last_started = 0;
            auto results = parallel(n_jobs, backend)
                               .stream(delayed([&](int i) {
                                           for (int seen = last_started; i > seen;)
                                               if (last_started.compare_exchange_weak(seen, i)) break;
                                           if (i >= 70)
                                               throw std::domain_error("seventy or more: " + std::to_string(i));
                                           return i;
                                       }),
                                       std::views::iota(0));
            std::vector<int> taken;
            const auto read = [&] {
                for (const int each : results) taken.push_back(each);
            };
            CHECK_THROWS_AS(read(), std::domain_error);
            CHECK(taken == ints(70, [](int i) { return i; }));
            CHECK(results.begin() == results.end());
            read();
            CHECK(taken.size() == 70);
            CHECK(last_started < 10'000);
        }
    });
}

TEST_CASE("of several exceptions the first in the input comes, though another was thrown before", "[stream]") {
    std::atomic<bool> five_has_thrown = false;
    std::vector<int> taken;
    const auto read = [&] {
        for (const int each : parallel({.n_jobs = 2, .batch_size = 1})
                                  .stream(delayed([&](int i) {
                                              if (i == 4) {
                                                  while (!five_has_thrown) std::this_thread::yield();
                                                  throw std::domain_error("four");
                                              }
                                              if (i == 5) {
                                                  five_has_thrown = true;
                                                  throw std::range_error("five");
                                              }
                                              return i;
                                          }),
                                          std::views::iota(0, 100)))
            taken.push_back(each);
    };
    CHECK_THROWS_WITH(read(), "four");
    CHECK(taken == std::vector{0, 1, 2, 3});
}

TEST_CASE("tasks before one that failed are run, none behind it starts", "[stream]") {
    std::vector<int> started;
    std::vector<int> taken;
    const auto read = [&] {
        for (const int each : parallel({.n_jobs = 2, .batch_size = 3}, second_chunk_first())
                                  .stream(delayed([&](int i) {
                                              started.push_back(i);
                                              return i == 4 ? throw std::domain_error("four") : i;
                                          }),
                                          std::views::iota(0)))
            taken.push_back(each);
    };
    CHECK_THROWS_WITH(read(), "four");
    CHECK(taken == std::vector{0, 1, 2, 3});
    CHECK(started == std::vector{3, 4, 0, 1, 2});
}

TEST_CASE("unordered, an exception comes when it happens, after the results that are there", "[stream]") {
    on_backends_of_this_process([&](auto backend) {
        std::atomic<bool> failed = false;
        std::vector<bool> seen(1000, false);
        const auto read = [&] {
            auto results = parallel({.n_jobs = 2, .pre_dispatch = 1000}, backend)
                               .stream_unordered(delayed([&](int i) {
                                                     if (i == 20) {
                                                         failed = true;
                                                         throw std::domain_error("twenty");
                                                     }
                                                     return i;
                                                 }),
                                                 std::views::iota(0, 1000));
            for (auto [index, value] : results) {
                REQUIRE(!seen.at(index));
                seen[index] = true;
                if (value == 0)
                    REQUIRE(becomes_true([&] { return failed || std::same_as<decltype(backend), sequential>; }));
            }
        };
        CHECK_THROWS_WITH(read(), "twenty");
        CHECK((seen[0] && !seen[20]));
    });
}

TEST_CASE("input that breaks: the results of what was read, and then its exception", "[stream]") {
    on_backends_of_this_process([&](auto backend) {
        std::vector<int> taken;
        const auto read = [&](auto&& results) {
            for (const int each : results) taken.push_back(each);
        };
        const auto broken = [](int i) { return i == 30 ? throw std::runtime_error("the line is dead") : i; };
        CHECK_THROWS_WITH(read(parallel(2, backend).stream(square, generate(100, broken))), "the line is dead");
        CHECK(taken == squares(30));
        taken.clear();
        auto by_index = std::views::iota(0, 100) | std::views::transform(broken);
        CHECK_THROWS_WITH(read(parallel(2, backend).stream(square, by_index)), "the line is dead");
        CHECK(taken == squares(30));
    });
}

TEST_CASE("a stream that is stopped throws cancelled, whatever is still there", "[stream]") {
    on_backends_of_this_process([&](auto backend) {
        std::stop_source stop;
        int taken = 0;
        const auto read = [&] {
            for ([[maybe_unused]] int each :
                 parallel({.n_jobs = 2, .stop = stop.get_token()}, backend).stream(square, std::views::iota(0)))
                if (++taken == 25) stop.request_stop();
        };
        CHECK_THROWS_AS(read(), fanout::cancelled);
        CHECK(taken >= 25);
        CHECK_THROWS_AS(read(), fanout::cancelled);  // stopped before it begins
        const auto read_unordered = [&] {
            for ([[maybe_unused]] auto&& each : parallel({.n_jobs = 2, .stop = stop.get_token()}, backend)
                                                    .stream_unordered(square, std::views::iota(0))) {
            }
        };
        CHECK_THROWS_AS(read_unordered(), fanout::cancelled);
    });
}

TEST_CASE("a stream that waits for a task is woken when it is stopped", "[stream]") {
    std::stop_source stop;
    std::latch runs(1);
    std::jthread stopper([&] {
        runs.wait();
        stop.request_stop();
    });
    auto results = parallel({.n_jobs = 2, .stop = stop.get_token()})
                       .stream(delayed([&](std::stop_token told, int) {
                                   runs.count_down();
                                   while (!told.stop_requested()) std::this_thread::yield();
                                   return 1;
                               }),
                               std::views::iota(0, 1));
    CHECK_THROWS_AS(results.begin(), fanout::cancelled);
}

TEST_CASE("timeouts hold in streams of both kinds, each at the place of its task", "[stream]") {  // joblib T27
    using namespace std::chrono_literals;
    on_backends_of_this_process([&](auto backend) {
        const auto slow_at_3 = delayed([](std::stop_token told, int i) {
            while (i == 3 && !told.stop_requested()) std::this_thread::yield();
            return i;
        });
        int taken = 0;
        const auto read = [&](auto&& results) {
            for ([[maybe_unused]] auto&& each : results) ++taken;
        };
        auto strict = parallel({.n_jobs = 2, .timeout = 50ms}, backend);
        CHECK_THROWS_AS(read(strict.stream(slow_at_3, std::views::iota(0, 10))), fanout::task_timeout);
        CHECK(taken == 3);
        CHECK_THROWS_AS(read(strict.stream_unordered(slow_at_3, std::views::iota(0, 10))), fanout::task_timeout);
        taken = 0;
        auto patient = parallel({.n_jobs = 2, .timeout = 10s}, backend);
        read(patient.stream(square, std::views::iota(0, 10)));
        read(patient.stream_unordered(square, std::views::iota(0, 10)));
        CHECK(taken == 20);
    });
}

TEST_CASE("unordered, what is fast comes first, and a slow task holds up nobody", "[stream]") {  // joblib T30
    for (const int chunk : {1, 4}) {
        std::atomic<int> taken = 0;
        std::vector<std::size_t> order;
        for (auto [index, value] : parallel({.n_jobs = 2, .batch_size = chunk}, threads{})
                                       .stream_unordered(delayed([&](int i) {
                                                             while (i == 3 && taken < 18) std::this_thread::yield();
                                                             return i;
                                                         }),
                                                         std::views::iota(0, 20))) {
            order.push_back(index);
            ++taken;
            static_cast<void>(value);
        }
        REQUIRE(order.size() == 20);
        CHECK(std::ranges::find(order, 3u) >= order.begin() + 18);
    }
}

TEST_CASE("a result is not held up by a slow neighbour in its chunk", "[stream]") {
    std::atomic<bool> has_first = false;
    int taken = 0;
    for (const int each : parallel({.n_jobs = 2, .batch_size = 8})
                              .stream(delayed([&](int i) {
                                          while (i == 1 && !has_first) std::this_thread::yield();
                                          return i;
                                      }),
                                      std::views::iota(0, 16))) {
        REQUIRE(each == taken++);
        has_first = true;
    }
    CHECK(taken == 16);
}

TEST_CASE("a result is not held up by a slow neighbour though a later task has failed meanwhile", "[stream]") {
    for (int round = 0; round < 300; ++round) {
        std::atomic<bool> failed = false;
        std::atomic<bool> taken = false;
        const auto task = [&](int i) {
            if (i == 0)
                for (int spins = 0; !failed && spins < 100'000; ++spins) std::this_thread::yield();
            if (i == 1)
                while (!taken) std::this_thread::yield();  // for ever, if the first result does not come before
            if (i == 2) {
                failed = true;
                throw std::runtime_error("two");
            }
            return i;
        };
        const auto read = [&] {
            for (const int result :
                 parallel({.n_jobs = 2, .batch_size = 2}).stream(delayed(task), std::vector{0, 1, 2, 3}))
                if (result == 0) taken = true;
        };
        REQUIRE_THROWS_AS(read(), std::runtime_error);
    }
}

TEST_CASE("a stream can be read in another thread than the one that made it, and moved meanwhile", "[stream]") {
    on_backends_of_this_process([&](auto backend) {
        auto results = parallel(2, backend).stream(square, std::views::iota(0, 100));
        std::vector<int> taken;
        std::thread([&] {
            auto at = results.begin();
            for (int i = 0; i < 40; ++i, ++at) taken.push_back(*at);
        }).join();
        auto moved = std::move(results);
        std::thread([&, own = std::move(moved)]() mutable {
            for (const int each : own) taken.push_back(each);
        }).join();
        // Where the first loop was left, the forty-first result was there and had not been looked at.
        CHECK(taken.size() == 99);
        CHECK(taken.back() == 99 * 99);
    });
}

TEST_CASE("several streams at once, and streams inside of tasks", "[stream]") {
    on_backends_of_this_process([&](auto backend) {
        auto one = parallel(2, backend).stream(square, std::views::iota(0));
        auto other = parallel(2, backend).stream(square, std::views::iota(1));
        auto a = one.begin();
        auto b = other.begin();
        for (int i = 0; i < 500; ++i, ++a, ++b) REQUIRE((*a == i * i && *b == (i + 1) * (i + 1)));

        const auto sum_to = delayed([&](int n) {
            int sum = 0;
            for (const int each : parallel(2, backend).stream(square, std::views::iota(0, n))) sum += each;
            return sum;
        });
        const auto sums = parallel(2, threads{})(sum_to, std::views::iota(0, 20));
        const auto streamed_sums = all_of(parallel(2, backend).stream(sum_to, std::views::iota(0, 20)));
        CHECK(streamed_sums == sums);
        CHECK(sums.back() == 2109);
    });
}

TEST_CASE("a parallel object may be used while its stream is read", "[stream]") {  // joblib T32 differs: an error there
    const auto run = parallel(2);
    auto results = run.stream(square, std::views::iota(0, 100));
    auto at = results.begin();
    CHECK(run(square, std::views::iota(0, 100)) == squares(100));
    CHECK(all_of(run.stream(square, std::views::iota(0, 100))) == squares(100));
    int taken = 0;
    for (; at != results.end(); ++at) ++taken;
    CHECK(taken == 100);
}

TEST_CASE("a stream may outlive the parallel object and what it was given as rvalues", "[stream]") {
    const auto make = [](int offset) {
        const auto run = parallel(2);
        std::vector<int> numbers{1, 2, 3};
        return run.stream(delayed([offset](int i) { return i + offset; }), std::move(numbers));
    };
    CHECK(all_of(make(10)) == std::vector{11, 12, 13});
    const auto owner = std::make_shared<int>(5);
    {
        auto results = parallel(2).stream(delayed([owner](int i) { return i + *owner; }), std::vector{1, 2});
        CHECK(owner.use_count() > 1);
    }
    CHECK(owner.use_count() == 1);

    auto move_only = [own = std::make_unique<int>(7)](int i) { return i * *own; };
    CHECK(all_of(parallel(2).stream(delayed(std::move(move_only)), std::vector{1, 2})) == std::vector{7, 14});
}

TEST_CASE("what is given as an lvalue is referred to, as it is when the stream begins", "[stream]") {
    std::vector<int> numbers{1, 2, 3};
    auto results = parallel(2).stream(delayed([](int& i) { return i++; }), numbers);
    numbers = {10, 20};
    CHECK(all_of(std::move(results)) == std::vector{10, 20});
    CHECK(numbers == std::vector{11, 21});
}

TEST_CASE("read again, a stream goes on behind the last result, and stays at its end", "[stream]") {
    on_backends_of_this_process([&](auto backend) {
        auto results = parallel(2, backend).stream(square, std::views::iota(0, 6));
        for (const int each : results)
            if (each == 4) break;
        CHECK(all_of(results) == std::vector{9, 16, 25});
        CHECK(all_of(results).empty());
        CHECK(results.begin() == results.end());
        auto at = results.begin();
        CHECK_THROWS_WITH(++at, containing("beyond its end"));
        auto moved = std::move(results);
        CHECK(all_of(moved).empty());
        CHECK_THROWS_WITH(results.begin(), containing("moved from"));  // NOLINT(bugprone-use-after-move)
    });
}

TEST_CASE("one stream put in the place of another ends that", "[stream]") {
    std::atomic<int> running = 0;
    const auto counting = delayed([&](int i) { return ++running, i; });
    auto results = parallel(2).stream(counting, std::views::iota(0));
    results.begin();
    results = parallel(2).stream(counting, std::views::iota(0, 0));
    const int at_the_end = running;
    let_others_run();
    CHECK(running == at_the_end);
    CHECK(all_of(results).empty());
}

TEST_CASE("what could never run is said when it is written", "[stream]") {
    CHECK_THROWS_AS(parallel({.pre_dispatch = 0}).stream(square, std::views::iota(0, 5)), std::invalid_argument);
    CHECK_THROWS_AS(parallel(0).stream(square, std::views::iota(0, 5)), std::invalid_argument);
}

namespace {

/// As in the README.
struct fresh_threads {
    void run(fanout::job& work, int n_jobs) const {
        std::vector<std::jthread> helpers;
        for (int worker = 0; worker < n_jobs; ++worker)
            helpers.emplace_back([&work, worker] {
                while (const auto tasks = work.claim(3)) work.run(tasks, worker);
            });
    }
};

struct runs_parts {
    void run(fanout::job& work, int) const {
        while (const auto tasks = work.claim(4)) {
            const std::size_t middle = tasks.first + tasks.size() / 2;
            std::jthread helper([&] { work.run({tasks.first, middle}, 1); });
            work.run({middle, tasks.last}, 0);
        }
    }
};

struct forgets {
    static constexpr const char* name = "forgets";
    void run(fanout::job& work, int) const { work.run(work.claim(2), 0); }
};

struct breaks {
    void run(fanout::job& work, int) const {
        while (const auto tasks = work.claim(1)) {
            work.run(tasks, 0);
            if (tasks.first == 9) throw std::runtime_error("the backend is broken");
        }
    }
};

}  // namespace

TEST_CASE("a backend of the user's runs streams without knowing it", "[stream]") {
    CHECK(all_of(parallel(3, fresh_threads{}).stream(square, std::views::iota(0, 500))) == squares(500));
    CHECK(all_of(parallel({.n_jobs = 2, .batch_size = 1}, runs_parts{}).stream(square, std::views::iota(0, 500))) ==
          squares(500));
    int taken = 0;
    const auto read = [&](auto&& results) {
        for ([[maybe_unused]] int each : results) ++taken;
    };
    CHECK_THROWS_WITH(read(parallel(2, forgets{}).stream(square, std::views::iota(0, 500))), containing("forgets"));
    CHECK(taken > 0);
    taken = 0;
    CHECK_THROWS_WITH(read(parallel(2, breaks{}).stream(square, std::views::iota(0, 500))), "the backend is broken");
    CHECK(taken == 10);
}

TEST_CASE("a forked child may leave a stream of its parent behind", "[stream]") {
    auto results = std::make_optional(parallel(2).stream(square, std::views::iota(0)));
    results->begin();
    const pid_t child = fork();
    if (child == 0) {
        alarm(20);
        results.reset();
        _exit(0);
    }
    int status = 0;
    REQUIRE(waitpid(child, &status, 0) == child);
    CHECK(status == 0);
}

// How loops whose results are taken in order end when several reasons come together, and what is seen of them.
#include <fanout/front/windowed_loop.hpp>

#include <fanout/fanout.hpp>

#include <atomic>
#include <chrono>
#include <ranges>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "catch.hpp"
#include "support/becomes_true.hpp"
#include "support/matchers.hpp"

using fanout::cancelled, fanout::delayed, fanout::parallel, fanout::processes, fanout::sequential, fanout::threads;
using namespace std::chrono_literals;

namespace {

/// Two workers with a chunk of two tasks each: task 2 fails while task 0 runs, which then goes on with `rest()`.
template <class Rest>
void read_while_task_2_fails(fanout::options wishes, std::atomic<bool>& has_failed, const Rest& rest) {
    wishes.n_jobs = 2;
    wishes.batch_size = 2;
    auto stream = parallel(wishes).stream(delayed([&](int i) {
                                              if (i == 2) {
                                                  has_failed = true;
                                                  throw std::out_of_range("task 2");
                                              }
                                              if (i == 0) {
                                                  becomes_true([&] { return has_failed.load(); });
                                                  rest();
                                              }
                                              return i;
                                          }),
                                          std::views::iota(0, 100));
    for (int each : stream) static_cast<void>(each);
}

}  // namespace

TEST_CASE("a stop counts as long as the tasks before a failed one go on", "[stream]") {
    std::stop_source stop;
    std::atomic<bool> has_failed = false;
    CHECK_THROWS_AS(read_while_task_2_fails({.stop = stop.get_token()}, has_failed,
                                            [&] {
                                                std::this_thread::sleep_for(5ms);  // it is noted
                                                stop.request_stop();
                                            }),
                    cancelled);
}

TEST_CASE("what a callback throws counts as long as the tasks before a failed one go on", "[stream][progress]") {
    std::atomic<bool> has_failed = false;
    const auto fails_then = [&](const fanout::progress&) {
        if (has_failed) throw std::domain_error("of the callback");
    };
    CHECK_THROWS_AS(read_while_task_2_fails({.on_progress = fails_then}, has_failed,
                                            [] { std::this_thread::sleep_for(100ms); }),  // 20 reports a second
                    std::domain_error);
}

TEST_CASE("a stream that has begun cannot be read in a forked child, and says so", "[stream][bad-input]") {
    auto begun = parallel(2).stream(delayed([](int i) { return i; }), std::views::iota(0, 1'000'000));
    auto at = begun.begin();
    const auto outcomes = parallel({.n_jobs = 1, .timeout = 20s}, processes{.retries = 0})
                              .outcomes(delayed([&](int) {
                                            for (int i = 0; i < 1'000'000; ++i) ++at;
                                        }),
                                        std::vector{1});
    REQUIRE_FALSE(outcomes[0]);
    CHECK_THAT(outcomes[0].error().message(), containing("begun before"));
    CHECK(*at == 0);
}

TEST_CASE("results of a chunk come one by one, also when somebody watches", "[stream][progress]") {
    for (const bool watched : {false, true}) {
        std::atomic<int> taken = 0;
        std::atomic<bool> waited_in_vain = false;
        fanout::options wishes{.n_jobs = 2, .batch_size = 50};
        if (watched) wishes.on_progress = [](const fanout::progress&) {};
        for (int each : parallel(wishes).stream(delayed([&](int i) {
                                                    // Long enough for the one who takes to wait for the next result.
                                                    if (i == 2 && !becomes_true([&] { return taken > 0; }))
                                                        waited_in_vain = true;
                                                    std::this_thread::sleep_for(1ms);
                                                    return i;
                                                }),
                                                std::views::iota(0, 50))) {
            static_cast<void>(each);
            ++taken;
        }
        CHECK_FALSE(waited_in_vain);
        CHECK(taken == 50);
    }
}

TEST_CASE("whoever watches a loop over something with a size knows how many tasks there are, on every backend",
          "[progress]") {
    const auto total_on = [](auto backend) {
        std::size_t total = 0;
        bool was_known = true;
        const fanout::options wishes{.n_jobs = 2, .on_progress = [&](const fanout::progress& now) {
                                         total = now.total;
                                         was_known = was_known && now.total_is_known;
                                     }};
        CHECK(parallel(wishes, backend)
                  .reduce(0, std::plus<>(), delayed([](int i) { return i; }), std::vector{1, 2, 3, 4, 5}) == 15);
        CHECK(was_known);
        return total;
    };
    CHECK(total_on(threads{}) == 5);
    CHECK(total_on(processes{}) == 5);
    CHECK(total_on(sequential{}) == 5);
}

TEST_CASE("a stream of an object that keeps summaries leaves one", "[stream][summary]") {
    auto run = parallel({.n_jobs = 2, .summarize = true});
    for (int each : run.stream(delayed([](int i) { return i; }), std::views::iota(0, 10))) static_cast<void>(each);
    CHECK(run.summary().tasks == 10);
    // The place of the summary is the stream's too.
    for (int each : parallel({.n_jobs = 2, .summarize = true}).stream(delayed([](int i) { return i; }), std::vector{1}))
        CHECK(each == 1);
}

TEST_CASE("a stream that is out of time is not advised to be a stream", "[stream]") {
    auto slow = parallel({.n_jobs = 1, .deadline = 10ms}, sequential{})
                    .stream(delayed([](int) {
                                std::this_thread::sleep_for(20ms);
                                return 1;
                            }),
                            std::views::iota(0, 9));
    try {
        for (int each : slow) static_cast<void>(each);
        FAIL("there was a deadline");
    } catch (const fanout::deadline_exceeded& e) {
        CHECK(std::string(e.what()).find("stream") == std::string::npos);
    }
}

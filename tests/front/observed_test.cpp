// Tests of observed.hpp and reporter.hpp: whoever asks is told how far a call has come, whatever runs it.
#include <fanout/front/observed.hpp>

#include <fanout/fanout.hpp>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdlib>
#include <ranges>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "catch.hpp"
#include "support/generator.hpp"
#include "support/matchers.hpp"

using fanout::backend, fanout::delayed, fanout::options, fanout::parallel, fanout::processes, fanout::progress;
using fanout::sequential, fanout::threads;
using namespace std::chrono_literals;

namespace {

/// Everything that was reported. Not locked: a sanitizer sees if two threads report at once.
struct reports {
    std::vector<progress> all;

    options with(options wishes) {
        wishes.on_progress = [this](const progress& now) { all.push_back(now); };
        return wishes;
    }
};

void check_order(const std::vector<progress>& all) {
    REQUIRE_FALSE(all.empty());
    for (std::size_t i = 0; i + 1 < all.size(); ++i) {
        CHECK(all[i].done <= all[i + 1].done);
        CHECK(all[i].failed <= all[i].done);
        CHECK(all[i].done <= all[i].total);
        CHECK(all[i].elapsed <= all[i + 1].elapsed);
        CHECK_FALSE(all[i].last);
    }
    CHECK(all.back().last);
}

template <class Check>
void on_all_backends(const Check& check) {
    for (const int n_jobs : {1, 2, 3})
        for (const char* name : {"sequential", "threads", "processes"}) {
            INFO(name << ", n_jobs = " << n_jobs);
            check(backend(name), n_jobs);
        }
}

int slowly(int i) {
    std::this_thread::sleep_for(10ms);
    return i;
}

}  // namespace

TEST_CASE("the last report says that all is done", "[progress]") {
    on_all_backends([](const auto& on, int n_jobs) {
        for (const int size : {0, 1, 100, 10'000}) {
            reports seen;
            parallel(seen.with({.n_jobs = n_jobs}), on)(delayed([](int i) { return i; }), std::views::iota(0, size));
            check_order(seen.all);
            const progress& last = seen.all.back();
            CHECK(last.done == static_cast<std::size_t>(size));
            CHECK(last.total == static_cast<std::size_t>(size));
            CHECK(last.total_is_known);
            CHECK(last.failed == 0);
            CHECK(last.workers == n_jobs);
            if (size > 0) CHECK(last.remaining->count() == 0);
        }
    });
}

TEST_CASE("reports come while tasks run, also from within a batch", "[progress]") {
    on_all_backends([](const auto& on, int n_jobs) {
        for (const bool as_text : {false, true}) {
            reports seen;
            const auto run = parallel(seen.with({.n_jobs = n_jobs, .batch_size = 12}), on);
            if (as_text)
                run(delayed([](int i) { return std::to_string(slowly(i)); }), std::views::iota(0, 36));
            else
                run(delayed(slowly), std::views::iota(0, 36));
            check_order(seen.all);
            // Not always the first report: workers that are slow to start have done nothing by then.
            const auto between = std::ranges::find_if(
                seen.all, [](const progress& now) { return now.done > 0 && now.done < 36 && !now.last; });
            REQUIRE(between != seen.all.end());
            CHECK(between->total == 36);
            REQUIRE(between->remaining);
            CHECK(between->remaining->count() > 0);
        }
    });
}

TEST_CASE("there are at most 20 reports a second, and one at the end", "[progress]") {
    on_all_backends([](const auto& on, int n_jobs) {
        reports seen;
        parallel(seen.with({.n_jobs = n_jobs}), on)(delayed([](int) { std::this_thread::sleep_for(500us); }),
                                                    std::views::iota(0, 400));
        for (std::size_t i = 0; i + 2 < seen.all.size(); ++i)
            CHECK((seen.all[i + 1].elapsed - seen.all[i].elapsed).count() >= 0.049);
        CHECK(static_cast<double>(seen.all.size()) <= 20 * seen.all.back().elapsed.count() + 2);
    });
}

TEST_CASE("of input that is read once the total is what has been read", "[progress]") {
    on_all_backends([](const auto& on, int n_jobs) {
        reports seen;
        parallel(seen.with({.n_jobs = n_jobs}), on)(delayed(slowly), generate(30, [](int i) { return i; }));
        check_order(seen.all);
        REQUIRE(seen.all.size() >= 2);
        CHECK_FALSE(seen.all.front().total_is_known);
        CHECK_FALSE(seen.all.front().remaining);
        CHECK(seen.all.front().total < 30);
        CHECK(seen.all.back().total_is_known);
        CHECK(seen.all.back().total == 30);
        CHECK(seen.all.back().done == 30);
    });
}

TEST_CASE("failures are counted, and a call that fails has its last report too", "[progress]") {
    on_all_backends([](const auto& on, int n_jobs) {
        const auto thirds_fail = delayed([](int i) {
            if (i % 3 == 0) throw std::runtime_error("a third");
            return i;
        });
        reports seen;
        CHECK(parallel(seen.with({.n_jobs = n_jobs}), on).outcomes(thirds_fail, std::views::iota(0, 30)).size() == 30);
        CHECK(seen.all.back().failed == 10);
        CHECK(seen.all.back().done == 30);

        reports of_failure;
        CHECK_THROWS_WITH(parallel(of_failure.with({.n_jobs = n_jobs}), on)(thirds_fail, std::views::iota(0, 30)),
                          "a third");
        check_order(of_failure.all);
        CHECK(of_failure.all.back().failed >= 1);
    });
}

TEST_CASE("a worker that dies is a task begun again, and in the end a failure", "[progress]") {
    reports seen;
    const auto outcomes = parallel(seen.with({.n_jobs = 2}), processes{.retries = 2})
                              .outcomes(delayed([](int i) {
                                            if (i == 3) std::_Exit(1);
                                            return i;
                                        }),
                                        std::views::iota(0, 20));
    CHECK_FALSE(outcomes[3]);
    CHECK(seen.all.back().retried == 2);
    CHECK(seen.all.back().failed == 1);
    CHECK(seen.all.back().done == 20);
}

TEST_CASE("a stream is one run, with one last report, also if it is left early", "[progress][stream]") {
    on_all_backends([](const auto& on, int n_jobs) {
        reports whole;
        for (const int i :
             parallel(whole.with({.n_jobs = n_jobs}), on).stream(delayed(slowly), std::views::iota(0, 20)))
            static_cast<void>(i);
        check_order(whole.all);
        CHECK(whole.all.size() >= 2);
        CHECK(whole.all.back().done == 20);
        CHECK(whole.all.back().total == 20);

        reports left;
        for (const int i : parallel(left.with({.n_jobs = n_jobs}), on).stream(delayed(slowly), std::views::iota(0)))
            if (i == 3) break;
        check_order(left.all);
        CHECK(left.all.back().done >= 3);
    });
}

TEST_CASE("several calls report too", "[progress]") {
    reports seen;
    parallel(seen.with({.n_jobs = 2}))(delayed(slowly)(1), delayed(slowly)(2), delayed(slowly)(3));
    CHECK(seen.all.back().done == 3);
    CHECK(seen.all.back().total == 3);
}

TEST_CASE("what the callback throws ends the call, drained", "[progress][bad-input]") {
    on_all_backends([](const auto& on, int n_jobs) {
        std::atomic<int> running = 0;
        options wishes{.n_jobs = n_jobs};
        wishes.on_progress = [](const progress& now) {
            if (!now.last) throw std::domain_error("enough");
        };
        CHECK_THROWS_AS(parallel(wishes, on)(delayed([&](int i) {
                                                 ++running;
                                                 slowly(i);
                                                 --running;
                                             }),
                                             std::views::iota(0, 100'000)),
                        std::domain_error);
        CHECK(running == 0);
    });
}

TEST_CASE("what it throws in the last report is thrown, unless the call has failed already", "[progress][bad-input]") {
    on_all_backends([](const auto& on, int n_jobs) {
        options wishes{.n_jobs = n_jobs};
        wishes.on_progress = [](const progress& now) {
            if (now.last) throw std::domain_error("at last");
        };
        CHECK_THROWS_WITH(parallel(wishes, on)(delayed([](int i) { return i; }), std::views::iota(0, 10)), "at last");
        CHECK_THROWS_WITH(parallel(wishes, on)(delayed([](int) -> int { throw std::runtime_error("a task"); }),
                                               std::views::iota(0, 10)),
                          "a task");
    });
}

TEST_CASE("the callback may ask for a stop, and may use fanout", "[progress]") {
    on_all_backends([](const auto& on, int n_jobs) {
        std::stop_source stop;
        std::vector<int> inner;
        options wishes{.n_jobs = n_jobs, .stop = stop.get_token()};
        wishes.on_progress = [&](const progress&) {
            inner = parallel(2, on)(delayed([](int i) { return i * i; }), std::views::iota(0, 3));
            stop.request_stop();
        };
        CHECK_THROWS_AS(parallel(wishes, on)(delayed(slowly), std::views::iota(0, 100'000)), fanout::cancelled);
        CHECK(inner == std::vector{0, 1, 4});
    });
}

TEST_CASE("a function that takes a token is told as well", "[progress]") {
    reports seen;
    options wishes = seen.with({.n_jobs = 2, .timeout = 10s});
    parallel(wishes)(delayed([](std::stop_token, int i) { return slowly(i); }), std::views::iota(0, 20));
    check_order(seen.all);
    CHECK(seen.all.back().done == 20);
}

TEST_CASE("on processes the calling thread reports", "[progress]") {
    bool in_caller = true;
    const auto caller = std::this_thread::get_id();
    options wishes{.n_jobs = 2};
    wishes.on_progress = [&](const progress&) { in_caller = in_caller && std::this_thread::get_id() == caller; };
    parallel(wishes, processes{})(delayed(slowly), std::views::iota(0, 20));
    CHECK(in_caller);
}

TEST_CASE("one callback serves call after call", "[progress]") {
    reports seen;
    const auto run = parallel(seen.with({.n_jobs = 2}));
    for (int i = 0; i < 3; ++i) run(delayed([](int n) { return n; }), std::views::iota(0, 10));
    CHECK(seen.all.size() == 3);
}

TEST_CASE("config does not take what is about one call", "[progress][bad-input]") {
    reports seen;
    CHECK_THROWS_WITH(fanout::config(seen.with({})), containing("write them at the call"));
}

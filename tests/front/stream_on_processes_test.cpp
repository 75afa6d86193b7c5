// Streams whose tasks run in worker processes.
#include <fanout/fanout.hpp>
#include <fanout/processes/forking.hpp>

#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <list>
#include <memory>
#include <ranges>
#include <set>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "catch.hpp"
#include "support/crashes.hpp"
#include "support/generator.hpp"
#include "support/leaks.hpp"
#include "support/sanitizers.hpp"
#include "support/threads_of_this_process.hpp"

using fanout::delayed, fanout::parallel, fanout::processes;

namespace {

const auto text_of = delayed([](int i) { return std::to_string(i); });

template <class Range>
std::vector<std::string> all_of(Range&& results) {
    std::vector<std::string> taken;
    for (auto result : results) taken.push_back(std::move(result));
    return taken;
}

std::vector<std::string> texts(int size) {
    std::vector<std::string> expected;
    for (int i = 0; i < size; ++i) expected.push_back(std::to_string(i));
    return expected;
}

struct not_for_sending {
    std::unique_ptr<int> hidden = std::make_unique<int>(3);
    int* inside = hidden.get();
};

}  // namespace

// The first, since nobody has started a thread yet. In another order there is nothing to see.
TEST_CASE("the thread that runs a stream is nobody to be warned of", "[stream]") {
    if (fanout::detail::said_that_there_are_threads || threads_of_this_process() > 1) return;
    for (int round = 0; round < 3; ++round)
        CHECK(all_of(parallel(2, processes{}).stream(text_of, std::views::iota(0, 20))) == texts(20));
#if !FANOUT_TESTS_UNDER_TSAN  // which has a thread of its own
    CHECK(!fanout::detail::said_that_there_are_threads);
#endif
}

TEST_CASE("worker processes give their results in the order of the input", "[stream]") {
    for (const int n_jobs : {1, 2, 4}) {
        const auto run = parallel(n_jobs, processes{});
        CHECK(all_of(run.stream(text_of, std::views::iota(0, 300))) == texts(300));
        CHECK(all_of(run.stream(text_of, generate(100, [](int i) { return i; }))) == texts(100));
        CHECK(all_of(parallel({.n_jobs = n_jobs, .batch_size = 5, .pre_dispatch = 7}, processes{})
                         .stream(text_of, std::list{0, 1, 2})) == texts(3));
        CHECK(all_of(run.stream(text_of, std::vector<int>())).empty());

        std::vector<std::string> by_index(300);
        for (auto [index, value] : run.stream_unordered(text_of, std::views::iota(0, 300))) by_index.at(index) = value;
        CHECK(by_index == texts(300));
    }
    int next = 0;
    for (const double half :
         parallel(2, processes{}).stream(delayed([](int i) { return i / 2.0; }), std::views::iota(0))) {
        REQUIRE(half == next++ / 2.0);
        if (next == 200) break;
    }
    CHECK(!has_children());
}

TEST_CASE("elements that are reached by their index need not cross to the workers", "[stream]") {
    const std::vector<not_for_sending> elements(50);
    int taken = 0;
    for (const int each :
         parallel(2, processes{}).stream(delayed([](const not_for_sending& e) { return *e.inside; }), elements))
        taken += each;
    CHECK(taken == 150);
}

TEST_CASE("a stream of processes that is left kills what runs", "[stream]") {
    const auto start = std::chrono::steady_clock::now();
    for (const std::string& first : parallel(2, processes{})
                                        .stream(delayed([](int i) {
                                                    if (i > 0) sleep(60);
                                                    return std::to_string(i);
                                                }),
                                                std::views::iota(0))) {
        CHECK(first == "0");
        break;
    }
    CHECK(!has_children());
    CHECK(std::chrono::steady_clock::now() - start < std::chrono::seconds(30));
}

TEST_CASE("fast tasks of processes come first, a slow one does not block who leaves", "[stream]") {  // joblib T30
    const auto start = std::chrono::steady_clock::now();
    std::set<std::size_t> seen;
    for (auto [index, value] : parallel(2, processes{})
                                   .stream_unordered(delayed([](int i) {
                                                         if (i == 1) sleep(60);
                                                         return i;
                                                     }),
                                                     std::views::iota(0, 10))) {
        CHECK(index == static_cast<std::size_t>(value));
        seen.insert(index);
        if (seen.size() == 8) break;
    }
    CHECK(!seen.contains(1));  // and one more, perhaps, that was handed to the same worker already
    CHECK(std::chrono::steady_clock::now() - start < std::chrono::seconds(30));
    CHECK(!has_children());
}

TEST_CASE("exceptions, crashes and timeouts of processes come at their place", "[stream]") {
    using namespace std::chrono_literals;
    const plain_crashes no_handlers;
    std::vector<std::string> taken;
    const auto read = [&](auto&& results) {
        taken.clear();
        for (const std::string& each : results) taken.push_back(each);
    };
    const auto fails = delayed([](int i) {
        if (i == 9) throw std::domain_error("nine");
        if (i == 12) throw std::domain_error("twelve");
        return std::to_string(i);
    });
    CHECK_THROWS_WITH(read(parallel(2, processes{}).stream(fails, std::views::iota(0))), "nine");
    CHECK(taken == texts(9));
    CHECK_THROWS_WITH(read(parallel(2, processes{}).stream(fails, generate_for_ever([](int i) { return i; }))), "nine");
    CHECK(taken == texts(9));

    const auto crashes = delayed([](int i) {
        if (i == 5) raise(SIGKILL);
        return std::to_string(i);
    });
    CHECK_THROWS_AS(read(parallel(2, processes{.retries = 0}).stream(crashes, std::views::iota(0, 50))),
                    fanout::worker_lost);
    CHECK(taken == texts(5));

    const auto hangs = delayed([](int i) {
        if (i == 5) sleep(60);
        return std::to_string(i);
    });
    CHECK_THROWS_AS(read(parallel({.n_jobs = 2, .timeout = 100ms}, processes{}).stream(hangs, std::views::iota(0, 50))),
                    fanout::task_timeout);
    CHECK(taken == texts(5));

    std::stop_source stop;
    const auto read_and_stop = [&] {
        int count = 0;
        for ([[maybe_unused]] const std::string& each :
             parallel({.n_jobs = 2, .stop = stop.get_token()}, processes{}).stream(text_of, std::views::iota(0)))
            if (++count == 20) stop.request_stop();
    };
    CHECK_THROWS_AS(read_and_stop(), fanout::cancelled);
    CHECK(!has_children());
}

#if !FANOUT_TESTS_UNDER_TSAN  // under which a forked child cannot start threads
TEST_CASE("streams of processes can be read inside of their tasks", "[stream]") {
    const auto sum_to = delayed([](int n) {
        int sum = 0;
        for (const int each : parallel(2, processes{}).stream(delayed([](int i) { return i; }), std::views::iota(0, n)))
            sum += each;
        return sum;
    });
    int n = 0;
    for (const int sum : parallel(2, processes{}).stream(sum_to, std::views::iota(0, 6))) {
        CHECK(sum == n * (n - 1) / 2);
        ++n;
    }
    CHECK(n == 6);
}
#endif

TEST_CASE("two streams of processes can be read at once, and one by another thread", "[stream]") {
    auto one = parallel(2, processes{}).stream(text_of, std::views::iota(0));
    auto other = parallel(2, processes{}).stream(text_of, std::views::iota(1));
    auto a = one.begin();
    auto b = other.begin();
    for (int i = 0; i < 50; ++i, ++a, ++b) REQUIRE((*a == std::to_string(i) && *b == std::to_string(i + 1)));

    auto results = parallel(2, processes{}).stream(text_of, std::views::iota(0, 40));
    std::vector<std::string> taken;
    std::thread([&] { taken = all_of(results); }).join();
    CHECK(taken == texts(40));
}

// A worker's slots, from call to call.
#include <fanout/tcp/arrived_run.hpp>

#include <signal.h>
#include <unistd.h>

#include <cstdio>
#include <fanout/fanout.hpp>
#include <fanout/tcp.hpp>
#include <ranges>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "catch.hpp"
#include "support/lonely_connection.hpp"
#include "support/matchers.hpp"
#include "support/tests_with_workers.hpp"

using namespace fanout;

static int own_pid(int) { return static_cast<int>(getpid()); }

static std::set<int> slots_of(const auto& cluster) {
    const auto all = cluster(delayed(own_pid), std::views::iota(0, 8));
    return {all.begin(), all.end()};
}

/// A function that can be read in the process that made it only as long as it is not odd.
struct sometimes_unreadable {
    int x = 0;
    int operator()(int i) const { return i + x; }
};
template <>
struct fanout::codec<sometimes_unreadable> {
    static void write(writer& to, const sometimes_unreadable& value) { to(value.x); }
    static sometimes_unreadable read(reader& from) {
        if (const int x = from.read<int>(); x % 2 == 0) return {x};
        throw std::runtime_error("odd, and so unreadable");
    }
};

TEST_CASE("the next call finds the slots of the last one, whatever its function") {
    const auto cluster = parallel(1, tcp{});
    const std::set<int> first = slots_of(cluster);
    CHECK(first.size() == 1);
    for (int call = 0; call < 3; ++call) {
        const auto results =
            cluster(delayed([call](int i) { return std::pair(i + call, own_pid(0)); }), std::views::iota(0, 100));
        for (int i = 0; i < 100; ++i) {
            REQUIRE(results[static_cast<std::size_t>(i)].first == i + call);
            REQUIRE(first.contains(results[static_cast<std::size_t>(i)].second));
        }
    }
    CHECK(slots_of(cluster) == first);
}

TEST_CASE("a slot that is forked later has the function of the call that runs then") {
    const auto cluster = parallel(1, tcp{.retries = 1});
    const std::set<int> first = slots_of(cluster);
    const int one = *first.begin();
    const auto crashes_once = delayed([one](int i) {
        if (i == 5 && getpid() == one) raise(SIGKILL);
        return i * 7;
    });
    const auto results = cluster(crashes_once, std::views::iota(0, 20));
    for (int i = 0; i < 20; ++i) CHECK(results[static_cast<std::size_t>(i)] == i * 7);
    CHECK(slots_of(cluster) != first);
}

TEST_CASE("that a task of another call has killed its slot is not counted against one of the same number") {
    const auto cluster = parallel(1, tcp{.retries = 1});
    for (int call = 0; call < 4; ++call) {
        const int victim = *slots_of(cluster).begin();
        const auto task = delayed([victim](int) {
            if (getpid() == victim) raise(SIGKILL);
            return 1;
        });
        CHECK(cluster(task, std::vector{0}) == std::vector{1});
    }
}

TEST_CASE("calls on other terms have slots of their own") {
    using namespace std::chrono_literals;
    const auto cluster = parallel(1, tcp{});
    const std::set<int> first = slots_of(cluster);
    SECTION("a function that is too long to go with every chunk") {
        const std::vector<char> long_one(100'000, 'x');
        struct counts {
            std::vector<char> all;
            std::pair<std::size_t, int> operator()(int i) const { return {all.size(), own_pid(i)}; }
        };
        const auto result = cluster(delayed(counts{long_one}), std::vector{0})[0];
        CHECK(result.first == 100'000);
        CHECK(!first.contains(result.second));
    }
    SECTION("one that refers to a shared value, which slots are forked with") {
        const shared value(17);
        const auto result =
            cluster(delayed([value = value.ref()](int i) { return std::pair(*value, own_pid(i)); }), std::vector{0})[0];
        CHECK(result.first == 17);
        CHECK(!first.contains(result.second));
        CHECK(slots_of(cluster) == std::set{result.second});
    }
    SECTION("after one that was stopped by a failure") {
        CHECK_THROWS_AS(cluster(delayed([](int) { throw std::domain_error("stop"); }), std::vector{0, 1}),
                        std::domain_error);
        CHECK(cluster(delayed(own_pid), std::vector{0}).size() == 1);
    }
}

TEST_CASE("a function that cannot be read is refused in the first call and in later ones") {
    const auto cluster = parallel(1, tcp{});
    const auto refusal = [&] {
        try {
            cluster(delayed(sometimes_unreadable{1}), std::vector{1, 2, 3});
            return std::string("none");
        } catch (const serialization_error& e) {
            return std::string(e.what());
        }
    };
    CHECK_THAT(refusal(), containing("odd, and so unreadable"));
    CHECK(cluster(delayed(sometimes_unreadable{2}), std::vector{1}) == std::vector{3});
    CHECK_THAT(refusal(), containing("odd, and so unreadable"));
    CHECK(cluster(delayed(sometimes_unreadable{4}), std::vector{1}) == std::vector{5});
}

TEST_CASE("terms are compared, and a run that is not over is not taken over") {
    using namespace fanout::detail;
    run_message order;
    order.run = 1;
    const auto with = [](auto change) {
        run_message next;
        next.run = 2;
        change(next);
        return next;
    };
    const auto is_taken_over_by = [&](const run_message& next) {
        arrived_run run(order, 1, nullptr);
        return run.take_over(next, nullptr);
    };
    CHECK(is_taken_over_by(with([](run_message&) {})));
    CHECK(is_taken_over_by(with([](run_message& next) { next.function = "another"; })));
    CHECK(!is_taken_over_by(with([](run_message& next) { next.function.assign(5000, 'x'); })));
    CHECK(!is_taken_over_by(with([](run_message& next) { next.name = "of another build"; })));
    CHECK(!is_taken_over_by(with([](run_message& next) { next.retries = 7; })));
    CHECK(!is_taken_over_by(with([](run_message& next) { next.time_limit = 1; })));
    CHECK(!is_taken_over_by(with([](run_message& next) { next.memory_limit = 1 << 20; })));
    CHECK(!is_taken_over_by(with([](run_message& next) { next.collects_failures = true; })));

    silent_driver driver;
    arrived_run run(order, 1, lonely_connection(driver));
    std::string chunk;
    append_raw(chunk, chunk_header{1, 0, 1, 0});
    CHECK(run.add(chunk));
    CHECK(!run.take_over(with([](run_message&) {}), nullptr));
    CHECK(run.take());
    CHECK(!run.take_over(with([](run_message&) {}), nullptr));
    run.store_failure({.index = 0, .type = "fanout::worker_lost"});
    CHECK(run.has_nothing_to_do());
    CHECK(run.take_over(with([](run_message&) {}), nullptr));
    CHECK(!run.add(chunk));  // of the run before
    run.end(false);
    CHECK(!run.take_over(with([](run_message& next) { next.run = 3; }), nullptr));
}

TEST_CASE("chunks are taken in their order, by somebody who is told that there are more") {
    using namespace fanout::detail;
    run_message order;
    order.run = 1;
    arrived_run run(order, 1, nullptr);
    int told = 0;
    run.when_more_comes([](void* times) { ++*static_cast<int*>(times); }, &told);
    const auto chunk = [](chunk_header header, const std::string& elements) {
        std::string bytes;
        append_raw(bytes, header);
        return bytes + elements;
    };
    CHECK(!run.take());
    CHECK(run.add(chunk({1, 7, 1, 0}, "seven")));
    CHECK(run.add(chunk({1, 8, 2, 1}, "eight, nine")));
    CHECK(told == 2);
    CHECK(!run.add(chunk({2, 0, 1, 0}, "of another run")));
    CHECK(!run.add(chunk({1, 0, 0, 0}, "of no task")));
    CHECK(!run.add("too short"));
    CHECK(told == 2);

    for (const auto& [first, elements] : {std::pair(7u, "seven"), std::pair(8u, "eight, nine")}) {
        const owned<fed_task> task = run.take();
        REQUIRE(task);
        CHECK(task->index == first);
        CHECK(task->bytes.ends_with(elements));
    }
    CHECK(!run.take());
    CHECK(!run.is_exhausted());
    run.end(false);
    CHECK(told == 3);
    CHECK(run.is_exhausted());
    run.when_more_comes(nullptr, nullptr);
    run.end(false);
    CHECK(told == 3);
}

TEST_CASE("a chunk that comes again as another is the other one") {
    using namespace fanout::detail;
    run_message order;
    order.run = 1;
    silent_driver driver;
    arrived_run run(order, 1, lonely_connection(driver));
    const auto chunk = [](std::uint32_t count, std::int32_t attempts) {
        std::string bytes;
        append_raw(bytes, chunk_header{1, 7, count, attempts});
        return bytes;
    };
    CHECK(run.add(chunk(2, 0)));
    CHECK(run.take());
    run.give_back_unbegun(1);
    CHECK(run.add(chunk(2, 0)));  // the slot has it still
    CHECK(!run.take());
    run.give_back_unbegun(1);
    CHECK(run.add(chunk(1, 1)));
    CHECK(!run.take());  // before the slot has let go of it
    run.store_failure({.index = 7, .type = "fanout::worker_lost"});
    CHECK(run.take());
    CHECK(run.attempts_elsewhere(7) == 1);
}

TEST_CASE("what a task prints is written out when it has ended, not when its slot does") {
    int ends[2];
    REQUIRE(pipe(ends) == 0);
    const int before = dup(1);
    std::fflush(stdout);
    dup2(ends[1], 1);
    {
        const auto cluster = parallel(1, tcp{});
        cluster(delayed([](int i) { std::printf("task %d", i); }), std::vector{7});
        pollfd there{ends[0], POLLIN, 0};
        const bool came = poll(&there, 1, 20'000) == 1;
        char text[100] = {};
        const bool right =
            came && read(ends[0], text, sizeof text - 1) > 0 && std::string(text).ends_with("] task 7\n");
        dup2(before, 1);
        CHECK(right);
    }
    for (const int each : {ends[0], ends[1], before}) close(each);
}

// Messages that get lost on their way: that a request is lost is one thing, that a result is lost another.
#include <fanout/tcp/remote_run.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <fanout/fanout.hpp>
#include <fanout/tcp.hpp>
#include <ranges>
#include <string>

#include "catch.hpp"
#include "support/notes.hpp"
#include "support/on_cluster.hpp"
#include "support/program_by_hand.hpp"
#include "support/tests_with_workers.hpp"
#include "support/wire_in_between.hpp"

using namespace fanout;
using namespace std::chrono_literals;
using detail::frame_type;
using fate = wire_in_between::fate;

namespace {

constexpr int tasks = 30;

/// A coordinator, a worker of one slot, and a wire between them.
struct behind_a_wire {
    explicit behind_a_wire(std::function<fate(frame_type)> judge, std::chrono::milliseconds delay = {})
        : on(settings(), 1),
          wire(on.addresses(), std::move(judge), delay),
          worker({"--fanout-worker", wire.address(), "--plain"}) {
        REQUIRE(on.wait_for_workers(1, 30s));
    }

    static detail::cluster_settings settings() {
        detail::cluster_settings how;
        how.workers = external{.quiet = true};
        how.plain = true;
        return how;
    }

    auto outcomes(int retries) {
        const short_text folder(started.path());
        return parallel({.n_jobs = 1, .batch_size = 1}, on_cluster{&on, retries})
            .outcomes(delayed([folder](int i) {
                          notes::leave(folder, i);
                          return i * 3;
                      }),
                      std::views::iota(0, tasks));
    }

    notes started;
    detail::cluster on;
    wire_in_between wire;
    program_by_hand worker;
};

/// Judges the `which`-th message of this type so, once.
auto once(frame_type type, int which, fate its) {
    auto seen = std::make_shared<std::atomic<int>>(0);
    return [=](frame_type each) { return each == type && ++*seen == which ? its : fate::passes; };
}

}  // namespace

TEST_CASE("tasks that are lost on their way to a worker are sent again") {
    behind_a_wire test(once(frame_type::tasks, 7, fate::is_lost));
    const auto outcomes = test.outcomes(2);
    for (int i = 0; i < tasks; ++i) {
        REQUIRE(outcomes[static_cast<std::size_t>(i)].value() == i * 3);
        CHECK(test.started.count(i) >= 1);
        CHECK(test.started.count(i) <= 2);
    }
}

TEST_CASE("a result that is lost on its way back is made once more, and counted once") {
    behind_a_wire test(once(frame_type::result, 7, fate::is_lost));
    const auto outcomes = test.outcomes(2);
    int started = 0;
    for (int i = 0; i < tasks; ++i) {
        REQUIRE(outcomes[static_cast<std::size_t>(i)].value() == i * 3);
        CHECK(test.started.count(i) <= 2);
        started += test.started.count(i);
    }
    CHECK(test.started.count(6) == 2);
    CHECK(started >= tasks + 1);
}

TEST_CASE("a result that has come counts, though the connection is lost with it: nobody runs the task again") {
    behind_a_wire test(once(frame_type::result, 7, fate::passes_and_then_the_wire_is_cut));
    const auto outcomes = test.outcomes(2);
    for (int i = 0; i < tasks; ++i) REQUIRE(outcomes[static_cast<std::size_t>(i)].value() == i * 3);
    for (int i = 0; i <= 6; ++i) CHECK(test.started.count(i) == 1);
}

TEST_CASE("with retries = 0 a task whose result is lost fails, and no task is run twice") {
    behind_a_wire test(once(frame_type::result, 7, fate::is_lost));
    const auto outcomes = test.outcomes(0);
    for (int i = 0; i < tasks; ++i) {
        const auto& each = outcomes[static_cast<std::size_t>(i)];
        CHECK(test.started.count(i) == 1);
        REQUIRE(each.has_value() == (i != 6));
        if (each) REQUIRE(*each == i * 3);
    }
    CHECK(outcomes[6].error().type == "fanout::worker_lost");
}

TEST_CASE("messages that get lost again and again do not keep a call from its end") {
    std::atomic<int> seen = 0;
    behind_a_wire test([&](frame_type each) {
        if (each != frame_type::tasks && each != frame_type::result) return fate::passes;
        return ++seen % 40 == 0 ? fate::is_lost : fate::passes;
    });
    const auto outcomes = test.outcomes(1000);
    for (int i = 0; i < tasks; ++i) REQUIRE(outcomes[static_cast<std::size_t>(i)].value() == i * 3);
    CHECK(seen >= 2 * tasks);
}

TEST_CASE("over a slow wire many short tasks are on their way at once") {
    std::atomic<int> open = 0, most = 0;
    behind_a_wire test(
        [&](frame_type each) {
            if (each == frame_type::tasks) most = std::max(most.load(), ++open);
            if (each == frame_type::result) --open;
            return fate::passes;
        },
        25ms);
    const auto outcomes = test.outcomes(2);
    for (int i = 0; i < tasks; ++i) REQUIRE(outcomes[static_cast<std::size_t>(i)].value() == i * 3);
    CHECK(most >= 2);
}

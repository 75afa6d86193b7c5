// Tests of small_calls.hpp: what the caller does alone, and when it asks for help.
#include <fanout/threads/small_calls.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <optional>

#include "catch.hpp"

using namespace std::chrono_literals;

namespace {

/// Hands out its tasks in order, and keeps the time each takes.
class timed_tasks final : public fanout::job {
public:
    /// The first `quick` ones take no time.
    timed_tasks(std::size_t tasks, std::chrono::nanoseconds each, std::size_t quick = 0)
        : job(tasks, std::nullopt), each_(each), quick_(quick) {}

    fanout::task_range claim(std::size_t most) noexcept override {
        if (stopping()) return {};
        const std::size_t first = claimed_;
        claimed_ = std::min(*size(), first + most);
        return {first, claimed_};
    }

    std::size_t unclaimed() const noexcept override { return *size() - claimed_; }

    void when_stopping(void (*)(void*), void*) noexcept override {}
    void run(fanout::task_range tasks, int worker) noexcept override {
        elsewhere_ = elsewhere_ || worker != 0;
        for (std::size_t i = tasks.first; i < tasks.last; ++i) {
            if (each_ > 0ns && i >= quick_)
                for (const auto until = std::chrono::steady_clock::now() + each_;
                     std::chrono::steady_clock::now() < until;) {
                }
            ++run_;
        }
    }

    void stop() { stopping_ = true; }

    std::size_t claimed() const { return claimed_; }
    std::size_t run_here() const { return run_; }
    bool elsewhere() const { return elsewhere_; }

private:
    std::chrono::nanoseconds each_;
    std::size_t quick_;
    std::size_t claimed_ = 0;
    std::size_t run_ = 0;
    bool elsewhere_ = false;
};

/// Stands still but for the tasks that take its time.
struct scripted_clock : std::chrono::steady_clock {
    static time_point now() noexcept { return time_point(passed); }
    static inline duration passed = 1h;
};

/// Tasks of a script, by a clock of their own; `interrupted` is the one during which the kernel takes `by` for itself.
class scripted_tasks final : public fanout::job {
public:
    scripted_tasks(std::size_t tasks, std::chrono::nanoseconds each, std::size_t interrupted,
                   std::chrono::nanoseconds by)
        : job(tasks, std::nullopt), each_(each), interrupted_(interrupted), by_(by) {}

    fanout::task_range claim(std::size_t most) noexcept override {
        const std::size_t first = claimed_;
        claimed_ = std::min(*size(), first + most);
        return {first, claimed_};
    }
    std::size_t unclaimed() const noexcept override { return *size() - claimed_; }
    void when_stopping(void (*)(void*), void*) noexcept override {}
    void run(fanout::task_range tasks, int) noexcept override {
        scripted_clock::passed += 20ns + each_ * static_cast<int>(tasks.size());  // what reading a clock takes, too
        if (tasks.first <= interrupted_ && interrupted_ < tasks.last) scripted_clock::passed += by_;
    }

private:
    std::chrono::nanoseconds each_;
    std::size_t interrupted_;
    std::chrono::nanoseconds by_;
    std::size_t claimed_ = 0;
};

fanout::detail::team& helpers() {
    static fanout::detail::team team({.most_members = 0, .spin = 0us, .patience = 1s, .outlives_everything = false});
    return team;
}

/// How many tasks the caller has run when he calls for help; all of them if he does not.
std::size_t run_alone(scripted_tasks tasks) {
    static fanout::detail::basic_team<scripted_clock> team(
        {.most_members = 0, .spin = 100us, .patience = 1s, .outlives_everything = false});
    team.note_call(scripted_clock::now());  // as if help were awake
    fanout::detail::run_if_small(tasks, team, 2);
    return *tasks.size() - tasks.unclaimed();
}

}  // namespace

TEST_CASE("few tasks are shared out at once, compared with the workers", "[small_calls]") {
    CHECK(fanout::detail::is_few(1, 1));
    CHECK(fanout::detail::is_few(63, 2));
    CHECK_FALSE(fanout::detail::is_few(64, 2));
    CHECK(fanout::detail::is_few(64, 3));
    CHECK_FALSE(fanout::detail::is_few(1'000'000, 1000));
}

TEST_CASE("slices grow fast while tasks are quick, and never beyond the largest", "[small_calls]") {
    using fanout::detail::nanoseconds;
    const auto next = [](std::size_t last, double each, std::size_t left, std::size_t most = 5'000) {
        return fanout::detail::next_slice(last, nanoseconds(each), left, most);
    };
    CHECK(next(1, 20, 10'000) == 32);       // the first was quick
    CHECK(next(1, 20, 200) == 8);           // but 32 would be a good part of what is left
    CHECK(next(1, 200, 10'000) == 8);       // the first was not so quick
    CHECK(next(1, 4'000, 10'000) == 3);     // no slice is to take longer than 12 us
    CHECK(next(1, 50'000, 10'000) == 1);    // but one task is the least
    CHECK(next(32, 2, 10'000) == 1'024);    // 32 times the last
    CHECK(next(1'024, 2, 9'000) == 5'000);  // what nobody can help with
    CHECK(next(1, 20, 10'000, 16) == 16);
    CHECK(next(1, 0, 10'000) == 32);  // too quick to be measured
}

TEST_CASE("the largest slice is a part of all tasks, smaller the more could help", "[small_calls]") {
    using fanout::detail::largest_slice;
    CHECK(largest_slice(10'000, 2, true) == 5'000);  // a few microseconds, where every slice counts
    CHECK(largest_slice(10'000, 2, false) == 2'500);
    CHECK(largest_slice(10'000, 4, false) == 1'250);
    CHECK(largest_slice(10'000, 64, true) == 156);
    CHECK(largest_slice(10'000, 64, false) == 78);
    CHECK(largest_slice(70, 2, false) == 32);
}

TEST_CASE("quick tasks at the beginning do not make for a loop that the caller runs alone", "[small_calls]") {
    // As when a loop goes on after a crash: what is done already takes no time.
    for (const std::size_t done : {1u, 9u, 12u, 40u, 300u}) {
        timed_tasks tasks(1'000, 100us, done);
        const auto rest = fanout::detail::run_if_small(tasks, helpers(), 2);
        CAPTURE(done);
        REQUIRE(rest);
        CHECK(tasks.claimed() <= done + 500);
        CHECK(rest->measures());
    }
}

TEST_CASE("a call that is not worth help is finished by the caller", "[small_calls]") {
    // Whether it is worth it depends on the clock, which a loaded machine can stop anywhere: so either it is all done.
    timed_tasks tasks(200, 0ns);
    const auto rest = fanout::detail::run_if_small(tasks, helpers(), 2);
    CHECK(tasks.run_here() == tasks.claimed());
    if (!rest) CHECK(tasks.run_here() == 200);
    CHECK_FALSE(tasks.elsewhere());
}

TEST_CASE("with slow tasks help is asked for after the first", "[small_calls]") {
    timed_tasks tasks(200, 1ms);
    const auto rest = fanout::detail::run_if_small(tasks, helpers(), 2);
    REQUIRE(rest);
    CHECK(tasks.run_here() == 1);
    CHECK(tasks.claimed() == 1);
    auto pace = *rest;
    CHECK(pace.measures());
    CHECK(pace.next(tasks, 2) == 1);
}

TEST_CASE("with many quick tasks help is asked for too, long before they are done", "[small_calls]") {
    timed_tasks tasks(100'000, 1us);
    CHECK(fanout::detail::run_if_small(tasks, helpers(), 2));
    CHECK(tasks.run_here() == tasks.claimed());
    CHECK(tasks.run_here() < 10'000);
}

TEST_CASE("an interruption does not make a small call look like a large one", "[small_calls]") {
    constexpr std::size_t nowhere = 1'000'000;
    CHECK(run_alone({1'000, 2ns, nowhere, 0us}) == 1'000);
    for (const std::size_t interrupted : {0u, 1u, 20u}) {
        CAPTURE(interrupted);
        CHECK(run_alone({1'000, 2ns, interrupted, 3us}) == 1'000);
        CHECK(run_alone({100, 2ns, interrupted, 3us}) == 100);
    }
}

TEST_CASE("tasks that are slow on the whole are not taken for interrupted ones", "[small_calls]") {
    constexpr std::size_t nowhere = 1'000'000;
    CHECK(run_alone({10'000, 2ns, nowhere, 0us}) == 33);
    CHECK(run_alone({100, 300ns, nowhere, 0us}) == 9);
    CHECK(run_alone({100, 20us, nowhere, 0us}) == 1);
    CHECK(run_alone({1'000, 300ns, 5, 3us}) < 50);
}

TEST_CASE("nothing more is done when the call is ending", "[small_calls]") {
    timed_tasks tasks(200, 0ns);
    tasks.stop();
    CHECK_FALSE(fanout::detail::run_if_small(tasks, helpers(), 2));
    CHECK(tasks.run_here() == 0);
}

// Tests of team.hpp: helpers come to a call, and it ends when the last of them has left.
#include <fanout/threads/team.hpp>

#include <atomic>
#include <chrono>
#include <latch>
#include <limits>
#include <mutex>
#include <set>
#include <thread>
#include <utility>
#include <vector>

#include "catch.hpp"
#include "support/becomes_true.hpp"
#include "support/threads_of_this_process.hpp"

using fanout::detail::shared_work, fanout::detail::team;
using namespace std::chrono_literals;

namespace {

team::habits with_members(int most, std::chrono::microseconds spin = 0us) {
    return {.most_members = most,
            .spin = spin,
            .patience = std::chrono::steady_clock::duration::max(),
            .outlives_everything = false};
}

template <class Work>
struct work_of final : shared_work {
    explicit work_of(Work what) : what_(std::move(what)) {}
    void work(int worker) noexcept override { what_(worker); }
    Work what_;
};

/// A hundred times as slow: a microsecond of a team's is so long that no test is too slow for it.
struct slow_motion {
    using duration = std::chrono::nanoseconds;
    using time_point = std::chrono::time_point<slow_motion, duration>;
    static time_point now() { return time_point(std::chrono::steady_clock::now().time_since_epoch() / 100); }
};

/// A call whose `workers` workers must all be there at once; gives their numbers.
std::set<int> meet(team& helpers, int workers) {
    std::latch all_there(workers);
    std::mutex mutex;
    std::set<int> numbers;
    work_of work([&](int worker) {
        {
            const std::lock_guard lock(mutex);
            numbers.insert(worker);
        }
        all_there.arrive_and_wait();
    });
    helpers.run(work, workers - 1);
    return numbers;
}

}  // namespace

TEST_CASE("as many helpers come as are wanted, each with a number of its own; the caller is worker 0", "[team]") {
    for (const auto spin : {0us, 50us}) {
        team helpers(with_members(7, spin));
        CHECK(meet(helpers, 1) == std::set{0});
        CHECK(meet(helpers, 2) == std::set{0, 1});
        for (int call = 0; call < 20; ++call) REQUIRE(meet(helpers, 8) == std::set{0, 1, 2, 3, 4, 5, 6, 7});
        CHECK(meet(helpers, 3) == std::set{0, 1, 2});
    }
}

TEST_CASE("a call ends when the last helper has left, not before", "[team]") {
    for (const auto spin : {0us, 50us}) {
        team helpers(with_members(3, spin));
        for (int call = 0; call < 500; ++call) {
            std::latch all_there(4);
            int slow = 0;  // plain: the end of the call hands it over
            std::atomic<int> inside = 0;
            work_of work([&](int worker) {
                ++inside;
                all_there.arrive_and_wait();
                if (worker == 2) {
                    std::this_thread::yield();
                    slow = call;
                }
                --inside;
            });
            helpers.run(work, 3);
            REQUIRE(inside == 0);
            REQUIRE(slow == call);
        }
    }
}

TEST_CASE("a call that is over at once waits for no helper", "[team]") {
    team helpers(with_members(3));
    for (int call = 0; call < 2000; ++call) {
        std::atomic<int> inside = 0;
        std::atomic<bool> caller_worked = false;
        work_of work([&](int worker) {
            ++inside;
            if (worker == 0) caller_worked = true;
            --inside;
        });
        helpers.run(work, 3);
        REQUIRE(caller_worked);
        REQUIRE(inside == 0);
    }
}

TEST_CASE("short calls are left to their caller, one after the other, while a member is awake", "[team]") {
    using team_in_slow_motion = fanout::detail::basic_team<slow_motion>;
    team_in_slow_motion helpers({.most_members = 1, .spin = 10ms, .patience = 1h, .outlives_everything = false});
    int helped = 0;
    constexpr int calls = 500;
    for (int call = 0; call < calls; ++call) {
        std::atomic<int> came = 0;
        work_of work([&](int worker) {
            if (worker != 0) ++came;
            const auto until = std::chrono::steady_clock::now() + 20us;  // a member that is awake comes in one
            while (std::chrono::steady_clock::now() < until) {
            }
        });
        helpers.run(work, 1, true);
        helped += came;
    }
    CHECK(helped < calls / 4);
}

TEST_CASE("a call that might have been short gets help when it is not", "[team]") {
    team helpers(with_members(1, 1s));
    for (int call = 0; call < 200; ++call) {
        std::atomic<bool> came = false;
        work_of long_work([&](int worker) {
            if (worker != 0) came = true;
            while (!came) std::this_thread::yield();
        });
        helpers.run(long_work, 1, true);
        work_of short_work([](int) {});
        for (int i = 0; i < call % 10; ++i) helpers.run(short_work, 1, true);
    }
}

TEST_CASE("a member that was called for nothing helps another call that wants it", "[team]") {
    team helpers(with_members(1));
    meet(helpers, 2);  // so that there is a member, and it sits idle
    for (int round = 0; round < 500; ++round) {
        // The first call is over before its helper can have come; the second can only end with a helper.
        work_of nothing_to_do([](int) {});
        helpers.run(nothing_to_do, 1);
        REQUIRE(meet(helpers, 2) == std::set{0, 1});
    }
}

TEST_CASE("a team never has more members than it may, and without any the caller works alone", "[team]") {
    const int before = threads_of_this_process();
    team alone(with_members(0));
    std::vector<int> workers;
    work_of work([&](int worker) { workers.push_back(worker); });
    alone.run(work, 5);
    CHECK(workers == std::vector{0});

    team helpers(with_members(2));
    for (int call = 0; call < 20; ++call) meet(helpers, 3);
    CHECK(threads_of_this_process() <= before + 2);
}

TEST_CASE("a team that is destroyed has joined its members, also those that have not helped yet", "[team]") {
    const int before = threads_of_this_process();
    for (int round = 0; round < 100; ++round) {
        team helpers(with_members(3, round % 2 == 0 ? 0us : 50us));
        work_of work([](int) {});
        helpers.run(work, 3);
        if (round % 3 == 0) meet(helpers, 4);
    }
    CHECK(threads_come_down_to(before));
}

TEST_CASE("members that nobody has wanted for some time leave, and others come when they are wanted again", "[team]") {
    // Never destroyed, as such a team must be; static, so that a leak sanitizer finds it.
    static team& helpers = *new team(
        {.most_members = std::numeric_limits<int>::max(), .spin = 0us, .patience = 1ms, .outlives_everything = true});
    const int before = threads_of_this_process();
    for (int round = 0; round < 20; ++round) {
        REQUIRE(meet(helpers, 8).size() == 8);
        if (round % 2 == 0) REQUIRE(threads_come_down_to(before));
    }
    CHECK(threads_come_down_to(before));
}

TEST_CASE("several threads can open calls at once", "[team]") {
    team helpers(with_members(3, 50us));
    std::atomic<int> shares = 0;
    std::atomic<int> caller_shares = 0;
    {
        std::vector<std::jthread> callers;
        for (int caller = 0; caller < 4; ++caller)
            callers.emplace_back([&] {
                for (int call = 0; call < 500; ++call) {
                    work_of work([&](int worker) {
                        ++shares;
                        caller_shares += worker == 0;
                    });
                    helpers.run(work, 2);
                }
            });
    }
    CHECK(caller_shares == 4 * 500);
    CHECK(shares <= 3 * 4 * 500);
}

TEST_CASE("a nested call is helped by idle members only, and starts no thread", "[team]") {
    const int before = threads_of_this_process();
    team helpers(with_members(10));
    std::atomic<int> nested_calls = 0;
    work_of outer([&](int) {
        work_of inner([&](int worker) { nested_calls += worker == 0; });
        helpers.run(inner, 5);
    });
    helpers.run(outer, 1);
    CHECK(nested_calls >= 1);
    CHECK(threads_of_this_process() <= before + 1);
}

TEST_CASE("a team is lively just after a call, and only if its members stay awake", "[team]") {
    team awake(with_members(1, 1'000'000us));
    const auto long_ago = std::chrono::steady_clock::now() - 1h;
    awake.note_call(std::chrono::steady_clock::now());
    CHECK(awake.is_lively(std::chrono::steady_clock::now()));
    awake.note_call(long_ago);
    CHECK_FALSE(awake.is_lively(std::chrono::steady_clock::now()));
    team asleep(with_members(1, 0us));
    meet(asleep, 2);
    CHECK_FALSE(asleep.is_lively(std::chrono::steady_clock::now() + 1s));
}

TEST_CASE("a member stays awake for half as long as it has worked, half a millisecond at most", "[team]") {
    const auto is_lively_after_work = [](std::chrono::microseconds spin, std::chrono::microseconds work,
                                         std::chrono::microseconds later) {
        team helpers(with_members(1, spin));
        std::latch both_there(2);
        std::chrono::steady_clock::time_point ended;
        work_of long_work([&](int worker) {
            both_there.arrive_and_wait();
            if (worker == 0) return;
            std::this_thread::sleep_for(work);
            ended = std::chrono::steady_clock::now();
        });
        helpers.run(long_work, 1);
        helpers.note_call(ended - 1h);  // only what the member itself notes is asked for
        REQUIRE(becomes_true([&] { return helpers.is_lively(ended); }));  // once it has noted until when
        return helpers.is_lively(ended + later);
    };
    for (int tries = 0; tries < 5; ++tries) {  // it may come late to where it waits, and stays longer then
        CHECK(is_lively_after_work(1us, 2ms, 300us));
        CHECK(becomes_true([&] { return !is_lively_after_work(0us, 2ms, 300us); }));
        CHECK(is_lively_after_work(5'000us, 2ms, 3ms));
    }
    CHECK(becomes_true([&] { return !is_lively_after_work(1us, 100us, 400us); }));
    CHECK(becomes_true([&] { return !is_lively_after_work(1us, 5ms, 900us); }));
}

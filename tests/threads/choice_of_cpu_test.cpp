// Tests of choice_of_cpu.hpp: a helper keeps off its caller's CPU until it works, and then may use all that it could.
#include <fanout/threads/choice_of_cpu.hpp>

#include <pthread.h>
#include <sched.h>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <fanout/front/parallel.hpp>
#include <filesystem>
#include <latch>
#include <string>
#include <thread>
#include <vector>

#include "catch.hpp"

using fanout::detail::choice_of_cpu;

namespace {

cpu_set_t allowed_cpus(pthread_t thread) {
    cpu_set_t allowed;
    REQUIRE(pthread_getaffinity_np(thread, sizeof allowed, &allowed) == 0);
    return allowed;
}

cpu_set_t only(int cpu) {
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(static_cast<std::size_t>(cpu), &one);
    return one;
}

/// A helper that waits to be called, and a caller that stays on its CPU meanwhile.
template <class Rest, class Meanwhile, class Work>
void caller_and_helper(Rest rest, Meanwhile meanwhile, Work work) {
    const cpu_set_t before = allowed_cpus(pthread_self());
    const cpu_set_t here = only(sched_getcpu());
    REQUIRE(sched_setaffinity(0, sizeof here, &here) == 0);
    std::latch rests(1);
    std::latch called(1);
    std::thread helper([&] {
        sched_setaffinity(0, sizeof before, &before);
        rest();
        rests.count_down();
        called.wait();
        work();
    });
    rests.wait();
    meanwhile(helper.native_handle(), sched_getcpu());
    called.count_down();
    helper.join();
    REQUIRE(sched_setaffinity(0, sizeof before, &before) == 0);
}

}  // namespace

TEST_CASE("a helper that has only been started keeps off the caller's CPU until it works", "[choice_of_cpu]") {
    const cpu_set_t before = allowed_cpus(pthread_self());
    choice_of_cpu cpus;
    cpu_set_t at_work = {};
    caller_and_helper([] {},
                      [&](pthread_t helper, int callers) {
                          cpus.avoid_callers(helper);
                          const cpu_set_t narrowed = allowed_cpus(helper);
                          CHECK((CPU_COUNT(&before) == 1 || !CPU_ISSET(static_cast<std::size_t>(callers), &narrowed)));
                          cpus.avoid_callers(helper);  // a second caller changes nothing
                      },
                      [&] {
                          cpus.note_work();
                          at_work = allowed_cpus(pthread_self());
                      });
    CHECK(CPU_EQUAL(&before, &at_work));
}

TEST_CASE("a helper that rests on another CPU than the caller's is left alone", "[choice_of_cpu]") {
    const cpu_set_t before = allowed_cpus(pthread_self());
    if (CPU_COUNT(&before) < 2) return;
    choice_of_cpu cpus;
    const int callers = sched_getcpu();
    const cpu_set_t here = only(callers);
    cpu_set_t others = before;
    CPU_CLR(static_cast<std::size_t>(callers), &others);
    REQUIRE(sched_setaffinity(0, sizeof here, &here) == 0);
    std::latch rests(1);
    std::latch seen(1);
    std::thread helper([&] {
        sched_setaffinity(0, sizeof others, &others);
        cpus.note_rest();
        sched_setaffinity(0, sizeof before, &before);
        rests.count_down();
        seen.wait();
    });
    rests.wait();
    cpus.avoid_callers(helper.native_handle());
    const cpu_set_t after = allowed_cpus(helper.native_handle());
    seen.count_down();
    helper.join();
    REQUIRE(sched_setaffinity(0, sizeof before, &before) == 0);
    CHECK(CPU_EQUAL(&before, &after));
}

TEST_CASE("a helper that has only one CPU stays on it", "[choice_of_cpu]") {
    choice_of_cpu cpus;
    cpu_set_t pinned = {};
    cpu_set_t at_work = {};
    caller_and_helper(
        [&] {
            pinned = only(sched_getcpu());
            REQUIRE(sched_setaffinity(0, sizeof pinned, &pinned) == 0);
            cpus.note_rest();
        },
        [&](pthread_t helper, int) { cpus.avoid_callers(helper); },
        [&] {
            cpus.note_work();
            at_work = allowed_cpus(pthread_self());
        });
    CHECK(CPU_EQUAL(&pinned, &at_work));
}

TEST_CASE("a helper that has been called may use the caller's CPU, though it has not got another yet",
          "[choice_of_cpu]") {
    const auto narrowed_threads = [] {
        cpu_set_t mine;
        sched_getaffinity(0, sizeof mine, &mine);
        int narrowed = 0;
        for (const auto& task : std::filesystem::directory_iterator("/proc/self/task")) {
            cpu_set_t its;
            if (sched_getaffinity(std::stoi(task.path().filename()), sizeof its, &its) == 0)
                narrowed += CPU_COUNT(&its) < CPU_COUNT(&mine);
        }
        return narrowed;
    };
    int narrowed = 0;
    for (int object = 0; object < 50; ++object) {
        const auto run = fanout::parallel(2, fanout::threads{.spin = std::chrono::microseconds(0)});
        for (int call = 0; call < 5; ++call) {
            const auto caller = std::this_thread::get_id();
            const int others = narrowed_threads();  // a sanitizer's
            run(fanout::delayed([&](int) {
                    if (std::this_thread::get_id() == caller) narrowed += narrowed_threads() - others;
                }),
                std::vector<int>(2));
            std::this_thread::sleep_for(std::chrono::microseconds(200));  // the helper sleeps
        }
    }
    CHECK(narrowed == 0);
}

TEST_CASE("tasks see the CPUs that were chosen for their threads while those were idle", "[choice_of_cpu]") {
    const cpu_set_t before = allowed_cpus(pthread_self());
    const auto pin_all = [](const cpu_set_t& to) {
        for (const auto& task : std::filesystem::directory_iterator("/proc/self/task"))
            sched_setaffinity(std::stoi(task.path().filename()), sizeof to, &to);
    };
    const auto run = fanout::parallel(2);
    std::atomic<int> undone = 0;
    for (int round = 0; round < 20; ++round) {
        for (int call = 0; call < 20; ++call) run(fanout::delayed([](int) {}), std::vector<int>(4));
        std::this_thread::sleep_for(std::chrono::milliseconds(1));  // so that the helper sleeps
        const cpu_set_t here = only(sched_getcpu());
        pin_all(here);
        run(fanout::delayed([&](int) {
                cpu_set_t seen;
                if (sched_getaffinity(0, sizeof seen, &seen) != 0 || CPU_COUNT(&seen) != 1) ++undone;
                std::this_thread::sleep_for(std::chrono::microseconds(500));
            }),
            std::vector<int>(4));
        pin_all(before);
    }
    CHECK(undone == 0);
}

// What a program gets of fanout on a system that is not Linux: everything but worker processes and other machines.
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <exception>
#include <fanout/fanout.hpp>
#include <fanout/progress_bar.hpp>
#include <ranges>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

using namespace std::chrono_literals;
using fanout::delayed, fanout::parallel;

namespace {

int failures = 0;

void check(bool good, const char* what) {
    if (good) return;
    std::printf("failed: %s\n", what);
    ++failures;
}

std::size_t square(std::size_t i) { return i * i; }

}  // namespace

int main() {
    const auto numbers = std::views::iota(std::size_t{0}, std::size_t{100'000});
    std::size_t wrong = 0;
    for (int call = 0; call < 20; ++call) {
        const std::vector<std::size_t> squares = parallel(4)(delayed(square), numbers);
        for (const std::size_t i : numbers) wrong += squares[i] != i * i;
    }
    check(wrong == 0, "results in order");

    const auto waits = [](int) { std::this_thread::sleep_for(10ms); };
    const auto start = std::chrono::steady_clock::now();
    parallel(50)(delayed(waits), std::views::iota(0, 100));
    check(std::chrono::steady_clock::now() - start < 500ms, "tasks that wait, fifty at a time");

    std::size_t sum = 0;
    for (const std::size_t each :
         parallel(2).stream(delayed(square), std::views::iota(std::size_t{0}, std::size_t{1'000})))
        sum += each;
    check(sum == 332'833'500, "a stream");

    const auto sleeps = [](std::stop_token stop, int) {
        while (!stop.stop_requested()) std::this_thread::sleep_for(1ms);
    };
    const auto outcomes = parallel({.n_jobs = 2, .timeout = 50ms}).outcomes(delayed(sleeps), std::views::iota(0, 2));
    check(!outcomes[0] && outcomes[0].error().type == "fanout::task_timeout", "a timeout");

    std::atomic<int> nested = 0;
    parallel(2)(delayed([&](int) { parallel(2)(delayed([&](int) { ++nested; }), std::views::iota(0, 100)); }),
                std::views::iota(0, 100));
    check(nested == 10'000, "calls in tasks");

    check(fanout::cpu_count() >= 1, "the number of CPUs");

    try {
        parallel(2, fanout::processes{})(delayed(square), numbers);
        check(FANOUT_ON_LINUX, "processes are refused");
    } catch (const std::runtime_error& e) {
        check(std::strcmp(e.what(),
                          "fanout: processes runs on Linux only; on this system use threads{} or sequential{}") == 0,
              e.what());
    }
    if (failures == 0) std::puts("all as it should be");
    return failures;
}

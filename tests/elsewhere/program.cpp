// What a program gets of fanout on other systems: everything but other machines, and, where that is not Linux, worker
// processes.
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
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

std::string may_end_its_worker(int i) {
    if (i == 3) std::raise(SIGSEGV);
    if (i == 5) std::exit(5);
    if (i == 7) throw std::out_of_range("the seventh");
    return std::string(100'000, static_cast<char>('0' + i));
}

void check_worker_processes() {
    const auto outcomes =
        parallel(2, fanout::processes{.retries = 0}).outcomes(delayed(may_end_its_worker), std::views::iota(0, 10));
    for (const int i : {0, 1, 2, 4, 6, 8, 9}) {
        const auto& one = outcomes[static_cast<std::size_t>(i)];
        check(one && *one == std::string(100'000, static_cast<char>('0' + i)), "results of processes");
    }
    const auto says = [&](std::size_t i, const char* what) {
        check(!outcomes[i] && outcomes[i].error().what.find(what) != std::string::npos, what);
    };
    says(3, "SIGSEGV");
    says(5, "it called exit");
    says(7, "the seventh");

    const auto hangs = [](int) { std::this_thread::sleep_for(1h); };
    const auto killed =
        parallel({.n_jobs = 2, .timeout = 50ms}, fanout::processes{}).outcomes(delayed(hangs), std::views::iota(0, 2));
    check(!killed[0] && killed[0].error().type == "fanout::task_timeout", "a task that hangs is killed");
}

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
        check_worker_processes();
    } catch (const std::runtime_error& e) {
        check(std::strcmp(e.what(),
                          "fanout: processes runs on Linux only; on this system use threads{} or sequential{}") == 0,
              e.what());
    }
    if (failures == 0) std::puts("all as it should be");
    return failures;
}

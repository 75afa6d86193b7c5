// The thread backend beside what others use instead, in one run. bench/report.py makes the table from its JSON.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <string>
#include <thread>
#include <vector>

#include "first_call.hpp"
#include "workloads.hpp"

namespace {

using namespace workloads;
using namespace std::chrono_literals;
using clock_type = std::chrono::steady_clock;

// The workers of the library that was measured before may still be spinning.
void let_others_settle(const benchmark::State&) { std::this_thread::sleep_for(20ms); }

void report_percentiles(benchmark::State& state, std::vector<double>& seconds) {
    std::sort(seconds.begin(), seconds.end());
    const auto at = [&](double share) { return seconds[static_cast<std::size_t>(share * double(seconds.size() - 1))]; };
    state.counters["p10_us"] = at(0.1) * 1e6;
    state.counters["p50_us"] = at(0.5) * 1e6;
    state.counters["p90_us"] = at(0.9) * 1e6;
}

/// Calls back to back, each timed by itself. `idle`: how long nothing happens before each.
template <class Library, class F>
void each_call(benchmark::State& state, const F& f, std::chrono::microseconds idle) {
    const auto size = static_cast<std::size_t>(state.range(0));
    benchmark::DoNotOptimize(Library::map(size, f));
    std::vector<double> seconds;
    for (auto _ : state) {
        if (idle > 0us) std::this_thread::sleep_for(idle);
        const auto start = clock_type::now();
        benchmark::DoNotOptimize(Library::map(size, f));
        seconds.push_back(std::chrono::duration<double>(clock_type::now() - start).count());
        state.SetIterationTime(seconds.back());
    }
    report_percentiles(state, seconds);
}

/// Calls too short for a clock reading each: timed together.
template <class Library, class F>
void many_calls(benchmark::State& state, const F& f) {
    auto size = static_cast<std::size_t>(state.range(0));
    for (auto _ : state) {
        benchmark::DoNotOptimize(size);
        benchmark::DoNotOptimize(Library::map(size, f));
    }
}

/// Each call timed by itself: so many in each round.
template <class Library, class F>
void add(const std::string& workload, const std::string& library, const F& f, std::vector<long> sizes, int iterations,
         std::chrono::microseconds idle = 0us) {
    auto* const added = benchmark::RegisterBenchmark((workload + "/" + library).c_str(),
                                                     [=](auto& state) { each_call<Library>(state, f, idle); });
    for (const long size : sizes) added->Arg(size);
    added->UseManualTime()->Iterations(iterations)->Setup(let_others_settle);
}

constexpr long size_of_first_call = 10;

/// Adds its benchmark. True if this program has been started by it, and has made the call.
template <class Library>
bool made_first_call_of(const std::string& library, int argc, char** argv) {
    const std::string word = std::string(first_call_word) + "-of-" + library;
    benchmark::RegisterBenchmark(("first_call/" + library).c_str(), [=](auto& state) { first_call_of(state, word); })
        ->Arg(size_of_first_call)
        ->UseManualTime()
        ->Iterations(5);
    return made_first_call(
        argc, argv, [] { benchmark::DoNotOptimize(Library::map(size_of_first_call, square_root)); }, word);
}

template <class Library>
void short_calls_of(const std::string& library) {
    benchmark::RegisterBenchmark(("sqrt_hot/" + library).c_str(),
                                 [](auto& state) { many_calls<Library>(state, square_root); })
        ->Arg(1)
        ->Arg(10)
        ->Arg(60)
        ->Arg(100)
        ->Arg(1'000)
        ->UseRealTime()
        ->MinTime(0.05)
        ->Setup(let_others_settle);
}

template <class Library>
void uneven_calls_of(const std::string& library) {
    add<Library>("ramp", library, ramp, {256}, 10);
    add<Library>("lognormal", library, lognormal, {1'000}, 3);
}

template <class Library>
void calls_of(const std::string& library) {
    short_calls_of<Library>(library);
    add<Library>("sqrt_hot", library, square_root, {10'000}, 3'000);
    add<Library>("sqrt_hot", library, square_root, {1'000'000}, 40);
    add<Library>("sqrt_cold", library, square_root, {10, 100, 1'000, 10'000}, 200, 3000us);
    add<Library>("sqrt_cold", library, square_root, {1'000'000}, 40, 3000us);
    add<Library>("nested", library, inner_loop<Library>, {8}, 40);
    uneven_calls_of<Library>(library);
}

template <int Jobs>
void waiting_with() {
    add<with_fanout<Jobs>>("waiting", "fanout_" + std::to_string(Jobs), wait_10ms, {500}, 2);
}

}  // namespace

int main(int argc, char** argv) {
    if (made_first_call_of<plain_loop>("loop", argc, argv) ||
        made_first_call_of<with_fanout<-1>>("fanout", argc, argv) || made_first_call_of<with_tbb>("tbb", argc, argv) ||
        made_first_call_of<with_openmp_static>("openmp_static", argc, argv) ||
        made_first_call_of<with_std_par>("std_par", argc, argv) || made_first_call_of<with_async>("async", argc, argv))
        return 0;
    calls_of<plain_loop>("loop");
    calls_of<least_loop>("least");
    calls_of<with_fanout<-1>>("fanout");
    calls_of<with_tbb>("tbb");
    calls_of<with_openmp_static>("openmp_static");
    uneven_calls_of<with_openmp_dynamic>("openmp_dynamic");
    calls_of<with_std_par>("std_par");
    calls_of<with_async>("async");
    add<with_stream<-1>>("sqrt_stream", "fanout", square_root, {1'000'000}, 10);
    waiting_with<5>();
    waiting_with<20>();
    waiting_with<100>();
    waiting_with<500>();
    waiting_with<1000>();
    benchmark::Initialize(&argc, argv);
    if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
    benchmark::RunSpecifiedBenchmarks();
}

// The thread backend beside a plain loop, oneTBB and OpenMP, in one run. bench/report.py makes the table from its JSON.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <string>
#include <thread>
#include <vector>

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

template <class Library>
void short_calls_of(const std::string& library) {
    benchmark::RegisterBenchmark(("sqrt_hot/" + library).c_str(),
                                 [](auto& state) { many_calls<Library>(state, square_root); })
        ->Arg(1)
        ->Arg(10)
        ->Arg(100)
        ->Arg(1'000)
        ->UseRealTime()
        ->MinTime(0.05)
        ->Setup(let_others_settle);
}

template <class Library>
void sqrt_calls_of(const std::string& library) {
    short_calls_of<Library>(library);
    benchmark::RegisterBenchmark(("sqrt_hot/" + library).c_str(),
                                 [](auto& state) { each_call<Library>(state, square_root, 0us); })
        ->Arg(10'000)
        ->UseManualTime()
        ->Iterations(3'000)
        ->Setup(let_others_settle);
    benchmark::RegisterBenchmark(("sqrt_hot/" + library).c_str(),
                                 [](auto& state) { each_call<Library>(state, square_root, 0us); })
        ->Arg(1'000'000)
        ->UseManualTime()
        ->Iterations(40)
        ->Setup(let_others_settle);
    benchmark::RegisterBenchmark(("sqrt_cold/" + library).c_str(),
                                 [](auto& state) { each_call<Library>(state, square_root, 3000us); })
        ->Arg(100)
        ->Arg(1'000)
        ->Arg(10'000)
        ->UseManualTime()
        ->Iterations(200)
        ->Setup(let_others_settle);
}

template <class Library>
void ramp_of(const std::string& library) {
    benchmark::RegisterBenchmark(("ramp/" + library).c_str(), [](auto& state) { each_call<Library>(state, ramp, 0us); })
        ->Arg(256)
        ->UseManualTime()
        ->Iterations(10)
        ->Setup(let_others_settle);
}

void a_million_streamed() {
    benchmark::RegisterBenchmark("sqrt_stream/fanout",
                                 [](auto& state) { each_call<with_stream<-1>>(state, square_root, 0us); })
        ->Arg(1'000'000)
        ->UseManualTime()
        ->Iterations(10)
        ->Setup(let_others_settle);
}

template <int Jobs>
void waiting_with() {
    benchmark::RegisterBenchmark(("waiting/fanout_" + std::to_string(Jobs)).c_str(),
                                 [](auto& state) { each_call<with_fanout<Jobs>>(state, wait_10ms, 0us); })
        ->Arg(500)
        ->UseManualTime()
        ->Iterations(2)
        ->Setup(let_others_settle);
}

}  // namespace

int main(int argc, char** argv) {
    sqrt_calls_of<plain_loop>("loop");
    sqrt_calls_of<with_fanout<-1>>("fanout");
    sqrt_calls_of<with_tbb>("tbb");
    sqrt_calls_of<with_openmp_static>("openmp_static");
    ramp_of<plain_loop>("loop");
    ramp_of<with_fanout<-1>>("fanout");
    ramp_of<with_tbb>("tbb");
    ramp_of<with_openmp_static>("openmp_static");
    ramp_of<with_openmp_dynamic>("openmp_dynamic");
    a_million_streamed();
    waiting_with<20>();
    waiting_with<500>();
    benchmark::Initialize(&argc, argv);
    if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
    benchmark::RunSpecifiedBenchmarks();
}

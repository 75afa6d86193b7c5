// Worker processes: what a call costs, what a task costs, what results of every size cost, and how much of the caller's
// memory is copied. bench/run.sh prints the table.
#include <benchmark/benchmark.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstddef>
#include <fanout/fanout.hpp>
#include <ranges>
#include <string>
#include <vector>

#include "first_call.hpp"

namespace {

using fanout::delayed, fanout::parallel, fanout::processes;

auto first(std::size_t count) { return std::views::iota(std::size_t{0}, count); }

/// Two workers, two tasks that do nothing.
void make_call_of_two_tasks() {
    benchmark::DoNotOptimize(parallel(2, processes{})(delayed([](std::size_t i) { return i; }), first(2)));
}
void call_of_two_tasks(benchmark::State& state) {
    for (auto _ : state) make_call_of_two_tasks();
}

/// The least that such a call can cost.
void two_forks(benchmark::State& state) {
    for (auto _ : state) {
        for (int i = 0; i < 2; ++i)
            if (fork() == 0) _exit(0);
        while (wait(nullptr) > 0) {
        }
    }
}

void small_results(benchmark::State& state) {
    const auto count = static_cast<std::size_t>(state.range(0));
    for (auto _ : state)
        benchmark::DoNotOptimize(parallel(2, processes{})(delayed([](std::size_t i) { return i; }), first(count)));
    state.SetItemsProcessed(state.iterations() * state.range(0));
}

void kilobyte_strings(benchmark::State& state) {
    const auto count = static_cast<std::size_t>(state.range(0));
    for (auto _ : state)
        benchmark::DoNotOptimize(
            parallel(2, processes{})(delayed([](std::size_t) { return std::string(1000, 'x'); }), first(count)));
    state.SetItemsProcessed(state.iterations() * state.range(0));
}

constexpr std::size_t million = 1'000'000;  // doubles: 8 MB

void results_of(benchmark::State& state, std::size_t doubles, std::size_t tasks) {
    const std::vector<double> table(doubles, 1.0);
    for (auto _ : state)
        benchmark::DoNotOptimize(parallel(2, processes{})(delayed([&](std::size_t) { return table; }), first(tasks)));
}
void results_of_1_megabyte(benchmark::State& state) { results_of(state, million / 8, 64); }
void sixteen_of_8_megabytes(benchmark::State& state) { results_of(state, million, 16); }
void results_of_100_megabytes(benchmark::State& state) { results_of(state, 100 * million / 8, 2); }

/// What the results above are measured against: each copied once, in this process.
void sixteen_copies_of_8_megabytes(benchmark::State& state) {
    const std::vector<double> table(million, 1.0);
    for (auto _ : state) {
        std::vector<std::vector<double>> copies;
        for (int i = 0; i < 16; ++i) copies.push_back(table);
        benchmark::DoNotOptimize(copies);
    }
}

/// The caller has so many MB in memory, which two workers read.
void inherited_megabytes(benchmark::State& state) {
    const std::vector<double> table(static_cast<std::size_t>(state.range(0)) * million / 8, 1.0);
    for (auto _ : state)
        benchmark::DoNotOptimize(
            parallel(2, processes{})(delayed([&](std::size_t i) { return table[i * (table.size() / 2)]; }), first(2)));
}

/// Each of the tasks kills the worker that runs it, and is not tried again: a death and its replacement.
void crashes(benchmark::State& state) {
    const auto count = static_cast<std::size_t>(state.range(0));
    for (auto _ : state)
        benchmark::DoNotOptimize(
            parallel(2, processes{.retries = 0}).outcomes(delayed([](std::size_t) -> int { _exit(1); }), first(count)));
    state.SetItemsProcessed(state.iterations() * state.range(0));
}

BENCHMARK(first_call)->UseManualTime()->Iterations(10);
BENCHMARK(call_of_two_tasks)->UseRealTime()->Unit(benchmark::kMicrosecond);
BENCHMARK(two_forks)->UseRealTime()->Unit(benchmark::kMicrosecond);
BENCHMARK(small_results)->Arg(100'000)->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK(kilobyte_strings)->Arg(100'000)->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK(results_of_1_megabyte)->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK(results_of_100_megabytes)->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK(sixteen_of_8_megabytes)->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK(sixteen_copies_of_8_megabytes)->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK(inherited_megabytes)->Arg(1)->Arg(1000)->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK(crashes)->Arg(100)->UseRealTime()->Unit(benchmark::kMillisecond);

}  // namespace

int main(int argc, char** argv) {
    if (made_first_call(argc, argv, make_call_of_two_tasks)) return 0;
    benchmark::Initialize(&argc, argv);
    if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
    benchmark::RunSpecifiedBenchmarks();
}

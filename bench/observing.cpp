// What it costs to be watched: a million square roots with and without progress, a trace and a summary, in turns.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <fanout/fanout.hpp>
#include <ranges>
#include <string>
#include <utility>
#include <vector>

namespace {

using clock_type = std::chrono::steady_clock;

constexpr std::size_t tasks = 1'000'000;

std::vector<double> roots(tasks);  // one place for all calls: it would matter which memory a vector of results gets

void put_root(std::size_t i) { roots[i] = std::sqrt(static_cast<double>(i)); }

template <class Run>
double seconds_of(const Run& run) {
    const auto indices = std::views::iota(std::size_t{0}, tasks);
    const auto start = clock_type::now();
    run(fanout::delayed(put_root), indices);
    benchmark::DoNotOptimize(roots.data());
    return std::chrono::duration<double>(clock_type::now() - start).count();
}

double median(std::vector<double>& values) {
    std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2), values.end());
    return values[values.size() / 2];
}

/// Each iteration is a plain call and a watched one, so that a noisy moment hits both.
void watched(benchmark::State& state, const fanout::options& wishes) {
    // Temporaries, which share their threads: two objects with threads of their own would be in each other's way.
    const auto plain = [&](const auto&... what) { return fanout::parallel(wishes.n_jobs.value())(what...); };
    const auto watched = [&](const auto&... what) { return fanout::parallel(wishes)(what...); };
    std::vector<double> without, with;
    for (auto _ : state) {
        without.push_back(seconds_of(plain));
        with.push_back(seconds_of(watched));
        state.SetIterationTime(with.back());
    }
    const double before = median(without), after = median(with);
    state.counters["plain_ns_per_task"] = before / tasks * 1e9;
    state.counters["more_ns_per_task"] = (after - before) / tasks * 1e9;
    state.counters["more_percent"] = 100 * (after / before - 1);
}

fanout::options with_progress(int n_jobs) {
    return {.n_jobs = n_jobs, .on_progress = [](const fanout::progress& now) { benchmark::DoNotOptimize(now.done); }};
}

const bool registered = [] {
    for (const int n_jobs : {1, 2}) {
        const auto add = [&](const std::string& name, fanout::options wishes, int iterations) {
            benchmark::RegisterBenchmark((name + "/n_jobs:" + std::to_string(n_jobs)).c_str(),
                                         [wishes = std::move(wishes)](auto& state) { watched(state, wishes); })
                ->UseManualTime()
                ->Iterations(iterations)
                ->Unit(benchmark::kMillisecond);
        };
        add("progress", with_progress(n_jobs), 300);
        add("summary", {.n_jobs = n_jobs, .summarize = true}, 20);
        add("trace", {.n_jobs = n_jobs, .trace = "/dev/null"}, 20);
    }
    return true;
}();

}  // namespace

int main(int argc, char** argv) {
    benchmark::Initialize(&argc, argv);
    if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
    benchmark::RunSpecifiedBenchmarks();
}

// A random seed for each task, which is the same wherever and beside whatever the task runs.
#pragma once

#include <cstddef>
#include <cstdint>

namespace fanout {

/// The seed of task `index`: the same on every backend and for every n_jobs, another for every other task and, with
/// the run's own seed, for every other run. Workers are forked: a generator that they find in memory, `rand()`
/// included, would give the same numbers in each of them.
///
///     parallel(4, processes{})(delayed([](std::size_t i) {
///         std::mt19937_64 random(task_seed(i));
///         return simulate(random);
///     }), std::views::iota(std::size_t{0}, count));
///
/// No two tasks of a run have the same seed, and similar ones have seeds without likeness. Not for secrets. 1 ns.
constexpr std::uint64_t task_seed(std::size_t index, std::uint64_t run_seed = 0) noexcept {
    const auto mixed = [](std::uint64_t bits) {  // splitmix64: one to one, and each bit depends on all
        bits = (bits ^ (bits >> 30)) * 0xbf58476d1ce4e5b9;
        bits = (bits ^ (bits >> 27)) * 0x94d049bb133111eb;
        return bits ^ (bits >> 31);
    };
    constexpr std::uint64_t golden_ratio = 0x9e3779b97f4a7c15;
    // Mixed first, so that task 1 of run 0 is not task 0 of run 1.
    const std::uint64_t start = run_seed == 0 ? 0 : mixed(run_seed + golden_ratio);
    return mixed(start + golden_ratio * (static_cast<std::uint64_t>(index) + 1));
}

}  // namespace fanout

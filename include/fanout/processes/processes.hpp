// Worker processes as a backend: isolated from the caller and from each other, so that a crash costs one task.
#pragma once

#include <cstddef>
#include <optional>
#include <stdexcept>
#include <string>

#include "fanout/core/backend.hpp"
#include "fanout/core/concat.hpp"
#include "fanout/core/cpu_count.hpp"
#include "fanout/core/platform.hpp"
#include "fanout/core/portable_tasks.hpp"
#include "fanout/core/thread_budget.hpp"
#include "fanout/processes/settings.hpp"

#if FANOUT_ON_LINUX
#include "fanout/processes/last_words.hpp"
#include "fanout/processes/supervisor.hpp"
#endif

namespace fanout {

/// Runs tasks in n_jobs processes, which are forked when the call begins and gone when it ends.
///
/// A worker has the function, whatever it captures, and the input as they are at the call, without a copy; what it
/// changes of them stays with it. Only results come back. A task that crashes, calls `exit`, is killed or overstays
/// `options::timeout` costs its worker, which is replaced; the task is tried again, or fails by itself with
/// `worker_lost` or `task_timeout`, and no other is lost. So tasks may *run* more than once: `retries = 0` forbids it.
///
/// In the program that forks, other threads should not hold locks that tasks want; it is warned once if there are any.
/// A call costs 0.5 ms for each worker, and 25 ms more for each GB that the program has in memory; a task 0.1 us if its
/// result is trivially copyable, and 1 us for each kB that it has to be written in. Linux only.
struct processes {
    static constexpr const char* name = "processes";
    static constexpr bool leaves_the_process = true;

    /// How often a task is tried again after its worker has died, each time as the first task of a fresh one. Not after
    /// an exception or a timeout. Not set: 2.
    std::optional<int> retries = {};

    /// Bytes that a worker may allocate beyond what the program has at the call; what is more fails with
    /// `std::bad_alloc` in the task. At least 1 MB.
    std::optional<std::size_t> memory_limit = {};

    /// After so many tasks a worker makes room for a fresh one, which costs 0.5 ms: for tasks that leak.
    std::optional<int> max_tasks_per_worker = {};

    /// How many threads OpenMP, OpenBLAS, MKL and calls of fanout may use inside of a task. Not set: the CPUs shared
    /// out evenly, at least one.
    std::optional<int> inner_threads = {};

    /// Called once in each worker before its first task. What it throws ends the call.
    worker_initializer initializer = {};

    /// Throws `pool_broken` if no worker can be started, or one after the other dies with nothing done.
    template <class Job>
    void run(Job& work, int n_jobs) const {
#if FANOUT_ON_LINUX
        validate<Job>();
        portable_tasks* const tasks = work.portable();
        if (!tasks)
            throw std::invalid_argument(
                "fanout: processes cannot run this call: its results, or elements that can be read only once, "
                "cannot be written as bytes; use threads{}, or give their type a fanout::codec or a serialize "
                "function");
        constexpr int deepest = 10;
        if (detail::own_worker.depth >= deepest)
            throw std::runtime_error(
                "fanout: a call of processes inside of tasks of processes, ten deep; use threads{} or sequential{} for "
                "the inner calls");
        detail::process_settings settings;
        settings.workers = n_jobs < detail::claims::most_workers ? n_jobs : detail::claims::most_workers;
        if (work.size() && *work.size() < static_cast<std::size_t>(settings.workers))
            settings.workers = static_cast<int>(*work.size());
        if (settings.workers == 0) return;
        settings.n_jobs = n_jobs;
        settings.retries = retries.value_or(2);
        settings.memory_limit = memory_limit;
        settings.max_tasks = max_tasks_per_worker;
        settings.inner_threads = inner_threads ? *inner_threads : share_of_cpus(n_jobs);
        settings.initializer = &initializer;
        detail::supervisor<Job>(work, *tasks, settings).run();
#else
        static_cast<void>(work), static_cast<void>(n_jobs);
        throw std::runtime_error("fanout: processes runs on Linux only; on this system use threads{} or sequential{}");
#endif
    }

private:
    /// In a task of `threads`, of what is left to the calls inside of it.
    static int share_of_cpus(int n_jobs) {
        const int left = detail::budget_here ? detail::budget_here->left() : cpu_count();
        const int share = detail::least(left, cpu_count()) / n_jobs;
        return share > 1 ? share : 1;
    }

    template <class>  // compiled where it is called
    void validate() const {
        const auto require = [](bool good, const char* option, auto value, const char* advice) {
            if (!good)
                throw std::invalid_argument(
                    detail::concat({"fanout: processes: ", option, " = ", std::to_string(value), advice}));
        };
        require(!retries || *retries >= 0, "retries", retries.value_or(0),
                " has no meaning; give 0 to try every task once, or more");
        require(!max_tasks_per_worker || *max_tasks_per_worker >= 1, "max_tasks_per_worker",
                max_tasks_per_worker.value_or(0),
                " would run nothing; give 1 or more, or leave it out to keep workers for the whole call");
        require(!inner_threads || *inner_threads >= 1, "inner_threads", inner_threads.value_or(0),
                " would run nothing; give 1 or more, or leave it out to share the CPUs out evenly");
        require(!memory_limit || *memory_limit >= (1u << 20), "memory_limit", memory_limit.value_or(0),
                " bytes is less than a worker needs to do anything; it is counted from what the program has already, "
                "so give at least 1 MB (1 << 20)");
    }
};

}  // namespace fanout

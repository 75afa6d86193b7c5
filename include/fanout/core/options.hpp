// How a call is to run: everything that can be said of it besides the backend.
#pragma once

#include <cstdint>
#include <optional>
#include <stdexcept>
#include <stop_token>
#include <string>

#include "fanout/core/clock.hpp"
#include "fanout/core/concat.hpp"
#include "fanout/core/optional_time.hpp"
#include "fanout/core/progress.hpp"
#include "fanout/core/recorder.hpp"

namespace fanout {

/// What a call cannot do without, whatever backend its surroundings would choose.
enum class requirement {
    none,
    shared_memory,  ///< tasks see the caller's variables, and what they write there is there afterwards
};
using requirement::shared_memory;

/// What is not set is chosen by the library. Written with names: `parallel({.n_jobs = 4, .timeout = 1s})`.
struct options {
    /// Tasks at once. -1: one for each CPU; -2: all CPUs but one, and so on; never fewer than one. Not set: -1.
    std::optional<int> n_jobs = {};

    /// Tasks that a worker takes at a time. Not set: sized by the time that they take.
    std::optional<std::int64_t> batch_size = {};

    /// How many elements of an input that can be read only once, or has no end, may be read and not yet finished.
    /// Not set: no more than the workers have in hand. In streams and reductions: how many tasks of any input may be
    /// claimed beyond those whose results have been taken. Not set: two chunks for each job.
    std::optional<std::int64_t> pre_dispatch = {};

    /// The longest that one task may run, counted from its own start. A thread cannot be killed: a function that takes
    /// a `std::stop_token` is told to stop, any other is found out when it returns. A worker process is killed. The
    /// task fails with `task_timeout`.
    optional_time timeout = {};

    /// The longest that the whole call may take: a duration, counted from its start. Then no further task starts, those
    /// that run are told to stop through their token and waited for, or killed on processes, and the call throws
    /// `deadline_exceeded`. A worker that is reading the input is waited for too. Costs 30 us a call.
    optional_time deadline = {};

    /// Ends the call from outside: no further task starts, those that run are finished, or killed on processes, and the
    /// call throws `cancelled`.
    std::stop_token stop = {};

    /// `.require = shared_memory`: a backend that `config` or the environment chose is replaced by threads if its tasks
    /// run elsewhere; one that is written at the call is an error then.
    requirement require = requirement::none;

    /// Told how far the call has come: at most 20 times a second, and once more at the end, also when it fails.
    /// Anything that can be called with a `const progress&`. Never called from two threads at once for one call; by
    /// whichever worker has news, on processes by the calling thread. It may use fanout, and may ask for a stop; what
    /// it throws ends the call. Costs two looks at the clock for every 50 us of work.
    progress_callback on_progress = {};

    /// The path of a file, in which there will be a trace of the run, for ui.perfetto.dev or chrome://tracing: a row
    /// for each worker, a slice for each task with the time that it waited, ran, and took to be handed over; retries
    /// and failures. Written at the end, also when the call fails. A path that cannot be written is a
    /// `std::system_error` before anything runs. Costs a look at the clock and 48 bytes for each
    /// task, until the end. Empty: none.
    trace_path trace = {};

    /// Calls of a named `parallel` object leave a `summary()`. Costs a look at the clock a task.
    summary_wish summarize = {};

    /// From 1 on: lines in joblib's format, on stderr, from 50 on on stdout. The greater the more; from 11 on one for
    /// every batch that is done. Not set, or 0: none.
    std::optional<int> verbose = {};
};

namespace detail {

/// What is not set as in `defaults`. Every field is named here, but those that are about one call: the tasks of that
/// call would have them too.
template <class Options>
[[gnu::cold, gnu::noinline]] void fill_in(Options& given, const Options& defaults) {
    const auto fill = [](auto& value, const auto& otherwise) {
        if (!value) value = otherwise;
    };
    fill(given.n_jobs, defaults.n_jobs);
    fill(given.batch_size, defaults.batch_size);
    fill(given.pre_dispatch, defaults.pre_dispatch);
    fill(given.timeout, defaults.timeout);
    fill(given.deadline, defaults.deadline);
    if (!given.stop.stop_possible()) given.stop = defaults.stop;
    if (given.require == requirement::none) given.require = defaults.require;
    fill(given.verbose, defaults.verbose);
}

inline void require_about_all_calls(const options& defaults) {
    if (defaults.on_progress || defaults.trace.make_recorder() || defaults.summarize)
        throw std::invalid_argument(
            "fanout: config: on_progress, trace and summarize are about one call; write them at the call");
}

inline void require_at_least_one(const char* name, const std::optional<std::int64_t>& value, const char* otherwise) {
    if (value && *value < 1)
        throw std::invalid_argument(concat({"fanout: ", name, " = ", std::to_string(*value),
                                            " would run nothing; give 1 or more, or leave it out ", otherwise}));
}

inline void require_some_time(const char* name, const optional_time& value, const char* consequence) {
    if (value && !(value->count() > 0))
        throw std::invalid_argument(concat({"fanout: ", name, " = ", in_seconds(*value), " would ", consequence,
                                            "; give more than 0, or leave it out for no limit"}));
}

/// Throws `std::invalid_argument`, with the way out, for what could never run.
inline const options& validated(const options& given) {
    if (given.n_jobs && *given.n_jobs == 0)
        throw std::invalid_argument(
            "fanout: n_jobs = 0 has no meaning; give 1 or more, or -1 for all CPUs, -2 for all CPUs but one");
    require_at_least_one("batch_size", given.batch_size, "to have batches sized by the time that tasks take");
    require_at_least_one("pre_dispatch", given.pre_dispatch, "to read as far ahead as the workers need");
    require_some_time("timeout", given.timeout, "fail every task");
    require_some_time("deadline", given.deadline, "run nothing");
    return given;
}

}  // namespace detail

}  // namespace fanout

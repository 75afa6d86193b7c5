// How a call is to run: everything that can be said of it besides the backend.
#pragma once

#include <cstdint>
#include <optional>
#include <stdexcept>
#include <stop_token>
#include <string>

#include "fanout/core/clock.hpp"
#include "fanout/core/concat.hpp"

namespace fanout {

/// What a call cannot do without, whatever backend its surroundings would choose.
enum class requirement {
    shared_memory,  ///< tasks see the caller's variables, and what they write there is there afterwards
};
using enum requirement;

/// What is not set is chosen by the library. Written with names: `parallel({.n_jobs = 4, .timeout = 1s})`.
struct options {
    /// Tasks at once. -1: one for each CPU; -2: all CPUs but one, and so on; never fewer than one. Not set: -1.
    std::optional<int> n_jobs = {};

    /// Tasks that a worker takes at a time. Not set: sized by the time that they take.
    std::optional<std::int64_t> batch_size = {};

    /// How many elements of an input that can be read only once, or has no end, may be read and not yet finished.
    /// Not set: no more than the workers have in hand.
    std::optional<std::int64_t> pre_dispatch = {};

    /// The longest that one task may run, counted from its own start. A thread cannot be killed: a function that takes
    /// a `std::stop_token` is told to stop, any other is found out when it returns. A worker process is killed. The
    /// task fails with `task_timeout`.
    std::optional<std::chrono::duration<double>> timeout = {};

    /// The longest that the whole call may take, counted from its start. Then no further task starts, those that run
    /// are told to stop through their token and waited for, or killed on processes, and the call throws
    /// `deadline_exceeded`. A worker that is reading the input is waited for too. Costs 30 us a call.
    std::optional<std::chrono::duration<double>> deadline = {};

    /// Ends the call from outside: no further task starts, those that run are finished, or killed on processes, and the
    /// call throws `cancelled`.
    std::stop_token stop = {};

    /// `.require = shared_memory`: a backend that `config` or the environment chose is replaced by threads if its tasks
    /// run elsewhere; one that is written at the call is an error then.
    std::optional<requirement> require = {};

    /// How talkative a call is: from 10 on it says on stderr that `require` had a backend replaced. Not more, as yet.
    std::optional<int> verbose = {};
};

namespace detail {

/// What is not set as in `defaults`. Every field is named here.
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
    fill(given.require, defaults.require);
    fill(given.verbose, defaults.verbose);
}

inline void require_at_least_one(const char* name, const std::optional<std::int64_t>& value, const char* otherwise) {
    if (value && *value < 1)
        throw std::invalid_argument(concat({"fanout: ", name, " = ", std::to_string(*value),
                                            " would run nothing; give 1 or more, or leave it out ", otherwise}));
}

inline void require_some_time(const char* name, const std::optional<std::chrono::duration<double>>& value,
                              const char* consequence) {
    if (value && !(value->count() > 0))
        throw std::invalid_argument(concat({"fanout: ", name, " = ", std::to_string(value->count()), " s would ",
                                            consequence, "; give more than 0, or leave it out for no limit"}));
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

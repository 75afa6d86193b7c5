// Failures for reasons from outside, complete with the exception to be thrown and the text that says what to do.
#pragma once

#include <cstddef>
#include <exception>
#include <optional>
#include <stdexcept>
#include <string>

#include "fanout/core/clock.hpp"
#include "fanout/core/concat.hpp"
#include "fanout/core/describe.hpp"
#include "fanout/core/errors.hpp"
#include "fanout/core/failure.hpp"

namespace fanout::detail {

/// How often a task has been tried before it came here: a job that comes from another machine may know.
template <class Job>
int attempts_elsewhere([[maybe_unused]] const Job& work, [[maybe_unused]] std::size_t task) {
    if constexpr (requires { work.attempts_elsewhere(task); })
        return work.attempts_elsewhere(task);
    else
        return 0;
}

/// `known` with the type and the text of this exception.
inline failure described_failure(failure known, const std::exception_ptr& exception) {
    try {
        std::rethrow_exception(exception);
    } catch (...) {
        known.type = current_exception_type();
        known.what = current_exception_text();
        known.exception = exception;
    }
    return known;
}

// Templates over the failure, so that only who has worker processes compiles them.

/// `known` with what a std::bad_alloc is due to.
template <class Failure>
Failure with_memory_limit(Failure known, std::optional<std::size_t> limit) {
    if (limit) known.what = concat({"the memory_limit of ", std::to_string(*limit >> 20), " MB"});
    return known;
}

/// For an initializer whose exception could not be written.
template <class Failure>
[[noreturn]] void throw_of_initializer(const Failure& why) {
    throw std::runtime_error(concat({"fanout: the initializer of processes threw ", why.type, ": ", why.what}));
}

/// Behind the text of an exception that ends its call.
inline constexpr const char* how_to_go_on = "; use .outcomes(...) to keep the other results";

/// `known` says which task, which worker and which attempt, and so does the text of the exception, but not the
/// failure's own: its message() tells that.
template <class Failure>
Failure overdue_failure(Failure known, clock::duration limit, bool threads_were_there, bool is_collected) {
    const std::string ran = concat({"ran for longer than the timeout of ", in_seconds(limit)});
    std::string advice = " and was killed; raise options::timeout";
    if (threads_were_there)
        advice +=
            " (the program has other threads: the task may wait for a lock that one of them held when its worker was "
            "forked)";
    known.type = "fanout::task_timeout";
    known.what = concat({ran, advice});
    std::string text = concat({"task ", std::to_string(known.index), " ", ran, " on ", known.backend, " (worker ",
                               std::to_string(known.worker), ", pid ", std::to_string(known.pid), ")", advice});
    if (!is_collected) text += how_to_go_on;
    known.exception = std::make_exception_ptr(task_timeout(known.index, text));
    return known;
}

/// The same. `did` as in "task 17 killed its worker on processes (worker 1, pid 4242, attempt 3 of 3): SIGSEGV ...; way
/// out".
template <class Failure>
Failure lost_failure(Failure known, int most_attempts, const char* did, const std::string& cause, const char* way_out,
                     bool is_collected) {
    const std::string why = concat({": ", cause, "; ", way_out});
    known.type = "fanout::worker_lost";
    known.what = concat({did, why});
    std::string text = concat({"task ", std::to_string(known.index), " ", did, " on ", known.backend, " (worker ",
                               std::to_string(known.worker), known.host.empty() ? "" : ", host ", known.host, ", pid ",
                               std::to_string(known.pid), ", attempt ", std::to_string(known.attempts), " of ",
                               std::to_string(most_attempts), ")", why});
    if (!is_collected) text += how_to_go_on;
    known.exception = std::make_exception_ptr(worker_lost(known, text));
    return known;
}

}  // namespace fanout::detail

// Failures for reasons from outside, complete with the exception to be thrown and the text that says what to do.
#pragma once

#include <cstddef>
#include <exception>
#include <string>
#include <utility>

#include "fanout/core/clock.hpp"
#include "fanout/core/describe.hpp"
#include "fanout/core/errors.hpp"
#include "fanout/core/failure.hpp"

namespace fanout::detail {

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

/// `known` says which task, which worker and which attempt.
inline failure overdue_failure(failure known, clock::duration limit, bool threads_were_there) {
    known.type = "fanout::task_timeout";
    known.what = "task " + std::to_string(known.index) + " ran for longer than the timeout of " +
                 std::to_string(std::chrono::duration<double>(limit).count()) + " s on processes (worker " +
                 std::to_string(known.worker) + ", pid " + std::to_string(known.pid) +
                 "), which was killed; raise options::timeout, or use .outcomes(...) to keep the other results";
    if (threads_were_there)
        known.what +=
            " (the program has other threads: the task may wait for a lock that one of them held when its worker was "
            "forked)";
    known.exception = std::make_exception_ptr(task_timeout(known.index, known.what));
    return known;
}

/// `cause` as in "task 17 killed its worker (pid 4242, attempt 3 of 3): SIGSEGV at address 0x8; way out".
inline failure lost_failure(failure known, int most_attempts, const std::string& cause, const char* way_out) {
    known.type = "fanout::worker_lost";
    known.what = "task " + std::to_string(known.index) + " killed its worker (pid " + std::to_string(known.pid) +
                 ", attempt " + std::to_string(known.attempts) + " of " + std::to_string(most_attempts) + "): ";
    known.what.append(cause).append("; ").append(way_out);
    known.exception = std::make_exception_ptr(worker_lost(known));
    return known;
}

}  // namespace fanout::detail

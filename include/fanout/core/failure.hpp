// What is known of a task that failed.
#pragma once

#include <cstddef>
#include <exception>
#include <string>

#include "fanout/core/concat.hpp"

namespace fanout {

/// An account of one task that failed. What does not apply is left at its default.
struct failure {
    std::size_t index = 0;              ///< the task's position in the input
    std::string type = {};              ///< the exception's type as it stands in the source: "std::out_of_range"
    std::string what = {};              ///< the exception's text
    int signal = 0;                     ///< the signal that killed the worker: SIGSEGV
    int attempts = 1;                   ///< how often the task was started
    int worker = 0;                     ///< which of the n_jobs workers ran it; on threads 0 is the calling thread
    long pid = 0;                       ///< the worker process that ran it last
    std::string host = {};              ///< the machine that it ran on, if that may be another one
    std::size_t peak_memory = 0;        ///< the most memory that this process had resident, in bytes
    std::string backend = {};           ///< "threads"
    std::exception_ptr exception = {};  ///< the exception itself

    /// All of it in one line, for a log: "task 7 failed on threads (worker 1): std::domain_error: seven".
    std::string message() const {
        std::string place = detail::concat({backend, " (worker ", std::to_string(worker)});
        if (pid != 0) place += detail::concat({", pid ", std::to_string(pid)});
        if (!host.empty()) place += detail::concat({", host ", host});
        if (attempts > 1) place += detail::concat({", attempt ", std::to_string(attempts)});
        return detail::concat({"task ", std::to_string(index), " failed on ", place, "): ", type, ": ", what});
    }
};

}  // namespace fanout

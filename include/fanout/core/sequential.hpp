// The plain loop as a backend: for debugging, for comparison, and as the model of how a backend is written.
#pragma once

#include <cstddef>

#include "fanout/core/backend.hpp"

namespace fanout {

/// Runs every task in the calling thread, in the order of the input. n_jobs is accepted and makes no difference.
struct sequential {
    static constexpr const char* name = "sequential";
    static constexpr bool claims_as_it_goes = true;

    /// Streams run it for one task at a time, whenever a result is wanted.
    static constexpr bool runs_in_caller() { return true; }

    void run(job& work, int /*n_jobs*/) const {
        const std::size_t batch = work.batch_size().value_or(work.size().value_or(1));
        while (const task_range tasks = work.claim(batch)) work.run(tasks, 0);
    }
};

}  // namespace fanout

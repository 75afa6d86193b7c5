// What a call on worker processes goes by, with everything decided.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "fanout/core/clock.hpp"
#include "fanout/core/shared_function.hpp"

namespace fanout {

/// Anything that can be called without arguments, or nothing. Copies share it.
using worker_initializer = shared_function<>;

namespace detail {

struct process_settings {
    int workers = 1;
    int n_jobs = 1;                     // as the call has it: there may be fewer tasks
    int first_slot = 0;                 // of all that the call has, on all machines
    const char* backend = "processes";  // as the user has named it
    int retries = 2;
    std::optional<std::size_t> memory_limit = {};
    std::optional<int> max_tasks = {};  // per worker
    int inner_threads = 1;
    const worker_initializer* initializer = nullptr;

    // Not for users; tests change them.
    std::optional<int> most_barren_deaths = {};  // in a row, with nothing done; 2 n + 8 unless it is said
    std::size_t ring_size = 1 << 20;
    std::size_t longest_flat_result = 512;         // what is longer is faster through a ring, which stays in the cache
    clock::duration start_patience = seconds(10);  // from the fork to the initializer
    clock::duration linger = microseconds(200);    // how long to let results gather before they are looked at again
    clock::duration spin = microseconds(20);       // how long a worker without a task looks for one before it sleeps
};

}  // namespace detail

}  // namespace fanout

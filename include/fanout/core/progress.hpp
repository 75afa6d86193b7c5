// How far a call has come, and who is told.
#pragma once

#include <cstddef>

#include "fanout/core/clock.hpp"
#include "fanout/core/optional_time.hpp"
#include "fanout/core/shared_function.hpp"

namespace fanout {

/// What `options::on_progress` is told. Times in seconds.
struct progress {
    std::size_t done = 0;         ///< tasks that are finished, failed ones among them
    std::size_t total = 0;        ///< how many there are; of input that is read once, how many have been read so far
    bool total_is_known = false;  ///< there will be no more
    std::size_t failed = 0;       ///< tasks that threw, were lost or took too long
    std::size_t retried = 0;      ///< how often a task was begun again because its worker had died
    int workers = 1;              ///< n_jobs, as it came out; on machines, as many slots as there are now
    bool last = false;            ///< nothing of the call runs any more, and this is how it ended
    std::chrono::duration<double> elapsed{};
    optional_time remaining{};  ///< at the pace up to now; empty while nobody can know
};

/// Anything that can be called with a `const progress&`. Copies share it.
using progress_callback = shared_function<const progress&>;

}  // namespace fanout

// Which process this is: what one process has set up for itself is not there in a child that it forks.
#pragma once

#include <pthread.h>

#include <atomic>

#include "fanout/core/plain_thread.hpp"
#include "fanout/core/thread_budget.hpp"

namespace fanout::detail {

/// How many forks lie between this process and the one that the program began as, counted from the first call of
/// `count_forks`.
inline constinit std::atomic<unsigned> fork_generation = 0;

/// To be called before the number is kept anywhere.
inline void count_forks() {
    static const int registered = pthread_atfork(nullptr, nullptr, [] {
        fork_generation.fetch_add(1, std::memory_order_relaxed);
        own_threads.store(0, std::memory_order_relaxed);
        // The child may have been forked by a task, and is on its own now: nobody in the call of that task can help, or
        // be helped, and the locks of its threads may be held for ever.
        budget_here = nullptr;
        call_here = nullptr;
    });
    static_cast<void>(registered);
}

}  // namespace fanout::detail

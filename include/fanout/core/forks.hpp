// Which process this is: what one process has set up for itself is not there in a child that it forks.
#pragma once

#include <pthread.h>
#include <sys/types.h>
#include <unistd.h>

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
        budget_here = nullptr;  // the child may have been forked by a task, and is on its own now
    });
    static_cast<void>(registered);
}

/// A lock for what takes long: a forked child may have been forked while it was held, by a thread that the child has
/// not got, and takes it nevertheless. What it guards must be of use to the child then.
class lock_across_forks {
public:
    void lock() noexcept {
        const pid_t self = getpid();
        for (pid_t holder = 0; !holder_.compare_exchange_weak(holder, self);) {
            if (holder != self) continue;  // free, or of a parent's thread: tried once more, in its place
            holder_.wait(self);
            holder = 0;
        }
    }
    void unlock() noexcept {
        holder_.store(0);
        holder_.notify_one();
    }

private:
    std::atomic<pid_t> holder_ = 0;  // the process of the thread that holds it
};

}  // namespace fanout::detail

// A lock that a forked child can take although a thread held it that the child has not got.
#pragma once

#include <sys/types.h>
#include <unistd.h>

#include <atomic>

namespace fanout::detail {

/// For what takes long, so that a fork in the middle of it is nothing rare. What it guards must be of use to the child
/// then. Held with a lock_guard.
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

// Ends a call when its time is up, whatever its workers are waiting for then.
#pragma once

#include "fanout/core/lock.hpp"
#include "fanout/core/plain_thread.hpp"

namespace fanout::detail {

/// Of one call, from its start to its end. A thread of its own waits for the time to come, since all others may be
/// busy, or asleep in places that nobody knows.
template <class Clock>
class call_deadline {
public:
    /// Has `pass(of)` called, once, when the time is up, unless this is destroyed before. Throws `std::system_error` if
    /// there are no more threads to be had.
    call_deadline(typename Clock::duration time, void (*pass)(void*), void* of)
        : end_(Clock::now() + time), pass_(pass), of_(of), keeper_(wait_of, this) {}
    call_deadline(const call_deadline&) = delete;
    call_deadline& operator=(const call_deadline&) = delete;
    ~call_deadline() {
        {
            const lock_guard lock(mutex_);
            done_ = true;
        }
        done_before_.notify_one();
        keeper_.join();
    }

    bool has_passed() const { return Clock::now() >= end_; }

private:
    static void* wait_of(void* me) {
        const own_thread_mark mark;
        static_cast<call_deadline*>(me)->wait();
        return nullptr;
    }

    void wait() {
        {
            unique_lock lock(mutex_);
            if (done_before_.wait_until(lock, end_, [this] { return done_; })) return;
        }
        pass_(of_);  // without the lock: it runs callbacks of the user's
    }

    const typename Clock::time_point end_;
    void (*const pass_)(void*);
    void* const of_;
    mutex mutex_;
    condition_variable done_before_;
    bool done_ = false;
    plain_thread keeper_;
};

}  // namespace fanout::detail

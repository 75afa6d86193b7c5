// Locks and conditions as the standard library has them, without what <mutex> and <condition_variable> bring along:
// those two would cost everybody who includes fanout a tenth of what <thread> costs.
#pragma once

#include <pthread.h>
#include <time.h>

#include <cstdint>

#include "fanout/core/clock.hpp"
#include "fanout/core/platform.hpp"

namespace fanout::detail {

class mutex {
public:
    constexpr mutex() noexcept = default;
    mutex(const mutex&) = delete;
    mutex& operator=(const mutex&) = delete;

    // Without a check: on a mutex of this kind they fail only when it is misused.
    void lock() noexcept { pthread_mutex_lock(&native_); }
    void unlock() noexcept { pthread_mutex_unlock(&native_); }

    /// False also if it is the caller who holds it.
    bool try_lock() noexcept { return pthread_mutex_trylock(&native_) == 0; }

private:
    friend class condition_variable;
    pthread_mutex_t native_ = PTHREAD_MUTEX_INITIALIZER;
};

/// Holds a lock as long as it lives.
template <class Lock>
class lock_guard {
public:
    explicit lock_guard(Lock& lock) : lock_(lock) { lock_.lock(); }
    lock_guard(const lock_guard&) = delete;
    lock_guard& operator=(const lock_guard&) = delete;
    ~lock_guard() { lock_.unlock(); }

private:
    Lock& lock_;
};

/// Holds a mutex if that can be had without waiting.
class try_lock_guard {
public:
    explicit try_lock_guard(mutex& which) : mutex_(which), held_(which.try_lock()) {}
    try_lock_guard(const try_lock_guard&) = delete;
    try_lock_guard& operator=(const try_lock_guard&) = delete;
    ~try_lock_guard() {
        if (held_) mutex_.unlock();
    }

    explicit operator bool() const noexcept { return held_; }

private:
    mutex& mutex_;
    const bool held_;
};

/// Holds a mutex, and can let go of it in between.
class unique_lock {
public:
    explicit unique_lock(mutex& which) : mutex_(which) { lock(); }
    unique_lock(const unique_lock&) = delete;
    unique_lock& operator=(const unique_lock&) = delete;
    ~unique_lock() {
        if (held_) mutex_.unlock();
    }

    void lock() noexcept {
        mutex_.lock();
        held_ = true;
    }
    void unlock() noexcept {
        mutex_.unlock();
        held_ = false;
    }

private:
    friend class condition_variable;
    mutex& mutex_;
    bool held_ = false;
};

/// Its waits are measured by the steady clock.
class condition_variable {
public:
    condition_variable() noexcept {
        pthread_condattr_t attributes;
        pthread_condattr_init(&attributes);
#if FANOUT_ON_LINUX
        pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
#endif
        pthread_cond_init(&native_, &attributes);
        pthread_condattr_destroy(&attributes);
    }
    condition_variable(const condition_variable&) = delete;
    condition_variable& operator=(const condition_variable&) = delete;
    ~condition_variable() { pthread_cond_destroy(&native_); }

    void notify_one() noexcept { pthread_cond_signal(&native_); }

    void wait(unique_lock& lock) { pthread_cond_wait(&native_, &lock.mutex_.native_); }

    template <class Condition>
    void wait(unique_lock& lock, Condition fulfilled) {
        while (!fulfilled()) wait(lock);
    }

    /// Whether the condition is fulfilled; if not, so much time has passed.
    template <class Condition>
    bool wait_for(unique_lock& lock, clock::duration longest, Condition fulfilled) {
        return wait_until(lock, clock::now() + longest, fulfilled);
    }

    template <class Condition>
    bool wait_until(unique_lock& lock, clock::time_point end, Condition fulfilled) {
        while (!fulfilled()) {
            const timespec until = on_its_clock(end);
            const bool timed_out = pthread_cond_timedwait(&native_, &lock.mutex_.native_, &until) != 0;
            if (timed_out && (FANOUT_ON_LINUX || clock::now() >= end)) return fulfilled();
        }
        return true;
    }

private:
    static timespec on_its_clock(clock::time_point end) noexcept {
        std::int64_t at = end.time_since_epoch().count();
#if !FANOUT_ON_LINUX
        // Where a condition cannot be told to go by the steady clock it goes by that of the day, which may be set
        // meanwhile: whoever wakes too early sleeps again.
        timespec now = {};
        clock_gettime(CLOCK_REALTIME, &now);
        at = (end - clock::now()).count() + std::int64_t{now.tv_sec} * second + now.tv_nsec;
#endif
        timespec until = {};
        until.tv_sec = static_cast<time_t>(at / second);
        until.tv_nsec = static_cast<long>(at % second);
        return until;
    }

    static constexpr std::int64_t second = clock::period::den;
    pthread_cond_t native_;
};

}  // namespace fanout::detail

// Where one thread waits to be called by another: it spins for a while by the clock, then sleeps.
#pragma once

#include <atomic>

#include "fanout/core/clock.hpp"
#include "fanout/core/lock.hpp"
#include "fanout/threads/spin_lock.hpp"

namespace fanout::detail {

/// One thread waits, any others call it. Calls that come before the wait, or together, count as one.
///
/// The state goes idle -> called, or idle -> asleep -> called; a waiter that gives up goes from asleep back to idle.
/// The waiter alone makes it asleep, and the caller's exchange to called is the one step that decides:
/// - It found idle: the waiter is spinning, or will find called when it tries to fall asleep. The caller touches
/// nothing
///   more, so after the only call there will be the waiter may destroy the spot.
/// - It found asleep: the waiter holds or has released the mutex, and goes on only when `woken_` is set under it. So it
///   can neither miss the notification nor destroy the spot before the caller is done with it.
/// - It found called: somebody else's call is on its way, and the waiter, when it sets the state back, sees what this
///   caller wrote as well.
template <class Clock>
class basic_parking_spot {
    using duration = typename Clock::duration;

public:
    /// Waits to be called: up to `spin` awake, then asleep. Gives up and returns false after it has slept for
    /// `patience`; a call that comes later is found by the next `wait`.
    bool wait(duration spin, duration patience = duration::max()) {
        if (!called_while_spinning(spin) && !called_while_asleep(patience)) return false;
        state_.exchange(idle, std::memory_order_acq_rel);  // acquires what all callers until now have released
        return true;
    }

    void call() noexcept {
        // Release: what the caller wrote is seen by the waiter. Pairs with the acquire loads in the waits.
        if (state_.exchange(called, std::memory_order_acq_rel) != asleep) return;
        const lock_guard lock(mutex_);
        woken_ = true;
        wake_.notify_one();
    }

private:
    enum state : unsigned char { idle, asleep, called };

    bool called_while_spinning(duration spin) noexcept {
        const auto seen = [this] { return state_.load(std::memory_order_acquire) == called; };
        if (seen()) return true;
        if (spin == duration::zero()) return false;
        const auto until = Clock::now() + spin;
        do {
            // The clock is read now and then only; the length of one `relax` differs tenfold between processors.
            for (int i = 0; i < 16; ++i) {
                if (seen()) return true;
                relax();
            }
        } while (Clock::now() < until);
        return false;
    }

    bool called_while_asleep(duration patience) {
        unique_lock lock(mutex_);
        unsigned char expected = idle;
        if (!state_.compare_exchange_strong(expected, asleep, std::memory_order_acq_rel) && expected == called)
            return true;
        const auto woken = [this] { return woken_; };
        if (patience == duration::max()) {
            wake_.wait(lock, woken);
        } else if (!wake_.wait_for(lock, patience, woken)) {
            expected = asleep;
            if (state_.compare_exchange_strong(expected, idle, std::memory_order_acq_rel)) return false;
            wake_.wait(lock, woken);  // called at the last moment: the notification is on its way
        }
        woken_ = false;
        return true;
    }

    std::atomic<unsigned char> state_ = idle;
    mutex mutex_;
    condition_variable wake_;
    bool woken_ = false;
};

using parking_spot = basic_parking_spot<clock>;

}  // namespace fanout::detail

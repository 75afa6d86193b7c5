// Wakes a backend that sleeps when the call that it runs ends early.
#pragma once

#include <atomic>

#include "fanout/core/exchanged.hpp"
#include "fanout/core/lock.hpp"

namespace fanout::detail {

/// A backend that sleeps, and is to be woken when its call ends early.
class sleeper {
public:
    void set(void (*how)(void*), void* of, const std::atomic<bool>& stopping) noexcept {
        const lock_guard lock(mutex_);
        wake_ = how;
        of_ = of;
        if (wake_ && stopping.load(std::memory_order_relaxed)) exchanged(wake_, nullptr)(of_);
    }

    void wake() noexcept {
        const lock_guard lock(mutex_);  // set waits for it: whoever took `of` back can destroy it
        if (wake_) exchanged(wake_, nullptr)(of_);
    }

private:
    mutex mutex_;
    void (*wake_)(void*) = nullptr;
    void* of_ = nullptr;
};

}  // namespace fanout::detail

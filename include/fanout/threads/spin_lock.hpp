// A lock for sections of a few instructions that never block: taken and given back in some 10 ns.
#pragma once

#include <sched.h>
#include <atomic>

namespace fanout::detail {

/// Tells the processor that this thread is only waiting for another.
inline void relax() noexcept {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    asm volatile("yield" ::: "memory");
#endif
}

/// Why not std::mutex: two workers that end a call at the same moment meet here each time, and a mutex would put one of
/// them to sleep for longer than the whole call took. A holder that has lost its CPU is yielded to.
class spin_lock {
public:
    void lock() noexcept {
        for (int tries = 0; taken_.exchange(true, std::memory_order_acquire); ++tries) {
            while (taken_.load(std::memory_order_relaxed)) {
                if (++tries < 100)
                    relax();
                else
                    sched_yield();
            }
        }
    }

    void unlock() noexcept { taken_.store(false, std::memory_order_release); }  // pairs with the exchange in lock

private:
    std::atomic<bool> taken_ = false;
};

}  // namespace fanout::detail

// Sees to it that a thread that is started or woken to help does not get the CPU of the thread that it is to help.
#pragma once

#include <pthread.h>
#include <sched.h>

#include <atomic>

#include "fanout/core/platform.hpp"
#include "fanout/threads/spin_lock.hpp"

namespace fanout::detail {

#if FANOUT_ON_LINUX

/// One for each helper, who notes in it when it rests and when it works.
///
/// The kernel likes to put a thread that is started on the CPU of the one that starts it, and one that is woken where
/// it last ran, though another CPU is idle. On the caller's own CPU the helper does not get to run before the next
/// tick, up to 4 ms later, and then takes turns with the caller. So the caller forbids it that CPU while it wakes it.
/// Not for longer: where others keep all the other CPUs busy, a helper would wait for one of those for as long as a
/// second, though the caller's own is free, since the caller sleeps in its task.
class choice_of_cpu {
public:
    /// This thread is about to wait for calls.
    void note_rest() noexcept { rests_on_.store(sched_getcpu(), std::memory_order_relaxed); }

    /// This thread has been called, and is about to run tasks: they see the CPUs that it was allowed before.
    void note_work() noexcept {
        for (; choice_.load(std::memory_order_acquire) != free; relax()) allow_all(pthread_self());
    }

    /// Before the thread is called, or just after it was started, by whoever does that. True if it then has to
    /// `allow_all` when it has called. Some nanoseconds, and where the CPUs are the same 2 us.
    bool avoid_callers(pthread_t thread) noexcept {
        const int here = sched_getcpu();
        const int there = rests_on_.load(std::memory_order_relaxed);
        if (here < 0 || (there != here && there != not_yet_known)) return false;
        // Two may call the same helper at once: one for a call that ends just then, so that it is called again.
        unsigned char expected = free;
        if (!choice_.compare_exchange_strong(expected, being_changed, std::memory_order_acq_rel)) return false;
        const bool has_others = narrow(thread, here);
        choice_.store(has_others ? narrowed : free, std::memory_order_release);
        return has_others;
    }

    /// The thread has been called, and is on its way to a CPU.
    void allow_all(pthread_t thread) noexcept {
        unsigned char expected = narrowed;
        if (!choice_.compare_exchange_strong(expected, being_changed, std::memory_order_acq_rel)) return;
        pthread_setaffinity_np(thread, sizeof allowed_, &allowed_);
        choice_.store(free, std::memory_order_release);
    }

private:
    // Whoever has made it being_changed, and nobody else, touches what is allowed.
    enum choice : unsigned char { free, being_changed, narrowed };

    static constexpr int not_yet_known = -1;

    bool narrow(pthread_t thread, int without) noexcept {
        if (pthread_getaffinity_np(thread, sizeof allowed_, &allowed_) != 0) return false;
        cpu_set_t others = allowed_;
        CPU_CLR(static_cast<unsigned>(without), &others);
        return CPU_COUNT(&others) > 0 && pthread_setaffinity_np(thread, sizeof others, &others) == 0;
    }

    std::atomic<int> rests_on_ = not_yet_known;  // a hint: at worst the thread wakes where it is in the way
    std::atomic<unsigned char> choice_ = free;
    cpu_set_t allowed_ = {};
};

#else

/// Elsewhere the kernel has its way.
class choice_of_cpu {
public:
    void note_rest() noexcept {}
    void note_work() noexcept {}
    bool avoid_callers(pthread_t) noexcept { return false; }
    void allow_all(pthread_t) noexcept {}
};

#endif

}  // namespace fanout::detail

// Sees to it that a thread that is started or woken to help does not get the CPU of the thread that it is to help.
#pragma once

#include <pthread.h>
#include <sched.h>

#include <atomic>

namespace fanout::detail {

/// One for each helper, who notes in it when it rests and when it works.
///
/// The kernel likes to put a thread that is started on the CPU of the one that starts it, and one that is woken where
/// it last ran, though another CPU is idle. On the caller's own CPU the helper does not get to run before the next
/// tick, up to 4 ms later, and then takes turns with the caller. So the caller forbids it that CPU, and the helper,
/// once it runs elsewhere, lifts that again.
class choice_of_cpu {
public:
    /// This thread is about to wait for calls.
    void note_rest() noexcept { rests_on_.store(sched_getcpu(), std::memory_order_relaxed); }

    /// This thread has been called, and is about to run tasks: they see the CPUs that it was allowed before.
    void note_work() noexcept {
        // Acquire and release: whoever finds the flag set reads what is allowed, whoever finds it cleared may write it.
        if (!narrowed_.load(std::memory_order_acquire)) return;
        pthread_setaffinity_np(pthread_self(), sizeof allowed_, &allowed_);
        narrowed_.store(false, std::memory_order_release);
    }

    /// Before the thread is called, or just after it was started, by whoever does that. Some nanoseconds, and where the
    /// CPUs are the same 2 us.
    void avoid_callers(pthread_t thread) noexcept {
        const int here = sched_getcpu();
        const int there = rests_on_.load(std::memory_order_relaxed);
        if (here < 0 || (there != here && there != not_yet_known)) return;
        if (narrowed_.load(std::memory_order_acquire)) return;
        if (pthread_getaffinity_np(thread, sizeof allowed_, &allowed_) != 0) return;
        cpu_set_t others = allowed_;
        CPU_CLR(static_cast<unsigned>(here), &others);
        if (CPU_COUNT(&others) == 0) return;
        narrowed_.store(true, std::memory_order_release);
        pthread_setaffinity_np(thread, sizeof others, &others);
    }

private:
    static constexpr int not_yet_known = -1;

    std::atomic<int> rests_on_ = not_yet_known;  // a hint: at worst the thread wakes where it is in the way
    std::atomic<bool> narrowed_ = false;
    cpu_set_t allowed_ = {};
};

}  // namespace fanout::detail

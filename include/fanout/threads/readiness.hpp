// How soon a helper comes when it is called, and how long it stays awake for the next call.
#pragma once

#include <atomic>
#include <cstdint>

#include "fanout/core/clock.hpp"
#include "fanout/core/exchanged.hpp"
#include "fanout/threads/spin_lock.hpp"

namespace fanout::detail {

/// Both follow from how long the helper was at it the last time.
template <class Clock>
class basic_readiness {
    using duration = typename Clock::duration;

public:
    /// By whoever calls the helper to a call that may be over before two threads have shared it; one thread at a time.
    void note_short_call() noexcept { short_calls_.fetch_add(1, std::memory_order_relaxed); }

    /// By the helper, as everything that follows.
    void note_help(duration lasted) noexcept {
        const duration half = lasted / 2;
        half_of_help_ = half < longest_awake ? std::chrono::duration_cast<small_duration>(half) : longest_awake;
    }

    /// Between being called and coming. A caller of few tasks asks for help at once, since they may be long. If those
    /// of the last call were not, then the helper comes when a call has lasted for a moment, in which it touches
    /// nothing that callers need: what one thread does in less than a microsecond takes two of them longer.
    void let_short_calls_end() noexcept {
        if (half_of_help_ >= std::chrono::nanoseconds(500)) return;
        for (int moments = 0; moments < most_moments; ++moments) {
            const unsigned now = short_calls_.load(std::memory_order_relaxed);
            if (exchanged(short_calls_seen_, now) == now) return;  // the same call as before, or not a short one
            const auto until = Clock::now() + std::chrono::nanoseconds(500);
            while (Clock::now() < until) relax();
        }
    }

    /// `spin`, but half as long as it helped, 0.5 ms at most, if that is more: a caller who has got many results does
    /// something with them and makes room for others, and to be woken then would cost him more than it costs to stay
    /// awake.
    duration stays_awake(duration spin) const noexcept {
        return spin != duration::zero() && spin < half_of_help_ ? duration(half_of_help_) : spin;
    }

private:
    using small_duration = std::chrono::duration<std::uint32_t, std::nano>;  // so that a helper is one cache line

    static constexpr small_duration longest_awake{500'000};
    static constexpr int most_moments = 40;  // somebody else may want the helper

    std::atomic<unsigned> short_calls_ = 0;
    unsigned short_calls_seen_ = 0;
    small_duration half_of_help_{};
};

}  // namespace fanout::detail

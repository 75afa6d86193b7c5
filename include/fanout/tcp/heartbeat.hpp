// Whether the other side is still there: what is to be done about it at which time.
#pragma once

#include "fanout/core/clock.hpp"

namespace fanout::detail {

/// One per connection. Knows no clock: it is told what time it is.
class heartbeat {
public:
    struct rhythm {
        clock::duration beat = std::chrono::seconds(5);        // so long without having sent anything: say something
        clock::duration patience = std::chrono::seconds(30);   // so long without having heard anything: it is dead
        clock::duration handshake = std::chrono::seconds(10);  // so long to prove who it is
    };
    enum class action { none, beat, give_up };

    heartbeat(const rhythm& how, clock::time_point now) noexcept
        : how_(how), begun_(now), heard_(now), sent_(now), asked_(now) {}

    void has_heard(clock::time_point now) noexcept { heard_ = now; }
    void has_sent(clock::time_point now) noexcept { sent_ = now; }
    void has_shaken_hands(clock::time_point now) noexcept {
        known_ = true;
        heard_ = now;
    }

    /// We do not listen, because what has come has not been used yet: nobody can be heard.
    void set_deaf(bool deaf, clock::time_point now) noexcept {
        if (deaf_ && !deaf) heard_ = now;
        deaf_ = deaf;
    }

    /// To be asked several times a second. When it was not for long, this process was not running (it was stopped, or
    /// the machine slept), and could not hear anybody.
    action due(clock::time_point now) noexcept {
        const bool was_stopped = now - asked_ >= std::chrono::seconds(1) && now - asked_ >= how_.patience / 2;
        if (was_stopped) heard_ = now;
        asked_ = now;
        if (!known_) return now - begun_ >= how_.handshake ? action::give_up : action::none;
        if (!deaf_ && now - heard_ >= how_.patience) return action::give_up;
        return now - sent_ >= how_.beat ? action::beat : action::none;
    }

    /// When to ask again, at the latest.
    clock::time_point next() const noexcept {
        if (!known_) return begun_ + how_.handshake;
        const clock::time_point beat = sent_ + how_.beat;
        const clock::time_point end = heard_ + how_.patience;
        return !deaf_ && end < beat ? end : beat;
    }

private:
    rhythm how_;
    clock::time_point begun_, heard_, sent_, asked_;
    bool known_ = false;
    bool deaf_ = false;
};

}  // namespace fanout::detail

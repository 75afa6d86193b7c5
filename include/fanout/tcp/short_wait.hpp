// Waiting that is over sooner than a thread could fall asleep and be woken again.
#pragma once

#include <sched.h>

#include "fanout/core/clock.hpp"

namespace fanout::detail {

/// For the last tasks of each call on a cluster, when everybody who waits for the call waits for them. Who has waited
/// for a short time only stays awake the next time; but gives way to whoever else wants the CPU.
class short_wait {
public:
    /// How long who stays awake does so: a few times what the system takes to wake the threads on the way to a slot and
    /// back.
    static constexpr clock::duration longest = microseconds(400);

    void begin() noexcept { since_ = {}; }

    /// False: it is better to sleep now.
    template <class Over>
    bool is_over_soon(const Over& over) {
        if (since_ == clock::time_point()) since_ = clock::now();
        if (!was_short_) return false;
        do {
            if (over()) return true;
            sched_yield();
        } while (clock::now() - since_ < longest);
        return false;
    }

    /// What was waited for is there.
    void end() noexcept {
        if (since_ != clock::time_point()) was_short_ = clock::now() - since_ < longest;
    }

private:
    clock::time_point since_{};
    bool was_short_ = false;
};

}  // namespace fanout::detail

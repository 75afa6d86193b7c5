// Memory of long frames, used again: to get so much from the system, and to give it back, takes longer than to fill it.
#pragma once

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "fanout/core/lock.hpp"
#include "fanout/tcp/frames.hpp"

namespace fanout::detail {

/// Of one process. Thread-safe; nobody waits for anybody, not even in a forked child for a thread that it has not got.
/// Never destroyed: connections may be in use while the program exits.
class spare_payloads {
public:
    static spare_payloads& here() {
        static spare_payloads& all = *new spare_payloads();
        return all;
    }

    /// One that has the size of the longest frame, with whatever in it.
    std::string take() {
        {
            const try_lock_guard lock(mutex_);
            if (lock && !spare_.empty()) {
                std::string one = std::move(spare_.back());
                spare_.pop_back();
                return one;
            }
        }
        return std::string(frame::longest, '\0');
    }

    /// What is no such memory, or too much of it, is freed.
    void give(std::string used) {
        if (used.capacity() < frame::longest || used.capacity() > 2 * frame::longest) return;
        used.resize(frame::longest);
        const try_lock_guard lock(mutex_);
        if (lock && spare_.size() < most) spare_.push_back(std::move(used));
    }

private:
    static constexpr std::size_t most = 32;  // 8 MB

    mutex mutex_;
    std::vector<std::string> spare_;
};

}  // namespace fanout::detail

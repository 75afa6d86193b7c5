// Machines whose workers keep dying: for a while they are given nothing more, as long as there are others.
#pragma once

#include <cstddef>
#include <deque>
#include <map>
#include <string>

#include "fanout/core/clock.hpp"

namespace fanout::detail {

/// Knows no clock: it is told what time it is.
class bad_hosts {
public:
    static constexpr std::size_t too_many = 3;
    static constexpr std::chrono::minutes memory{5};
    static constexpr std::chrono::minutes ban{15};

    /// True if that was one too many, from now on: of a whole machine that fails one hears once.
    bool note_loss(const std::string& host, clock::time_point now) {
        record& its = all_[host];
        its.losses.push_back(now);
        while (now - its.losses.front() > memory) its.losses.pop_front();
        if (its.losses.size() < too_many) return false;
        its.losses.clear();
        const bool was_blocked = now < its.blocked_until;
        its.blocked_until = now + ban;
        return !was_blocked;
    }

    bool is_blocked(const std::string& host, clock::time_point now) const {
        const auto found = all_.find(host);
        return found != all_.end() && now < found->second.blocked_until;
    }

    bool any(clock::time_point now) const {
        for (const auto& each : all_)
            if (now < each.second.blocked_until) return true;
        return false;
    }

private:
    struct record {
        std::deque<clock::time_point> losses;
        clock::time_point blocked_until{};
    };

    std::map<std::string, record> all_;
};

}  // namespace fanout::detail

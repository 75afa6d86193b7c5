// Tasks that take much longer than the others.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <utility>
#include <vector>

#include "fanout/core/clock.hpp"
#include "fanout/tcp/schedule.hpp"

namespace fanout::detail {

/// Knows no clock: it is told what time it is, now and then.
class stragglers {
public:
    using straggler = std::pair<schedule::worker_id, std::size_t>;  // a worker, and the chunk that it is at
    static constexpr std::chrono::seconds least{1};
    static constexpr int factor = 3;

    /// Those that nobody else is at. A chunk runs since it was first seen running.
    std::vector<straggler> find(const schedule& plan, clock::time_point now) {
        std::vector<straggler> slow;
        std::map<straggler, clock::time_point> running;
        plan.each_running([&](schedule::worker_id who, const task_chunk& what) {
            const auto known = since_.find({who, what.first});
            const auto since = known == since_.end() ? now : known->second;
            running[{who, what.first}] = since;
            const std::chrono::duration<double, std::nano> usual(plan.mean_time() * static_cast<double>(what.count));
            if (now - since >= least && now - since >= factor * usual && !plan.has_twin(what.first))
                slow.push_back({who, what.first});
        });
        since_.swap(running);
        return slow;
    }

private:
    std::map<straggler, clock::time_point> since_;
};

}  // namespace fanout::detail

// How many tasks a worker takes at a time: so many that claiming costs little, so few that no worker is left waiting.
#pragma once

#include <cstddef>

#include "fanout/core/backend.hpp"
#include "fanout/core/clock.hpp"

namespace fanout::detail {

/// One per worker and call. Follows the worker's own measurements: tasks may get slower or faster on the way.
class pace {
public:
    /// Always the same number.
    static pace fixed(std::size_t tasks) { return pace(tasks, nanoseconds(), false); }

    /// As many as take about `chunk_time`, given that `tasks` of them took `each` on average; `tasks` if that is zero.
    static pace by_time(std::size_t tasks, nanoseconds each) { return pace(tasks, each, true); }

    bool measures() const noexcept { return by_time_; }

    /// How many to take now, when the rest of the work is shared by so many workers. At most eight times as many as the
    /// last time, so that a few quick tasks at the beginning do not make for a huge chunk of slow ones. And less than a
    /// fair share of the rest: should all the tasks of the chunk be much slower than those before, and all that follow
    /// as well, then the others are still busy when it is done.
    std::size_t next(const job& work, std::size_t workers) {
        if (!by_time_ || !known_) return last_;
        const std::size_t fair = 3 * (work.unclaimed() / (4 * workers));
        std::size_t wanted = tasks_in(chunk_time);
        if (wanted > fair) wanted = fair;
        if (const std::size_t least = tasks_in(shortest_chunk); wanted < least) wanted = least;
        if (wanted > 8 * last_) wanted = 8 * last_;
        last_ = wanted > 0 ? wanted : 1;
        return last_;
    }

    void took(std::size_t tasks, nanoseconds time) noexcept {
        each_ = time / static_cast<double>(tasks);
        known_ = true;
    }

private:
    // A claim with its clock reading costs about 0.1 us: under 1 % of a chunk. Near the end chunks shrink down to what
    // a claim is still small against, so that all workers finish within a microsecond of each other.
    static constexpr nanoseconds chunk_time{50'000};
    static constexpr nanoseconds shortest_chunk{1'000};

    pace(std::size_t tasks, nanoseconds each, bool by_time) : last_(tasks), each_(each), by_time_(by_time) {}

    std::size_t tasks_in(nanoseconds time) const {
        constexpr double most = 1e9;
        return static_cast<std::size_t>(each_ * most > time ? time / each_ : most);
    }

    std::size_t last_;
    nanoseconds each_;
    bool by_time_;
    bool known_ = each_ > nanoseconds();
};

}  // namespace fanout::detail

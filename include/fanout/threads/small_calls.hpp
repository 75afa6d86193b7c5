// Never slower than the loop: the caller begins alone, and asks for help only when what is left is worth it.
#pragma once

#include <cstddef>
#include <optional>

#include "fanout/core/backend.hpp"
#include "fanout/core/clock.hpp"
#include "fanout/core/deferred.hpp"
#include "fanout/core/exchanged.hpp"
#include "fanout/threads/pace.hpp"
#include "fanout/threads/team.hpp"

namespace fanout::detail {

/// So few tasks that to begin alone could cost a noticeable part of the whole: they are shared out at once.
inline bool is_few(std::size_t tasks, int n_jobs) { return tasks < 32 * static_cast<std::size_t>(n_jobs); }

/// 32 times as many as the last time, as long as that does not take long; after the first task, which may be quick by
/// chance, eight times as many if that were a noticeable part of what is left. Not more than half of what is left,
/// unless that takes no longer than `negligible`: if all that comes is slow, the rest can be shared out.
inline std::size_t next_slice(std::size_t last, nanoseconds each, std::size_t left, nanoseconds negligible) {
    const double cost = each.count() > 0 ? each.count() : 0.1;
    const double longest = 12'000 / cost;
    const double next_to_nothing = negligible.count() / cost;
    const double half = static_cast<double>(left / 2);

    const bool may_leap = last >= 8 || (cost < 100 && left >= 512);

    double slice = (may_leap ? 32 : 8) * static_cast<double>(last);
    if (slice > longest) slice = longest;
    if (slice > half) slice = half > next_to_nothing ? half : (slice < next_to_nothing ? slice : next_to_nothing);
    return slice > 1 ? static_cast<std::size_t>(slice) : 1;
}

/// Runs tasks in slices, with a look at the clock after each, until it is clear that what is left takes longer than
/// getting help does. Gives the pace at which to go on with help; nothing when all is done, or the call is ending.
///
/// One thread that sleeps takes some 20 us to come; that is 10,000 square roots. A call that is finished here has
/// touched no lock and woken nobody: it costs a few clock readings (30 ns each) more than the loop.
template <class Clock>
deferred<std::optional<pace>, Clock> run_if_small(job& work, basic_team<Clock>& helpers) {
    std::size_t left = *work.size();
    std::size_t slice = 1;
    auto now = Clock::now();
    const bool lively = helpers.is_lively(now);
    const nanoseconds worth_help{lively ? 6'000.0 : 60'000.0};
    const nanoseconds evidence{lively ? 25.0 : 1'000.0};  // shorter slices are too short to tell anything
    const nanoseconds negligible{lively ? 3'000.0 : 12'000.0};
    constexpr nanoseconds clock_reading{20};
    constexpr nanoseconds really_slow{5'000};

    while (const task_range tasks = work.claim(slice)) {
        work.run(tasks, 0);
        left -= tasks.size();
        if (left == 0) break;
        const auto before = exchanged(now, Clock::now());
        const nanoseconds took = now - before - clock_reading;
        const nanoseconds each = took / static_cast<double>(tasks.size());
        // The first task may have been slow only because everything was cold, unless it was really slow.
        const bool tells = slice > 1 ? took > evidence : took > really_slow;
        // Chunks grow from the pace's, so it begins with more than the slice that told: what is known of these is
        // enough.
        if (tells && each * static_cast<double>(left) > worth_help) return pace::by_time(64 * slice, each);
        slice = next_slice(slice, each, left, negligible);
    }
    helpers.note_call(now);
    return std::nullopt;
}

}  // namespace fanout::detail

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
/// chance, eight times as many if that were a noticeable part of what is left. Never more than `most`: nobody can help
/// with a slice, should its tasks turn out slow.
inline std::size_t next_slice(std::size_t last, nanoseconds each, std::size_t left, std::size_t most) {
    constexpr double longest = 12'000;
    const double cost = each.count();
    const bool may_leap = last >= 8 || (cost < 100 && left >= 512);
    std::size_t slice = (may_leap ? 32 : 8) * last;
    if (slice > most) slice = most;
    if (static_cast<double>(slice) * cost > longest) slice = static_cast<std::size_t>(longest / cost);
    return slice > 0 ? slice : 1;
}

/// Of so many tasks, of which the first may be quick because they had been done before, and the others slow: half a
/// fair share of them. A team that is awake gets calls that are over in a few microseconds, where each slice counts:
/// then a fair share.
inline std::size_t largest_slice(std::size_t tasks, int n_jobs, bool lively) {
    const std::size_t most = tasks / ((lively ? 1 : 2) * static_cast<std::size_t>(n_jobs));
    return most > 32 ? most : 32;
}

/// Runs tasks in slices, with a look at the clock after each, until it is clear that what is left takes longer than
/// getting help does. Gives the pace at which to go on with help; nothing when all is done, or the call is ending.
///
/// One thread that sleeps takes some 20 us to come; that is 10,000 square roots. A call that is finished here has
/// touched no lock and woken nobody: it costs a few clock readings (30 ns each) more than the loop.
template <class Clock>
deferred<std::optional<pace>, Clock> run_if_small(job& work, basic_team<Clock>& helpers, int n_jobs) {
    std::size_t left = *work.size();
    std::size_t slice = 1;
    auto now = Clock::now();
    const bool lively = helpers.is_lively(now);
    const nanoseconds worth_help{lively ? 6'000.0 : 60'000.0};
    const nanoseconds evidence{lively ? 25.0 : 1'000.0};  // shorter slices are too short to tell anything
    const std::size_t most = largest_slice(left, n_jobs, lively);
    constexpr nanoseconds clock_reading{20};
    constexpr nanoseconds really_slow{5'000};
    nanoseconds each_before;

    while (const task_range tasks = work.claim(slice)) {
        work.run(tasks, 0);
        left -= tasks.size();
        if (left == 0) break;
        const auto before = exchanged(now, Clock::now());
        const nanoseconds took = now - before - clock_reading;
        const nanoseconds each = took / static_cast<double>(tasks.size());
        // The first task may have been slow only because everything was cold, and a slice that seems slower than the
        // one before because the kernel had something else to do for a few microseconds: then the next one tells.
        const bool in_line = slice >= 8 && took > evidence && each < each_before * 2;
        const bool tells = in_line || took > really_slow;
        // Chunks grow from the pace's, eightfold, so it begins with more than the slice that told; but with so little
        // that the workers can still even out a first chunk of slow ones.
        if (tells && each * static_cast<double>(left) > worth_help) {
            const std::size_t little = left / (64 * static_cast<std::size_t>(n_jobs));
            return pace::by_time(little < slice ? slice : little < 64 * slice ? little : 64 * slice, each);
        }
        each_before = each;
        slice = next_slice(slice, each, left, most);
    }
    helpers.note_call(now);
    return std::nullopt;
}

}  // namespace fanout::detail

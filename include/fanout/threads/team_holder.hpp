// A team that is made when it is first needed, and made anew in a forked child, where its threads do not exist.
#pragma once

#include <atomic>
#include <utility>

#include "fanout/core/forks.hpp"
#include "fanout/threads/team.hpp"

namespace fanout::detail {

/// Any number of threads may ask for the team at once. Does not own it: whoever holds this for a time `release`s it.
template <class Clock>
class basic_team_holder {
    using team = basic_team<Clock>;

    struct dated_team {
        team members;
        unsigned generation;
    };

public:
    constexpr basic_team_holder() = default;
    basic_team_holder(basic_team_holder&& moved) noexcept : team_(moved.team_.exchange(nullptr)) {}
    basic_team_holder& operator=(basic_team_holder&& moved) noexcept {
        if (this != &moved) {
            release();
            team_ = moved.team_.exchange(nullptr);
        }
        return *this;
    }

    team& get(const typename team::habits& how) {
        dated_team* current = team_.load(std::memory_order_acquire);  // pairs with the exchange that put it there
        if (current && current->generation == fork_generation.load(std::memory_order_relaxed)) return current->members;
        return make(how, current);
    }

    /// Ends and joins the members. A team from before a fork is left alone: its threads are in another process, and its
    /// locks may be held by them for ever.
    void release() {
        dated_team* const last = team_.exchange(nullptr);
        if (last && last->generation == fork_generation.load(std::memory_order_relaxed)) delete last;
    }

private:
    team& make(const typename team::habits& how, dated_team* stale) {
        count_forks();
        auto* const made = new dated_team{team(how), fork_generation.load(std::memory_order_relaxed)};
        if (team_.compare_exchange_strong(stale, made, std::memory_order_acq_rel)) return made->members;
        delete made;  // another thread was faster; this one has no members yet
        return get(how);
    }

    std::atomic<dated_team*> team_ = nullptr;
};

using team_holder = basic_team_holder<clock>;

}  // namespace fanout::detail

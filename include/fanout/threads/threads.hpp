// Threads as a backend: the caller and up to n_jobs - 1 helpers claim tasks from one cursor until there are none left.
#pragma once

#include <concepts>
#include <cstddef>
#include <limits>
#include <type_traits>

#include "fanout/core/backend.hpp"
#include "fanout/core/clock.hpp"
#include "fanout/core/cpu_count.hpp"
#include "fanout/core/exchanged.hpp"
#include "fanout/core/sequential.hpp"
#include "fanout/core/thread_budget.hpp"
#include "fanout/threads/pace.hpp"
#include "fanout/threads/small_calls.hpp"
#include "fanout/threads/spin_lock.hpp"
#include "fanout/threads/team.hpp"
#include "fanout/threads/team_holder.hpp"

namespace fanout {

namespace detail {

/// What all workers of one call do. `may_be_short`: it can be over before two threads have shared it.
class claiming final : public shared_work {
public:
    claiming(job& work, int n_jobs, const pace& start, bool may_be_short = false)
        : job_(work), workers_(static_cast<std::size_t>(n_jobs)), start_(start), may_be_short_(may_be_short) {}

    void work(int worker) noexcept override {
        if (may_be_short_ && worker > 0) watch_while_tasks_are_tiny();
        pace own = start_;
        auto now = own.measures() ? clock::now() : clock::time_point();
        while (const task_range tasks = job_.claim(own.next(job_, workers_))) {
            job_.run(tasks, worker);
            if (!own.measures()) continue;
            const auto before = exchanged(now, clock::now());
            own.took(tasks.size(), now - before);
        }
    }

private:
    /// Tasks that are claimed by one thread in 30 ns each take two threads longer, who have to take turns at the
    /// cursor.
    void watch_while_tasks_are_tiny() const noexcept {
        for (std::size_t left = job_.unclaimed(); left > 0;) {
            for (const auto until = clock::now() + clock::duration(100); clock::now() < until;) relax();
            const std::size_t before = exchanged(left, job_.unclaimed());
            if (before - left < 3) return;
        }
    }

    job& job_;
    const std::size_t workers_;
    const pace start_;
    const bool may_be_short_;
};

template <class Clock>
constinit basic_team_holder<Clock> shared_team;  // for computing: never more than the CPUs

template <class Clock>
constinit basic_team_holder<Clock> shared_waiting_team;  // for n_jobs above them: grows as wanted, shrinks when idle

/// An hour at most: what is longer would overflow when it is added to now.
inline clock::duration within_reason(std::chrono::microseconds spin) {
    constexpr std::int64_t longest = 3'600'000'000;
    return microseconds(spin.count() < longest ? spin.count() : longest);
}

/// The threads that all calls of the process share; `waiting` means more of them than CPUs.
template <class Clock>
basic_team<Clock>& team_of_process(bool waiting, typename Clock::duration spin) {
    constexpr int no_limit = std::numeric_limits<int>::max();
    return waiting ? shared_waiting_team<Clock>.get({no_limit, std::chrono::seconds(0), std::chrono::seconds(5), true})
                   : shared_team<Clock>.get({cpu_count() - 1, spin, Clock::duration::max(), true});
}

inline void run_alone(job& work) {
    if (work.size() || work.batch_size()) return sequential().run(work, 1);
    claiming(work, 1, pace::by_time(1, nanoseconds())).work(0);
}

/// Runs the job with help from the team that `get_team(waiting)` gives; `waiting` means more threads than CPUs. A call
/// inside of a task is helped by those who help the outermost one, whatever object it is made through, so that no
/// threads are kept besides.
template <class GetTeam>
void run_on_threads(job& work, int n_jobs, const GetTeam& get_team) {
    if (n_jobs == 1) return run_alone(work);
    const bool waiting = n_jobs > cpu_count();
    const call_scope scope(n_jobs);
    using team_type = std::remove_reference_t<decltype(get_team(waiting))>;
    if (!budget_here->helpers) budget_here->helpers = &get_team(waiting);
    auto& helpers = *static_cast<team_type*>(budget_here->helpers);

    const auto size = work.size();
    const bool fewer_tasks = size && *size < static_cast<std::size_t>(n_jobs);
    const int workers = fewer_tasks ? static_cast<int>(*size) : n_jobs;
    if (workers <= 1) return run_alone(work);

    const auto share_out = [&](const pace& start, bool may_be_short = false) {
        claiming shared(work, workers, start, may_be_short);
        helpers.run(shared, workers - 1, may_be_short);
    };

    if (work.batch_size()) {
        share_out(pace::fixed(*work.batch_size()));
    } else if (waiting) {
        share_out(pace::fixed(1));  // whoever took more would keep them waiting for one another
    } else if (!size) {
        share_out(pace::by_time(1, nanoseconds()));
    } else if (is_few(*size, workers)) {
        share_out(pace::fixed(1), true);
    } else if (const auto rest = run_if_small(work, helpers, workers)) {
        share_out(*rest);
    }
}

/// Threads of one `parallel` object.
template <class Clock>
class own_team {
public:
    static constexpr bool claims_as_it_goes = true;

    explicit own_team(typename Clock::duration spin) : spin_(spin) {}
    own_team(own_team&&) = default;
    own_team& operator=(own_team&&) = default;
    ~own_team() { holder_.release(); }

    void run(job& work, int n_jobs) const {
        run_on_threads(work, n_jobs, [&](bool waiting) -> auto& {
            // In a worker process, which has a budget from the start, an object would keep threads besides.
            if (budget_here->of_process) return team_of_process<Clock>(false, spin_);
            const auto awake = waiting ? Clock::duration::zero() : spin_;
            return holder_.get({n_jobs - 1, awake, Clock::duration::max(), false});
        });
    }

private:
    typename Clock::duration spin_;
    mutable basic_team_holder<Clock> holder_;
};

}  // namespace detail

/// Runs tasks in this process, on the calling thread and n_jobs - 1 others.
///
/// Threads are started when they are first needed. A named `parallel` object has its own and ends them with itself;
/// temporaries share those of the process, so that a call costs no thread. n_jobs above the number of CPUs means tasks
/// that wait (for a network, a disk): then there are really n_jobs threads, one task at a time each.
/// Costs 0.1 us a call and a few ns a task; small loops are finished by the caller, so that they are no slower than
/// alone.
struct threads {
    static constexpr const char* name = "threads";
    static constexpr bool claims_as_it_goes = true;

    /// How long a thread without work stays awake at least, in the hope that the next call comes soon; after much work
    /// half as long as it has worked, 0.5 ms at most. Zero: not at all, which saves CPU time and costs the next call up
    /// to 0.2 ms, the time of waking a CPU. For the threads that temporaries share, the first call in the process
    /// decides.
    std::chrono::microseconds spin{100};

    // Templates, though there is one kind of job and one clock: what is not called need not be compiled.

    template <std::derived_from<job> Job>
    void run(Job& work, int n_jobs) const {
        detail::run_on_threads(work, n_jobs, [this](bool waiting) -> auto& {
            return detail::team_of_process<detail::clock>(waiting, detail::within_reason(spin));
        });
    }

    template <class Clock = detail::clock>
    detail::own_team<Clock> keep() const {
        return detail::own_team<Clock>(detail::within_reason(spin));
    }
};

}  // namespace fanout

// The workers of a call, and what is needed to have them: forks them, knows who is there, sleeps until one of them dies
// or rings.
#pragma once

#include <unistd.h>

#include <cstddef>
#include <string>
#include <system_error>

#include "fanout/core/backend.hpp"
#include "fanout/core/clock.hpp"
#include "fanout/core/concat.hpp"
#include "fanout/core/errors.hpp"
#include "fanout/core/portable_tasks.hpp"
#include "fanout/core/run_observer.hpp"
#include "fanout/processes/child.hpp"
#include "fanout/processes/forking.hpp"
#include "fanout/processes/seat.hpp"
#include "fanout/processes/settings.hpp"
#include "fanout/processes/shared_state.hpp"
#include "fanout/processes/watch_list.hpp"

namespace fanout::detail {

/// How much memory a call shares with its workers, and for what.
inline shared_state::measures measures_for(job& work, const portable_tasks& tasks, const process_settings& how) {
    shared_state::measures measures;
    measures.workers = how.workers;
    measures.ring_size = how.ring_size;
    measures.inboxes = !work.size();
    measures.clocks = work.observer() && work.observer()->wants_times();
    measures.tasks = work.size().value_or(0);
    measures.chunk = claims::chunk_for(measures.tasks, work.batch_size());
    const std::size_t flat = tasks.flat_result_size();
    if (work.size() && flat <= how.longest_flat_result) measures.flat_size = flat;
    return measures;
}

/// Destroying it kills whoever is left, and waits for them.
class crew {
public:
    crew(portable_tasks& tasks, const process_settings& settings, const shared_state::measures& measures,
         bool keeps_time, patient& reader)
        : tasks_(tasks),
          settings_(settings),
          keeps_time_(keeps_time),
          is_fed_(measures.inboxes),
          shared_(measures),
          watched_(static_cast<std::size_t>(settings.workers) + 1) {
        for (int i = 0; i < settings.workers; ++i) seats_.add(reader, i, shared_.outbox(i));
    }

    const shared_state& shared() const noexcept { return shared_; }
    const seat_row& seats() const noexcept { return seats_; }
    bool is_fed() const noexcept { return is_fed_; }
    const bell& parent_bell() const noexcept { return bell_; }

    slot& slot_of(const seat& at) const noexcept { return shared_.slot_of(at.worker); }

    /// As many as can be had. Throws `pool_broken` if that is nobody.
    void hire_all() {
        for (seat& each : seats_) {
            const int error = hire(each);
            if (error == 0) continue;
            const std::string why = std::generic_category().message(error);
            if (each.worker == 0)
                throw pool_broken(
                    concat({"fanout: processes could not fork a single worker: ", why,
                            "; raise the limits of processes (ulimit -u, pids.max), of memory or of open files "
                            "(ulimit -n), or use threads{}"}));
            say_once(said_that_workers_are_fewer,
                     concat({"processes works with ", std::to_string(each.worker), " instead of ",
                             std::to_string(settings_.workers), " workers: ", why, ". (This is said once.)"}));
            return seats_.keep_before(&each);
        }
    }

    /// Hires for the seats that are vacant, as far as that can be done now. True if there is anybody.
    bool fill_vacant_seats() {
        bool somebody = false;
        for (seat& each : seats_) {
            if (each.vacant && hire(each) == 0) each.vacant = false;
            somebody = somebody || each.process;
        }
        return somebody;
    }

    bool any_vacant() const noexcept {
        for (const seat& each : seats_)
            if (each.vacant) return true;
        return false;
    }

    /// Until a worker has died, which is noted in its seat, or the bell rings, or a signal comes.
    void sleep(clock::duration longest) noexcept {
        list_watched();
        watched_.add(bell_.number());
        if (!watched_.wait(longest)) return;
        std::size_t i = 0;
        for (seat& each : seats_)
            if (each.process && !each.ended) each.ended = watched_.is_noticed(i++);
        if (watched_.is_noticed(i)) bell_.silence();
    }

    /// The seat is as it was in the beginning, but for the work that is left in it. Its worker has been reaped.
    void clear(seat& at) noexcept {
        shared_.clear(at.worker);
        at.mail.reset(shared_.outbox(at.worker));
        at.sent.start_over();
        at.seen = 0;
        at.ended = false;
        at.killed_for = verdict::none;
        at.overdue = no_task;
        at.expected = at.rest ? at.rest.first : no_task;
    }

private:
    /// 0, or why there can be no worker now.
    int hire(seat& at) {
        const bool is_alone = other_threads() == 0;
        flush_output(is_alone);
        list_watched();
        const worker_orders orders{tasks_,  shared_,     bell_,   settings_, getpid(), at.worker,
                                   at.rest, keeps_time_, is_fed_, watched_,  is_alone};
        at.hired = clock::now();
        const int error = at.process.start(
            [](void* of, const sigset_t& mask) { child::live(*static_cast<const worker_orders*>(of), mask); },
            const_cast<worker_orders*>(&orders));
        if (error != 0) return error;
        slot& its = slot_of(at);
        its.go.store(1, std::memory_order_release);  // pairs with the load in child::prepare
        wake_sleepers_on(its.go);
        return 0;
    }

    /// The processes that are not known to have ended, in the order of their seats.
    void list_watched() noexcept {
        watched_.clear();
        for (const seat& each : seats_)
            if (each.process && !each.ended) watched_.add(each.process.watched());
    }

    portable_tasks& tasks_;
    const process_settings& settings_;
    const bool keeps_time_;
    const bool is_fed_;
    bell bell_;
    shared_state shared_;
    seat_row seats_;
    watch_list watched_;
};

}  // namespace fanout::detail

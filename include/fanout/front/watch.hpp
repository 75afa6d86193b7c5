// Tells tasks to stop: each when its own time is up, all when the call is ending.
#pragma once

#include <cstddef>
#include <optional>
#include <stop_token>
#include <vector>

#include "fanout/core/exchanged.hpp"
#include "fanout/core/lock.hpp"
#include "fanout/core/plain_thread.hpp"

namespace fanout::detail {

/// One per call whose function takes a `std::stop_token`. Each worker has a stop source of its own, which serves task
/// after task until it has been used.
template <class Clock>
class watch {
public:
    watch(int workers, typename Clock::duration limit) : limit_(limit), workers_(static_cast<std::size_t>(workers)) {}
    watch(const watch&) = delete;
    watch& operator=(const watch&) = delete;
    ~watch() {
        {
            const lock_guard lock(mutex_);
            done_ = true;
        }
        work_for_keeper_.notify_one();
        if (keeper_.joinable()) keeper_.join();
    }

    /// The worker's next task starts now; the token tells it when to stop.
    std::stop_token start(int worker, typename Clock::time_point now) {
        unique_lock lock(mutex_);
        place& mine = workers_.at(static_cast<std::size_t>(worker));
        if (exchanged(mine.used, false) || mine.source.stop_requested() || !mine.source.stop_possible())
            mine.source = std::stop_source();
        if (limit_ > Clock::duration::zero()) {
            mine.due = now + limit_;
            call_keeper();
        }
        std::stop_token token = mine.source.get_token();
        if (all_stopped_) stop_source_of(mine, lock).request_stop();
        return token;
    }

    void finish(int worker) {
        const lock_guard lock(mutex_);
        workers_.at(static_cast<std::size_t>(worker)).due.reset();
    }

    /// The call is ending: what runs is told, and so is what starts from now on.
    void stop_all() noexcept {
        for (place& each : workers_) {
            unique_lock lock(mutex_);
            all_stopped_ = true;
            stop_source_of(each, lock).request_stop();
        }
    }

private:
    struct place {
        std::stop_source source{std::nostopstate};  // until its worker has a task: there may be more workers than tasks
        bool used = false;  // it has told a task to stop, or is just about to: the next task needs another
        std::optional<typename Clock::time_point> due;
    };

    // All tasks have the same limit, so one that starts later is due later: the keeper need be woken only from
    // idleness.
    void call_keeper() {
        if (!keeper_.joinable()) keeper_ = plain_thread(keep_time_of, this);
        if (keeper_idles_) work_for_keeper_.notify_one();
    }

    // Stopping runs callbacks of the user's, so it is done without the lock.
    static std::stop_source stop_source_of(place& each, unique_lock& lock) {
        each.used = true;
        std::stop_source source = each.source;
        lock.unlock();
        return source;
    }

    static void* keep_time_of(void* me) {
        const own_thread_mark mark;
        static_cast<watch*>(me)->keep_time();
        return nullptr;
    }

    void keep_time() {
        unique_lock lock(mutex_);
        while (!done_) {
            place* const next = earliest_due();
            if (!next) {
                keeper_idles_ = true;
                work_for_keeper_.wait(lock, [&] { return done_ || earliest_due(); });
                keeper_idles_ = false;
            } else if (const auto then = *next->due; Clock::now() < then) {
                work_for_keeper_.wait_until(lock, then, [&] { return done_; });
            } else {
                next->due.reset();
                stop_source_of(*next, lock).request_stop();
                lock.lock();
            }
        }
    }

    place* earliest_due() {
        place* earliest = nullptr;
        for (place& each : workers_)
            if (each.due && (!earliest || *each.due < *earliest->due)) earliest = &each;
        return earliest;
    }

    const typename Clock::duration limit_;  // zero: none
    mutex mutex_;
    std::vector<place> workers_;
    bool all_stopped_ = false;
    bool keeper_idles_ = false;
    bool done_ = false;
    condition_variable work_for_keeper_;
    plain_thread keeper_;
};

}  // namespace fanout::detail

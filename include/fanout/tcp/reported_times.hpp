// When tasks ran, as their worker saw it, and by the coordinator's clock.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "fanout/core/clock.hpp"
#include "fanout/core/portable_tasks.hpp"
#include "fanout/core/run_observer.hpp"
#include "fanout/tcp/address.hpp"
#include "fanout/tcp/connection.hpp"
#include "fanout/tcp/messages.hpp"
#include "fanout/tcp/run_inbox.hpp"

namespace fanout::detail {

inline std::int64_t as_number(clock::time_point time) noexcept {
    return std::chrono::nanoseconds(time.time_since_epoch()).count();
}

/// In a worker: tells the coordinator what the one who watches its slots is told.
class times_for_coordinator final : public run_observer {
public:
    explicit times_for_coordinator(std::shared_ptr<connection> to) : to_(std::move(to)) {}

    /// For the tasks from now on.
    void begin(std::uint64_t run) noexcept { run_.store(run); }

    bool wants_times() const noexcept override { return true; }
    clock::duration look(const run_status&) noexcept override { return std::chrono::hours(1); }
    void task_took(const task_times& times) noexcept override {
        try {
            to_->send(frame_type::times, times.index,
                      packed(times_message{run_.load(), times.index, times.worker, times.pid, as_number(times.began),
                                           as_number(times.returned), as_number(times.handed_over), times.attempt,
                                           times.lost, as_number(clock::now())}));
        } catch (...) {  // no memory: the record has a gap
        }
    }
    void has_ended(const run_status&) noexcept override {}
    void task_failed(std::size_t, int) noexcept override {}
    void task_failed(const failure&) noexcept override {}

private:
    const std::shared_ptr<connection> to_;
    std::atomic<std::uint64_t> run_ = 0;
};

/// In the coordinator. Clocks of other machines differ by anything: of each worker the message that seems to have been
/// on its way for the shortest time says by how much, too much by that time. On one machine there is one clock.
class times_of_workers {
public:
    explicit times_of_workers(run_observer* to) : to_(to && to->wants_times() ? to : nullptr) {}

    bool are_wanted() const noexcept { return to_ != nullptr; }

    /// How many tasks that were not lost it has been told of.
    std::size_t told() const noexcept { return told_; }

    void take(const peer& by, const times_message& what, const portable_tasks& tasks, clock::time_point now) {
        if (!to_) return;
        std::int64_t ahead = 0;
        if (by.host != host_name()) {
            const std::int64_t seems = as_number(now) - what.sent;
            const auto known = ahead_.emplace(by.number, seems).first;
            if (seems < known->second) known->second = seems;
            ahead = known->second;
        }
        const auto here = [&](std::int64_t time) {
            return clock::time_point(
                std::chrono::duration_cast<clock::duration>(std::chrono::nanoseconds(time + ahead)));
        };
        task_times times;
        times.index = tasks.index_of(static_cast<std::size_t>(what.task));
        times.worker = by.first_slot + what.slot;
        times.pid = static_cast<long>(what.pid);
        times.host = by.host.c_str();
        times.began = here(what.began);
        times.returned = here(what.returned);
        times.handed_over = here(what.handed_over);
        times.attempt = what.attempt;
        times.lost = what.lost;
        to_->task_took(times);
        if (!what.lost) ++told_;
    }

private:
    run_observer* const to_;
    std::map<std::uint64_t, std::int64_t> ahead_;  // so many nanoseconds are our clocks of their workers'
    std::size_t told_ = 0;
};

}  // namespace fanout::detail

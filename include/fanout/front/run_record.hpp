// When each task ran, and where: what a trace and a summary are made of.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdio>
#include <optional>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "fanout/core/concat.hpp"
#include "fanout/core/describe.hpp"
#include "fanout/core/failure.hpp"
#include "fanout/core/lock.hpp"
#include "fanout/core/own_line.hpp"
#include "fanout/core/owned.hpp"
#include "fanout/core/recorder.hpp"
#include "fanout/core/run_observer.hpp"
#include "fanout/front/summary.hpp"
#include "fanout/front/trace.hpp"

namespace fanout::detail {

/// One per call that is recorded. Each worker writes its own lane, so that nobody waits for anybody.
template <class Clock>
class run_record final : public recorder {
    using summary = basic_run_summary<Clock>;

public:
    using time_point = typename Clock::time_point;

    /// One attempt at one task; see task_times.
    struct slice {
        std::size_t index;
        time_point began, returned, handed_over;
        int pid;
        int lost_attempt;  // 0 if it was not lost
    };
    struct lane {
        std::vector<slice> slices;
        typename summary::worker sum;
        std::vector<typename summary::slow_task> slowest;  // the slowest first
    };
    struct failed_task {
        std::size_t index;
        int attempts;
        std::string error;
    };

    explicit run_record(const run_beginning& how) : beginning_(how), lanes_(static_cast<std::size_t>(how.n_jobs)) {
        if (!how.trace.empty()) trace_.emplace(how.trace);
    }

    void add(const task_times& times) noexcept override {
        lane* const found = lane_of(times);
        if (!found) return complete_.store(false, std::memory_order_relaxed);
        lane& its = *found;
        if (!times.lost) ++its.sum.tasks;
        its.sum.busy += times.handed_over - times.began;
        try {
            note_if_slow(its.slowest, {times.index, times.worker, times.returned - times.began});
            if (trace_)
                its.slices.push_back({times.index, times.began, times.returned, times.handed_over,
                                      static_cast<int>(times.pid), times.lost ? times.attempt : 0});
        } catch (...) {  // no memory: the record has a gap
            complete_.store(false, std::memory_order_relaxed);
        }
    }

    void add_failure(std::size_t index) noexcept override {
        add_failure(index, 1, [] { return concat({current_exception_type(), ": ", current_exception_text()}); });
    }
    void add_failure(const failure& why) noexcept override {
        add_failure(why.index, why.attempts, [&] { return concat({why.type, ": ", why.what}); });
    }

    void end(const run_end& how) noexcept override {
        try {
            if (trace_) write_trace(how);
            if (beginning_.summaries) static_cast<last_summary<Clock>*>(beginning_.summaries)->keep(summary_at(how));
        } catch (...) {  // no memory: the results are worth more than their record
        }
    }

    const std::vector<own_line<lane>>& lanes() const noexcept { return lanes_; }
    const std::vector<failed_task>& failures() const noexcept { return failures_; }
    bool is_complete() const noexcept { return complete_.load(std::memory_order_relaxed); }

private:
    /// Null if there is no memory for it.
    lane* lane_of(const task_times& times) noexcept {
        const auto which = static_cast<std::size_t>(times.worker);
        try {
            // Of those that come later only the calling thread tells, when no other does.
            if (which >= lanes_.size()) lanes_.resize(which + 1);
            lane& its = lanes_[which].value;
            if (times.host[0] != 0 && its.sum.host.empty()) its.sum.host = times.host;
            return &its;
        } catch (...) {
            return nullptr;
        }
    }

    static void note_if_slow(std::vector<typename summary::slow_task>& slowest,
                             const typename summary::slow_task& task) {
        constexpr std::size_t most = 5;
        if (slowest.size() == most && task.took <= slowest.back().took) return;
        if (slowest.size() == most) slowest.pop_back();
        auto at = slowest.end();
        while (at != slowest.begin() && (at - 1)->took < task.took) --at;
        slowest.insert(at, task);
    }

    template <class Describe>
    void add_failure(std::size_t index, int attempts, const Describe& describe) noexcept {
        if (!trace_) return;
        try {
            failed_task failed{index, attempts, describe()};
            const lock_guard lock(failures_lock_);
            failures_.push_back(std::move(failed));
        } catch (...) {
            complete_.store(false, std::memory_order_relaxed);
        }
    }

    void write_trace(const run_end& how) {
        const typename trace_writer<run_record>::setting setting{beginning_.started, how.ended, beginning_.backend,
                                                                 how.tasks};
        const int error = trace_writer<run_record>(*this, setting).write_to(*trace_);
        if (error == 0) return;
        std::fputs(concat({"fanout: trace = \"", beginning_.trace,
                           "\" could not be written to its end: ", std::generic_category().message(error), "\n"})
                       .c_str(),
                   stderr);
    }

    summary summary_at(const run_end& how) const {
        summary all;
        all.backend = beginning_.backend;
        all.tasks = how.tasks;
        all.failed = how.failed;
        all.retried = how.status.retried;
        all.wall = how.ended - beginning_.started;
        all.bytes_received = how.status.bytes_received;
        all.bytes_sent = how.status.bytes_sent;
        for (const own_line<lane>& each : lanes_) {
            all.workers.push_back(each.value.sum);
            for (const auto& slow : each.value.slowest) note_if_slow(all.slowest, slow);
        }
        return all;
    }

    const run_beginning beginning_;
    std::optional<trace_file<Clock>> trace_;
    std::vector<own_line<lane>> lanes_;
    mutex failures_lock_;
    std::vector<failed_task> failures_;
    std::atomic<bool> complete_ = true;
};

template <class Clock>
owned<recorder> make_recorder(const run_beginning& how) {
    return owned<recorder>(new run_record<Clock>(how));
}

}  // namespace fanout::detail

// Tells the user how far a call has come: through his callback, and in lines.
#pragma once

#include <atomic>
#include <cstddef>
#include <exception>
#include <optional>
#include <string_view>

#include "fanout/core/clock.hpp"
#include "fanout/core/options.hpp"
#include "fanout/core/own_line.hpp"
#include "fanout/core/progress.hpp"
#include "fanout/front/verbose_lines.hpp"

namespace fanout::detail {

/// One per call that is watched. Whoever has news asks whether it is time to report, and if nobody else is reporting
/// does it: so nobody waits, and the user's function is never in two threads at once. It is called with no lock held.
template <class Clock>
class reporter {
    using time_point = typename Clock::time_point;
    using duration = typename Clock::duration;
    using lines = verbose_lines<Clock>;

public:
    static constexpr std::chrono::milliseconds interval{50};

    reporter(const options& wishes, const char* backend, int workers, std::optional<std::size_t> size)
        : callback_(wishes.on_progress),
          started_(Clock::now()),
          due_{{callback_ || wishes.verbose.value_or(0) > 0 ? started_ + interval : time_point::max()}} {
        const int verbose = wishes.verbose.value_or(0);
        if (verbose <= 0) return;
        const std::string_view name = backend;
        const bool in_caller = name.compare("sequential") == 0 || (name.compare("threads") == 0 && workers == 1);
        std::size_t window = 2 * static_cast<std::size_t>(workers);
        if (wishes.pre_dispatch) window = static_cast<std::size_t>(*wishes.pre_dispatch);
        lines_.emplace(typename lines::way{.verbose = verbose,
                                           .requested_jobs = wishes.n_jobs.value_or(-1),
                                           .in_caller = in_caller,
                                           .has_length = size.has_value(),
                                           .window = in_caller ? 1 : window});
        lines_->say_first(backend, workers);
    }

    time_point started() const noexcept { return started_; }

    /// `count(report)` fills in the numbers of tasks. Throws what the user's function throws.
    template <class Count>
    void news(time_point now, const Count& count) {
        if (!lines_ && now < due_.value.load(std::memory_order_relaxed)) return;
        // Acquire and release: a report counts no less than the one before, and its thread sees what the user's
        // function has written.
        if (busy_.value.exchange(true, std::memory_order_acquire)) return;
        const struct in_the_end {
            std::atomic<bool>& busy;
            ~in_the_end() { busy.store(false, std::memory_order_release); }
        } not_busy{busy_.value};

        const progress report = report_at(now, count);
        if (lines_) lines_->say_if_due(report);
        if (now < due_.value.load(std::memory_order_relaxed)) return;
        const auto next = [&] { due_.value.store(Clock::now() + interval, std::memory_order_relaxed); };
        next();
        if (!callback_) return;
        if (report.total_is_known && report.done == report.total) return;  // that is for the last report to say
        callback_(report);
        next();
    }

    /// How long until a report is wanted.
    duration until_due(time_point now) const noexcept {
        const time_point due = due_.value.load(std::memory_order_relaxed);
        return due > now ? due - now : duration::zero();
    }

    /// The last report, when nothing of the call runs any more.
    template <class Count>
    void end(bool success, const Count& count) {
        progress report = report_at(Clock::now(), count);
        report.last = true;
        if (lines_ && success) lines_->say_last(report);
        if (callback_) callback_(report);
    }

private:
    template <class Count>
    progress report_at(time_point now, const Count& count) const {
        progress report;
        report.elapsed = now - started_;
        count(report);
        if (report.total_is_known && report.done > 0)
            report.remaining =
                report.elapsed * (static_cast<double>(report.total - report.done) / static_cast<double>(report.done));
        return report;
    }

    const progress_callback& callback_;
    const time_point started_;
    std::optional<lines> lines_;
    own_line<std::atomic<time_point>> due_;
    own_line<std::atomic<bool>> busy_;
};

}  // namespace fanout::detail

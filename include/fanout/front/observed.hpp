// A job that somebody watches: what progress, lines, a trace and a summary need to know, seen from around the job, so
// that a call that nobody watches knows nothing of it.
#pragma once

#include <atomic>
#include <cstddef>
#include <exception>
#include <optional>
#include <vector>

#include "fanout/core/backend.hpp"
#include "fanout/core/clock.hpp"
#include "fanout/core/exchanged.hpp"
#include "fanout/core/light_standard.hpp"
#include "fanout/core/options.hpp"
#include "fanout/core/own_line.hpp"
#include "fanout/core/owned.hpp"
#include "fanout/core/recorder.hpp"
#include "fanout/core/run_observer.hpp"
#include "fanout/front/around_job.hpp"
#include "fanout/front/in_force.hpp"
#include "fanout/front/reporter.hpp"

namespace fanout::detail {

/// What a call shows of itself to who watches it.
struct observed_call {
    job& work;
    const options& wishes;
    int n_jobs;
    const char* backend;
    std::optional<std::size_t> total;  // how many tasks there are, if that is known before the input has ended
    const std::atomic<std::size_t>& finished;
    counts_owners* summaries;  // a last_summary, where the summary goes; null if nobody wants it
    const settings* in_force;  // where the call was made: what the user is told through sees them

    /// Ends the call early, with this exception if there is no reason yet.
    void (*end)(job& work, std::exception_ptr why) noexcept;
};

inline bool is_watched(const options& wishes) noexcept {
    return wishes.on_progress || (wishes.verbose && *wishes.verbose > 0) || wishes.trace.make_recorder() ||
           wishes.summarize;
}

/// Whether a call on `n_jobs` workers has one of this number.
inline bool is_worker(int number, int n_jobs) noexcept { return number >= 0 && number < n_jobs; }

/// Backends see this one instead of the job. It passes everything on, and takes ranges apart that take long, so that
/// there is news from within them.
template <class Clock>
class observed final : public around_job<job>, public run_observer {
    using time_point = typename Clock::time_point;
    using duration = typename Clock::duration;

public:
    explicit observed(const observed_call& call)
        : around_job(call.work),
          call_(call),
          lanes_(static_cast<std::size_t>(call.n_jobs)),
          reporter_(call.wishes, call.backend, call.n_jobs, call.total) {
        const auto make = call.wishes.trace.make_recorder() ? call.wishes.trace.make_recorder()
                                                            : call.wishes.summarize.make_recorder();
        if (make)
            record_ = make({call.wishes.trace.text(), call.summaries, call.n_jobs, call.backend, reporter_.started()});
    }

    task_range claim(std::size_t most) noexcept override {
        const task_range claimed = inner().claim(most);
        if (!call_.total) read_.fetch_add(claimed.size(), std::memory_order_relaxed);
        return claimed;
    }

    void run(task_range tasks, int worker) noexcept override {
        if (!is_worker(worker, call_.n_jobs)) return inner().run(tasks, worker);  // and the backend is told
        lane& mine = lanes_.at(static_cast<std::size_t>(worker)).value;
        auto now = Clock::now();
        while (tasks && !stopping()) {
            const std::size_t size = record_ ? 1 : (mine.slice < tasks.size() ? mine.slice : tasks.size());
            inner().run({tasks.first, tasks.first + size}, worker);
            const auto before = exchanged(now, Clock::now());
            if (record_)
                record_->add(
                    {.index = tasks.first, .worker = worker, .began = before, .returned = now, .handed_over = now});
            else
                mine.slice = next_slice(size, mine.slice, now - before);
            tasks.first += size;
            report(now);
        }
    }

    run_observer* observer() noexcept override { return this; }

    /// When the backend has returned, or has thrown.
    void end(bool success) noexcept {
        const settings_on_loan as_in_the_caller(call_.in_force);
        status_.run_not_stored = 0;
        const auto now = Clock::now();
        try {
            reporter_.end(success && !inner().stopping(), [this](progress& report) { count(report); });
        } catch (...) {
            call_.end(inner(), std::current_exception());
        }
        if (record_)
            record_->end({now, call_.finished.load(std::memory_order_relaxed), failed_.load(std::memory_order_relaxed),
                          status_});
    }

    // --- what backends tell ----------------------------------------------------------------------------------------

    bool wants_times() const noexcept override { return record_.get() != nullptr; }

    duration look(const run_status& now) noexcept override {
        status_ = now;
        report(Clock::now());
        return reporter_.until_due(Clock::now());
    }

    void task_took(const task_times& times) noexcept override {
        if (record_) record_->add(times);
    }

    void has_ended(const run_status& at_last) noexcept override { status_ = at_last; }

    void task_failed(std::size_t index, int /*worker*/) noexcept override {
        failed_.fetch_add(1, std::memory_order_relaxed);
        if (record_) record_->add_failure(index);
    }
    void task_failed(const failure& why) noexcept override {
        failed_.fetch_add(1, std::memory_order_relaxed);
        if (record_) record_->add_failure(why);
    }

private:
    /// What one worker knows of itself.
    struct lane {
        std::size_t slice = 1;
    };

    /// So many tasks as take about 50 us, of which two looks at the clock are 0.1 %.
    static std::size_t next_slice(std::size_t run, std::size_t wanted, duration took) noexcept {
        constexpr nanoseconds slice_time{50'000};
        const nanoseconds least{1};
        const nanoseconds each = (nanoseconds(took) > least ? nanoseconds(took) : least) / static_cast<double>(run);
        const double fits = slice_time / each;
        const auto most = 8 * static_cast<double>(wanted);
        return fits < 1 ? 1 : static_cast<std::size_t>(fits < most ? fits : most);
    }

    void report(time_point now) noexcept {
        const settings_on_loan as_in_the_caller(call_.in_force);
        try {
            reporter_.news(now, [this](progress& report) { count(report); });
        } catch (...) {
            call_.end(inner(), std::current_exception());
        }
    }

    void count(progress& now) const noexcept {
        now.failed = failed_.load(std::memory_order_relaxed);
        now.done = call_.finished.load(std::memory_order_relaxed) + status_.run_not_stored;
        now.total_is_known = call_.total || inner().unclaimed() == 0;
        now.total = call_.total ? *call_.total : read_.load(std::memory_order_relaxed);
        if (now.done > now.total) now.done = now.total;
        if (now.failed > now.done) now.failed = now.done;
        now.retried = status_.retried;
        now.workers = status_.workers > 0 ? status_.workers : call_.n_jobs;
    }

    const observed_call call_;
    std::vector<own_line<lane>> lanes_;
    reporter<Clock> reporter_;
    std::atomic<std::size_t> failed_ = 0;
    std::atomic<std::size_t> read_ = 0;

    // The calling thread's.
    run_status status_;

    owned<recorder> record_;
};

}  // namespace fanout::detail

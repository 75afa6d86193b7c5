// The job behind one call: what is the same for every kind of loop. It counts, ends early, and keeps the time.
#pragma once

#include <atomic>
#include <cstddef>
#include <exception>
#include <optional>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <type_traits>
#include <utility>

#include "fanout/core/backend.hpp"
#include "fanout/core/clock.hpp"
#include "fanout/core/concat.hpp"
#include "fanout/core/current_worker.hpp"
#include "fanout/core/delayed.hpp"
#include "fanout/core/errors.hpp"
#include "fanout/core/options.hpp"
#include "fanout/core/outcome.hpp"
#include "fanout/core/own_line.hpp"
#include "fanout/core/run_observer.hpp"
#include "fanout/front/call_deadline.hpp"
#include "fanout/front/ending.hpp"
#include "fanout/front/in_force.hpp"
#include "fanout/front/observed.hpp"
#include "fanout/front/sleeper.hpp"
#include "fanout/front/watch.hpp"

namespace fanout::detail {

/// How a call is to be run, with everything resolved.
struct call_plan {
    const options& wishes;
    int n_jobs;
    const char* backend;
    counts_owners* summaries = nullptr;  // see observed_call
    int depth = worker_frame::depth_of_call();
};

/// `TakesToken`: whether the function is one that is told when to stop.
template <bool TakesToken>
class call : public job {
public:
    /// A run of the job, from its beginning to its end: what goes on around it meanwhile. The user may stop it, its
    /// time may be up, and somebody may watch.
    template <class Clock>
    class course {
    public:
        /// Throws if it cannot begin, as when a trace cannot be written.
        explicit course(call& of) : call_(of), on_stop_(of.plan_.wishes.stop, canceller{of}) {
            const options& wishes = of.plan_.wishes;
            if (wishes.deadline)
                deadline_.emplace(
                    within_a_year(*wishes.deadline), [](void* it) { static_cast<call*>(it)->pass_deadline(); }, &of);
            if (is_watched(wishes)) [[unlikely]]
                begin_watched(of);
        }

        /// All of it, or what `claim` gives until it comes back empty for the first time.
        template <class Runner>
        void run_through(const Runner& runner) {
            runner.run(watched_ ? static_cast<job&>(*watched_) : call_, call_.plan_.n_jobs);
        }

        /// When the backend has returned for good.
        void end() noexcept {
            if (watched_) end_watched(true);
            if (deadline_ && deadline_->has_passed() && !call_.has_failed_) call_.pass_deadline();
        }

        ~course() {
            if (watched_) end_watched(false);  // the backend has thrown
        }
        course(const course&) = delete;
        course& operator=(const course&) = delete;

    private:
        void begin_watched(call& of) {
            const call_plan& plan = of.plan_;
            watched_ = owned<observed<Clock>>(
                new observed<Clock>(observed_call{of, plan.wishes, plan.n_jobs, plan.backend, of.total_,
                                                  of.finished_.value, plan.summaries, of.settings_, end_from_beside}));
            of.observer_ = watched_.get();
        }

        void end_watched(bool success) noexcept {
            watched_->end(success);
            call_.observer_ = nullptr;
            watched_ = {};
        }

        struct canceller {
            call& of;
            void operator()() const noexcept { of.cancel(); }
        };

        call& call_;
        const std::stop_callback<canceller> on_stop_;
        std::optional<call_deadline<Clock>> deadline_;
        owned<observed<Clock>> watched_;
    };

    /// Runs the job to its end through `runner`, a backend or what it keeps. Throws what ended it early.
    template <class Runner, class Clock = clock>
    void finish_through(const Runner& runner) {
        {
            course<Clock> whole(*this);
            whole.run_through(runner);
            whole.end();
        }
        throw_what_ended_it();
    }

    /// After the end, if it came early.
    void throw_what_ended_it() const {
        if (!stopping() && !has_failed_.load(std::memory_order_relaxed))
            return;  // nothing is on record then, and the record has a lock
        if (ending_.was_too_late())
            throw deadline_exceeded(
                concat({"fanout: the call was not done within its deadline of ", in_seconds(*plan_.wishes.deadline),
                        "; ", tasks_done(), " were done",
                        total_ == finished_.value ? ", the last of them too late" : "", "; give it more time",
                        gives_results_meanwhile() ? "" : ", or use stream(...), which gives results as they come"}));
        if (ending_.was_cancelled()) throw cancelled(concat({"fanout: the call was stopped after ", tasks_done()}));
        ending_.rethrow_failure();
    }

protected:
    call(const call_plan& plan, std::optional<std::size_t> size) : call(plan, size, size) {}

    /// `total`: how many tasks there are, also if the backend is not told.
    call(const call_plan& plan, std::optional<std::size_t> size, std::optional<std::size_t> total)
        : job(size,
              plan.wishes.batch_size ? std::optional(static_cast<std::size_t>(*plan.wishes.batch_size)) : std::nullopt,
              limit_of(plan.wishes)),
          plan_(plan),
          total_(total),
          watch_(plan.n_jobs, this->time_limit()) {}

    /// Each task of the range through `perform(index, call_with)`, where `call_with(f, elements...)` calls the
    /// function; `failed(index)` is called while the exception of a failed task is being handled. Inlined, so that what
    /// `perform` refers to can stay in registers from task to task.
    template <class Perform, class Failed>
    [[gnu::always_inline]] void run_each(task_range tasks, int worker, Perform perform, Failed failed) noexcept {
        if (!is_worker(worker, plan_.n_jobs)) [[unlikely]]
            return refuse_worker(worker);
        const settings_on_loan as_in_the_caller(settings_);
        const worker_frame frame(worker, plan_.n_jobs, plan_.backend, plan_.depth);
        std::size_t i = tasks.first;
        while (i < tasks.last) {
            try {
                if (TakesToken || this->has_time_limit()) {
                    for (; i < tasks.last && !stopping(); ++i)
                        perform(i, [&](auto&& f, auto&&... elements) -> decltype(auto) {
                            return timed(i, worker, [&](const std::stop_token& token) -> decltype(auto) {
                                return call_with_token(token, f, std::forward<decltype(elements)>(elements)...);
                            });
                        });
                } else if constexpr (!TakesToken) {
                    for (; i < tasks.last && !stopping(); ++i)
                        perform(i, [](auto&& f, auto&&... elements) -> decltype(auto) {
                            return call_function(f, std::forward<decltype(elements)>(elements)...);
                        });
                }
                break;
            } catch (...) {
                if (observer_) observer_->task_failed(i, worker);
                failed(i);
                ++i;
            }
        }
        count_finished(i - tasks.first);
    }

    /// A task that ran elsewhere has failed.
    void tell_observer(const failure& why) noexcept {
        if (observer_) observer_->task_failed(why);
    }

    void count_finished(std::size_t tasks) noexcept { finished_.value.fetch_add(tasks, std::memory_order_relaxed); }

    void when_stopping(void (*wake)(void*), void* of) noexcept final { sleeper_.set(wake, of, stopping_); }

    /// With the exception being handled.
    void end_with_failure(std::size_t index) noexcept {
        if (!may_be_of_stopping()) end_with_failure(index, std::current_exception());
    }

    void end_with_failure(std::size_t index, std::exception_ptr why) noexcept {
        record_failure(index, std::move(why), true);
        leave_early();
    }

    /// The tasks before it go on.
    void note_failure(std::size_t index, std::exception_ptr why) noexcept {
        record_failure(index, std::move(why), false);
    }

    /// A task that was told to stop may throw because of that; then it must not hide the cause.
    bool may_be_of_stopping() const noexcept { return TakesToken && stopping(); }

    /// No further task starts, and those that run are told to stop.
    void leave_early() noexcept {
        stopping_.store(true, std::memory_order_relaxed);
        watch_.stop_all();
        wake_claimers();
        sleeper_.wake();
    }

    /// From outside, or because its time is up.
    bool was_cancelled() const noexcept { return stopping() && ending_.was_cancelled(); }

    /// A failure that is collected: that of the exception being handled. Without memory for the account the call ends
    /// with that.
    template <class R>
    void fail_slot(outcome<R>& slot, std::size_t index, int worker) noexcept {
        try {
            slot.fail(describe_failure(index, worker));
        } catch (...) {
            end_with_failure(index);
        }
    }

    /// The same with one that came from outside.
    template <class R>
    void fail_slot(outcome<R>& slot, failure why) noexcept {
        const std::size_t index = why.index;
        try {
            slot.fail(std::move(why));
        } catch (...) {
            end_with_failure(index, std::current_exception());
        }
    }

    virtual bool gives_results_meanwhile() const noexcept { return false; }

    /// The call is ending: whoever waits in `claim` is to look again.
    virtual void wake_claimers() noexcept {}

    const char* backend() const noexcept { return plan_.backend; }
    int n_jobs() const noexcept { return plan_.n_jobs; }

    /// The exception being handled as the failure of task `index`, for a caller who collects failures.
    failure describe_failure(std::size_t index, int worker) const {
        failure why = describe_current_exception(index, worker, plan_.backend);
        // That of a timeout begins with the task, as its message() does.
        const std::string task = concat({"task ", std::to_string(index), " "});
        if (why.type.compare("fanout::task_timeout") == 0 && why.what.compare(0, task.size(), task) == 0)
            why.what.erase(0, task.size());
        return why;
    }

    /// In force where the call was made.
    const settings* settings_of_caller() const noexcept { return settings_; }

    /// What a task that fails from now on, or that failed before, does not change any more.
    void settle() noexcept { ending_.settle(); }

    /// A backend that forgets tasks must not go unnoticed: their results would be made up.
    void require_finished(std::size_t size) const {
        if (finished_.value != size)
            blame_backend(concat({std::to_string(finished_.value), " of ", std::to_string(size), " tasks had run"}));
    }

    [[noreturn]] void blame_backend(const std::string& what) const {
        throw std::logic_error(concat({"fanout: the backend (", plan_.backend, ") returned when ", what,
                                       "; its run() must claim and run tasks until claim() comes back empty"}));
    }

    /// These tasks are not run: their worker would write where another does, or nobody may.
    [[gnu::cold, gnu::noinline]] void refuse_worker(int worker) noexcept {
        const std::string text =
            concat({"fanout: the backend (", plan_.backend, ") ran tasks as worker ", std::to_string(worker),
                    "; workers are numbered from 0 to n_jobs - 1, here ", std::to_string(plan_.n_jobs - 1)});
        end_from_beside(*this, std::make_exception_ptr(std::logic_error(text)));
    }

private:
    void record_failure(std::size_t index, std::exception_ptr why, bool ends) noexcept {
        ending_.fail(index, std::move(why), ends);
        has_failed_.store(true, std::memory_order_relaxed);
    }

    struct no_watch {
        no_watch(int, clock::duration) {}
        void stop_all() {}
    };
    using watch_type = std::conditional_t<TakesToken, watch<clock>, no_watch>;

    std::string tasks_done() const {
        std::string done = std::to_string(finished_.value);
        if (total_) done += concat({" of ", std::to_string(*total_)});
        return done += " tasks";
    }

    /// For a reason that is no task's.
    static void end_from_beside(job& work, std::exception_ptr why) noexcept {
        call& me = static_cast<call&>(work);
        me.ending_.fail_as_a_whole(std::move(why));
        me.leave_early();
    }

    /// Zero: none. What is shorter than the clock can tell is not none.
    static clock::duration limit_of(const options& wishes) {
        if (!wishes.timeout) return clock::duration::zero();
        const clock::duration limit = within_a_year(*wishes.timeout);
        return limit.count() > 0 ? limit : clock::duration(1);
    }

    static clock::duration within_a_year(std::chrono::duration<double> time) {
        constexpr double longest = 365.0 * 24 * 3600;  // what is longer would overflow
        const double wanted = time.count() < longest ? time.count() : longest;
        return clock::duration(static_cast<clock::rep>(wanted * 1e9));
    }

    /// Calls `task`, which fails as overdue if it took longer than the limit, whatever it returned or threw.
    template <class Task, class Result = std::invoke_result_t<Task, std::stop_token>>
    Result timed(std::size_t index, int worker, Task task) {
        const auto started = clock::now();
        std::stop_token token;
        if constexpr (TakesToken) token = watch_.start(worker, started);
        const auto fail_if_overdue = [&] {
            if constexpr (TakesToken) watch_.finish(worker);
            if (!this->has_time_limit()) return;
            if (const auto took = clock::now() - started; took > this->time_limit()) throw overdue(index, worker, took);
        };
        const auto run = [&]() -> Result {
            try {
                return task(token);
            } catch (...) {
                fail_if_overdue();
                throw;
            }
        };
        if constexpr (std::is_void_v<Result>) {
            run();
            fail_if_overdue();
        } else {
            Result&& result = run();
            fail_if_overdue();
            return static_cast<Result&&>(result);
        }
    }

    task_timeout overdue(std::size_t index, int worker, clock::duration took) const {
        std::string text =
            concat({"task ", std::to_string(index), " ran for ", in_seconds(took), " on ", plan_.backend, " (worker ",
                    std::to_string(worker), "), longer than the timeout of ", in_seconds(this->time_limit())});
        if constexpr (!TakesToken)
            text +=
                "; a thread cannot be killed, so it was only found out when it returned: a function that takes a "
                "std::stop_token first is told to stop in time";
        return task_timeout(index, text);
    }

    void pass_deadline() noexcept {
        ending_.pass_deadline();
        leave_early();
    }

    void cancel() noexcept {
        ending_.cancel();
        leave_early();
    }

    const call_plan& plan_;
    const std::optional<std::size_t> total_;
    const settings* const settings_ = settings_here.what;  // in force where the call was made
    ending ending_;
    std::atomic<bool> has_failed_ = false;
    watch_type watch_;
    sleeper sleeper_;
    run_observer* observer_ = nullptr;
    own_line<std::atomic<std::size_t>> finished_;
};

}  // namespace fanout::detail

// The seam between a call of `parallel` and what runs it: a backend is handed a job and never sees a user's type.
#pragma once

#include <atomic>
#include <concepts>
#include <cstddef>
#include <optional>

#include "fanout/core/clock.hpp"

namespace fanout {

class portable_tasks;
class run_observer;

/// Tasks [first, last) of a call, numbered by their position in the input.
struct task_range {
    std::size_t first = 0;
    std::size_t last = 0;

    std::size_t size() const noexcept { return last - first; }
    explicit operator bool() const noexcept { return first < last; }
};

/// One call of `parallel`, with all its tasks. (In `n_jobs`, the name that joblib gave it, jobs are tasks that run at
/// once.) Types are erased at the grain of a range of tasks: one virtual call a chunk, none a task.
///
/// All members may be called from several threads at once.
class job {
public:
    job(const job&) = delete;
    job& operator=(const job&) = delete;

    /// How many tasks there are; empty while nobody can know, as with input that can be read only once.
    std::optional<std::size_t> size() const noexcept { return size_; }

    /// What the user asked to be taken at a time; empty when it is left to the backend.
    std::optional<std::size_t> batch_size() const noexcept { return batch_size_; }

    /// Takes the next tasks, `most` at most and in the order of the input, that nobody else has taken. Empty: there are
    /// none any more, or the call is ending. Whoever takes tasks must run them. May wait: for the input, while
    /// `options::pre_dispatch` tasks are taken and not finished, and in streams and reductions while so many are
    /// finished whose results nobody has taken; so do not take many chunks before the first of them is run.
    virtual task_range claim(std::size_t most) noexcept = 0;

    /// About how many tasks there are left to claim, for who wants to size what he claims; the greatest number while
    /// nobody can know.
    virtual std::size_t unclaimed() const noexcept = 0;

    /// Runs these tasks here, in order, and puts each result or failure in its place; tasks that have not started when
    /// the call is ending are left out. `worker` says which of the n_jobs workers this is, from 0 to n_jobs - 1; no
    /// two threads may use the same number at the same time. Both a claimed range and a part of it will do.
    virtual void run(task_range tasks, int worker) noexcept = 0;

    /// The call is ending early: a task failed, or the user stopped it. No task that has not started will start.
    bool stopping() const noexcept { return stopping_.load(std::memory_order_relaxed); }

    /// Has `wake(of)` called once, from whatever thread, when the call begins to end early, and at once if it already
    /// has; null takes that back, and then it is not being called any more. For a backend that sleeps.
    virtual void when_stopping(void (*wake)(void*), void* of) noexcept = 0;

    bool has_time_limit() const noexcept { return time_limit_.count() != 0; }

    /// How long one task may run, from its own start; zero: as long as it likes.
    detail::clock::duration time_limit() const noexcept { return time_limit_; }

    /// The tasks as bytes; null if their results, or elements that can be read only once, cannot cross processes.
    virtual portable_tasks* portable() noexcept { return nullptr; }

    /// Who watches this call; null if nobody does. For a backend that runs tasks elsewhere: what runs in `run` is seen
    /// without its help.
    virtual run_observer* observer() noexcept { return nullptr; }

protected:
    job(std::optional<std::size_t> size, std::optional<std::size_t> batch_size, detail::clock::duration time_limit = {})
        : size_(size), batch_size_(batch_size), time_limit_(time_limit) {}
    ~job() = default;

    // Relaxed suffices: the flag only makes workers leave early; what they leave behind is handed over by the backend.
    std::atomic<bool> stopping_ = false;

private:
    std::optional<std::size_t> size_;
    std::optional<std::size_t> batch_size_;
    detail::clock::duration time_limit_;
};

/// What runs jobs. `sequential` is the model; any class of yours with such a `run` can be given to `parallel`.
///
/// `run(job, n_jobs)` promises that
/// - it claims and runs tasks until `claim` comes back empty, with at most n_jobs of them at once;
/// - it returns, or throws, only when nothing of the job runs any more and nobody will touch it again;
/// - what the workers wrote is visible to the caller when it returns;
/// - it may be called again while it runs, from other threads and from inside a task.
///
/// A `static constexpr const char* name` is shown in messages.
template <class B>
concept runs_jobs =
    std::move_constructible<B> && requires(const B& backend, job& work, int n_jobs) { backend.run(work, n_jobs); };

/// A backend that can keep its workers from call to call: `keep()` gives what a named `parallel` object holds and runs
/// its calls through. A temporary runs its one call through the backend itself.
template <class B>
concept keeps_workers = runs_jobs<B> && requires(const B& backend) {
    { backend.keep() } -> runs_jobs;
};

namespace detail {

template <class B>
constexpr const char* backend_name() {
    if constexpr (requires { static_cast<const char*>(B::name); })
        return B::name;
    else
        return "your backend";
}

/// Backends that claim no more than they are about to run say `static constexpr bool claims_as_it_goes = true`. They
/// are told how many tasks there are where results are taken on the way; others might wait for room that nobody makes.
template <class B>
bool claims_as_it_goes([[maybe_unused]] const B& backend) noexcept {
    if constexpr (requires { requires B::claims_as_it_goes; })
        return true;
    else if constexpr (requires { static_cast<bool>(backend.claims_as_it_goes()); })
        return backend.claims_as_it_goes();
    else
        return false;
}

/// Backends that run all tasks in the calling thread say so by `runs_in_caller()`.
template <class B>
bool runs_in_caller([[maybe_unused]] const B& backend) noexcept {
    if constexpr (requires { static_cast<bool>(backend.runs_in_caller()); })
        return backend.runs_in_caller();
    else
        return false;
}

}  // namespace detail

}  // namespace fanout
